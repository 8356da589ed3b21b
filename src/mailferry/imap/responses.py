"""What a server says: `parse_response` is the one entrance. Any bytes give a response or ProtocolError.

The values are in `response_values` and may be imported from here; `fetch_reader` and `response_readers` fill them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from mailferry.imap.errors import ProtocolError
from mailferry.imap.fetch_reader import read_fetch, read_plain_fetch
from mailferry.imap.grammar import flag_set
from mailferry.imap.parse import ResponseCode, number, split_status_text
from mailferry.imap.response_readers import (
    read_esearch,
    read_id,
    read_list,
    read_namespace,
    read_quota,
    read_quota_root,
    read_search,
    read_status,
    read_vanished,
    read_words,
)
from mailferry.imap.response_values import (
    Capability,
    Continuation,
    Enabled,
    Esearch,
    Exists,
    Expunge,
    Fetch,
    FlagsEntry,
    Id,
    ListEntry,
    Namespace,
    NamespaceEntry,
    Quota,
    QuotaRoot,
    Recent,
    Response,
    Search,
    Status,
    StatusEntry,
    Tagged,
    Unknown,
    Vanished,
)
from mailferry.imap.values import SeqNum

__all__ = [
    "Capability",
    "Continuation",
    "Enabled",
    "Esearch",
    "Exists",
    "Expunge",
    "Fetch",
    "FlagsEntry",
    "Id",
    "ListEntry",
    "Namespace",
    "NamespaceEntry",
    "Parts",
    "Quota",
    "QuotaRoot",
    "Recent",
    "Response",
    "ResponseCode",
    "Search",
    "Status",
    "StatusEntry",
    "Tagged",
    "Unknown",
    "Vanished",
    "parse_response",
]

Parts = Sequence[bytes]

_TAGGED: Final = re.compile(
    rb"([^\0-\x20*+(){%\"\\\x7f-\xff]+)[ \t]+(OK|NO|BAD)(?=[ \t\[]|\Z)(.*)", re.DOTALL | re.IGNORECASE
)
_WORD: Final = re.compile(rb"[ \0\t]*([A-Za-z][A-Za-z0-9-]*)[ \0\t]*")
_NUMBERED: Final = re.compile(rb"[ \0\t]*([-+]?\d[\d.eE+]{0,30})[ \t]+([A-Za-z]+)[ \0\t]*")
_STATUSES: Final = frozenset({"OK", "NO", "BAD", "BYE", "PREAUTH"})


def parse_response(parts: Parts) -> Response:
    """Read one response. Raises ProtocolError for one that begins like a known one and cannot be read.

    `parts` are text, literal, text, ... as `parse` describes. What is not known, or no response at all, is Unknown.
    """
    plain = read_plain_fetch(parts)
    if plain is not None:
        return plain
    line = parts[0] if parts else b""
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
        return read_fetch(SeqNum(count), rest)
    if word == b"EXISTS":
        return Exists(count)
    if word == b"EXPUNGE":
        return Expunge(SeqNum(count))
    return Recent(count) if word == b"RECENT" else Unknown(tuple(parts))


_READERS: Final[Mapping[str, Callable[[Parts], Response]]] = MappingProxyType(
    {
        "CAPABILITY": lambda rest: Capability(read_words(rest)),
        "ENABLED": lambda rest: Enabled(frozenset(word.upper() for word in read_words(rest))),
        "ESEARCH": read_esearch,
        "FLAGS": lambda rest: FlagsEntry(flag_set(b"".join(rest))),
        "LIST": lambda rest: read_list("LIST", rest),
        "LSUB": lambda rest: read_list("LSUB", rest),
        "SEARCH": read_search,
        "SORT": read_search,
        "STATUS": read_status,
        "VANISHED": read_vanished,
        "XLIST": lambda rest: read_list("XLIST", rest),
    }
)
# What one can do without: if it cannot be read, it is Unknown and the connection lives.
_ADVISORY_READERS: Final[Mapping[str, Callable[[Parts], Response]]] = MappingProxyType(
    {"ID": read_id, "NAMESPACE": read_namespace, "QUOTA": read_quota, "QUOTAROOT": read_quota_root}
)
