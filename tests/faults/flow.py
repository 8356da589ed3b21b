"""One direction of one proxied connection: latency, watching for faults, and passing bytes on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.faults.actions import Answer, Cut, Fault, Inject, Late, Stall
from tests.faults.wire import Line, Matcher, Scanner

if TYPE_CHECKING:
    from tests.faults.link import Link

_UNDERWAY_BYTES = 1 << 26
"""More than this between the two sides stops reading, as a full socket buffer would."""

Edit = tuple[int, int, bytes]
"""Start, end, and what goes on in place of the bytes between."""


class Flow:
    """Takes bytes from one side by `received`, and gives them to `out` when it is their time."""

    def __init__(self, link: Link, delay_seconds: float, faults: list[Fault]) -> None:
        self._link = link
        self._delay = delay_seconds
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._queued_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._answers = [fault for fault in faults if isinstance(fault.action, Answer)]
        others = [fault for fault in faults if not isinstance(fault.action, Answer)]
        self._matchers: list[tuple[Fault, Matcher]] = [(fault, fault.place.matcher()) for fault in others]
        self.scanner = Scanner()
        self.whole_lines = any(fault.place.whole_lines for fault in faults)
        self.watching = bool(faults)
        self.on_line: Callable[[Line], Edit | None] = lambda line: None
        self.out: asyncio.Transport | None = None
        self.source: asyncio.Transport | None = None
        self.closed = False
        self.ended = False
        self.ending = False
        self.reset = False
        self.stalled = False
        self.late: Fault | None = None
        self.held = bytearray()
        self._pending = bytearray()
        self._passed = 0
        self._edits: list[Edit] = []
        self._swallowing: tuple[int, Fault, bytes] | None = None

    def received(self, data: bytes | None) -> None:
        """Bytes from the side that sends, or None for its end."""
        self.ending = self.ending or data is None
        self._queue.append((self._loop.time() + self._delay, data))
        self._queued_bytes += len(data or b"")
        if self._queued_bytes > _UNDERWAY_BYTES and self.source is not None:
            self.source.pause_reading()
        if self._timer is None:
            self.pump()

    def pump(self) -> None:
        """Pass on what is due."""
        self._timer = None
        was_full = self._queued_bytes > _UNDERWAY_BYTES
        while self._queue and self.out is not None and not self.stalled:
            due, data = self._queue[0]
            now = self._loop.time()
            if due > now:
                self._timer = self._loop.call_at(due, self.pump)
                break
            self._queue.popleft()
            self._queued_bytes -= len(data or b"")
            if data is None:
                self._end()
            else:
                self._deliver(data)
        if was_full and self._queued_bytes <= _UNDERWAY_BYTES and self.source is not None:
            self.source.resume_reading()

    def stall(self, seconds: float | None = None) -> None:
        """Pass nothing on, for so many seconds or until resume()."""
        self.stalled = True
        if seconds is not None:
            self._loop.call_later(seconds, self.resume)

    def resume(self) -> None:
        """Go on where it stalled."""
        self.stalled = False
        data, self.held = bytes(self.held), bytearray()
        if data and not self.closed:
            self._deliver(data)
        if self._timer is None:
            self.pump()

    def _deliver(self, data: bytes) -> None:
        if self.closed or self.out is None or self.out.is_closing():
            return
        if self.stalled or self.late is not None:
            self.held += data
        elif self.watching:
            self._watch(data)
        else:
            self.out.write(data)

    def _end(self) -> None:
        self.ended = True
        if self._pending and not self.closed:
            self._pass(self._passed + len(self._pending))
        self._link.ended(self)

    def _watch(self, data: bytes) -> None:
        start = self.scanner.position
        lines = self.scanner.feed(data)
        self._pending += data
        marks: list[tuple[int, Fault]] = []
        for entry in list(self._matchers):
            fault, matcher = entry
            place = matcher.seek(data, start, lines)
            if place is not None:
                self._matchers.remove(entry)
                marks.append((place, fault))
        for line in lines:
            self._edit(line)
        for place, fault in sorted(marks, key=lambda mark: mark[0]):
            if fault.strikes(self._link.number):
                self._pass(place)
                self._act(fault)
                if self.closed:
                    return
                if self.stalled or self.late is not None:
                    self.held += self._pending  # scanned already; nothing looks for a place in it again
                    self._pending.clear()
                    self.watching = False
                    return
        limit = self.scanner.line_start if self.whole_lines else self.scanner.position
        self._pass(min(limit, self._swallowing[0]) if self._swallowing else limit)

    def _edit(self, line: Line) -> None:
        """Put answers in the place of commands, and of the replies to what went to the server instead."""
        if self._swallowing is None and line.first:
            for fault in self._answers:
                if fault.strikes(self._link.number) and fault.place.matcher().seek(line.text, 0, []) is not None:
                    fault.strike()
                    self._swallowing = (line.start, fault, line.text.split(None, 1)[0])
                    break
        if self._swallowing is None:
            if edit := self.on_line(line):
                self._edits.append(edit)
        elif line.literal_size is None or line.waits:
            start, fault, tag = self._swallowing
            self._swallowing = None
            if line.waits:
                self.scanner.cancel_literal()
            assert isinstance(fault.action, Answer)
            self._link.substitutes[tag] = fault.action
            self._edits.append((start, line.end, tag + b" NOOP\r\n"))

    def _act(self, fault: Fault) -> None:
        fault.strike()
        match fault.action:
            case Cut(client, server):
                self._link.cut(client, server)
            case Stall(seconds):
                self.stall(seconds)
            case Inject(data):
                assert self.out is not None
                self.out.write(data)
            case Late():
                self.late = fault
            case Answer():
                raise AssertionError("an answer has no place in the stream")

    def _pass(self, until: int) -> None:
        """Send everything before this position that has not gone yet, edited."""
        assert self.out is not None
        while self._edits and self._edits[0][0] < until:
            start, end, replacement = self._edits.pop(0)
            self._send(start)
            del self._pending[: end - self._passed]
            self._passed = end
            self.out.write(replacement)
        self._send(until)

    def _send(self, until: int) -> None:
        count = until - self._passed
        if count > 0:
            assert self.out is not None
            self.out.write(bytes(self._pending[:count]))
            del self._pending[:count]
            self._passed += count
