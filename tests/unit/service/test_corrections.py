"""Rows that are given to a batch again: what they correct, and what they leave as it is."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from mailferry.migration.states import BatchStatus, UserStatus
from mailferry.service.views import RowCounts
from mailferry.store import logins
from tests.unit.service.scene import Scene, csv, csv_of

U = UserStatus


async def given(scene: Scene, *rows: str) -> RowCounts:
    """Give these rows to the batch `b`."""
    return (await scene.batches.add_users("b", csv(*rows))).rows


async def test_a_row_of_a_failed_user_corrects_the_login(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED_WITH_ERRORS, "ann", "terry")
    await scene.put(U.FAILED, "ann@contoso.com", error_code="login-failed", error_text="refused")
    view = await scene.batches.add_users("b", csv("Ann@contoso.com,ann.beebe,right"))
    assert (view.total, view.row_errors, view.batch.status) == (2, 0, BatchStatus.SYNCED_WITH_ERRORS)
    assert view.rows == RowCounts(corrected=1)
    found = await scene.people()
    assert (found["ann"].user_name, found["ann"].status) == ("ann.beebe", U.FAILED)
    assert await scene.secret(found["ann"]) == {"password": "right"}
    await scene.batches.start("b")
    ann = (await scene.people())["ann"]
    assert (ann.status, bool(ann.failure)) == (U.QUEUED, False)


RESTING = [U.STOPPED, U.FAILED, U.SYNCED, U.QUEUED, U.INCREMENTAL_FAILED, U.INCREMENTAL_STOPPED, U.COMPLETION_FAILED]


@pytest.mark.parametrize("status", RESTING)
async def test_users_in_whom_nothing_runs_take_another_password(scene: Scene, status: U) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED_WITH_ERRORS, "ann", "terry", users=status)
    rows = ("ann@contoso.com,ann,another", "terry@contoso.com,terry,secret of terry")
    assert await given(scene, *rows) == RowCounts(corrected=1, unchanged=1)
    found = await scene.people()
    assert (found["ann"].status, found["ann"].user_name) == (status, "ann")
    assert await scene.secret(found["ann"]) == {"password": "another"}
    assert await scene.secret(found["terry"]) == {"password": "secret of terry"}
    assert await given(scene, *rows) == RowCounts(unchanged=2)


@pytest.mark.parametrize("status", [U.SYNCING, U.INCREMENTAL_SYNCING, U.COMPLETED, U.COMPLETED_WITH_WARNINGS])
async def test_running_and_completed_users_keep_their_logins(scene: Scene, status: U) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED, "ann", "terry", users=status)
    rows = ("ann@contoso.com,ann,another", "terry@contoso.com,terry,secret of terry")
    assert await given(scene, *rows) == RowCounts(ignored=1, unchanged=1)
    assert await scene.secret((await scene.people())["ann"]) == {"password": "secret of ann"}


async def test_a_user_who_is_being_removed_is_not_added_again(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED, "ann", users=U.REMOVING)
    assert await given(scene, "ann@contoso.com,ann,secret of ann") == RowCounts(ignored=1)


async def test_rows_of_a_completed_batch(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.COMPLETED_WITH_ERRORS, "ann", "terry", users=U.COMPLETED)
    await scene.put(U.COMPLETION_FAILED, "terry@contoso.com")
    rows = ("ann@contoso.com,ann,another", "terry@contoso.com,terry,another", "kim@contoso.com,kim,new")
    assert await given(scene, *rows) == RowCounts(added=1, corrected=1, ignored=1)


async def test_every_part_of_a_login_counts(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED, "ann")
    header = "EmailAddress,UserName,Password,UserRoot,TargetUserName,TargetPassword"
    for row in ("admin,p,,,", "admin,p,/users/ann,,", "admin,p,/users/ann,ann@new,", "admin,p,/users/ann,ann@new,q"):
        rows = csv(f"ann@contoso.com,{row}", header=header)
        assert (await scene.batches.add_users("b", rows)).rows == RowCounts(corrected=1)
        assert (await scene.batches.add_users("b", rows)).rows == RowCounts(unchanged=1)
    ann = (await scene.people(search="admin"))["ann"]
    assert (ann.user_name, ann.user_root, ann.target_user) == ("admin", "/users/ann", "ann@new")
    assert await scene.secret(ann) == {"password": "p", "target-password": "q"}


async def test_rows_are_counted(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", name="other")
    await scene.batch_at(BatchStatus.SYNCED, "terry")
    view = await scene.batches.add_users("b", csv_of("ann", "terry", "kim") + b"nobody,nobody,p\r\n")
    assert asdict(view.rows) == {"added": 1, "corrected": 0, "unchanged": 1, "ignored": 0, "left_out": 2}
    assert view.row_errors == 2


async def test_more_corrections_than_one_statement_takes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "ROWS_AT_ONCE", 2)
    await scene.places()
    names = [f"u{number}" for number in range(5)]
    await scene.batch_at(BatchStatus.SYNCED, *names)
    rows = [f"{name}@contoso.com,{name}x,password of {name}" for name in names]
    assert await given(scene, *rows) == RowCounts(corrected=5)
    for name, user in (await scene.people()).items():
        assert (user.user_name, await scene.secret(user)) == (f"{name}x", {"password": f"password of {name}"})


async def test_what_was_wrong_with_a_row_is_forgotten_when_it_comes_again(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann", "terry")
    assert await given(scene, "kim@contoso.com,kim,", "nobody,nobody,p") == RowCounts(left_out=2)
    assert await given(scene, "Kim@contoso.com,kim,p") == RowCounts(added=1)
    assert [error.cells["EmailAddress"] for error in await scene.batches.row_errors("b")] == ["nobody"]
    assert await given(scene, "nobody,nobody,", "ann@contoso.com,ann,secret of ann") == RowCounts(
        left_out=1, unchanged=1
    )
    (error,) = await scene.batches.row_errors("b")
    assert (error.line, "Password is empty" in error.message) == (2, True), "that of the last file"


async def test_one_source_mailbox_goes_to_one_user(scene: Scene) -> None:
    await scene.places()
    await scene.source("other", remote_server="other.contoso.com")
    await scene.batch("ann", "terry")
    rows = csv("kim@contoso.com,kim,p", "ann2@contoso.com,ann,p")
    view = await scene.batches.create("c", "source", rows)
    (error,) = await scene.batches.row_errors("c")
    assert (view.total, error.line, error.column, error.code) == (1, 3, "UserName", "source-mailbox-twice")
    assert "is already that of ann@contoso.com in the batch b: one person's mail would go to two users" in error.message
    assert await given(scene, "x@contoso.com,kim,p", "y@contoso.com,terry,p") == RowCounts(left_out=2)
    assert (await scene.batches.create("d", "other", csv("x@contoso.com,ann,p"))).row_errors == 0, "another server"
    assert (await scene.batches.create("e", "source", csv("x2@contoso.com,ANN,p"))).row_errors == 0, "another login"
    # Two users of one file may change places.
    swapped = ("ann@contoso.com,terry,p", "terry@contoso.com,ann,p")
    assert await given(scene, *swapped) == RowCounts(corrected=2)
    await scene.put(U.SYNCING, "ann@contoso.com")
    assert await given(scene, "ann@contoso.com,ann,p", "terry@contoso.com,terry,p") == RowCounts(ignored=1, left_out=1)
    await scene.put(U.SYNCED)
    await scene.batches.remove("b")
    assert (await scene.batches.create("f", "source", csv("ann2@contoso.com,ann,p"))).total == 1


async def test_one_login_opens_the_mailboxes_of_several_roots(scene: Scene) -> None:
    await scene.places()
    header = "EmailAddress,UserName,Password,UserRoot"
    await scene.batches.create("b", "source", csv("ann@contoso.com,admin,p,/users/ann", header=header))
    rows = csv("kim@contoso.com,admin,p,/users/kim", "ann2@contoso.com,admin,p,users/ann/", header=header)
    assert (await scene.batches.create("c", "source", rows)).total == 1
    (error,) = await scene.batches.row_errors("c")
    assert (error.line, error.code) == (3, "source-mailbox-twice")
    # Who is taken over brings the login along.
    rows = csv("ann@contoso.com,admin,p,/users/kim", "kim@contoso.com,admin,p,/users/ann", header=header)
    view = await scene.batches.create("d", "source", rows, adopt_preexisting=True)
    assert (view.total, view.row_errors) == (2, 0)
