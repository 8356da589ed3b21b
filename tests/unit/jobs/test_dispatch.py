"""What runs when, and what becomes of it: the real store, an engine that only takes notes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mailferry.jobs import removing
from mailferry.migration.states import BatchStatus, Outcome, PassKind, UserStatus
from mailferry.store import claims, endpoints, transitions, users
from tests.unit.jobs.conftest import until
from tests.unit.jobs.scene import DAY, Scene, kinds

B, U = BatchStatus, UserStatus


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/service.db"
    return str(request.getfixturevalue("postgres_database"))


async def test_a_batch_from_start_to_synced(scene: Scene) -> None:
    batch = await scene.batch(2)
    await scene.tick()
    assert [(job.kind, job.fence) for job in scene.running()] == [(PassKind.INITIAL, 1)] * 2
    assert await scene.status(batch) is B.SYNCING
    await scene.finish(scene.running()[0])
    await scene.tick(10)
    assert await scene.status(batch) is B.SYNCING
    await scene.finish(*scene.running())
    await scene.tick(10)
    synced = await scene.again(batch)
    assert synced is not None
    assert (synced.status, synced.initial_synced_at, synced.last_synced_at) == (B.SYNCED, scene.now, scene.now)
    assert await scene.events("batch") == [
        {"status": "Syncing", "counts": {"Syncing": 2}},
        {"status": "Synced", "counts": {"Synced": 2}},
    ]
    assert (
        await scene.events("user") == [{"status": "Syncing", "kind": "initial"}] * 2
    )  # how it ended, the worker tells


async def test_limits_hold(scene: Scene) -> None:
    source = await scene.endpoint(max_migrations=3, max_incremental_syncs=1)
    await scene.batch(5, source=source)
    await scene.tick()
    assert len(scene.running()) == 3
    await scene.finish(scene.running()[0], due_in_seconds=0)
    await scene.tick(1)
    assert sorted(job.kind for job in scene.running()) == ["incremental", "initial", "initial"]
    await scene.finish(*[job for job in scene.running() if job.kind is PassKind.INITIAL], due_in_seconds=0)
    await scene.tick(1)
    assert sorted(job.kind for job in scene.running()) == ["incremental", "initial", "initial"]
    await scene.finish(*[job for job in scene.running() if job.kind is PassKind.INITIAL], due_in_seconds=0)
    await scene.tick(1)
    assert sorted(job.kind for job in scene.running()) == ["incremental"]


async def test_a_limit_may_be_raised_while_passes_run(scene: Scene) -> None:
    from dataclasses import replace

    source = await scene.endpoint(max_migrations=1)
    await scene.batch(3, source=source)
    await scene.tick()
    assert len(scene.running()) == 1
    async with scene.database.begin() as connection:
        await endpoints.update(connection, replace(source, max_migrations=2))
    await scene.tick()
    assert len(scene.running()) == 2


async def test_no_more_is_claimed_than_the_engine_can_take(scene: Scene) -> None:
    scene.engine.capacity = 2
    batch = await scene.batch(5)
    await scene.tick()
    assert len(scene.running()) == 2
    assert (await scene.statuses(batch)).count(U.QUEUED) == 3


async def test_endpoints_share_what_is_free(scene: Scene) -> None:
    sources = [await scene.endpoint(name) for name in ("a", "b", "c")]
    first, second, third = [
        await scene.batch(size, name=f"batch {source.name}", source=source)
        for source, size in zip(sources, (9, 9, 1), strict=True)
    ]
    scene.engine.capacity = 7
    await scene.tick()
    running = [sum(s is U.SYNCING for s in await scene.statuses(batch)) for batch in (first, second, third)]
    assert running in ([3, 3, 1], [4, 2, 1], [2, 4, 1])
    for _ in range(2):  # one place at a time: they take turns
        before = [await scene.statuses(batch) for batch in (first, second)]
        for _ in range(2):
            await scene.finish(scene.running()[0])
            await scene.tick()
        after = [await scene.statuses(batch) for batch in (first, second)]
        assert [a.count(U.QUEUED) - b.count(U.QUEUED) for a, b in zip(after, before, strict=True)] == [-1, -1]


async def test_a_stop_is_passed_on(scene: Scene) -> None:
    scene.engine.capacity = 1
    batch = await scene.batch(2)
    await scene.tick()
    (job,) = scene.running()
    await scene.transition(transitions.stop, batch)
    await scene.set_status(batch, B.STOPPING)
    await scene.tick()
    assert scene.engine.stopped == [job.user_id]
    assert sorted(await scene.statuses(batch)) == [U.STOPPED, U.STOPPING]
    await scene.finish(job, outcome=Outcome.STOPPED)
    await scene.tick()
    assert await scene.statuses(batch) == [U.STOPPED] * 2
    assert await scene.status(batch) is B.STOPPED
    await scene.tick(DAY)
    assert scene.running() == []


async def test_a_pass_that_was_stopped_before_it_began_counts_as_stopped(scene: Scene) -> None:
    batch = await scene.batch(1)
    await scene.tick()
    await scene.transition(transitions.stop, batch)
    scene.engine.end(scene.running()[0].user_id)
    await scene.tick()
    assert await scene.statuses(batch) == [U.STOPPED]
    assert (await scene.events("user"))[-1] == {"status": "Stopped", "kind": "initial"}


async def test_a_batch_waits_for_its_moment(scene: Scene) -> None:
    batch = await scene.batch(1, B.WAITING, start_after=scene.now + 60)
    await scene.tick()
    await scene.tick(59)
    assert (await scene.status(batch), scene.running()) == (B.WAITING, [])
    await scene.tick(5)
    started = await scene.again(batch)
    assert started is not None
    assert (started.status, started.started_at) == (B.SYNCING, scene.now)
    assert len(scene.running()) == 1


async def test_a_batch_whose_moment_was_taken_back_starts_when_woken(scene: Scene) -> None:
    batch = await scene.batch(1, B.WAITING)
    await scene.tick()
    assert await scene.status(batch) is B.SYNCING


async def test_a_batch_completes_after_its_moment_and_a_user_after_its_own(scene: Scene) -> None:
    batch = await scene.batch(2, complete_after=scene.now + 1000)
    await scene.tick()
    first, second = sorted(job.user_id for job in scene.running())
    async with scene.database.begin() as connection:
        await users.settings(connection, second, complete_after=scene.now + 2000)
    await scene.finish(*scene.running())
    await scene.tick(900)
    assert (await scene.status(batch), scene.running()) == (B.SYNCED, [])
    await scene.tick(100)
    assert [(job.user_id, job.kind) for job in scene.running()] == [(first, PassKind.COMPLETION)]
    assert await scene.status(batch) is B.COMPLETING
    await scene.finish(*scene.running(), due_in_seconds=None)
    await scene.tick(10)
    assert await scene.statuses(batch) == [U.COMPLETED, U.SYNCED]
    assert await scene.status(batch) is B.SYNCED
    await scene.tick(990)
    assert [(job.user_id, job.kind) for job in scene.running()] == [(second, PassKind.COMPLETION)]
    await scene.finish(*scene.running(), due_in_seconds=None, outcome=Outcome.DONE_WITH_SKIPS)
    await scene.tick(10)
    done = await scene.again(batch)
    assert done is not None
    assert (done.status, done.finalized_at) == (B.COMPLETED, scene.now)


async def test_an_incremental_sync_runs_each_day(scene: Scene) -> None:
    batch = await scene.batch(1)
    await scene.tick()
    await scene.finish(*scene.running())
    await scene.tick(DAY - 1)
    assert scene.running() == []
    for day in range(2):
        await scene.tick(1 if day == 0 else DAY)
        assert kinds(scene.running()) == {"incremental"}
        assert await scene.status(batch) is B.INCREMENTAL_SYNCING
        await scene.finish(*scene.running())
        await scene.tick()
        synced = await scene.again(batch)
        assert synced is not None
        assert (synced.status, synced.last_synced_at) == (B.SYNCED, scene.now)


async def test_failed_users_are_told_by_the_batch(scene: Scene) -> None:
    batch = await scene.batch(2)
    await scene.tick()
    first, second = scene.running()
    await scene.finish(first, outcome=Outcome.FAILED, due_in_seconds=None)
    await scene.finish(second)
    await scene.tick()
    assert await scene.status(batch) is B.SYNCED_WITH_ERRORS


async def test_waking_looks_at_once(scene: Scene) -> None:
    batch = await scene.batch(1)
    await scene.tick()
    await scene.finish(*scene.running())
    await scene.tick()
    await scene.transition(transitions.stop, batch)
    await scene.set_status(batch, B.STOPPING)
    await scene.tick()
    assert await scene.status(batch) is B.STOPPING  # nobody said that there is something to look at
    scene.dispatcher.wake()
    await scene.tick()
    assert await scene.status(batch) is B.STOPPED


# Removal


async def test_a_batch_goes_when_no_pass_runs_any_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "BITE", 2)
    scene.engine.capacity = 1
    batch = await scene.batch(5)
    other = await scene.batch(1, B.CREATED, name="other")
    await scene.tick()
    (job,) = scene.running()
    await scene.transition(transitions.remove, batch)
    await scene.set_status(batch, B.REMOVING)
    scene.dispatcher.wake()
    for _ in range(4):
        await scene.tick()
    assert scene.engine.stopped[0] == job.user_id
    assert [user.id for user in await scene.users(batch)] == [job.user_id]
    scene.engine.end(job.user_id)
    for _ in range(3):
        await scene.tick()
    assert await scene.again(batch) is None
    assert sum(number for _, number in scene.removed) == 5
    assert {name for name, _ in scene.removed} == {"batch"}
    assert (await scene.events("batch"))[-1] == {"status": "Removed", "counts": {}}
    assert len(await scene.users(other)) == 1


async def test_one_user_goes_from_a_batch_at_rest(scene: Scene) -> None:
    batch = await scene.batch(2, B.CREATED)
    await scene.tick()
    gone, stays = await scene.users(batch)
    await scene.transition(transitions.remove, batch, gone.id)
    scene.dispatcher.wake([batch.id])
    await scene.tick()
    assert [user.id for user in await scene.users(batch)] == [stays.id]
    assert await scene.status(batch) is B.CREATED


async def test_users_added_to_a_batch_that_goes_go_too(scene: Scene) -> None:
    batch = await scene.batch(1, B.CREATED)
    await scene.set_status(batch, B.REMOVING)
    for _ in range(4):
        await scene.tick()
    assert await scene.again(batch) is None


async def test_a_removal_that_fails_is_tried_again(scene: Scene) -> None:
    batch = await scene.batch(1, B.CREATED)
    other = await scene.batch(1, name="other")
    await scene.transition(transitions.remove, batch)
    await scene.set_status(batch, B.REMOVING)
    scene.removal_fails = True
    await scene.tick()
    assert len(await scene.users(batch)) == 1
    assert await scene.status(other) is B.SYNCING
    scene.removal_fails = False
    await scene.tick(10)
    await scene.tick()
    assert await scene.again(batch) is None


# Losses


async def test_what_an_earlier_life_claimed_begins_again(scene: Scene) -> None:
    batch = await scene.batch(3)
    source = await scene.endpoint("elsewhere")
    await scene.batch(1, name="other", source=source)
    async with scene.database.begin() as connection:
        mine = await endpoints.by_id(connection, batch.source_endpoint_id)
        assert mine is not None
        assert len(await claims.claim(connection, mine, "one/", scene.now, most=3)) == 3
        assert len(await claims.claim(connection, source, "one-more/", scene.now, most=3)) == 1
    await scene.tick()
    assert [(job.kind, job.fence, job.losses) for job in scene.running()] == [(PassKind.INITIAL, 2, 0)] * 3


async def test_the_third_loss_in_a_row_ends_it(scene: Scene) -> None:
    batch = await scene.batch(2)
    for losses in range(3):
        await scene.tick(60)
        poison, innocent = sorted(scene.running(), key=lambda job: job.user_id)
        assert poison.losses == losses
        scene.engine.end(poison.user_id, lost=True)
        if losses == 1:
            await scene.finish(innocent, due_in_seconds=0)
        else:
            scene.engine.end(innocent.user_id, lost=True)
        await scene.tick()
    await scene.tick(60)
    failed, well = await scene.users(batch)
    assert (failed.status, failed.failure.code, failed.due_at) == (U.FAILED, "worker-lost", None)
    assert well.status is U.INCREMENTAL_SYNCING
    assert {job.losses for job in scene.running()} == {1}
    await scene.transition(transitions.start, batch, failed.id)
    await scene.tick(60)
    assert sorted(job.losses for job in scene.running()) == [0, 1]


async def test_a_job_that_was_handed_back_is_no_loss(scene: Scene) -> None:
    await scene.batch(1)
    for _ in range(5):
        await scene.tick()
        (job,) = scene.running()
        assert job.losses == 0
        scene.engine.end(job.user_id)


async def test_a_worker_that_vanished_after_the_end_of_the_pass_loses_nothing(scene: Scene) -> None:
    batch = await scene.batch(1)
    await scene.tick()
    (job,) = scene.running()
    await scene.finish(job, end=False, due_in_seconds=0)
    scene.engine.end(job.user_id, lost=True)
    await scene.tick()
    assert [(job.kind, job.losses) for job in scene.running()] == [(PassKind.INCREMENTAL, 0)]
    assert await scene.statuses(batch) == [U.INCREMENTAL_SYNCING]


async def test_a_user_has_one_job_at_a_time(scene: Scene) -> None:
    await scene.batch(1)
    await scene.tick()
    (job,) = scene.running()
    await scene.finish(job, end=False, due_in_seconds=0)
    await scene.tick(10)
    await scene.tick(10)
    assert scene.running() == [job]
    scene.engine.end(job.user_id)
    await scene.tick(10)
    assert kinds(scene.running()) == {"incremental"}


async def test_a_claim_that_nobody_knows_of_is_given_back(scene: Scene) -> None:
    batch = await scene.batch(1)
    await scene.tick(DAY)
    (job,) = scene.running()
    async with scene.database.begin() as connection:  # as if the answer to the commit had been lost
        await claims.finish(connection, job.user_id, job.fence, Outcome.LOST, scene.now)
        source = await endpoints.by_id(connection, batch.source_endpoint_id)
        assert source is not None
        await claims.claim(connection, source, "one/", scene.now, most=1)
    await scene.tick()
    assert scene.engine.stopped == [job.user_id]  # it has no claim any more
    scene.engine.end(job.user_id)
    await scene.tick(10)
    assert [job.fence for job in scene.running()] == [3]


# The loop


async def test_the_loop_works_until_it_is_cancelled(scene: Scene) -> None:
    batch = await scene.batch(1)
    loop = asyncio.create_task(scene.dispatcher.run())
    await until(lambda: len(scene.running()) == 1)
    await scene.finish(*scene.running(), due_in_seconds=0)

    def incremental() -> bool:
        scene.now += 1
        return kinds(scene.running()) == {"incremental"}

    await until(incremental)
    loop.cancel()
    await asyncio.wait((loop,))
    assert loop.cancelled()
    assert scene.running() == []
    assert [(user.status, user.claimed_by) for user in await scene.users(batch)] == [(U.SYNCED, "")]


async def test_errors_of_the_database_do_not_end_the_loop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            monkeypatch.undo()

    def broken() -> object:
        raise OSError("the disk is gone")

    monkeypatch.setattr(scene.database, "begin", broken)
    scene.dispatcher = scene.new_dispatcher("one", sleep=sleep)
    loop = asyncio.create_task(scene.dispatcher.run())
    await until(lambda: len(pauses) == 3)
    await scene.batch(1)
    await until(lambda: len(scene.running()) == 1)
    loop.cancel()
    await asyncio.wait((loop,))
    assert pauses[:3] == [1, 2, 4]
    assert [record.message for record in caplog.records] == ["dispatcher failed"] * 3
