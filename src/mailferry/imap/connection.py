"""An IMAP client connection without I/O: bytes in, events out.

Two lanes. Everything is a response that `responses.parse_response` takes apart, except the one that carries the
mail: FETCH with BODY[]. Its head is matched by one regular expression, and its body goes on as it came. A body up to
`prefix_bytes` is one event; of a larger one the first `prefix_bytes` are, and the rest follows in pieces, so no
message is ever held whole. The same bytes cut at any place give the same messages.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mailferry.imap.errors import ProtocolError
from mailferry.imap.responses import Response, parse_response
from mailferry.records import dataclass

PREFIX_BYTES = 65_536


class Fetched(NamedTuple):
    """One FETCH response with BODY[]. `data` is complete if as long as `size`; else `bytes` events follow
    until `size` is reached. `flags` is the inside of the list, `date` the inside of the quotes, as received.
    """

    uid: int
    flags: bytes
    date: bytes
    size: int
    data: bytes


Event = Fetched | bytes | Response


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server may make us hold in memory, in bytes."""

    line_bytes: int = 1 << 20
    literal_bytes: int = 8 << 20
    body_bytes: int = 1 << 40
    prefix_bytes: int = PREFIX_BYTES


# The order is that of our own command; a server that answers in another goes through _SLOW_HEAD.
_HEAD = re.compile(
    rb'\* \d{1,10} FETCH \(UID (\d{1,10}) FLAGS \(([^()\r\n]*)\) INTERNALDATE "([^"\r\n]*)" BODY\[\] \{(\d{1,18})\}\r\n'
)
_SLOW_HEAD = re.compile(rb"(?i)\* +\d+ +FETCH +\((.*)(?:BODY\[\](?:<0>)?|RFC822) *~?\{(\d{1,18})\+?\}\Z", re.DOTALL)
_UID = re.compile(rb"(?i)(?:^|[ (])UID +(\d{1,10})(?=[ )]|$)")
_FLAGS = re.compile(rb"(?i)(?:^|[ (])FLAGS +\(([^()]*)\)")
_DATE = re.compile(rb'(?i)(?:^|[ (])INTERNALDATE +"([^"]*)"')
_LITERAL = re.compile(rb"~?\{(\d{1,18})\+?\}\Z")
_MOST_PARTS = 4_000
# Some servers count a literal one line end short, so that a stray CRLF comes before the parenthesis.
_TAIL = re.compile(rb"(?:\r?\n)?([^\r\n]{0,8192})\) *\r?\n")


class Connection:
    """Takes received bytes, gives events. Raises ProtocolError; after that it must not be used again."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._rest = b""  # received, not yet understood
        self._scanned = 0  # bytes of _rest known to hold no line end
        self._left = 0  # bytes of a large body still to come
        self._in_tail = False  # a large body has ended, its closing parenthesis has not come
        self._parts: list[bytes] = []  # texts and literals of a response under way
        self._need = 0  # length of the literal that is due

    @property
    def inside_body(self) -> bool:
        """True while a large body is under way."""
        return self._left > 0

    @property
    def pending_bytes(self) -> int:
        """Bytes received that are not part of a complete response yet."""
        return len(self._rest) + len(self._parts)

    def receive(self, data: bytes) -> list[Event]:
        """Take the next bytes from the server and give what they complete."""
        left = self._left
        if left:
            if len(data) <= left:
                self._left = left - len(data)
                self._in_tail = not self._left
                return [data]
            self._left = 0
            self._in_tail = True
            out: list[Event] = [data[:left]]
            self._consume(data, left, out)
            return out
        out = []
        self._consume(self._rest + data if self._rest else data, 0, out)
        return out

    def _consume(self, buf: bytes, pos: int, out: list[Event]) -> None:
        end = len(buf)
        prefix_bytes = self._limits.prefix_bytes
        match, append = _HEAD.match, out.append
        made = tuple.__new__  # what Fetched(...) does, without a call of a function in Python
        while pos < end:
            if self._in_tail:
                after = self._tail(buf, pos)
                if after < 0:
                    break
                self._in_tail = False
                pos = after
                continue
            head = None if self._parts else match(buf, pos)
            if head is None:
                after = self._line(buf, pos, out)
                if after < 0:
                    break
                pos = after
                if self._left or self._in_tail:  # a large body began on the slow lane
                    pos = self._large(buf, pos, out)
                continue
            self._scanned = 0
            start = head.end()
            uid, flags, date, length = head.groups()
            size = int(length)
            stop = start + size
            if size > prefix_bytes:
                if start + prefix_bytes > end:
                    break
                pos = start + prefix_bytes
                out.append(Fetched(int(uid), flags, date, size, buf[start:pos]))
                self._begin_large(size)
                pos = self._large(buf, pos, out)
            elif buf.startswith(b")\r\n", stop):
                append(made(Fetched, (int(uid), flags, date, size, buf[start:stop])))
                pos = stop + 3
            else:
                after = self._tail(buf, stop) if stop < end else -1
                if after < 0:
                    break
                out.append(Fetched(int(uid), flags, date, size, buf[start:stop]))
                pos = after
        self._rest = buf[pos:] if pos < end else b""

    def _begin_large(self, size: int) -> None:
        if size > self._limits.body_bytes:
            raise ProtocolError(f"a message of {size} bytes is over the limit")
        self._left = size - self._limits.prefix_bytes

    def _large(self, buf: bytes, pos: int, out: list[Event]) -> int:
        """Hand on what has come of a large body; return the position after it."""
        stop = min(len(buf), pos + self._left)
        if stop > pos:
            out.append(buf[pos:stop])
            self._left -= stop - pos
            self._in_tail = not self._left
        return stop

    def _tail(self, buf: bytes, pos: int) -> int:
        """Find the end of a FETCH behind its body; -1 if it has not come yet."""
        if buf.startswith(b")\r\n", pos):
            return pos + 3
        tail = _TAIL.match(buf, pos)
        if tail is not None:
            return tail.end()
        rest = len(buf) - pos
        if (
            rest > 8196
            or buf.count(b"\n", pos) > 1
            or (b"\n" in buf[pos:] and not buf.startswith((b"\r\n", b"\n"), pos))
        ):
            raise ProtocolError("a message body is not followed by the end of its FETCH response")
        return -1

    def _line(self, buf: bytes, pos: int, out: list[Event]) -> int:
        """Take one line or literal of an ordinary response; -1 if it is not complete."""
        if len(self._parts) % 2 == 1:  # a literal is due: texts and literals alternate
            return self._literal(buf, pos)
        newline = buf.find(b"\n", pos + self._scanned)
        if newline < 0:
            self._scanned = len(buf) - pos
            if self._scanned > self._limits.line_bytes:
                raise ProtocolError(f"a line of more than {self._limits.line_bytes} bytes")
            return -1
        self._scanned = 0
        if newline - pos > self._limits.line_bytes:
            raise ProtocolError(f"a line of more than {self._limits.line_bytes} bytes")
        text = buf[pos : newline - 1 if newline > pos and buf[newline - 1] == 13 else newline]
        if not self._parts:
            text = text.lstrip(b"\0")
        if text.endswith(b"}"):
            return self._begin_literal(buf, text, pos, newline + 1, out)
        if self._parts:
            parts, self._parts = [*self._parts, text], []
            out.append(parse_response(parts))
        elif text:
            out.append(parse_response((text,)))
        return newline + 1

    def _begin_literal(self, buf: bytes, text: bytes, pos: int, start: int, out: list[Event]) -> int:
        marker = _LITERAL.search(text)
        if marker is None:
            out.append(parse_response([*self._parts, text]))
            self._parts = []
            return start
        head = None if self._parts else _SLOW_HEAD.match(text)
        if head is not None:
            uid = _UID.search(head[1])
            if uid is not None:
                return self._slow_body(buf, head, int(uid[1]), pos, start, out)
        size = int(marker[1])
        held = sum(map(len, self._parts))
        if size + held > self._limits.literal_bytes:
            raise ProtocolError(f"a literal of {size} bytes where none so large is expected")
        if len(self._parts) > _MOST_PARTS:
            raise ProtocolError(f"a response with more than {_MOST_PARTS // 2} literals")
        self._need = size
        self._parts.append(text[: marker.start()])
        return start

    def _literal(self, buf: bytes, pos: int) -> int:
        if len(buf) - pos < self._need:
            return -1
        self._parts.append(buf[pos : pos + self._need])
        return pos + self._need

    def _slow_body(self, buf: bytes, head: re.Match[bytes], uid: int, pos: int, start: int, out: list[Event]) -> int:
        """Do as the hot lane does, for a FETCH whose items stand in another order."""
        flags, date = _FLAGS.search(head[1]), _DATE.search(head[1])
        size = int(head[2])
        keep = min(size, self._limits.prefix_bytes)
        stop = start + keep
        if stop > len(buf):
            return -1
        after = stop
        if size <= keep:
            after = self._tail(buf, stop) if stop < len(buf) else -1
            if after < 0:
                return -1
        else:
            self._begin_large(size)
        out.append(Fetched(uid, flags[1] if flags else b"", date[1] if date else b"", size, buf[start:stop]))
        return after
