from __future__ import annotations

from dataclasses import replace

import pytest

from mailferry.migration.model import Durations, Failure
from mailferry.migration.states import (
    CLAIMABLE,
    USER_ACTIONS,
    Action,
    Outcome,
    PassKind,
    UserStatus,
    user_goes_on,
)
from mailferry.store import batches, transitions, users
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from tests.unit.store.scene import REACHABLE, Scene, add_batch, due, new_users

ACTIONS = {
    Action.START: transitions.start,
    Action.STOP: transitions.stop,
    Action.SYNC_NOW: transitions.sync_now,
    Action.COMPLETE: transitions.complete,
    Action.REMOVE: transitions.remove,
}


async def test_an_action_touches_only_users_in_the_states_that_allow_it(database: Database) -> None:
    for action, change in ACTIONS.items():
        scene = await Scene.make(database, max_migrations=0, max_incremental_syncs=0)
        ids = {await scene.at(status): status for status in REACHABLE}
        before = {user_id: await scene.user(user_id) for user_id in ids}
        async with database.begin() as connection:
            number = await change(connection, Selection(batch_id=scene.batch.id), 50.0)
        allowed = {user_id for user_id, status in ids.items() if status in USER_ACTIONS[action]}
        assert number == len(allowed)
        for user_id in ids:
            assert (await scene.user(user_id) == before[user_id]) == (user_id not in allowed)


async def test_where_each_state_goes_when_it_is_started(database: Database) -> None:
    scene = await Scene.make(database)
    for status in sorted(USER_ACTIONS[Action.START]):
        user_id = await scene.at(status)
        before = await scene.user(user_id)
        async with database.begin() as connection:
            await transitions.start(connection, Selection(user_ids=[user_id]), 100.0)
        user = await scene.user(user_id)
        kind = user_goes_on(status, before.initial_synced_at is not None)
        assert kind is not None
        assert (user.next_kind, user.due_at) == (kind, 100.0)
        assert user.status is (UserStatus.COMPLETING if kind is PassKind.COMPLETION else UserStatus.QUEUED)
        assert user.status in CLAIMABLE[kind]


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (UserStatus.QUEUED, UserStatus.STOPPED),
        (UserStatus.SYNCED, UserStatus.INCREMENTAL_STOPPED),
        (UserStatus.INCREMENTAL_FAILED, UserStatus.INCREMENTAL_STOPPED),
        (UserStatus.SYNCING, UserStatus.STOPPING),
        (UserStatus.INCREMENTAL_SYNCING, UserStatus.STOPPING),
        (UserStatus.COMPLETING, UserStatus.STOPPING),
    ],
)
async def test_where_each_state_goes_when_it_is_stopped(
    database: Database, status: UserStatus, after: UserStatus
) -> None:
    scene = await Scene.make(database)
    user_id = await scene.at(status)
    claimed = (await scene.user(user_id)).claimed_by
    async with database.begin() as connection:
        assert await transitions.stop(connection, Selection(user_ids=[user_id]), 5.0) == 1
    user = await scene.user(user_id)
    assert (user.status, user.claimed_by, user.next_kind, user.due_at) == (after, claimed, None, None)


async def test_a_user_that_waits_for_its_completion_or_its_second_start_stops_as_synced(database: Database) -> None:
    scene = await Scene.make(database)
    waiting, restarted = await scene.synced(2)
    async with database.begin() as connection:
        await transitions.complete(connection, Selection(user_ids=[waiting]), 1.0)
        await transitions.stop(connection, Selection(user_ids=[restarted]), 1.0)
        await transitions.start(connection, Selection(user_ids=[restarted]), 2.0)
        assert await transitions.stop(connection, Selection(batch_id=scene.batch.id), 3.0) == 2
    for user_id in (waiting, restarted):
        assert (await scene.user(user_id)).status is UserStatus.INCREMENTAL_STOPPED


async def test_a_start_forgets_the_failure(database: Database) -> None:
    scene = await Scene.make(database)
    (user_id,) = await scene.add(1)
    failure = Failure("over-quota", "full", "target", "Free space.", "after-repair", 1.0)
    for at in (1.0, 2.0):
        (claim,) = await scene.claim(at)
        await scene.finish(claim, Outcome.WAIT, at, failure=failure, due_in_seconds=0.0, stalled_reason="Target: full")
    (claim,) = await scene.claim(3.0)
    await scene.finish(claim, Outcome.FAILED, 3.0, failure=failure)
    assert (await scene.user(user_id)).failure == failure
    async with database.begin() as connection:
        await transitions.start(connection, Selection(user_ids=[user_id]), 4.0)
    user = await scene.user(user_id)
    assert (user.failure, user.attempts, user.stalled_reason) == (Failure(), 0, "")


async def test_a_start_waits_for_the_users_own_moment(database: Database) -> None:
    scene = await Scene.make(database)
    early, late = await scene.add(2, start=False)
    async with database.begin() as connection:
        await users.settings(connection, early, start_after=5.0)
        await users.settings(connection, late, start_after=500.0)
        await transitions.start(connection, Selection(batch_id=scene.batch.id), 100.0)
    assert await due(database, early) == (PassKind.INITIAL, 100.0)
    assert await due(database, late) == (PassKind.INITIAL, 500.0)
    assert [claim.user_id for claim in await scene.claim(499.0)] == [early]


async def test_what_waits_after_an_error_is_tried_again_at_once(database: Database) -> None:
    scene = await Scene.make(database)
    waiting, later, running, queued = await scene.add(4)
    claims = {claim.user_id: claim for claim in await scene.claim(1.0, most=4)}
    for user_id in (waiting, later, running):
        due_in = 0.0 if user_id == running else 900.0
        await scene.finish(claims[user_id], Outcome.WAIT, 2.0, due_in_seconds=due_in, stalled_reason="Target: busy")
    await scene.finish(claims[queued], Outcome.DONE, 2.0, due_in_seconds=900.0)
    assert [claim.user_id for claim in await scene.claim(3.0)] == [running]
    async with database.begin() as connection:
        await users.settings(connection, later, start_after=500.0)
        assert await transitions.try_again(connection, Selection(batch_id=scene.batch.id), 10.0) == 2
    assert await due(database, waiting) == (PassKind.INITIAL, 10.0)
    assert await due(database, later) == (PassKind.INITIAL, 500.0)
    assert await due(database, queued) == (PassKind.INCREMENTAL, 902.0)
    assert [(await scene.user(user_id)).attempts for user_id in (waiting, later, running)] == [0, 0, 1]
    assert (await scene.user(waiting)).stalled_reason == "Target: busy", "until the pass begins"


async def test_sync_now_makes_the_next_pass_due(database: Database) -> None:
    scene = await Scene.make(database)
    (user_id,) = await scene.add(1)
    (claim,) = await scene.claim(1.0)
    await scene.finish(claim, Outcome.DONE, 2.0, due_in_seconds=86_400.0)
    assert await due(database, user_id) == (PassKind.INCREMENTAL, 86_402.0)
    async with database.begin() as connection:
        assert await transitions.sync_now(connection, Selection(batch_id=scene.batch.id), 10.0) == 1
    assert await due(database, user_id) == (PassKind.REQUESTED, 10.0)
    assert (await scene.user(user_id)).status is UserStatus.SYNCED


async def test_a_removed_user_keeps_the_claim_of_its_pass(database: Database) -> None:
    scene = await Scene.make(database)
    user_id = await scene.at(UserStatus.SYNCING)
    async with database.begin() as connection:
        await transitions.remove(connection, Selection(batch_id=scene.batch.id), 5.0)
    user = await scene.user(user_id)
    assert (user.status, user.claimed_by, user.next_kind) == (UserStatus.REMOVING, "w", None)


async def test_selections_are_narrowed_by_all_that_is_given(database: Database) -> None:
    scene, other = await Scene.make(database), await Scene.make(database)
    (queued,) = await scene.add(new_users(1, "a"))
    (stopped,) = await scene.add(new_users(1, "b"), start=False)
    (elsewhere,) = await other.add(1)
    async with database.begin() as connection:
        chosen = Selection(scene.batch.id, [queued, stopped, elsewhere], [UserStatus.QUEUED])
        assert await transitions.remove(connection, chosen, 1.0) == 1
        assert await transitions.remove(connection, Selection(user_ids=[]), 1.0) == 0
    assert (await scene.user(queued)).status is UserStatus.REMOVING


async def test_more_ids_than_a_statement_takes(database: Database) -> None:
    scene = await Scene.make(database)
    (user_id,) = await scene.add(1)
    async with database.begin() as connection:
        many = Selection(user_ids=range(user_id, user_id + 70_000))
        assert await transitions.stop(connection, many, 1.0) == 1


async def test_completions_that_are_due_begin(database: Database) -> None:
    scene = await Scene.make(database)
    at_once, later, none, syncing = await scene.synced(4)
    await scene.add(new_users(1, "queued"))
    async with database.begin() as connection:
        await users.settings(connection, at_once, complete_after=50.0)
        await users.settings(connection, later, complete_after=500.0)
        await transitions.sync_now(connection, Selection(user_ids=[syncing]), 1.0)
    await scene.claim(1.0, kinds=[PassKind.REQUESTED])

    async def begin(now: float) -> list[int]:
        async with database.begin() as connection:
            return await transitions.begin_due_completions(connection, now)

    assert await begin(49.0) == []
    assert await begin(50.0) == [scene.batch.id]
    assert await begin(50.0) == []
    async with database.begin() as connection:
        found = await batches.by_id(connection, scene.batch.id)
        assert found is not None
        await batches.update(connection, replace(found, complete_after=100.0))
    assert await begin(99.0) == []
    assert await begin(100.0) == [scene.batch.id]
    statuses = [(await scene.user(user_id)).status for user_id in (at_once, later, none, syncing)]
    completing = UserStatus.COMPLETING
    assert statuses == [completing, UserStatus.SYNCED, completing, UserStatus.INCREMENTAL_SYNCING]
    assert await due(database, none) == (PassKind.COMPLETION, 100.0)
    assert await begin(500.0) == [scene.batch.id]


async def test_a_batch_that_is_due_does_not_complete_the_users_of_another(database: Database) -> None:
    scene = await Scene.make(database)
    async with database.begin() as connection:
        scene.batch = await add_batch(connection, scene.source, scene.target, complete_after=10.0)
    (mine,) = await scene.synced(1)
    async with database.begin() as connection:
        scene.batch = await add_batch(connection, scene.source, scene.target, complete_after=None)
    (theirs,) = await scene.synced(1)
    async with database.begin() as connection:
        await users.settings(connection, theirs, complete_after=20.0)
        assert len(await transitions.begin_due_completions(connection, 10.0)) == 1
    assert (await scene.user(mine)).status is UserStatus.COMPLETING
    assert (await scene.user(theirs)).status is UserStatus.SYNCED


async def test_time_goes_to_the_part_in_which_it_was_spent(database: Database) -> None:
    scene = await Scene.make(database)
    (user_id,) = await scene.add(1, now=100.0)
    (claim,) = await scene.claim(110.0)
    await scene.finish(claim, Outcome.WAIT, 130.0, due_in_seconds=0.0, stalled_reason="Target: busy")
    (claim,) = await scene.claim(170.0)
    await scene.finish(claim, Outcome.DONE, 250.0, due_in_seconds=86_400.0)
    async with database.begin() as connection:
        await transitions.stop(connection, Selection(user_ids=[user_id]), 410.0)
        await transitions.start(connection, Selection(user_ids=[user_id]), 1000.0)
    user = await scene.user(user_id)
    assert user.durations == Durations(queued=10.0, in_progress=100.0, synced=160.0, stalled=40.0)
    assert user.status_at == 1000.0


async def test_a_clock_that_goes_back_takes_no_time_away(database: Database) -> None:
    scene = await Scene.make(database)
    (user_id,) = await scene.add(1, now=100.0)
    async with database.begin() as connection:
        await transitions.stop(connection, Selection(user_ids=[user_id]), 50.0)
    assert (await scene.user(user_id)).durations == Durations()
