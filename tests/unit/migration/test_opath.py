"""Filters in the language of -Filter."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.migration.opath import WrongFilter, parse_filter

PROPERTIES = ("Name", "Status")
ANN = {"name": "Ann Beebe", "status": "Synced"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Name -eq 'ann beebe'", True),
        ('name -EQ "Ann Beebe"', True),
        ("Name -ne 'Ann Beebe'", False),
        ("Name -like 'ann*'", True),
        ("Name -like '*beeb'", False),
        ("Name -notlike '*@contoso.com'", True),
        ("Name -like '[A]*'", False),
        ("Status -eq Synced", True),
        ("Status -ne $null", True),
        ("Name -eq 'x' -or Status -eq 'Synced'", True),
        ("Name -like 'a*' -and -not (Status -eq 'Synced')", False),
        ("!(Name -eq 'x') -and Status -eq 'Synced'", True),
        ("Name -eq 'x' -or Name -like 'a*' -and Status -eq 'x'", False),
        ("Name -eq 'x' -or (Status -eq 'x' -and Name -like 'a*')", False),
        ("((Name -like 'ANN*'))", True),
    ],
)
def test_a_filter(text: str, holds: bool) -> None:
    assert parse_filter(text, PROPERTIES)(ANN) is holds


def test_a_quote_is_doubled() -> None:
    assert parse_filter("Name -eq 'O''Hara'", PROPERTIES)({"name": "o'hara", "status": ""})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ends too early"),
        ("Name", "one of -eq, -ne, -like, -notlike"),
        ("Name -gt 'a'", "one of -eq"),
        ("Name -eq", "ends too early"),
        ("Alias -eq 'a'", "no property Alias; there are Name, Status"),
        ("Name -eq 'a", "quote is not closed"),
        ("(Name -eq 'a'", "ends too early"),
        ("(Name -eq 'a' Status", "closing bracket is missing"),
        ("Name -eq 'a' Status -eq 'b'", "stands where -and, -or or the end would"),
        ("'Name' -eq 'a'", "stands where a property would"),
        ("Name -eq (", "stands where a text in quotes would"),
        ("(" * 60 + "Name -eq 'a'" + ")" * 60, "Too many"),
        ("!" * 60 + "Name -eq 'a'", "Too many"),
        ("Name -eq '" + "x" * 4_000 + "'", "at most"),
    ],
)
def test_a_filter_that_is_not_understood(text: str, reason: str) -> None:
    with pytest.raises(WrongFilter, match=reason.replace("(", r"\(")):
        parse_filter(text, PROPERTIES)


@given(st.lists(st.sampled_from(["Name", "-eq", "-like", "'a*'", "(", ")", "-and", "-not", "!", "$null", "'"])))
def test_any_text_is_a_filter_or_is_refused(words: list[str]) -> None:
    with suppress(WrongFilter):
        parse_filter(" ".join(words), PROPERTIES)(ANN)
