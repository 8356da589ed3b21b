"""What servers do differently, as data: who is it, what follows from that, and what does a refusal mean.

The readers in `parse` and `responses` forgive what any server may send; here stand the tolerances that need to know
which server it is. Each row names the software, and what it is recognised by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from mailferry.imap.capability import Capabilities
from mailferry.imap.parse import ResponseCode
from mailferry.imap.values import MAX_COMMAND_BYTES
from mailferry.records import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """What to mind with one server. `version` is what it says of itself, or ''."""

    name: str = "IMAP server"
    version: str = ""
    max_command_bytes: int = MAX_COMMAND_BYTES
    is_exchange: bool = False
    is_gmail: bool = False
    is_courier: bool = False
    broken_special_use_return: bool = False  # LIST ... RETURN (SPECIAL-USE) is refused or lists nothing
    id_before_select: bool = False  # SELECT is refused ("Unsafe Login") until ID was sent
    drop_mdn_sent: bool = False  # $MDNSent would show as a category
    case_insensitive_folders: bool = False
    broken_search: bool = False  # enumerate with UID FETCH instead
    broken_qresync: bool = False
    unstable_uid_validity: bool = False  # of STATUS and EXAMINE, until the mailbox was selected
    permuted_copy_uid: bool = False
    merges_duplicates: bool = False  # an append of a known message gives the old UID
    keeps_bytes: bool = True
    message_limit: int | None = None  # messages that one command may touch, if CAPABILITY does not say


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of server: it is recognised by its greeting, by `name` in its ID, or by a capability."""

    quirks: Quirks
    greeting: str
    id_name: str = ""
    capability: str = ""


# The first row that fits counts, so what imitates another server stands before it.
_SERVERS: Final = (
    _Row(Quirks("DavMail", is_exchange=True, drop_mdn_sent=True, case_insensitive_folders=True), r"\bDavMail\b"),
    _Row(
        # 2003 drops the link at NAMESPACE; all of them estimate RFC822.SIZE and rebuild MIME.
        Quirks("Exchange", is_exchange=True, drop_mdn_sent=True, case_insensitive_folders=True, keeps_bytes=False),
        r"\bMicrosoft Exchange\b",
        r"Microsoft\.Exchange|Microsoft Exchange",
    ),
    _Row(
        # Labels that differ in case only are one; blanks at the ends of header lines are trimmed.
        Quirks(
            "Gmail",
            max_command_bytes=16_000,
            is_gmail=True,
            case_insensitive_folders=True,
            merges_duplicates=True,
            keeps_bytes=False,
        ),
        r"\bGimap ready\b",
        r"GImap",
        "X-GM-EXT-1",
    ),
    _Row(
        Quirks("Yahoo", max_command_bytes=1_000, permuted_copy_uid=True, message_limit=1_000),
        r"\b(?:Yahoo|AOL)\b",
        r"Yahoo",
        "XYMHIGHESTMODSEQ",
    ),
    _Row(Quirks("iCloud", broken_qresync=True), r"\biSCREAM\b|\bicloud\b", r"iCloud|iSCREAM", "XAPPLELITERAL"),
    _Row(
        Quirks("Courier", max_command_bytes=16_000, is_courier=True, unstable_uid_validity=True),
        r"\bCourier-IMAP\b",
        r"Courier",
    ),
    _Row(Quirks("Cyrus"), r"\bCyrus IMAP", r"Cyrus"),
    _Row(Quirks("Domino", broken_search=True, case_insensitive_folders=True), r"\bDomino IMAP4 Server\b", r"Domino"),
    _Row(Quirks("hMailServer", case_insensitive_folders=True), r"^IMAPrev1\b", r"hMailServer"),
    _Row(
        Quirks("NetEase", id_before_select=True),
        r"\bCoremail\b|\bNetEase\b",
        r"Coremail|NetEase",
    ),
    _Row(Quirks("QQMail", id_before_select=True, broken_search=True), r"\bQQMail\b|\bXMail\b", r"QQMail"),
    _Row(Quirks("SmarterMail", broken_search=True), r"\bSmarterMail\b", r"SmarterMail"),
    _Row(Quirks("IceWarp", broken_search=True), r"\bIceWarp\b", r"IceWarp"),
    _Row(Quirks("Yandex", broken_search=True), r"\bYandex\b", r"Yandex"),
    _Row(Quirks("Zoho"), r"\bZoho\b", r"Zoho"),
    _Row(Quirks("Zimbra", case_insensitive_folders=True), r"\bZimbra\b", r"Zimbra"),
    _Row(Quirks("Proton Bridge", broken_special_use_return=True), r"\bProton|\bgluon\b", r"gluon|Proton"),
    _Row(Quirks("Strato", broken_special_use_return=True), r"\bstrato\b", r"strato"),
    _Row(Quirks("UW IMAP", max_command_bytes=1_000), r"\bIMAP4rev1 20\d\d[a-z]?\.\d+ at\b", r"UW-IMAP"),
    _Row(Quirks("Stalwart"), r"\bStalwart\b", r"Stalwart"),
    _Row(Quirks("WildDuck"), r"\bWildDuck\b", r"WildDuck"),
    _Row(Quirks("Kerio"), r"\bKerio\b", r"Kerio"),
    _Row(Quirks("MDaemon"), r"\bMDaemon\b", r"MDaemon"),
    # Last, since hosted offers are built on it and say both names.
    _Row(Quirks("Dovecot", max_command_bytes=64_000), r"\bDovecot\b", r"Dovecot"),
)

_ANY_SERVER: Final = Quirks()
_GREETING_CHARS: Final = 1_000


def detect(
    greeting: str, server_id: Mapping[str, str] = MappingProxyType({}), capabilities: Capabilities | None = None
) -> Quirks:
    """Recognise a server. `greeting` is the text of the greeting without its code, `server_id` is its answer to ID
    with names in lower case (`responses.Id.fields`). A row that the greeting fits goes before one that only
    the ID fits, and that before a capability.
    """
    name = " ".join(server_id.get(field, "")[:_GREETING_CHARS] for field in ("name", "vendor"))
    version = server_id.get("version", "")[:100]
    greeting = greeting.strip()[:_GREETING_CHARS]
    for row in _SERVERS:
        if re.search(row.greeting, greeting, re.IGNORECASE):
            return replace(row.quirks, version=version)
    for row in _SERVERS:
        if row.id_name and re.search(row.id_name, name, re.IGNORECASE):
            return replace(row.quirks, version=version)
    for row in _SERVERS:
        if row.capability and capabilities is not None and capabilities.has(row.capability):
            return replace(row.quirks, version=version)
    return replace(_ANY_SERVER, version=version)


class Refusal(Enum):
    """What a NO, BAD or BYE is about, and so what helps."""

    QUOTA = "quota"  # the mailbox is full: stop the account
    BUSY = "busy"  # wait, then try again
    LIMIT = "limit"  # too many connections: use fewer
    TOO_BIG = "too-big"  # this message is over the server's limit
    CONTENT = "content"  # this message has something in it that the server does not take
    AUTH = "auth"  # the login, or its token, is not good (any more)
    PERMISSION = "permission"  # the login may not do this
    TRYCREATE = "trycreate"  # the mailbox is to be made first
    ALREADY_EXISTS = "already-exists"
    NONEXISTENT = "nonexistent"
    SERVER_BUG = "server-bug"  # the server is broken: wait, then tell its administrator
    OTHER = "other"


# The first row that fits counts, by code (RFC 5530 and others) or by words. Words stand first where a server
# gives a code of wider meaning with them.
_REFUSALS: Final = (
    (
        Refusal.TOO_BIG,  # Dovecot says [LIMIT] to a large message as well as to many connections.
        frozenset({"TOOBIG"}),
        r"maximum (?:size of appendable )?message(?: size)? (?:has been )?exceeded|literal size too (?:large|big)"
        r"|message(?: is| size is)? too (?:large|big)|message (?:size )?exceeds (?:the )?(?:maximum|fixed|allowed)",
    ),
    # Gmail's daily volume: [OVERQUOTA] Account exceeded command or bandwidth limits.
    (
        Refusal.BUSY,
        frozenset({"THROTTLED"}),
        r"bandwidth limits|is throttled|suggested backoff time|temporary (?:authentication|login|server|system)",
    ),
    (
        Refusal.QUOTA,  # Exchange says "Server Unavailable. 15" when a mailbox is full.
        frozenset({"OVERQUOTA"}),
        r"quota (?:limit )?(?:will be |has been |was )?exceeded|over ?quota|exceed(?:s|ed)?[a-z ]{0,20} quota"
        r"|mailbox (?:is )?full|^server unavailable\. 15",
    ),
    (
        Refusal.LIMIT,
        frozenset({"LIMIT"}),
        r"too many (?:simultaneous |concurrent |open )?connections|maximum number of connections",
    ),
    (
        Refusal.CONTENT,
        frozenset[str](),
        r"contains an? virus|virus (?:found|detected)|contains nul|invalid header|header limit",
    ),
    (
        Refusal.AUTH,  # Exchange accepts the login and refuses the first command when token or permission is bad.
        frozenset({"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"}),
        r"accesstokenexpired|authenticated but not connected|authentication fail|authenticate failed"
        r"|invalid (?:credentials|login|user)|login (?:failed|failure)|incorrect (?:user|password)|unsafe login",
    ),
    (Refusal.TRYCREATE, frozenset({"TRYCREATE"}), r"\[trycreate\]"),
    (Refusal.ALREADY_EXISTS, frozenset({"ALREADYEXISTS"}), r"already exists|duplicate folder name|folder exists"),
    (
        Refusal.NONEXISTENT,
        frozenset({"NONEXISTENT"}),
        r"(?:does not|doesn't) exist|(?:no such|unknown) (?:mailbox|folder)|(?:mailbox|folder) not found",
    ),
    (Refusal.PERMISSION, frozenset({"NOPERM", "READ-ONLY"}), r"permission denied|access denied|is read-only"),
    (Refusal.SERVER_BUG, frozenset({"SERVERBUG", "CONTACTADMIN", "CORRUPTION"}), r"internal (?:server )?error"),
    (
        Refusal.BUSY,
        frozenset({"UNAVAILABLE", "INUSE"}),
        r"try (?:again )?later|temporar(?:y|ily)|server (?:is )?(?:busy|unavailable)|session expired",
    ),
)
_NARROW_CODES: Final = frozenset[str]().union(*(codes for _, codes, _ in _REFUSALS)) - {"LIMIT", "OVERQUOTA"}
_REFUSAL_CHARS: Final = 2_000


def classify(text: str, code: ResponseCode | str | None = None) -> Refusal:
    """Say what a refusal is about, from its text and its response code (or the code's name)."""
    name = code.name if isinstance(code, ResponseCode) else (code or "")
    name = name.upper()
    # A code of narrow meaning decides alone: the words may quote the name of a mailbox.
    words = "" if name in _NARROW_CODES else text.strip()[:_REFUSAL_CHARS]
    for refusal, codes, pattern in _REFUSALS:
        if name in codes or re.search(pattern, words, re.IGNORECASE):
            return refusal
    return Refusal.OTHER


_BACKOFF: Final = re.compile(r"suggested backoff time:?\s*(\d{1,9})\s*milliseconds", re.IGNORECASE)


def backoff_seconds(text: str) -> float | None:
    """Read `Suggested Backoff Time: n milliseconds` (Exchange) as seconds, or None."""
    match = _BACKOFF.search(text[:_REFUSAL_CHARS])
    return int(match[1]) / 1000 if match else None


def is_throttled(code: ResponseCode | None, text: str) -> bool:
    """Say whether an answer, be it an OK, asks to slow down: Gmail puts [THROTTLED] on an OK."""
    return (code is not None and code.name == "THROTTLED") or backoff_seconds(text) is not None
