"""What is to be read from a folder: pure, on ranges of UIDs. A dry run is this plan printed.

No list of UIDs is needed: a message that exists in a range is handed over when the range is fetched, and a UID that was
not there when its range was read will never be (RFC 3501, 2.3.1.1). So the plan is the ranges that no row covers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence

from mailferry.backends.base import FolderStatus, UidRange
from mailferry.records import dataclass
from mailferry.sync.ledger import FolderRow
from mailferry.sync.packed import merge_ranges

LAST_UID = 0xFFFF_FFFF
WINDOW_MESSAGES = 500
FULL_COMPARE_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """`ranges` in ascending order; `resend`: UIDs whose chunk was lost; `flags`: look for flag changes, among all known
    messages or, without `all_flags`, among the newest and those that were flagged.
    """

    ranges: tuple[UidRange, ...] = ()
    resend: tuple[int, ...] = ()
    flags: bool = False
    all_flags: bool = True

    @property
    def empty(self) -> bool:
        """True if nothing is to be done."""
        return not (self.ranges or self.resend or self.flags)


def is_unchanged(row: FolderRow, status: FolderStatus) -> bool:
    """Say whether nothing can have changed on the source since the folder was last settled.

    Without mod-sequences flags may have changed in silence, unless the folder is empty.
    """
    return (status.highest_modseq > 0 or not status.messages) and (
        row.source_uid_validity == status.uid_validity
        and row.source_uid_next_done == status.uid_next > 0
        and row.source_messages == status.messages
        and row.source_modseq_done == status.highest_modseq
    )


def plan_folder(
    row: FolderRow,
    status: FolderStatus,
    covers: Collection[UidRange],
    lost: Collection[int],
    *,
    condstore: bool,
    all_flags: bool = True,
) -> FolderPlan:
    """Say what to read. `covers` and `lost` are what the rows of the present UIDVALIDITY say; `all_flags` counts only
    where the source does not tell what changed.
    """
    done = row.source_uid_next_done - 1
    ranges: tuple[UidRange, ...] = ()
    if status.messages and (not status.uid_next or status.uid_next - 1 > done or done < 0):
        ranges = tuple(subtract_ranges([(1, LAST_UID)], [*covers, (1, done)] if done > 0 else covers))
    known = bool(covers) or done > 0
    if condstore and status.highest_modseq and row.source_modseq_done:
        flags = known and status.highest_modseq != row.source_modseq_done
    else:
        flags = known and status.messages > 0
    return FolderPlan(ranges, tuple(sorted(lost)), flags, all_flags or (condstore and status.highest_modseq > 0))


def all_flags_due(row: FolderRow, full_flags: bool | None, now: float) -> bool:
    """Say whether the flags of all messages are to be compared: as told, or if a week has gone by."""
    return now - row.full_compare_at >= FULL_COMPARE_SECONDS if full_flags is None else full_flags


def windows(
    ranges: Collection[UidRange], status: FolderStatus, *, newest_first: bool, whole: bool = False
) -> Iterator[tuple[UidRange, ...]]:
    """Cut ranges into windows of about 500 messages, going by how densely the UIDs are used; `whole`: into one.

    Small ranges are put together. The last window is open at the end, so that mail which arrives meanwhile is
    taken along.
    """
    if whole and not newest_first:
        yield tuple(ranges)
        return
    top = max(status.uid_next - 1, 1)
    width = max(WINDOW_MESSAGES, WINDOW_MESSAGES * top // max(status.messages, 1))
    cut: list[tuple[UidRange, ...]] = []
    small: list[UidRange] = []
    filled = 0
    for lo, hi in ranges:
        while min(hi, top) - lo >= width:
            if small:
                cut.append(tuple(small))
                small, filled = [], 0
            cut.append(((lo, lo + width - 1),))
            lo += width
        small.append((lo, hi))
        filled += min(hi, top) - lo + 1
        if filled >= width or len(small) >= WINDOW_MESSAGES:
            cut.append(tuple(small))
            small, filled = [], 0
    if small:
        cut.append(tuple(small))
    yield from reversed(cut) if newest_first else cut


def subtract_ranges(total: Iterable[UidRange], covered: Iterable[UidRange]) -> list[UidRange]:
    """Give what of `total` is not in `covered`, as merged ranges in ascending order."""
    holes = merge_ranges(covered)
    left: list[UidRange] = []
    k = 0
    for lo, hi in merge_ranges(total):
        while k < len(holes) and holes[k][1] < lo:
            k += 1
        j = k
        while j < len(holes) and holes[j][0] <= hi:
            if holes[j][0] > lo:
                left.append((lo, holes[j][0] - 1))
            lo = holes[j][1] + 1
            j += 1
        if lo <= hi:
            left.append((lo, hi))
    return left


def within(uid: int, ranges: Sequence[UidRange]) -> bool:
    """Say whether a UID lies in one of these ranges, which ascend."""
    at = bisect_left(ranges, (uid + 1, 0)) - 1
    return at >= 0 and ranges[at][0] <= uid <= ranges[at][1]
