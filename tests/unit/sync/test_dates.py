"""A date that servers refuse is replaced by what the message says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.sync.dates import FARTHEST_ZONE, LAST_DATE, NO_DATE, parse_date, sendable

NOW = 1_750_000_000
TEN = 1_704_099_600  # 2024-01-01 10:00:00 +0100
RECEIVED = (
    b"Received: from a\r\n\tby b (c; d); Mon,  1 Jan 2024\r\n\t10:00:00 +0100 (CET)\r\n"
    b"Received: old; 1 Jan 2020 00:00:00 +0000\r\n"
)
DATE = b"Date: Tue, 2 Jan 2024 10:00:00 +0100\r\n"


@pytest.mark.parametrize("date", [0, 1, TEN, NOW, NOW + 10**8, LAST_DATE])
def test_a_date_from_1970_to_2037_stays(date: int) -> None:
    assert sendable(date, 0, RECEIVED + DATE, NOW) == (date, 0, False)


@pytest.mark.parametrize("date", [None, -1, -2_209_161_600, LAST_DATE + 1, 2**40])
def test_another_date_is_replaced_by_received_then_by_date(date: int | None) -> None:
    assert sendable(date, 0, RECEIVED + DATE + b"\r\n", NOW) == (TEN, 60, True)
    assert sendable(date, 0, DATE + b"\r\n", NOW) == (TEN + 86_400, 60, True)
    assert sendable(date, 0, b"Received: no date\r\n" + DATE, NOW) == (TEN + 86_400, 60, True)
    assert sendable(date, 0, b"Subject: x\r\n\r\n" + DATE, NOW) == (NO_DATE, 0, True)


@pytest.mark.parametrize(
    "text", [b"1 Jan 2030 00:00:00 +0000", b"31 Dec 1969 23:00:00 +0000", b"1 Jan 1950 00:00:00 +0000", b"x"]
)
def test_an_impossible_date_in_the_header_is_not_taken(text: bytes) -> None:
    assert sendable(None, 0, b"Received: a; " + text + b"\r\n" + DATE, NOW) == (TEN + 86_400, 60, True)
    assert sendable(None, 0, b"Date: " + text + b"\r\n\r\n", NOW) == (NO_DATE, 0, True)


def test_a_clock_that_is_hours_ahead_is_believed() -> None:
    assert sendable(None, 0, DATE, TEN) == (TEN + 86_400, 60, True)
    assert sendable(None, 0, DATE, TEN - 1) == (NO_DATE, 0, True)


@pytest.mark.parametrize(
    ("date", "zone", "sent"),
    [(TEN, 840, 840), (TEN, -840, -840), (TEN, 841, 0), (TEN, -6_000, 0), (0, -60, 0), (LAST_DATE, 60, 0), (0, 60, 60)],
)
def test_a_zone_must_exist_and_may_not_move_the_year(date: int, zone: int, sent: int) -> None:
    assert sendable(date, zone, b"", NOW) == (date, sent, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"Mon, 1 Jan 2024 10:00:00 +0100 (CET)", (TEN, 60)),
        (b"1 Jan 24 04:00 EST", (TEN, -300)),
        (b"Mon, 01 Jan 2024 10:00:00 GMT+0100", (TEN, 60)),
        (b"Mon, 01 Jan 2024 10.00.00 +0100", (TEN, 60)),
        (b"1-Jan-2024 10:00:00 +0100", (TEN, 60)),
        (b"Mon Jan  1 09:00:00 2024", (TEN, 0)),
        (b"2024-01-01T10:00:00+01:00", (TEN, 60)),
        (b"2024-01-01 10:00:00 +0100", (TEN, 60)),
        (b"2024-01-01 09:00:00", (TEN, 0)),
        (b"1 Jan 2024 09:00:60 +0000", (TEN + 59, 0)),
        (b"1 Jan 2024 09:00:00 +9999", (TEN, 0)),
        (b"1 Jan 2024 09:00:00 +2000", (TEN - 72_000, 0)),
        (b"00-Jan-0000 00:00:00 +0000", None),
        (b"30 Feb 2024 09:00:00 +0000", None),
        (b"1 Jan 2024 25:00:00 +0000", None),
        (b"yesterday", None),
        (b"", None),
        (b"\xff\xfe\0", None),
    ],
)
def test_parse_date(text: bytes, expected: tuple[int, int] | None) -> None:
    assert parse_date(text) == expected


WORD = st.sampled_from(
    [b"Mon,", b"1", b"31", b"Feb", b"2024", b"0", b"-", b":", b"99:99:99", b"+0100", b"-9999", b"Z", b"(", b",", b"T"]
)


@given(
    st.one_of(
        st.binary(max_size=60), st.lists(WORD, max_size=10).map(b" ".join), st.lists(WORD, max_size=10).map(b"".join)
    )
)
def test_whatever_the_header_says_the_date_can_be_sent(text: bytes) -> None:
    date, zone, replaced = sendable(None, 0, b"Date: " + text + b"\r\n\r\n", NOW)
    assert replaced
    assert 0 <= date <= NOW + 86_400
    assert abs(zone) <= FARTHEST_ZONE
    assert 0 <= date + zone * 60 <= LAST_DATE
