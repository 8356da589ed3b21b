"""What a message is known by: a digest of its bytes, and an identity made of its header.

The identity is the same whether it is made of the message, of its first 64 KiB, of its header, or of the five
header fields that a server hands out (`BODY[HEADER.FIELDS (MESSAGE-ID DATE FROM TO SUBJECT)]`, RFC 3501, 6.4.5).
To be so, it reads a header as servers do: a line ends at LF, a CR before it belongs to the line end, a CR elsewhere
is white space, and the header ends at the first empty line or with the data.

One case can't agree: a Message-ID behind the first 64 KiB of a header. Here it counts as absent, while a server
that sends selected fields shows it. `header_is_whole` tells beforehand.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, NamedTuple

from blake3 import blake3

from mailferry.backends.base import PREFIX_BYTES

Data = bytes | bytearray | memoryview

DIGEST_BYTES: Final = 16
IDENTITY_FIELDS: Final = (b"MESSAGE-ID", b"DATE", b"FROM", b"TO", b"SUBJECT")
"""The fields that `identity` looks at; a server is asked for these."""

NO_IDENTITY: Final = 0
"""The identity of a message that has none of the fields: it says nothing about the message."""

_LONGEST_VALUE: Final = 1024
_LONGEST_TEXT: Final = 250

_PIECE: Final = 65_536
_LINE_END: Final = re.compile(rb"\r*\n|\r")
_find_header_end: Final = re.compile(rb"\n\r?\n").search
_find_id_or_header_end: Final = re.compile(
    rb"\n(?:\r?\n|[Mm][Ee][Ss][Ss][Aa][Gg][Ee]-[Ii][Dd][ \t]*:([^\n]*(?:\n[ \t][^\n]*)*))"
).search
_find_colon: Final = re.compile(rb"[ \t]*:").match
_OTHER_NAMES: Final = (b"\ndate", b"\nfrom", b"\nto", b"\nsubject")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def digest(data: Data) -> bytes:
    """The digest of a message: 16 bytes of BLAKE3 over the bytes as they are."""
    return blake3(data).digest(DIGEST_BYTES)


class Digester:
    """The digest of a message that comes in pieces; `digest` of the joined pieces is the same."""

    __slots__ = ("_hash",)

    def __init__(self) -> None:
        self._hash = blake3()

    def update(self, piece: Data) -> None:
        """Take the next bytes."""
        self._hash.update(piece)

    def digest(self) -> bytes:
        """The digest of all bytes taken so far."""
        return self._hash.digest(length=DIGEST_BYTES)


def with_lf(data: bytes) -> bytes:
    """The text with each line end (CRLF, bare LF, bare CR, several CR before a LF) as one LF."""
    # Tidy mail has no CR left after the first step, which is fast.
    data = data.replace(b"\r\n", b"\n")
    return _LINE_END.sub(b"\n", data) if b"\r" in data else data


def equal_but_for_line_ends(one: bytes, other: bytes) -> bool:
    """Whether two messages differ at most in how their lines end, and in line ends at the end of the message."""
    return with_lf(one).rstrip(b"\n") == with_lf(other).rstrip(b"\n")


class LineEndDigester:
    """A digest of a message in pieces that is equal for messages which are `equal_but_for_line_ends`."""

    __slots__ = ("_carriage_returns", "_hash", "_line_ends")

    def __init__(self) -> None:
        self._hash = blake3()
        self._carriage_returns = 0  # at the end of what was taken: they may belong to a LF that comes
        self._line_ends = 0  # not hashed yet: they may be the last ones

    def update(self, piece: Data) -> None:
        """Take the next bytes."""
        data = bytes(piece)
        if self._carriage_returns and data.strip(b"\r"):
            rest = data.lstrip(b"\r")
            returns, self._carriage_returns = self._carriage_returns + len(data) - len(rest), 0
            if rest[:1] != b"\n":
                self._line_ends += returns
            data = rest
        content = data.rstrip(b"\r")
        self._carriage_returns += len(data) - len(content)
        self._take(with_lf(content))

    def digest(self) -> bytes:
        """The digest of what was taken so far, as if the message ended here: 16 bytes."""
        return self._hash.digest(length=DIGEST_BYTES)

    def _take(self, text: bytes) -> None:
        content = text.rstrip(b"\n")
        if content:
            while self._line_ends:
                count = min(self._line_ends, _PIECE)
                self._hash.update(b"\n" * count)
                self._line_ends -= count
            self._hash.update(content)
        self._line_ends += len(text) - len(content)


def identity(header: bytes) -> int:
    """The 64-bit identity of a message, never negative.

    It is a hash of the first Message-ID that isn't empty, without white space; else of Date, From, To and Subject
    (the first of each), unfolded and with white space collapsed; `NO_IDENTITY` if there is none of these either.
    `header` may be a whole message or the start of one, a whole header, or the selected fields; see the module.
    """
    if header[:1] not in b"Mm\r\n":  # one pass over the header settles nearly every message
        found = _find_id_or_header_end(header, 0, PREFIX_BYTES)
        if found is not None and found[1] is not None:
            message_id = b"".join(found[1].replace(b"\0", b"").split())
            if len(message_id) > 2:
                return _hash(message_id[:_LONGEST_VALUE])
    head = _header(header)
    names = head.lower()
    message_id = b"".join(_value(head, names, b"\nmessage-id").replace(b"\0", b"").split())
    if len(message_id) > 2:  # more than <>
        return _hash(message_id[:_LONGEST_VALUE])
    return _identity_of_others(head, names)


def header_is_whole(data: bytes) -> bool:
    """Whether the end of the header is within the first 64 KiB, so that all forms give the same identity."""
    return len(data) < PREFIX_BYTES or len(_header(data)) < PREFIX_BYTES


def field_value(header: bytes, name: bytes) -> bytes:
    """The value of the first field of this name that isn't empty: unfolded, white space collapsed; `b""` if none.

    Takes the forms that `identity` takes. `name` is without the colon, in any case.
    """
    head = _header(header)
    return b" ".join(_value(head, head.lower(), b"\n" + name.lower()).replace(b"\0", b"").split())


class Description(NamedTuple):
    """What tells a person which message is meant. Each text is at most 250 characters long and one line."""

    subject: str
    message_id: str
    date_text: str


def describe(header: bytes) -> Description:
    """Name a message for a report. The subject is decoded (RFC 2047) as far as that is possible. Never raises."""
    return Description(
        _tidy(_decoded(field_value(header, b"subject"))),
        _tidy(_text(field_value(header, b"message-id"))),
        _tidy(_text(field_value(header, b"date"))),
    )


def _header(data: bytes) -> bytes:
    """The header with a line end before its first field; at most the first 64 KiB."""
    if data.startswith((b"\r\n", b"\n")):
        return b""
    end = _find_header_end(data, 0, PREFIX_BYTES)
    return b"\n" + data[: end.start() if end is not None else PREFIX_BYTES]


def _value(head: bytes, names: bytes, name: bytes) -> bytes:
    """The raw value of the first field called `name` that isn't empty. `names` is `head` in lower case."""
    at = names.find(name)
    while at >= 0:
        colon = _find_colon(names, at + len(name))
        if colon is None:  # a longer name that begins like this one
            at = names.find(name, at + 1)
            continue
        start = colon.end()
        end = names.find(b"\n", start)
        while names[end + 1 : end + 2] in (b" ", b"\t") and end >= 0:
            end = names.find(b"\n", end + 1)
        value = head[start:] if end < 0 else head[start:end]
        if end < 0 or value.strip(b" \t\r\n\0"):
            return value
        at = names.find(name, end)
    return b""


def _identity_of_others(head: bytes, names: bytes) -> int:
    # Only the start of a value counts, so that a field cut off at 64 KiB gives what the whole field gives.
    values = [
        b" ".join(_value(head, names, name).replace(b"\0", b"").split())[:_LONGEST_VALUE] for name in _OTHER_NAMES
    ]
    if not any(values):
        return NO_IDENTITY
    # No value holds a line end. The one in front sets these apart from every Message-ID.
    return _hash(b"\n" + b"\n".join(values))


def _hash(value: bytes) -> int:
    return int.from_bytes(blake2b(value, digest_size=8).digest(), "little") or 1


def _text(value: bytes) -> str:
    value = value[: 4 * _LONGEST_TEXT]
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _decoded(value: bytes) -> str:
    from email.header import decode_header  # costs tens of milliseconds, and only reports need it

    text = _text(value)
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "latin-1", "replace")
            for part, charset in decode_header(text)
        )
    except Exception:  # an unknown charset, broken base64, and what else mail brings: the raw text tells enough
        return text


def _tidy(text: str) -> str:
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"
