"""Any bytes give events or ProtocolError, the same whole or cut, and little is held."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.imap.connection import Connection, Event, Fetched, Limits
from mailferry.imap.errors import ProtocolError

LIMITS = Limits(line_bytes=200, literal_bytes=300, body_bytes=1000, prefix_bytes=16)
WORDS = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"* ",
        b"+ ",
        b"M1 ",
        b"OK ",
        b"NO ",
        b"1 FETCH (",
        b")",
        b"(",
        b'"',
        b"\\",
        b" ",
        b"\0",
        b"\xff",
    ),
    *(
        b"UID 7 ",
        b"FLAGS (\\Seen) ",
        b'INTERNALDATE "17-Jul-2024 09:30:00 +0200" ',
        b"BODY[] ",
        b"MODSEQ (3) ",
        b"LIST ",
    ),
    *(
        b"{0}\r\n",
        b"{3}\r\n",
        b"{15}\r\n",
        b"{16}\r\n",
        b"{17}\r\n",
        b"{40}\r\n",
        b"{999}\r\n",
        b"{1001}\r\n",
        b"{5",
        b"}",
    ),
    b'* 1 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE "17-Jul-2024 09:30:00 +0200" BODY[] ',
    b"0123456789abcdef",
)
STREAM = st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=25).map(b"".join)


def outcome(pieces: list[bytes]) -> tuple[list[object], bool]:
    """Events with large bodies joined, and whether it ended in an error."""
    connection, events = Connection(LIMITS), list[Event]()
    try:
        for piece in pieces:
            events += connection.receive(piece)
            held = len(connection._rest) + sum(map(len, connection._parts))
            assert held <= LIMITS.line_bytes + LIMITS.literal_bytes + 8200 + len(piece)
    except ProtocolError:
        return _joined(events), True
    return _joined(events), False


def _joined(events: list[Event]) -> list[object]:
    found: list[object] = []
    for event in events:
        if isinstance(event, bytes):
            last = found[-1]
            assert isinstance(last, Fetched)
            found[-1] = last._replace(data=last.data + event)
            assert len(last.data + event) <= last.size
        else:
            found.append(event)
    return found


@given(STREAM)
def test_whole_or_byte_by_byte_is_the_same(stream: bytes) -> None:
    whole, failed = outcome([stream])
    single, failed_too = outcome([stream[at : at + 1] for at in range(len(stream))])
    assert failed == failed_too
    if not failed:
        assert single == whole


@given(STREAM, st.data())
def test_two_cuts_are_the_same(stream: bytes, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(stream)))
    second = data.draw(st.integers(first, len(stream)))
    whole, failed = outcome([stream])
    cut, failed_too = outcome([stream[:first], stream[first:second], stream[second:]])
    assert failed == failed_too
    if not failed:
        assert cut == whole
