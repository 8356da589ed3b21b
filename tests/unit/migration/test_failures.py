"""The file to mend and submit again."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.imap.values import Secret
from mailferry.migration.csvfile import Cells, CsvFile, parse
from mailferry.migration.failures import MAX_MESSAGE_CHARACTERS, NO_REASON, FailedRow, failures_csv, harmless

TEXT = (
    "Password,EmailAddress,Department,UserName,UserRoot,TargetPassword\r\n"
    "one,a@x.org,Sales,+a,/a,target\r\n"
    ",b@x.org,=cmd|'/c calc'!A0,b,,\r\n"
)


def read(text: str) -> CsvFile:
    return parse(text.encode("utf-8-sig"), allow_unknown_columns=True)


def all_cells(file: CsvFile) -> list[Cells]:
    """Give the values of all rows in the order of their lines."""
    by_line = {row.line: file.cells(row) for row in file.rows} | {error.line: error.cells for error in file.row_errors}
    return [by_line[line] for line in sorted(by_line)]


def entries(file: CsvFile, message: str = "no such mailbox") -> list[FailedRow]:
    return [FailedRow(cells, message) for cells in all_cells(file)]


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_the_columns_of_the_input_and_the_message() -> None:
    file = read(TEXT)
    rows = [FailedRow(file.cells(file.rows[0]), "The source refused the login."), FailedRow.of(file.row_errors[0])]
    assert table(failures_csv(file.columns, rows, with_passwords=True)) == [
        ["Password", "EmailAddress", "Department", "UserName", "UserRoot", "TargetPassword", "ErrorMessage"],
        ["one", "a@x.org", "Sales", "+a", "/a", "target", "The source refused the login."],
        ["", "b@x.org", "=cmd|'/c calc'!A0", "b", "", "", file.row_errors[0].message],
    ]
    assert file.row_errors[0].message.startswith("Password is empty")


def test_passwords_are_left_out() -> None:
    file = read(TEXT)
    written = failures_csv(file.columns, entries(file))
    assert [(row[0], row[5]) for row in table(written)[1:]] == [("", ""), ("", "")]
    again = read(written)
    assert again.rows == []
    assert [error.code for error in again.row_errors] == ["password-empty", "password-empty"]


def test_entries_print_no_passwords() -> None:
    assert repr(FailedRow((Secret("hidden"), "hidden"), "no")) == "FailedRow(message='no')"


def test_a_second_round_replaces_the_message() -> None:
    file = read(TEXT)
    first = read(failures_csv(file.columns, entries(file, "first"), with_passwords=True))
    second = table(failures_csv(first.columns, entries(first, "second"), with_passwords=True))
    assert second[0] == [*file.columns, "ErrorMessage"]
    assert [row[-1] for row in second[1:]] == ["second", "second"]


def test_no_failures_are_a_header() -> None:
    assert (
        failures_csv(["EmailAddress", "UserName", "Password"], []) == "EmailAddress,UserName,Password,ErrorMessage\r\n"
    )


def test_a_row_of_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="2 values for 3 columns"):
        failures_csv(["EmailAddress", "UserName", "Password"], [FailedRow(("a@x.org", "a"), "no")])


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("plain text, 1+1=2", "plain text, 1+1=2"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'=1"),
        ("\r\n=1", "'=1"),
        ("＝1", "'＝1"),
        ("NO; =1+1;-2", "NO; '=1+1;'-2"),
        ("two\r\nlines\x00and\x1bmore", "two lines and more"),
        (" \r\n", ""),
        ("half \udcff a pair", "half a pair"),
    ],
)
def test_messages_are_no_formulas(message: str, written: str) -> None:
    assert harmless(message) == written


def test_long_messages_are_cut() -> None:
    assert harmless("x" * 5_000) == "x" * (MAX_MESSAGE_CHARACTERS - 1) + "…"


value = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
pieces = st.sampled_from(['"', ",", "\r", "\n", "\r\n", ";", "=", "'", "#", " ", "\ufeff", "ü"])
cell = value | st.lists(pieces, max_size=5).map("".join)
address = st.sampled_from(["", "@", "no address", "x@y.org", "X@Y.org"]) | st.builds(
    "u{}@x.org".format, st.integers(0, 99)
)


@given(st.lists(st.tuples(address, cell, cell, cell, cell), min_size=1, max_size=6), st.text(max_size=30))
def test_what_is_written_is_read_back(rows: list[tuple[str, str, str, str, str]], message: str) -> None:
    columns = ("EmailAddress", "UserName", "Password", "UserRoot", "Notes")
    given_rows: list[Cells] = [(email, name, Secret(password), *rest) for email, name, password, *rest in rows]
    written = failures_csv(columns, [FailedRow(cells, message) for cells in given_rows], with_passwords=True)
    again = read(written)
    assert again.columns == (*columns, "ErrorMessage")
    assert [cells[:-1] for cells in all_cells(again)] == given_rows
    assert {cells[-1] for cells in all_cells(again)} == {harmless(message) or NO_REASON}
