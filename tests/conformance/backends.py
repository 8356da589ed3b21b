"""The backends that are tested. A new one is a `Site`, its features, and an entry in `BACKENDS`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mailferry.backends import maildir
from mailferry.backends.base import INBOX, Flags, FolderPath, Mode, Reader, Target
from mailferry.backends.memory import MemoryMailbox, MemoryOptions, MemoryServer, rewritten
from tests.conformance.contract import BackDoor, Backend, Fixtures, Site
from tests.conformance.dovecot import DOVECOT


@dataclass(frozen=True, slots=True)
class MemorySite:
    """A server in memory; it is its own back door."""

    server: MemoryServer = field(default_factory=MemoryServer)

    async def connect(self) -> Target:
        return MemoryMailbox(self.server)

    async def look(self) -> Reader:
        return MemoryMailbox(self.server)

    async def put(self, path: FolderPath, data: bytes, flags: Flags, date: int | None, zone: int) -> None:
        self.server.add_mail(path, data, flags, date=date, zone=zone)

    async def delete_folder(self, path: FolderPath) -> None:
        self.server.remove_folder(path)


@asynccontextmanager
async def _open_memory(folder: Path, fixtures: Fixtures, options: MemoryOptions) -> AsyncIterator[Site]:
    yield MemorySite(MemoryServer(options))


def _memory_door(site: Site) -> BackDoor:
    assert isinstance(site, MemorySite)
    return site


def _kept(options: MemoryOptions, data: bytes) -> bytes | None:
    if not data and not options.takes_empty:
        return None
    return data if options.keeps_bytes else rewritten(data)


def _memory(options: MemoryOptions) -> Backend:
    return Backend(
        name=options.name,
        open_site=partial(_open_memory, options=options),
        features=options.features(),
        modes=frozenset(Mode) if options.multi_append else frozenset({Mode.SINGLE, Mode.SYNC}),
        kept_as=partial(_kept, options),
        undated=True,
        back_door=_memory_door,
    )


MAILDIR_LETTERS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}


@dataclass(frozen=True, slots=True)
class MaildirSite:
    """A Maildir on disk; the back door is another program that writes files into it."""

    folder: Path

    async def connect(self) -> Target:
        return await maildir.open_target(self.folder / "mail")

    async def look(self) -> Reader:
        return await maildir.open_reader(self.folder / "mail", state_directory=self.folder / "state")

    async def put(self, path: FolderPath, data: bytes, flags: Flags, date: int | None, zone: int) -> None:
        folder = self._folder(path)
        number = sum(1 for place in ("cur", "new") for _ in (folder / place).iterdir())
        letters = "".join(letter for letter, flag in MAILDIR_LETTERS.items() if flag in flags)
        name = f"{1_700_000_000 + number}.M{number}P1.elsewhere"
        (folder / "tmp" / name).write_bytes(data)
        os.utime(folder / "tmp" / name, (date or 0, date or 0))
        (folder / "tmp" / name).rename(folder / (f"cur/{name}:2,{letters}" if letters else f"new/{name}"))

    async def delete_folder(self, path: FolderPath) -> None:
        shutil.rmtree(self._folder(path))

    def _folder(self, path: FolderPath) -> Path:
        root = self.folder / "mail"
        return root if path == INBOX else root / ("." + ".".join(path.parts))


@asynccontextmanager
async def _open_maildir(folder: Path, fixtures: Fixtures) -> AsyncIterator[Site]:
    yield MaildirSite(folder)


def _maildir_door(site: Site) -> BackDoor:
    assert isinstance(site, MaildirSite)
    return site


MAILDIR = Backend(
    name="maildir",
    open_site=_open_maildir,
    features=maildir.FEATURES,
    modes=frozenset({Mode.SINGLE}),
    # Files of other programs are read as a server would serve them.
    read_as=lambda data: re.sub(rb"(?<!\r)\n", b"\r\n", data),
    shared=False,
    kept_zone=False,
    refused_names=frozenset({"in/out", "~home"}),
    back_door=_maildir_door,
)


BACKENDS = (
    _memory(MemoryOptions("memory")),
    # Old servers: no extension at all.
    _memory(
        MemoryOptions(
            "memory-plain",
            multi_append=False,
            reports_new_ids=False,
            condstore=False,
            uid_expunge=False,
            custom_keywords=False,
            latency_turns=3,
            abandon_breaks=True,
            batch_messages=1,
            piece_bytes=1_000,
        )
    ),
    # Like Exchange Online: rewrites mail, no keywords, a limit, names without case.
    _memory(
        MemoryOptions(
            "memory-exchange",
            multi_append=False,
            condstore=False,
            keeps_bytes=False,
            keeps_internal_date=False,
            custom_keywords=False,
            max_message_bytes=4_000_000,
            case_insensitive=True,
        )
    ),
    # Like Gmail: one message of a Message-ID.
    _memory(MemoryOptions("memory-gmail", multi_append=False, dedupes=True, batch_bytes=100_000)),
    _memory(MemoryOptions("memory-flat", delimiter=None)),
    _memory(MemoryOptions("memory-dots", delimiter=".", multi_append=False, takes_empty=True)),
    MAILDIR,
    *DOVECOT,
)
