"""Faults at exactly one step: every visible step of the memory backend is counted, and one of them can fail.

A test runs its work once undisturbed and reads `total`; then it runs it again for each k from 1 to `total`
with `Steps(stop_at=k, how=...)`, and once more without faults. The result must be the same each time.
Code that is no backend, such as the ledger, takes part by calling `Steps.reach` through an injected callable.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Coroutine
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

Result = TypeVar("Result")


class Killed(BaseException):
    """The process was killed (`kill -9`): nothing after this step is executed.

    No `Exception`, so that no handler of errors takes it for one.
    """


class How(StrEnum):
    """What happens at the step."""

    KILL = "kill"  # before the effect; after the effect is before the next step
    CUT_BEFORE = "cut-before"  # the connection breaks, the effect does not happen
    CUT_AFTER = "cut-after"  # the effect happens, but its answer is lost


class Link(Protocol):
    """A connection that a fault can break."""

    def drop(self, *, killed: bool) -> None:
        """Break the connection. After a kill nobody may learn of it but by `Killed`."""
        ...


class Steps:
    """Counts steps and makes those named by `stop_at` (the first is 1) fail. One object for all sessions of a run.

    `names` are the steps that were reached, in order; `total` is their number. May be called from any thread.
    """

    def __init__(self, stop_at: int | Collection[int] = (), how: How | str = How.KILL) -> None:
        self._stop_at = frozenset((stop_at,) if isinstance(stop_at, int) else stop_at)
        self._how = How(how)
        self._lock = threading.Lock()
        self._links: WeakSet[Link] = WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._death: asyncio.Event | None = None
        self.names: list[str] = []
        self.killed = False

    @property
    def total(self) -> int:
        """The number of steps reached so far."""
        return len(self.names)

    def reach(self, name: str) -> None:
        """Count a step that belongs to no connection. A cut at it breaks every connection.

        Raises Killed.
        """
        if self.at(name) is not None:
            self.cut()

    def cut(self) -> None:
        """Break every connection now; each session learns of it by ConnectionLost."""
        self._drop_all(killed=False)

    def at(self, name: str) -> How | None:
        """Count a step of a connection; the caller carries the cut out. Raises Killed."""
        with self._lock:
            if self.killed:
                raise Killed(name)
            self.names.append(name)
            if len(self.names) not in self._stop_at:
                return None
            self.killed = self._how is How.KILL
        if self.killed:
            self._drop_all(killed=True)
            raise Killed(name)
        return self._how

    def check(self) -> None:
        """Raise Killed if the process is dead; counts nothing."""
        if self.killed:
            raise Killed

    def join(self, link: Link) -> None:
        """Make a connection known, so that a kill reaches it."""
        self._links.add(link)

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run `work` like a process of its own: give its result, or raise Killed as soon as it is killed.

        Its clean-up still runs, as Python has no other way, but whatever it calls raises Killed.
        """
        self._loop = asyncio.get_running_loop()
        self._death = asyncio.Event()
        task = asyncio.ensure_future(work)
        death = asyncio.ensure_future(self._death.wait())
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if self.killed:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # its errors die with the process
            raise Killed
        return task.result()

    def _drop_all(self, *, killed: bool) -> None:
        """Break all connections, in the event loop's own thread: their futures belong to it."""
        if self._loop is not None and self._loop is not _running_loop() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drop_now, killed)
        else:
            self._drop_now(killed)

    def _drop_now(self, killed: bool) -> None:
        for link in list(self._links):
            link.drop(killed=killed)
        if killed and self._death is not None:
            self._death.set()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
