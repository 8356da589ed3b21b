"""The contract of a backend: how mail is read (Reader) and written (Target, Lane).

A target can be read as well, so that `adopt`, the look-up after a crash and `verify` need no second
contract. `sync/` asks `features`; it never asks which server it talks to.

Speed: nothing here happens once per message. A reader hands over *batches* of items, a lane takes
messages by plain calls, and one await moves about a mebibyte.
"""

from __future__ import annotations

from array import array
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from enum import Enum, Flag, StrEnum, auto
from typing import NamedTuple, Protocol

from mailferry.records import dataclass, field

PREFIX_BYTES = 65_536
"""A message up to this size arrives whole; of a larger one, the first item carries exactly this much."""

Flags = frozenset[str]
"""System flags as RFC 3501 spells them (`\\Seen`), keywords as the server does. Never `\\Recent`."""

UidRange = tuple[int, int]
"""First and last UID, both included."""


class SpecialUse(StrEnum):
    """RFC 6154, section 2."""

    ALL = "\\All"
    ARCHIVE = "\\Archive"
    DRAFTS = "\\Drafts"
    FLAGGED = "\\Flagged"
    JUNK = "\\Junk"
    SENT = "\\Sent"
    TRASH = "\\Trash"


@dataclass(frozen=True, slots=True, order=True)
class FolderPath:
    """A folder's place in the user's own tree. Separator and namespace prefix never leave the backend.

    The inbox is always `("INBOX",)`.
    """

    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.parts or not all(self.parts):
            raise ValueError(f"empty part in folder path {self.parts!r}")

    def __str__(self) -> str:
        return "/".join(self.parts)

    @property
    def parent(self) -> FolderPath | None:
        """The path one level up, or None at the top."""
        return FolderPath(self.parts[:-1]) if len(self.parts) > 1 else None


INBOX = FolderPath(("INBOX",))


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """What STATUS or SELECT tells (RFC 3501, 6.3.10). 0 means that the server did not say."""

    uid_validity: int
    uid_next: int
    messages: int
    highest_modseq: int = 0
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One folder as the server lists it. `raw_name` is the name on the wire, the folder's key in the ledger."""

    path: FolderPath
    raw_name: bytes
    selectable: bool = True
    subscribed: bool = False
    special_use: SpecialUse | None = None
    mailbox_id: str = ""
    status: FolderStatus | None = None


class Mail(NamedTuple):
    """One message as read. `data` is the whole message if `len(data) == size`, else its first 65,536 bytes;
    the rest follows in the stream as plain `bytes` items that add up to `size`.

    `date` is INTERNALDATE in seconds since 1970, None if the server gave none that can be understood;
    `zone` is its offset from UTC in minutes.
    """

    uid: int
    flags: Flags
    date: int | None
    zone: int
    size: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FetchJob:
    """Read these UIDs of one folder, in ascending order. `key` is the caller's own."""

    path: FolderPath
    ranges: tuple[UidRange, ...]
    key: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """The folder was (re)opened for reading; comes before the first message of a job in another folder."""

    path: FolderPath
    status: FolderStatus


@dataclass(frozen=True, slots=True)
class JobDone:
    """Every message that exists in the job's ranges has been handed over (the server said OK)."""

    job: FetchJob


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The folder of this job cannot be read (gone, or the server said NO). Others go on."""

    job: FetchJob
    reason: str


Item = Mail | bytes | Opened | JobDone | JobFailed


class Want(Flag):
    """Columns of a listing beside the UID."""

    FLAGS = auto()
    DATE = auto()
    SIZE = auto()
    IDENTITY = auto()


@dataclass(slots=True)
class Listing:
    """Messages of one folder as parallel columns in ascending order of UID. Columns not wanted stay empty.

    `dates` holds -1 where the server gave no valid date. `identities` is what `identify` made of the header
    fields Message-ID, Date, From, To and Subject.
    """

    status: FolderStatus
    uids: array[int] = field(default_factory=lambda: array("I"))
    flags: list[Flags] = field(default_factory=list)
    dates: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    identities: array[int] = field(default_factory=lambda: array("Q"))
    truncated: bool = False


Identify = Callable[[bytes], int]
"""Header bytes (the whole header or selected fields) to a 64-bit identity."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a backend does beyond the calls that every backend has."""

    name: str  # for people: "Dovecot", "Maildir"
    reports_new_ids: bool = False  # UIDPLUS
    keeps_bytes: bool = True
    keeps_internal_date: bool = True
    condstore: bool = False
    custom_keywords: bool = True
    max_message_bytes: int | None = None
    delimiter: str | None = "/"  # names may not contain it
    forbidden_characters: str = ""  # names may not contain one of these either
    forbidden_first: str = ""  # a name at the top may not begin with one of these
    folder_name_bytes: int = 240  # longest part of a name, in bytes as stored
    path_bytes: int | None = None  # longest whole name, in bytes as stored, separators included
    case_insensitive: bool = False  # folder names that differ in case only are one folder
    children_of_inbox: bool = True
    is_exchange: bool = False
    is_gmail: bool = False
    idempotent_names: bool = False  # a message's name on the target follows from its source (Maildir)
    one_lane: bool = False  # one connection fills the line: messages share a commit, or none waits for another
    uid_expunge: bool = False
    settle_seconds: float = 3.0


class Reader(Protocol):
    """Mail that can be read. `key` names the mailbox: scheme, host, port, user, user root; no secrets."""

    key: str
    features: Features

    async def list_folders(self, *, status: bool = True) -> list[Listed]:
        """List all mail folders of the user, with counts if `status`. At most three round trips."""
        ...

    async def status(self, paths: Sequence[FolderPath]) -> list[FolderStatus | None]:
        """Counts of these folders now; None where a folder is gone. One round trip."""
        ...

    async def listing(
        self,
        path: FolderPath,
        want: Want,
        *,
        first_uid: int = 1,
        also: Sequence[int] = (),
        identify: Identify | None = None,
        changed_since: int = 0,
    ) -> Listing:
        """List messages from `first_uid` on, and those of `also`, which are smaller UIDs in ascending order; only
        those changed after `changed_since` (a mod-sequence) if not 0. Several folders may be asked for at once.

        Raises FolderGone.
        """
        ...

    def keywords(self, paths: Sequence[FolderPath]) -> Awaitable[Flags]:
        """Say which keywords these folders define, as far as that can be told in one round trip.

        The question goes out with the call, before whatever is asked next: a stream that stands still must not hold
        the answer up.
        """
        ...

    def expect(self, job: FetchJob) -> None:
        """Say what the next stream will begin with, so that the server may be asked now. Waits for nothing.

        Whatever else is asked before that stream is right all the same, but may cost a connection.
        """
        ...

    def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """Read message bodies. `jobs()` is asked for the next job whenever there is room in the pipeline and
        returns None when there is none at the moment; the stream ends when all jobs are done and
        `jobs()` returns None again.

        A connection that breaks inside a large message is taken up again at the same byte (rule 12);
        otherwise ConnectionLost is raised, and jobs without a JobDone may be asked for again.
        """
        ...

    async def close(self) -> None:
        """Log out. Never raises."""
        ...


class OutcomeKind(Enum):
    """What became of one message of a chunk."""

    STORED = auto()  # uid is the new one, or 0 if the target does not say
    REFUSED = auto()  # this message was refused; code and text say why
    UNSENT = auto()  # nothing is stored, and it may be sent again (its command or chunk was refused)


class Outcome(NamedTuple):
    """The verdict on one message. `code` is the response code (RFC 5530) in capitals, `text` the server's words."""

    kind: OutcomeKind
    uid: int = 0
    code: str = ""
    text: str = ""


class Mode(Enum):
    """How a chunk travels."""

    MULTI = "multi"  # many messages, one commit, all or nothing
    SINGLE = "single"  # one command a message, pipelined
    SYNC = "sync"  # one command a message, each literal waits for the server


class Chunk(Protocol):
    """Messages that are committed together. Nothing of it is stored before `release`.

    Order: (`add` | `start` `piece`* )* then `release` or `abandon`. A mail with more to come
    (len(data) < size) is begun by `add`, and its rest is given to `piece`. In SINGLE and SYNC mode such a mail
    is alone in its chunk, unless the target has `idempotent_names`.
    """

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        """Take one message, with the flags and the date that are to be stored."""
        ...

    def piece(self, data: bytes) -> None:
        """Take the next bytes of the message begun last."""
        ...

    def release(self) -> Future[list[Outcome | None]]:
        """Let the commit go out (the ledger row is durable). The result has one entry a message, in order;
        None stands for a message in doubt: the connection broke before its verdict. Never raises.
        """
        ...

    def abandon(self) -> None:
        """Give the chunk up; nothing of it will be stored, even if that costs the connection."""
        ...


class Lane(Protocol):
    """One writer connection; one folder at a time."""

    @property
    def modes(self) -> Collection[Mode]:
        """The modes that it can send in now."""
        ...

    def chunk(self, path: FolderPath, mode: Mode, key: str) -> Chunk:
        """Begin a chunk. Chunks of one lane are committed in the order in which they were begun."""
        ...

    @property
    def queued_bytes(self) -> int:
        """Bytes taken but not yet handed to the operating system."""
        ...

    async def drain(self) -> None:
        """Wait until there is room for more. Raises ConnectionLost."""
        ...

    async def close(self) -> None:
        """Log out. Never raises."""
        ...


class FlagChange(NamedTuple):
    """Add and remove these flags on these messages of the target."""

    uids: Sequence[int]
    add: Flags
    remove: Flags


@dataclass(frozen=True, slots=True)
class Created:
    """What became of a folder that was to be made."""

    path: FolderPath
    raw_name: bytes = b""
    made: bool = False  # False: it was there already
    error: str = ""


class Target(Reader, Protocol):
    """Mail that can be written as well."""

    async def create_folders(
        self, folders: Sequence[tuple[FolderPath, SpecialUse | None]], *, then: Sequence[FolderPath] = ()
    ) -> list[Created]:
        """Make folders, parents first, pipelined. One that is there already counts as done. `then` are folders that
        `permanent_flags` will be asked about, so that a target may ask its server along with this.
        """
        ...

    async def subscribe(self, paths: Sequence[FolderPath]) -> None:
        """Subscribe to folders; a refusal is ignored."""
        ...

    async def permanent_flags(self, path: FolderPath) -> tuple[Flags, bool]:
        """Flags that the folder can store, and whether new keywords may be made (`\\*`)."""
        ...

    def expect_keywords(self, path: FolderPath, keywords: Flags) -> None:
        """Say which keywords will be sent to the folder selected last, so that the target can prepare. Waits for
        nothing.
        """
        ...

    async def open_lane(self) -> Lane:
        """Open one more writer connection."""
        ...

    async def change_flags(self, path: FolderPath, changes: Sequence[FlagChange]) -> None:
        """Change flags silently, pipelined (rule 22)."""
        ...

    async def remove(self, path: FolderPath, uids: Sequence[int]) -> None:
        """Remove messages for good, and only these (UID EXPUNGE, RFC 4315)."""
        ...
