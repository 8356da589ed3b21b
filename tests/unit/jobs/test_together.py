"""The dispatcher, the local engine, worker processes and the store, all of them real."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mailferry.jobs.dispatch import Dispatcher
from mailferry.jobs.local import LocalEngine
from mailferry.migration.model import Batch
from mailferry.migration.states import BatchStatus, UserStatus
from mailferry.store import transitions
from tests.unit.jobs.conftest import COMMAND, Bench, alive, until
from tests.unit.jobs.scene import Scene

B, U = BatchStatus, UserStatus
TRIALS_SECONDS = 120.0
"""A trial lasts twice as long as the worker lived before, which is long on a busy machine, and they come one by one."""

PARENT = """
import asyncio, json, sys, time
from mailferry.jobs.dispatch import Dispatcher
from mailferry.jobs.local import LocalEngine
from mailferry.store.database import Database

async def main():
    settings = json.loads(sys.argv[1])
    database = await Database.open(settings["database"])
    await Dispatcher(database, LocalEngine(sys.argv[2:], 2, settings=settings), "one", time.time).run()

asyncio.run(main())
"""


@pytest.fixture
def now(scene: Scene) -> None:
    """Let the users be due by the clock of the workers."""
    scene.now = time.time()


@asynccontextmanager
async def service(bench: Bench, scene: Scene, workers: int = 1) -> AsyncIterator[tuple[Dispatcher, LocalEngine]]:
    engine = LocalEngine(
        COMMAND, workers, settings=bench.settings(), first_delay_seconds=0.01, shortest_trial_seconds=0.05
    )
    dispatcher = Dispatcher(scene.database, engine, "one", time.time, tick_seconds=0.05)
    loop = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher, engine
    finally:
        loop.cancel()
        await asyncio.wait((loop,))


async def until_batch(scene: Scene, batch: Batch, wanted: Callable[[BatchStatus], bool]) -> None:
    async with asyncio.timeout(60):
        while not wanted(await scene.status(batch)):
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("now")
async def test_a_batch_is_synced(bench: Bench, scene: Scene) -> None:
    batch = await scene.batch(40)
    async with service(bench, scene, workers=2):
        await until_batch(scene, batch, lambda status: status is B.SYNCED)
    assert await scene.statuses(batch) == [U.SYNCED] * 40
    assert sorted(bench.begun()) == sorted(user.id for user in await scene.users(batch))


@pytest.mark.usefixtures("now")
async def test_a_stop_ends_a_running_pass(bench: Bench, scene: Scene) -> None:
    batch = await scene.batch(2)
    for user in await scene.users(batch):
        bench.word(user.id, "long")
    async with service(bench, scene) as (dispatcher, _):
        await until(lambda: len(bench.begun()) == 2)
        await scene.transition(transitions.stop, batch)
        await scene.set_status(batch, B.STOPPING)
        dispatcher.wake()
        await until_batch(scene, batch, lambda status: status is B.STOPPED)
    assert await scene.statuses(batch) == [U.STOPPED] * 2


@pytest.mark.usefixtures("now")
async def test_after_the_death_of_a_worker_its_passes_run_again(
    bench: Bench, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailferry.jobs.dispatch.SECONDS_PER_LOSS", 0.01)
    batch = await scene.batch(3)
    for user in await scene.users(batch):
        bench.word(user.id, "long")
    async with service(bench, scene) as (_, engine):
        await until(lambda: len(bench.begun()) == 3)
        for user in await scene.users(batch):
            bench.word(user.id, "quick")
        os.kill(engine.process_ids()[0], signal.SIGKILL)
        await until_batch(scene, batch, lambda status: status is B.SYNCED)
    assert {note[3] for note in bench.notes("begin")} == {"1", "2"}


@pytest.mark.usefixtures("now")
async def test_a_poisonous_mailbox_fails_alone(bench: Bench, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailferry.jobs.dispatch.SECONDS_PER_LOSS", 0.01)
    batch = await scene.batch(4)
    poison, *others = await scene.users(batch)
    bench.word(poison.id, "die")
    for user in others:
        bench.word(user.id, "long")
    async with service(bench, scene) as (dispatcher, _):
        await until_batch(scene, batch, lambda status: status is not B.STARTING)
        async with asyncio.timeout(TRIALS_SECONDS):
            while U.FAILED not in await scene.statuses(batch):
                await asyncio.sleep(0.02)
        await until(lambda: len(set(bench.begun())) == 4, TRIALS_SECONDS)
        statuses = await scene.statuses(batch)
        assert (statuses[0], statuses.count(U.FAILED)) == (U.FAILED, 1)
        for user in others:
            bench.word(user.id, "quick")
        await scene.transition(transitions.stop, batch)
        dispatcher.wake()
        await until_batch(scene, batch, lambda status: status is B.STOPPED)


@pytest.mark.usefixtures("now")
async def test_closing_hands_back_and_the_next_start_goes_on(bench: Bench, scene: Scene) -> None:
    batch = await scene.batch(2)
    for user in await scene.users(batch):
        bench.word(user.id, "long")
    async with service(bench, scene):
        await until(lambda: len(bench.begun()) == 2)
    assert [(user.status, user.claimed_by) for user in await scene.users(batch)] == [(U.QUEUED, "")] * 2
    for user in await scene.users(batch):
        bench.word(user.id, "quick")
    async with service(bench, scene):
        await until_batch(scene, batch, lambda status: status is B.SYNCED)


@pytest.mark.usefixtures("now")
async def test_a_killed_service_leaves_no_process_and_the_next_one_goes_on(bench: Bench, scene: Scene) -> None:
    batch = await scene.batch(4)
    for user in await scene.users(batch):
        bench.word(user.id, "long")
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", PARENT, json.dumps(bench.settings()), *COMMAND], cwd=root) as parent:
        try:
            await until(lambda: len(bench.begun()) == 4)
        finally:
            parent.kill()
    workers = {int(note[4]) for note in bench.notes("begin")}
    await until(lambda: not any(map(alive, workers)))
    assert {user.claimed_by for user in await scene.users(batch)} == {"one/"}
    for user in await scene.users(batch):
        bench.word(user.id, "quick")
    async with service(bench, scene):
        await until_batch(scene, batch, lambda status: status is B.SYNCED)
    assert {note[3] for note in bench.notes("begin")} == {"1", "2"}
