"""`mailferry copy`: the connections are begun first, and the rest of the program is loaded while the servers answer."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from mailferry.backends.registry import mailbox_lock_name, source_opener, target_opener
from mailferry.cli.requests import Request, make_options
from mailferry.cli.wiretrace import Loggers, wire_trace
from mailferry.errors import ConnectionLost, MailferryError, Retry, ServerTimedOut, Side
from mailferry.sync.lock import TargetLock

if TYPE_CHECKING:
    from mailferry.backends.base import Reader

_HEAD_START_SECONDS = 0.005  # for the first packets to leave; loading takes the processor for itself

Opened = TypeVar("Opened", bound="Reader", covariant=True)


class Early(Generic[Opened]):
    """Opens a mailbox again and again; the first time has begun when this is made. Needs a running loop.

    A server that cannot be reached or understood the first time is not tried again: the name, the port or the security
    may be wrong, and the user is there to mend it. One that took the connection and cut it is tried as later.
    """

    def __init__(self, opener: Callable[[], Awaitable[Opened]]) -> None:
        self._opener = opener
        self._first: asyncio.Future[Opened] | None = asyncio.ensure_future(opener())

    async def __call__(self) -> Opened:
        """Give an open mailbox. Raises MailferryError."""
        first, self._first = self._first, None
        if first is None:
            return await self._opener()
        try:
            return await first
        except MailferryError as error:
            cut = isinstance(error, ConnectionLost) and not isinstance(error, ServerTimedOut)
            if error.retry is Retry.SOON and not cut:
                error.retry = Retry.AFTER_REPAIR
            raise

    async def drop(self) -> None:
        """Close what was opened and never asked for."""
        first, self._first = self._first, None
        if first is None:
            return
        first.cancel()
        try:
            opened = await first
        except (asyncio.CancelledError, MailferryError):
            return
        await opened.close()


def copy(request: Request, arguments: argparse.Namespace) -> int:
    """Copy, tell, and give the exit code. Raises MailferryError for what ends it before anything was opened."""
    with TargetLock(mailbox_lock_name(request.target)), wire_trace(request.output.wire) as loggers:
        return asyncio.run(_run(request, arguments, loggers))


async def _run(request: Request, arguments: argparse.Namespace, loggers: Loggers) -> int:
    source = Early(source_opener(request.source, Side.SOURCE, loggers[0], hurried=True))
    target = Early(target_opener(request.target, loggers[1], hurried=True))
    try:
        await asyncio.sleep(_HEAD_START_SECONDS)
        await asyncio.to_thread(_load)
        from mailferry.cli.running import Run

        return await Run(request, make_options(arguments), source, target).run()
    finally:
        await source.drop()
        await target.drop()


def _load() -> None:
    """Import the engine: in a thread, so that the connections go on meanwhile."""
    import mailferry.cli.running as running

    del running
