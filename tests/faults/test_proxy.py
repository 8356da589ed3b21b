"""The fault proxy breaks connections where it is told to, and nowhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import AtByte, AtPattern, Cut, Inject, InLiteral, Late, Proxy, Stall
from tests.faults.wire import Scanner
from tests.servers.base import PASSWORD
from tests.servers.client import ImapClient, Refused
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, fill, snapshot

GREETING = b"* OK ready\r\n"


class Recorder:
    """A server that greets, keeps what it is sent, and answers each line that has a tag with OK."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.ended = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(b"")
        number = len(self.received) - 1
        writer.write(GREETING)
        try:
            while data := await reader.read(1 << 16):
                self.received[number] += data
                for line in data.splitlines():
                    if line.startswith(b"t"):
                        writer.write(line.split()[0] + b" OK done\r\n")
        except ConnectionError:
            pass
        finally:
            self.ended.set()
            writer.close()


@asynccontextmanager
async def recorder() -> AsyncIterator[Recorder]:
    record = Recorder()
    server = await asyncio.start_server(record.serve, "127.0.0.1", 0)
    record.port = server.sockets[0].getsockname()[1]
    async with server:
        yield record


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All there is to read until an orderly end or a reset."""
    got = b""
    try:
        while data := await reader.read(1 << 16):
            got += data
    except ConnectionError:
        pass
    return got


async def talk(proxy: Proxy, *pieces: bytes) -> bytes:
    """Send the pieces, each a segment of its own; return all that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.002)
        return await asyncio.wait_for(everything(reader), 10)
    finally:
        writer.close()


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


APPENDS = b"t1 APPEND a {6+}\r\nabcdef\r\nt2 APPEND a {4}\r\nwxyz () {2+}\r\nij\r\nt3 NOOP\r\n"


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("place", "arrives"),
    [
        (AtByte(0), b""),
        (AtByte(5), APPENDS[:5]),
        (AtPattern(rb"^t2 |\nt2 ", before=False), APPENDS[: APPENDS.index(b"APPEND a {4}")]),
        (AtPattern(rb"t2 APPEND", before=True), APPENDS[: APPENDS.index(b"t2")]),
        (AtPattern(rb"APPEND", number=2), APPENDS[: APPENDS.index(b" a {4}")]),
        (InLiteral(1), APPENDS[: APPENDS.index(b"def")]),
        (InLiteral(3, offset=0), APPENDS[: APPENDS.index(b"ij")]),
        (InLiteral(1, rb"^t2", offset=-1), APPENDS[: APPENDS.index(b" () {2+}")]),
    ],
)
async def test_a_cut_lets_exactly_what_is_before_it_pass(place: AtByte, arrives: bytes, size: int) -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        fault = proxy.on("to_server", place, Cut())
        await talk(proxy, *pieces_of(APPENDS, size))
        await asyncio.wait_for(record.ended.wait(), 10)
        assert record.received == [arrives]
        assert fault.count == 1


@pytest.mark.parametrize("ending", ["fin", "rst"])
async def test_a_cut_towards_the_client(ending: str) -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        proxy.on("to_client", AtByte(4), Cut(client="fin" if ending == "fin" else "rst"))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await reader.readexactly(4) == GREETING[:4]
        if ending == "fin":
            assert await reader.read() == b""
        else:
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()


async def test_a_fault_keeps_to_its_connection_and_its_times() -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        second = proxy.on("to_client", AtByte(2), Cut(client="fin"), connection=2)
        any_later = proxy.on("to_client", AtPattern(b"t9 OK"), Cut(client="fin"), times=2)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await reader.readline() == GREETING
        assert await talk(proxy) == GREETING[:2]
        for _ in range(2):
            assert await talk(proxy, b"t9 NOOP\r\n") == GREETING + b"t9 OK"
        last_reader, last_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        last_writer.write(b"t9 NOOP\r\n")
        await last_reader.readuntil(b"t9 OK done\r\n")
        assert (second.count, any_later.count, proxy.connections) == (1, 2, 5)
        writer.close()
        last_writer.close()


async def test_a_late_terminator_arrives_after_the_client_has_gone() -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        fault = proxy.on("to_server", InLiteral(1, b"APPEND", offset=-1), Late(0.2))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"t1 APPEND a {3+}\r\nabc\r\n")
        await asyncio.to_thread(fault.struck.wait, 10)
        while record.received == [b""]:
            await asyncio.sleep(0.001)
        writer.close()
        assert record.received == [b"t1 APPEND a {3+}\r\nabc"]
        assert not fault.done.is_set()
        await fault.wait()
        await asyncio.wait_for(record.ended.wait(), 10)
        assert record.received == [b"t1 APPEND a {3+}\r\nabc\r\n"]
        await everything(reader)


async def test_injected_bytes_come_where_they_belong() -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        proxy.on("to_client", AtPattern(rb"\* OK ready\r\n"), Inject(b"* BYE injected\r\n"))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await reader.readline() == GREETING
        assert await reader.readline() == b"* BYE injected\r\n"
        writer.close()


@pytest.mark.parametrize("size", [1, 1000])
async def test_an_answer_keeps_its_turn_and_swallows_the_literals(size: int) -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        fault = proxy.answer(rb"^\S+ APPEND", b"* 1 EXISTS\r\n{tag} NO [UNAVAILABLE] later\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        for piece in pieces_of(
            b"t1 NOOP\r\nt2 APPEND a {2+}\r\nt8 () {2+}\r\nt9\r\nt3 NOOP\r\nt4 APPEND {2+}\r\nxx\r\n", size
        ):
            writer.write(piece)
            await asyncio.sleep(0.001)
        answers = await reader.readuntil(b"t4 OK done\r\n")
        assert (
            answers
            == GREETING + b"t1 OK done\r\n* 1 EXISTS\r\nt2 NO [UNAVAILABLE] later\r\nt3 OK done\r\nt4 OK done\r\n"
        )
        assert record.received == [b"t1 NOOP\r\nt2 NOOP\r\nt3 NOOP\r\nt4 APPEND {2+}\r\nxx\r\n"]
        assert fault.count == 1
        writer.close()


async def test_a_stall_ends_after_its_time_or_by_hand() -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        proxy.on("to_client", AtByte(3), Stall(0.1))
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await reader.readline() == GREETING
        proxy.stall_all()
        writer.write(b"t1 NOOP\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.1)
        assert record.received == [b""]
        proxy.resume_all()
        assert await reader.readline() == b"t1 OK done\r\n"
        proxy.cut_all()
        assert await everything(reader) == b""
        await asyncio.wait_for(record.ended.wait(), 10)
        writer.close()


async def test_latency_is_per_way_and_does_not_limit_throughput() -> None:
    async with recorder() as record, Proxy(record.port, delay_seconds=0.05) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=1 << 20)
        await reader.readline()
        started = time.monotonic()
        commands = b"".join(b"t%d NOOP\r\n" % number for number in range(5000))
        writer.write(commands)
        await reader.readuntil(b"t4999 OK done\r\n")
        assert time.monotonic() - started >= 0.1
        assert record.received == [commands]
        assert proxy.to_server_bytes == len(commands)
        writer.write(b"t1 last\r\n")  # underway when the client goes: it still arrives
        writer.close()
        await asyncio.wait_for(record.ended.wait(), 10)
        assert record.received[0].endswith(b"t1 last\r\n")


async def test_a_refusing_proxy_and_a_missing_server_reset_the_connection() -> None:
    async with recorder() as record, Proxy(record.port) as proxy:
        proxy.refusing = True
        assert await talk(proxy) == b""
        assert record.received == []
    async with Proxy(record.port) as proxy:
        assert await talk(proxy) == b""


def test_blocking_code_uses_the_proxy_in_a_thread(dovecot: Dovecot, fresh_user: str) -> None:
    dovecot.user(fresh_user)
    fill(dovecot, fresh_user, {"INBOX": [Message(b"Subject: %d\r\n\r\n" % n) for n in range(50)]})
    with Proxy(dovecot.port).in_thread() as proxy:
        proxy.answer(rb" NOOP", b"{tag} NO [SERVERBUG] not now\r\n")
        proxy.on("to_client", InLiteral(20, rb"FETCH"), Cut())
        with ImapClient(proxy.port) as client:
            client.login(fresh_user, PASSWORD)
            with pytest.raises(Refused, match="not now"):
                client.command(b"NOOP")
            client.command(b"NOOP")
            client.command(b"EXAMINE INBOX")
            with pytest.raises(ConnectionError):
                client.command(b"FETCH 1:* BODY.PEEK[]")


@pytest.mark.parametrize(("place", "kept"), [(InLiteral(2, b"APPEND", offset=-1), 0), (AtPattern(rb"c\r\n"), 2)])
def test_the_last_crlf_of_an_append_commits_it(
    dovecot: Dovecot, fresh_user: str, place: InLiteral | AtPattern, kept: int
) -> None:
    dovecot.user(fresh_user)
    with Proxy(dovecot.port).in_thread() as proxy:
        fault = proxy.on("to_server", place, Cut())
        with ImapClient(proxy.port) as client:
            client.login(fresh_user, PASSWORD)
            client.send(b"t1 APPEND INBOX {3+}\r\na\r\n {3+}\r\nb\rc\r\n")
            assert fault.struck.wait(10)
    dovecot.stop()
    dovecot.start()
    assert len(snapshot(dovecot, fresh_user)[("INBOX",)]) == kept


def test_the_scanner_forgets_a_literal_that_was_refused() -> None:
    scanner = Scanner()
    assert [line.waits for line in scanner.feed(b"t1 APPEND a {100}\r\n")] == [True]
    scanner.cancel_literal()
    assert [(line.first, line.text) for line in scanner.feed(b"t2 NOOP\r\n")] == [(True, b"t2 NOOP\r\n")]
