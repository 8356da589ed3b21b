"""IMAP against a real Dovecot; each site is a user of its own on a server that runs for the whole session."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mailferry.backends.base import Features, Flags, FolderPath, Mode, Reader, Target
from mailferry.backends.imap import ImapReader
from mailferry.backends.imap_session import ImapSettings
from mailferry.backends.imap_target import ImapTarget
from mailferry.errors import Side
from mailferry.imap.client import Timeouts
from mailferry.imap.values import Secret
from tests.conformance.contract import BackDoor, Backend, Fixtures, Site
from tests.servers.base import HOST, PASSWORD
from tests.servers.client import quoted
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import connect, encode_name


@dataclass(frozen=True, slots=True)
class DovecotSite:
    """One user; the back door is another client."""

    server: Dovecot
    user: str

    async def connect(self) -> Target:
        return await ImapTarget.open(self._settings())

    async def look(self) -> Reader:
        return await ImapReader.open(self._settings(), Side.TARGET)

    async def put(self, path: FolderPath, data: bytes, flags: Flags, date: int | None, zone: int) -> None:
        moment = datetime.fromtimestamp(date or 0, UTC).astimezone(timezone(timedelta(minutes=zone)))
        with connect(self.server, self.user) as client:
            client.append_all(self._name(path), [(data, sorted(flags), f"{moment:%d-%b-%Y %H:%M:%S %z}")])

    async def delete_folder(self, path: FolderPath) -> None:
        with connect(self.server, self.user) as client:
            client.command(b"DELETE " + quoted(self._name(path)))

    def _settings(self) -> ImapSettings:
        timeouts = Timeouts(connect=10, greeting=10, stall=30)
        return ImapSettings(HOST, self.server.port, "none", self.user, Secret(PASSWORD), timeouts=timeouts)

    @staticmethod
    def _name(path: FolderPath) -> bytes:
        return encode_name("/".join(path.parts))


@asynccontextmanager
async def _open(folder: Path, fixtures: Fixtures, options: Mapping[str, Any]) -> AsyncIterator[Site]:
    server: Dovecot = fixtures("dovecot_factory")(**options)
    user: str = fixtures("fresh_user")
    server.user(user)
    yield DovecotSite(server, user)


def _door(site: Site) -> BackDoor:
    assert isinstance(site, DovecotSite)
    return site


def _served(data: bytes) -> bytes:
    """Line ends are stored as LF, a CR at the end of all is lost, a lone LF is served as CRLF, NUL as 0x80."""
    stored = data.replace(b"\r\n", b"\n").removesuffix(b"\r")
    return re.sub(rb"(?<!\r)\n", b"\r\n", stored).replace(b"\0", b"\x80")


def _kept(data: bytes) -> bytes | None:
    return _served(data) if data else None


_FEATURES = Features(
    name="Dovecot", reports_new_ids=True, one_lane=True, condstore=True, delimiter="/", uid_expunge=True
)


def _dovecot(store: str, refused_names: frozenset[str]) -> Backend:
    return Backend(
        name=f"dovecot-{store}",
        open_site=partial(_open, options=MappingProxyType({"store": store})),
        features=_FEATURES,
        modes=frozenset(Mode),
        kept_as=_kept,
        kept_zone=False,  # Dovecot shows dates in its own zone
        read_as=_served,
        future_dates=False,
        takes_empty=False,
        refused_names=refused_names,
        back_door=_door,
        markers=("dovecot",),
    )


DOVECOT = (
    # Maildir++ has no dots in names.
    _dovecot("maildir", frozenset({"v1.2", ".hidden", "..", "~home"})),
    _dovecot("mdbox", frozenset({"..", "~home"})),
)
