"""Batches: made of a CSV and added to; what is wrong with rows, settings, names and numbers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mailferry.migration.csvfile import CsvFileError
from mailferry.migration.model import Batch
from mailferry.migration.states import BatchStatus, PassKind, StatusSummary, UserStatus
from mailferry.service.batchsettings import BatchSettings
from mailferry.service.errors import AlreadyExists, InvalidValue, NotFound, NoUsableRow, WrongState
from mailferry.service.views import BatchView
from mailferry.store import events
from tests.unit.service.scene import NOW, Scene, csv, csv_of

HOUR = 3_600.0
DAY = 24 * HOUR


async def test_a_batch_of_the_users_in_a_csv(scene: Scene) -> None:
    await scene.places()
    view = await scene.batch("ann", "terry", name=" IMAPBatch1 ", submitted_by="kim")
    batch = view.batch
    assert (batch.name, batch.source_endpoint, batch.target_endpoint) == ("IMAPBatch1", "source", "archive")
    assert (batch.status, batch.started_at, batch.created_at) == (BatchStatus.STARTING, NOW, NOW)
    assert (batch.submitted_by, view.total, view.active, view.row_errors) == ("kim", 2, 2, 0)
    assert scene.woken == [batch.id]
    found = await scene.people(batch="imapbatch1")
    assert list(found) == ["ann", "terry"], "in the order of the file"
    ann = found["ann"]
    assert (ann.status, ann.next_kind, ann.due_at) == (UserStatus.QUEUED, PassKind.INITIAL, NOW)
    assert await scene.secret(ann) == {"password": "secret of ann"}
    assert b"secret of" not in b"".join(path.read_bytes() for path in scene.folder.glob("service.db*"))
    async with scene.database.connect() as connection:
        (event,) = await events.since(connection, 0)
    assert (event.batch, event.fields) == ("IMAPBatch1", {"status": "Starting"})


async def test_a_batch_that_is_not_started_yet(scene: Scene) -> None:
    await scene.places()
    view = await scene.batch("ann", auto_start=False)
    assert (view.batch.status, view.batch.started_at, view.stopped) == (BatchStatus.CREATED, None, 1)
    settings = BatchSettings(start_after=NOW + HOUR)
    view = await scene.batch("terry", name="later", settings=settings)
    assert (view.batch.status, view.batch.started_at, view.stopped) == (BatchStatus.WAITING, None, 1)
    assert (await scene.people())["terry"].next_kind is None
    view = await scene.batch("kim", name="now", settings=BatchSettings(start_after=NOW - 30))
    assert view.batch.status is BatchStatus.STARTING


async def test_an_administrators_name_without_a_root_is_refused_in_later_files_too(scene: Scene) -> None:
    """A file of failures has the row alone, and the mail of the administrator is nobody else's."""
    await scene.places()
    header = "EmailAddress,UserName,Password,UserRoot"
    await scene.batches.create("first", "source", csv("terry@contoso.com,admin,p,/users/terry", header=header))
    alone = csv("ann@contoso.com,admin,p,", "kim@contoso.com,kim,p,", header=header)
    view = await scene.batches.add_users("first", alone)
    assert (view.total, view.row_errors) == (2, 1)
    other = await scene.batches.create(
        "second", "source", csv("sam@contoso.com,admin,p,", "x@contoso.com,x,p,", header=header)
    )
    assert (other.total, other.row_errors) == (1, 1)
    assert {error.code for error in await scene.batches.row_errors("second")} == {"user-root-missing"}


async def test_rows_in_error_are_left_out_and_listed(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", name="first")
    rows = csv(
        "ANN@contoso.com,ann,pass word",
        "terry@contoso.com,terry,p1",
        "Terry@Contoso.com,terry2,p2",
        "nobody,nobody,p3",
        "kim@contoso.com,kim,",
    )
    view = await scene.batches.create("second", "source", rows)
    assert (view.total, view.row_errors) == (1, 4)
    errors = await scene.batches.row_errors("second")
    assert [(error.line, error.column) for error in errors] == [
        (2, "EmailAddress"),
        (4, "EmailAddress"),
        (5, "EmailAddress"),
        (6, "Password"),
    ]
    assert errors[0].code == "already-migrated"
    assert "first" in errors[0].message
    assert not any("p2" in str(error) or "pass word" in str(error) for error in errors)
    text = await scene.reports.errors_csv("second")
    assert text.splitlines()[1].startswith("ANN@contoso.com,ann,,")


async def test_a_mailbox_is_free_again_when_its_batch_is_completed(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.COMPLETED, users=UserStatus.COMPLETED)
    assert (await scene.batch("ann", name="again")).total == 1
    with pytest.raises(InvalidValue, match="in several batches"):
        await scene.users.get("ann@contoso.com")
    for user in await scene.users.page():
        assert (await scene.users.get(user.guid)).batch == user.batch


async def test_two_batches_made_at_once_share_no_mailbox(scene: Scene) -> None:
    await scene.places()
    making = (scene.batch("ann", "terry", name=f"b{number}") for number in range(4))
    made = await asyncio.gather(*making, return_exceptions=True)
    assert [type(one) for one in made] == [BatchView, NoUsableRow, NoUsableRow, NoUsableRow]
    made = await asyncio.gather(*(scene.batches.add_users("b0", csv_of("kim")) for _ in range(4)))
    assert len(await scene.people()) == 3


async def test_a_target_that_asks_each_user(scene: Scene) -> None:
    await scene.source()
    await scene.target("each")
    await scene.target("all", user_template="{user}*mailadmin", password="secret")
    header = "EmailAddress,UserName,Password,TargetUserName,TargetPassword,UserRoot"
    rows = csv("ann@contoso.com,ann,p,ann@new,q,/users/ann", "terry@contoso.com,terry,p,,,", header=header)
    view = await scene.batches.create("b", "source", rows, target_endpoint="EACH")
    assert (view.total, view.row_errors) == (1, 1)
    (error,) = await scene.batches.row_errors("b")
    assert (error.column, error.code, error.line) == ("TargetPassword", "target-password-missing", 3)
    ann = (await scene.people())["ann"]
    assert (ann.target_user, ann.user_root) == ("ann@new", "/users/ann")
    assert await scene.secret(ann) == {"password": "p", "target-password": "q"}
    view = await scene.batches.create("c", "source", csv_of("kim"), target_endpoint="all")
    assert (view.total, view.row_errors) == (1, 0)


async def test_endpoints_that_cannot_be_used(scene: Scene) -> None:
    await scene.source()
    with pytest.raises(InvalidValue, match="no default target") as caught:
        await scene.batch("ann")
    assert caught.value.name == "target_endpoint"
    await scene.archive()
    for source, target, error in (
        ("none", None, NotFound),
        ("source", "none", NotFound),
        ("archive", None, InvalidValue),
        ("source", "source", InvalidValue),
    ):
        with pytest.raises(error):
            await scene.batches.create("b", source, csv_of("ann"), target_endpoint=target)
    with pytest.raises(CsvFileError):
        await scene.batches.create("b", "source", b"")
    assert await scene.batches.page() == []


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a/b", "a\nb"])
async def test_a_name_that_cannot_be_used(scene: Scene, name: str) -> None:
    await scene.places()
    with pytest.raises(InvalidValue):
        await scene.batch("ann", name=name)


async def test_a_name_is_taken_once_and_batches_are_limited(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    with pytest.raises(AlreadyExists):
        await scene.batch("terry", name="B")
    await scene.config.change({"max_number_of_batches": 2})
    await scene.batch("terry", name="c")
    with pytest.raises(InvalidValue, match="2 batches"):
        await scene.batch("kim", name="d")


async def test_a_name_that_another_process_takes_meanwhile(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_found(*_: object) -> None:
        return None

    await scene.places()
    await scene.batch("ann")
    monkeypatch.setattr(scene.batches, "_check_new", nothing_found)
    with pytest.raises(AlreadyExists, match="'B' already"):
        await scene.batch("terry", name="B")
    assert list(await scene.people()) == ["ann"]


SETTINGS: list[tuple[BatchSettings, str]] = [
    (BatchSettings(include_folders=["Inbox", "/"]), "include_folders"),
    (BatchSettings(exclude_folders=["#NoSuchFolder#"]), "exclude_folders"),
    (BatchSettings(notification_emails=["kim"]), "notification_emails"),
    (BatchSettings(notification_emails=["@contoso.com"]), "notification_emails"),
    (BatchSettings(report_interval_seconds=-1), "report_interval_seconds"),
    (BatchSettings(priority=101), "priority"),
    (BatchSettings(priority=-101), "priority"),
    (BatchSettings(time_zone="Pacific Standard Time"), "time_zone"),
    (BatchSettings(time_zone="../../etc/passwd"), "time_zone"),
    (BatchSettings(content_filter="Subject -eq 'x'"), "content_filter"),
    (BatchSettings(content_filter="Received -gt '2025-13-01'"), "content_filter"),
    (BatchSettings(content_filter_language="xx-XX"), "content_filter_language"),
]


@pytest.mark.parametrize(("settings", "field"), SETTINGS)
async def test_a_setting_that_cannot_be_used(scene: Scene, settings: BatchSettings, field: str) -> None:
    await scene.places()
    with pytest.raises(InvalidValue) as caught:
        await scene.batch("ann", settings=settings)
    assert caught.value.name == field
    await scene.batch("ann")
    with pytest.raises(InvalidValue):
        await scene.batches.change("b", settings)


async def test_a_content_filter_means_a_range(scene: Scene) -> None:
    await scene.places()
    given = BatchSettings(content_filter="Received -ge '1/2/1970'", content_filter_language="en-GB")
    batch = (await scene.batch("ann", settings=given)).batch
    assert (batch.content_filter, batch.content_filter_language) == ("Received -ge '1/2/1970'", "en-GB")
    assert (batch.received_start, batch.received_end) == (31 * DAY, None)
    with pytest.raises(InvalidValue, match="Give the filter again") as caught:
        await scene.batches.change("b", BatchSettings(content_filter_language="en-US"))
    assert caught.value.name == "content_filter_language"
    kept = (await scene.batches.change("b", BatchSettings(content_filter_language="en-gb"))).batch
    assert kept.received_start == 31 * DAY
    american = BatchSettings(content_filter="Received -lt '1/2/1970'", content_filter_language="en-US")
    later = (await scene.batches.change("b", american)).batch
    assert (later.received_start, later.received_end) == (None, DAY)
    same = (await scene.batches.change("b", BatchSettings(priority=3))).batch
    assert (same.content_filter, same.received_end) == ("Received -lt '1/2/1970'", DAY)
    none = (await scene.batches.change("b", BatchSettings(content_filter=""))).batch
    assert (none.content_filter, none.received_start, none.received_end) == ("", None, None)
    language = (await scene.batches.change("b", BatchSettings(content_filter_language="de-DE"))).batch
    assert language.content_filter_language == "de-DE"


async def test_a_range_that_no_message_meets_is_no_misunderstanding(scene: Scene) -> None:
    await scene.places()
    given = BatchSettings(content_filter="Received -gt '2025-01-01' -and Received -lt '2024-01-01'")
    with pytest.raises(InvalidValue, match="No message can meet all conditions") as caught:
        await scene.batch("ann", settings=given)
    assert caught.value.name == "content_filter"
    assert "not understood" not in str(caught.value)


async def test_settings_are_changed_one_by_one(scene: Scene) -> None:
    await scene.places()
    first = BatchSettings(exclude_folders=["#DeletedItems#"], time_zone="Europe/Berlin", complete_after=NOW + HOUR)
    before = (await scene.batch("ann", settings=first)).batch
    after = (await scene.batches.change("B", BatchSettings(include_folders=["Inbox", "Clients/*"]))).batch
    assert (after.include_folders, after.exclude_folders) == (("Inbox", "Clients/*"), ("#DeletedItems#",))
    unchanged: list[str] = ["time_zone", "complete_after", "status", "guid", "report_interval_seconds", "priority"]
    assert [getattr(after, name) for name in unchanged] == [getattr(before, name) for name in unchanged]
    cleared: Batch = (
        await scene.batches.change("b", BatchSettings(include_folders=[], notification_emails=["k@c"]))
    ).batch
    assert (cleared.include_folders, cleared.notification_emails) == ((), ("k@c",))


async def test_the_priority_of_a_batch_reaches_its_users_but_not_over_their_own(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry", settings=BatchSettings(priority=1))
    await scene.users.change("ann@contoso.com", priority=7)
    await scene.batches.change("b", BatchSettings(priority=5))
    assert {name: user.priority for name, user in (await scene.people()).items()} == {"ann": 7, "terry": 5}


async def test_users_are_added_once(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", name="other")
    await scene.batch_at(BatchStatus.SYNCED, "terry")
    view = await scene.batches.add_users("b", csv_of("ann", "terry", "kim"))
    assert (view.total, view.row_errors, view.batch.status) == (2, 1, BatchStatus.STARTING)
    found = await scene.people(batch="b")
    assert (found["terry"].status, found["kim"].status) == (UserStatus.SYNCED, UserStatus.QUEUED)
    assert (await scene.batches.add_users("b", csv_of("terry", "kim"))).total == 2


@pytest.mark.parametrize("status", [BatchStatus.CREATED, BatchStatus.WAITING, BatchStatus.STOPPED])
async def test_users_added_to_a_batch_at_rest_start_with_it(scene: Scene, status: BatchStatus) -> None:
    await scene.places()
    await scene.batch_at(status, users=UserStatus.STOPPED)
    view = await scene.batches.add_users("b", csv_of("kim"))
    assert (view.batch.status, view.stopped) == (status, 2)
    await scene.batches.start("b")
    assert {user.status for user in (await scene.people()).values()} == {UserStatus.QUEUED}


async def test_no_users_for_a_batch_that_is_going(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.REMOVING)
    with pytest.raises(WrongState):
        await scene.batches.add_users("b", csv_of("kim"))


async def test_figures_of_a_batch_and_of_all(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry", "kim")
    await scene.batch("lee", name="c", auto_start=False)
    done: dict[str, Any] = {"found": 10, "synced": 9, "skipped": 1, "bytes_synced": 500, "consistency": "Good"}
    await scene.put(UserStatus.SYNCED, "ann@contoso.com", **done)
    await scene.put(UserStatus.SYNCING, "terry@contoso.com", found=10, synced=5, bytes_synced=250)
    await scene.put(UserStatus.FAILED, "kim@contoso.com")
    view = await scene.batches.get("b")
    assert (view.total, view.synced, view.active, view.failed, view.stopped) == (3, 1, 1, 1, 0)
    assert (view.items_found, view.items_synced, view.items_skipped, view.bytes_synced) == (20, 14, 1, 750)
    assert (view.percentage, view.consistency) == (50, "Good")
    assert view.by_summary[StatusSummary.SYNCED] == 1
    all_of_it = await scene.batches.statistics()
    assert (all_of_it.batches, all_of_it.total, all_of_it.stopped, all_of_it.items_synced) == (2, 4, 1, 14)


async def test_batches_are_found_page_by_page(scene: Scene) -> None:
    await scene.places()
    await scene.source("old")
    for number in range(5):
        await scene.batch(f"u{number}", name=f"b{number}", auto_start=number != 3)
    await scene.batches.create("x", "old", csv_of("lee"))
    names: list[str] = []
    while page := await scene.batches.page(after=names[-1] if names else "", limit=2):
        names += [view.batch.name for view in page]
    assert names == ["b0", "b1", "b2", "b3", "b4", "x"]
    assert [view.batch.name for view in await scene.batches.page(status=BatchStatus.CREATED)] == ["b3", "x"]
    assert [view.batch.name for view in await scene.batches.page(endpoint="OLD")] == ["x"]
    assert [view.batch.name for view in await scene.batches.page(search="B1")] == ["b1"]
    with pytest.raises(NotFound):
        await scene.batches.page(endpoint="none")
