"""The client against a server that follows a script: what is sent when, and what an answer means for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mailferry.imap import commands
from mailferry.imap.client import ImapClient, Timeouts
from mailferry.imap.errors import CommandRefused, ConnectionClosed, ProtocolError, TimedOut

GREETING = b"* OK [CAPABILITY IMAP4rev1] hello\r\n"


class Script:
    """One connection of a server; `line()` reads, `say()` writes."""

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting
        self.port = 0
        self.reader = asyncio.StreamReader()
        self.writer: asyncio.StreamWriter | None = None

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the connection."""
        self.reader, self.writer = reader, writer
        writer.write(self.greeting)

    async def line(self) -> bytes:
        """Read a line; empty at the end."""
        return await asyncio.wait_for(self.reader.readline(), 60)

    def say(self, data: bytes) -> None:
        """Write."""
        assert self.writer is not None
        self.writer.write(data)

    async def silent(self) -> bool:
        """Whether the client sends nothing, after it had every chance."""
        for _ in range(20):
            await asyncio.sleep(0)
        return not self.reader._buffer  # type: ignore[attr-defined]  # no public way to look without waiting


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """A listening server."""
    made = Script(GREETING)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    if made.writer is not None:
        made.writer.close()
    server.close()


async def opened(script: Script, stall: float = 20.0) -> ImapClient:
    """A connected client."""
    return await ImapClient.connect(
        "127.0.0.1", script.port, security="none", context=None, timeouts=Timeouts(60, 60, stall)
    )


async def test_commands_are_pipelined_and_answers_find_their_own(script: Script) -> None:
    client = await opened(script)
    first, second = client.submit(commands.simple("NOOP")), client.submit(commands.simple("CHECK"), tolerant=True)
    assert [await script.line(), await script.line()] == [b"M1 NOOP\r\n", b"M2 CHECK\r\n"]
    script.say(b"* 3 EXISTS\r\nM1 OK done\r\nM2 NO not now\r\n")
    assert len(await first.wait()) == 1
    assert (await second.reply).status == "NO"
    client.abort()


async def test_a_literal_waits_for_the_go_ahead_and_all_behind_it(script: Script) -> None:
    client = await opened(script)
    client.submit(commands.select(b"\xff\xfe", read_only=True))
    after = client.submit(commands.simple("NOOP"))
    assert await script.line() == b"M1 EXAMINE {2}\r\n"
    assert await script.silent()
    script.say(b"+ go\r\n")
    assert [await script.line(), await script.line()] == [b"\xff\xfe\r\n", b"M2 NOOP\r\n"]
    script.say(b"M1 OK x\r\nM2 OK y\r\n")
    await after.wait()
    client.abort()


@pytest.mark.parametrize("status", [b"NO", b"BAD"])
async def test_a_refusal_in_place_of_the_go_ahead_is_not_followed_by_the_bytes(script: Script, status: bytes) -> None:
    client = await opened(script)
    exchange = client.begin("APPEND")
    client.push(exchange, b"APPEND x {9}\r\n")
    client.hold(exchange, for_server=True)
    client.push(exchange, b"a CREATE ")
    await script.line()
    script.say(b"M1 " + status + b" never\r\n")
    with pytest.raises(CommandRefused):
        await exchange.reply
    client.push(exchange, b"b CREATE y")
    late = client.hold(exchange)
    client.finish(exchange)
    late.open()
    assert client.queued_bytes == 0
    done = client.submit(commands.simple("NOOP"))
    assert await script.line() == b"M2 NOOP\r\n"
    script.say(b"M2 OK x\r\n")
    await done.wait()
    client.abort()


async def test_who_waits_for_room_goes_on_when_a_refused_command_is_dropped(script: Script) -> None:
    client = await opened(script)
    exchange = client.begin("APPEND")
    client.push(exchange, b"APPEND x {99}\r\n")
    client.hold(exchange, for_server=True)
    client.push(exchange, b"x" * 99)
    waiting = asyncio.create_task(client.drain(50))
    await script.line()
    assert not waiting.done()
    script.say(b"M1 NO never\r\n")
    await asyncio.wait_for(waiting, 60)
    client.abort()


async def test_what_relies_on_a_refused_command_is_never_sent(script: Script) -> None:
    client = await opened(script)
    exchange = client.begin("APPEND")
    client.push(exchange, b"APPEND x {9}\r\n")
    client.hold(exchange, for_server=True).proves = True
    client.push(exchange, b"a CREATE x\r\n")
    after = client.submit(commands.simple("NOOP"))
    await script.line()
    script.say(b"M1 NO never\r\n")
    with pytest.raises(ConnectionClosed):
        await after.reply
    assert await script.line() == b""


async def test_a_bad_to_a_strict_command_closes(script: Script) -> None:
    client = await opened(script)
    exchange = client.submit(commands.simple("NOOP"))
    exchange.strict = True
    await script.line()
    script.say(b"M1 BAD what\r\n")
    with pytest.raises(CommandRefused):
        await exchange.reply
    assert await script.line() == b""
    assert isinstance(client.error, ConnectionClosed)


@pytest.mark.parametrize("said", [b"M7 OK never asked\r\n", b"* 1 FETCH (" + b"{0}\r\n" * 5000])
async def test_nonsense_ends_the_connection(script: Script, said: bytes) -> None:
    client = await opened(script)
    exchange = client.submit(commands.simple("NOOP"))
    script.say(said)
    with pytest.raises(ProtocolError):
        await exchange.reply
    with pytest.raises(ProtocolError):
        await client.submit(commands.simple("NOOP")).reply


async def test_a_bye_is_the_reason_of_the_end(script: Script) -> None:
    client = await opened(script)
    exchange = client.submit(commands.simple("NOOP"))
    await script.line()
    script.say(b"* BYE going down\r\n")
    assert script.writer is not None
    script.writer.close()
    with pytest.raises(ConnectionClosed, match="going down"):
        await exchange.reply


async def test_a_bye_in_place_of_the_greeting(script: Script) -> None:
    script.greeting = b"* BYE too busy\r\n"
    with pytest.raises(ConnectionClosed, match="too busy"):
        await opened(script)


async def test_a_server_that_stops_is_timed_out_and_one_that_has_nothing_to_do_is_not(script: Script) -> None:
    client = await opened(script, stall=0.2)
    await asyncio.sleep(0.5)
    assert client.error is None
    with pytest.raises(TimedOut):
        await client.submit(commands.simple("NOOP")).reply


async def test_a_hurried_logout_says_it_and_waits_for_nothing(script: Script) -> None:
    client = await opened(script)
    await client.logout(wait=False)
    assert client.error is not None
    assert await script.line() == b"M1 LOGOUT\r\n"
    assert await script.line() == b""


async def test_logout_waits_for_the_last_words(script: Script) -> None:
    client = await opened(script)
    leaving = asyncio.ensure_future(client.logout())
    assert await script.line() == b"M1 LOGOUT\r\n"
    assert await script.silent()
    assert not leaving.done()
    script.say(b"* BYE until then\r\nM1 OK done\r\n")
    await leaving
    assert client.error is not None
