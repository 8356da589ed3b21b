"""Flag changes: three ways (rule 22). The last agreed flags are in the rows; only what the source changed since is
sent, as + and -, so that the user's own changes on the target survive.
"""

from __future__ import annotations

from array import array

from mailferry.backends.base import FlagChange, Flags, Reader, Target, Want
from mailferry.sync.doubt import find_uids
from mailferry.sync.ledger import ChunkRow, Ledger, Load
from mailferry.sync.work import FolderWork


async def follow_flags(source: Reader, target: Target, ledger: Ledger, work: FolderWork, *, changed_since: int) -> int:
    """Carry flag changes of known messages over. Gives the number of messages changed on the target."""
    row = work.row
    listing = await source.listing(row.source_path, Want.FLAGS, changed_since=changed_since)
    if not listing.uids:
        return 0
    if not target.features.reports_new_ids:
        await find_uids(target, ledger, row)
    now = dict(zip(listing.uids, listing.flags, strict=True))
    chunks = await ledger.chunks(row.id, columns=Load.FLAGS)
    changes: dict[tuple[Flags, Flags], list[int]] = {}
    updates: list[tuple[ChunkRow, array[int]]] = []
    changed = 0
    for chunk in chunks:
        columns = chunk.columns
        fresh: array[int] | None = None
        for i, uid in enumerate(columns.uids):
            flags = now.get(uid)
            if flags is None or not columns.confirmed(i):
                continue
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
