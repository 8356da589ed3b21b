"""Responses as servers send them. The transcripts hold the bytes: `S:` is a line of the server, `=>` what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailferry.imap import responses
from mailferry.imap.errors import ProtocolError
from mailferry.imap.responses import Fetch, ListEntry, ResponseCode, Status, Tagged, parse_response
from mailferry.imap.values import SeqNum

TRANSCRIPTS = Path(__file__).parents[2] / "data" / "transcripts"


def _cut(stream: bytes) -> list[bytes]:
    """Cut the lines of one response into texts and literals."""
    parts: list[bytes] = []
    while (marker := re.match(rb"([^\r]*)~?\{(\d+)\+?\}\r\n", stream)) is not None:
        end = marker.end() + int(marker[2])
        parts += [marker[1], stream[marker.end() : end]]
        stream = stream[end:]
    # What follows a line end inside a list is lost with the line, as it is on the wire.
    return [*parts, stream.split(b"\r\n")[0]]


def _exchanges() -> Iterator[tuple[str, list[bytes], str]]:
    for path in sorted(TRANSCRIPTS.glob("*.txt")):
        stream: list[str] = []
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if line.startswith("S:"):
                stream.append(
                    re.sub(r"\\x([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), line[2:].removeprefix(" "))
                )
            elif line.startswith("=>"):
                yield f"{path.stem}:{number}", _cut("\r\n".join([*stream, ""]).encode("latin-1")), line[3:]
                stream = []


EXCHANGES = list(_exchanges())


@pytest.mark.parametrize(("parts", "meaning"), [pytest.param(p, m, id=name) for name, p, m in EXCHANGES])
def test_a_transcript_means_what_it_says(parts: list[bytes], meaning: str) -> None:
    assert parse_response(parts) == eval(meaning, vars(responses).copy())


def test_every_transcript_is_read() -> None:
    assert {name.split(":")[0] for name, _, _ in EXCHANGES} == {path.stem for path in TRANSCRIPTS.glob("*.txt")}
    assert len(EXCHANGES) > 60


@pytest.mark.parametrize(
    "parts",
    [
        [b"* 1 FETCH"],
        [b"* 1 FETCH (UID 5 FLAGS (\\Seen)"],
        [b"* 1 FETCH (UID 5 ENVELOPE (NIL NIL"],
        [b"* 1 FETCH (UID 5))"],
        [b'* 1 FETCH (INTERNALDATE "17-Jul)'],
        [b"* 1 FETCH (BODY[] ", b"abc", b" UID 5"],
        [b"* LIST"],
        [b'* LIST (\\Seen "/" INBOX'],
        [b'* LIST () "/" "INBOX'],
        [b"* STATUS INBOX"],
        [b"* STATUS INBOX (MESSAGES 5"],
        [b"* SEARCH 1 9.37e+06"],
        [b"* SEARCH 99999999999"],
        [b"* SEARCH " + b"9" * 10_000],
        [b"* VANISHED ?"],
        [b"* ESEARCH ALL x"],
        [b"* 1 FETCH " + b"(" * 60 + b")" * 60],
    ],
)
def test_what_cannot_be_read_is_a_protocol_error(parts: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        parse_response(parts)


@pytest.mark.parametrize("line", [b'* ID ("name" "x', b"* NAMESPACE ((", b"* QUOTA a (STORAGE 1", b"* QUOTAROOT ("])
def test_what_one_can_do_without_never_ends_the_connection(line: bytes) -> None:
    assert parse_response([line]) == responses.Unknown((line,))


def test_both_ways_to_read_fetch_agree() -> None:
    quick = b'* 3 FETCH (UID 7 FLAGS (\\SEEN x) INTERNALDATE "17-Jul-2024 02:44:25 +0200" RFC822.SIZE 4096 MODSEQ (24)'
    assert parse_response([quick + b")"]) == parse_response([quick.replace(b"FETCH", b"fetch") + b")"])
    parts = [quick + b" BODY[HEADER.FIELDS (DATE)] ", b"Date: x\r\n\r\n"]
    assert parse_response([*parts, b")"]) == parse_response([*parts, b" )"])


@pytest.mark.parametrize("kind", [b"fetch", b"FETCH"])
@pytest.mark.parametrize("uid", [b"0", b"4294967296", b"9999999999"])
def test_a_uid_that_cannot_be_one_is_none(kind: bytes, uid: bytes) -> None:
    fetch = parse_response([b"* 1 " + kind + b" (UID " + uid + b" MODSEQ (0))"])
    assert fetch == Fetch(SeqNum(1))


def test_the_body_of_a_fetch() -> None:
    for item in (b"BODY[]", b"rfc822", b"BODY[]<0>"):
        fetch = parse_response([b"* 1 FETCH (" + item + b" ", b"mail", b")"])
        assert isinstance(fetch, Fetch)
        assert fetch.body == b"mail"


@pytest.mark.parametrize("attribute", ["\\Noselect", "\\NonExistent"])
def test_selectable(attribute: str) -> None:
    entry = parse_response([f'* LIST ({attribute.upper()}) "/" x'.encode()])
    assert isinstance(entry, ListEntry)
    assert not entry.selectable
    assert entry.attributes == {attribute}


def _code(text: str) -> ResponseCode:
    status = parse_response([f"* OK [{text}] words".encode()])
    assert isinstance(status, Status)
    assert status.code is not None
    assert status.text == "words"
    return status.code


def test_the_uids_of_an_append_come_in_order() -> None:
    assert _code("APPENDUID 9 7:5,2").append_uid() == (9, [5, 6, 7, 2])
    assert _code("appenduid 38505 3955").append_uid() == (38505, [3955])


@pytest.mark.parametrize(
    "text", ["APPENDUID", "APPENDUID 9", "APPENDUID 9 x", "APPENDUID x 9", "APPENDUID 9 1:4294967295"]
)
def test_an_append_uid_that_tells_nothing(text: str) -> None:
    assert _code(text).append_uid() is None


def test_the_uids_of_a_copy() -> None:
    assert _code("COPYUID 9 1:2 8,4").copy_uid() == (9, [1, 2], [8, 4])
    assert _code("COPYUID 9  ").copy_uid() is None
    assert _code("COPYUID 9 1:3 4:5").copy_uid() is None


def test_what_other_codes_say() -> None:
    assert _code("UIDVALIDITY 3857529045").number() == 3857529045
    assert _code("UIDNEXT -1").number() is None
    assert _code("HIGHESTMODSEQ 0").mod_seq() is None
    assert _code("HIGHESTMODSEQ 20").mod_seq() == 20
    assert _code("NOMODSEQ").number() is None
    assert _code("PERMANENTFLAGS (\\seen \\* a)").flags() == {"\\Seen", "\\*", "a"}
    assert _code("BADCHARSET (UTF-8 {US-ASCII)").words() == [b"UTF-8", b"{US-ASCII"]
    assert _code("CAPABILITY IMAP4rev1 X").words() == [b"IMAP4rev1", b"X"]
    assert _code("MESSAGELIMIT 1000 23").message_limit() == (1000, 23)
    assert _code("MESSAGELIMIT 1000").message_limit() == (1000, None)
    assert _code("MESSAGELIMIT").message_limit() is None


def test_text_that_is_no_utf_8_is_still_text() -> None:
    tagged = parse_response([b"a1 NO Postfach gel\xf6scht"])
    assert isinstance(tagged, Tagged)
    assert tagged.text == "Postfach gel\N{REPLACEMENT CHARACTER}scht"
