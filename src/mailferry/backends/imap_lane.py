"""The target side of the fast lane: APPEND, as many messages a command and as many commands ahead as the server takes.

Mail must never run as commands: after a BAD a server reads the bodies that are already on the wire as commands. So an
argument travels with `{n+}` only once this server has taken it with a synchronising literal (or in a command without
a body): the folder's name, the form of dates and system flags, each keyword.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from mailferry import errors
from mailferry.backends.base import Flags, FolderPath, Mail, Mode, Outcome, OutcomeKind
from mailferry.backends.imap_errors import translate
from mailferry.backends.imap_session import Session
from mailferry.imap import commands
from mailferry.imap.capability import LiteralMode
from mailferry.imap.client import ImapClient
from mailferry.imap.errors import CommandRefused, ImapError
from mailferry.imap.exchange import Exchange
from mailferry.imap.outgoing import Gate
from mailferry.imap.responses import Tagged
from mailferry.imap.values import DateCodec

HIGH_BYTES = 1 << 20
_SYNC_ABOVE = 8 << 20  # a server that refuses the size must swallow the bytes or drop the line


@dataclass(slots=True)
class Proof:
    """Arguments that the server is known to take, so that they may travel with `{n+}`."""

    folders: set[bytes] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    form: bool = False  # the form of dates and of system flags
    broken: bool = False  # something was answered with BAD: synchronising literals only from now on


class ImapLane:
    """One writer connection."""

    def __init__(self, session: Session, proof: Proof, closed: Callable[[], Awaitable[None]]) -> None:
        self.session = session
        self.proof = proof
        self._closed = closed
        self.dates = DateCodec()
        self._flag_lists: dict[Flags, bytes] = {}
        self._proven_flags: dict[Flags, bytes] = {}
        self._proven_folder = b""
        mode = session.client.capabilities.literal_mode
        self._plus_bytes = {LiteralMode.PLUS: _SYNC_ABOVE, LiteralMode.MINUS: 4096}.get(mode, -1)
        self._open: _Chunk | None = None

    @property
    def client(self) -> ImapClient:
        """The connection."""
        return self.session.client

    @property
    def modes(self) -> Collection[Mode]:
        """What the server takes."""
        caps = self.client.capabilities
        if self.proof.broken:
            return (Mode.SYNC,)
        if caps.has("MULTIAPPEND"):
            return (Mode.MULTI, Mode.SINGLE, Mode.SYNC)
        return (Mode.SINGLE, Mode.SYNC)

    def chunk(self, path: FolderPath, mode: Mode, key: str) -> _Chunk:
        """Begin a chunk; `key` is of no use to IMAP."""
        if self._open is not None:
            self._open.seal()
        raw = self.session.names.raw(path)
        chunk = _Multi(self, raw, mode) if mode is Mode.MULTI else _Singles(self, raw, mode)
        self._open = chunk
        return chunk

    def head(self, raw: bytes, mail: Mail, flags: Flags, date: int, zone: int, mode: Mode) -> tuple[bytes, bool]:
        """Spell the head of one message; the flag says whether to wait for the server before the body."""
        spelt = self._flag_lists.get(flags)
        if spelt is None:
            spelt = self._flag_lists[flags] = commands.flag_list(flags)
        proof = self.proof
        wait = mode is Mode.SYNC or not proof.form or raw not in proof.folders
        wait = wait or not self.client.capabilities.literal_allows(mail.size)
        if not wait and not flags <= proof.flags:
            wait = any(flag not in proof.flags for flag in flags - commands.SETTABLE)
        if mail.size > _SYNC_ABOVE and self.client.capabilities.append_limit is None:
            wait = True
        return commands.append_message(spelt, self.dates.format(date, zone), mail.size, synchronising=wait), wait

    @property
    def plus_bytes(self) -> int:
        """Size up to which a body may follow its head at once."""
        return self._plus_bytes

    def proven(self, raw: bytes, flags: Flags) -> bytes | None:
        """Spell flags that the server is known to take, for a folder and in a form that it is known to take."""
        if raw is not self._proven_folder:
            if not self.proof.form or self.proof.broken or raw not in self.proof.folders:
                return None
            self._proven_folder = raw
        spelt = self._proven_flags.get(flags)
        if spelt is None and flags <= self.proof.flags | commands.SETTABLE:
            spelt = self._proven_flags[flags] = commands.flag_list(flags)
        return spelt

    def prove(self, exchange: Exchange, raw: bytes, flags: Flags) -> None:
        """Put a gate before the body. What is sent behind it may rely on these arguments, because a refusal
        in place of the `+` ends the connection before anything behind the gate has left.
        """
        proof = self.proof
        gate = self.client.hold(exchange, for_server=True)
        gate.proves = not (proof.form and raw in proof.folders and flags <= proof.flags | commands.SETTABLE)
        proof.form = True
        proof.folders.add(raw)
        proof.flags |= flags

    @property
    def queued_bytes(self) -> int:
        """Bytes not yet handed to the operating system."""
        held = self._open.held_bytes if self._open is not None else 0
        return self.client.queued_bytes + held

    async def drain(self) -> None:
        """Wait until there is room."""
        try:
            await self.client.drain(HIGH_BYTES)
        except ImapError as error:
            raise self.lost(error) from error

    def lost(self, error: BaseException) -> errors.MailferryError:
        """Say in the user's words why the connection ended."""
        translated = translate(error, self.session.side, self.session.settings.where)
        return translated or errors.ConnectionLost(str(error), side=self.session.side)

    async def close(self) -> None:
        """Log out, unless the connection is the target's own."""
        await self._closed()


class _Chunk:
    """What both kinds of chunk share."""

    held_bytes = 0
    uid_validity = 0

    def __init__(self, lane: ImapLane, raw: bytes, mode: Mode) -> None:
        self._lane = lane
        self._client = lane.client
        self._raw = raw
        self._mode = mode
        self._result: asyncio.Future[list[Outcome | None]] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def seal(self) -> None:
        """Nothing will be added."""

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        """Take one message."""
        raise NotImplementedError

    def piece(self, data: bytes) -> None:
        """Take the next bytes of the message begun last."""
        raise NotImplementedError

    def release(self) -> asyncio.Future[list[Outcome | None]]:
        """Let the commit go out."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Give the chunk up."""
        raise NotImplementedError

    def _begin(self) -> Exchange:
        exchange = self._client.begin("APPEND")
        if self._mode is not Mode.SYNC:
            exchange.strict = True  # what is on the wire behind it would be read as commands
        self._client.push_parts(exchange, commands.append_begin(self._raw))
        return exchange

    def _stored(self, reply: Tagged, count: int) -> list[Outcome | None]:
        uids: list[int] = []
        if reply.code is not None and reply.code.name == "APPENDUID":
            found = reply.code.append_uid()
            if found is not None:
                self.uid_validity, uids = found[0], list(found[1])
        if len(uids) != count:
            uids = [0] * count
        return [Outcome(OutcomeKind.STORED, uid) for uid in uids]

    def _refusal(self, error: CommandRefused) -> tuple[str, str]:
        if error.status == "BAD":
            self._lane.proof.broken = True
            return "BAD", error.text
        return (error.code.name if error.code else ""), error.text


class _Multi(_Chunk):
    """One APPEND command for all messages (RFC 3502): all or nothing, committed by its CRLF."""

    def __init__(self, lane: ImapLane, raw: bytes, mode: Mode) -> None:
        super().__init__(lane, raw, mode)
        self._exchange: Exchange | None = None
        self._gate: Gate | None = None
        self._count = 0

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        lane, client = self._lane, self._client
        exchange = self._exchange
        if exchange is None:
            exchange = self._exchange = self._begin()
        spelt = lane.proven(self._raw, flags)
        if spelt is not None and mail.size <= lane.plus_bytes:
            client.push(exchange, commands.append_proven(spelt, lane.dates.format(date, zone), mail.size) + mail.data)
            self._count += 1
            return
        head, wait = lane.head(self._raw, mail, flags, date, zone, self._mode)
        client.push(exchange, head)
        if wait:
            lane.prove(exchange, self._raw, flags)
        client.push(exchange, mail.data)
        self._count += 1

    def piece(self, data: bytes) -> None:
        assert self._exchange is not None
        self._client.push(self._exchange, data)

    def seal(self) -> None:
        if self._exchange is not None and self._gate is None:
            self._gate = self._client.hold(self._exchange)
            self._client.finish(self._exchange)

    def release(self) -> asyncio.Future[list[Outcome | None]]:
        if self._exchange is None:
            self._result.set_result([])
            return self._result
        if self._lane._open is self:
            self._lane._open = None
        self.seal()
        assert self._gate is not None
        self._exchange.reply.add_done_callback(self._answered)
        self._gate.open()
        return self._result

    def _answered(self, reply: asyncio.Future[Tagged]) -> None:
        if self._result.done():
            return
        error = reply.exception()
        if error is None:
            self._result.set_result(self._stored(reply.result(), self._count))
        elif isinstance(error, CommandRefused):
            code, text = self._refusal(error)
            self._result.set_result([Outcome(OutcomeKind.UNSENT, 0, code, text)] * self._count)
        else:
            self._result.set_result([None] * self._count)

    def abandon(self) -> None:
        if self._lane._open is self:
            self._lane._open = None
        if self._exchange is not None and not self._exchange.reply.done():
            self._client.abort()


class _Singles(_Chunk):
    """One APPEND a message, pipelined. Small ones are gathered until release; a large one streams behind a gate."""

    def __init__(self, lane: ImapLane, raw: bytes, mode: Mode) -> None:
        super().__init__(lane, raw, mode)
        self._mails: list[tuple[Mail, Flags, int, int]] = []
        self._rest: list[bytes] = []
        self._exchange: Exchange | None = None
        self._gate: Gate | None = None

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        self._mails.append((mail, flags, date, zone))
        if len(mail.data) < mail.size:
            if len(self._mails) > 1:
                raise ValueError("a large message travels alone")
            self._exchange = self._send(mail, flags, date, zone)
        else:
            self.held_bytes += mail.size

    def _send(self, mail: Mail, flags: Flags, date: int, zone: int) -> Exchange:
        lane, client = self._lane, self._client
        head, wait = lane.head(self._raw, mail, flags, date, zone, self._mode)
        exchange = self._begin()
        client.push(exchange, head)
        if wait:
            lane.prove(exchange, self._raw, flags)
        client.push(exchange, mail.data)
        return exchange

    def piece(self, data: bytes) -> None:
        assert self._exchange is not None
        self._client.push(self._exchange, data)

    def seal(self) -> None:
        if self._exchange is not None and self._gate is None:
            self._gate = self._client.hold(self._exchange)
            self._client.finish(self._exchange)

    def release(self) -> asyncio.Future[list[Outcome | None]]:
        if self._lane._open is self:
            self._lane._open = None
        exchanges: list[Exchange] = []
        if self._exchange is not None:
            self.seal()
            assert self._gate is not None
            self._gate.open()
            exchanges.append(self._exchange)
        else:
            for mail, flags, date, zone in self._mails:
                exchange = self._send(mail, flags, date, zone)
                self._client.finish(exchange)
                exchanges.append(exchange)
            self._mails.clear()
            self.held_bytes = 0
        self._task = asyncio.get_running_loop().create_task(self._collect(exchanges))
        return self._result

    async def _collect(self, exchanges: list[Exchange]) -> None:
        outcomes: list[Outcome | None] = []
        for exchange in exchanges:
            try:
                outcomes += self._stored(await exchange.reply, 1)
            except CommandRefused as error:
                code, text = self._refusal(error)
                outcomes.append(Outcome(OutcomeKind.REFUSED, 0, code, text))
            except ImapError:
                outcomes.append(None)
        self._result.set_result(outcomes)

    def abandon(self) -> None:
        if self._lane._open is self:
            self._lane._open = None
        if self._exchange is not None and not self._exchange.reply.done():
            self._client.abort()
