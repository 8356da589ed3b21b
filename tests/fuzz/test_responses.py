"""Any bytes give a response or ProtocolError, and soon; what is written comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.imap.errors import ProtocolError
from mailferry.imap.grammar import is_astring, is_quotable, quote
from mailferry.imap.parse import tokenise
from mailferry.imap.responses import Fetch, ListEntry, Response, ResponseCode, StatusEntry, Unknown, parse_response

WORDS = (
    *(b"* ", b"+ ", b"a1 ", b"OK ", b"NO ", b"BYE ", b"FETCH ", b"LIST ", b"STATUS ", b"SEARCH ", b"ESEARCH ", b"ID "),
    *(
        b"NAMESPACE ",
        b"QUOTA ",
        b"QUOTAROOT ",
        b"VANISHED ",
        b"CAPABILITY ",
        b"ENABLED ",
        b"FLAGS ",
        b"EXISTS ",
        b"XLIST ",
    ),
    *(
        b"(",
        b")",
        b"[",
        b"]",
        b'"',
        b"\\",
        b"NIL ",
        b" ",
        b"\0",
        b"\xff",
        b"0 ",
        b"7 ",
        b"-1 ",
        b"9.37e+06 ",
        b"4294967296 ",
    ),
    *(
        b"UID ",
        b"FLAGS (",
        b"BODY[] ",
        b"BODY[HEADER.FIELDS (A)] ",
        b"MODSEQ (",
        b"<0>",
        b"RFC822.SIZE ",
        b"INTERNALDATE ",
    ),
    *(b"MESSAGES ", b"MAILBOXID (", b"APPENDUID ", b"COPYUID ", b"1:5 ", b"ALL ", b"PARTIAL (", b"EARLIER) ", b"*"),
)
TEXT = st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=20).map(b"".join)
LINE = st.builds(
    bytes.__add__, st.sampled_from((b"", b"* ", b"* 3 FETCH (", b'* LIST () "/" ', b"* STATUS ", b"* OK [")), TEXT
)


@st.composite
def responses(draw: st.DrawFn) -> list[bytes]:
    parts = [draw(LINE)]
    for _ in range(draw(st.integers(0, 3))):
        parts += [draw(st.binary(max_size=10)), draw(TEXT)]
    return parts


def read(parts: list[bytes]) -> Response | None:
    try:
        return parse_response(parts)
    except ProtocolError:
        return None


@given(responses() | st.lists(st.binary(), max_size=5))
def test_any_bytes_are_a_response_or_a_protocol_error(parts: list[bytes]) -> None:
    response = read(parts)
    if isinstance(response, Unknown):
        assert list(response.parts) == parts
    code = getattr(response, "code", None)
    if isinstance(code, ResponseCode):
        for reader in (
            code.words,
            code.number,
            code.mod_seq,
            code.flags,
            code.append_uid,
            code.copy_uid,
            code.message_limit,
        ):
            reader()


@given(st.lists(TEXT, max_size=4))
def test_any_words_are_values_or_a_protocol_error(texts: list[bytes]) -> None:
    try:
        tokenise(texts)
    except ProtocolError:
        return


NAMES = st.binary(max_size=40) | st.text('ab "\\()*%{}&/.', max_size=20).map(str.encode)
ATTRIBUTES = st.frozensets(st.sampled_from(("\\HasChildren", "\\Noselect", "\\Sent", "\\X-Own")))


def written(name: bytes) -> list[bytes]:
    """Write a name as atom, quoted string or literal: the text before, and the parts after it."""
    if is_astring(name):
        return [name]
    return [quote(name)] if is_quotable(name) else [b"", name, b""]


@given(NAMES, ATTRIBUTES, st.sampled_from((None, "/", ".", "\\", '"', "^")))
def test_a_listed_name_comes_back(name: bytes, attributes: frozenset[str], delimiter: str | None) -> None:
    shown = quote(delimiter.encode()) if delimiter else b"NIL"
    parts = written(name)
    parts[0] = b"* LIST (" + " ".join(sorted(attributes)).encode() + b") " + shown + b" " + parts[0]
    assert parse_response(parts) == ListEntry("LIST", attributes, delimiter, name)
    assert parse_response([*parts[:-1], parts[-1] + b' ("CHILDINFO" ("SUBSCRIBED"))']) == parse_response(parts)


@given(NAMES, st.dictionaries(st.sampled_from(("MESSAGES", "UIDNEXT", "SIZE")), st.integers(0, 2**63 - 1)))
def test_a_status_comes_back(name: bytes, items: dict[str, int]) -> None:
    parts = written(name)
    parts[0] = b"* STATUS " + parts[0]
    parts[-1] += b" (" + b" ".join(b"%s %d" % (key.encode(), value) for key, value in items.items()) + b")"
    assert parse_response(parts) == StatusEntry(name, items)


@given(
    st.permutations((b"UID 831", b"FLAGS (\\Seen a)", b'INTERNALDATE "17-Jul-2024 02:44:25 +0200"', b"MODSEQ (5)")),
    st.binary(),
)
def test_items_of_fetch_come_in_any_order(items: list[bytes], body: bytes) -> None:
    expected = (831, frozenset({"\\Seen", "a"}), b"17-Jul-2024 02:44:25 +0200", 5, body)
    for place in range(len(items) + 1):
        before, after = b" ".join([*items[:place], b"BODY[HEADER] "]), b"".join(b" " + item for item in items[place:])
        fetch = parse_response([b"* 12 FETCH (" + before, body, after + b")"])
        assert isinstance(fetch, Fetch)
        assert (fetch.uid, fetch.flags, fetch.internal_date, fetch.mod_seq, fetch.sections[b"BODY[HEADER]"]) == expected


PIECES = (
    *(b'"', b'\\"', b'"\\', b'"a"b ', b'"a" "b', b"(", b"()", b"( ", b" (", b")", b" ", b"[", b"]"),
    *(b"BODY[", b'BODY["', b"BODY[]", b"BODY[(", b" (a (", b" (MESSAGES ", b"(A 1 ", b"\0", b"a", b"\\"),
    *(b"1", b"1 ", b"1,", b"1:2,", b"{1}", b"UID 1 ", b"FLAGS (", b'INTERNALDATE "', b"MODSEQ (1) "),
    *(b'("a" "\\" ', b'" "\\"', b'("', b'"" ', b'(("" "\\")'),
)
STARTS = (
    *(b"", b"* ", b"+", b"a1 OK ", b"a1 NO [", b"* OK [X ", b"* OK [X (", b"* 1 FETCH (", b"* 1 FETCH (FLAGS ("),
    *(b"* LIST (", b'* LIST () "/" ', b'* LIST () "/" "', b"* STATUS ", b'* STATUS "', b"* SEARCH ", b"* ESEARCH "),
    *(b"* VANISHED ", b"* ID (", b"* NAMESPACE ", b"* QUOTA ", b"* CAPABILITY ", b"* FLAGS ("),
)


# A reader that is not linear needs minutes for this, and half a second otherwise.
@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", PIECES)
def test_long_garbage_takes_no_long_time(piece: bytes) -> None:
    for start in STARTS:
        for end in (b"", b'"', b"))"):
            read([start + piece * (100_000 // len(piece)) + end])
