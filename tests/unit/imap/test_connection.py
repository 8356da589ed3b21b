"""The same bytes give the same messages, wherever they are cut, in whatever order the server puts the items."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mailferry.imap.connection import PREFIX_BYTES, Connection, Event, Fetched, Limits
from mailferry.imap.errors import ProtocolError
from mailferry.imap.responses import Exists, Fetch, Status, Tagged

Message = tuple[int, bytes, bytes, bytes]


def head(uid: int, size: int, items: str = "") -> bytes:
    """The beginning of a FETCH in our own order."""
    date = '"17-Jul-2024 09:30:00 +0200"'
    return f"* {uid} FETCH (UID {uid} FLAGS (\\Seen a) INTERNALDATE {date} {items}BODY[] {{{size}}}\r\n".encode()


def body(size: int) -> bytes:
    """Bytes that look like the end of a response."""
    return (b")\r\n* 9 FETCH (UID 9 BODY[] {3}\r\n" * (size // 30 + 1))[:size]


def run(pieces: Iterable[bytes], limits: Limits | None = None) -> list[Event]:
    """All events of these pieces; memory held in between stays small."""
    connection = Connection(limits)
    events: list[Event] = []
    for piece in pieces:
        events += connection.receive(piece)
    assert connection.pending_bytes == 0
    assert not connection.inside_body
    return events


def joined(events: Iterable[Event]) -> tuple[list[Message], list[Event]]:
    """Messages with their bodies put together, and everything else."""
    found: list[Message] = []
    others: list[Event] = []
    left = 0
    for event in events:
        if isinstance(event, Fetched):
            assert left == 0
            assert len(event.data) == min(event.size, PREFIX_BYTES)
            left = event.size - len(event.data)
            found.append((event.uid, event.flags, event.date, event.data))
        elif isinstance(event, bytes):
            left -= len(event)
            uid, flags, date, data = found[-1]
            found[-1] = (uid, flags, date, data + event)
        elif isinstance(event, Fetch) and event.body is not None:
            assert left == 0
            found.append((event.uid or 0, event.raw_flags, event.internal_date or b"", event.body))
        else:
            others.append(event)
    assert left == 0
    return found, others


DATE = b"17-Jul-2024 09:30:00 +0200"
SMALL = head(1, 37) + body(37) + b")\r\n"
FORMS = {
    "our order": SMALL,
    "MODSEQ": head(1, 37, "MODSEQ (12) ") + body(37) + b")\r\n",
    "another order": b'* 1 FETCH (FLAGS (\\Seen a) UID 1 INTERNALDATE "%s" BODY[] {37}\r\n%s)\r\n' % (DATE, body(37)),
    "lower case": b'* 1 fetch (uid 1 flags (\\Seen a) internaldate "%s" body[] {37}\r\n%s)\r\n' % (DATE, body(37)),
    "UID after the body": b'* 1 FETCH (FLAGS (\\Seen a) INTERNALDATE "%s" BODY[] {37}\r\n%s UID 1)\r\n'
    % (DATE, body(37)),
    "all after the body": b'* 1 FETCH (BODY[] {37}\r\n%s FLAGS (\\Seen a) UID 1 INTERNALDATE "%s")\r\n'
    % (body(37), DATE),
    "flags after the body": b'* 1 FETCH (UID 1 FLAGS (\\Seen a) INTERNALDATE "%s" BODY[] {37}\r\n%s MODSEQ (7))\r\n'
    % (DATE, body(37)),
    "stray line end": SMALL[:-3] + b"\r\n)\r\n",
    "stray LF": SMALL[:-3] + b"\n)\r\n",
    "blank before the end": SMALL[:-2] + b" \r\n",
    "NUL before the line": b"\0" + SMALL,
    "literal8": head(1, 37).replace(b"{37}", b"~{37}") + body(37) + b")\r\n",
    "RFC822": head(1, 37).replace(b"BODY[]", b"RFC822") + body(37) + b")\r\n",
    "offset": head(1, 37).replace(b"BODY[]", b"BODY[]<0>") + body(37) + b")\r\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_message_cut_anywhere(name: str) -> None:
    stream = (
        b"* OK hello\r\n" + FORMS[name] + b"* OK Searched 46%\r\n" + SMALL.replace(b"UID 1", b"UID 2") + b"M1 OK x\r\n"
    )
    wanted = [(1, b"\\Seen a", DATE, body(37)), (2, b"\\Seen a", DATE, body(37))]
    for cut in range(len(stream) + 1):
        found, others = joined(run((stream[:cut], stream[cut:])))
        assert found == wanted, cut
        assert [type(event) for event in others] == [Status, Status, Tagged], cut
    found, _ = joined(run(stream[at : at + 1] for at in range(len(stream))))
    assert found == wanted


@pytest.mark.parametrize("size", [0, 1, PREFIX_BYTES - 1, PREFIX_BYTES, PREFIX_BYTES + 1, 3 * PREFIX_BYTES + 5])
@pytest.mark.parametrize("form", ["hot", "slow"])
def test_sizes_cut_at_every_place_that_matters(size: int, form: str) -> None:
    first = head(7, size) if form == "hot" else head(7, size).replace(b"FETCH (UID 7", b"FETCH (MODSEQ (3) UID 7")
    stream = first + body(size) + b")\r\n" + head(8, 3) + b"abc)\r\n* 8 EXISTS\r\n"
    wanted = [(7, b"\\Seen a", DATE, body(size)), (8, b"\\Seen a", DATE, b"abc")]
    edges = {0, len(first), len(first) + size, len(first) + min(size, PREFIX_BYTES), len(stream)}
    cuts = {edge + off for edge in edges for off in range(-6, 7)} & set(range(len(stream) + 1))
    for cut in sorted(cuts):
        for second in (cut, min(cut + 1, len(stream)), min(cut + 5, len(stream))):
            found, others = joined(run((stream[:cut], stream[cut:second], stream[second:])))
            assert found == wanted, cut
            assert others == [Exists(8)]


def test_what_is_received_of_a_large_body_is_handed_on_at_once() -> None:
    connection = Connection()
    connection.receive(head(1, 10 << 20) + b"x" * PREFIX_BYTES)
    for _ in range(20):
        assert connection.receive(b"y" * 1000) == [b"y" * 1000]
        assert connection.pending_bytes == 0
    assert connection.inside_body


@pytest.mark.parametrize(
    ("limits", "data"),
    [
        (Limits(line_bytes=100), b"* OK " + b"x" * 101),
        (Limits(line_bytes=100), b"* OK " + b"x" * 101 + b"\r\n"),
        (Limits(literal_bytes=100), b"* LIST () NIL {101}\r\n"),
        (Limits(literal_bytes=100), b"* LIST () NIL {60}\r\n" + b"x" * 60 + b" {60}\r\n"),
        (Limits(body_bytes=100_000), head(1, 100_001) + b"x" * 70_000),
        (Limits(), head(1, 3) + b"abcdef\r\n)\r\n"),
        (Limits(), head(1, 3) + b"abc" + b"x" * 9000),
        (Limits(), b"* 1 FETCH (" + b"{0}\r\n" * 200_000),
    ],
)
def test_what_passes_a_limit_is_an_error(limits: Limits, data: bytes) -> None:
    for step in (len(data), 1009):
        with pytest.raises(ProtocolError):
            run((data[at : at + step] for at in range(0, len(data), step)), limits)
