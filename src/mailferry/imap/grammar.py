"""The alphabet of IMAP: what is an atom, a flag, a quoted string (RFC 3501, section 9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_ATOM: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_ASTRING: Final = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")
_QUOTABLE: Final = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
_ESCAPED: Final = re.compile(rb'["\\]')
_ESCAPE: Final = re.compile(rb'\\(["\\])')
_TAG: Final = re.compile(rb"[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+")


def is_atom(data: bytes) -> bool:
    """Say whether `data` may be sent as an atom. `NIL` is one, and means nothing as a string."""
    return _ATOM.fullmatch(data) is not None


def is_astring(data: bytes) -> bool:
    """Say whether `data` may be sent unquoted where a string is expected; NIL may not."""
    return _ASTRING.fullmatch(data) is not None and data.upper() != b"NIL"


def is_tag(data: bytes) -> bool:
    """Say whether `data` may be the tag of a command."""
    return _TAG.fullmatch(data) is not None


def is_quotable(data: bytes) -> bool:
    """Say whether `data` may be sent as a quoted string: 7 bits, no NUL, CR or LF. Otherwise it needs a literal."""
    return _QUOTABLE.fullmatch(data) is not None


def quote(data: bytes) -> bytes:
    """Write a quoted string. Raises ValueError for bytes that only a literal can carry."""
    if not is_quotable(data):
        raise ValueError("a quoted string holds no NUL, CR, LF or 8-bit byte")
    return b'"' + _ESCAPED.sub(rb"\\\g<0>", data) + b'"'


def unquote(inner: bytes) -> bytes:
    """Take the escapes out of what stood between the quotes.

    A backslash before any other byte stays: Domino writes its separator `\\` unescaped.
    """
    return _ESCAPE.sub(rb"\1", inner) if b"\\" in inner else inner


SYSTEM_FLAGS: Final = frozenset({"\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"})
"""The system flags that a client may set (RFC 3501, 2.3.2). `\\Recent` is the server's own."""

_FLAG_SPELLING: Final[Mapping[str, str]] = MappingProxyType(
    {flag.lower(): flag for flag in (*SYSTEM_FLAGS, "\\Recent")}
)


def canonical_flag(flag: str) -> str:
    """Spell a system flag as the RFC does, in whatever case it came; leave everything else alone."""
    return _FLAG_SPELLING.get(flag.lower(), flag) if flag[:1] == "\\" else flag


def is_keyword(flag: str, max_bytes: int = 64) -> bool:
    """Say whether `flag` may be sent as a keyword: an atom of limited length, no `\\` (RFC 3501, flag-keyword)."""
    return flag.isascii() and len(flag) <= max_bytes and is_atom(flag.encode("ascii")) and flag.upper() != "NIL"


_ATTRIBUTES: Final = (
    *("\\Noselect", "\\NonExistent", "\\Noinferiors", "\\HasChildren", "\\HasNoChildren", "\\Marked", "\\Unmarked"),
    *("\\Subscribed", "\\Remote", "\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"),
    *("\\Important", "\\Inbox"),
)
_ATTRIBUTE_SPELLING: Final[Mapping[str, str]] = MappingProxyType(
    {attribute.lower(): attribute for attribute in _ATTRIBUTES}
    # XLIST, the forerunner of RFC 6154, says other words for the same.
    | {"\\allmail": "\\All", "\\spam": "\\Junk", "\\starred": "\\Flagged"}
)


def canonical_attribute(attribute: str) -> str:
    """Spell a mailbox attribute as RFC 9051 (7.3.1) does; XLIST's own words become those of RFC 6154."""
    return _ATTRIBUTE_SPELLING.get(attribute.lower(), attribute)


def readable(data: bytes) -> str:
    """Decode the server's words for people; never raises and never gives surrogates."""
    return data.decode("utf-8", "replace")


# A string that does not end goes to the end, so that it is looked at once.
_LISTED_WORD: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)\\?(?:"|\Z)|([^\0\t\r\n ()"]+)', re.DOTALL)
_REMEMBERED_FLAG_BYTES: Final = 256


def listed_words(inside: bytes) -> list[bytes]:
    """Give the words of a flat list, without quotes and parentheses."""
    return [unquote(word[1]) if word[2] is None else word[2] for word in _LISTED_WORD.finditer(inside)]


def flag_set(inside: bytes) -> frozenset[str]:
    """Read what stands in the parentheses of a flag list: system flags in the RFC's spelling, the rest as it came.

    Quoted flags are flags; NIL is none.
    """
    return _remembered_flag_set(inside) if len(inside) <= _REMEMBERED_FLAG_BYTES else _read_flags(inside)


def _read_flags(inside: bytes) -> frozenset[str]:
    return frozenset(canonical_flag(readable(flag)) for flag in listed_words(inside) if flag and flag.upper() != b"NIL")


# A mailbox holds few different sets of flags. Remembering them makes equal sets one object.
_remembered_flag_set = lru_cache(maxsize=1024)(_read_flags)
