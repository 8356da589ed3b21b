"""A server that touches ten messages a command, and leaves the rest out without an error (RFC 9738)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, FetchJob, FlagChange, JobDone, Mail, UidRange, Want
from mailferry.backends.imap_limit import groups, parts
from mailferry.backends.imap_session import ImapSettings
from mailferry.backends.imap_target import ImapTarget
from mailferry.imap.values import Secret, parse_ranges
from mailferry.sync.packed import merge_ranges

LIMIT = 10
LAST = 0xFFFF_FFFF
UIDS = [*range(1, 25), *range(100, 110), 300]


def within(uids: Sequence[int], ranges: Sequence[UidRange]) -> list[int]:
    return [uid for uid in uids if any(lo <= uid <= hi for lo, hi in ranges)]


@given(
    st.sets(st.integers(1, 60)).map(sorted),
    st.sets(st.integers(1, 70), max_size=9).map(sorted),
    st.integers(1, 7),
    st.booleans(),
)
def test_parts_hold_few_enough_and_cover_what_was_asked(
    uids: list[int], bounds: list[int], limit: int, to_the_end: bool
) -> None:
    ranges = list(zip(bounds[::2], bounds[1::2], strict=False))
    ranges += [(71, LAST)] if to_the_end else []
    cut = list(parts(ranges, uids, limit))
    assert all(len(within(uids, part)) <= limit for part in cut)
    flat = [pair for part in cut for pair in part]
    assert flat == sorted(flat)
    assert merge_ranges(flat) == merge_ranges(ranges)
    assert sum(hi - lo + 1 for lo, hi in flat) == sum(hi - lo + 1 for lo, hi in ranges)


def test_groups_are_cut_only_where_there_is_a_limit() -> None:
    assert groups([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert groups([1, 2, 3], 0) == [[1, 2, 3]]


class Server:
    """Has the messages UIDS. Of what a command asks for it takes the last ten."""

    def __init__(self) -> None:
        self.touched: list[list[int]] = []
        self.open: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(asyncio.get_running_loop().create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            writer.write(b"* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+ MESSAGELIMIT=%d] hello\r\n" % LIMIT)
            while line := await reader.readline():
                tag, _, rest = line.strip().partition(b" ")
                writer.write(b"".join(self.answer(rest)) + tag + b" OK " + self.ending(rest) + b"done\r\n")
        writer.close()

    def asked(self, command: bytes) -> list[int]:
        found = re.match(rb"UID (?:FETCH|STORE) (\S+)", command)
        return within(UIDS, parse_ranges(found[1])) if found else []

    def answer(self, command: bytes) -> list[bytes]:
        if command.startswith((b"EXAMINE", b"SELECT")):
            numbers = b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 301] x\r\n" % len(UIDS)
            return [numbers, b"* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n"]
        wanted = self.asked(command)[-LIMIT:]
        if wanted:
            self.touched.append(wanted)
        if not command.startswith(b"UID FETCH"):
            return []
        body = b' INTERNALDATE "01-Jan-2020 00:00:00 +0000" BODY[] {4}\r\nmail' if b"BODY" in command else b""
        return [b"* %d FETCH (UID %d FLAGS ()%s)\r\n" % (UIDS.index(uid) + 1, uid, body) for uid in wanted]

    def ending(self, command: bytes) -> bytes:
        wanted = self.asked(command)
        return b"[MESSAGELIMIT %d %d] " % (LIMIT, wanted[-LIMIT]) if len(wanted) > LIMIT else b""


@pytest.fixture
async def opened() -> AsyncIterator[tuple[ImapTarget, Server]]:
    """A target on such a server."""
    server = Server()
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    target = await ImapTarget.open(ImapSettings("127.0.0.1", port, "none", "u", Secret("p")))
    yield target, server
    await target.close()
    await asyncio.gather(*server.open)
    listening.close()


async def test_a_listing_is_whole(opened: tuple[ImapTarget, Server]) -> None:
    target, _ = opened
    assert list((await target.listing(INBOX, Want.FLAGS)).uids) == UIDS
    older = UIDS[:13]
    assert list((await target.listing(INBOX, Want.FLAGS, first_uid=100, also=older)).uids) == [*older, *UIDS[24:]]


@pytest.mark.parametrize("ranges", [((1, LAST),), ((3, 20), (102, LAST)), ((300, 300),), ((30, 40),)])
async def test_every_message_is_read_once_and_in_order(
    opened: tuple[ImapTarget, Server], ranges: tuple[UidRange, ...]
) -> None:
    target, _ = opened
    jobs = [FetchJob(INBOX, ranges, 2), FetchJob(INBOX, ((1, 12),), 1)]
    items = [item async for batch in target.stream(lambda: jobs.pop() if jobs else None) for item in batch]
    uids = [item.uid for item in items if isinstance(item, Mail)]
    assert uids == [*range(1, 13), *within(UIDS, ranges)]
    assert [item.job.key for item in items if isinstance(item, JobDone)] == [1, 2]


async def test_flags_of_all_are_changed(opened: tuple[ImapTarget, Server]) -> None:
    target, server = opened
    await target.change_flags(INBOX, [FlagChange(UIDS, frozenset({"\\Seen"}), frozenset())])
    assert [len(uids) for uids in server.touched] == [10, 10, 10, 5]
    assert [uid for uids in server.touched for uid in uids] == UIDS
