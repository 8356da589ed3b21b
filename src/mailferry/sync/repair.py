"""What may be changed in a message that a server refused as it is, and the comparison that forgives line ends.

Each repair mends one thing that servers refuse, leaves a message alone that doesn't have it, and changes nothing
when it is applied again. They are tried in order, each on top of those before it; see `attempts`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from blake3 import blake3

from mailferry.sync.headerrepair import (
    encode_header,
    find_header_end,
    mark_broken_lines,
    shorten_header,
)
from mailferry.sync.identity import DIGEST_BYTES, Data

Level = Literal["none", "line-ends", "all"]

LONGEST_LINE: Final = 998
"""Octets without the line end (RFC 5322, 2.1.1)."""

LONGEST_COMMAND_LINE: Final = 10_239
"""Exchange breaks an APPEND off at a longer line; many servers take lines up to it that are against the standard."""

_LINE_END: Final = re.compile(rb"\r*\n|\r")
_MBOX_LINE: Final = re.compile(rb">?From (?![ \t]*:)[^\r\n]*(?:\r*\n|\r)")
_UTF8_TAIL: Final = range(0x80, 0xC0)
_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair. `apply` takes and gives a whole message; `name` stands in the report."""

    name: str
    apply: Callable[[bytes], bytes]


def repairs(level: Level) -> Sequence[Repair]:
    """The repairs of a level, in the order in which they are tried: what changes least comes first."""
    return _REPAIRS[level]


def attempts(data: bytes, level: Level) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """The versions of a refused message that are worth sending, with the names of the repairs they went through.

    Each differs from the one before it, the first from `data`; none if there is nothing to mend.
    """
    names: tuple[str, ...] = ()
    for repair in repairs(level):
        mended = repair.apply(data)
        if mended != data:
            names, data = (*names, repair.name), mended
            yield names, data


def mend_line_ends(data: bytes) -> bytes:
    """Make each line end CRLF (bare LF, bare CR, several CR before an LF) and end the message with one."""
    if not data:
        return data
    mended = _with_lf(data).replace(b"\n", b"\r\n")
    return mended if mended.endswith(b"\n") else mended + b"\r\n"


def strip_nul(data: bytes) -> bytes:
    """Leave out NUL, which a literal may not hold (RFC 3501, 4.3)."""
    return data.replace(b"\0", b"")


def strip_mbox_line(data: bytes) -> bytes:
    """Leave out the line `From ...` with which an mbox file begins a message; it is not part of it."""
    at = 0
    while found := _MBOX_LINE.match(data, at):
        at = found.end()
    return data[at:]


def break_lines(data: bytes, longest: int = LONGEST_LINE) -> bytes:
    """Break lines over `longest` octets into lines of at most 998.

    The break stands before white space, which in a header is folding and changes nothing (RFC 5322, 2.2.3). A text
    without white space, such as base64, is broken where it must be, but not inside a character or `=XX`.
    """
    end = find_header_end(data)
    long_line = _long_line(longest)
    return long_line.sub(_fold_field, data[:end]) + long_line.sub(_fold_text, data[end:])


def equal_but_for_line_ends(one: bytes, other: bytes) -> bool:
    """Whether two messages differ at most in how their lines end, and in line ends at the end of the message."""
    return _with_lf(one).rstrip(b"\n") == _with_lf(other).rstrip(b"\n")


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
        self._take(_with_lf(content))

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


def _with_lf(data: bytes) -> bytes:
    # Tidy mail has no CR left after the first step, which is fast.
    data = data.replace(b"\r\n", b"\n")
    return _LINE_END.sub(b"\n", data) if b"\r" in data else data


def _long_line(longest: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![^\r\n])[^\r\n]{%d,}" % (longest + 1))


def _fold_field(line: re.Match[bytes]) -> bytes:
    # A line of blanks only would end the header for some readers: long runs become one blank, so that
    # every break has a word on both sides.
    text = re.sub(rb"[ \t]{100,}", b" ", line[0]).rstrip(b" \t")
    return _fold(text, b"\r\n ", LONGEST_LINE - 1)


def _fold_text(line: re.Match[bytes]) -> bytes:
    return _fold(line[0], b"\r\n", LONGEST_LINE)


def _fold(text: bytes, hard_break: bytes, longest: int) -> bytes:
    parts: list[bytes] = []
    at = 0
    while len(text) - at > longest:
        last = at + longest
        # Not in the first hundred octets: those may be one run of blanks, and the pieces become tiny.
        blank = max(text.rfind(b" ", at + 100, last + 1), text.rfind(b"\t", at + 100, last + 1))
        if blank > 0:
            parts += (text[at:blank], b"\r\n")
            at = blank
        else:
            cut = _hard_cut(text, last)
            parts += (text[at:cut], hard_break)
            at = cut
    parts.append(text[at:])
    return b"".join(parts)


def _hard_cut(text: bytes, at: int) -> int:
    """The last place at or before `at` that is neither inside a UTF-8 character nor inside `=XX`."""
    for equals in (at - 1, at - 2):
        if text[equals] == 0x3D:
            return equals
    for start in range(at, at - 4, -1):
        if text[start] not in _UTF8_TAIL:
            return start
    return at


_REPAIRS: Final[dict[Level, tuple[Repair, ...]]] = {
    "none": (),
    "line-ends": (Repair("line-ends", mend_line_ends),),
    "all": (
        Repair("line-ends", mend_line_ends),
        Repair("nul", strip_nul),
        Repair("mbox-line", strip_mbox_line),
        Repair("lines-over-10239", lambda data: break_lines(data, LONGEST_COMMAND_LINE)),
        Repair("broken-header-lines", mark_broken_lines),
        Repair("8-bit-header", encode_header),
        Repair("lines-over-998", break_lines),
        Repair("header-size", shorten_header),
    ),
}
