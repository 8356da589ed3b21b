"""Objects from what the API answers, also from answers of another version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.objects import record_of, row_of
from mailferry.cmdlets.records import ByteSize, Record
from mailferry.cmdlets.spec_model import ObjectKind
from mailferry.cmdlets.spec_objects import BATCH, OBJECT_KINDS, REPORT_ROW, object_kind
from tests.unit.cmdlets import scene
from tests.unit.cmdlets.scene import user


def test_values_have_their_types() -> None:
    found = record_of(BATCH, scene.BATCH)
    assert found["TotalCount"] == 3
    assert found["CreationDateTime"] == datetime(2026, 11, 21, 7, 6, 54, tzinfo=UTC)
    assert found["ReportInterval"] == timedelta(days=1)
    assert isinstance(found["BytesTransferred"], ByteSize)
    assert found["ExcludedFolders"] == ["[Gmail]", "Public Folders/*"]
    assert found["MigrationType"] == "IMAP"
    assert found["LastSyncedDateTime"] is None
    assert found.names[0] == "Identity"
    assert "identity" in found


def test_fields_within_others() -> None:
    failure = {
        "text": "No.",
        "code": "login-failed",
        "side": "source",
        "advice": "Mend it.",
        "at": "2026-11-21T08:00:00Z",
    }
    statistics = {
        "user": user("a@b.c", failure=failure),
        "durations": {"queued_seconds": 3.6, "stalled_seconds": None},
        "bytes_per_hour": 2048.7,
        "report": [
            {"at": "2026-11-21T08:22:54.685190Z", "level": "info", "text": "INBOX: {at} copied."},
            {"at": None, "level": "error", "text": ""},
        ],
    }
    found = record_of(object_kind("MigrationUserStatistics"), statistics)
    assert found["Error"] == "No."
    assert found["TotalQueuedDuration"] == timedelta(seconds=4)
    assert found["TotalStalledDuration"] is None
    assert found["AverageBytesTransferredPerHour"] == 2048
    assert found["Report"] == ["11/21/2026 8:22:54 AM info INBOX: {at} copied.", "error"]
    assert found["SkippedItems"] is None


def test_rows_have_the_columns_of_their_file() -> None:
    found = row_of(REPORT_ROW, ["EmailAddress", "Status"], ["a@b.c", "Synced"])
    assert list(found.items()) == [("EmailAddress", "a@b.c"), ("Status", "Synced")]


JSON: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(), inner, max_size=2)),
    max_leaves=5,
)


@pytest.mark.parametrize("kind", OBJECT_KINDS, ids=lambda kind: kind.name)
@settings(max_examples=40)
@given(data=st.data())
def test_any_answer_gives_an_object(kind: ObjectKind, data: st.DataObject) -> None:
    names = sorted({each.field.partition(".")[0] for each in kind.properties} | {"other"})
    answer = data.draw(st.dictionaries(st.sampled_from(names), JSON))
    found = record_of(kind, answer)
    assert isinstance(found, Record)
    assert found.names == tuple(each.name for each in kind.properties)
    for _, value in found.items():
        assert isinstance(value_text(value), str)


def test_a_score_and_an_error_that_are_not_there_are_nothing() -> None:
    found = record_of(object_kind("MigrationUser"), user("terrya@contoso.edu", consistency=""))
    assert (found["DataConsistencyScore"], found["ErrorSummary"]) == (None, None)
    good = record_of(object_kind("MigrationUser"), user("terrya@contoso.edu"))
    assert good["DataConsistencyScore"] == "Perfect"
