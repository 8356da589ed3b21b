"""What the proxy can do to a connection."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.wire import Place

Direction = Literal["to_server", "to_client"]
Ending = Literal["fin", "rst"] | None


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection: everything before the place arrives, nothing after it.

    `fin` is an orderly end, `rst` a reset, None leaves that side open.
    """

    client: Ending = "rst"
    server: Ending = "fin"


@dataclass(frozen=True, slots=True)
class Stall:
    """Pass nothing more in this direction, for so many seconds or for ever."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Inject:
    """Put bytes into the stream at the place, towards the side that reads it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Late:
    """Hold what the client sends after the place, until it has gone; deliver it so many seconds later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a command in the server's place; `{tag}` stands for its tag, and it keeps its turn among the others.

    The server gets a NOOP instead; literals that the client sends anyway are swallowed.
    """

    text: bytes
    close: bool = False
    """End the connection after the answer."""


Action = Cut | Stall | Inject | Late | Answer


@dataclass(slots=True)
class Fault:
    """One fault that was asked for.

    `count` is how often it has struck, `struck` is set from the first time on, `done` when it has had its
    whole effect: the same, but for `Late` the delivery.
    """

    direction: Direction
    place: Place
    action: Action
    connection: int | None
    times: int | None
    count: int = 0
    struck: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def strikes(self, connection: int) -> bool:
        """Whether it is still to strike on the connection of this number."""
        return self.connection in (None, connection) and (self.times is None or self.count < self.times)

    def strike(self) -> None:
        """Count it."""
        self.count += 1
        self.struck.set()
        if not isinstance(self.action, Late):
            self.done.set()

    async def wait(self, timeout_seconds: float = 20.0) -> None:
        """Wait until it is done. Raises TimeoutError."""
        if not await asyncio.to_thread(self.done.wait, timeout_seconds):
            raise TimeoutError(f"{self.action} is not done")
