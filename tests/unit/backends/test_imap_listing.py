"""Listings of several folders at once: what each FETCH asks is of the folder that was opened right before it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from mailferry.backends.base import FolderPath, Listing, Want
from mailferry.backends.imap import ImapReader
from mailferry.backends.imap_session import ImapSettings
from mailferry.errors import FolderGone, Side
from mailferry.imap.values import Secret

FOLDERS = {b"One": [1, 2], b"Two": [11], b"Empty": []}
GREETING = b"* PREAUTH [CAPABILITY IMAP4rev1 CONDSTORE] hello\r\n"
PATIENCE_SECONDS = 20  # of a test that would wait for ever


class Server:
    """Has FOLDERS. Says nothing to EXAMINE and FETCH before `patience` of these have come."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.patience = 0
        self.refuses_changes = False
        self.open: set[asyncio.Task[None]] = set()
        self._selected: list[int] | None = None

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(asyncio.get_running_loop().create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = b""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            writer.write(GREETING)
            while line := await reader.readline():
                tag, _, command = line.strip().partition(b" ")
                if command.startswith((b"EXAMINE", b"UID FETCH")):
                    self.commands.append(command)
                kept += self.answer(tag, command)
                if len(self.commands) >= self.patience:
                    writer.write(kept)
                    kept = b""
        writer.close()

    def answer(self, tag: bytes, command: bytes) -> bytes:
        if command.startswith(b"EXAMINE"):
            self._selected = FOLDERS.get(command.split()[1])
            if self._selected is None:
                return tag + b" NO there is none\r\n"
            return b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n%s OK done\r\n" % (len(self._selected), tag)
        if not command.startswith(b"UID FETCH"):
            return tag + b" OK done\r\n"
        if not self._selected or (self.refuses_changes and b"CHANGEDSINCE" in command):
            return tag + b" BAD no\r\n"
        rows = [b"* %d FETCH (UID %d FLAGS (\\Seen))\r\n" % (n, uid) for n, uid in enumerate(self._selected, 1)]
        return b"".join(rows) + tag + b" OK done\r\n"


@pytest.fixture
async def opened() -> AsyncIterator[tuple[ImapReader, Server]]:
    """A reader on such a server."""
    server = Server()
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    reader = await ImapReader.open(ImapSettings("127.0.0.1", port, "none", "u", Secret("p")), Side.SOURCE)
    yield reader, server
    server.patience = 0
    await reader.close()
    await asyncio.gather(*server.open)
    listening.close()


async def asked(reader: ImapReader, *names: str, since: int = 5) -> list[Listing | BaseException]:
    listings = [reader.listing(FolderPath((name,)), Want.FLAGS, changed_since=since) for name in names]
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await asyncio.gather(*listings, return_exceptions=True)


async def test_changes_of_several_folders_take_one_round_trip(opened: tuple[ImapReader, Server]) -> None:
    reader, server = opened
    server.patience = 8
    one, two, gone, empty = await asked(reader, "One", "Two", "Gone", "Empty")
    assert isinstance(one, Listing)
    assert isinstance(two, Listing)
    assert isinstance(empty, Listing)
    assert [list(one.uids), list(two.uids), list(empty.uids)] == [[1, 2], [11], []]
    assert isinstance(gone, FolderGone)


async def test_other_listings_keep_their_folder_too(opened: tuple[ImapReader, Server]) -> None:
    reader, server = opened
    found = await asyncio.gather(asked(reader, "One", "Two", since=0), asked(reader, "Two", "One"))
    assert [list(listing.uids) for part in found for listing in part if isinstance(listing, Listing)] == [
        [1, 2],
        [11],
        [11],
        [1, 2],
    ]
    kinds = [command.split()[0] for command in server.commands]
    assert kinds == [b"EXAMINE", b"UID"] * 4


async def test_what_is_refused_at_once_is_asked_for_in_the_ordinary_way(opened: tuple[ImapReader, Server]) -> None:
    reader, server = opened
    server.refuses_changes = True
    found = await asked(reader, "One")
    assert len(server.commands) == 4
    assert [type(error).__name__ for error in found] == ["CommandFailed"]
