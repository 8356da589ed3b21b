"""What a worker tells the store while passes run: one transaction a second for all of them.

The same look tells each pass whether it is to go on: its user may have been stopped or removed, or another worker may
have taken the user over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.jobs.engine import Job
from mailferry.migration.model import Progress, ReportLine
from mailferry.migration.states import UserStatus
from mailferry.store import claims, reports
from mailferry.store.database import Database
from mailferry.store.errors import StoreError
from mailferry.sync.options import Stats

_log = structlog.get_logger(__name__)
_STOPS = frozenset({UserStatus.STOPPING, UserStatus.REMOVING})
_SMOOTHING = 0.3


@dataclass(slots=True)
class Watched:
    """A pass that runs. `before` is how far the mailbox was when it began; `lines` are not yet stored."""

    job: Job
    stats: Stats
    before: Progress
    cancel: Callable[[], object]
    lines: list[ReportLine] = field(default_factory=list)
    rate: float = 0.0  # bytes a minute
    _last: tuple[float, int] = (0.0, 0)
    _cancelled: bool = False

    def end(self) -> None:
        """Cancel the pass, but once: a second time would cut short how it closes its connections."""
        if not self._cancelled:
            self._cancelled = True
            self.cancel()

    def progress(self) -> Progress:
        """Say how far it is now. Numbers never fall while a pass looks at a mailbox again."""
        stats, before = self.stats, self.before
        folders = list(stats.folders.values())
        found = max(before.found, stats.total("found") - stats.total("left_out"))
        synced = max(before.synced, stats.total("copied") + stats.total("had") + stats.total("adopted"))
        size_bytes = before.bytes_synced + stats.total("size_bytes")
        estimate = size_bytes * max(found, synced) // synced if synced else 0
        current = next((folder.source for folder in folders if folder.state == "copying"), "")
        return replace(
            before,
            found=found,
            synced=min(synced, found) if found else synced,
            skipped=max(before.skipped, stats.total("skipped")),
            bytes_synced=size_bytes,
            bytes_found=max(before.bytes_found, estimate),
            folders=len(folders) or before.folders,
            folders_done=sum(folder.state in ("done", "unchanged", "failed") for folder in folders),
            folder=current,
            phase=stats.phase,
        )

    def measure(self, now: float, size_bytes: int) -> None:
        """Follow the rate, smoothed."""
        then, before = self._last
        if then and now > then:
            fresh = max(0, size_bytes - before) * 60.0 / (now - then)
            self.rate += _SMOOTHING * (fresh - self.rate) if self.rate else fresh
        self._last = (now, size_bytes)


class ProgressWriter:
    """Stores the progress of the passes of one worker."""

    def __init__(self, database: Database, now: Callable[[], float], interval_seconds: float = 1.0) -> None:
        self._database = database
        self._now = now
        self._interval = interval_seconds
        self._watched: dict[int, Watched] = {}

    def watch(self, watched: Watched) -> None:
        """Begin to tell of a pass."""
        self._watched[watched.job.user_id] = watched

    def forget(self, job: Job) -> None:
        """A pass has ended, and is not cancelled any more."""
        watched = self._watched.get(job.user_id)
        if watched is not None and watched.job == job:
            del self._watched[job.user_id]

    async def run(self) -> None:
        """Tell for ever. A store that cannot be written now is tried again: progress is no reason to end a pass."""
        while True:
            await asyncio.sleep(self._interval)
            if not self._watched:
                continue
            try:
                await self.write()
            except (SQLAlchemyError, StoreError) as error:
                _log.warning("progress not stored", reason=type(error).__name__)

    async def write(self) -> None:
        """Tell once. Lines that could not be stored are kept for the next time."""
        now = self._now()
        taken: list[tuple[Watched, list[ReportLine]]] = []
        over: list[Watched] = []
        try:
            async with self._database.begin() as connection:
                for watched in list(self._watched.values()):
                    if not self._is_watched(watched):
                        continue  # it ended while the others were written
                    status = await self._note(connection, watched, now)
                    if status is not None and watched.lines:
                        lines, watched.lines = watched.lines, []
                        taken.append((watched, lines))
                        await reports.add_lines(connection, watched.job.user_id, lines)
                    if status is None or status in _STOPS:
                        over.append(watched)
        except BaseException:
            for watched, lines in taken:
                watched.lines[:0] = lines
            raise
        for watched in filter(self._is_watched, over):  # what has ended meanwhile stores its end, and is left alone
            watched.end()

    async def _note(self, connection: AsyncConnection, watched: Watched, now: float) -> UserStatus | None:
        progress, job = watched.progress(), watched.job
        watched.measure(now, progress.bytes_synced)
        return await claims.progress(connection, job.user_id, job.fence, progress, now, bytes_per_minute=watched.rate)

    def _is_watched(self, watched: Watched) -> bool:
        return self._watched.get(watched.job.user_id) is watched
