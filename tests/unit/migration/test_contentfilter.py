"""The filter on received dates, as Exchange writes it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.migration.contentfilter import ContentFilterError, content_filter_text, parse_content_filter
from mailferry.sync.received import ReceivedRange


def at(*numbers: int) -> int:
    """Give a moment, UTC, in seconds since 1970."""
    return int(datetime(*numbers, tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]  # up to the seconds


YEAR = (at(2025, 1, 1), at(2026, 1, 1))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("Received -gt '2025-01-01' -and Received -lt '2026-01-01'", YEAR[0] + 1, YEAR[1]),
        ("received -GE \"2025-01-01\" -AND RECEIVED -Le '2026-01-01'", YEAR[0], YEAR[1] + 1),
        ("Received -eq '2025-01-01T00:00:00'", YEAR[0], YEAR[0] + 1),
        ("(Received -ge '2025-01-01') -and ((Received -lt '2026-01-01'))", *YEAR),
        ("((Received -ge '2025-01-01' -and Received -lt '2026-01-01') -and Received -ge '2024-01-01')", *YEAR),
        ("Received -ge '2025-01-01'", YEAR[0], None),
        ("Received -lt'2026-01-01'", None, YEAR[1]),
        ("Received -ge '2025-01-01T01:00+01:00'", YEAR[0], None),
        ("Received -ge '2025-01-01 00:00:00Z'", YEAR[0], None),
        ("Received -ge '2024-12-31T23:59:59.5Z'", YEAR[0], None),
        ("Received -gt '2024-12-31T23:59:59.5Z'", YEAR[0], None),
        ("Received -le '2025-12-31T23:59:59.5Z'", None, YEAR[1]),
        ("Received -lt '2025-12-31T23:59:59.5Z'", None, YEAR[1]),
        ("", None, None),
        ("  ", None, None),
    ],
)
def test_what_is_understood(text: str, start: int | None, end: int | None) -> None:
    assert parse_content_filter(text) == ReceivedRange(start, end)


@pytest.mark.parametrize(
    ("date", "culture", "moment"),
    [
        ("1/2/2025", "", at(2025, 1, 2)),
        ("1/2/2025", "en-US", at(2025, 1, 2)),
        ("1/2/2025 12:00:00 AM", "en-US", at(2025, 1, 2)),
        ("01/02/2025 1:30 pm", "en-US", at(2025, 1, 2, 13, 30)),
        ("1/2/2025", "en-GB", at(2025, 2, 1)),
        ("1.2.2025", "de-DE", at(2025, 2, 1)),
        ("1.2.2025 13:30", "de", at(2025, 2, 1, 13, 30)),
        ("1-2-2025", "nl-NL", at(2025, 2, 1)),
        ("1/2/2025", "pt-BR", at(2025, 2, 1)),
        ("2025/1/2", "ja-JP", at(2025, 1, 2)),
        ("2025. 1. 2.", "hu-HU", at(2025, 1, 2)),
        ("2025-02-01", "de-DE", at(2025, 2, 1)),
        ("5 Oct 2024", "", at(2024, 10, 5)),
        ("5 october 2024", "en-GB", at(2024, 10, 5)),
        ("5-Oct-2024 1:30 PM", "en-US", at(2024, 10, 5, 13, 30)),
        ("October 5, 2024", "en-US", at(2024, 10, 5)),
        ("Sept. 5 2024 13:30", "en-GB", at(2024, 9, 5, 13, 30)),
    ],
)
def test_dates_are_read_as_the_culture_has_them(date: str, culture: str, moment: int) -> None:
    assert parse_content_filter(f"Received -ge '{date}'", culture) == ReceivedRange(moment, None)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("Subject -eq 'x'", 1, "Received is expected, not 'Subject'"),
        ("Received -ne '2025-01-01'", 10, "-eq is expected, not '-ne'"),
        ("Received -like '2025*'", 10, "not '-like'"),
        ("Received '2025-01-01'", 10, "not '2025-01-01'"),
        ("Received -gt 2025-01-01", 14, "a date in quotes is expected, not '2025-01-01'"),
        ("Received -gt", 13, "a date in quotes is expected, not the end"),
        ("Received -gt '2025-01-01", 14, "the quote is not closed"),
        ("Received -gt '2025-02-30'", 14, "'2025-02-30' is no date"),
        ("Received -gt '13/1/2025'", 14, "as en-US has it"),
        ("Received -gt '1/2/25'", 14, "is no date"),
        ("Received -gt '0025-01-01'", 14, "is no date"),
        ("Received -gt ''", 14, "is no date"),
        ("Received -gt '1/2/2025 13:00 PM'", 14, "is no date"),
        ("Received -gt '31 Feb 2025'", 14, "is no date"),
        ("Received -gt 'Octember 5, 2025'", 14, "is no date"),
        ("Received -gt '2025-01-01' -or Received -lt '2020-01-01'", 27, "-and or the end is expected, not '-or'"),
        ("Received -gt '2025-01-01' -and", 31, "Received is expected, not the end"),
        ("(Received -gt '2025-01-01'", 27, "-and or ) is expected, not the end"),
        ("Received -gt '2025-01-01')", 26, "not ')'"),
        ("()", 2, "Received is expected, not ')'"),
        ("-not (Received -gt '2025-01-01')", 1, "not '-not'"),
        ("(" * 60, 51, "parentheses"),
        ("Received -gt '2025-01-01' -and Received -lt '2025-01-01'", 0, "ends before it begins"),
        ("Received -eq '2025-01-01T00:00:00.5'", 0, "ends before it begins"),
    ],
)
def test_what_is_not_understood_is_named_with_its_place(text: str, column: int, words: str) -> None:
    with pytest.raises(ContentFilterError) as caught:
        parse_content_filter(text)
    assert caught.value.column == column
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"At column {column}: " if column else "No message")


def test_names_of_months_are_english() -> None:
    with pytest.raises(ContentFilterError, match="is no date"):
        parse_content_filter("Received -ge '5 Oct 2024'", "de-DE")


@pytest.mark.parametrize("culture", ["xx-YY", "german", "1", "en/US", "d"])
def test_an_unknown_culture_is_refused(culture: str) -> None:
    with pytest.raises(ContentFilterError, match="culture"):
        parse_content_filter("Received -gt '2025-01-01'", culture)


SECONDS = st.integers(at(1900, 1, 2), at(2999, 12, 31))
COMPARISON = st.tuples(st.sampled_from(["-gt", "-ge", "-lt", "-le", "-eq"]), SECONDS)


@given(comparisons=st.lists(COMPARISON, min_size=1, max_size=4), brackets=st.booleans(), quote=st.sampled_from("'\""))
def test_a_filter_takes_what_meets_all_its_comparisons(
    comparisons: list[tuple[str, int]], brackets: bool, quote: str
) -> None:
    parts = []
    for name, seconds in comparisons:
        date = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
        part = f"Received {name} {quote}{date}{quote}"
        parts.append(f"({part})" if brackets else part)
    meets = {
        "-gt": lambda date, bound: date > bound,
        "-ge": lambda date, bound: date >= bound,
        "-lt": lambda date, bound: date < bound,
        "-le": lambda date, bound: date <= bound,
        "-eq": lambda date, bound: date == bound,
    }
    samples = [seconds + offset for _, seconds in comparisons for offset in (-1, 0, 1)]
    wanted = [date for date in samples if all(meets[name](date, seconds) for name, seconds in comparisons)]
    try:
        received = parse_content_filter(" -and ".join(parts))
    except ContentFilterError:
        assert not wanted
        return
    assert [date for date in samples if received.admits(date)] == [d for d in samples if d in wanted or d == -1]
    assert parse_content_filter(content_filter_text(received)) == received


@given(st.text(alphabet="Received -gtlandq'\"()0125-/:TZ ", max_size=60), st.sampled_from(["", "de-DE"]))
def test_any_text_is_a_filter_or_is_refused_with_a_place_in_it(text: str, culture: str) -> None:
    column = 0
    try:
        parse_content_filter(text, culture)
    except ContentFilterError as error:
        column = error.column
    assert 0 <= column <= len(text) + 1
