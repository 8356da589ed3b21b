"""Takes a response apart: parts to nested values, and the code at the front of a status text.

A response comes as `parts`: text, literal, text, literal, ... text. Odd indexes are literals as they came; texts have
no CRLF, and the `{n}` before a literal is gone. Any bytes give values or ProtocolError, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from mailferry.imap.errors import ProtocolError
from mailferry.imap.grammar import canonical_attribute, flag_set, listed_words, readable, unquote
from mailferry.imap.values import ModSeq, Uid, UidValidity, parse_uid_set
from mailferry.records import dataclass

MAX_DEPTH: Final = 50
MAX_VALUES: Final = 100_000
MAX_CODE_UIDS: Final = 100_000


class Quoted(bytes):
    """A quoted string or a literal: never NIL, a number or a keyword."""

    __slots__ = ()


Value: TypeAlias = "bytes | list[Value] | None"
"""An atom or number is plain `bytes`, a string is `Quoted`, NIL is None."""

_BLANKS: Final = re.compile(rb"[\0\t\r\n ]*")
# Brackets end the search for the end of a section, so that many open ones cost no more than one.
_TOKEN: Final = re.compile(
    rb"[\0\t\r\n ]*(?:([()])"
    rb'|"([^"\\]*(?:\\.[^"\\]*)*)"(?=[\0\t\r\n ()"]|\Z)'
    rb'|((?:BODY|BINARY)(?:\.PEEK|\.SIZE)?\[(?:"[^"\[\]]*"|[^\[\]"])*\](?:<[\d.]*>)?)'
    rb'|([^\0\t\r\n ()"][^\0\t\r\n ()]*))',
    re.DOTALL | re.IGNORECASE,
)
_PLAIN_STRING: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_CLOSING_QUOTE: Final = re.compile(rb'"(?=[\0\t\r\n ()]|\Z)')


def tokenise(parts: Sequence[bytes], *, may_be_open: bool = False) -> list[Value]:
    """Read nested values. Blanks may be missing, doubled, or NULs.

    Quotes inside a quoted string that are not escaped are kept if a later quote can end it. Raises ProtocolError for
    a string or list that does not end, for a surplus parenthesis, and beyond the limits. `may_be_open` forgives one
    list that is cut off right after a literal.
    """
    reader = _Reader()
    for index, part in enumerate(parts):
        if index & 1:
            reader.add(Quoted(part))
        else:
            reader.read(part)
    depth = len(reader.stack)
    if depth and not (may_be_open and depth == 1 and len(parts) > 1 and not parts[-1].strip()):
        raise ProtocolError(f"a list does not end: {parts[0][:60]!r}")
    return reader.stack[0] if depth else reader.current


class _Reader:
    """The lists that are open while a response is read."""

    __slots__ = ("count", "current", "stack")

    def __init__(self) -> None:
        self.current: list[Value] = []
        self.stack: list[list[Value]] = []
        self.count = 0

    def add(self, value: Value) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            raise ProtocolError(f"a response of more than {MAX_VALUES} values")
        self.current.append(value)

    def read(self, text: bytes) -> None:
        position = 0
        last_quote = len(text)
        while True:
            match = _TOKEN.match(text, position)
            if match is None:
                blanks = _BLANKS.match(text, position)
                position = blanks.end() if blanks else position
                if position == len(text):
                    return
                # Only a quote can stand here, of a string that does not end as it should.
                closing = _CLOSING_QUOTE.search(text, position + 1) if position < last_quote else None
                if closing is None:
                    last_quote = position
                    position = self._string_without_blank(text, position)
                else:
                    self.add(Quoted(unquote(text[position + 1 : closing.start()])))
                    position = closing.end()
                continue
            position = match.end()
            kind = match.lastindex
            if kind == 1:
                self._parenthesis(match[1])
            elif kind == 2:
                self.add(Quoted(unquote(match[2])))
            elif kind == 3:
                self.add(match[3])
            else:
                atom = match[4]
                self.add(None if len(atom) == 3 and atom.upper() == b"NIL" else atom)

    def _string_without_blank(self, text: bytes, position: int) -> int:
        string = _PLAIN_STRING.match(text, position)
        if string is None:
            raise ProtocolError(f"a quoted string does not end: {text[position : position + 60]!r}")
        self.add(Quoted(unquote(string[1])))
        return string.end()

    def _parenthesis(self, which: bytes) -> None:
        if which == b"(":
            if len(self.stack) >= MAX_DEPTH:
                raise ProtocolError(f"lists nested more than {MAX_DEPTH} deep")
            inner: list[Value] = []
            self.add(inner)
            self.stack.append(self.current)
            self.current = inner
        elif self.stack:
            self.current = self.stack.pop()
        else:
            raise ProtocolError("a parenthesis closes no list")


_NUMBER: Final = re.compile(rb"[+-]?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,2})?")
_LARGEST: Final = (1 << 63) - 1


def plain_bytes(value: Value) -> bytes | None:
    """Give a string, atom or literal as bytes; None for a list and NIL."""
    return bytes(value) if isinstance(value, bytes) else None


def number(value: Value) -> int | None:
    """Read a number of up to 63 bits (RFC 9051, number64); None for what is none, larger, or negative ("unknown").

    mail.ru writes large numbers as `9.37e+06`; Zoho writes `-1` as MODSEQ.
    """
    if not isinstance(value, bytes):
        return None
    if value.isdigit() and len(value) <= 20:
        result = int(value)
    elif _NUMBER.fullmatch(value):
        result = int(float(value))
    else:
        return None
    return result if 0 <= result <= _LARGEST else None


_CODE: Final = re.compile(
    rb"\[ *+([^\[\]() \t\0]{1,80}+) *+"
    rb'((?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|\([^()]*+\)|[^\]"()]++)*+)\] *',
    re.DOTALL,
)
_LOOSE_CODE: Final = re.compile(rb"\[ *+([^\[\]() \t\0]{1,80}+) *+([^\]]*+)\] *", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ResponseCode:
    """The code in brackets before a status text (RFC 3501, 7.1). `name` is in capitals, `arguments` as they came.

    The readers give None where the arguments are not what the RFC says.
    """

    name: str
    arguments: bytes = b""

    def words(self) -> list[bytes]:
        """Give the arguments as plain words, without quotes and parentheses (BADCHARSET, CAPABILITY)."""
        return listed_words(self.arguments)

    def number(self) -> int | None:
        """Give the number of UIDVALIDITY, UIDNEXT, UNSEEN, HIGHESTMODSEQ, APPENDLIMIT."""
        words = self.words()
        return number(words[0]) if words else None

    def mod_seq(self) -> ModSeq | None:
        """Give the mod-sequence of HIGHESTMODSEQ (RFC 7162, 3.1.2.1); None for 0 too, which is not one."""
        value = self.number()
        return ModSeq(value) if value else None

    def flags(self) -> frozenset[str]:
        """Give the flags of PERMANENTFLAGS; `\\*` is among them if new keywords may be made."""
        return flag_set(self.arguments)

    def append_uid(self) -> tuple[UidValidity, list[Uid]] | None:
        """Read APPENDUID: validity, and the new UIDs in the order of the messages (RFC 4315, 3)."""
        sets = self._uid_sets(1)
        return (sets[0], sets[1][0]) if sets else None

    def copy_uid(self) -> tuple[UidValidity, list[Uid], list[Uid]] | None:
        """Read COPYUID: validity, UIDs on the source, UIDs on the destination (RFC 4315, 3).

        Some servers send it empty, and Yahoo may permute the second set.
        """
        sets = self._uid_sets(2)
        if sets is None or len(sets[1][0]) != len(sets[1][1]):
            return None
        return sets[0], sets[1][0], sets[1][1]

    def message_limit(self) -> tuple[int, Uid | None] | None:
        """Read MESSAGELIMIT: the limit, and the lowest UID that was processed (RFC 9738, 3)."""
        words = [number(word) for word in self.words()]
        if not words or words[0] is None:
            return None
        return words[0], Uid(words[1]) if len(words) > 1 and words[1] else None

    def _uid_sets(self, count: int) -> tuple[UidValidity, list[list[Uid]]] | None:
        words = self.words()
        validity = number(words[0]) if len(words) == count + 1 else None
        if validity is None:
            return None
        try:
            return UidValidity(validity), [list(map(Uid, parse_uid_set(word, MAX_CODE_UIDS))) for word in words[1:]]
        except ProtocolError:
            return None


def split_status_text(data: bytes) -> tuple[ResponseCode | None, str]:
    """Split `[CODE arguments] words` (RFC 3501, resp-text). Brackets that hold no code stay in the words."""
    data = data.strip(b"\0 \t")
    match = (_CODE.match(data) or _LOOSE_CODE.match(data)) if data[:1] == b"[" else None
    if match is None:
        return None, readable(data)
    return ResponseCode(readable(match[1]).upper(), match[2].strip()), readable(data[match.end() :])


# --- mailbox names: LIST and STATUS ---

_LIST_HEAD: Final = re.compile(
    rb'[ \0]*(?:\(([^()]*)\)|NIL(?= +["N]))? *(?:"(\\\\|\\"|\\|[^"\\])"|(""|NIL)|([^" ()](?= |\Z))) *', re.IGNORECASE
)
_EXTENDED: Final = re.compile(rb' \( *"?[A-Za-z][A-Za-z0-9.-]*"? +\(')
_STATUS_ITEMS: Final = re.compile(rb"\( *(?:\)|[A-Za-z][A-Za-z0-9.=-]* +[^ )])")


def _mailbox_name(written: bytes) -> bytes:
    """Take a name as it stands in the text: quoted, with quotes inside it that are not escaped, or bare."""
    written = written.strip(b" \0")
    if not written.startswith(b'"'):
        return written
    if len(written) < 2 or not written.endswith(b'"'):
        raise ProtocolError(f"a mailbox name does not end: {written[:60]!r}")
    return unquote(written[1:-1])


def split_list(rest: Sequence[bytes]) -> tuple[frozenset[str], str | None, bytes]:
    """Read what follows the word LIST: attributes, delimiter (None for NIL), raw name. Raises ProtocolError."""
    head = _LIST_HEAD.match(rest[0])
    if head is None:
        raise ProtocolError(f"LIST without a delimiter: {rest[0][:60]!r}")
    attributes = frozenset(canonical_attribute(readable(word)) for word in listed_words(head[1] or b""))
    delimiter = unquote(head[2]) if head[2] else head[4]
    written = rest[0][head.end() :]
    raw_name = rest[1] if not written and len(rest) > 1 else _list_name(written)
    return attributes, delimiter.decode("latin-1") if delimiter else None, raw_name


def _list_name(written: bytes) -> bytes:
    string = _PLAIN_STRING.match(written)
    if string is not None and written[string.end() :].lstrip(b" ")[:1] in (b"", b"("):
        return unquote(string[1])
    # Extended data (RFC 9051, 6.3.9.6) is left out: OLDNAME and CHILDINFO tell nothing that is needed.
    extended = _EXTENDED.search(written)
    if extended is not None and written.replace(b" ", b"").endswith(b"))"):
        written = written[: extended.start()]
    return _mailbox_name(written)


def split_status(rest: Sequence[bytes]) -> tuple[bytes, list[Value]]:
    """Read what follows the word STATUS: raw name, and the items as they stand in the list. Raises ProtocolError."""
    if not rest[0].strip(b" \0") and len(rest) > 2:
        raw_name, items = rest[1], tokenise(rest[2:])
    else:
        starts = [match.start() for match in _STATUS_ITEMS.finditer(rest[0])]
        if not starts:
            raise ProtocolError(f"STATUS without items: {rest[0][:60]!r}")
        raw_name, items = _mailbox_name(rest[0][: starts[-1]]), tokenise((rest[0][starts[-1] :], *rest[1:]))
    return raw_name, items[0] if items and isinstance(items[0], list) else []
