"""Ctrl-C and SIGTERM: what runs is cancelled and gets some seconds to close its connections."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from mailferry.records import dataclass

GRACE_SECONDS = 8.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Finished(Generic[Result]):
    """The work ended by itself."""

    value: Result


@dataclass(frozen=True, slots=True)
class Stopped:
    """A signal stopped the work. `clean`: it has ended; if not, the process must be left without waiting for it."""

    signal: int
    clean: bool


async def until_signal(
    work: Coroutine[Any, Any, Result], on_stop: Callable[[], None], grace_seconds: float = GRACE_SECONDS
) -> Finished[Result] | Stopped:
    """Do `work` until it ends or a signal comes; a second signal ends the waiting. Raises what `work` raises.

    That is safe at every moment: the ledger's rows say what to look for afterwards.
    """
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[int] = asyncio.Queue()
    for number in SIGNALS:
        loop.add_signal_handler(number, came.put_nowait, number)
    task = asyncio.ensure_future(work)
    try:
        first = asyncio.ensure_future(came.get())
        await asyncio.wait((task, first), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            first.cancel()
            return Finished(task.result())
        on_stop()
        task.cancel()
        second = asyncio.ensure_future(came.get())
        await asyncio.wait((task, second), timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
        second.cancel()
        if task.done() and not task.cancelled():
            task.exception()  # an error while stopping tells nothing new
        return Stopped(first.result(), clean=task.done())
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
