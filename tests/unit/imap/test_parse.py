"""Values on the wire: words and lists, numbers, flags, sets of UIDs, dates."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.imap import grammar
from mailferry.imap.errors import ProtocolError
from mailferry.imap.parse import MAX_DEPTH, MAX_VALUES, Quoted, Value, number, split_status_text, tokenise
from mailferry.imap.values import (
    MAX_UID,
    DateCodec,
    format_uid_set,
    parse_ranges,
    parse_uid_set,
    split_ranges,
    split_uid_set,
)

UIDS = st.lists(st.integers(1, MAX_UID) | st.integers(1, 60), max_size=80)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"", []),
        (b" \0 ", []),
        (b"a 12 NIL nil", [b"a", b"12", None, None]),
        (b'"a b" "" "NIL"', [b"a b", b"", b"NIL"]),
        (b"(a (b) ()) c", [[b"a", [b"b"], []], b"c"]),
        (b'(a"b"(c)d)', [[b'a"b"', [b"c"], b"d"]]),
        (b'("a""b"("c"))', [[b"a", b"b", [b"c"]]]),
        (b"  a   b  ", [b"a", b"b"]),
        (rb'"a \"b\" \\c"', [b'a "b" \\c']),
        (rb'"a\b"', [rb"a\b"]),
        (b'"the "best" mail"', [b'the "best', b'mail"']),
        (b'"it"s here"', [b'it"s here']),
        (b'"a"b', [b"a", b"b"]),
        (rb'"a\"', [b"a\\"]),
        (rb'("a\" b)', [[b"a\\", b"b"]]),
        (b"\\Seen \\* $x", [b"\\Seen", b"\\*", b"$x"]),
        (b'BODY[HEADER.FIELDS (A "B C")]<0> x', [b'BODY[HEADER.FIELDS (A "B C")]<0>', b"x"]),
        (b"body[]NIL", [b"body[]", None]),
        (b"BODY[1 x", [b"BODY[1", b"x"]),
    ],
)
def test_words(text: bytes, values: list[Value]) -> None:
    assert tokenise([text]) == values


def test_strings_are_told_from_atoms() -> None:
    values = tokenise([b'a "b" ', b"c", b" d"])
    assert [type(value) for value in values] == [bytes, Quoted, Quoted, bytes]


def test_literals_stand_where_they_came() -> None:
    assert tokenise([b"(a ", b") (", b" b ", b"", b")"]) == [[b"a", b") (", b"b", b""]]


@pytest.mark.parametrize("text", [b"(", b")", b"(a))", b'"a', b'("a)', b"(" * (MAX_DEPTH + 1)])
def test_what_does_not_end(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        tokenise([text])


def test_a_list_cut_off_after_a_literal_can_be_forgiven() -> None:
    assert tokenise([b"(a ", b"b", b""], may_be_open=True) == [[b"a", b"b"]]
    for parts in ([b"(a ", b"b", b""], [b"(a "], [b"(a ", b"b", b"c"], [b"((a ", b"b", b""]):
        with pytest.raises(ProtocolError):
            tokenise(parts, may_be_open=parts[0] != b"(a " or len(parts) < 3 or parts[2] != b"")


def test_limits() -> None:
    assert len(tokenise([b"a " * MAX_VALUES])) == MAX_VALUES
    with pytest.raises(ProtocolError):
        tokenise([b"a " * (MAX_VALUES + 1)])
    deep = tokenise([b"(" * MAX_DEPTH + b")" * MAX_DEPTH])
    for _ in range(MAX_DEPTH):
        assert isinstance(deep[0], list) or not deep
        deep = deep[0] if isinstance(deep[0], list) else []
    assert deep == []


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"0", 0),
        (b"4294967295", 4_294_967_295),
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", None),
        (b"9.37e+06", 9_370_000),
        (b"+5", 5),
        (b"-1", None),
        (b"1e99", None),
        (b"9" * 5_000, None),
        (b"", None),
        (b"x", None),
        (b"1_0", None),
        (None, None),
        ([b"1"], None),
    ],
)
def test_numbers(data: Value, value: int | None) -> None:
    assert number(data) == value


@pytest.mark.parametrize(
    ("inside", "flags"),
    [
        (b"", set()),
        (b"NIL", set()),
        (b"(\\SEEN \\answered)", {"\\Seen", "\\Answered"}),
        (b'"\\\\Flagged" "$x"', {"\\Flagged", "$x"}),
        (b"\\Recent \\Forwarded $Forwarded", {"\\Recent", "\\Forwarded", "$Forwarded"}),
        (b"a" * 300 + b" \\seen", {"a" * 300, "\\Seen"}),
    ],
)
def test_flags(inside: bytes, flags: set[str]) -> None:
    assert grammar.flag_set(inside) == flags


def test_what_may_be_sent_as_a_flag() -> None:
    assert {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"} == grammar.SYSTEM_FLAGS
    for keyword in ("$Forwarded", "NonJunk", "a" * 64):
        assert grammar.is_keyword(keyword)
    for other in ("", "\\Seen", "a b", "a" * 65, "grün", "a]", "(", "nil", 'a"', "a\r\n", "{3}", "a*", "a%"):
        assert not grammar.is_keyword(other)


@pytest.mark.parametrize(("data", "atom", "astring"), [
    (b"INBOX", True, True),
    (b"a]", False, True),
    (b"NIL", True, False),
    (b"", False, False),
    (b"a b", False, False),
    (b"a\\b", False, False),
    (b"\xff", False, False),
    (b"a\n", False, False),
])  # fmt: skip
def test_atoms(data: bytes, atom: bool, astring: bool) -> None:
    assert grammar.is_atom(data) is atom
    assert grammar.is_astring(data) is astring


def test_tags() -> None:
    assert grammar.is_tag(b"A1")
    for data in (b"", b"+", b"a+1", b"*", b"a b"):
        assert not grammar.is_tag(data)


@given(st.binary())
def test_a_quoted_string_comes_back_or_is_refused(data: bytes) -> None:
    if grammar.is_quotable(data):
        assert tokenise([b"(" + grammar.quote(data) + b")"]) == [[data]]
    else:
        assert set(data) & {0, 10, 13, *range(128, 256)}
        with pytest.raises(ValueError, match="quoted"):
            grammar.quote(data)


@given(st.text(st.characters(max_codepoint=127, exclude_characters="\0\r\n")))
def test_every_ascii_text_can_be_quoted(text: str) -> None:
    assert tokenise([grammar.quote(text.encode())]) == [text.encode()]


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        (b"", None, ""),
        (b"done", None, "done"),
        (b"[READ-ONLY]done", "READ-ONLY", "done"),
        (b"[ALERT]", "ALERT", ""),
        (b" [badurl \"x]y\"] z", "BADURL", "z"),
        (b"[REFERRAL imap://x/] [more]", "REFERRAL", "[more]"),
        (b'[BROKEN "quote] z', "BROKEN", "z"),
        (b"[ ] z", None, "[ ] z"),
    ],
)  # fmt: skip
def test_the_code_before_a_text(data: bytes, code: str | None, text: str) -> None:
    found, words = split_status_text(data)
    assert (found.name if found else None, words) == (code, text)


@pytest.mark.parametrize(
    ("uids", "text"),
    [
        ([], b""),
        ([7], b"7"),
        ([1, 2, 3, 7, 9, 10], b"1:3,7,9:10"),
        ([3, 2, 1], b"3,2,1"),
        ([5, 5, 6], b"5,5:6"),
        ([MAX_UID], b"4294967295"),
    ],
)
def test_sets_are_written_short(uids: list[int], text: bytes) -> None:
    assert format_uid_set(uids) == text


@given(UIDS)
def test_a_set_comes_back_in_order(uids: list[int]) -> None:
    if uids:
        assert parse_uid_set(format_uid_set(uids)) == uids


@given(UIDS, st.integers(1, 60))
def test_a_split_set_is_whole_and_short(uids: list[int], max_bytes: int) -> None:
    pieces = split_uid_set(uids, max_bytes)
    assert [uid for piece in pieces for uid in parse_uid_set(piece)] == uids
    # One range can be longer than the limit; nothing else can.
    assert all(len(piece) <= max_bytes or b"," not in piece for piece in pieces)


def test_a_split_uses_the_room_it_has() -> None:
    assert split_ranges([(1, 3), (5, 5), (10, 20)], 5) == [b"1:3,5", b"10:20"]
    assert split_uid_set([]) == []


def test_a_backward_range_ascends() -> None:
    assert parse_uid_set(b"5:3,9") == [3, 4, 5, 9]
    assert parse_ranges(b"7:*, 4") == ((7, MAX_UID), (4, 4))


@pytest.mark.parametrize(
    "data", [b"", b",", b"1,", b"a", b"1:", b"1:2:3", b"-1", b"4294967296", b"9" * 99, b"1:4294967295"]
)
def test_what_is_no_set_or_too_large(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_uid_set(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"17-Jul-1996 02:44:25 -0700", (837596665, -420)),
        (b" 1-Jan-1970 00:00:00 +0000", (0, 0)),
        (b"01-Jan-1970 00:00:00 +0000", (0, 0)),
        (b"1-Jan-1970 00:00:00 +0000", (0, 0)),
        (b"1-jan-70 00:00:00 +0000", (0, 0)),
        (b"1-Jan-20 00:00:00 +0000", (1577836800, 0)),
        (b"1-Jan-1970 00:00 +0100", (-3600, 60)),
        (b"01-Jan-1970 00:00:00", (0, 0)),
        (b"01-Jan-1970 00:00:00 +0000 (UTC)", (0, 0)),
        (b"01-Jan-1970 00:00:00 GMT", (0, 0)),
        (b"01-Jan-1970 00:00:00 +01:30", (-5400, 90)),
        (b"01-Jan-1970 00:00:00 +9959", (0, 0)),
        (b"31-Dec-1998 23:59:60 +0000", (915148800, 0)),
        (b"30-Dec-1899 00:00:00 +0000", (-2209161600, 0)),
        (b"00-Jan-0000 00:00:00 +0000", None),
        (b"30-Feb-2020 00:00:00 +0000", None),
        (b"01-Jan-2020 24:00:00 +0000", None),
        (b"01-Jan-2020 00:60:00 +0000", None),
        (b"01-M\xe4r-2020 00:00:00 +0000", None),
        (b"01-Foo-2020 00:00:00 +0000", None),
        (b"", None),
        (b"NIL", None),
        (b"1" * 5_000, None),
    ],
)
def test_internal_dates(text: bytes, expected: tuple[int, int] | None) -> None:
    codec = DateCodec()
    assert codec.parse(text) == expected
    assert codec.parse(text) == expected  # what is remembered is the same


FIRST, LAST = -62_135_510_400, 253_402_214_400  # the second day of the year 1, the last but one of 9999
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@given(st.integers(FIRST, LAST) | st.integers(0, 2**31), st.integers(-14 * 60, 14 * 60))
def test_a_date_comes_back(epoch: int, zone: int) -> None:
    codec = DateCodec()
    moment = EPOCH + datetime.timedelta(seconds=epoch)
    local = moment.astimezone(datetime.timezone(datetime.timedelta(minutes=zone)))
    text = codec.format(epoch, zone)
    assert len(text) == 26
    assert text == f"{local.day:2d}-{local:%b}-{local.year:04d} {local:%H:%M:%S %z}".encode()
    assert codec.parse(text) == (epoch, zone)
    assert codec.parse(text) == (epoch, zone)
    assert codec.format(epoch, zone) == text


def test_a_day_of_one_digit_has_a_blank() -> None:
    assert DateCodec().format(1577836800, 0) == b" 1-Jan-2020 00:00:00 +0000"


@pytest.mark.parametrize(("epoch", "zone"), [(10**12, 0), (-(10**12), 0), (0, 841), (0, -841), (10**30, 0)])
def test_a_date_that_cannot_be_written(epoch: int, zone: int) -> None:
    with pytest.raises(ValueError, match="no "):
        DateCodec().format(epoch, zone)


def test_what_is_remembered_has_a_bound() -> None:
    codec = DateCodec()
    for day in range(40_000):
        assert codec.parse(codec.format(day * 86_400, 0)) == (day * 86_400, 0)
    assert codec.parse(b" 1-Jan-1970 00:00:00 +0000") == (0, 0)
