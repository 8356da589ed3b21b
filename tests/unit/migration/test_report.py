"""Texts of reports: sizes, spans, moments, and one line for whatever a server says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.migration.model import Durations, Failure, Progress, ReportLine, SkippedItem, User
from mailferry.migration.report import COLUMNS, moment, one_line, row, size, span, text
from mailferry.migration.states import UserStatus

ANN = User(1, "guid", 1, "b", 1, "ann@contoso.com", "ann", UserStatus.SYNCED)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B (0 bytes)"),
        (1, "1 B (1 bytes)"),
        (1_023, "1023 B (1,023 bytes)"),
        (1_024, "1 KB (1,024 bytes)"),
        (1_536, "1.5 KB (1,536 bytes)"),
        (1_048_575, "1024 KB (1,048,575 bytes)"),
        (1_610_612_736, "1.5 GB (1,610,612,736 bytes)"),
        (1_125_899_906_842_624, "1024 TB (1,125,899,906,842,624 bytes)"),
    ],
)
def test_sizes_are_written_as_the_service_does(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "00:00:00"),
        (59.9, "00:00:59"),
        (3_661, "01:01:01"),
        (86_400, "1.00:00:00"),
        (100 * 86_400 + 1, "100.00:00:01"),
    ],
)
def test_spans(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_moments() -> None:
    assert moment(None) == ""
    assert moment(0.0) == "1970-01-01T00:00:00Z"
    assert moment(1_800_000_000.9) == "2027-01-15T08:00:00Z"


@given(st.text())
def test_one_line_stays_one_line(value: str) -> None:
    line = one_line(value)
    assert len((line + "x").splitlines()) == 1
    assert line.isprintable()
    assert one_line(line) == line


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_nothing_that_a_server_says_makes_a_line_of_its_own(name: str, reason: str, said: str) -> None:
    user = User(
        1, "g", 1, "b", 1, "ann@contoso.com", name, UserStatus.FAILED, failure=Failure("code", reason, advice=said)
    )
    item = SkippedItem(name, 1, "skipped", reason=reason, subject=said)
    report = text(user, Durations(), [ReportLine(0.0, "info", said)] * 2, [item])
    assert len(report.splitlines()) == 11 + 2 + 3 + 4


def test_a_report_says_where_a_user_stands() -> None:
    user = User(
        1, "g", 1, "b", 1, "ann@contoso.com", "ann", UserStatus.SYNCED, progress=Progress(1_000, 990, 10, 0, 5, 2_048)
    )
    lines = text(user, Durations(1, 2, 3, 4), [], []).splitlines()
    assert "Items                 990 of 1,000 synced, 10 not copied" in lines
    assert "Data                  2 KB (2,048 bytes)" in lines
    assert "Last successful sync  none yet" in lines
    assert "Data consistency      not known yet" in lines
    assert "Stalled               00:00:04" in lines
    assert not any(line.startswith("Error") for line in lines)


def test_a_skipped_message_is_named_as_well_as_can_be() -> None:
    items = [
        SkippedItem("INBOX", 7, "skipped", "too-large", "", "Offer", "<1@x>", 0.0, 1_234),
        SkippedItem("INBOX", 8, "skipped", "too-large", "", "", "<1@x>"),
        SkippedItem("INBOX", 9, "skipped"),
    ]
    report = text(ANN, Durations(), [], items)
    assert "  INBOX, 1970-01-01, 'Offer', 1,234 bytes: skipped: too-large\n" in report
    assert "  INBOX, no date, '<1@x>', 0 bytes: skipped: too-large\n" in report
    assert "  INBOX, no date, 'UID 9', 0 bytes: skipped\n" in report


def test_a_row_has_a_value_for_each_column() -> None:
    cells = dict(zip(COLUMNS, row(ANN), strict=True))
    assert (cells["EmailAddress"], cells["Status"], cells["StatusSummary"]) == ("ann@contoso.com", "Synced", "Synced")
    assert cells["InitialSyncTime"] == cells["ErrorCode"] == ""
