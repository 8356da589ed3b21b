"""The ledger: what is known of each folder and message of a pair of mailboxes. Records, and the contract of a store.

The row that names a message's content is durable before the commit of its append leaves (rule 1), so that after
any crash the rows say what to look for. One row per chunk with packed columns; nothing here is per message.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from enum import Enum, StrEnum
from typing import Protocol

from mailferry.backends.base import FolderPath, UidRange
from mailferry.errors import MailferryError, Retry
from mailferry.records import dataclass, field
from mailferry.sync.packed import Columns, FlagTable


class Fenced(MailferryError):
    """Another run took this pair of mailboxes over, or this run's lease has ended."""

    code = "fenced"
    retry = Retry.LATER
    advice = "Nothing to do if the other run is wanted; it goes on from what this one noted."


class LedgerUnreadable(MailferryError):
    """The ledger file cannot be used."""

    code = "ledger-unreadable"
    retry = Retry.AFTER_REPAIR
    advice = "Check the path (--state, or the data folder), and that this Mailferry is not older than the ledger."


@dataclass(frozen=True, slots=True)
class Pair:
    """A source and a target mailbox as opened by this run. `fence` and `pass_no` rise by one with each opening."""

    id: int
    fence: int
    pass_no: int


@dataclass(slots=True)
class FolderRow:
    """One line of the folder map. `id` 0: not stored yet. Numbers are 0 while unknown.

    `source_uid_next_done`: all smaller source UIDs are settled or in rows. `source_modseq_begun` is that of the
    EXAMINE before the first FETCH of the first unfinished pass; it becomes `source_modseq_done` (rule 21).
    `full_compare_at`: when all flags were compared last, in seconds since 1970 (rule 24).
    `in_doubt`: an outcome was unknown in this pass, so the closing sweep from `sweep_floor` is due (rule 8).
    """

    id: int
    source_raw: bytes
    source_path: FolderPath
    target_path: FolderPath
    target_raw: bytes = b""
    reason: str = ""
    special_use: str = ""
    mailbox_id: str = ""
    made_by_us: bool = False
    adopted: bool = False
    source_uid_validity: int = 0
    target_uid_validity: int = 0
    source_uid_next_done: int = 0
    source_messages: int = 0
    source_modseq_begun: int = 0
    source_modseq_done: int = 0
    target_uid_next: int = 0
    target_messages: int = 0
    full_compare_at: int = 0
    in_doubt: bool = False
    sweep_floor: int = 0
    flag_sets: FlagTable = field(default_factory=FlagTable)


class ChunkState(StrEnum):
    """Whether the outcome of every message of a chunk is known."""

    SENT = "sent"
    SETTLED = "settled"


class ChunkKind(StrEnum):
    """How messages came to be known on the target."""

    COPY = "copy"
    ADOPT = "adopt"


@dataclass(slots=True)
class ChunkRow:
    """Messages that are committed together.

    `floor`: our copies have target UIDs at or above it (rule 2). `cover`: every source message that exists in this
    range of UIDs is in a row or an exception; (0, 0) for messages that are sent again. `seq` counts the chunks of a
    folder in the order in which they were opened. Moments are seconds since 1970, UTC; 0 means never.
    """

    id: int
    folder_id: int
    seq: int
    state: ChunkState
    kind: ChunkKind
    mode: str
    source_uid_validity: int
    target_uid_validity: int
    floor: int
    cover: UidRange
    columns: Columns
    opened_at: float = 0.0
    settled_at: float = 0.0
    attempts: int = 0


class ExceptionKind(StrEnum):
    """What is worth telling about a message."""

    SKIPPED = "skipped"
    REPAIRED = "repaired"
    OVER_LIMIT = "over-limit"
    LEFT_OUT = "left-out"  # a note about a folder, not about a message
    LOST_KEYWORD = "lost-keyword"
    DATE_REPLACED = "date-replaced"
    DUPLICATE_AFTER_CRASH = "duplicate-after-crash"
    CANNOT_BE_CARRIED = "cannot-be-carried"
    MERGED = "merged"


@dataclass(slots=True)
class ExceptionRow:
    """One line of the report. There is one row for each folder, UIDVALIDITY, UID and kind (and code, if the kind is
    LOST_KEYWORD: the code is the keyword); a later one replaces it.

    `kind` is a value of ExceptionKind, `date` INTERNALDATE in seconds since 1970 (-1: unknown), `detail` JSON;
    `retry` says that a later pass is to try the message again.
    """

    folder_id: int
    source_uid_validity: int
    uid: int
    kind: str
    code: str = ""
    server_text: str = ""
    subject: str = ""
    message_id: str = ""
    date: int = -1
    size_bytes: int = 0
    detail: str = ""
    pass_no: int = 0
    retry: bool = False


@dataclass(frozen=True, slots=True)
class FolderCounts:
    """Messages of a folder by the last word on each; `size_bytes` adds up the confirmed ones."""

    confirmed: int = 0
    refused: int = 0
    lost: int = 0
    size_bytes: int = 0


class Load(Enum):
    """Which columns of a chunk to load. A row that was loaded in part cannot be stored again."""

    OUTCOMES = "outcomes"  # uids, target_uids, outcomes: 9 bytes a message
    FLAGS = "flags"  # and flags: 11 bytes a message
    ALL = "all"


class Ledger(Protocol):
    """A store for one pair of mailboxes at a time. One object per run; safe beside other processes.

    Every change checks in its own transaction that no other run has opened the pair since, and raises Fenced
    otherwise. A change that cannot be stored raises LedgerUnwritable and leaves the ledger as it was. *Durable*
    means: on the disk when the call returns. Other changes survive the end of the process, but may be lost, the
    last first, when the machine fails.
    """

    async def open_pair(self, source_key: str, target_key: str, lease_seconds: float) -> Pair:
        """Take the pair over: raise its fence and begin a lease. Durable. Must come before all other calls.

        Raises LedgerUnreadable for a file that is not ours, is damaged or was written by a newer version.
        """
        ...

    async def renew_lease(self) -> None:
        """Begin the lease anew, with the length given to `open_pair`, if nobody took the pair over."""
        ...

    async def close(self) -> None:
        """Let the store go. Never raises; may be called twice."""
        ...

    async def remove_pair(self, source_key: str, target_key: str) -> bool:
        """Forget all about a pair; a run that has it open is fenced. Says whether there was one."""
        ...

    async def folders(self) -> list[FolderRow]:
        """Give the folder map in the order in which the rows were made."""
        ...

    async def save_folder(self, row: FolderRow) -> FolderRow:
        """Store one line of the map; like `save_folders`."""
        ...

    async def save_folders(self, rows: Sequence[FolderRow]) -> list[FolderRow]:
        """Store lines of the map in one transaction. Durable. Gives the same objects, with their `id`.

        A row with an `id` is changed, its `source_raw` too (a renamed folder; two may swap names). A row without
        one is stored under its `source_raw`, replacing what was there.
        """
        ...

    async def delete_folder(self, folder_id: int) -> None:
        """Forget a folder with its chunks, exceptions and attempts. Durable."""
        ...

    async def open_chunk(
        self, row: ChunkRow, exceptions: Sequence[ExceptionRow] = (), *, flag_sets: FlagTable | None = None
    ) -> int:
        """Store the row that must exist before the commit leaves, and give its id. Durable.

        Also raises Fenced when the lease has ended. Sets `id`, `seq` and `opened_at` of `row` (`settled_at` too if it
        is SETTLED already). `flag_sets` is the folder's table; given, it is stored with the row if it has grown.
        """
        ...

    async def settle_chunk(self, chunk_id: int, columns: Columns, state: ChunkState = ChunkState.SETTLED) -> None:
        """Store outcomes. Raises LookupError if there is no such chunk, ValueError for columns loaded in part."""
        ...

    async def settle_many(self, chunks: Sequence[tuple[int, Columns]]) -> None:
        """Settle several chunks in one transaction."""
        ...

    async def chunks(
        self, folder_id: int, *, states: Collection[ChunkState] | None = None, columns: Load = Load.ALL
    ) -> list[ChunkRow]:
        """Give the chunks of a folder in order of `seq`."""
        ...

    async def covers(self, folder_id: int, *, source_uid_validity: int | None = None) -> list[UidRange]:
        """Give the source UIDs that rows answer for, as merged ranges; chunks that are not settled count too."""
        ...

    async def lost_uids(self, folder_id: int) -> set[int]:
        """Give the source UIDs on which the last word is LOST. Costs nothing while no chunk has a loss."""
        ...

    async def unsettled_folders(self) -> set[int]:
        """Give the ids of folders with chunks in state SENT."""
        ...

    async def update_flags(self, chunk_id: int, flags: array[int], *, flag_sets: FlagTable | None = None) -> None:
        """Store the last agreed flags. Raises LookupError, and ValueError for a column of another length."""
        ...

    async def replace_chunks(
        self, folder_id: int, rows: Sequence[ChunkRow], *, folder: FolderRow | None = None
    ) -> None:
        """Put these rows in the place of all chunks of a folder, and `folder` with them, in one transaction. Durable.

        Sets `id` and `seq` of the rows; keeps their moments.
        """
        ...

    async def add_exceptions(self, rows: Sequence[ExceptionRow]) -> None:
        """Note what is worth telling."""
        ...

    async def exceptions(self) -> list[ExceptionRow]:
        """Give all exceptions of the pair by folder, UID and kind."""
        ...

    async def clear_exceptions(self, folder_id: int, uids: Collection[int], *, kinds: Collection[str] = ()) -> None:
        """Forget exceptions of these UIDs: of all kinds, or of those named."""
        ...

    async def note_attempts(self, folder_id: int, uid_validity: int, uids: Collection[int]) -> dict[int, int]:
        """Count one more attempt to send each of these, and give the new counts. Durable.

        Counts under another UIDVALIDITY of the folder are forgotten.
        """
        ...

    async def attempts(self, folder_id: int) -> dict[int, int]:
        """Give the counts of `note_attempts`."""
        ...

    async def counts(self) -> Mapping[int, FolderCounts]:
        """Give what became of the messages, by folder id; folders without chunks are missing."""
        ...
