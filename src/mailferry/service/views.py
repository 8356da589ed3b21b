"""What the service shows: a record together with the figures that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailferry.migration.model import Batch, Durations, ReportLine, SkippedItem, User
from mailferry.migration.states import USER_ACTIONS, Action, Counts, StatusSummary, UserStatus


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of the rows of a CSV that was given to a batch.

    `corrected`: they gave a user another login or password. `unchanged`: they say what is known. `ignored`: they say
    something else, but a pass of the user runs, or the user is completed
    or being removed. `left_out`: they are in error.
    """

    added: int = 0
    corrected: int = 0
    unchanged: int = 0
    ignored: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch, its numbers of users, and the sums over them.

    `synced`: users whose initial sync is done and who are kept in sync; `finalized`: completed ones; `percentage`: the
    mean of the users' percentages. `row_errors`: lines of the CSV that were not taken.
    """

    batch: Batch
    total: int = 0
    active: int = 0
    synced: int = 0
    finalized: int = 0
    failed: int = 0
    stopped: int = 0
    percentage: int = 0
    items_found: int = 0
    items_synced: int = 0
    items_skipped: int = 0
    bytes_found: int = 0
    bytes_synced: int = 0
    consistency: str = ""
    row_errors: int = 0

    @property
    def by_summary(self) -> dict[StatusSummary, int]:
        """Users of each group of states."""
        return {
            StatusSummary.ACTIVE: self.active,
            StatusSummary.SYNCED: self.synced,
            StatusSummary.COMPLETED: self.finalized,
            StatusSummary.STOPPED: self.stopped,
            StatusSummary.FAILED: self.failed,
        }


@dataclass(frozen=True, slots=True)
class BatchWithRows(BatchView):
    """A batch to which rows were just given, and what became of them."""

    rows: RowCounts = field(default_factory=RowCounts)

    @classmethod
    def of(cls, view: BatchView, rows: RowCounts) -> BatchWithRows:
        """Put both together."""
        return cls(**{name: getattr(view, name) for name in BatchView.__dataclass_fields__}, rows=rows)


@dataclass(frozen=True, slots=True)
class UserStatistics:
    """All about one user (section "statistics" of docs/service.md). Rates are bytes; `report`, `skipped_items` None
    where they were not asked for.
    """

    user: User
    percentage: int
    durations: Durations
    bytes_per_hour: float
    bytes_per_minute: float
    skipped_items: list[SkippedItem] | None = None
    report: list[ReportLine] | None = None


@dataclass(frozen=True, slots=True)
class RowErrorView:
    """One line of a CSV that was not taken, and why. `cells` has no passwords."""

    line: int
    column: str
    code: str
    message: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class ServiceStatistics:
    """Totals over all batches."""

    batches: int
    total: int
    synced: int
    finalized: int
    failed: int
    stopped: int
    active: int
    items_synced: int
    bytes_synced: int


def waits_after_error(user: User) -> bool:
    """Tell whether a user waits to be tried again, so that a start means: now."""
    return bool(user.stalled_reason) and not user.claimed_by and user.next_kind is not None


def user_actions(user: User) -> list[Action]:
    """Give what may be asked of a user now."""
    allowed = [action for action in Action if user.status in USER_ACTIONS[action]]
    return [Action.START, *allowed] if waits_after_error(user) and Action.START not in allowed else allowed


def numbers(counts: Counts) -> dict[str, int]:
    """Give the counts that BatchView has, by field name."""
    return {
        "total": counts.total,
        "active": counts.of(StatusSummary.ACTIVE) - counts[UserStatus.REMOVING],
        "synced": counts.of(StatusSummary.SYNCED),
        "finalized": counts.of(StatusSummary.COMPLETED),
        "failed": counts.of(StatusSummary.FAILED),
        "stopped": counts.of(StatusSummary.STOPPED),
    }
