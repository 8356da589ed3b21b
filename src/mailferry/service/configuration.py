"""The settings of the service, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mailferry.imap.values import Secret
from mailferry.service.config import Config, kinds
from mailferry.service.errors import InvalidValue
from mailferry.service.mailserver import MailServer
from mailferry.store import secrets, settings
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring

WRITE_ONLY = "smtp_password"
"""A secret, so not one of the settings: it is set beside them and never given back."""
_SENT_TO = ("smtp_server", "smtp_user")


class Configuration:
    """The settings of one service; a change holds from the next pass on."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    async def get(self) -> Config:
        """Give the settings as they are now."""
        async with self._database.connect() as connection:
            return Config.from_settings(await settings.get_all(connection))

    async def change(self, changes: Mapping[str, object]) -> Config:
        """Change some settings. Raises InvalidValue for an unknown name or a value that cannot be used.

        `smtp_password` may be among them ('': none). It belongs to the server and the user for whom it was given: when
        one of them changes and it is not given again, it is forgotten.
        """
        changes = dict(changes)
        password = _password(changes.pop(WRITE_ONLY, None))
        async with self._database.begin() as connection:
            values: dict[str, Any] = asdict(Config.from_settings(await settings.get_all(connection)))
            before = [values[name] for name in _SENT_TO]
            for name, value in changes.items():
                values[name] = _converted(name, value)
            config = Config(**values).checked()
            for name in changes:
                await settings.put(connection, name, str(values[name]))
            if password:
                token = self._keyring.seal({WRITE_ONLY: password.reveal()})
                await secrets.put(connection, "service", 0, token)
            elif password is not None or before != [values[name] for name in _SENT_TO]:
                await secrets.delete(connection, "service", 0)
        return config

    async def mail_server(self) -> MailServer | None:
        """Give the mail server for reports, with the password; None: no reports are sent. Raises KeyUnusable."""
        async with self._database.connect() as connection:
            config = Config.from_settings(await settings.get_all(connection))
            token = await secrets.get(connection, "service", 0)
        if not config.smtp_server:
            return None
        sealed = self._keyring.unseal(token) if token and config.smtp_user else {}
        return MailServer.of(config, sealed.get(WRITE_ONLY, Secret("")))


def _password(value: object) -> Secret | None:
    if value is None:
        return None
    password = value if isinstance(value, Secret) else Secret(str(value))
    if not password.reveal().isascii() or not password.reveal().isprintable():
        raise InvalidValue("The password of a mail server has ASCII characters only.", name=WRITE_ONLY)
    return password


def _converted(name: str, value: object) -> Any:
    known = kinds()
    if name not in known:
        raise InvalidValue(f"There is no setting {name!r}; there are {', '.join(sorted(known))}.", name=name)
    try:
        return known[name](str(value))
    except ValueError:
        raise InvalidValue(f"{name} is a number, not {value!r}.", name=name) from None
