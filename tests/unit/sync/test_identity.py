"""An identity is the same whatever form of the header it is made of."""

from __future__ import annotations

import re

import pytest
from blake3 import blake3
from hypothesis import example, given
from hypothesis import strategies as st

from mailferry.sync.identity import (
    IDENTITY_FIELDS,
    NO_IDENTITY,
    Digester,
    describe,
    digest,
    field_value,
    header_is_whole,
    identity,
)

FIELDS = (
    b"Received: from a by b; Mon, 1 Jan 2024 10:00:00 +0000\r\n",
    b"From: Ann <ann@example.org>\r\n",
    b"To: Bob <bob@example.net>,\r\n\tEve <eve@example.net>\r\n",
    b"Subject: hello\r\n there\r\n",
    b"Date: Mon, 1 Jan 2024 10:00:00 +0000\r\n",
    b"X-Message-ID: <other@example.org>\r\n",
    b"Message-ID-Hash: ABCDEF\r\n",
)
ID = b"Message-ID: <one@example.org>\r\n"
BODY = b"Hello\r\n\r\nMessage-ID: <quoted@example.org>\r\n"


def selected(message: bytes, *, line_end: bytes = b"\r\n") -> bytes:
    """What a server returns for HEADER.FIELDS: its own reading of the header, line by line."""
    wanted, keep = [], False
    for line in re.findall(rb"[^\n]*\n|[^\n]+", message):
        text = line.removesuffix(b"\n").removesuffix(b"\r")
        if not text:
            break
        if text[:1] not in b" \t":
            keep = b":" in text and text.partition(b":")[0].rstrip(b" \t").upper() in IDENTITY_FIELDS
        if keep:
            wanted.append(text + line_end)
    return b"".join(wanted) + line_end


def test_identity_is_that_of_the_message_id_in_every_form_and_order() -> None:
    header = b"".join(FIELDS) + ID + b"\r\n"
    expected = identity(ID)
    assert 0 < expected < 2**64
    for form in (header, header + BODY, selected(header), ID + b"".join(FIELDS) + b"\r\n" + BODY, header[:-2]):
        assert identity(form) == expected
    assert identity(header.replace(b"one@", b"two@")) != expected


@pytest.mark.parametrize(
    "field",
    [
        b"message-id: <one@example.org>\r\n",
        b"MESSAGE-ID:<one@example.org>\r\n",
        b"Message-Id : <one@example.org>\r\n",
        b"Message-ID \t:\t<one@example.org>  \r\n",
        b"Message-ID:\r\n <one@example.org>\r\n",
        b"Message-ID: <one\r\n\t@example.org>\r\n",
        b"Message-ID: <one@example.org>\n",
        b"Message-ID: <one@exa\0mple.org>\r\n",
        b"Message-ID: <one@example.org>\r\nMessage-ID: <two@example.org>\r\n",
        b"Message-ID:\r\nMessage-ID: <one@example.org>\r\n",
    ],
)
@pytest.mark.parametrize("before", [b"", b"".join(FIELDS)])
def test_spellings_of_one_message_id_are_one_identity(field: bytes, before: bytes) -> None:
    for tail in (b"\r\n" + BODY, b"\r\n", b"", b"From: x\r\n\r\n"):
        assert identity(before + field + tail) == identity(ID)
    assert identity(selected(before + field + b"\r\n")) == identity(ID)


@pytest.mark.parametrize(
    "field", [b"Message-ID:\r\n", b"Message-ID: \r\n\t\r\n", b"Message-ID: <>\r\n", b"Message-ID\r\n"]
)
def test_an_empty_message_id_counts_as_absent(field: bytes) -> None:
    header = b"".join(FIELDS)
    assert identity(field + header) == identity(header + field + b"\r\n" + BODY) == identity(header) != NO_IDENTITY


def test_without_message_id_the_four_fields_count_in_any_order_and_folding() -> None:
    header = b"".join(FIELDS)
    expected = identity(header)
    assert identity(b"".join(reversed(FIELDS)) + b"\r\n" + BODY) == expected
    assert identity(selected(header)) == expected
    assert identity(header.replace(b"\r\n\t", b" ").replace(b"\r\n there", b"   there")) == expected
    for old, new in ((b"Ann", b"Anne"), (b"Bob", b"Rob"), (b"hello", b"hallo"), (b"1 Jan", b"2 Jan")):
        assert identity(header.replace(old, new)) != expected
    assert identity(b"From: x\r\n") != identity(b"To: x\r\n")


@pytest.mark.parametrize(
    "header", [b"", b"\r\n", b"\n", b"\r\n" + ID, b"\n" + ID, b"X: y\r\n\r\n" + ID, b"Subject:\r\n"]
)
def test_no_field_no_identity(header: bytes) -> None:
    assert identity(header) == NO_IDENTITY


def test_a_bare_cr_is_white_space_and_not_a_line_end() -> None:
    assert identity(b"Subject: a\rMessage-ID: <one@example.org>\r\n") == identity(
        b"Subject: a Message-ID: <one@example.org>\r\n"
    )
    assert identity(b"From: x\r\rMessage-ID: y\r\n" + ID) == identity(ID)


def test_the_first_64_kib_count() -> None:
    far = b"X: " + b"x" * 70_000 + b"\r\n"
    early, late = ID + far + b"\r\n" + BODY, b"From: x\r\n" + far + ID + b"\r\n" + BODY
    assert identity(early) == identity(early[:65_536]) == identity(selected(early)) == identity(ID)
    assert identity(late) == identity(late[:65_536]) == identity(b"From: x\r\n")
    assert header_is_whole(ID + b"\r\n" + b"x" * 70_000)
    assert not header_is_whole(early[:65_536])
    assert not header_is_whole(late)


def test_a_field_cut_off_at_64_kib_gives_what_the_whole_field_gives() -> None:
    whole = b"From: x\r\nTo: " + b"bob@example.org,\r\n " * 5_000 + b"eve@example.org\r\n\r\n"
    assert identity(whole) == identity(whole[:65_536]) == identity(selected(whole))


LINE = st.one_of(
    st.sampled_from([*FIELDS, ID, b"Message-Id : <x@y>\n", b"message-id:\n", b" folded\r\n", b"\tMessage-ID: <f@g>\n"]),
    st.sampled_from(
        [b"\r\n", b"\n", b"From ann 10:00\r\n", b"no colon\r\n", b"\r\r\n", b"a\rSubject: b\n", b"To: \0\xff\r\n"]
    ),
    st.binary(max_size=20),
)


@given(st.lists(LINE, max_size=12).map(b"".join))
@example(b"X: y\r\n\r\n")
def test_message_header_and_selected_fields_agree(message: bytes) -> None:
    expected = identity(message)
    assert 0 <= expected < 2**64
    end = re.search(rb"\A\r?\n|\n\r?\n", message)
    if end:
        assert identity(message[: end.end()]) == expected
    assert identity(selected(message)) == expected


@given(st.lists(st.binary(max_size=3_000), max_size=6))
def test_a_digest_of_pieces_is_the_digest_of_the_whole(pieces: list[bytes]) -> None:
    digester = Digester()
    for piece in pieces:
        digester.update(memoryview(piece))
    assert digester.digest() == digest(b"".join(pieces)) == blake3(b"".join(pieces)).digest()[:16]


def test_field_value_unfolds_and_takes_the_first_that_is_not_empty() -> None:
    header = b"Received:\r\nX-Received: no\r\nReceived: from a\r\n\tby b;\r\n now\r\nReceived: second\r\n\r\n"
    assert field_value(header, b"received") == b"from a by b; now"
    assert field_value(header, b"Date") == b""


def test_describe_decodes_the_subject() -> None:
    header = b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= an =?iso-8859-1?Q?J=F6rg?=\r\n" + FIELDS[4] + ID
    assert describe(header) == ("Grüße an Jörg", "<one@example.org>", "Mon, 1 Jan 2024 10:00:00 +0000")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"Gr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b"Gr\xfc\xdfe", "Grüße"),
        (b"=?no-such-charset?Q?a?=", "=?no-such-charset?Q?a?="),
        (b"a\x1b[31mred\x00\r\n\tb", "a [31mred b"),
        (b"=?utf-8?Q?a=0D=0Ab=E2=80=AEc?=", "a b c"),
        (b"", ""),
    ],
)
def test_describe_shows_one_clean_line(raw: bytes, shown: str) -> None:
    assert describe(b"Subject: " + raw + b"\r\n\r\n").subject == shown


@given(
    st.one_of(st.binary(max_size=400), st.text(max_size=300).map(lambda text: f"Subject: =?utf-8?Q?{text}?=".encode()))
)
def test_describe_never_raises_and_is_bounded(header: bytes) -> None:
    for text in describe(header):
        assert len(text) <= 250
        assert text.isprintable() or not re.search(r"[\x00-\x1f\x7f]", text)


def test_describe_bounds_a_long_subject() -> None:
    assert describe(b"Subject: " + b"long " * 5_000 + b"\r\n\r\n").subject.endswith("…")
