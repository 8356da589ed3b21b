"""What a server says, as frozen values (RFC 3501, section 7, and its extensions). `responses` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mailferry.imap.grammar import readable
from mailferry.imap.parse import ResponseCode, Value
from mailferry.imap.values import ModSeq, SeqNum, Uid, UidRange
from mailferry.records import dataclass


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
NO_SECTIONS: Final[Mapping[bytes, bytes | None]] = MappingProxyType({})


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
    sections: Mapping[bytes, bytes | None] = NO_SECTIONS
    offset: int | None = None
    others: Mapping[bytes, Value] = _NOTHING

    @property
    def body(self) -> bytes | None:
        """The whole message, from BODY[] or RFC822; None for what begins further on (`BODY[]<offset.length>`)."""
        if self.offset:
            return None
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
