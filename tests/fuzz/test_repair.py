"""Any bytes: repairs are idempotent, do what they promise, and leave tidy mail alone."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.sync.identity import identity
from mailferry.sync.repair import (
    LineEndDigester,
    Repair,
    attempts,
    equal_but_for_line_ends,
    mark_broken_lines,
    mend_line_ends,
    repairs,
)

ALL = {repair.name: repair for repair in repairs("all")}

PIECE = st.one_of(
    st.sampled_from(
        [
            b"\r\n", b"\n", b"\r", b"\r\r\n", b"\r\n\r\n", b" ", b"\t", b"\0", b"From x\r\n", b">From y\n", b"From: ",
            b"Subject: ", b"Content-Type: ", b"Received: ", b"X-A: ", b"X-A : ", b'"', b"\\", b"<", b"\xff",
            b"\xc3\xbc", b"\xf0\x9f\x98\x80", b"=C3", b"=", b":", b"word", b"=?utf-8?B?w7w=?=",
        ]
    ),
    st.builds(lambda unit, count: unit * count, st.sampled_from([b"x", b" ", b"a ", b"\xc3\xbc", b"=C3", b"\xff"]),
              st.sampled_from([99, 100, 499, 997, 998, 999, 1_000, 2_500, 10_239, 10_240])),
    st.binary(max_size=12),
)  # fmt: skip
MAIL = st.lists(PIECE, max_size=16).map(b"".join)


@pytest.mark.parametrize("repair", ALL.values(), ids=ALL)
@given(data=MAIL)
def test_a_second_time_changes_nothing(repair: Repair, data: bytes) -> None:
    once = repair.apply(data)
    assert repair.apply(once) == once


@given(MAIL)
def test_each_repair_keeps_its_promise(data: bytes) -> None:
    assert b"\0" not in ALL["nul"].apply(data)
    assert not re.search(rb"[^\r\n]{999}", ALL["lines-over-998"].apply(data))
    assert not re.search(rb"[^\r\n]{10240}", ALL["lines-over-10239"].apply(data))
    assert re.fullmatch(rb"(?:[^\r\n]*\r\n)*", mend_line_ends(data))
    encoded = ALL["8-bit-header"].apply(data)
    end = re.search(rb"\A\r?\n|\n\r?\n", encoded)
    assert encoded[: end.start() if end else None].isascii()


@given(MAIL)
def test_the_body_stays_the_body(data: bytes) -> None:
    start = re.search(rb"\A\r?\n|\n\r?\n", data)
    if start:
        for name in ("8-bit-header", "header-size", "broken-header-lines"):
            assert ALL[name].apply(data).endswith(data[start.end() :])


@given(MAIL)
def test_attempts_differ_and_end_mended(data: bytes) -> None:
    steps = list(attempts(data, "all"))
    versions = [data, *(version for _, version in steps)]
    assert all(one != other for one, other in pairwise(versions))
    assert [done for done, _ in steps] == [steps[-1][0][: n + 1] for n in range(len(steps))]


LINE = st.from_regex(rb"[!-~]{1,20}( [!-~]{1,20}){0,8}", fullmatch=True)
FIELD = st.builds(
    lambda name, text: name + b": " + text + b"\r\n", st.from_regex(rb"[A-Z][A-Za-z-]{1,20}", fullmatch=True), LINE
)
TIDY = st.builds(
    lambda fields, lines: b"".join(fields) + b"\r\n" + b"".join(line + b"\r\n" for line in lines),
    st.lists(FIELD, max_size=6),
    st.lists(st.one_of(LINE, st.just(b"")), max_size=6),
)


@given(TIDY)
def test_tidy_mail_is_left_alone(data: bytes) -> None:
    assert list(attempts(data, "all")) == []


@given(data=TIDY, line_end=st.sampled_from([b"\n", b"\r\r\n"]))
def test_mending_line_ends_keeps_identity_and_content(data: bytes, line_end: bytes) -> None:
    broken = data.replace(b"\r\n", line_end)
    assert mend_line_ends(broken) == data
    assert equal_but_for_line_ends(broken, data)
    if line_end == b"\n":
        assert identity(broken) == identity(data)


TEXT = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"b", b"\r\r"]), max_size=14).map(b"".join)


def line_end_digest(pieces: list[bytes]) -> bytes:
    digester = LineEndDigester()
    for piece in pieces:
        digester.update(piece)
    return digester.digest()


@given(data=TEXT, other=TEXT, cuts=st.lists(st.integers(0, 28), max_size=6))
def test_line_end_digest_is_the_same_in_pieces_and_agrees_with_the_comparison(
    data: bytes, other: bytes, cuts: list[int]
) -> None:
    bounds = [0, *sorted(cuts), len(data)]
    pieces = [data[one:end] for one, end in pairwise(bounds)]
    whole = b"".join(pieces)
    assert line_end_digest(pieces) == line_end_digest([whole])
    assert (line_end_digest([data]) == line_end_digest([other])) is equal_but_for_line_ends(data, other)
    assert equal_but_for_line_ends(data, mend_line_ends(data))


@given(MAIL)
def test_after_marking_every_line_of_the_header_is_a_field(data: bytes) -> None:
    marked = mark_broken_lines(data)
    header = b"" if marked.startswith((b"\n", b"\r\n")) else re.split(rb"\n\r?\n", marked, maxsplit=1)[0]
    for index, line in enumerate(re.findall(rb"[^\n]+", header)):
        assert re.match(rb"[!-9;-~\x80-\xff]+[ \t]*:", line) or (index and line[:1] in (b" ", b"\t"))
