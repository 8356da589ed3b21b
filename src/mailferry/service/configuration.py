"""The settings of the service, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mailferry.service.config import Config, kinds
from mailferry.service.errors import InvalidValue
from mailferry.store import settings
from mailferry.store.database import Database


class Configuration:
    """The settings of one service; a change holds from the next pass on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self) -> Config:
        """Give the settings as they are now."""
        async with self._database.connect() as connection:
            return Config.from_settings(await settings.get_all(connection))

    async def change(self, changes: Mapping[str, object]) -> Config:
        """Change some settings. Raises InvalidValue for an unknown name or a value that cannot be used."""
        async with self._database.begin() as connection:
            values: dict[str, Any] = asdict(Config.from_settings(await settings.get_all(connection)))
            for name, value in changes.items():
                values[name] = _converted(name, value)
            config = Config(**values).checked()
            for name in changes:
                await settings.put(connection, name, str(values[name]))
        return config


def _converted(name: str, value: object) -> Any:
    known = kinds()
    if name not in known:
        raise InvalidValue(f"There is no setting {name!r}; there are {', '.join(sorted(known))}.", name=name)
    try:
        return known[name](str(value))
    except ValueError:
        raise InvalidValue(f"{name} is a number, not {value!r}.", name=name) from None
