"""Users: the table of what may be asked of them, settings of their own, paging, statistics."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from mailferry.migration.model import ReportLine, SkippedItem
from mailferry.migration.states import USER_ACTIONS, Action, BatchStatus, PassKind, StatusSummary, UserStatus
from mailferry.service.errors import NotFound, WrongState
from mailferry.service.views import user_actions
from mailferry.store import reports
from mailferry.store.schema import USER
from tests.unit.service.scene import NOW, Scene

U = UserStatus
ADDRESS = "ann@contoso.com"


async def ask(scene: Scene, action: Action) -> U:
    """Ask it of the user, and give the status that follows."""
    users = scene.users
    match action:
        case Action.START:
            return (await users.start(ADDRESS)).status
        case Action.STOP:
            return (await users.stop(ADDRESS)).status
        case Action.SYNC_NOW:
            return (await users.sync_now(ADDRESS)).status
        case Action.COMPLETE:
            return (await users.complete(ADDRESS)).status
        case Action.REMOVE:
            return (await users.remove(ADDRESS)).status
        case Action.EDIT:
            return (await users.change(ADDRESS, priority=3)).status


def follows(action: Action, status: U) -> U:
    """Say what the action makes of a user in this state."""
    match action:
        case Action.START:
            return U.COMPLETING if status is U.COMPLETION_FAILED else U.QUEUED
        case Action.STOP if status in (U.SYNCING, U.INCREMENTAL_SYNCING):
            return U.STOPPING
        case Action.STOP:
            return U.STOPPED if status is U.QUEUED else U.INCREMENTAL_STOPPED
        case Action.COMPLETE:
            return U.COMPLETING
        case Action.REMOVE:
            return U.REMOVING
        case _:
            return status


@pytest.mark.parametrize("action", Action)
async def test_the_table_of_actions_holds(scene: Scene, action: Action) -> None:
    await scene.places()
    await scene.batch("ann")
    for status in U:
        await scene.put(status)
        scene.woken.clear()
        if status in USER_ACTIONS[action]:
            assert await ask(scene, action) is follows(action, status), status
            assert scene.woken
        else:
            with pytest.raises(WrongState, match=status.value):
                await ask(scene, action)
            assert (await scene.users.get(ADDRESS)).status is status


@pytest.mark.parametrize("action", Action)
async def test_there_must_be_such_a_user(scene: Scene, action: Action) -> None:
    with pytest.raises(NotFound):
        await ask(scene, action)


async def test_a_user_is_found_by_address_in_any_case_or_by_guid(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry")
    ann = await scene.users.get(" ANN@Contoso.COM ")
    assert await scene.users.get(ann.guid.upper()) == ann
    with pytest.raises(NotFound):
        await scene.users.get("")


async def test_a_batch_of_which_a_user_starts_is_no_longer_only_made(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry", auto_start=False)
    await scene.users.start(ADDRESS)
    batch = (await scene.batches.get("b")).batch
    assert (batch.status, batch.started_at) == (BatchStatus.STARTING, NOW)
    found = await scene.people()
    assert (found["ann"].status, found["terry"].status) == (U.QUEUED, U.STOPPED)


async def test_settings_of_one_user(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry")
    changed = await scene.users.change(ADDRESS, priority=9, start_after=NOW + 60, complete_after=NOW + 90)
    assert (changed.priority, changed.start_after, changed.complete_after) == (9, NOW + 60, NOW + 90)
    assert changed.due_at == NOW + 60, "the initial sync waits with it"
    again = await scene.users.change(ADDRESS, priority=1)
    assert (again.start_after, again.complete_after) == (NOW + 60, NOW + 90)


async def test_a_start_lets_nobody_wait_after_an_error(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    ann = await scene.users.get(ADDRESS)
    assert Action.START not in user_actions(ann)
    await scene.put(U.QUEUED, stalled_reason="Source: busy", attempts=3, due_at=NOW + 900)
    assert Action.START in user_actions(await scene.users.get(ADDRESS))
    scene.now += 5
    started = await scene.users.start(ADDRESS)
    assert (started.status, started.due_at, started.attempts) == (U.QUEUED, NOW + 5, 0)
    await scene.put(U.SYNCING, stalled_reason="Source: slow")
    with pytest.raises(WrongState):
        await scene.users.start(ADDRESS)


async def test_users_are_found_page_by_page(scene: Scene) -> None:
    await scene.places()
    await scene.batch(*(f"u{number}" for number in range(7)))
    await scene.batch("other", name="c", auto_start=False)
    seen: list[str] = []
    after = 0
    while page := await scene.users.page(batch="b", after_id=after, limit=3):
        seen += [user.email_address for user in page]
        after = page[-1].id
    assert seen == [f"u{number}@contoso.com" for number in range(7)]
    assert list(await scene.people(status=U.STOPPED)) == ["other"]
    assert list(await scene.people(summary=StatusSummary.STOPPED)) == ["other"]
    assert list(await scene.people(search="U3")) == ["u3"]
    assert await scene.users.count(batch="b") == await scene.users.count_due("b") == 7
    assert await scene.users.count(summary=StatusSummary.ACTIVE, search="u") == 7
    for ask_for in (scene.users.page(batch="none"), scene.users.count(batch="none"), scene.users.count_due("none")):
        with pytest.raises(NotFound):
            await ask_for


async def test_changes_of_one_batch_among_many_others(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailferry.service.users._PAGE", 2)
    await scene.places()
    await scene.batch(*(f"x{number}" for number in range(9)), name="noise")
    await scene.batch("ann", "terry", "kim")
    scene.now += 1
    await scene.users.change(ADDRESS, priority=1)
    assert [user.email_address for user in await scene.users.changed_since("b", 0)][-3:] == [
        "ann@contoso.com",
        "terry@contoso.com",
        "kim@contoso.com",
    ]
    assert len(await scene.users.changed_since("b", 0, limit=2)) == 2
    assert await scene.users.changed_since("b", NOW + 0.5) == []


async def test_all_about_one_user(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    ann = await scene.users.get(ADDRESS)
    async with scene.database.begin() as connection:
        await reports.add_lines(connection, ann.id, [ReportLine(NOW, "info", f"line {n}") for n in range(3)])
        await reports.replace_skipped(connection, ann.id, [SkippedItem("INBOX", n, "skipped") for n in range(3)])
    await scene.put(U.SYNCING, found=10, synced=4, bytes_synced=1_000, bytes_per_minute=60.0, seconds_queued=5.0)
    scene.now += 10
    plain = await scene.users.statistics(ADDRESS)
    assert (plain.percentage, plain.durations.queued, plain.durations.in_progress) == (40, 5.0, 10.0)
    assert (plain.bytes_per_hour, plain.bytes_per_minute) == (360_000.0, 60.0)
    assert plain.report is None
    assert plain.skipped_items is None
    full = await scene.users.statistics(ADDRESS, report=True, skipped_items=True, limit=2)
    assert full.report is not None
    assert [line.text for line in full.report] == ["line 1", "line 2"]
    assert full.skipped_items is not None
    assert [item.uid for item in full.skipped_items] == [0, 1]
    assert [item.uid for item in await scene.users.skipped_items(ADDRESS, limit=1)] == [0]
    async with scene.database.begin() as connection:
        await connection.execute(update(USER).values(claimed_by=None))
    assert (await scene.users.statistics(ADDRESS)).bytes_per_minute == 0.0, "nothing runs"


async def test_a_user_who_ran_before_goes_on_with_a_delta(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    await scene.put(U.INCREMENTAL_STOPPED)
    assert (await scene.users.start(ADDRESS)).next_kind is PassKind.INCREMENTAL
