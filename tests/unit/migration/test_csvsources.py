"""Rows of one administrator's login: each names a mailbox of its own, and none stands for the administrator's."""

from __future__ import annotations

import pytest

from mailferry.migration.csvfile import MAX_ROWS, CsvFile, parse

HEADER = "EmailAddress,UserName,Password,UserRoot\r\n"


def read(*rows: str, header: str = HEADER) -> CsvFile:
    return parse((header + "\r\n".join(rows)).encode())


def codes(result: CsvFile) -> list[tuple[int, str, str]]:
    """Give line, column and code of each error."""
    return [(error.line, error.column, error.code) for error in result.row_errors]


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_root_beside_rows_of_the_same_name_with_one_is_an_error(blank: str) -> None:
    rows = [f"ann@x.org,admin,1,{blank}", "bea@x.org,admin,1,/users/bea", f"cid@x.org,admin,1,{blank}"]
    result = read(*rows, "dan@x.org,dan,2,")
    assert [row.email_address for row in result.rows] == ["bea@x.org", "dan@x.org"]
    assert codes(result) == [(2, "UserRoot", "user-root-missing"), (4, "UserRoot", "user-root-missing")]
    assert "admin" not in result.row_errors[0].message


def test_a_row_in_error_tells_of_a_shared_login_too() -> None:
    result = read("ann@x.org,admin,1,", "bea,admin,1,/users/bea")
    assert codes(result) == [(2, "UserRoot", "user-root-missing"), (3, "EmailAddress", "email-address-invalid")]


def test_names_are_compared_exactly() -> None:
    assert codes(read("ann@x.org,Admin,1,", "bea@x.org,admin,1,/users/bea")) == []


@pytest.mark.parametrize(("first", "second"), [("", ""), ("/users/ann", "/users/ann"), ("/users/ann", "users/ann/")])
def test_a_source_mailbox_is_taken_once(first: str, second: str) -> None:
    result = read(f"ann@x.org,admin,1,{first}", "bea@x.org,bea,1,", f"cid@x.org,admin,2,{second}")
    assert [row.email_address for row in result.rows] == ["ann@x.org", "bea@x.org"]
    assert codes(result) == [(4, "UserName", "source-mailbox-twice")]
    assert "already in this file, at line 2:" in result.row_errors[0].message


def test_a_name_is_a_mailbox_in_files_without_roots() -> None:
    result = read("ann@x.org,ann,1", "bea@x.org,ann,1", header="EmailAddress,UserName,Password\r\n")
    assert codes(result) == [(3, "UserName", "source-mailbox-twice")]


def test_a_row_in_error_does_not_take_the_mailbox() -> None:
    result = read("ann,ann,1,", "ann@x.org,ann,1,")
    assert [row.line for row in result.rows] == [3]
    result = read("ann@x.org,ann,1,", "ANN@x.org,bea,1,", "bea@x.org,bea,1,")
    assert [row.line for row in result.rows] == [2, 4]


def test_names_of_absurd_length_are_errors() -> None:
    header = "EmailAddress,UserName,Password,TargetUserName\r\n"
    result = read(f"a@x.org,{'a' * 1024},1,", f"b@x.org,{'b' * 1025},1,", f"c@x.org,c,1,{'c' * 1025}", header=header)
    assert [row.line for row in result.rows] == [2]
    assert codes(result) == [
        (3, "UserName", "user-name-too-long"),
        (4, "TargetUserName", "target-user-name-too-long"),
    ]


def test_a_large_file_of_one_login_is_taken() -> None:
    result = read(*(f"u{number}@x.org,admin,1,/users/u{number}" for number in range(MAX_ROWS)))
    assert (len(result.rows), result.row_errors) == (MAX_ROWS, [])
