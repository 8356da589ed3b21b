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
