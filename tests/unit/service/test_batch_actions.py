"""What may be asked of a batch in which state, and what that does to it and its users."""

from __future__ import annotations

import pytest

from mailferry.migration.states import BATCH_ACTIONS, Action, BatchStatus, PassKind, UserStatus
from mailferry.service.batchsettings import BatchSettings
from mailferry.service.errors import NotFound, WrongState
from mailferry.service.views import BatchView
from mailferry.store import events
from tests.unit.service.scene import NOW, Scene

B, U = BatchStatus, UserStatus
HOUR = 3_600.0


async def ask(scene: Scene, action: Action) -> BatchView:
    """Ask it of the batch `b`."""
    match action:
        case Action.START:
            return await scene.batches.start("b")
        case Action.STOP:
            return await scene.batches.stop("b")
        case Action.SYNC_NOW:
            return await scene.batches.sync_now("b")
        case Action.COMPLETE:
            return await scene.batches.complete("b")
        case Action.REMOVE:
            return await scene.batches.remove("b")
        case Action.EDIT:
            return await scene.batches.change("b", BatchSettings(priority=3))


AFTER = {Action.STOP: B.STOPPING, Action.COMPLETE: B.COMPLETING, Action.REMOVE: B.REMOVING}
FROM_REST = (B.CREATED, B.WAITING, B.STOPPED)


@pytest.mark.parametrize("action", Action)
async def test_the_table_of_actions_holds(scene: Scene, action: Action) -> None:
    await scene.places()
    first = await scene.batch_at(B.SYNCED)
    for status in B:
        await set_status(scene, first.batch.id, status)
        scene.woken.clear()
        if status in BATCH_ACTIONS[action]:
            view = await ask(scene, action)
            expected = AFTER.get(action, B.STARTING if action is Action.START and status in FROM_REST else status)
            assert view.batch.status is expected, status
            assert scene.woken == [first.batch.id]
        else:
            with pytest.raises(WrongState, match=status.value):
                await ask(scene, action)
            assert scene.woken == []
            assert (await scene.batches.get("b")).batch.status is status


async def set_status(scene: Scene, batch_id: int, status: BatchStatus) -> None:
    from sqlalchemy import update

    from mailferry.store.schema import BATCH

    async with scene.database.begin() as connection:
        await connection.execute(update(BATCH).where(BATCH.c.id == batch_id).values(status=status))
    await scene.put(U.SYNCED)


@pytest.mark.parametrize("action", Action)
async def test_there_must_be_such_a_batch(scene: Scene, action: Action) -> None:
    with pytest.raises(NotFound):
        await ask(scene, action)


async def test_start_tries_failed_users_again_and_leaves_the_others(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCED_WITH_ERRORS, "ann", "terry", "kim")
    await scene.put(U.FAILED, "ann@contoso.com", error_code="login-failed", attempts=10)
    await scene.put(U.INCREMENTAL_FAILED, "terry@contoso.com", error_code="server-busy")
    view = await scene.batches.start("b")
    found = await scene.people()
    assert view.batch.status is B.STARTING
    assert [(u.status, u.next_kind) for u in found.values()] == [
        (U.QUEUED, PassKind.INITIAL),
        (U.QUEUED, PassKind.INCREMENTAL),
        (U.SYNCED, None),
    ]
    assert not found["ann"].failure
    assert found["ann"].attempts == 0


async def test_a_start_with_nothing_to_start_changes_nothing(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCED)
    assert (await scene.batches.start("b")).batch.status is B.SYNCED


async def test_a_batch_waits_for_its_time_and_need_not(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", auto_start=False, settings=BatchSettings(start_after=NOW + HOUR))
    view = await scene.batches.start("b")
    assert (view.batch.status, view.batch.started_at) == (B.WAITING, None)
    scene.now += 60
    view = await scene.batches.start("b")
    assert (view.batch.status, view.batch.started_at, view.batch.start_after) == (B.STARTING, NOW + 60, NOW + 60)
    assert (await scene.people())["ann"].status is U.QUEUED


async def test_a_time_in_the_future_does_not_hold_a_batch_at_work(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCED_WITH_ERRORS, users=U.FAILED)
    await scene.batches.change("b", BatchSettings(start_after=NOW + HOUR))
    assert (await scene.batches.start("b")).batch.status is B.STARTING


async def test_stop_reaches_users_in_every_state(scene: Scene) -> None:
    await scene.places()
    expected = {
        U.QUEUED: U.STOPPED,
        U.SYNCING: U.STOPPING,
        U.SYNCED: U.INCREMENTAL_STOPPED,
        U.INCREMENTAL_SYNCING: U.STOPPING,
        U.INCREMENTAL_FAILED: U.INCREMENTAL_STOPPED,
        U.FAILED: U.FAILED,
        U.COMPLETED: U.COMPLETED,
    }
    names = [status.value.lower() for status in expected]
    await scene.batch_at(B.SYNCING, *names)
    for name, status in zip(names, expected, strict=True):
        await scene.put(status, f"{name}@contoso.com")
    assert (await scene.batches.stop("b")).batch.status is B.STOPPING
    found = await scene.people()
    assert [found[name].status for name in names] == list(expected.values())
    assert not any(found[name].next_kind for name in names)


async def test_sync_now_is_for_synced_users(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCED_WITH_ERRORS, "ann", "terry", "kim")
    await scene.put(U.FAILED, "terry@contoso.com")
    await scene.put(U.INCREMENTAL_FAILED, "kim@contoso.com")
    scene.now += 5
    await scene.batches.sync_now("b")
    found = await scene.people()
    assert (found["ann"].next_kind, found["ann"].due_at) == (PassKind.REQUESTED, NOW + 5)
    assert (found["terry"].next_kind, found["kim"].next_kind) == (None, None)


async def test_complete_is_for_synced_users_now_and_for_the_others_later(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCED_WITH_ERRORS, "ann", "terry")
    await scene.put(U.FAILED, "terry@contoso.com")
    view = await scene.batches.complete("b")
    assert (view.batch.status, view.batch.complete_after) == (B.COMPLETING, NOW)
    found = await scene.people()
    assert (found["ann"].status, found["ann"].next_kind) == (U.COMPLETING, PassKind.COMPLETION)
    assert found["terry"].status is U.FAILED


async def test_a_batch_without_a_synced_user_is_not_completed(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCED_WITH_ERRORS, "ann", "terry", users=U.INCREMENTAL_FAILED)
    with pytest.raises(WrongState, match="no synced user"):
        await scene.batches.complete("b")
    view = await scene.batches.get("b")
    assert (view.batch.status, view.batch.complete_after) == (B.SYNCED_WITH_ERRORS, None)
    await scene.put(U.INCREMENTAL_SYNCING, "ann@contoso.com")
    assert (await scene.batches.complete("b")).batch.complete_after == NOW, "it is completed after its pass"


async def test_start_does_not_let_users_wait_after_an_error(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCING, "ann", "terry", "kim", "lee")
    waits = {"stalled_reason": "Source: busy", "attempts": 4, "due_at": NOW + HOUR}
    await scene.put(U.QUEUED, "ann@contoso.com", **waits)
    await scene.put(U.SYNCED, "terry@contoso.com", next_kind=PassKind.INCREMENTAL, **waits)
    await scene.put(U.QUEUED, "kim@contoso.com", start_after=NOW + 60, **waits)
    await scene.put(U.SYNCED, "lee@contoso.com", next_kind=PassKind.INCREMENTAL, due_at=NOW + HOUR)
    assert (await scene.batches.start("b")).batch.status is B.SYNCING
    found = await scene.people()
    assert [(user.status, user.due_at, user.attempts) for user in found.values()] == [
        (U.QUEUED, NOW, 0),
        (U.SYNCED, NOW, 0),
        (U.QUEUED, NOW + 60, 0),
        (U.SYNCED, NOW + HOUR, 0),
    ]


async def test_remove_begins_with_all_users(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(B.SYNCED, "ann", "terry")
    await scene.put(U.SYNCING, "terry@contoso.com")
    view = await scene.batches.remove("b")
    assert (view.batch.status, view.total, view.active) == (B.REMOVING, 2, 0)
    found = await scene.people()
    assert {user.status for user in found.values()} == {U.REMOVING}
    assert found["terry"].claimed_by, "its pass ends first"
    async with scene.database.connect() as connection:
        told = [event.fields.get("status") for event in await events.since(connection, 0)]
    assert told[-1] == "Removing"
