"""What a pass is told, and what it tells while it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from mailferry.records import dataclass, field
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.received import ReceivedRange

MAX_MESSAGE_BYTES = 36_700_160
MAX_ITEMS = 500_000
MOST_ATTEMPTS = 14  # nine halvings take a chunk of 500 down to one message; then five times alone

RepairLevel = Literal["none", "line-ends", "all"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, passed in so that tests need not wait."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a pass; sizes in bytes. `settle_seconds` None: what the target's features say.

    `full_flags`: whether to compare the flags of all messages where the source cannot say which changed (rule 24);
    None: once a week, and those of the `newest_flags` newest messages and of what was flagged otherwise.
    `mirror_deletions` (rule 23) must be off once mail is delivered to the target: the source is then no longer the
    mailbox that counts. `received`: only messages received then are copied; with no bound, all are.
    """

    filter: FolderFilter = field(default_factory=lambda: FolderFilter.parse((), ()))
    max_message_bytes: int = MAX_MESSAGE_BYTES
    max_items: int = MAX_ITEMS
    received: ReceivedRange = field(default_factory=ReceivedRange)
    newest_first: bool = False
    repair: RepairLevel = "line-ends"
    chunk_messages: int = 500
    chunk_bytes: int = 32 << 20
    single_messages: int = 64
    single_bytes: int = 1 << 20
    lanes: int = 4
    settle_seconds: float | None = None
    half_open_seconds: float = 30.0  # after a time-out the server may be at work still, out of our sight
    retries: int = 5
    retry_seconds: float = 1.0
    full_flags: bool | None = None
    mirror_deletions: bool = False
    newest_flags: int = 20_000
    longest_wait_seconds: float = 300.0  # if more patience is asked for, the pass ends with the error instead
    clock: Clock = field(default_factory=Clock)


@dataclass(slots=True)
class FolderStats:
    """Counts of one folder. `found` is on the source, `had` was known or adopted before this pass, `left_out` was not
    received in the range that is copied.
    """

    source: str
    target: str
    found: int = 0
    copied: int = 0
    had: int = 0
    adopted: int = 0
    skipped: int = 0
    left_out: int = 0
    flags_changed: int = 0
    removed: int = 0
    size_bytes: int = 0
    state: str = "waiting"
    note: str = ""


@dataclass(slots=True)
class Stats:
    """Counts of a pass; read it at any time for progress. `notices`: what became of folders, for its end."""

    folders: dict[bytes, FolderStats] = field(default_factory=dict)
    phase: str = "connecting"
    round_trips: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    notices: list[str] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Add one column up."""
        return sum(int(getattr(folder, name)) for folder in self.folders.values())


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `name` is constant, the rest is fields."""

    name: str
    fields: dict[str, object] = field(default_factory=dict)


Listener = Callable[[Event], None]
