"""What a server says it can do, and what follows from that (RFC 3501, 7.2.1; RFC 9051, 7.2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import pairwise
from types import MappingProxyType
from typing import Final

KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "IMAP4REV1": "RFC 3501",
        "IMAP4REV2": "RFC 9051",
        "ACL": "RFC 4314",
        "APPENDLIMIT": "RFC 7889",
        "BINARY": "RFC 3516",
        "CATENATE": "RFC 4469",
        "CHILDREN": "RFC 3348",
        "COMPRESS=DEFLATE": "RFC 4978",
        "CONDSTORE": "RFC 7162",
        "CREATE-SPECIAL-USE": "RFC 6154",
        "ENABLE": "RFC 5161",
        "ESEARCH": "RFC 4731",
        "ID": "RFC 2971",
        "IDLE": "RFC 2177",
        "INPROGRESS": "RFC 9585",
        "JMAPACCESS": "RFC 9698",
        "LIST-EXTENDED": "RFC 5258",
        "LIST-STATUS": "RFC 5819",
        "LITERAL+": "RFC 7888",
        "LITERAL-": "RFC 7888",
        "LOGINDISABLED": "RFC 3501",
        "MESSAGELIMIT": "RFC 9738",
        "METADATA": "RFC 5464",
        "MOVE": "RFC 6851",
        "MULTIAPPEND": "RFC 3502",
        "NAMESPACE": "RFC 2342",
        "OBJECTID": "RFC 8474",
        "PARTIAL": "RFC 9394",
        "QRESYNC": "RFC 7162",
        "QUOTA": "RFC 9208",
        "SASL-IR": "RFC 4959",
        "SAVEDATE": "RFC 8514",
        "SEARCHRES": "RFC 5182",
        "SPECIAL-USE": "RFC 6154",
        "STARTTLS": "RFC 3501",
        "STATUS=DELETED": "RFC 9051",
        "STATUS=SIZE": "RFC 8438",
        "UIDONLY": "RFC 9586",
        "UIDPLUS": "RFC 4315",
        "UNSELECT": "RFC 3691",
        "UTF8=ACCEPT": "RFC 9755",
        "X-GM-EXT-1": "Gmail IMAP extensions",
        "XLIST": "Gmail IMAP extensions",
    }
)
"""Capabilities that this client knows, and where each is defined."""

_IN_REV2: Final = frozenset(
    # RFC 9051, appendix E. BINARY is left out: only its FETCH part became part of the base.
    {
        *("ENABLE", "ESEARCH", "IDLE", "LIST-EXTENDED", "LIST-STATUS", "LITERAL-", "MOVE", "NAMESPACE", "SASL-IR"),
        *("SEARCHRES", "SPECIAL-USE", "STATUS=DELETED", "STATUS=SIZE", "UIDPLUS", "UNSELECT"),
    }
)
_IMPLIED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "IMAP4REV2": _IN_REV2,
        "QRESYNC": frozenset({"CONDSTORE", "ENABLE"}),  # RFC 7162, 3.2
        "OBJECTID+": frozenset({"OBJECTID"}),
    }
)

LITERAL_MINUS_BYTES: Final = 4096


class LiteralMode(Enum):
    """Which literals may be sent without waiting for the server (RFC 7888)."""

    SYNCHRONISING = "none"
    MINUS = "up to 4096 bytes"
    PLUS = "all"


class Capabilities:
    """The words of one CAPABILITY response; names are in capitals, and never change after it is made.

    Zoho and others write `LITERAL +` in two words.
    """

    __slots__ = ("_all", "names")

    names: frozenset[str]
    """As announced, in capitals."""

    def __init__(self, words: Iterable[bytes | str]) -> None:
        upper = [(word.decode("utf-8", "replace") if isinstance(word, bytes) else word).upper() for word in words]
        names = set(upper)
        for first, second in pairwise(upper):
            if first == "LITERAL" and second in ("+", "-"):
                names.add(first + second)
                names -= {first, second}
        self.names = frozenset(names)
        self._all = self.names.union(*(implied for name, implied in _IMPLIED.items() if name in names))

    @property
    def known(self) -> bool:
        """Whether the server has announced anything."""
        return bool(self.names)

    def has(self, name: str) -> bool:
        """Say whether a capability was announced, or follows from one that was (RFC 9051, appendix E)."""
        return name.upper() in self._all

    @property
    def auth_mechanisms(self) -> frozenset[str]:
        """SASL mechanisms in capitals."""
        return frozenset(name[5:] for name in self.names if name.startswith("AUTH=") and len(name) > 5)

    @property
    def login_disabled(self) -> bool:
        """Whether the LOGIN command is refused at the moment, usually until TLS is on."""
        return "LOGINDISABLED" in self.names

    @property
    def append_limit(self) -> int | None:
        """Bytes that a message may have (RFC 7889), or None: not told, or told for each mailbox by STATUS."""
        return self._number("APPENDLIMIT=")

    @property
    def message_limit(self) -> int | None:
        """Messages that one command may touch (RFC 9738)."""
        return self._number("MESSAGELIMIT=")

    @property
    def literal_mode(self) -> LiteralMode:
        """Which literals may be sent without waiting."""
        if "LITERAL+" in self._all:
            return LiteralMode.PLUS
        return LiteralMode.MINUS if "LITERAL-" in self._all else LiteralMode.SYNCHRONISING

    def literal_allows(self, size_bytes: int) -> bool:
        """Say whether a literal of this size may be sent without waiting."""
        mode = self.literal_mode
        return mode is LiteralMode.PLUS or (mode is LiteralMode.MINUS and size_bytes <= LITERAL_MINUS_BYTES)

    def _number(self, prefix: str) -> int | None:
        numbers = [name[len(prefix) :] for name in self.names if name.startswith(prefix)]
        valid = [int(digits) for digits in numbers if digits.isascii() and digits.isdigit() and len(digits) <= 18]
        return min(valid, default=None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Capabilities) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"Capabilities({' '.join(sorted(self.names))})"
