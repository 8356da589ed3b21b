"""A writer connection to the server in memory."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable, Collection
from functools import partial

from mailferry.backends.base import Flags, FolderPath, Mail, Mode, Outcome, OutcomeKind
from mailferry.backends.memory_options import Refusal
from mailferry.backends.memory_server import MemoryServer, Posted
from mailferry.backends.memory_steps import How, Killed, Steps
from mailferry.errors import ConnectionLost, Side

UNSENT = Outcome(OutcomeKind.UNSENT)


class MemoryChunk:
    """A chunk; see `Chunk`. Wrong use (a message left incomplete, a second release) raises RuntimeError."""

    def __init__(self, lane: MemoryLane, path: FolderPath, mode: Mode) -> None:
        self.path = path
        self.mode = mode
        self.sent = False  # the terminator left the client
        self.over = False  # abandoned, or every verdict is in
        self.uid_validity = 0  # as of the last answer that named UIDs; 0: unknown
        self.result: Future[list[Outcome | None]] | None = None  # once released
        self._lane = lane
        self._mails: list[Posted] = []
        self._parts: list[bytes] = []
        self._missing = 0
        self._served = 0  # messages whose verdict the client has
        self._committed = 0  # messages that the server has judged
        self._outcomes: list[Outcome] = []

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        """Take one message; see `Chunk.add`."""
        self._expect(complete=True)
        if len(mail.data) > mail.size:
            raise RuntimeError(f"{len(mail.data)} bytes of a message of {mail.size}")
        self._mails.append(Posted(b"", flags, date, zone))
        self._parts = []
        self._missing = mail.size
        self._lane.step("add", partial(self._grow, mail.data))

    def piece(self, data: bytes) -> None:
        """Take the next bytes; see `Chunk.piece`."""
        self._expect(complete=False)
        if len(data) > self._missing:
            raise RuntimeError(f"{len(data)} bytes where {self._missing} are missing")
        self._lane.step("piece", partial(self._grow, data))

    def release(self) -> Future[list[Outcome | None]]:
        """Let the commit go out; see `Chunk.release`."""
        self._expect(complete=True)
        self.result = asyncio.get_running_loop().create_future()
        # A result that nobody waits for is no mistake after a kill.
        self.result.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._lane.release(self)
        return self.result

    def abandon(self) -> None:
        """Give the chunk up; see `Chunk.abandon`."""
        if self.result is not None:
            raise RuntimeError("the chunk was released")
        if not self.over:
            self.over = True
            self._lane.abandoned(begun=bool(self._mails))

    def _expect(self, *, complete: bool) -> None:
        self._lane.steps.check()
        if self.over or self.result is not None:
            raise RuntimeError("the chunk was released or abandoned")
        if complete and self._missing:
            raise RuntimeError(f"{self._missing} bytes of the last message are missing")

    def _grow(self, data: bytes) -> None:
        self._parts.append(data)
        self._missing -= len(data)
        if not self._missing:
            self._mails[-1] = self._mails[-1]._replace(data=b"".join(self._parts))
            self._parts = []
        self._lane.queued(len(data))

    # --- the lane's side ---

    @property
    def done(self) -> bool:
        """Whether the server has judged every message."""
        return self._committed == len(self._mails)

    def next_command(self) -> Callable[[MemoryServer], list[int] | Refusal]:
        """Give the next command of a released chunk, and count its messages as judged."""
        first, multi = self._committed, self.mode is Mode.MULTI
        self._committed = len(self._mails) if multi else first + 1
        posted = self._mails[first : self._committed]
        return lambda server: server.append(self.path, posted, multi=multi)

    def answer(self, verdict: list[int] | Refusal, *, uids: bool) -> None:
        """Note the tagged response of the command executed last."""
        count = self._committed - self._served
        self._served = self._committed
        if not isinstance(verdict, Refusal):
            self._outcomes += [Outcome(OutcomeKind.STORED, uid if uids else 0) for uid in verdict]
            return
        # A refused MULTIAPPEND says nothing of any single message, and BAD nothing of the message at all,
        # unless it came alone with a synchronising literal.
        spared = self.mode is Mode.MULTI or (verdict.status == "BAD" and self.mode is Mode.SINGLE)
        kind = OutcomeKind.UNSENT if spared else OutcomeKind.REFUSED
        code = verdict.code or ("BAD" if verdict.status == "BAD" else "")
        self._outcomes += [Outcome(kind, 0, code, verdict.text)] * count

    def conclude(self, rest: Outcome | None = None) -> None:
        """Give the result; `rest` stands for the messages without a verdict."""
        self.over = True
        if self.result is not None and not self.result.done():
            self.result.set_result([*self._outcomes, *([rest] * (len(self._mails) - len(self._outcomes)))])

    def die(self) -> None:
        """Let whoever waits for the result learn that the process is dead."""
        self.over = True
        if self.result is not None and not self.result.done():
            self.result.set_exception(Killed())


class MemoryLane:
    """One writer connection; see `Lane`. Commands are executed one after the other by callbacks of the event loop."""

    modes: Collection[Mode]

    def __init__(self, server: MemoryServer, side: Side, steps: Steps) -> None:
        self.modes = frozenset(Mode) if server.options.multi_append else frozenset({Mode.SINGLE, Mode.SYNC})
        self.steps = steps
        self._server = server
        self._side = side
        self._queue: deque[MemoryChunk] = deque()
        self._queued_bytes = 0
        self._open = True
        self._turning = False
        self._turns_left = 0
        steps.join(self)

    def chunk(self, path: FolderPath, mode: Mode, key: str) -> MemoryChunk:
        """Begin a chunk; see `Lane.chunk`. Raises ValueError for a mode that the lane does not have."""
        if mode not in self.modes:
            raise ValueError(f"no {mode} here")
        self.steps.check()
        chunk = MemoryChunk(self, path, mode)
        self.step("chunk", lambda: self._queue.append(chunk))
        return chunk

    @property
    def queued_bytes(self) -> int:
        """Bytes taken since the last `drain`."""
        return self._queued_bytes

    async def drain(self) -> None:
        """Let the event loop turn once; see `Lane.drain`."""
        for turn in range(2):
            self.steps.check()
            if not self._open:
                raise ConnectionLost(side=self._side)
            if turn == 0:
                await asyncio.sleep(0)
        self._queued_bytes = 0

    async def close(self) -> None:
        """Log out after the verdicts on what was sent; what was not released is lost."""
        self.steps.check()
        verdicts = [chunk.result for chunk in self._queue if chunk.sent and chunk.result is not None]
        if verdicts:
            await asyncio.wait(verdicts)
        self.steps.check()
        self.drop(killed=False)

    def drop(self, *, killed: bool) -> None:
        """Break the connection; see `Link`."""
        for chunk in self._break():
            if chunk.result is None:
                continue
            if killed:
                chunk.die()
            else:
                chunk.conclude(None if chunk.sent else UNSENT)

    # --- for the chunks ---

    def step(self, what: str, effect: Callable[[], None]) -> None:
        """Do something that the wire sees. A break is silent here; `drain` and the results tell of it."""
        self.steps.check()
        if not self._open:
            effect()
            return
        fault = self.steps.at(f"{self._side.value} {what}")
        if fault is How.CUT_BEFORE:
            self.drop(killed=False)
        effect()
        if fault is How.CUT_AFTER:
            self.drop(killed=False)

    def queued(self, count: int) -> None:
        """Count bytes that were taken."""
        self._queued_bytes += count

    def release(self, chunk: MemoryChunk) -> None:
        """Send the terminator, in the chunk's turn."""
        if not self._open:
            chunk.conclude(UNSENT)
            return
        fault = self.steps.at(f"{self._side.value} release")
        if fault is How.CUT_BEFORE:
            self._queue.remove(chunk)  # it never arrives, which the client cannot know
            self.drop(killed=False)
            chunk.conclude(None)
            return
        self._send()
        if fault is How.CUT_AFTER:
            self.drop(killed=False)

    def abandoned(self, *, begun: bool) -> None:
        """Go on without the chunk, or break the connection if it cannot be taken back otherwise."""

        def effect() -> None:
            if begun and self._server.options.abandon_breaks:
                self.drop(killed=False)
            self._send()

        self.step("abandon", effect)

    # --- the server's side ---

    def _send(self) -> None:
        """Let the terminators of the chunks at the head go out and the server take the next command."""
        for chunk in self._queue:
            if chunk.result is None and not chunk.over:
                break
            chunk.sent = chunk.result is not None
        if self._open and not self._turning and self._queue and (self._queue[0].sent or self._queue[0].over):
            self._turning = True
            self._turns_left = self._server.options.latency_turns
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        if not self._open:
            return
        if self._turns_left:
            self._turns_left -= 1
            asyncio.get_running_loop().call_soon(self._turn)
            return
        self._turning = False
        try:
            self._serve(self._queue[0])
        except Killed:
            return  # the steps have told everybody who waits
        self._send()

    def _serve(self, chunk: MemoryChunk) -> None:
        """Execute one command and hand its answer over."""
        if not chunk.over and not chunk.done:
            if (fault := self.steps.at(f"{self._side.value} commit")) is How.CUT_BEFORE:
                self.drop(killed=False)
                return
            verdict = chunk.next_command()(self._server)
            if not self._open:  # the command itself broke the connection
                return
            if fault is How.CUT_AFTER or (fault := self.steps.at(f"{self._side.value} answer")) is How.CUT_BEFORE:
                self.drop(killed=False)
                return
            chunk.answer(verdict, uids=self._server.options.reports_new_ids)
            folder = self._server.find(chunk.path)
            chunk.uid_validity = folder.uid_validity if folder and self._server.options.reports_new_ids else 0
            if fault is How.CUT_AFTER:
                self.drop(killed=False)
                return
        if chunk.over or chunk.done:
            self._queue.popleft()
            chunk.conclude()

    def _break(self) -> list[MemoryChunk]:
        """Close the connection, leave to the server what had been sent, and give the unfinished chunks."""
        broken, self._queue = list(self._queue), deque()
        self._open = False
        for chunk in broken:
            if chunk.sent and not chunk.over:
                self._server.commit_later(self._rest(chunk))
        return broken

    def _rest(self, chunk: MemoryChunk) -> list[Callable[[], object]]:
        commands: list[Callable[[], object]] = []
        while not chunk.done:
            commands.append(partial(chunk.next_command(), self._server))
        return commands
