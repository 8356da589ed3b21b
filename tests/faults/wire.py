"""Where in a plain IMAP byte stream something is: lines, literals, and the places at which a fault strikes.

Positions count the bytes of one direction of one connection, from 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

_LITERAL = re.compile(rb"~?\{(\d+)(\+|-)?\}\r?\n\Z")
_WINDOW = 4096


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end. `first` if it starts a command or response; `command` is the text since that start."""

    start: int
    end: int
    text: bytes
    first: bool
    command: bytes
    literal_size: int | None = None
    waits: bool = False
    """The literal follows only after a `+` (RFC 3501, section 7.5)."""


class Scanner:
    """Splits a stream into lines; the contents of literals are stepped over."""

    def __init__(self) -> None:
        self.position = 0
        self.literal_left = 0
        self._partial = bytearray()
        self._command = b""

    @property
    def line_start(self) -> int:
        """Where the unfinished line began; the present position inside a literal."""
        return self.position - len(self._partial)

    def feed(self, data: bytes) -> list[Line]:
        """Take the next bytes; return the lines that are complete now."""
        lines, at = [], 0
        while at < len(data):
            if self.literal_left:
                step = min(self.literal_left, len(data) - at)
                self.literal_left -= step
            else:
                newline = data.find(b"\n", at)
                step = (newline + 1 if newline >= 0 else len(data)) - at
                self._partial += data[at : at + step]
            at += step
            self.position += step
            if not self.literal_left and self._partial.endswith(b"\n"):
                lines.append(self._line())
        return lines

    def cancel_literal(self) -> None:
        """The literal that was announced will not come: the other side refused it."""
        self.literal_left, self._command = 0, b""

    def _line(self) -> Line:
        text = bytes(self._partial)
        self._partial.clear()
        first, self._command = not self._command, self._command + text
        head = _LITERAL.search(text)
        size = int(head[1]) if head else None
        line = Line(
            self.position - len(text), self.position, text, first, self._command, size, bool(head and not head[2])
        )
        if size is None:
            self._command = b""
        else:
            self.literal_left = size
        return line


class Matcher(Protocol):
    """Looks for one place in one direction of one connection."""

    def seek(self, data: bytes, position: int, lines: list[Line]) -> int | None:
        """The place, once `data` (which began at `position`) has reached it; None before."""
        ...


class Place(Protocol):
    """Where a fault strikes."""

    @property
    def whole_lines(self) -> bool:
        """Whether a line is held back until it is complete, so that the place is met before any of it has passed."""
        ...

    def matcher(self) -> Matcher:
        """A fresh look-out for a new connection."""
        ...


@dataclass(frozen=True, slots=True)
class AtByte:
    """After exactly this many bytes."""

    count: int

    @property
    def whole_lines(self) -> bool:
        return False

    def matcher(self) -> Matcher:
        return _Fixed(self.count)


@dataclass(frozen=True, slots=True)
class AtPattern:
    """Where a regular expression first matches, after its last byte (or before its first).

    A match is at most 4096 bytes long. Before a match inside a literal, a part of it may have passed.
    """

    pattern: bytes
    before: bool = False
    number: int = 1
    """Which match: 1 is the first."""

    @property
    def whole_lines(self) -> bool:
        return self.before

    def matcher(self) -> Matcher:
        return _Pattern(re.compile(self.pattern, re.IGNORECASE | re.DOTALL), self.before, self.number)


@dataclass(frozen=True, slots=True)
class InLiteral:
    """Inside a literal: in its middle, or after `offset` bytes of it (-1: after its last byte).

    Only literals of commands or responses whose text before the literal matches `command` are counted.
    """

    number: int = 1
    command: bytes = b""
    offset: int | None = None

    @property
    def whole_lines(self) -> bool:
        return False

    def matcher(self) -> Matcher:
        return _Literal(re.compile(self.command, re.IGNORECASE), self.number, self.offset)


class _Fixed:
    def __init__(self, place: int) -> None:
        self._place = place

    def seek(self, data: bytes, position: int, lines: list[Line]) -> int | None:
        return self._place if position + len(data) >= self._place else None


class _Pattern:
    def __init__(self, pattern: re.Pattern[bytes], before: bool, number: int) -> None:
        self._pattern, self._before, self._left = pattern, before, number
        self._window = b""
        self._seen = 0

    def seek(self, data: bytes, position: int, lines: list[Line]) -> int | None:
        text, base = self._window + data, position - len(self._window)
        for found in self._pattern.finditer(text):
            if base + found.start() >= self._seen and found.end() > found.start():
                self._seen = base + found.end()
                self._left -= 1
                if self._left == 0:
                    return base + (found.start() if self._before else found.end())
        self._window = text[-_WINDOW:]
        return None


class _Literal:
    def __init__(self, command: re.Pattern[bytes], number: int, offset: int | None) -> None:
        self._command, self._left, self._offset = command, number, offset
        self._place: int | None = None

    def seek(self, data: bytes, position: int, lines: list[Line]) -> int | None:
        for line in lines:
            if self._place is None and line.literal_size is not None and self._command.search(line.command):
                self._left -= 1
                if self._left == 0:
                    size = line.literal_size
                    offset = size // 2 if self._offset is None else size if self._offset < 0 else self._offset
                    self._place = line.end + offset
        return self._place if self._place is not None and position + len(data) >= self._place else None
