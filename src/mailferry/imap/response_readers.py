"""Readers of the responses other than FETCH. Each is given what follows the word: text, literal, text, ...

All raise ProtocolError for what they cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mailferry.imap.errors import ProtocolError
from mailferry.imap.grammar import readable
from mailferry.imap.parse import Value, number, plain_bytes, split_list, split_status, tokenise
from mailferry.imap.response_values import (
    Esearch,
    Id,
    ListEntry,
    Namespace,
    NamespaceEntry,
    Quota,
    QuotaRoot,
    Search,
    StatusEntry,
    Vanished,
)
from mailferry.imap.values import MAX_UID, ModSeq, UidRange, parse_ranges

# --- mailboxes ---

_OBJECT_ID: Final = re.compile(rb"[A-Za-z0-9_-]{1,255}")


def read_list(command: str, rest: Sequence[bytes]) -> ListEntry:
    """Read LIST, LSUB and XLIST."""
    return ListEntry(command, *split_list(rest))


def read_status(rest: Sequence[bytes]) -> StatusEntry:
    """Read STATUS (RFC 3501, 7.2.4), MAILBOXID of RFC 8474 too, if it looks like one (section 7)."""
    raw_name, words = split_status(rest)
    numbers: dict[str, int] = {}
    mailbox_id = ""
    for key, value in zip(words[::2], words[1::2], strict=False):
        name = readable(key).upper() if isinstance(key, bytes) else ""
        if name == "MAILBOXID":
            value = value[0] if isinstance(value, list) and value else value
            mailbox_id = value.decode() if isinstance(value, bytes) and _OBJECT_ID.fullmatch(value) else ""
        elif name and (known := number(value)) is not None:
            numbers[name] = known
    return StatusEntry(raw_name, numbers, mailbox_id)


# --- lists of numbers ---

_SEARCH: Final = re.compile(rb"([\d \0\t]*)(?:\( *MODSEQ +(-?\d{1,18}) *\)[ \0]*)?", re.IGNORECASE)
_VANISHED: Final = re.compile(rb"(\( *EARLIER *\))?[ \0]*([\d:,*]*)[ \0]*", re.IGNORECASE)


def read_search(rest: Sequence[bytes]) -> Search:
    """Read SEARCH or SORT (RFC 3501, 7.2.5)."""
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


def read_vanished(rest: Sequence[bytes]) -> Vanished:
    """Read VANISHED (RFC 7162, 3.2.10)."""
    match = _VANISHED.fullmatch(rest[0]) if len(rest) == 1 else None
    if match is None:
        raise ProtocolError(f"VANISHED without a set: {rest[0][:60]!r}")
    return Vanished(match[1] is not None, _ranges(match[2]) or ())


def _ranges(value: Value) -> tuple[UidRange, ...] | None:
    return parse_ranges(value) if isinstance(value, bytes) and value else None


def read_esearch(rest: Sequence[bytes]) -> Esearch:
    """Read ESEARCH (RFC 4731, 3.1; RFC 9394)."""
    tag: bytes | None = None
    uid = False
    found: dict[bytes, Value] = {}
    words = iter(tokenise(rest))
    for word in words:
        if isinstance(word, list):
            tag = plain_bytes(word[1]) if len(word) > 1 else None
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


def read_namespace(rest: Sequence[bytes]) -> NamespaceEntry:
    """Read NAMESPACE (RFC 2342, 5)."""
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


def read_id(rest: Sequence[bytes]) -> Id:
    """Read ID (RFC 2971, 3.2)."""
    values = tokenise(rest)
    words = values[0] if values and isinstance(values[0], list) else []
    return Id(
        {
            readable(key).lower(): readable(value)
            for key, value in zip(words[::2], words[1::2], strict=False)
            if isinstance(key, bytes) and isinstance(value, bytes)
        }
    )


def read_quota(rest: Sequence[bytes]) -> Quota:
    """Read QUOTA (RFC 9208, 5.1)."""
    values = tokenise(rest)
    root = plain_bytes(values[0]) if values else None
    triples = next((value for value in values if isinstance(value, list)), [])
    resources: dict[str, tuple[int, int]] = {}
    for resource, used, allowed in zip(triples[::3], triples[1::3], triples[2::3], strict=False):
        usage, limit = number(used), number(allowed)
        if isinstance(resource, bytes) and usage is not None and limit is not None:
            resources[readable(resource).upper()] = (usage, limit)
    return Quota(root or b"", resources)


def read_quota_root(rest: Sequence[bytes]) -> QuotaRoot:
    """Read QUOTAROOT (RFC 9208, 5.2)."""
    names = [b"NIL" if value is None else bytes(value) for value in tokenise(rest) if not isinstance(value, list)]
    return QuotaRoot(names[0] if names else b"", tuple(names[1:]))


def read_words(rest: Sequence[bytes]) -> tuple[str, ...]:
    """Read words between blanks: CAPABILITY, ENABLED."""
    return tuple(readable(word) for word in b"".join(rest).replace(b"\0", b" ").split())
