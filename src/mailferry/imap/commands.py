"""The only place that makes wire bytes for commands, so that no folder name can ever inject one.

A command is a sequence of parts: plain bytes and `Literal`s. The client turns a literal into `{n+}` or `{n}` and
waits for the server where it must (RFC 7888). Tags and the final CRLF are added by the client too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mailferry.imap import grammar
from mailferry.imap.values import Secret
from mailferry.records import dataclass

_DATE = re.compile(
    rb"[ 0-3][0-9]-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-[0-9]{4} [0-9:]{8} [+-][0-9]{4}\Z"
)
_LONGEST_QUOTED_BYTES = 1000
SETTABLE = grammar.SYSTEM_FLAGS


@dataclass(frozen=True, slots=True)
class Literal:
    """A string sent by length (RFC 3501, 4.3)."""

    data: bytes


Part = bytes | Literal


@dataclass(frozen=True, slots=True)
class Command:
    """One command without tag and CRLF. `secret` keeps its arguments out of the wire log."""

    name: str
    parts: tuple[Part, ...]
    secret: bool = False


def astring(value: bytes) -> Part:
    """Spell a string as atom, quoted string or literal, the shortest that is safe (RFC 3501, astring)."""
    if grammar.is_astring(value) and b"]" not in value:  # legal, but not all servers read it
        return value
    return _string(value)


def _string(value: bytes) -> Part:
    quoted = len(value) <= _LONGEST_QUOTED_BYTES and grammar.is_quotable(value)
    return grammar.quote(value) if quoted else Literal(value)


def is_keyword(flag: str) -> bool:
    """Say whether a keyword may travel: an atom of at most 64 ASCII characters (RFC 3501, flag-keyword) without `[`,
    which servers take for the beginning of a response code.
    """
    return grammar.is_keyword(flag) and "[" not in flag


def flag_list(flags: Iterable[str]) -> bytes:
    """Spell flags for APPEND and STORE. Raises ValueError for anything but settable flags and atoms."""
    spelled = sorted(flags)
    for flag in spelled:
        if flag not in SETTABLE and not is_keyword(flag):
            raise ValueError(f"flag {flag!r} may not be sent")
    return b"(" + " ".join(spelled).encode() + b")"


def _command(name: str, *parts: Part, secret: bool = False) -> Command:
    return Command(name.split()[-1], (name.encode(), *(p for part in parts for p in (b" ", part))), secret)


def simple(name: str) -> Command:
    """Make a command without arguments: CAPABILITY, NOOP, LOGOUT, STARTTLS, NAMESPACE, UNSELECT."""
    if not name.isalpha():
        raise ValueError(f"not a command name: {name!r}")
    return Command(name, (name.encode(),))


def login(user: str, password: Secret) -> Command:
    """LOGIN (RFC 3501, 6.2.3). The name is sent as given, UTF-8."""
    return _command("LOGIN", astring(user.encode()), astring(password.reveal().encode()), secret=True)


def authenticate(mechanism: str, initial: bytes | None) -> Command:
    """AUTHENTICATE (RFC 3501, 6.2.2), with an initial response where the server takes one (RFC 4959).

    `initial` is base64 already, `=` for an empty one.
    """
    parts = () if initial is None else (initial,)
    return _command("AUTHENTICATE", mechanism.encode(), *parts, secret=True)


def id_(pairs: Sequence[tuple[str, str]]) -> Command:
    """ID (RFC 2971)."""
    words = b" ".join(b'"%s" "%s"' % (k.encode(), v.encode()) for k, v in pairs)
    return _command("ID", b"(" + words + b")")


def list_(pattern: bytes, *, verb: str = "LIST", select: bytes = b"", returns: bytes = b"") -> Command:
    """LIST, LSUB or XLIST with a literal pattern such as `*`; RFC 5258 options as given by this module's callers."""
    parts: list[Part] = [select] if select else []
    parts += [b'""', _string(pattern)]
    if returns:
        parts += [b"RETURN", returns]
    return _command(verb, *parts)


def status(mailbox: bytes, items: bytes) -> Command:
    """STATUS (RFC 3501, 6.3.10)."""
    return _command("STATUS", astring(mailbox), b"(" + items + b")")


def select(mailbox: bytes, *, read_only: bool, condstore: bool = False) -> Command:
    """SELECT or EXAMINE (RFC 3501, 6.3.1, 6.3.2; RFC 7162, 3.1.8)."""
    parts: list[Part] = [astring(mailbox)]
    if condstore:
        parts.append(b"(CONDSTORE)")
    return _command("EXAMINE" if read_only else "SELECT", *parts)


def create(mailbox: bytes, special_use: str | None = None) -> Command:
    """CREATE (RFC 3501, 6.3.3), with USE where the server takes it (RFC 6154, 3)."""
    parts: list[Part] = [astring(mailbox)]
    if special_use:
        parts.append(b"(USE (" + special_use.encode() + b"))")
    return _command("CREATE", *parts)


def subscribe(mailbox: bytes) -> Command:
    """SUBSCRIBE (RFC 3501, 6.3.6)."""
    return _command("SUBSCRIBE", astring(mailbox))


def uid_fetch(uid_set: bytes, items: bytes, modifiers: bytes = b"") -> Command:
    """UID FETCH (RFC 3501, 6.4.8)."""
    parts: list[Part] = [uid_set, b"(" + items + b")"]
    if modifiers:
        parts.append(b"(" + modifiers + b")")
    return _command("UID FETCH", *parts)


def uid_store(uid_set: bytes, action: str, flags: Iterable[str]) -> Command:
    """UID STORE +FLAGS.SILENT or -FLAGS.SILENT (RFC 3501, 6.4.6)."""
    if action not in ("+FLAGS.SILENT", "-FLAGS.SILENT"):
        raise ValueError(action)
    return _command("UID STORE", uid_set, action.encode(), flag_list(flags))


def uid_expunge(uid_set: bytes) -> Command:
    """UID EXPUNGE (RFC 4315, 2.1)."""
    return _command("UID EXPUNGE", uid_set)


def append_begin(mailbox: bytes) -> tuple[Part, ...]:
    """Begin an APPEND: the command word and the mailbox (RFC 3501, 6.3.11)."""
    return (b"APPEND ", astring(mailbox))


def append_proven(flags: bytes, date: bytes, size: int) -> bytes:
    """Head of one message whose arguments the server has taken before, in the same form; the body follows at once.

    For the hot path: `flags` must come from flag_list(), `date` from DateCodec.format(), which give nothing else.
    """
    return b' %s "%s" {%d+}\r\n' % (flags, date, size)


def append_message(flags: bytes, date: bytes, size: int, *, synchronising: bool, binary: bool = False) -> bytes:
    """Head of one message of an APPEND (RFC 3502 for more than one). `flags` comes from flag_list(),
    `date` from DateCodec; anything else is refused, because a BAD would let the body run as commands.
    """
    if not _DATE.match(date):
        raise ValueError(f"date {date!r} may not be sent")
    return b' %s "%s" %s{%d%s}\r\n' % (flags, date, b"~" if binary else b"", size, b"" if synchronising else b"+")
