"""One pass over one mailbox: list, map, plan, copy, follow flags, look back.

A pass is made of attempts. When a connection breaks, everything is planned anew from the ledger: that is the same code
that runs after a kill, so it is always in use.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from mailferry import errors
from mailferry.backends.base import Reader, Target
from mailferry.errors import MailferryError, Retry
from mailferry.records import dataclass, field
from mailferry.sync.attempt import Attempt
from mailferry.sync.ledger import ExceptionRow, Ledger
from mailferry.sync.leftout import about_messages
from mailferry.sync.names import FolderMap
from mailferry.sync.options import MOST_ATTEMPTS, Event, Listener, Options, Stats
from mailferry.sync.probe import SuspectRefusals

LEASE_SECONDS = 120.0

OpenReader = Callable[[], Awaitable[Reader]]
OpenTarget = Callable[[], Awaitable[Target]]


@dataclass(slots=True)
class PassResult:
    """What a pass did: every message of every mapped folder that was received in the range of the options is on the
    target or listed in `exceptions`.
    """

    stats: Stats
    map: FolderMap
    exceptions: list[ExceptionRow] = field(default_factory=list)
    folder_names: dict[int, str] = field(default_factory=dict)
    failed_folders: dict[str, str] = field(default_factory=dict)
    gone_from_target: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """True if nothing was skipped and nothing failed."""
        skipped = any(row.kind in ("skipped", "over-limit", "cannot-be-carried") for row in self.exceptions)
        return not skipped and not self.failed_folders


async def run_pass(
    open_source: OpenReader,
    open_target: OpenTarget,
    ledger: Ledger,
    keys: tuple[str, str],
    options: Options,
    *,
    stats: Stats | None = None,
    listen: Listener = lambda event: None,
) -> PassResult:
    """Copy what is new and follow flag changes. Raises the MailferryError that ended the last attempt.

    The pass waits between attempts, but never longer than `options.longest_wait_seconds` at a time: the error is
    raised instead, and its `wait_seconds` says how long the wait would have been.
    """
    stats = stats or Stats()
    pair = await ledger.open_pair(keys[0], keys[1], LEASE_SECONDS)
    keeper = asyncio.create_task(_keep_lease(ledger))
    failures = 0
    reached = False  # before that no message can have broken a connection, and somebody may be there to mend it
    suspects: set[bytes] = set()
    try:
        while True:
            before = stats.total("copied") + stats.total("adopted")
            attempt = Attempt(open_source, open_target, ledger, options, stats, pair.pass_no, listen, suspects)
            try:
                return await _finished(attempt, ledger, stats)
            except MailferryError as error:
                if isinstance(error, SuspectRefusals):
                    suspects.add(error.folder)
                if isinstance(error, errors.ServerTimedOut):
                    longer = max(options.settle_seconds or 0.0, options.half_open_seconds)
                    options = replace(options, settle_seconds=longer)
                failures = 0 if stats.total("copied") + stats.total("adopted") > before else failures + 1
                reached = reached or attempt.map is not None
                most = _most_failures(error, options) if reached else options.retries
                if error.retry not in (Retry.SOON, Retry.LATER) or failures > most:
                    raise
                wait = _wait_seconds(error, failures, options)
                if wait > options.longest_wait_seconds:
                    error.wait_seconds = wait
                    raise
                stats.retries += 1
                fields = {"reason": str(error), "code": error.code, "wait_seconds": round(wait, 1)}
                listen(Event("retry", {**fields, "side": error.side.value}))
                stats.phase = "waiting"
                await options.clock.sleep(wait)
    finally:
        keeper.cancel()


async def _finished(attempt: Attempt, ledger: Ledger, stats: Stats) -> PassResult:
    await attempt.run()
    stats.phase = "done"
    assert attempt.map is not None
    return PassResult(
        stats,
        attempt.map,
        exceptions=about_messages(await ledger.exceptions()),
        folder_names={row.id: str(row.source_path) for row in await ledger.folders()},
        failed_folders=attempt.failed,
        gone_from_target=attempt.gone_from_target,
        warnings=attempt.warnings,
    )


def _most_failures(error: MailferryError, options: Options) -> int:
    """Say how often to fail in a row. A message that breaks the connection takes this many attempts to be found:
    chunks shrink to one message, then it is tried alone five times (rule 13).
    """
    broken = isinstance(error, errors.ConnectionLost)
    return MOST_ATTEMPTS + 2 if broken and options.retries else options.retries


def _wait_seconds(error: MailferryError, failures: int, options: Options) -> float:
    """The server's own wish, else doubling delays with jitter; the first retry is quick."""
    if error.wait_seconds:
        return error.wait_seconds
    steepest = 3 if isinstance(error, errors.ConnectionLost) else 8
    growing = options.retry_seconds * 2.0 ** min(failures, steepest)
    return growing * (0.5 + random.random() / 2)  # jitter, not a secret


async def _keep_lease(ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        try:
            await ledger.renew_lease()
        except errors.MailferryError:
            return  # the next row says so
