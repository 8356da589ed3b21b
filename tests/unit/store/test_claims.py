from __future__ import annotations

from dataclasses import replace

import pytest

from mailferry.migration.model import Failure, Progress
from mailferry.migration.states import AFTER_PASS, CLAIMABLE, RUNNING, Outcome, PassKind, UserStatus
from mailferry.store import claims, endpoints, transitions, users
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from mailferry.store.users import NewUser
from tests.unit.store.scene import DAY, Scene, add_batch, due, new_users

DONE = (Outcome.DONE, Outcome.DONE_WITH_SKIPS)


async def claimed(scene: Scene, kind: PassKind, now: float = 0.0) -> claims.Claim:
    """Add a user and claim a pass of this kind for it."""
    if kind is PassKind.INITIAL:
        await scene.add(1, now)
    elif kind is PassKind.INCREMENTAL:
        await scene.synced(1, now, due_in_seconds=0.0)
    else:
        await scene.synced(1, now)
        async with scene.database.begin() as connection:
            change = transitions.complete if kind is PassKind.COMPLETION else transitions.sync_now
            await change(connection, Selection(batch_id=scene.batch.id), now)
    (claim,) = await scene.claim(now)
    assert claim.kind is kind
    return claim


async def test_a_claim_makes_the_user_run(database: Database) -> None:
    for kind in PassKind:
        scene = await Scene.make(database)
        claim = await claimed(scene, kind)
        user = await scene.user(claim.user_id)
        assert user.status is RUNNING[kind]
        assert (user.running_kind, user.claimed_by, user.fence) == (kind, "w", claim.fence)
        assert (user.next_kind, user.due_at) == (None, None)
        assert await scene.claim(1000.0) == []


async def test_nothing_is_claimed_before_it_is_due(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add(1, now=100.0)
    assert await scene.claim(99.0) == []
    assert len(await scene.claim(100.0)) == 1


async def test_the_order_is_priority_then_age_then_id(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=0)
    late = await scene.add(new_users(2, "late"), now=20.0)
    early = await scene.add(new_users(2, "early"), now=10.0)
    high = await scene.add(new_users(2, "high"), now=30.0)
    async with database.begin() as connection:
        for user_id in high:
            await users.settings(connection, user_id, priority=5)
    order = [claim.user_id for claim in await scene.claim(100.0)]
    assert order == [*high, *early, *late]


async def test_kinds_are_in_one_order(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=0, max_incremental_syncs=0)
    synced = await scene.synced(2)
    queued = await scene.add(new_users(2, "queued"), now=20.0)
    async with database.begin() as connection:
        await transitions.sync_now(connection, Selection(user_ids=[synced[0]]), 10.0)
        await transitions.complete(connection, Selection(user_ids=[synced[1]]), 30.0)
    assert [claim.user_id for claim in await scene.claim(100.0, most=3)] == [synced[0], *queued]
    assert [claim.kind for claim in await scene.claim(100.0)] == [PassKind.COMPLETION]


async def test_only_the_kinds_that_are_asked_for(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add(1)
    assert await scene.claim(1.0, kinds=[PassKind.INCREMENTAL, PassKind.COMPLETION]) == []
    assert await scene.claim(1.0, kinds=[]) == []
    assert len(await scene.claim(1.0, kinds=[PassKind.INITIAL])) == 1


async def test_limits_of_all_passes_and_of_incremental_ones(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=0, max_incremental_syncs=0, max_per_login=0)
    await scene.synced(10)
    await scene.add(new_users(10, "queued"), now=2.0)
    async with database.begin() as connection:
        await transitions.sync_now(connection, Selection(batch_id=scene.batch.id), 1.0)
        await endpoints.update(connection, replace(scene.source, max_migrations=7, max_incremental_syncs=3))
    # The scene's record of the endpoint is out of date; what is stored counts.
    kinds = [claim.kind for claim in await scene.claim(5.0)]
    assert len(kinds) == 7
    assert kinds.count(PassKind.REQUESTED) == 3
    assert await scene.claim(5.0) == []
    assert await scene.claim(5.0, kinds=[PassKind.REQUESTED]) == []


async def test_stopping_and_removed_users_count_until_their_passes_have_ended(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=2)
    await scene.add(4)
    first, second = await scene.claim(1.0)
    async with database.begin() as connection:
        await transitions.stop(connection, Selection(user_ids=[first.user_id]), 2.0)
        await transitions.remove(connection, Selection(user_ids=[second.user_id]), 2.0)
    assert await scene.claim(3.0) == []
    await scene.finish(first, Outcome.STOPPED, 3.0)
    await scene.finish(second, Outcome.STOPPED, 3.0)
    assert len(await scene.claim(4.0)) == 2


async def test_the_limit_of_a_login_lets_others_pass(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=0, max_per_login=2)
    shared = [NewUser(f"shared{n}@example.org", "Admin" if n % 2 else "admin") for n in range(30)]
    ids = await scene.add([*shared, *new_users(3)])
    first = await scene.claim(1.0, most=4)
    assert [claim.user_id for claim in first] == [*ids[:2], *ids[30:32]]
    assert [claim.user_id for claim in await scene.claim(1.0, most=10)] == [ids[32]]
    await scene.finish(first[0], Outcome.DONE, 2.0)
    assert [claim.user_id for claim in await scene.claim(2.0, most=10)] == [ids[2]]


async def test_another_endpoint_has_limits_of_its_own(database: Database) -> None:
    one, two = await Scene.make(database, max_migrations=1), await Scene.make(database, max_migrations=1)
    await one.add(2)
    await two.add(2)
    assert len(await one.claim(1.0)) == 1
    assert len(await two.claim(1.0)) == 1


async def test_a_target_has_limits_too(database: Database) -> None:
    """Also for users of several sources; those who go elsewhere pass by."""
    one = await Scene.make(database, target={"max_migrations": 3, "max_incremental_syncs": 1})
    old = [*await one.synced(3), *await one.synced(2)]
    async with database.begin() as connection:
        await transitions.sync_now(connection, Selection(user_ids=tuple(old)), 1.0)
    assert len(await one.claim(1.0)) == 1, "incremental syncs into this target"
    await one.add(new_users(9, "new"))
    assert len(await one.claim(1.0)) == 2, "passes of all kinds into this target"
    other = await Scene.make(database, max_migrations=50)
    async with database.begin() as connection:
        shared = await add_batch(connection, other.source, one.target)
    same = replace(other, batch=shared)
    await same.add(new_users(4, "shared"))
    assert await same.claim(1.0) == []
    await other.add(new_users(4, "elsewhere"))
    assert len(await other.claim(1.0)) == 4


async def test_an_endpoint_that_is_gone_claims_nothing(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add(1)
    scene.source = replace(scene.source, id=12345)
    assert await scene.claim(1.0) == []


async def test_the_end_of_a_pass_follows_the_table(database: Database) -> None:
    for (kind, outcome), after in AFTER_PASS.items():
        scene = await Scene.make(database)
        claim = await claimed(scene, kind)
        assert await scene.finish(claim, outcome, 10.0, due_in_seconds=60.0) is after
        user = await scene.user(claim.user_id)
        assert (user.status, user.claimed_by, user.running_kind) == (after, "", None)
        assert (user.last_synced_at == 10.0) == (outcome in DONE)
        assert (user.initial_synced_at is not None) == (kind is not PassKind.INITIAL or outcome in DONE)
        assert (user.completed_at == 10.0) == (kind is PassKind.COMPLETION and outcome in DONE)
        assert user.attempts == (outcome is Outcome.WAIT)
        following = PassKind.INCREMENTAL if outcome in DONE else kind
        runs_again = after in CLAIMABLE[following]
        assert (user.next_kind, user.due_at) == ((following, 70.0) if runs_again else (None, None))
        assert len(await scene.claim(70.0)) == runs_again


async def test_without_a_moment_only_what_waits_or_was_lost_runs_again(database: Database) -> None:
    for kind, outcome in AFTER_PASS:
        scene = await Scene.make(database)
        claim = await claimed(scene, kind)
        await scene.finish(claim, outcome, 10.0)
        again = outcome in (Outcome.WAIT, Outcome.LOST)
        assert await due(database, claim.user_id) == ((kind, 10.0) if again else (None, None))


@pytest.mark.parametrize("kind", PassKind)
async def test_a_user_that_is_to_stop_stops_whatever_the_outcome(database: Database, kind: PassKind) -> None:
    for outcome in Outcome:
        scene = await Scene.make(database)
        claim = await claimed(scene, kind)
        async with database.begin() as connection:
            await transitions.stop(connection, Selection(user_ids=[claim.user_id]), 5.0)
        status = await scene.finish(claim, outcome, 10.0, due_in_seconds=60.0)
        if kind is PassKind.COMPLETION and outcome in DONE:
            assert status is AFTER_PASS[kind, outcome]
        elif kind is PassKind.INITIAL and outcome not in DONE:
            assert status is UserStatus.STOPPED
        else:
            assert status is UserStatus.INCREMENTAL_STOPPED
        assert await due(database, claim.user_id) == (None, None)


async def test_a_user_that_is_being_removed_stays_so(database: Database) -> None:
    for outcome in Outcome:
        scene = await Scene.make(database)
        claim = await claimed(scene, PassKind.COMPLETION)
        async with database.begin() as connection:
            await transitions.remove(connection, Selection(user_ids=[claim.user_id]), 5.0)
        assert await scene.finish(claim, outcome, 10.0, due_in_seconds=60.0) is UserStatus.REMOVING
        user = await scene.user(claim.user_id)
        assert (user.status, user.claimed_by, user.next_kind) == (UserStatus.REMOVING, "", None)


async def test_a_late_worker_changes_nothing(database: Database) -> None:
    scene = await Scene.make(database)
    late = await claimed(scene, PassKind.INITIAL)
    await scene.finish(late, Outcome.LOST, 5.0)
    (claim,) = await scene.claim(5.0, worker="other")
    assert claim.fence == late.fence + 1
    before = await scene.user(claim.user_id)
    async with database.begin() as connection:
        assert await claims.progress(connection, late.user_id, late.fence, Progress(found=9), 6.0) is None
    for outcome in Outcome:
        assert await scene.finish(late, outcome, 7.0, progress=Progress(found=9)) is None
    assert await scene.user(claim.user_id) == before
    assert await scene.finish(claim, Outcome.DONE, 8.0) is UserStatus.SYNCED
    assert await scene.finish(claim, Outcome.FAILED, 9.0) is None
    async with database.begin() as connection:
        assert await claims.progress(connection, claim.user_id, claim.fence, Progress(found=9), 9.0) is None


async def test_progress_is_noted_and_answered_with_the_status(database: Database) -> None:
    scene = await Scene.make(database)
    claim = await claimed(scene, PassKind.INITIAL)
    progress = Progress(10, 5, 1, 2, 1 << 40, 1 << 39, 4, 3, "Ar\0chive/\ud800x", "copying")
    async with database.begin() as connection:
        status = await claims.progress(connection, claim.user_id, claim.fence, progress, 3.0, bytes_per_minute=60.0)
    assert status is UserStatus.SYNCING
    user = await scene.user(claim.user_id)
    assert user.progress == replace(progress, folder="Ar\ufffdchive/\ufffdx")
    assert (user.bytes_per_minute, user.updated_at, user.status_at) == (60.0, 3.0, 0.0)
    async with database.begin() as connection:
        await transitions.stop(connection, Selection(user_ids=[claim.user_id]), 4.0)
        status = await claims.progress(connection, claim.user_id, claim.fence, progress, 5.0)
    assert status is UserStatus.STOPPING


async def test_a_failure_is_kept_until_a_pass_is_done(database: Database) -> None:
    scene = await Scene.make(database)
    claim = await claimed(scene, PassKind.INITIAL)
    failure = Failure("server-busy", "later", "source", "Wait.", "later", 9.0)
    progress = Progress(found=3)
    waits = {"failure": failure, "progress": progress, "due_in_seconds": 30.0, "stalled_reason": "Source: busy"}
    await scene.finish(claim, Outcome.WAIT, 9.0, **waits)
    user = await scene.user(claim.user_id)
    assert (user.failure, user.stalled_reason, user.progress) == (failure, "Source: busy", progress)
    (claim,) = await scene.claim(39.0)
    user = await scene.user(claim.user_id)
    assert (user.failure, user.stalled_reason, user.attempts) == (failure, "", 1)
    await scene.finish(claim, Outcome.DONE, 40.0, consistency="Good", due_in_seconds=DAY)
    user = await scene.user(claim.user_id)
    assert (user.failure, user.consistency, user.attempts) == (Failure(), "Good", 0)
    assert user.progress == progress


async def test_passes_of_a_worker_that_vanished_are_due_at_once(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add(3)
    mine = await scene.claim(1.0, most=2, worker="host_1/")
    (theirs,) = await scene.claim(1.0, worker="hostX1/")
    async with database.begin() as connection:
        await transitions.stop(connection, Selection(user_ids=[mine[0].user_id]), 2.0)
        assert await claims.lost(connection, "host_1/", 3.0) == 2
        assert await claims.lost(connection, "host_1/", 3.0) == 0
        assert [claim.user_id for claim in await claims.running(connection)] == [theirs.user_id]
    assert (await scene.user(mine[0].user_id)).status is UserStatus.STOPPED
    assert await due(database, mine[1].user_id) == (PassKind.INITIAL, 3.0)


async def test_what_runs_and_what_is_due(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=1)
    async with database.connect() as connection:
        assert await claims.next_due(connection) is None
        assert await claims.running(connection) == []
    await scene.add(2, now=5.0)
    async with database.connect() as connection:
        assert await claims.next_due(connection) == 5.0
        assert await claims.endpoints_with_due(connection, 4.0) == []
        assert await claims.endpoints_with_due(connection, 5.0) == [scene.source.id]
    (claim,) = await scene.claim(5.0)
    async with database.connect() as connection:
        (running,) = await claims.running(connection)
        assert running == claims.Running(
            claim.user_id, claim.fence, claim.kind, claim.endpoint_id, UserStatus.SYNCING, "w"
        )


async def test_users_of_another_batch_on_the_same_endpoint_count(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=3)
    await scene.add(2)
    async with database.begin() as connection:
        scene.batch = await add_batch(connection, scene.source, scene.target)
    await scene.add(2)
    assert len(await scene.claim(1.0)) == 3
