"""Many who claim at the same time: in one process and in several, and while the limits change."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

from mailferry.migration.states import UserStatus
from mailferry.store import batches, claims, endpoints, transitions
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from mailferry.store.users import NewUser
from tests.unit.store.claimers import watch, work
from tests.unit.store.scene import Scene

LOGINS = ("admin", "Admin", "second", "third", "fourth")


def some_users(number: int) -> list[NewUser]:
    """Make users that share a few logins."""
    return [NewUser(f"user{n}@example.org", login) for n, login in zip(range(number), cycle(LOGINS), strict=False)]


async def test_no_limit_is_ever_exceeded_by_tasks(database_url: str) -> None:
    opened = [await Database.open(database_url) for _ in range(3)]
    scene = await Scene.make(opened[0], max_migrations=6, max_incremental_syncs=3, max_per_login=2)
    await scene.add(some_users(30))
    watcher = asyncio.create_task(watch(opened[0], scene.source))
    workers = [
        work(database, scene.source, f"w{n}", random.Random(n))
        for n, database in enumerate([*opened, *opened, *opened])
    ]
    async with asyncio.timeout(100):
        working = asyncio.gather(*workers)
        everything: list[asyncio.Future[Any]] = [working, watcher]
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        assert not watcher.done() or watcher.result() is None
        assert sum(await working) == 60
    watcher.cancel()
    await _all_synced(scene, 30)
    for database in opened:
        await database.close()


async def test_limits_that_change_meanwhile_hold_for_the_next_claim(database: Database) -> None:
    """`work` compares what runs with the stored limits in the transaction of each claim."""
    scene = await Scene.make(database, max_migrations=6, max_incremental_syncs=3, max_per_login=2)
    await scene.add(some_users(25))

    async def change() -> None:
        for all_kinds, incremental, login in cycle([(2, 1, 1), (6, 3, 2), (4, 4, 3), (1, 1, 1), (5, 2, 2)]):
            async with database.begin() as connection:
                limits = replace(scene.source, max_migrations=all_kinds, max_incremental_syncs=incremental)
                await endpoints.update(connection, replace(limits, max_per_login=login))
            await asyncio.sleep(0.02)

    changing = asyncio.create_task(change())
    async with asyncio.timeout(100):
        numbers = await asyncio.gather(*(work(database, scene.source, f"w{n}", random.Random(n)) for n in range(6)))
    changing.cancel()
    await asyncio.gather(changing, return_exceptions=True)
    assert sum(numbers) == 50
    await _all_synced(scene, 25)


async def test_no_limit_is_ever_exceeded_by_processes(database_url: str) -> None:
    database = await Database.open(database_url)
    scene = await Scene.make(database, max_migrations=5, max_incremental_syncs=3, max_per_login=2)
    await scene.add(some_users(24))
    program = str(Path(__file__).with_name("claimers.py"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, program, database_url, str(scene.source.id), f"p{n}", env=environment
        )
        for n in range(3)
    ]
    async with asyncio.timeout(150):
        codes = await asyncio.gather(*(process.wait() for process in processes))
    assert codes == [0] * 3
    await _all_synced(scene, 24)
    await database.close()


async def test_claims_and_bulk_changes_do_not_wait_for_each_other_in_a_circle(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=0, max_incremental_syncs=0, max_per_login=0)
    await scene.add(some_users(200))
    only = Selection(batch_id=scene.batch.id)

    async def stop_and_start() -> None:
        for _ in range(8):
            async with database.begin() as connection:
                await transitions.stop(connection, only, 10.0)
            async with database.begin() as connection:
                await transitions.start(connection, only, 10.0)

    async def claim_and_give_back(worker: str) -> None:
        for _ in range(8):
            async with database.begin() as connection:
                found = await claims.claim(connection, scene.source, worker, 10.0, most=50)
            async with database.begin() as connection:
                await claims.lost(connection, worker, 10.0)
            assert len(found) <= 50

    async with asyncio.timeout(100):
        await asyncio.gather(stop_and_start(), stop_and_start(), claim_and_give_back("a"), claim_and_give_back("b"))
    async with database.connect() as connection:
        assert (await batches.counts(connection, [scene.batch.id]))[scene.batch.id].total == 200


async def _all_synced(scene: Scene, number: int) -> None:
    async with scene.database.connect() as connection:
        counts = (await batches.counts(connection, [scene.batch.id]))[scene.batch.id]
    assert counts.by_status == {UserStatus.SYNCED: number}
