"""When there is something to tell by mail: all states of a batch, and the notes about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailferry.migration.mailtext import Occasion
from mailferry.migration.model import DAY_SECONDS, Batch
from mailferry.migration.states import BatchStatus
from mailferry.service.mailoccasions import LONGEST_RETRY_SECONDS, Note, due, is_old_news

B, WHY = BatchStatus, Occasion
NOW = 1_800_000_000.0
BATCH = Batch(1, "guid", "b", B.CREATED, 1, 2, notification_emails=("a@b.c",), created_at=NOW, status_at=NOW)
ENDED = {B.SYNCED, B.SYNCED_WITH_ERRORS, B.FAILED}
COMPLETED = {B.COMPLETED, B.COMPLETED_WITH_ERRORS}
FOLLOWING = {B.SYNCED, B.SYNCED_WITH_ERRORS}
AT_WORK = {B.STARTING, B.SYNCING, B.INCREMENTAL_SYNCING, B.COMPLETING}


def at(status: BatchStatus, **given: Any) -> Batch:
    return replace(BATCH, status=status, **given)


@pytest.mark.parametrize("status", B)
def test_each_state_on_the_first_day(status: BatchStatus) -> None:
    expected = WHY.ENDED if status in ENDED else WHY.COMPLETED if status in COMPLETED else None
    assert due(at(status), Note(), NOW + DAY_SECONDS - 1) is expected


@pytest.mark.parametrize("status", B)
def test_each_state_a_day_after_all_was_told(status: BatchStatus) -> None:
    note = Note(ended=B.SYNCED, completed=B.COMPLETED, at=NOW)
    expected = WHY.AT_WORK if status in AT_WORK else WHY.FOLLOWING if status in FOLLOWING else None
    assert due(at(status), note, NOW + DAY_SECONDS) is expected
    assert due(at(status, report_interval_seconds=0.0), note, NOW + DAY_SECONDS) is None


@pytest.mark.parametrize("status", B)
@pytest.mark.parametrize("given", [{"notification_emails": ()}, {"skip_reports": True}])
def test_nothing_is_due_where_nobody_wants_it(status: BatchStatus, given: dict[str, Any]) -> None:
    assert due(at(status, **given), Note(), NOW + 9 * DAY_SECONDS) is None


@pytest.mark.parametrize(
    ("told", "status", "expected"),
    [
        (B.FAILED, B.FAILED, None),
        (B.FAILED, B.SYNCED_WITH_ERRORS, WHY.ENDED),
        (B.SYNCED_WITH_ERRORS, B.SYNCED, WHY.ENDED),
        (B.SYNCED, B.SYNCED_WITH_ERRORS, None),
        (B.SYNCED_WITH_ERRORS, B.FAILED, None),
    ],
)
def test_only_a_better_result_is_told_again(told: BatchStatus, status: BatchStatus, expected: Occasion | None) -> None:
    assert due(at(status), Note(ended=told, at=NOW), NOW) is expected


def test_a_completion_is_told_even_if_the_end_of_the_initial_sync_was_not() -> None:
    assert due(at(B.COMPLETED), Note(), NOW) is WHY.COMPLETED
    better = Note(completed=B.COMPLETED_WITH_ERRORS, at=NOW)
    assert due(at(B.COMPLETED), better, NOW) is WHY.COMPLETED
    assert due(at(B.COMPLETED_WITH_ERRORS), better, NOW) is None


def test_old_news() -> None:
    later = NOW + 2 * DAY_SECONDS
    assert is_old_news(at(B.SYNCED), Note(), WHY.ENDED, later)
    assert not is_old_news(at(B.SYNCED), Note(attempts=1), WHY.ENDED, later), "somebody has tried to tell it"
    assert is_old_news(at(B.SYNCED, status_at=later, initial_synced_at=NOW), Note(), WHY.ENDED, later)
    assert not is_old_news(at(B.SYNCED, status_at=later, initial_synced_at=NOW), Note(ended="Failed"), WHY.ENDED, later)
    assert not is_old_news(at(B.SYNCED), Note(), WHY.FOLLOWING, later)
    assert not is_old_news(at(B.COMPLETED), Note(), WHY.COMPLETED, NOW)


def test_delays_grow_up_to_an_hour_and_begin_anew_after_a_mail() -> None:
    note, delays = Note(), []
    for _ in range(9):
        note = note.tried(NOW)
        delays.append(note.retry_at - NOW)
    assert delays == [60.0, 120.0, 240.0, 480.0, 960.0, 1_920.0, *[LONGEST_RETRY_SECONDS] * 3]
    assert replace(note, attempts=100_000).tried(NOW).retry_at == NOW + LONGEST_RETRY_SECONDS
    assert not note.is_given_up(NOW + 5 * DAY_SECONDS)
    assert note.is_given_up(NOW + 5 * DAY_SECONDS + 1)
    told = note.told(at(B.SYNCED), WHY.ENDED, "figures", NOW)
    assert (told.ended, told.number, told.attempts, told.retry_at) == ("Synced", 1, 0, 0.0)
    assert told.tried(NOW + 9).failing_since == NOW + 9


def test_a_note_is_read_as_it_was_written_and_by_older_versions() -> None:
    note = Note(ended="Synced", at=NOW, figures="Synced=1", number=4)
    read = Note.of(note.text())
    assert read == note
    assert read.stored == note.text()
    assert Note.of('{"number": 4, "of_tomorrow": 1}') == Note(number=4)
