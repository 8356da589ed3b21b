"""Flag changes: three ways (rule 22). The last agreed flags are in the rows; only what the source changed since is
sent, as + and -, so that the user's own changes on the target survive.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from heapq import nlargest
from itertools import chain

from mailferry.backends.base import FlagChange, Flags, Listing, Reader, Target, Want
from mailferry.sync.ledger import ChunkRow, FolderRow, Ledger, Load
from mailferry.sync.leftrows import MODES
from mailferry.sync.work import FolderWork

_FEW = 10_000  # UIDs that may be held as a set
_AHEAD = 50_000  # messages of folders that are asked for at once


class FlagsOfSource:
    """The flags of some folders on the source, asked for in the order of the folders.

    Where the source has mod-sequences one question tells a folder's changes. It is asked before the answer is needed,
    so that folders do not wait for each other; `stop` must be called in the end. Elsewhere, unless the plan wants all
    flags, those of the `newest` messages are looked at, so many, and those of what was flagged (rule 24).
    """

    def __init__(self, source: Reader, ledger: Ledger, works: Sequence[FolderWork], *, newest: int) -> None:
        self._source = source
        self._ledger = ledger
        self._newest = newest
        condstore = source.features.condstore
        self._coming = deque(w for w in works if w.plan.flags and condstore and w.row.source_modseq_done)
        self._asked: dict[int, tuple[int, asyncio.Task[Listing]]] = {}

    async def of(self, work: FolderWork) -> Listing:
        """Give the flags of a folder. Raises FolderGone, and CommandFailed if the server refuses to tell them."""
        self._ask_ahead()
        _, asked = self._asked.pop(work.row.id, (0, None))
        if asked is not None:
            return await asked
        row, first, flagged = work.row, 1, list[int]()
        if not work.plan.all_flags:
            chunks = await self._ledger.chunks(row.id, columns=Load.FLAGS)
            first, flagged = newest_and_flagged(row, chunks, self._newest)
        return await self._source.listing(row.source_path, Want.FLAGS, first_uid=first, also=flagged)

    def _ask_ahead(self) -> None:
        """All may have changed in a folder, and what has come is held: so not for any number of messages at once."""
        room = _AHEAD - sum(messages for messages, _ in self._asked.values())
        while self._coming and (room > 0 or not self._asked):
            work = self._coming.popleft()
            row, messages = work.row, work.source.messages
            asked = self._source.listing(row.source_path, Want.FLAGS, changed_since=row.source_modseq_done)
            self._asked[row.id] = messages, asyncio.ensure_future(asked)
            room -= messages

    async def stop(self) -> None:
        """Forget what was asked for and not needed."""
        asked = [task for _, task in self._asked.values()]
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def follow_flags(listing: Listing, target: Target, ledger: Ledger, work: FolderWork) -> int:
    """Carry flag changes of known messages over; `listing` has the flags on the source. Gives the number of messages
    changed on the target.
    """
    row = work.row
    if not listing.uids:
        return 0
    if not target.features.reports_new_ids:
        from mailferry.sync.doubt import find_uids

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
    chunks = [chunk for chunk in chunks if chunk.mode not in MODES]  # what is left out has no flags to follow
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
