"""An engine with real worker processes, and what its workers noted."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mailferry.jobs.engine import Job
from mailferry.jobs.local import LocalEngine
from mailferry.migration.states import PassKind
from mailferry.store.database import Database
from tests.unit.jobs.scene import Scene

COMMAND = (sys.executable, str(Path(__file__).with_name("passes.py")))
PATIENCE_SECONDS = 60.0


async def until(condition: Callable[[], bool], patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds. Fails after `patience_seconds`."""
    async with asyncio.timeout(patience_seconds):
        while not condition():
            await asyncio.sleep(0.01)


def alive(process_id: int) -> bool:
    """Say whether a process runs; one that ended but was not waited for does not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Bench:
    """A folder of words and notes, and the engines that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended: list[tuple[int, bool]] = []

    def word(self, user_id: int, word: str) -> None:
        """Say what the passes of a user do."""
        (self.folder / str(user_id)).write_text(word)

    def notes(self, first: str = "") -> list[list[str]]:
        """Give what the workers noted, in words; only what begins with `first`."""
        path = self.folder / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split() for line in lines if line.startswith(first)]

    def begun(self) -> list[int]:
        """List the users whose passes have begun, in order."""
        return [int(note[1]) for note in self.notes("begin")]

    def settings(self) -> dict[str, str]:
        """Give what workers with a database are told."""
        return {"folder": str(self.folder), "database": f"sqlite+aiosqlite:///{self.folder / 'service.db'}"}

    def note_end(self, job: Job, lost: bool) -> None:
        """Be told by an engine."""
        self.ended.append((job.user_id, lost))

    @asynccontextmanager
    async def engine(
        self, workers: int = 1, per_worker: int = 50, grace_seconds: float = 20, ping_seconds: float = 30
    ) -> AsyncIterator[LocalEngine]:
        """Give an engine whose workers are ready."""
        engine = LocalEngine(
            COMMAND,
            workers,
            per_worker,
            settings={"folder": str(self.folder)},
            grace_seconds=grace_seconds,
            first_delay_seconds=0.01,
            shortest_trial_seconds=1000,
            ping_seconds=ping_seconds,
        )
        await engine.open(self.note_end)
        try:
            await until(lambda: engine.free() == workers * per_worker)
            yield engine
        finally:
            await engine.close()


def job(user_id: int, losses: int = 0, kind: PassKind = PassKind.INITIAL) -> Job:
    """Make a job under the user's first claim."""
    return Job(user_id, 1, kind, losses)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return Bench(tmp_path)


@pytest.fixture
def database_url(bench: Bench) -> str:
    return bench.settings()["database"]


@pytest.fixture
async def scene(database_url: str) -> AsyncIterator[Scene]:
    database = await Database.open(database_url)
    yield Scene(database)
    await database.close()
