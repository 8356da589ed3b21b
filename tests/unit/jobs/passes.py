"""A worker whose passes do what a file says: `<folder>/<user id>` holds one of the words below.

It notes in `<folder>/log` what happens. With a database it finishes its claims; incremental passes follow after a day.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mailferry.jobs.engine import Job
from mailferry.jobs.stopping import JobStopped, StopReason, StopSignal
from mailferry.jobs.worker import RunJob, run_worker
from mailferry.migration.states import Outcome
from mailferry.store import claims
from mailferry.store.database import Database


class Passes:
    """What the jobs do."""

    def __init__(self, folder: Path, database: Database | None) -> None:
        self._folder = folder
        self._database = database

    def note(self, text: str) -> None:
        with (self._folder / "log").open("a") as log:
            log.write(f"{text}\n")

    async def run(self, job: Job, stop: StopSignal) -> None:
        place = self._folder / str(job.user_id)
        word = place.read_text() if place.exists() else "quick"
        self.note(f"begin {job.user_id} {job.kind} {job.fence} {os.getpid()}")
        outcome = Outcome.DONE
        match word:
            case "quick":
                pass
            case "die":
                os._exit(9)
            case "raise":
                raise ValueError("no such pass")
            case "print":
                print("this is not a message of the protocol", flush=True)
                print('{"level": "error", "event": "a line of a log in JSON"}', file=sys.stderr, flush=True)
            case "long":
                try:
                    await stop.guard(self.beat(job))
                except JobStopped as stopped:
                    self.note(f"stopped {job.user_id} {stopped.reason}")
                    if stopped.reason is StopReason.SHUTDOWN:
                        return
                    outcome = Outcome.STOPPED
            case "hang":
                time.sleep(1000)
            case "deaf":
                await self.beat(job)
        if self._database is not None:
            async with self._database.begin() as connection:
                due = 86_400.0 if outcome is Outcome.DONE else None
                await claims.finish(connection, job.user_id, job.fence, outcome, time.time(), due_in_seconds=due)
        self.note(f"end {job.user_id}")

    async def beat(self, job: Job) -> None:
        """Go on for ever, and show it."""
        while True:
            (self._folder / f"beat-{job.user_id}").touch()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_runner(settings: Mapping[str, Any]) -> AsyncIterator[RunJob]:
    database = await Database.open(settings["database"]) if "database" in settings else None
    passes = Passes(Path(settings["folder"]), database)
    passes.note("open")
    yield passes.run
    if database is not None:
        await database.close()
    passes.note("closed")


if __name__ == "__main__":
    run_worker(open_runner)
