"""The moving parts of a copy: what is open on each lane, and which job is whose."""

from __future__ import annotations

import asyncio
from collections import deque

from mailferry.backends.base import Chunk, Lane, Mode, UidRange
from mailferry.records import dataclass, field
from mailferry.sync.ledger import ExceptionRow
from mailferry.sync.packed import Columns, Row
from mailferry.sync.work import FolderWork, Resend


@dataclass(slots=True)
class OpenChunk:
    """The chunk that is being filled. `rows` are messages that are not in the columns yet. `repaired` goes by place and
    is reported once the message is stored; `heads` holds the beginnings of messages that may be refused one by one.
    """

    work: FolderWork
    chunk: Chunk
    mode: Mode
    most_messages: int
    most_bytes: int
    resend: Resend | None = None
    columns: Columns = field(default_factory=Columns)
    rows: list[Row] = field(default_factory=list)
    size_bytes: int = 0
    cover: UidRange = (0, 0)
    repaired: dict[int, ExceptionRow] = field(default_factory=dict)
    heads: list[bytes] = field(default_factory=list)

    def fill(self) -> None:
        """Move the rows that were gathered into the columns: many at once cost a fifth of one by one."""
        self.columns.extend(self.rows)
        self.rows = []

    @property
    def count(self) -> int:
        """Messages taken."""
        return len(self.columns) + len(self.rows)

    @property
    def repair(self) -> int:
        """How many repairs its messages have had."""
        return self.resend.repair if self.resend is not None else 0


@dataclass(slots=True)
class LaneState:
    """One lane. Folders stay with the lane that began them: one writer per folder (rule 3)."""

    lane: Lane
    work: FolderWork | None = None
    open: OpenChunk | None = None
    jobs: int = 0
    commits: int = 0
    again: deque[FolderWork] = field(default_factory=deque)
    one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class JobState:
    """One job under way: whose it is, and how its messages are to be sent. All messages below `cover_next` and
    in the window have been handed over.
    """

    work: FolderWork
    lane: LaneState
    resend: Resend | None
    window: UidRange | None
    cover_next: int = 0
