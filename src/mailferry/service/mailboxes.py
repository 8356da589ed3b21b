"""The mailboxes of a target, as far as it can tell: folders of an archive, and users who are in batches.

IMAP has no command that lists the users of a server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from mailferry.migration.model import Endpoint, EndpointRole, EndpointType, User
from mailferry.migration.opath import WrongFilter, parse_filter
from mailferry.service.endpoints import find_endpoint
from mailferry.service.errors import InvalidValue, NotFound
from mailferry.service.targets import mailbox_folder
from mailferry.store import endpoints, users
from mailferry.store.database import Database


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox. `path`: its folder in an archive; `batch` and `status`: of its user, '' without one."""

    email_address: str
    name: str
    endpoint: str
    path: str = ""
    batch: str = ""
    status: str = ""


PROPERTIES: Final[Mapping[str, Callable[[Mailbox], str]]] = {
    **dict.fromkeys(("Identity", "PrimarySmtpAddress"), attrgetter("email_address")),
    **dict.fromkeys(("Name", "DisplayName"), attrgetter("name")),
    "RecipientTypeDetails": lambda _mailbox: "UserMailbox",
    "TargetEndpoint": attrgetter("endpoint"),
    "Path": attrgetter("path"),
    "MigrationBatch": attrgetter("batch"),
    "MigrationStatus": attrgetter("status"),
}
"""What a filter may name, as Get-Mailbox shows it."""


class Mailboxes:
    """The mailboxes of the targets of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, *, endpoint: str = "", search: str = "", wanted: str = "", after: str = "", limit: int = 1_000
    ) -> list[Mailbox]:
        """Give mailboxes by address. `after`: the address of the last one of the page before; `wanted`: a filter.

        Raises NotFound, InvalidValue.
        """
        fits = _filter(wanted)
        target, known = await self._known(endpoint, search)
        found = {user.email_address.casefold(): _of_user(target, user) for user in known}
        for name in await asyncio.to_thread(_folders, target):
            if search.casefold() in name.casefold():
                found.setdefault(name.casefold(), _of_folder(target, name))
        keys = sorted(key for key in found if key > after.casefold())
        return list(islice((found[key] for key in keys if fits(found[key])), limit))

    async def get(self, address: str, *, endpoint: str = "") -> Mailbox:
        """Give one mailbox. Raises NotFound."""
        for mailbox in await self.page(endpoint=endpoint, search=address):
            if mailbox.email_address.casefold() == address.casefold():
                return mailbox
        raise NotFound(f"There is no mailbox {address!r} on the target, as far as it can tell.")

    async def _known(self, endpoint: str, search: str) -> tuple[Endpoint, Sequence[User]]:
        async with self._database.connect() as connection:
            target = await find_endpoint(connection, endpoint) if endpoint else None
            target = target or await endpoints.default_target(connection)
            if target is None or target.role is not EndpointRole.TARGET:
                raise InvalidValue("Name a target endpoint.", name="endpoint")
            known = await users.of_target(connection, target.id, search)
        return target, known


def _filter(wanted: str) -> Callable[[Mailbox], bool]:
    if not wanted:
        return lambda _mailbox: True
    try:
        fits = parse_filter(wanted, tuple(PROPERTIES))
    except WrongFilter as error:
        raise InvalidValue(str(error), name="filter") from None
    return lambda mailbox: fits({name.lower(): given(mailbox) for name, given in PROPERTIES.items()})


def _folders(target: Endpoint) -> list[str]:
    if target.type is not EndpointType.MAILDIR or not os.path.isdir(target.path):
        return []
    return [unquote(entry.name) for entry in os.scandir(target.path) if entry.is_dir() and "@" in entry.name]


def _of_folder(target: Endpoint, address: str) -> Mailbox:
    return Mailbox(address, _name(address), target.name, str(mailbox_folder(Path(target.path), address)))


def _of_user(target: Endpoint, user: User) -> Mailbox:
    path = ""
    if target.type is EndpointType.MAILDIR:
        path = str(mailbox_folder(Path(target.path), user.email_address))
    return Mailbox(user.email_address, _name(user.email_address), target.name, path, user.batch, user.status.value)


def _name(address: str) -> str:
    return address.rpartition("@")[0]
