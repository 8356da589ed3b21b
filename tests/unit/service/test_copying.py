"""Users of other batches make up a new one: who may go over, and what goes along."""

from __future__ import annotations

import asyncio

import pytest

from mailferry.migration.states import BatchStatus, PassKind, UserStatus
from mailferry.service.batchsettings import BatchSettings
from mailferry.service.errors import AlreadyExists, InvalidValue, NotFound, NoUsableRow, UserActive, WrongState
from mailferry.store import events
from tests.unit.service.scene import NOW, Scene, csv, csv_of


async def test_a_failed_user_gets_a_batch_of_its_own(scene: Scene) -> None:
    await scene.places()
    old = await scene.batch("ann", "terry", settings=BatchSettings(exclude_folders=["Old"], content_filter=""))
    await scene.put(UserStatus.FAILED, "ann@contoso.com", error_code="login-failed", error_text="No.", found=7)
    ann = (await scene.people())["ann"]
    scene.woken.clear()
    view = await scene.batches.create_of_users("Retry", ["ANN@contoso.com", ann.guid], auto_start=True)
    batch = view.batch
    assert (batch.source_endpoint, batch.target_endpoint, batch.exclude_folders) == ("source", "archive", ("Old",))
    assert (batch.status, view.total, set(scene.woken)) == (BatchStatus.STARTING, 1, {batch.id, old.batch.id})
    moved = (await scene.people(batch="Retry"))["ann"]
    assert (moved.id, moved.guid, moved.progress.found) == (ann.id, ann.guid, 7), "the same row, so the same ledger"
    assert (moved.status, moved.next_kind, moved.due_at) == (UserStatus.QUEUED, PassKind.INITIAL, NOW)
    assert not moved.failure
    assert await scene.secret(moved) == {"password": "secret of ann"}
    assert list(await scene.people(batch="b")) == ["terry"]
    assert (await scene.users.get("ann@contoso.com")).guid == ann.guid
    (line,) = (await scene.users.statistics(ann.guid, report=True)).report or []
    assert line.text == "Went over from the batch b."
    assert "ann" not in await scene.reports.errors_csv("b"), "the new batch has the user now"
    async with scene.database.connect() as connection:
        told = [event.fields for event in await events.since(connection, 0) if event.batch == "b"]
    assert told[-1] == {"users_moved": 1, "moved_to": "Retry"}
    assert (await scene.batches.statistics()).total == 2


async def test_failed_users_go_on_from_batch_to_batch(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry")
    for name in ("first", "second"):
        await scene.put(UserStatus.FAILED)
        failed = [user.guid for user in await scene.users.page(status=UserStatus.FAILED)]
        assert (await scene.batches.create_of_users(name, failed)).total == 2
    await scene.batches.remove("first")
    assert (await scene.users.start("ann@contoso.com")).batch == "second"
    with pytest.raises(WrongState, match="The batch b has no users"):
        await scene.batches.start("b")


@pytest.mark.parametrize("status", [UserStatus.SYNCED, UserStatus.QUEUED, UserStatus.INCREMENTAL_FAILED])
async def test_a_user_who_goes_on_in_the_old_batch_is_copied_only_if_stopped_there(
    scene: Scene, status: UserStatus
) -> None:
    await scene.places()
    await scene.batch("ann")
    await scene.put(status, next_kind=PassKind.INCREMENTAL, due_at=NOW + 1)
    with pytest.raises(UserActive, match=r"ann@contoso\.com .* in b"):
        await scene.batches.create_of_users("Retry", ["ann@contoso.com"])
    assert [view.batch.name for view in await scene.batches.page()] == ["b"]
    await scene.batches.create_of_users("Retry", ["ann@contoso.com"], disable_on_copy=True)
    moved = (await scene.people(batch="Retry"))["ann"]
    stopped = UserStatus.STOPPED if status is UserStatus.QUEUED else UserStatus.INCREMENTAL_STOPPED
    assert (moved.status, moved.next_kind) == (stopped, None)
    assert await scene.people(batch="b") == {}
    await scene.batches.start("Retry")
    kind = PassKind.INITIAL if status is UserStatus.QUEUED else PassKind.INCREMENTAL
    assert (await scene.people(batch="Retry"))["ann"].next_kind is kind, "it goes on where it was"


async def test_a_user_in_whom_a_pass_runs_stays(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    await scene.put(UserStatus.SYNCING)
    with pytest.raises(WrongState, match="A pass runs"):
        await scene.batches.create_of_users("Retry", ["ann@contoso.com"], disable_on_copy=True)
    with pytest.raises(NoUsableRow, match="A pass of this mailbox runs in the batch b"):
        await scene.batches.create("Retry", "source", csv_of("ann"), adopt_preexisting=True)
    assert [view.batch.name for view in await scene.batches.page()] == ["b"]


async def test_users_that_do_not_go_together(scene: Scene) -> None:
    await scene.places()
    await scene.source("other", remote_server="other.contoso.com")
    await scene.batch("ann", settings=BatchSettings(include_folders=["Inbox"]))
    await scene.batches.create("c", "other", csv_of("terry"))
    await scene.batches.create("d", "source", csv_of("kim"))
    await scene.put(UserStatus.FAILED)
    make = scene.batches.create_of_users
    for users, error, text in (
        ([], InvalidValue, "No user"),
        (["nobody@contoso.com", "a" * 36], NotFound, "nobody@contoso.com, nor 1 more .* Run Get-MigrationUser again"),
        (["ann@contoso.com", "a" * 36], NotFound, "1 of the 2 users cannot be found.* Run Get-MigrationUser again"),
        (
            ["ann@contoso.com", "terry@contoso.com"],
            InvalidValue,
            r"more than one source endpoint \(b: source, c: other",
        ),
        (["ann@contoso.com", "kim@contoso.com"], InvalidValue, "differ in include_folders"),
    ):
        with pytest.raises(error, match=text):
            await make("Retry", users)
    with pytest.raises(InvalidValue, match=r"other is not the source endpoint .*\(b: source\).*-AdoptPree") as caught:
        await make("Retry", ["ann@contoso.com"], source_endpoint="other")
    assert caught.value.name == "source_endpoint"
    with pytest.raises(AlreadyExists):
        await make("B", ["ann@contoso.com"])
    view = await make("Retry", ["ann@contoso.com", "kim@contoso.com"], BatchSettings(include_folders=[]))
    assert view.total == 2


async def test_an_address_in_two_batches_goes_by_its_guid(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.COMPLETED, users=UserStatus.COMPLETED)
    await scene.batch("ann", name="again", auto_start=False)
    with pytest.raises(InvalidValue, match="name it by GUID"):
        await scene.batches.create_of_users("c", ["ann@contoso.com"])
    both = [user.guid for user in await scene.users.page()]
    with pytest.raises(InvalidValue, match="named twice"):
        await scene.batches.create_of_users("c", both)
    assert (await scene.batches.create_of_users("c", both[:1])).total == 1


async def test_rows_of_users_in_other_batches_are_taken_over(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry")
    await scene.put(UserStatus.SYNCED, synced=3)
    before = await scene.people()
    rows = csv("ANN@contoso.com,ann2,another", "kim@contoso.com,kim,p")
    left_out = await scene.batches.create("x", "source", rows)
    assert (left_out.total, left_out.row_errors) == (1, 1)
    await scene.batches.create_of_users("y", ["kim@contoso.com"])
    view = await scene.batches.create("new", "source", rows, auto_start=True, adopt_preexisting=True)
    assert (view.total, view.row_errors) == (2, 0)
    ann = (await scene.people(batch="new"))["ann"]
    assert (ann.guid, ann.user_name, ann.progress.synced) == (before["ann"].guid, "ann2", 3)
    assert (ann.next_kind, await scene.secret(ann)) == (PassKind.INCREMENTAL, {"password": "another"})
    assert list(await scene.people(batch="b")) == ["terry"]
    view = await scene.batches.create("last", "source", csv_of("ann"), adopt_preexisting=True, remove_on_copy=True)
    assert view.total == 1
    assert "ann" not in await scene.people(batch="new")
    with pytest.raises(InvalidValue, match="needs adopt_preexisting"):
        await scene.batches.create("z", "source", rows, remove_on_copy=True)


async def test_a_user_who_comes_from_another_server_begins_anew(scene: Scene) -> None:
    await scene.places()
    await scene.source("other", remote_server="other.contoso.com")
    await scene.batch("ann")
    await scene.put(UserStatus.SYNCED, synced=3)
    await scene.batches.create("new", "other", csv_of("ann"), auto_start=True, adopt_preexisting=True)
    ann = (await scene.people(batch="new"))["ann"]
    assert (ann.next_kind, ann.initial_synced_at, ann.progress.synced) == (PassKind.INITIAL, None, 0)


async def test_users_whom_several_batches_want_at_once_end_in_one(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry")
    await scene.put(UserStatus.FAILED)
    users = [user.guid for user in await scene.users.page()]
    await asyncio.gather(*(scene.batches.create_of_users(f"c{number}", users) for number in range(3)))
    found = await scene.users.page()
    assert len({user.batch for user in found}) == 1
    assert [user.guid for user in found] == users


async def test_no_batch_without_a_user(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    with pytest.raises(NoUsableRow, match=r"Line 2: .* batch b: .* \(1 more\)") as caught:
        await scene.batches.create("c", "source", csv("ann@contoso.com,ann,p", "nobody,nobody,secret"))
    assert (caught.value.line, [row.line for row in caught.value.rows]) == (2, [2, 3])
    assert "Mend the file" in caught.value.advice
    with pytest.raises(NoUsableRow) as caught:
        await scene.batches.create("c", "source", csv_of("ann"))
    assert caught.value.advice.startswith("Take the users over with -AdoptPreexisting")
    await scene.put(UserStatus.SYNCING)
    with pytest.raises(NoUsableRow) as caught:
        await scene.batches.create("c", "source", csv_of("ann"), adopt_preexisting=True)
    assert "Stop-MigrationUser" in caught.value.advice
    assert "secret" not in str(caught.value)
    with pytest.raises(NotFound):
        await scene.batches.get("c")
