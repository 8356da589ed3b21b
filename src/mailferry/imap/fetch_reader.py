"""The reader of FETCH (RFC 3501, 7.4.2), on its own because nearly all that a server says is FETCH."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from mailferry.imap.errors import ProtocolError
from mailferry.imap.grammar import flag_set
from mailferry.imap.parse import Value, number, plain_bytes, tokenise
from mailferry.imap.response_values import NO_SECTIONS, Fetch
from mailferry.imap.values import MAX_UID, ModSeq, SeqNum, Uid

# What nearly every FETCH without a whole message looks like: items in any order, then the end or one section.
_PLAIN_FETCH: Final = re.compile(
    rb"\* (\d{1,10}) FETCH \((?:"
    rb"UID (\d{1,10})|FLAGS \(([^()\"]*)\)|INTERNALDATE \"([^\"\\]*)\"|RFC822\.SIZE (\d{1,18})|MODSEQ \((\d{1,18})\)| "
    rb")*(?:\)|(BODY\[[A-Z.]*)(?: \([A-Za-z0-9 -]*\))?\] )\Z"
)


def read_plain_fetch(parts: Sequence[bytes]) -> Fetch | None:
    """Read a FETCH of the usual form; None if it is something else, which `read_fetch` may still understand."""
    head = _PLAIN_FETCH.match(parts[0]) if parts else None
    if head is None or not (len(parts) == 1 if head[7] is None else len(parts) == 3 and parts[2] == b")"):
        return None
    seq, uid, flags, date, size, mod_seq, section = head.groups()
    return Fetch(
        SeqNum(int(seq)),
        _uid(int(uid)) if uid is not None else None,
        flag_set(flags) if flags is not None else None,
        flags or b"",
        date,
        int(size) if size is not None else None,
        ModSeq(int(mod_seq)) if mod_seq is not None and int(mod_seq) else None,
        NO_SECTIONS if section is None else {section + b"]": parts[1]},
    )


def _uid(value: int | None) -> Uid | None:
    return Uid(value) if value and value <= MAX_UID else None


_SECTION: Final = re.compile(rb"([^\[ ]+\[)([^\] (]*)[^\]]*\](?:<(\d{1,18})[\d.]*>)?", re.DOTALL)
_BODIES: Final = frozenset({b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT"})


def read_fetch(seq: SeqNum, rest: Sequence[bytes]) -> Fetch:
    """Read any FETCH; `rest` follows the word. Raises ProtocolError."""
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
            sections[section[1] + section[2] + b"]"] = plain_bytes(value)
            offset = int(section[3]) if section[3] else offset
        elif key in _BODIES:
            sections[key] = plain_bytes(value)
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
        plain_bytes(items.pop(b"INTERNALDATE", None)),
        number(items.pop(b"RFC822.SIZE", None)),
        ModSeq(mod_seq_number) if mod_seq_number else None,
        sections,
        offset,
        items,
    )
