"""When mail may follow what the server has not taken yet: not before it has, and not a round trip later."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from mailferry.backends.base import INBOX, Chunk, Flags, Mail, Mode, OutcomeKind
from mailferry.backends.imap_lane import ImapLane
from mailferry.backends.imap_session import ImapSettings
from mailferry.backends.imap_target import ImapTarget
from mailferry.errors import Side
from mailferry.imap.values import Secret

WORK, PLAY = frozenset({"$Work"}), frozenset({"$Play"})
GREETING = b"* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND] hello\r\n"


class Server:
    """Takes down what comes, and says what the test tells it to say; only the session's first command is answered."""

    def __init__(self) -> None:
        self.seen = b""
        self.ended = False
        self._writer: asyncio.StreamWriter | None = None
        self._changed = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        self._writer = writer
        writer.write(GREETING)
        first = await reader.readline()
        writer.write(first.split()[0] + b" OK listed\r\n")
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                async with self._changed:
                    self.seen += data
                    self._changed.notify_all()
        async with self._changed:
            self.ended = True
            self._changed.notify_all()
        writer.close()

    def say(self, line: bytes) -> None:
        """Send a line."""
        assert self._writer is not None
        self._writer.write(line + b"\r\n")

    async def until_seen(self, text: bytes) -> None:
        """Wait until a text has come."""
        await self._until(lambda: text in self.seen)

    async def until_ended(self) -> None:
        """Wait until the client has gone."""
        await self._until(lambda: self.ended)

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(true)

    def tag(self, command: bytes) -> bytes:
        """Give the tag of the last command with this name."""
        return next(line.split()[0] for line in reversed(self.seen.split(b"\r\n")) if command in line)


Pair = tuple[ImapTarget, ImapLane, Server]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A target with one lane, and its server."""
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    target = await ImapTarget.open(ImapSettings("127.0.0.1", port, "none", "u", Secret("p")), Side.TARGET)
    lane = await target.open_lane()
    assert isinstance(lane, ImapLane)
    lane.shared.folders.add(b"INBOX")
    yield target, lane, server
    target.session.client.abort()
    await server.until_ended()
    listening.close()


def add(chunk: Chunk, data: bytes, flags: Flags = frozenset()) -> None:
    """Hand over a message."""
    chunk.add(Mail(1, flags, 0, 0, len(data), data), flags, 1_700_000_000, 0)


async def test_the_next_chunk_goes_out_when_the_server_has_taken_the_form(pair: Pair) -> None:
    _, lane, server = pair
    first, second = (lane.chunk(INBOX, Mode.MULTI, "") for _ in range(2))
    add(first, b"one")
    add(second, b"two")
    done = [first.release(), second.release()]
    await server.until_seen(b"{3}\r\n")
    assert server.seen.count(b"APPEND") == 1
    server.say(b"+ go")
    await server.until_seen(b"two\r\n")  # the answer to the first command has not come
    for tag in (line.split()[0] for line in server.seen.split(b"\r\n") if b"APPEND" in line):
        server.say(tag + b" OK stored")
    assert [outcome and outcome.kind for each in done for outcome in await each] == [OutcomeKind.STORED] * 2


async def test_nothing_of_the_next_chunk_goes_out_when_the_form_is_refused(pair: Pair) -> None:
    _, lane, server = pair
    first, second = (lane.chunk(INBOX, Mode.MULTI, "") for _ in range(2))
    add(first, b"one")
    add(second, b"two")
    done = [first.release(), second.release()]
    await server.until_seen(b"{3}\r\n")
    server.say(server.tag(b"APPEND") + b" BAD no such date")
    await server.until_ended()
    assert b"one" not in server.seen
    assert b"two" not in server.seen
    assert [outcome and outcome.kind for outcome in await done[0]] == [OutcomeKind.UNSENT]
    assert await done[1] == [None]


async def test_a_keyword_that_the_server_was_asked_about_waits_for_that_answer(pair: Pair) -> None:
    target, lane, server = pair
    target.expect_keywords(INBOX, WORK | PLAY)
    chunk = lane.chunk(INBOX, Mode.MULTI, "")
    add(chunk, b"one")
    for number, flags in enumerate([WORK, frozenset(), PLAY]):
        add(chunk, b"more %d" % number, flags)
    done = chunk.release()
    await server.until_seen(b"{3}\r\n")
    server.say(server.tag(b"UID STORE") + b" OK nothing to do")
    server.say(b"+ go")
    await server.until_seen(b"more 2\r\n")
    assert server.seen.count(b"{3}\r\n") == 1
    assert server.seen.count(b"{6+}\r\n") == 3
    server.say(server.tag(b"APPEND") + b" OK [APPENDUID 1 1:4] stored")
    assert [outcome and outcome.uid for outcome in await done] == [1, 2, 3, 4]


async def test_the_first_message_shows_its_own_keyword(pair: Pair) -> None:
    target, lane, server = pair
    target.expect_keywords(INBOX, WORK)
    chunk = lane.chunk(INBOX, Mode.MULTI, "")
    add(chunk, b"one", WORK)
    add(chunk, b"two", WORK)
    done = chunk.release()
    await server.until_seen(b"{3}\r\n")
    server.say(b"+ go")
    await server.until_seen(b"{3+}\r\ntwo\r\n")  # the question about keywords has not been answered
    server.say(server.tag(b"APPEND") + b" OK stored")
    assert len(await done) == 2


@pytest.mark.parametrize("answer", [b"NO not here", b"BAD what"])
async def test_each_keyword_is_shown_after_a_refusal(pair: Pair, answer: bytes) -> None:
    target, lane, server = pair
    target.expect_keywords(INBOX, WORK | PLAY)
    chunk = lane.chunk(INBOX, Mode.MULTI, "")
    add(chunk, b"one")
    add(chunk, b"work", WORK)
    add(chunk, b"play!", PLAY)
    done = chunk.release()
    await server.until_seen(b"{3}\r\n")
    server.say(server.tag(b"UID STORE") + b" " + answer)
    for waits in (b"{4}\r\n", b"{5}\r\n"):
        server.say(b"+ go")
        await server.until_seen(waits)
    assert b"play!" not in server.seen
    server.say(b"+ go")
    await server.until_seen(b"play!\r\n")
    server.say(server.tag(b"APPEND") + b" OK stored")
    assert len(await done) == 3


async def test_a_large_message_behind_an_awaited_keyword_comes_whole(pair: Pair) -> None:
    target, lane, server = pair
    target.expect_keywords(INBOX, WORK)
    chunk = lane.chunk(INBOX, Mode.MULTI, "")
    add(chunk, b"one")
    large = b"L" * 70_000
    chunk.add(Mail(1, WORK, 0, 0, len(large), large[:65_536]), WORK, 1_700_000_000, 0)
    chunk.piece(large[65_536:68_000])
    assert lane.queued_bytes > 68_000, "what waits counts, so that reading stops in time"
    await server.until_seen(b"{3}\r\n")
    server.say(server.tag(b"UID STORE") + b" OK nothing to do")
    server.say(b"+ go")
    await server.until_seen(large[:68_000])
    chunk.piece(large[68_000:])
    done = chunk.release()
    await server.until_seen(b"{70000+}\r\n" + large + b"\r\n")
    server.say(server.tag(b"APPEND") + b" OK stored")
    assert len(await done) == 2


async def test_the_connection_ends_while_keywords_are_awaited(pair: Pair) -> None:
    target, lane, server = pair
    target.expect_keywords(INBOX, WORK)
    chunk = lane.chunk(INBOX, Mode.MULTI, "")
    add(chunk, b"one")
    add(chunk, b"two", WORK)
    done = chunk.release()
    await server.until_seen(b"{3}\r\n")
    server.say(b"* BYE tired")
    target.session.client.abort()
    assert await done == [None, None]
