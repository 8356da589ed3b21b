"""What a pass has to do in one folder, and how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mailferry.backends.base import FetchJob, Flags, FolderStatus, Mode, UidRange
from mailferry.imap.commands import SETTABLE, is_keyword
from mailferry.records import dataclass, field
from mailferry.sync.ledger import ExceptionKind, ExceptionRow, FolderRow
from mailferry.sync.options import FolderStats
from mailferry.sync.plan import FolderPlan, windows


@dataclass(slots=True)
class Resend:
    """Messages to be read and sent again, in another way than before. `repair` counts the repairs to apply."""

    uids: tuple[int, ...]
    mode: Mode | None = None
    repair: int = 0


@dataclass(slots=True)
class FolderWork:
    """One folder of a pass. `floor` is rule 2's; `divisor` makes chunks smaller after a break (rule 13); `last_uid`:
    later messages on the source were not looked at, 0: there is no such bound.
    """

    row: FolderRow
    source: FolderStatus
    target: FolderStatus | None
    plan: FolderPlan
    stats: FolderStats
    raw_target: bytes = b""
    permanent: Flags = SETTABLE
    any_keyword: bool = True
    drop_flags: Flags = frozenset()
    floor: int = 0
    last_uid: int = 0
    divisor: int = 1
    attempts: dict[int, int] = field(default_factory=dict)
    opened: FolderStatus | None = None
    read: int = 0
    open_rows: int = 0
    jobs_open: int = 0
    failed: str = ""
    in_doubt: bool = False
    refused_text: str = ""
    refused_in_a_row: int = 0
    probed: bool = False
    resends: deque[Resend] = field(default_factory=deque)
    exceptions: list[ExceptionRow] = field(default_factory=list)
    _windows: Iterator[tuple[UidRange, ...]] | None = None
    _flags: dict[Flags, tuple[int, Flags]] = field(default_factory=dict)
    _lost_keywords: set[str] = field(default_factory=set)

    def start(self, *, newest_first: bool, whole: bool) -> None:
        """Cut the plan into windows, or read the folder in one go."""
        self._windows = None
        if self.plan.ranges:
            self._windows = windows(self.plan.ranges, self.source, newest_first=newest_first, whole=whole)
        if self.plan.resend:
            for at in range(0, len(self.plan.resend), 500):
                self.resends.append(Resend(self.plan.resend[at : at + 500]))

    def next_job(self, key: int) -> tuple[FetchJob, Resend | None, UidRange | None] | None:
        """Give the next part to read: what must be sent again first, then the next window."""
        path = self.row.source_path
        if self.resends:
            resend = self.resends.popleft()
            return FetchJob(path, tuple((uid, uid) for uid in resend.uids), key), resend, None
        ranges = next(self._windows, None) if self._windows is not None else None
        if ranges is None:
            return None
        # What lies between the ranges of one window is covered already.
        return FetchJob(path, ranges, key), None, (ranges[0][0], ranges[-1][1])

    def flags(self, flags: Flags, uid: int) -> tuple[int, Flags]:
        """Give the flags' number in the folder's table, and those of them that the target can store (rule 19)."""
        known = self._flags.get(flags)
        if known is not None:
            return known
        sendable = self.sendable(flags)
        lost = {flag for flag in flags - self.drop_flags - sendable if flag not in SETTABLE}
        for keyword in sorted(lost - self._lost_keywords):
            self._lost_keywords.add(keyword)
            self.exceptions.append(
                self.exception(uid, ExceptionKind.LOST_KEYWORD, keyword, "the target cannot store it")
            )
        known = self._flags[flags] = (self.row.flag_sets.index_of(flags), sendable)
        return known

    def sendable(self, flags: Flags) -> Flags:
        """Give those flags that the target can store."""
        return frozenset(
            flag
            for flag in flags - self.drop_flags
            if (flag in self.permanent if flag in SETTABLE else is_keyword(flag) and self.keyword_allowed(flag))
        )

    def keyword_allowed(self, keyword: str) -> bool:
        """Say whether the target takes this keyword."""
        return self.any_keyword or keyword in self.permanent

    def exception(self, uid: int, kind: ExceptionKind, code: str, text: str, **more: object) -> ExceptionRow:
        """Make a line of the report about one message of this folder."""
        row = ExceptionRow(self.row.id, self.row.source_uid_validity, uid, kind, code, text)
        for name, value in more.items():
            setattr(row, name, value)
        return row

    def raise_floor(self, uids: list[int]) -> None:
        """Raise the floor past the chunk that is being settled, if no other is open (rule 2)."""
        if self.open_rows <= 1 and not self.in_doubt and uids:
            self.floor = max(self.floor, max(uids) + 1)
