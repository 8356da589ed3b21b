"""Values of parameters: what is taken, and what an error says instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cmdlets.convert import UNLIMITED, convert
from mailferry.cmdlets.dates import date_time, time_span
from mailferry.cmdlets.errors import BindingError, CommandError
from mailferry.cmdlets.format import moment_text, span_text
from mailferry.cmdlets.layout import View
from mailferry.cmdlets.records import ByteSize, FileBytes
from mailferry.cmdlets.spec import find_cmdlet
from mailferry.cmdlets.spec_model import Parameter, ValueType
from mailferry.imap.values import Secret

T = ValueType
HERE = Path("/nowhere")


def made(value: object, type_: ValueType, **more: object) -> object:
    """Convert a value for a parameter of a type."""
    parameter = Parameter("P", type_, "Help.", **more)  # type: ignore[arg-type] # names of fields
    return convert(value, parameter, HERE)


@pytest.mark.parametrize(
    ("value", "type_", "result"),
    [
        ("x", T.STRING, "x"),
        (5, T.STRING, "5"),
        (["x"], T.STRING, "x"),
        ("a", T.STRINGS, ["a"]),
        (["a", 5], T.STRINGS, ["a", "5"]),
        (None, T.STRINGS, []),
        ("993", T.INT, 993),
        ("1KB", T.INT, 1024),
        (True, T.BOOLEAN, True),
        (0, T.BOOLEAN, False),
        ("False", T.BOOLEAN, False),
        ("Unlimited", T.UNLIMITED, UNLIMITED),
        ("50", T.UNLIMITED, 50),
        ("35MB", T.SIZE, 35 * 1024**2),
        ("35 MB", T.SIZE, 35 * 1024**2),
        ("imap.contoso.com", T.FQDN, "imap.contoso.com"),
        ("::1", T.FQDN, "::1"),
        (b"abc", T.BYTES, b"abc"),
        ([97, 98], T.BYTES, b"ab"),
        ("12:00:00", T.TIME_SPAN, timedelta(hours=12)),
        ("1", T.TIME_SPAN, timedelta(days=1)),
    ],
)
def test_what_is_taken(value: object, type_: ValueType, result: object) -> None:
    assert made(value, type_) == result


@pytest.mark.parametrize("name", ["New-MigrationEndpoint", "Set-MigrationEndpoint", "Test-MigrationServerAvailability"])
def test_ntlm_is_refused_with_a_reason_and_a_way(name: str) -> None:
    cmdlet = find_cmdlet(name)
    parameter = cmdlet.parameter("Authentication") if cmdlet is not None else None
    assert parameter is not None
    with pytest.raises(BindingError, match="NTLM is not there: it is outdated") as caught:
        convert("ntlm", parameter, HERE)
    assert caught.value.advice.startswith("Use Basic with -Security Ssl or Tls.")


@pytest.mark.parametrize("written", ["ssl", "SSL", "Ss"])
def test_a_choice_in_any_case_or_cut_short(written: str) -> None:
    assert made(written, T.CHOICE, choices=("None", "Ssl", "Tls")) == "Ssl"


@pytest.mark.parametrize(
    ("value", "type_", "says"),
    [
        ("x y", T.FQDN, "host name"),
        ("https://x", T.FQDN, "host name"),
        ("many", T.INT, "whole number"),
        ("1.5", T.INT, "whole number"),
        ("much", T.UNLIMITED, "Unlimited"),
        ("yes", T.BOOLEAN, "$true, $false"),
        ("tomorrow", T.DATE_TIME, "2026-12-01T18:00Z"),
        ("25:00", T.TIME_SPAN, "days.hours"),
        ("{ $_ }", T.SCRIPT_BLOCK, "braces"),
        (["a", "b"], T.STRING, "a list"),
    ],
)
def test_what_is_not_taken(value: object, type_: ValueType, says: str) -> None:
    with pytest.raises(BindingError) as caught:
        made(value, type_)
    assert says in caught.value.message
    assert "'P'" in caught.value.message


def test_the_allowed_values_are_listed() -> None:
    with pytest.raises(BindingError) as caught:
        made("Sll", T.CHOICE, choices=("None", "Ssl", "Tls"))
    assert caught.value.message == (
        'Cannot bind parameter \'P\'. Cannot convert value "Sll" to type "P". '
        "Specify one of the following values: None, Ssl, Tls."
    )


@pytest.mark.parametrize(
    ("value", "type_", "bounds", "says"),
    [
        (0, T.INT, {"least": 1, "most": 65535}, "0 is not allowed; 1 to 65535 is."),
        (301, T.UNLIMITED, {"least": 1, "most": 300}, "301 is not allowed; 1 to 300 is."),
        ("x" * 65, T.STRING, {"most": 64}, "has 65 characters, and at most 64 characters are allowed."),
    ],
)
def test_bounds(value: object, type_: ValueType, bounds: dict[str, object], says: str) -> None:
    with pytest.raises(BindingError) as caught:
        made(value, type_, **bounds)
    assert says in caught.value.message


def test_a_password_is_not_a_text_and_is_not_repeated() -> None:
    with pytest.raises(BindingError) as caught:
        made("P@ssw0rd", T.SECURE_STRING)
    assert "P@ssw0rd" not in f"{caught.value.message}{caught.value.advice}"
    assert made(Secret("P@ssw0rd"), T.SECURE_STRING) == Secret("P@ssw0rd")
    with pytest.raises(BindingError, match="SecureString"):
        made(Secret("P@ssw0rd"), T.STRING)


def test_the_name_of_a_file_does_for_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_bytes(b"a,b\n")
    found = convert("users.csv", Parameter("CSVData", T.BYTES, "Help."), tmp_path)
    assert isinstance(found, FileBytes)
    assert (bytes(found), found.name) == (b"a,b\n", "users.csv")
    with pytest.raises(CommandError, match="Could not find file"):
        convert("none.csv", Parameter("CSVData", T.BYTES, "Help."), tmp_path)


@pytest.mark.parametrize("value", ["a,b\nc,d", ["a,b", "c,d"]])
def test_a_text_of_several_lines_is_its_own_bytes(value: object) -> None:
    assert made(value, T.BYTES) == b"a,b\nc,d"


@pytest.mark.parametrize("value", [["P@ssw0rd", 5], Secret("P@ssw0rd"), {"a": "P@ssw0rd"}, 5.5, "", []])
def test_what_may_be_rows_is_not_repeated(value: object) -> None:
    with pytest.raises(BindingError, match="Byte") as caught:
        made(value, T.BYTES)
    assert "P@ssw0rd" not in caught.value.message


def test_what_is_shown_is_no_name() -> None:
    with pytest.raises(BindingError, match="View cannot be used as a text"):
        made(View((), as_table=False), T.STRING)


def test_sizes_print_as_sizes() -> None:
    assert isinstance(made("1.5GB", T.SIZE), ByteSize)


@pytest.mark.parametrize(
    "written",
    ["2026-11-21T07:06:54Z", "2026-11-21T08:06:54+01:00", "11/21/2026 7:06:54 AM", "11/21/2026 07:06:54",
     "2026-11-21 7:06:54"],
)  # fmt: skip
def test_moments(written: str) -> None:
    assert date_time(written) == datetime(2026, 11, 21, 7, 6, 54, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001 - a zone follows
def test_moments_that_are_shown_can_be_read(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    assert date_time(moment_text(whole)) == whole


@given(st.integers(min_value=0, max_value=10**9))
def test_durations_that_are_shown_can_be_read(seconds: int) -> None:
    assert time_span(span_text(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.text())
def test_any_text_is_a_moment_or_not(text: str) -> None:
    for read in (date_time, time_span):
        try:
            found: object = read(text)
        except ValueError:
            found = None
        assert found is None or isinstance(found, (datetime, timedelta))
