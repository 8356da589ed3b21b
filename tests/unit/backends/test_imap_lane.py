"""What a lane puts on the wire: chunks one after the other, and nothing that relies on what was not shown yet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from mailferry.backends.base import INBOX, Chunk, FolderPath, Mail, Mode, OutcomeKind
from mailferry.backends.imap_lane import ImapLane, Proof
from mailferry.backends.imap_session import ImapSettings, Session
from mailferry.errors import Side
from mailferry.imap.values import Secret

LARGE = 70_000


class Server:
    """Takes every append; answers FAIL in a body by NO. `log` has the commands, with literals as their length."""

    def __init__(self, capabilities: bytes) -> None:
        self.capabilities = capabilities
        self.log: list[bytes] = []
        self.bodies: list[bytes] = []
        self.open: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin to serve a connection."""
        self.open.add(asyncio.get_running_loop().create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self.talk(reader, writer)
        finally:
            writer.close()

    @property
    def appends(self) -> list[bytes]:
        """The APPEND commands among the others."""
        return [line for line in self.log if line.startswith(b"APPEND")]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read commands and answer them."""
        writer.write(b"* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS " + self.capabilities + b"] hello\r\n")
        while line := await reader.readline():
            tag, _, rest = line.partition(b" ")
            self.log.append(rest.strip())
            status = b"OK"
            while line.rstrip().endswith(b"}"):
                size = line.rstrip().rpartition(b"{")[2].rstrip(b"}")
                if not size.endswith(b"+"):
                    writer.write(b"+ go\r\n")
                body = await reader.readexactly(int(size.rstrip(b"+")))
                self.bodies.append(body)
                status = b"NO" if body.startswith(b"FAIL") else status
                line = await reader.readline()
            writer.write(tag + b" " + status + b" x\r\n")


@pytest.fixture(params=[b"LITERAL+", b"LITERAL+ MULTIAPPEND", b"LITERAL-", b""])
async def lane(request: pytest.FixtureRequest) -> AsyncIterator[tuple[ImapLane, Server]]:
    """A lane to a server of its own."""
    server = Server(request.param)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    session = await Session.open(ImapSettings("127.0.0.1", port, "none", "u", Secret("p")), Side.TARGET)
    server.log.clear()
    made = ImapLane(session, Proof(folders={b"INBOX"}), session.client.logout)
    yield made, server
    await made.close()
    for task in server.open:
        task.cancel()
    await asyncio.gather(*server.open, return_exceptions=True)
    listening.close()


def mode_of(lane: ImapLane) -> Mode:
    return next(iter(lane.modes))


def add(chunk: Chunk, data: bytes) -> None:
    """Hand over a message as a reader does."""
    chunk.add(Mail(1, frozenset(), 0, 0, len(data), data[:65_536]), frozenset(), 1_700_000_000, 0)
    for at in range(65_536, len(data), 1000):
        chunk.piece(data[at : at + 1000])


async def test_a_large_message_waits_for_the_chunk_before_it(lane: tuple[ImapLane, Server]) -> None:
    """The row of the chunk before may become durable while the large message is still being read."""
    writer, server = lane
    first = writer.chunk(INBOX, Mode.SINGLE, "")
    add(first, b"one")
    add(first, b"two")
    second = writer.chunk(INBOX, Mode.SINGLE, "")
    large = b"L" * LARGE
    second.add(Mail(2, frozenset(), 0, 0, LARGE, large[:65_536]), frozenset(), 1_700_000_000, 0)
    done = first.release()
    for at in range(65_536, LARGE, 500):
        second.piece(large[at : at + 500])
        await asyncio.sleep(0)
    third = writer.chunk(INBOX, mode_of(writer), "")
    add(third, b"three")
    outcomes = [*await done, *await second.release(), *await third.release()]
    assert [outcome.kind for outcome in outcomes if outcome] == [OutcomeKind.STORED] * 4
    assert server.bodies == [b"one", b"two", large, b"three"]


async def test_nothing_is_committed_before_the_release(lane: tuple[ImapLane, Server]) -> None:
    writer, server = lane
    chunks = [writer.chunk(INBOX, mode, "") for mode in (mode_of(writer), Mode.SINGLE, mode_of(writer))]
    for number, chunk in enumerate(chunks):
        add(chunk, b"%d" % number * (LARGE if number == 1 else 5))
    await asyncio.sleep(0.02)
    assert len(server.log) <= 1  # no command has ended, so none after the first has begun
    results = [chunk.release() for chunk in chunks]
    outcomes = [outcome for result in results for outcome in await result]
    assert [outcome.kind for outcome in outcomes if outcome] == [OutcomeKind.STORED] * 3
    assert [body[:1] for body in server.bodies] == [b"0", b"1", b"2"]


async def test_the_first_append_of_a_connection_waits_for_the_server(lane: tuple[ImapLane, Server]) -> None:
    writer, server = lane
    chunk = writer.chunk(INBOX, Mode.SINGLE, "")
    for number in range(3):
        add(chunk, b"message %d" % number)
    await chunk.release()
    waits = [not line.endswith(b"+}") for line in server.appends]
    assert waits[0]
    assert waits[1:] == [not writer.client.capabilities.literal_allows(9)] * 2


async def test_another_lane_does_not_rely_on_what_the_first_one_shows(lane: tuple[ImapLane, Server]) -> None:
    writer, server = lane
    other = ImapLane(
        await Session.open(writer.session.settings, Side.TARGET), writer.shared, writer.session.client.logout
    )
    server.log.clear()
    chunks = [each.chunk(INBOX, Mode.SINGLE, "") for each in (writer, other)]
    for chunk in chunks:
        add(chunk, b"x")
    await asyncio.gather(*(chunk.release() for chunk in chunks))
    await other.client.logout()
    assert [line.endswith(b"{1}") for line in server.appends] == [True, True]


async def test_a_folder_is_opened_once_for_single_messages(lane: tuple[ImapLane, Server]) -> None:
    """A server that has it open need not open it for each."""
    writer, server = lane
    work = FolderPath(("Work",))
    for path, data in ((INBOX, b"1"), (INBOX, b"2"), (work, b"3"), (INBOX, b"4" * LARGE)):
        chunk = writer.chunk(path, Mode.SINGLE, "")
        add(chunk, data)
        await chunk.release()
    entered = [line.split()[1] for line in server.log if line.split()[0] in (b"SELECT", b"APPEND")]
    assert entered == [b"INBOX"] * 3 + [b"Work"] * 2 + [b"INBOX"] * 2


async def test_a_folder_is_not_opened_for_messages_that_share_a_command(lane: tuple[ImapLane, Server]) -> None:
    writer, server = lane
    chunk = writer.chunk(INBOX, mode_of(writer), "")
    add(chunk, b"1")
    await chunk.release()
    assert any(line.startswith(b"SELECT") for line in server.log) is (mode_of(writer) is not Mode.MULTI)


async def test_a_refused_first_message_leaves_the_others(lane: tuple[ImapLane, Server]) -> None:
    writer, _ = lane
    chunk = writer.chunk(INBOX, Mode.SINGLE, "")
    for data in (b"FAIL", b"fine", b"fine too"):
        add(chunk, data)
    outcomes = await chunk.release()
    kinds = [outcome.kind for outcome in outcomes if outcome is not None]
    assert kinds == [OutcomeKind.REFUSED, OutcomeKind.STORED, OutcomeKind.STORED]


async def test_an_abandoned_chunk_that_sent_nothing_costs_no_connection(lane: tuple[ImapLane, Server]) -> None:
    writer, server = lane
    chunk = writer.chunk(INBOX, Mode.SINGLE, "")
    add(chunk, b"never")
    chunk.abandon()
    after = writer.chunk(INBOX, mode_of(writer), "")
    add(after, b"this")
    assert [outcome.kind for outcome in await after.release() if outcome] == [OutcomeKind.STORED]
    assert server.bodies == [b"this"]


async def test_an_abandoned_chunk_that_began_to_stream_ends_the_connection(lane: tuple[ImapLane, Server]) -> None:
    writer, server = lane
    chunk = writer.chunk(INBOX, Mode.SINGLE, "")
    chunk.add(Mail(1, frozenset(), 0, 0, LARGE, b"x" * 65_536), frozenset(), 1_700_000_000, 0)
    await asyncio.sleep(0.02)
    chunk.abandon()
    assert writer.client.error is not None
    assert server.bodies == []
