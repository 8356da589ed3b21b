"""Chunks of messages on their way into an IMAP folder: one APPEND for many (RFC 3502), or one for each.

Chunks of one lane go out one after the other. One that is not first in line yet keeps what it is given: what it sent
now would stand in the middle of another's message.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailferry.backends.base import Flags, Mail, Mode, Outcome, OutcomeKind
from mailferry.imap import commands
from mailferry.imap.errors import CommandRefused, ImapError
from mailferry.imap.exchange import Exchange
from mailferry.imap.outgoing import Gate
from mailferry.imap.responses import Tagged

if TYPE_CHECKING:
    from mailferry.backends.imap_lane import ImapLane

_JOINED_BYTES = 16_384  # up to here copying a body costs less than one more segment

_Given = tuple[Mail, Flags, int, int] | bytes


class ImapChunk:
    """What both kinds of chunk share; see backends.base.Chunk."""

    held_bytes = 0
    uid_validity = 0

    def __init__(self, lane: ImapLane, raw: bytes, mode: Mode) -> None:
        self._lane = lane
        self._client = lane.client
        self._raw = raw
        self._mode = mode
        self._result: asyncio.Future[list[Outcome | None]] = asyncio.get_running_loop().create_future()
        self._given: list[_Given] = []
        self._its_turn = False
        self._sealed = False
        self._released = False
        self._proof: Gate | None = None  # what follows relies on the server's opening it
        self._exchange: Exchange | None = None
        self._gate: Gate | None = None

    def take_turn(self) -> None:
        """All chunks before this one have gone: send what is here, and from now on at once."""
        self._its_turn = True
        self._advance()

    def go_on(self) -> None:
        """The server has answered what was waited for."""
        self._advance()

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        """Take one message."""
        raise NotImplementedError

    def piece(self, data: bytes) -> None:
        """Take the next bytes of the message begun last."""
        if self._exchange is not None and not self._given:
            self._client.push(self._exchange, data)
        else:
            self._keep(data, len(data))

    def seal(self) -> None:
        """Nothing will be added."""
        self._sealed = True
        self._advance()

    def release(self) -> asyncio.Future[list[Outcome | None]]:
        """Let the commit go out."""
        self._sealed = self._released = True
        self._advance()
        return self._result

    def abandon(self) -> None:
        """Give the chunk up."""
        exchange = self._exchange
        if exchange is not None and not exchange.dropped and not (exchange.reply.done() and self._released):
            self._client.abort()
        self._given.clear()
        self._lane.passed(self)

    def _advance(self) -> None:
        """Do whatever may be done now."""
        raise NotImplementedError

    def _keep(self, given: _Given, size: int) -> None:
        self._given.append(given)
        self.held_bytes += size

    def _take_kept(self) -> list[_Given]:
        given, self._given, self.held_bytes = self._given, [], 0
        return given

    def _begin(self) -> Exchange:
        exchange = self._client.begin("APPEND")
        if self._mode is not Mode.SYNC:
            exchange.strict = True  # what is on the wire behind it would be read as commands
        self._client.push_parts(exchange, commands.append_begin(self._raw))
        return exchange

    def _push(self, exchange: Exchange, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        head, wait = self._lane.head(self._raw, mail, flags, date, zone, self._mode)
        self._client.push(exchange, head)
        if wait:
            self._proof = self._lane.prove(exchange, self._raw, flags, self._mode) or self._proof
        self._client.push(exchange, mail.data)

    def _end(self) -> None:
        """Push the gate that the ledger opens, and the CRLF that commits."""
        if self._exchange is not None and self._sealed and self._gate is None:
            self._gate = self._client.hold(self._exchange)
            self._client.finish(self._exchange)
            if self._proof is None or self._proof.is_open:
                self._lane.passed(self)
            else:  # the last one: they are opened in order
                self._proof.on_opened = lambda: self._lane.passed(self)
                self._exchange.reply.add_done_callback(lambda _: self._lane.passed(self))
        if self._gate is not None and self._released:
            self._gate.open()

    def _stored(self, reply: Tagged, count: int) -> list[Outcome | None]:
        uids: list[int] = []
        if reply.code is not None and reply.code.name == "APPENDUID":
            found = reply.code.append_uid()
            if found is not None:
                self.uid_validity, uids = found[0], list(found[1])
        if len(uids) != count:
            uids = [0] * count
        stored = OutcomeKind.STORED
        return [Outcome(stored, uid) for uid in uids]

    def _refusal(self, error: CommandRefused) -> tuple[str, str]:
        if error.status == "BAD":
            self._lane.shared.broken = True
            return "BAD", error.text
        return (error.code.name if error.code else ""), error.text


class MultiChunk(ImapChunk):
    """One APPEND command for all messages (RFC 3502): all or nothing, committed by its CRLF."""

    def __init__(self, lane: ImapLane, raw: bytes, mode: Mode) -> None:
        super().__init__(lane, raw, mode)
        self._count = 0
        self._refused = False

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        """Take one message, behind those before it in the same command."""
        self._count += 1
        lane, exchange = self._lane, self._exchange
        if not self._its_turn or self._given or lane.is_awaited(flags):
            self._keep((mail, flags, date, zone), len(mail.data))
            return
        if exchange is None:
            exchange = self._start()
        if exchange.reply.done():
            self._refused = True  # nothing more may be begun; the CRLF ends what the server may still be reading
            return
        spelt = lane.proven(self._raw, flags)
        if spelt is not None and mail.size <= lane.plus_bytes:
            head = commands.append_proven(spelt, lane.dates.format(date, zone), mail.size)
            if len(mail.data) > _JOINED_BYTES:
                self._client.push(exchange, head)
                self._client.push(exchange, mail.data)
            else:
                self._client.push(exchange, head + mail.data)
        else:
            self._push(exchange, mail, flags, date, zone)

    def piece(self, data: bytes) -> None:
        """Take the next bytes of the message begun last."""
        if not self._refused:
            super().piece(data)

    def _start(self) -> Exchange:
        self._exchange = self._begin()
        self._exchange.reply.add_done_callback(self._answered)
        return self._exchange

    def _advance(self) -> None:
        if not self._its_turn:
            return
        kept = self._take_kept()
        for at, given in enumerate(kept):
            exchange = self._exchange or self._start()
            if exchange.reply.done():
                self._refused = True
                break
            if isinstance(given, bytes):
                self._client.push(exchange, given)
            elif self._lane.is_awaited(given[1]):
                for later in kept[at:]:
                    self._keep(later, len(later if isinstance(later, bytes) else later[0].data))
                return
            else:
                self._push(exchange, *given)
        if self._exchange is None and self._released:
            self._lane.passed(self)
            self._set([])
        self._end()
        if self._exchange is not None and self._released and self._exchange.reply.done():
            self._answered(self._exchange.reply)

    def _set(self, outcomes: list[Outcome | None]) -> None:
        if not self._result.done():
            self._result.set_result(outcomes)

    def _answered(self, reply: asyncio.Future[Tagged]) -> None:
        if not self._released:
            return  # nobody asked yet; what the answer is will be told then
        error = reply.exception()
        if error is None:
            self._set(self._stored(reply.result(), self._count))
        elif isinstance(error, CommandRefused):
            code, text = self._refusal(error)
            self._set([Outcome(OutcomeKind.UNSENT, 0, code, text)] * self._count)
        else:
            self._set([None] * self._count)


class SingleChunk(ImapChunk):
    """One APPEND a message, pipelined. Small ones are gathered until release; a large one streams behind a gate."""

    def __init__(self, lane: ImapLane, raw: bytes, mode: Mode) -> None:
        super().__init__(lane, raw, mode)
        self._large = False
        self._task: asyncio.Task[None] | None = None

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        """Take one message. Raises ValueError for a large one that is not alone."""
        large = len(mail.data) < mail.size
        if (large and self._given) or self._large:
            raise ValueError("a large message travels alone")
        self._large = large
        self._keep((mail, flags, date, zone), len(mail.data))
        self._advance()

    def _advance(self) -> None:
        if not self._its_turn:
            return
        if self._large:
            self._stream()
        elif self._released and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        exchanges = []
        self._lane.enter(self._raw)
        for given in self._take_kept():
            assert not isinstance(given, bytes)
            exchange = self._begin()
            exchanges.append(exchange)
            self._push(exchange, *given)
            self._client.finish(exchange)
            if self._proof is not None:
                await asyncio.wait((exchange.reply,))
                self._proof = None
        self._lane.passed(self)
        await self._wait_for(exchanges)

    def _stream(self) -> None:
        for given in self._take_kept():
            if isinstance(given, bytes):
                assert self._exchange is not None
                self._client.push(self._exchange, given)
            else:
                self._lane.enter(self._raw)
                self._exchange = self._begin()
                self._push(self._exchange, *given)
        self._end()
        if self._released and self._task is None:
            assert self._exchange is not None
            self._task = asyncio.get_running_loop().create_task(self._wait_for([self._exchange]))

    async def _wait_for(self, exchanges: list[Exchange]) -> None:
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
