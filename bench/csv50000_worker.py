"""A worker of the service whose passes do nothing.

Each pass notes in the file NOTES of the data folder when it began and ended, and under which login it would run.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mailferry.jobs.engine import Job
from mailferry.jobs.stopping import StopSignal
from mailferry.jobs.worker import RunJob, run_worker
from mailferry.migration.model import Progress
from mailferry.migration.states import Outcome
from mailferry.store import claims, events, users
from mailferry.store.database import Database

NOTES = "passes"
_COPIED = Progress(100, 100, 0, 0, 409_600, 409_600, 5, 5)
_DAY_SECONDS = 86_400.0


@asynccontextmanager
async def open_runner(settings: Mapping[str, Any]) -> AsyncIterator[RunJob]:
    """Give passes that read and write in the store what real ones do, and copy nothing."""
    database = await Database.open(str(settings["database"]))
    notes = os.open(Path(settings["data"]) / NOTES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(step: int, login: str) -> None:
        os.write(notes, f"{time.monotonic()} {step} {login}\n".encode())

    async def run(job: Job, stop: StopSignal) -> None:
        del stop
        async with database.connect() as connection:
            user = await users.by_id(connection, job.user_id)
        if user is None or user.fence != job.fence:
            return
        note(1, user.user_name)
        async with database.begin() as connection:
            note(-1, user.user_name)  # before the claim ends: with the commit the next one may begin
            now = time.time()
            status = await claims.finish(
                connection, job.user_id, job.fence, Outcome.DONE, now, progress=_COPIED, due_in_seconds=_DAY_SECONDS
            )
            if status is not None:
                await events.add(connection, "user", user.batch, user.email_address, {"status": status.value}, now)

    try:
        yield run
    finally:
        await database.close()
        os.close(notes)


if __name__ == "__main__":
    run_worker(open_runner)
