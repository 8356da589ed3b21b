"""Flag changes: three ways (rule 22). The last agreed flags are in the rows; only what the source changed since is
sent, as + and -, so that the user's own changes on the target survive.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from heapq import nlargest
from itertools import chain

from mailferry.backends.base import FlagChange, Flags, Reader, Target, Want
from mailferry.sync.doubt import find_uids
from mailferry.sync.ledger import ChunkRow, FolderRow, Ledger, Load
from mailferry.sync.work import FolderWork

_FEW = 10_000  # UIDs that may be held as a set


async def follow_flags(
    source: Reader, target: Target, ledger: Ledger, work: FolderWork, *, changed_since: int, newest: int
) -> int:
    """Carry flag changes of known messages over. Gives the number of messages changed on the target.

    `changed_since` is a mod-sequence, 0 where the source has none. Then, unless the plan wants all flags, those of so
    many of the newest messages are looked at, and those of what was flagged (rule 24).
    """
    row = work.row
    first, flagged = 1, list[int]()
    if not changed_since and not work.plan.all_flags:
        first, flagged = newest_and_flagged(row, await ledger.chunks(row.id, columns=Load.FLAGS), newest)
    listing = await source.listing(
        row.source_path, Want.FLAGS, first_uid=first, also=flagged, changed_since=changed_since
    )
    if not listing.uids:
        return 0
    if not target.features.reports_new_ids:
        await find_uids(target, ledger, row)
    chunks = await ledger.chunks(row.id, columns=Load.FLAGS)
    told = frozenset(listing.uids) if len(listing.uids) <= _FEW else None
    changes: dict[tuple[Flags, Flags], list[int]] = {}
    updates: list[tuple[ChunkRow, array[int]]] = []
    changed = 0
    for chunk in chunks:
        columns = chunk.columns
        if told is not None and told.isdisjoint(columns.uids):
            continue  # a few changes, or new mail only: nearly all chunks of a large folder
        fresh: array[int] | None = None
        for i, uid in enumerate(columns.uids):
            at = bisect_left(listing.uids, uid)  # no dict: a folder may have half a million messages
            if at == len(listing.uids) or listing.uids[at] != uid or not columns.confirmed(i):
                continue
            flags = listing.flags[at]
            before = row.flag_sets.flags_of(columns.flags[i])
            if before == flags:
                continue
            old, new = work.sendable(before or frozenset()), work.sendable(flags)
            uid_there = columns.target_uids[i]
            if uid_there and old != new:
                changes.setdefault((new - old, old - new), []).append(uid_there)
                changed += 1
            if uid_there or old == new:
                fresh = fresh if fresh is not None else array("H", columns.flags)
                fresh[i] = row.flag_sets.index_of(flags)
        if fresh is not None:
            updates.append((chunk, fresh))
    if changes:
        await target.change_flags(
            row.target_path, [FlagChange(sorted(uids), add, remove) for (add, remove), uids in changes.items()]
        )
    for chunk, fresh in updates:
        await ledger.update_flags(chunk.id, fresh, flag_sets=row.flag_sets)
    return changed


def newest_and_flagged(row: FolderRow, chunks: Sequence[ChunkRow], newest: int) -> tuple[int, list[int]]:
    """Give the first UID of the newest known messages, so many, and the older ones that were flagged, ascending.

    `chunks` need the columns up to the flags.
    """
    largest = nlargest(newest, chain.from_iterable(chunk.columns.uids for chunk in chunks))
    if len(largest) < newest:
        return 1, []
    first = largest[-1]
    sets = {i for i in range(len(row.flag_sets)) if "\\Flagged" in (row.flag_sets.flags_of(i) or ())}
    flagged = {
        uid
        for chunk in chunks
        for uid, flag_set in zip(chunk.columns.uids, chunk.columns.flags, strict=True)
        if uid < first and flag_set in sets
    }
    return first, sorted(flagged)
