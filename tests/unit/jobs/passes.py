"""A worker whose passes do what a file says: `<folder>/<user id>` holds one of the words below.

It notes in `<folder>/log` what happens.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mailferry.jobs.engine import Job
from mailferry.jobs.stopping import JobStopped, StopSignal
from mailferry.jobs.worker import RunJob, run_worker


class Passes:
    """What the jobs do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, text: str) -> None:
        with (self._folder / "log").open("a") as log:
            log.write(f"{text}\n")

    async def run(self, job: Job, stop: StopSignal) -> None:
        place = self._folder / str(job.user_id)
        word = place.read_text() if place.exists() else "quick"
        self.note(f"begin {job.user_id} {job.kind} {job.fence} {os.getpid()}")
        match word:
            case "quick":
                pass
            case "die":
                os._exit(9)
            case "raise":
                raise ValueError("no such pass")
            case "print":
                print("this is not a message of the protocol", flush=True)
            case "long":
                try:
                    await stop.guard(self.beat(job))
                except JobStopped as stopped:
                    self.note(f"stopped {job.user_id} {stopped.reason}")
            case "deaf":
                await self.beat(job)
        self.note(f"end {job.user_id}")

    async def beat(self, job: Job) -> None:
        """Go on for ever, and show it."""
        while True:
            (self._folder / f"beat-{job.user_id}").touch()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_runner(settings: Mapping[str, Any]) -> AsyncIterator[RunJob]:
    passes = Passes(Path(settings["folder"]))
    passes.note("open")
    yield passes.run
    passes.note("closed")


if __name__ == "__main__":
    run_worker(open_runner)
