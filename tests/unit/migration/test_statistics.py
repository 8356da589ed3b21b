"""Figures: the score with its thresholds, percentages, durations, rates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.migration.model import Durations, Progress, User
from mailferry.migration.states import UserStatus
from mailferry.migration.statistics import (
    bytes_per_hour,
    consistency,
    durations,
    ever_seen,
    percentage,
    user_percentage,
    worst,
)

ANN = User(1, "guid", 1, "b", 1, "ann@contoso.com", "ann", UserStatus.SYNCING, status_at=100.0)
counts = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("found", "missing", "changed", "failed_folders", "score"),
    [
        (0, 0, 0, 0, "Perfect"),
        (1_000, 0, 0, 0, "Perfect"),
        (1_000, 0, 1, 0, "Good"),
        (1_000, 1, 0, 0, "Investigate"),
        (5, 5, 0, 0, "Investigate"),
        (1_000, 10, 500, 0, "Investigate"),
        (1_000, 11, 0, 0, "Poor"),
        (10_999, 11, 0, 0, "Poor"),
        (11_000, 11, 0, 0, "Investigate"),
        (500_000, 500, 0, 0, "Investigate"),
        (500_000, 501, 0, 0, "Poor"),
        (1_000, 0, 0, 1, "Poor"),
    ],
)
def test_the_score_of_a_mailbox(found: int, missing: int, changed: int, failed_folders: int, score: str) -> None:
    assert consistency(found=found, missing=missing, changed=changed, failed_folders=failed_folders) == score


def test_a_batch_has_the_score_of_its_worst_user() -> None:
    assert worst([]) == worst(["", ""]) == ""
    assert worst(["Perfect", "", "Good"]) == "Good"
    assert worst(["Good", "Poor", "Investigate"]) == "Poor"


@given(counts, counts, counts)
def test_a_percentage_is_whole_and_100_only_when_all_is_done(found: int, synced: int, skipped: int) -> None:
    progress = Progress(found, synced, skipped)
    assert 0 <= percentage(progress, done=False) <= 99
    assert percentage(progress, done=True) == 100
    more = replace(progress, synced=synced + 1)
    assert percentage(more, done=False) >= percentage(progress, done=False)


@given(counts, counts, counts)
def test_never_is_more_synced_than_was_found(there_now: int, synced: int, skipped: int) -> None:
    found = ever_seen(there_now, synced, skipped)
    assert found >= max(there_now, synced + skipped)
    assert found == there_now or not percentage(Progress(found, synced, skipped), done=False) < 99


def test_what_was_deleted_on_the_source_was_found_once() -> None:
    assert ever_seen(3, 6, 0) == 6, "three of six are gone from the source"
    assert ever_seen(7, 6, 1) == 7
    assert ever_seen(10, 6, 1) == 10, "three were not tried yet"


def test_the_percentage_of_a_user() -> None:
    half = replace(ANN, progress=Progress(10, 4, 1))
    assert user_percentage(ANN) == 0
    assert user_percentage(half) == 50
    synced = replace(half, initial_synced_at=1.0, status=UserStatus.SYNCED)
    assert user_percentage(synced) == 100
    assert user_percentage(replace(synced, status=UserStatus.INCREMENTAL_SYNCING)) == 50, "new mail is being copied"
    assert user_percentage(replace(synced, status=UserStatus.INCREMENTAL_SYNCING, progress=Progress(5, 5))) == 100
    assert user_percentage(replace(half, status=UserStatus.FAILED)) == 50


@pytest.mark.parametrize(
    ("status", "reason", "part"),
    [
        (UserStatus.QUEUED, "", "queued"),
        (UserStatus.QUEUED, "Source: busy", "stalled"),
        (UserStatus.SYNCING, "", "in_progress"),
        (UserStatus.INCREMENTAL_SYNCING, "", "in_progress"),
        (UserStatus.COMPLETING, "", "in_progress"),
        (UserStatus.STOPPING, "", "in_progress"),
        (UserStatus.SYNCED, "", "synced"),
        (UserStatus.STOPPED, "", ""),
        (UserStatus.FAILED, "", ""),
        (UserStatus.COMPLETED, "", ""),
    ],
)
def test_time_goes_to_the_part_that_the_status_belongs_to(status: UserStatus, reason: str, part: str) -> None:
    before = Durations(1.0, 2.0, 3.0, 4.0)
    user = replace(ANN, status=status, stalled_reason=reason, durations=before)
    now = durations(user, 110.0)
    for name in ("queued", "in_progress", "synced", "stalled"):
        assert getattr(now, name) - getattr(before, name) == (10.0 if name == part else 0.0)
    assert durations(user, 50.0) == before, "a clock that was set back takes nothing away"


def test_the_average_rate_is_over_the_time_of_passes() -> None:
    user = replace(ANN, progress=Progress(bytes_synced=1_000), durations=Durations(queued=500.0, in_progress=2.0))
    assert bytes_per_hour(user, 108.0) == 1_000 * 3_600 / 10
    assert bytes_per_hour(replace(ANN, status=UserStatus.QUEUED), 108.0) == 0.0
