"""What waits to be sent: segments of commands in order, with gates between them. No I/O.

A gate holds back everything behind it until it is opened: by the server's `+` before a synchronising literal, or by
the ledger before the CRLF that commits an append.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Gate:
    """Closed until `open()`."""

    __slots__ = ("_opened", "for_server", "is_open", "on_opened", "on_refused", "proves")

    def __init__(self, opened: Callable[[], None], *, for_server: bool) -> None:
        self._opened = opened
        self.for_server = for_server
        self.is_open = False
        self.proves = False  # what is behind relies on the server's taking what is before
        self.on_refused: Callable[[], None] = lambda: None
        self.on_opened: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Let what is behind pass."""
        if not self.is_open:
            self.is_open = True
            self._opened()
            self.on_opened()


class Outgoing:
    """The queue. `owner` is the command that a segment belongs to; a refused command's rest is dropped whole."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._queue: deque[tuple[object, bytes | Gate]] = deque()
        self.held_bytes = 0

    def write_to(self, write: Callable[[bytes], None]) -> None:
        """Send through this from now on."""
        self._write = write

    def push(self, owner: object, segment: bytes) -> None:
        """Send a segment, now or when the gates before it are open."""
        if self._queue:
            self._queue.append((owner, segment))
            self.held_bytes += len(segment)
        else:
            self._write(segment)

    def hold(self, owner: object, *, for_server: bool) -> Gate:
        """Put a closed gate behind what was pushed so far."""
        gate = Gate(self._advance, for_server=for_server)
        self._queue.append((owner, gate))
        return gate

    def waiting_for_server(self) -> Gate | None:
        """The gate at the front, if it waits for a `+`."""
        if self._queue:
            item = self._queue[0][1]
            if isinstance(item, Gate) and item.for_server:
                return item
        return None

    def holds(self, owner: object) -> bool:
        """Say whether a part of this command has not been sent."""
        return any(who is owner for who, _ in self._queue)

    def holds_others(self, owner: object) -> bool:
        """Say whether a part of any other command has not been sent."""
        return any(who is not owner for who, _ in self._queue)

    @property
    def blocked_by_us(self) -> bool:
        """True if what is next waits for our own side."""
        return bool(self._queue) and self.waiting_for_server() is None

    def drop(self, owner: object) -> None:
        """Forget what is left of a command that the server refused before it was sent."""
        kept = deque((who, item) for who, item in self._queue if who is not owner)
        self.held_bytes = sum(len(item) for _, item in kept if not isinstance(item, Gate))
        self._queue = kept
        self._advance()

    def clear(self) -> None:
        """Forget everything."""
        self._queue.clear()
        self.held_bytes = 0

    def _advance(self) -> None:
        queue = self._queue
        while queue:
            item = queue[0][1]
            if isinstance(item, Gate):
                if not item.is_open:
                    return
            else:
                self.held_bytes -= len(item)
                self._write(item)
            queue.popleft()
