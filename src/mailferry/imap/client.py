"""An IMAP client on asyncio: commands are pipelined, their answers are futures, bodies come through an inbox.

Nothing is awaited per message. A command is *submitted* and its exchange has a future; whoever wants to go on at
once does not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time

from mailferry.imap import commands
from mailferry.imap.capability import Capabilities
from mailferry.imap.commands import Command, Literal
from mailferry.imap.connection import Connection, Event, Fetched
from mailferry.imap.errors import CommandRefused, ConnectionClosed, ImapError, ProtocolError, TimedOut, TlsRefused
from mailferry.imap.exchange import Exchange, Inbox
from mailferry.imap.outgoing import Gate, Outgoing
from mailferry.imap.responses import Capability, Continuation, Fetch, ResponseCode, Status, Tagged
from mailferry.imap.transport import TlsTransport, Transport, connect_socket
from mailferry.imap.wirelog import WireLog
from mailferry.records import dataclass, field

_COLLECT_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. `stall` counts from the last byte that moved in either direction, not from the command."""

    connect: float = 15.0
    greeting: float = 30.0
    stall: float = 60.0


@dataclass(slots=True)
class _State:
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(()))
    bye: str = ""
    error: ImapError | None = None


class ImapClient:
    """One connection to an IMAP server. Make it with `connect`."""

    def __init__(self, host: str, port: int, timeouts: Timeouts, log: logging.Logger | None = None) -> None:
        self.host = host
        self.port = port
        self.greeting: Status | None = None
        self.encrypted = False
        self._timeouts = timeouts
        self._wire = WireLog(log)
        self._loop = asyncio.get_running_loop()
        self._connection = Connection()
        self._transport: Transport | None = None
        self._outgoing = Outgoing(self._write)
        self._pending: dict[bytes, Exchange] = {}
        self._serial = 0
        self._state = _State()
        self._greeted: asyncio.Future[Status] = self._loop.create_future()
        self._room: asyncio.Future[None] | None = None
        self._progress_at = time.monotonic()
        self._moved = 0
        self._watchdog: asyncio.TimerHandle | None = None
        self._surplus = False  # something came after the answer to the last command
        self._inboxes: set[Inbox] = set()

    # opening

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        *,
        security: str,
        context: ssl.SSLContext | None,
        timeouts: Timeouts | None = None,
        log: logging.Logger | None = None,
    ) -> ImapClient:
        """Connect and read the greeting. `security` is `none`, `ssl` (implicit TLS) or `tls` (STARTTLS, and nothing
        is sent in the clear if the server does not offer it).

        Raises OSError, ssl.SSLError, TlsRefused, ProtocolError, ConnectionClosed.
        """
        timeouts = timeouts or Timeouts()
        self = cls(host, port, timeouts, log)
        sock = await connect_socket(host, port, timeouts.connect)
        try:
            async with asyncio.timeout(timeouts.greeting):
                await self._open(sock, context if security == "ssl" else None)
                self.greeting = await self._greeted
                self._note_codes(self.greeting.code)
                if not self.capabilities.known:
                    await self.refresh_capabilities()
                if security == "tls":
                    assert context is not None
                    await self._start_tls(context)
        except TimeoutError:
            self.abort()
            raise TimedOut(f"no answer within {timeouts.greeting:.0f} seconds") from None
        except BaseException:
            self.abort()
            raise
        self._watch()
        return self

    async def _open(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        if context is None:
            self._transport = Transport(sock, self._on_data, self._on_lost)
        else:
            self._transport = secure = TlsTransport(sock, context, self.host, self._on_data, self._on_lost)
            try:
                await secure.secured
            except ConnectionError as error:  # the server was reached: unlike a refused connection, this may pass
                raise ConnectionClosed(f"{error.strerror or 'closed'} during the TLS handshake") from error
            self.encrypted = True
        self._transport.on_progress = self._wake_room
        self._outgoing.write_to(self._transport.write)

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        if self.greeting is not None and self.greeting.kind == "PREAUTH":
            raise TlsRefused("the server logs in before TLS can begin (PREAUTH)")
        if not self.capabilities.has("STARTTLS"):
            raise TlsRefused("the server does not offer STARTTLS")
        try:
            await self.submit(commands.simple("STARTTLS")).wait()
        except CommandRefused as error:
            raise TlsRefused(f"the server refused STARTTLS: {error.text}") from error
        assert self._transport is not None
        if self._connection.pending_bytes or self._surplus:
            raise TlsRefused("the server sent data between STARTTLS and TLS; someone may be on the line")
        sock = self._transport.detach()
        self._connection = Connection()
        self._state.capabilities = Capabilities(())
        await self._open(sock, context)
        await self.refresh_capabilities()

    # state

    @property
    def capabilities(self) -> Capabilities:
        """What the server last announced."""
        return self._state.capabilities

    @property
    def error(self) -> ImapError | None:
        """Why the connection ended, or None while it lives."""
        return self._state.error

    @property
    def queued_bytes(self) -> int:
        """Bytes given to `push` that the operating system has not taken."""
        queued = self._transport.queued_bytes if self._transport else 0
        return queued + self._outgoing.held_bytes

    async def refresh_capabilities(self) -> Capabilities:
        """Ask for CAPABILITY (RFC 3501, 6.1.1)."""
        await self.submit(commands.simple("CAPABILITY")).wait()
        return self.capabilities

    # commands

    def begin(self, name: str) -> Exchange:
        """Begin a command whose parts are pushed one by one; the tag is sent now."""
        self._serial += 1
        tag = b"M%d" % self._serial
        exchange = Exchange(tag, name, self._loop.create_future())
        if self._state.error is not None:
            exchange.reply.set_exception(self._state.error)
            exchange.reply.exception()  # whoever waits gets it; nobody has to
            return exchange
        if not self._pending:
            self._progress_at = time.monotonic()
        self._pending[tag] = exchange
        self._outgoing.push(exchange, tag + b" ")
        return exchange

    def is_latest(self, exchange: Exchange) -> bool:
        """Say whether no command has begun since this one."""
        return exchange.tag == b"M%d" % self._serial

    def push(self, exchange: Exchange, segment: bytes) -> None:
        """Send a segment of a command; nothing of one that was refused in place of a `+`."""
        if not exchange.dropped:
            self._outgoing.push(exchange, segment)

    def hold(self, exchange: Exchange, *, for_server: bool = False) -> Gate:
        """Hold back what is pushed from now on."""
        if exchange.dropped:
            return Gate(lambda: None, for_server=for_server)
        return self._outgoing.hold(exchange, for_server=for_server)

    def finish(self, exchange: Exchange) -> None:
        """End a command with its CRLF."""
        exchange.finished = True
        self.push(exchange, b"\r\n")

    def submit(self, command: Command, *, inbox: Inbox | None = None, tolerant: bool = False) -> Exchange:
        """Send a command; its answer comes to the exchange (and its end, in order with bodies, to `inbox`)."""
        exchange = self.begin(command.name)
        exchange.tolerant = tolerant
        if self._state.error is not None:
            if inbox is not None:
                inbox.fail(self._state.error)
            return exchange
        if inbox is not None:
            exchange.inbox = inbox
            self._attach(inbox)
        self._wire.command(exchange.tag, command)
        self.push_parts(exchange, command.parts)
        self.finish(exchange)
        return exchange

    def push_parts(self, exchange: Exchange, parts: tuple[commands.Part, ...]) -> None:
        """Send parts of a command, literals as the server takes them (RFC 7888)."""
        for part in parts:
            if isinstance(part, Literal):
                self._push_literal(exchange, part.data)
            else:
                self._outgoing.push(exchange, part)

    def _push_literal(self, exchange: Exchange, data: bytes) -> None:
        if self.capabilities.literal_allows(len(data)):
            self._outgoing.push(exchange, b"{%d+}\r\n" % len(data))
        else:
            self._outgoing.push(exchange, b"{%d}\r\n" % len(data))
            self._outgoing.hold(exchange, for_server=True)
        self._outgoing.push(exchange, data)

    async def drain(self, high_bytes: int) -> None:
        """Wait until fewer than `high_bytes` are queued. Raises what ended the connection."""
        if self._transport is not None:
            self._transport.flush()
        while self._state.error is None and self.queued_bytes >= high_bytes:
            self._room = self._loop.create_future()
            await self._room
        if self._state.error is not None:
            raise self._state.error

    def _wake_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _attach(self, inbox: Inbox) -> None:
        if inbox not in self._inboxes:
            self._inboxes.add(inbox)
            assert self._transport is not None
            inbox.pause, inbox.resume = self._transport.pause_reading, self._transport.resume_reading

    def _write(self, segment: bytes) -> None:
        if self._transport is not None:
            self._transport.write(segment)

    # receiving

    def _on_data(self, data: bytes) -> None:
        self._progress_at = time.monotonic()
        try:
            events = self._connection.receive(data)
            bodies: list[Fetched | bytes | Exchange] = []
            for event in events:
                kind = type(event)
                if kind is Fetched or kind is bytes:
                    bodies.append(event)  # type: ignore[arg-type]  # the test above narrows at full speed
                else:
                    bodies = self._on_response(event, bodies)
            if bodies:
                self._deliver(bodies, len(data))
            self._surplus = bool(events) and not self._pending and type(events[-1]) is not Tagged
        except ImapError as error:
            self._fail(error)

    def _deliver(self, bodies: list[Fetched | bytes | Exchange], size_bytes: int) -> None:
        for exchange in self._pending.values():
            if exchange.inbox is not None:
                exchange.inbox.put(bodies, size_bytes)
            return  # only the oldest command can be the one that is answered
        # bodies after the last command was answered: nobody asked for them

    def _on_response(self, event: Event, bodies: list[Fetched | bytes | Exchange]) -> list[Fetched | bytes | Exchange]:
        self._wire.response(event)
        if isinstance(event, Fetch) and (body := event.body) is not None:
            bodies.append(Fetched(event.uid or 0, event.raw_flags, event.internal_date or b"", len(body), body))
            return bodies
        if isinstance(event, Tagged):
            exchange = self._pending.get(event.tag)
            if exchange is None:
                raise ProtocolError("an answer to a command that was not sent")
            if exchange.inbox is not None:
                oldest = next(iter(self._pending.values()))
                if oldest is exchange:
                    bodies.append(exchange)
                    self._settle(exchange, event)
                    exchange.inbox.put(bodies, 0)
                    return []
            self._settle(exchange, event)
            return bodies
        if isinstance(event, Status):
            self._on_status(event)
        elif isinstance(event, Capability):
            self._state.capabilities = Capabilities(event.names)
        elif isinstance(event, Continuation):
            self._on_continuation(event)
            return bodies
        for exchange in self._pending.values():
            if exchange.on_untagged is not None:
                exchange.on_untagged(event)  # type: ignore[arg-type]
            else:
                exchange.untagged.append(event)  # type: ignore[arg-type]
                if len(exchange.untagged) > _COLLECT_LIMIT:
                    raise ProtocolError("too many untagged responses to one command")
            break
        return bodies

    def _on_status(self, event: Status) -> None:
        if not self._greeted.done():
            if event.kind == "BYE":
                self._state.bye = event.text
                raise ConnectionClosed(event.text)
            self._greeted.set_result(event)
            return
        if event.kind == "BYE":
            self._state.bye = event.text
        self._note_codes(event.code)

    def _note_codes(self, code: ResponseCode | None) -> None:
        if code is not None and code.name == "CAPABILITY":
            self._state.capabilities = Capabilities(code.arguments.split())

    def _on_continuation(self, event: Continuation) -> None:
        gate = self._outgoing.waiting_for_server()
        if gate is not None:
            gate.open()
            return
        for exchange in self._pending.values():
            if exchange.on_continuation is not None:
                exchange.on_continuation(event)
            return

    def _settle(self, exchange: Exchange, tagged: Tagged) -> None:
        del self._pending[exchange.tag]
        self._note_codes(tagged.code)
        fatal = tagged.status == "BAD" and exchange.strict
        if tagged.status != "OK" and self._outgoing.holds(exchange):
            gate = self._outgoing.waiting_for_server()
            # After a NO the server still reads what `{n+}` announced, so that the rest may go its way. After a BAD, or
            # if more relies on what was just refused, only closing is safe.
            relied_on = gate is not None and gate.proves and self._outgoing.holds_others(exchange)
            fatal = fatal or relied_on or (gate is None and tagged.status == "BAD")
            if gate is not None and not fatal:
                gate.on_refused()
                exchange.dropped = True
                self._outgoing.drop(exchange)
                self._wake_room()
        if exchange.reply.done():
            return
        if tagged.status == "OK" or exchange.tolerant:
            exchange.reply.set_result(tagged)
        else:
            exchange.reply.set_exception(CommandRefused(tagged.status, tagged.code, tagged.text, exchange.name))
            exchange.reply.exception()
        if fatal:
            raise ConnectionClosed(f"closed because {exchange.name} was answered with {tagged.status} {tagged.text}")

    # ending

    def _on_lost(self, error: Exception | None) -> None:
        text = self._state.bye or (str(error) if error else "")
        self._fail(ConnectionClosed(text))

    def _fail(self, error: ImapError) -> None:
        if self._state.error is not None:
            return
        self._state.error = error
        self._wire.note(f"ended: {error}")
        if self._watchdog is not None:
            self._watchdog.cancel()
        if self._transport is not None:
            self._transport.close()
        self._outgoing.clear()
        pending, self._pending = list(self._pending.values()), {}
        for exchange in pending:
            if not exchange.reply.done():
                exchange.reply.set_exception(error)
                exchange.reply.exception()
        for inbox in self._inboxes:
            inbox.fail(error)
        if not self._greeted.done():
            self._greeted.set_exception(error)
            self._greeted.exception()
        self._wake_room()

    def _watch(self) -> None:
        self._watchdog = self._loop.call_later(self._timeouts.stall / 4, self._watch)
        transport = self._transport
        if transport is None:
            return
        moved = transport.bytes_in + transport.bytes_out
        if moved != self._moved or not self._pending or not transport.reading or self._waits_for_us(transport):
            self._moved = moved
            self._progress_at = time.monotonic()
        elif time.monotonic() - self._progress_at > self._timeouts.stall:
            self._fail(TimedOut(f"nothing moved for {self._timeouts.stall:.0f} seconds"))

    def _waits_for_us(self, transport: Transport) -> bool:
        oldest = next(iter(self._pending.values()))
        return not transport.queued_bytes and (self._outgoing.blocked_by_us or not oldest.finished)

    def abort(self) -> None:
        """Close at once. Open commands fail with ConnectionClosed."""
        self._fail(ConnectionClosed("closed by us"))

    async def logout(self, timeout_seconds: float = 5.0, *, wait: bool = True) -> None:
        """LOGOUT, then close, without `wait` before the server has answered; close at once if a command is still
        under way. Never raises ImapError.
        """
        if self._state.error is None and not self._pending:
            try:
                async with asyncio.timeout(timeout_seconds):
                    said = self.submit(commands.simple("LOGOUT"))
                    if wait:
                        await said.wait()
                    elif self._transport is not None:
                        self._transport.flush()
            except (ImapError, TimeoutError):
                pass
        self.abort()
