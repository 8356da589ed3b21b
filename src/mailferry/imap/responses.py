"""What a server says, as frozen values (RFC 3501, section 7, and its extensions).

`parse_response` is the one entrance. Any bytes give a response or ProtocolError. This file is longer than others
because the values and the readers that fill them are easier to check side by side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from mailferry.imap.errors import ProtocolError
from mailferry.imap.grammar import flag_set, readable
from mailferry.imap.parse import ResponseCode as ResponseCode
from mailferry.imap.parse import Value, number, split_list, split_status, split_status_text, tokenise
from mailferry.imap.values import MAX_UID, ModSeq, SeqNum, Uid, UidRange, parse_ranges


@dataclass(frozen=True, slots=True)
class Tagged:
    """The end of a command. `status` is OK, NO or BAD."""

    tag: bytes
    status: str
    code: ResponseCode | None
    text: str


@dataclass(frozen=True, slots=True)
class Status:
    """An untagged OK, NO, BAD, BYE or PREAUTH. A code that came without any of them counts as OK."""

    kind: str
    code: ResponseCode | None
    text: str


@dataclass(frozen=True, slots=True)
class Continuation:
    """`+`: the server waits for a literal, or this is a SASL challenge in base64."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Capability:
    """CAPABILITY. The words as they came, in order."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Enabled:
    """ENABLED (RFC 5161, 3.2), in capitals."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class ListEntry:
    """LIST, LSUB or XLIST. Attributes are spelled as RFC 9051 does; XLIST's words become those of RFC 6154.

    `raw_name` is the name as the server wants it back, still in modified UTF-7 (or whatever the server uses).
    """

    command: str
    attributes: frozenset[str]
    delimiter: str | None
    raw_name: bytes

    @property
    def selectable(self) -> bool:
        """Whether the attributes say that the mailbox can be selected; some servers are wrong about it."""
        return not self.attributes & {"\\Noselect", "\\NonExistent"}


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """STATUS. Numbers by the item's name in capitals; what the server does not know (NIL, -1) is absent."""

    raw_name: bytes
    items: Mapping[str, int]
    mailbox_id: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH or SORT: numbers in the order given, without zeros. `mod_seq` by RFC 7162, 3.1.5."""

    uids: tuple[int, ...]
    mod_seq: ModSeq | None = None


@dataclass(frozen=True, slots=True)
class Esearch:
    """ESEARCH (RFC 4731, 3.1; PARTIAL of RFC 9394). `all` and `partial` are ranges; None means not told."""

    tag: bytes | None = None
    uid: bool = False
    minimum: int | None = None
    maximum: int | None = None
    count: int | None = None
    mod_seq: ModSeq | None = None
    all: tuple[UidRange, ...] | None = None
    partial: tuple[UidRange, ...] | None = None


Namespace = tuple[bytes, str | None]
"""Prefix as on the wire, and delimiter."""


@dataclass(frozen=True, slots=True)
class NamespaceEntry:
    """NAMESPACE (RFC 2342, 5)."""

    personal: tuple[Namespace, ...]
    other: tuple[Namespace, ...]
    shared: tuple[Namespace, ...]


@dataclass(frozen=True, slots=True)
class FlagsEntry:
    """FLAGS: what is defined in the mailbox. What can be stored is in the code PERMANENTFLAGS."""

    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Exists:
    """EXISTS: the number of messages."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """RECENT."""

    count: int


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE: this message is gone, and all later sequence numbers are one less."""

    seq: SeqNum


@dataclass(frozen=True, slots=True)
class Vanished:
    """VANISHED (RFC 7162, 3.2.10). Ranges, since a server may name UIDs that never were."""

    earlier: bool
    ranges: tuple[UidRange, ...]


_NOTHING: Final[Mapping[bytes, Value]] = MappingProxyType({})
_NO_SECTIONS: Final[Mapping[bytes, bytes | None]] = MappingProxyType({})


class Fetch(NamedTuple):
    """FETCH. What was not told is None; items may come in any order and unasked, so merge by `uid`.

    `flags` has system flags in the RFC's spelling, `\\Recent` included; `raw_flags` is the inside of the list.
    Keys of `sections` are like `BODY[]`, `BODY[HEADER.FIELDS]`, `RFC822`: capitals, no field names, no `<offset>`.
    `offset` is where a partial section begins. `size` is what the server claims (RFC822.SIZE), often wrongly.
    `others` holds every other item by its name in capitals (X-GM-LABELS, EMAILID).
    """

    seq: SeqNum
    uid: Uid | None = None
    flags: frozenset[str] | None = None
    raw_flags: bytes = b""
    internal_date: bytes | None = None
    size: int | None = None
    mod_seq: ModSeq | None = None
    sections: Mapping[bytes, bytes | None] = _NO_SECTIONS
    offset: int | None = None
    others: Mapping[bytes, Value] = _NOTHING

    @property
    def body(self) -> bytes | None:
        """The whole message, from BODY[] or RFC822."""
        body = self.sections.get(b"BODY[]")
        return body if body is not None else self.sections.get(b"RFC822")


@dataclass(frozen=True, slots=True)
class Id:
    """ID (RFC 2971). Field names in lower case; fields without a value are left out."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Quota:
    """QUOTA (RFC 9208, 5.1): usage and limit by resource. STORAGE is in units of 1024 bytes."""

    root: bytes
    resources: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class QuotaRoot:
    """QUOTAROOT (RFC 9208, 5.2)."""

    raw_name: bytes
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything else. `stray` means that it began neither with `*`, `+` nor with tag and status."""

    parts: tuple[bytes, ...]
    stray: bool = False

    @property
    def text(self) -> str:
        """The first line of it, for people."""
        return readable(self.parts[0]) if self.parts else ""


Response = (
    Tagged
    | Status
    | Continuation
    | Capability
    | Enabled
    | ListEntry
    | StatusEntry
    | Search
    | Esearch
    | NamespaceEntry
    | FlagsEntry
    | Exists
    | Recent
    | Expunge
    | Vanished
    | Fetch
    | Id
    | Quota
    | QuotaRoot
    | Unknown
)

Parts = Sequence[bytes]

_TAGGED: Final = re.compile(
    rb"([^\0-\x20*+(){%\"\\\x7f-\xff]+)[ \t]+(OK|NO|BAD)(?=[ \t\[]|\Z)(.*)", re.DOTALL | re.IGNORECASE
)
_WORD: Final = re.compile(rb"[ \0\t]*([A-Za-z][A-Za-z0-9-]*)[ \0\t]*")
_NUMBERED: Final = re.compile(rb"[ \0\t]*([-+]?\d[\d.eE+]{0,30})[ \t]+([A-Za-z]+)[ \0\t]*")

# What nearly every FETCH without a whole message looks like: items in any order, then the end or one section.
_PLAIN_FETCH: Final = re.compile(
    rb"\* (\d{1,10}) FETCH \((?:"
    rb"UID (\d{1,10})|FLAGS \(([^()\"]*)\)|INTERNALDATE \"([^\"\\]*)\"|RFC822\.SIZE (\d{1,18})|MODSEQ \((\d{1,18})\)| "
    rb")*(?:\)|(BODY\[[A-Z.]*)(?: \([A-Za-z0-9 -]*\))?\] )\Z"
)


def parse_response(parts: Parts) -> Response:
    """Read one response. Raises ProtocolError for one that begins like a known one and cannot be read.

    `parts` are text, literal, text, ... as `parse` describes. What is not known, or no response at all, is Unknown.
    """
    line = parts[0] if parts else b""
    plain = _PLAIN_FETCH.match(line)
    if plain is not None and (plain[7] is None if len(parts) == 1 else len(parts) == 3 and parts[2] == b")"):
        return _plain_fetch(plain, parts)
    line = line.lstrip(b"\0")
    if line[:1] == b"*":
        return _untagged(line[1:], parts)
    if line[:1] == b"+":
        return Continuation(b"".join((line[1:], *parts[1:])).strip(b" \0"))
    tagged = _TAGGED.fullmatch(line)
    if tagged is None:
        return Unknown(tuple(parts), stray=True)
    code, words = split_status_text(b"".join((tagged[3], *parts[1:])))
    return Tagged(tagged[1], tagged[2].decode("ascii").upper(), code, words)


def _untagged(line: bytes, parts: Parts) -> Response:
    numbered = _NUMBERED.match(line)
    if numbered is not None:
        return _numbered(number(numbered[1]) or 0, numbered[2].upper(), (line[numbered.end() :], *parts[1:]), parts)
    word = _WORD.match(line)
    if word is not None:
        name = word[1].decode("ascii").upper()
        rest = (line[word.end() :], *parts[1:])
        if name in _STATUSES:
            return Status(name, *split_status_text(b"".join(rest)))
        reader = _READERS.get(name)
        if reader is not None:
            return reader(rest)
        advisory = _ADVISORY_READERS.get(name)
        if advisory is not None:
            try:
                return advisory(rest)
            except ProtocolError:
                return Unknown(tuple(parts))
    elif line.lstrip(b"\0\t ").startswith(b"["):
        # home.pl and Office 365 send `* [COPYUID ...]`.
        return Status("OK", *split_status_text(b"".join((line, *parts[1:]))))
    return Unknown(tuple(parts))


def _numbered(count: int, word: bytes, rest: Parts, parts: Parts) -> Response:
    if word == b"FETCH":
        return _fetch(SeqNum(count), rest)
    if word == b"EXISTS":
        return Exists(count)
    if word == b"EXPUNGE":
        return Expunge(SeqNum(count))
    return Recent(count) if word == b"RECENT" else Unknown(tuple(parts))


# --- FETCH ---


def _plain_fetch(head: re.Match[bytes], parts: Parts) -> Fetch:
    seq, uid, flags, date, size, mod_seq, section = head.groups()
    return Fetch(
        SeqNum(int(seq)),
        _uid(int(uid)) if uid is not None else None,
        flag_set(flags) if flags is not None else None,
        flags or b"",
        date,
        int(size) if size is not None else None,
        ModSeq(int(mod_seq)) if mod_seq is not None and int(mod_seq) else None,
        _NO_SECTIONS if section is None else {section + b"]": parts[1]},
    )


def _uid(value: int | None) -> Uid | None:
    return Uid(value) if value and value <= MAX_UID else None


_SECTION: Final = re.compile(rb"([^\[ ]+\[)([^\] (]*)[^\]]*\](?:<(\d{1,18})[\d.]*>)?", re.DOTALL)
_BODIES: Final = frozenset({b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT"})


def _fetch(seq: SeqNum, rest: Parts) -> Fetch:
    # A literal counted one line end short leaves its list open at the end of the line (may_be_open).
    values = tokenise(rest, may_be_open=True)
    if not values or not isinstance(values[0], list):
        raise ProtocolError(f"FETCH without a list: {rest[0][:60]!r}")
    items: dict[bytes, Value] = {}
    sections: dict[bytes, bytes | None] = {}
    offset: int | None = None
    words = iter(values[0])
    for word in words:
        if not isinstance(word, bytes):
            continue
        key, value = word.upper(), next(words, None)
        section = _SECTION.fullmatch(key)
        if section is not None:
            sections[section[1] + section[2] + b"]"] = _plain_bytes(value)
            offset = int(section[3]) if section[3] else offset
        elif key in _BODIES:
            sections[key] = _plain_bytes(value)
        else:
            items[key] = value
    return _filled_fetch(seq, items, sections, offset)


def _filled_fetch(
    seq: SeqNum, items: dict[bytes, Value], sections: Mapping[bytes, bytes | None], offset: int | None
) -> Fetch:
    mod_seq = items.pop(b"MODSEQ", None)
    mod_seq_number = number(mod_seq[0] if isinstance(mod_seq, list) and mod_seq else mod_seq)
    raw_flags: bytes | None = None
    if b"FLAGS" in items:
        flags = items.pop(b"FLAGS")
        words = flags if isinstance(flags, list) else [flags]
        raw_flags = b" ".join(flag for flag in words if isinstance(flag, bytes) and flag)
    return Fetch(
        seq,
        _uid(number(items.pop(b"UID", None))),
        flag_set(raw_flags) if raw_flags is not None else None,
        raw_flags or b"",
        _plain_bytes(items.pop(b"INTERNALDATE", None)),
        number(items.pop(b"RFC822.SIZE", None)),
        ModSeq(mod_seq_number) if mod_seq_number else None,
        sections,
        offset,
        items,
    )


def _plain_bytes(value: Value) -> bytes | None:
    return bytes(value) if isinstance(value, bytes) else None


# --- mailboxes ---


def _list_entry(command: str, rest: Parts) -> ListEntry:
    return ListEntry(command, *split_list(rest))


def _status_entry(rest: Parts) -> StatusEntry:
    raw_name, words = split_status(rest)
    numbers: dict[str, int] = {}
    mailbox_id = ""
    for key, value in zip(words[::2], words[1::2], strict=False):
        name = readable(key).upper() if isinstance(key, bytes) else ""
        if name == "MAILBOXID":
            value = value[0] if isinstance(value, list) and value else value
            mailbox_id = readable(value) if isinstance(value, bytes) else ""
        elif name and (known := number(value)) is not None:
            numbers[name] = known
    return StatusEntry(raw_name, numbers, mailbox_id)


# --- lists of numbers ---

_SEARCH: Final = re.compile(rb"([\d \0\t]*)(?:\( *MODSEQ +(-?\d{1,18}) *\)[ \0]*)?", re.IGNORECASE)
_VANISHED: Final = re.compile(rb"(\( *EARLIER *\))?[ \0]*([\d:,*]*)[ \0]*", re.IGNORECASE)


def _search(rest: Parts) -> Search:
    match = _SEARCH.fullmatch(rest[0]) if len(rest) == 1 else None
    if match is None:
        raise ProtocolError(f"SEARCH with something else than numbers: {rest[0][:60]!r}")
    try:
        uids = tuple(uid for uid in map(int, match[1].replace(b"\0", b" ").split()) if uid)
    except ValueError:  # thousands of digits
        raise ProtocolError("SEARCH with an endless number") from None
    if uids and max(uids) > MAX_UID:
        raise ProtocolError("SEARCH with a number of more than 32 bits")
    return Search(uids, ModSeq(int(match[2])) if match[2] and int(match[2]) > 0 else None)


def _vanished(rest: Parts) -> Vanished:
    match = _VANISHED.fullmatch(rest[0]) if len(rest) == 1 else None
    if match is None:
        raise ProtocolError(f"VANISHED without a set: {rest[0][:60]!r}")
    return Vanished(match[1] is not None, _ranges(match[2]) or ())


def _ranges(value: Value) -> tuple[UidRange, ...] | None:
    return parse_ranges(value) if isinstance(value, bytes) and value else None


def _esearch(rest: Parts) -> Esearch:
    tag: bytes | None = None
    uid = False
    found: dict[bytes, Value] = {}
    words = iter(tokenise(rest))
    for word in words:
        if isinstance(word, list):
            tag = _plain_bytes(word[1]) if len(word) > 1 else None
        elif word is not None and word.upper() == b"UID":
            uid = True
        elif word is not None:
            found[word.upper()] = next(words, None)
    partial = found.get(b"PARTIAL")
    mod_seq = number(found.get(b"MODSEQ"))
    return Esearch(
        tag,
        uid,
        number(found.get(b"MIN")),
        number(found.get(b"MAX")),
        number(found.get(b"COUNT")),
        ModSeq(mod_seq) if mod_seq else None,
        _ranges(found.get(b"ALL")),
        (_ranges(partial[1]) or ()) if isinstance(partial, list) and len(partial) > 1 else None,
    )


# --- what is told about server and account ---

# Domino does not escape the backslash that is its delimiter and ends its prefixes.
_DOMINO_PREFIX: Final = re.compile(rb'\("([^"]*)" +"\\"(?=[ )])')


def _namespace(rest: Parts) -> NamespaceEntry:
    text = _DOMINO_PREFIX.sub(lambda pair: b'("' + pair[1].replace(b"\\", b"\\\\") + b'" "\\\\"', rest[0])
    kinds = [_namespaces(value) for value in tokenise((text, *rest[1:]))[:3]]
    kinds += [()] * (3 - len(kinds))
    return NamespaceEntry(*kinds)


def _namespaces(value: Value) -> tuple[Namespace, ...]:
    if not isinstance(value, list):
        return ()
    found: list[Namespace] = []
    for entry in value:
        prefix = entry[0] if isinstance(entry, list) and entry else None
        if isinstance(entry, list) and isinstance(prefix, bytes):
            delimiter = entry[1] if len(entry) > 1 else None
            one = isinstance(delimiter, bytes) and len(delimiter) == 1
            found.append((bytes(prefix), delimiter.decode("latin-1") if one and isinstance(delimiter, bytes) else None))
    return tuple(found)


def _id(rest: Parts) -> Id:
    values = tokenise(rest)
    words = values[0] if values and isinstance(values[0], list) else []
    return Id(
        {
            readable(key).lower(): readable(value)
            for key, value in zip(words[::2], words[1::2], strict=False)
            if isinstance(key, bytes) and isinstance(value, bytes)
        }
    )


def _quota(rest: Parts) -> Quota:
    values = tokenise(rest)
    root = _plain_bytes(values[0]) if values else None
    triples = next((value for value in values if isinstance(value, list)), [])
    resources: dict[str, tuple[int, int]] = {}
    for resource, used, allowed in zip(triples[::3], triples[1::3], triples[2::3], strict=False):
        usage, limit = number(used), number(allowed)
        if isinstance(resource, bytes) and usage is not None and limit is not None:
            resources[readable(resource).upper()] = (usage, limit)
    return Quota(root or b"", resources)


def _quota_root(rest: Parts) -> QuotaRoot:
    names = [b"NIL" if value is None else bytes(value) for value in tokenise(rest) if not isinstance(value, list)]
    return QuotaRoot(names[0] if names else b"", tuple(names[1:]))


def _words(rest: Parts) -> tuple[str, ...]:
    return tuple(readable(word) for word in b"".join(rest).replace(b"\0", b" ").split())


_STATUSES: Final = frozenset({"OK", "NO", "BAD", "BYE", "PREAUTH"})

_READERS: Final[Mapping[str, Callable[[Parts], Response]]] = MappingProxyType(
    {
        "CAPABILITY": lambda rest: Capability(_words(rest)),
        "ENABLED": lambda rest: Enabled(frozenset(word.upper() for word in _words(rest))),
        "ESEARCH": _esearch,
        "FLAGS": lambda rest: FlagsEntry(flag_set(b"".join(rest))),
        "LIST": lambda rest: _list_entry("LIST", rest),
        "LSUB": lambda rest: _list_entry("LSUB", rest),
        "SEARCH": _search,
        "SORT": _search,
        "STATUS": _status_entry,
        "VANISHED": _vanished,
        "XLIST": lambda rest: _list_entry("XLIST", rest),
    }
)
# What one can do without: if it cannot be read, it is Unknown and the connection lives.
_ADVISORY_READERS: Final[Mapping[str, Callable[[Parts], Response]]] = MappingProxyType(
    {"ID": _id, "NAMESPACE": _namespace, "QUOTA": _quota, "QUOTAROOT": _quota_root}
)
