"""The limit of items in a mailbox: the newest are taken, the rest is one range per folder, announced first.

It is decided once, before the first message is copied. New mail always passes later: refusing it would be loss.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from mailferry.backends.base import FolderStatus, Reader, UidRange, Want
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, ExceptionKind, ExceptionRow, FolderRow, Ledger
from mailferry.sync.packed import Columns, merge_ranges

CODE = "over-limit"
_MOST_RANGES = 200


async def must_choose(
    ledger: Ledger, folders: Sequence[tuple[FolderRow, FolderStatus]], max_items: int, *, begun: bool
) -> bool:
    """Say whether the newest are to be chosen now: before anything is copied (not `begun`), and again when the limit
    was raised. What a smaller limit left out is then forgotten.
    """
    lifted = await lift_limit(ledger, [row for row, _ in folders], max_items)
    return (lifted or not begun) and sum(status.messages for _, status in folders) > max_items


async def apply_limit(source: Reader, ledger: Ledger, rows: Sequence[FolderRow], max_items: int) -> dict[int, int]:
    """Leave out the oldest messages by INTERNALDATE. Gives their number by folder id.

    Where old and new mail alternate too often in the order of UIDs, a folder keeps some older ones: its range then ends
    before its first message that is new enough.
    """
    listings = {row.id: await source.listing(row.source_path, Want.DATE) for row in rows}
    dates: array[int] = array("q")
    for listing in listings.values():
        dates.extend(listing.dates)
    ordered = sorted(dates)
    oldest = ordered[max(0, len(ordered) - max_items)] if max_items else ordered[-1] + 1
    left_out: dict[int, int] = {}
    for row in rows:
        listing = listings[row.id]
        old = [uid for uid, date in zip(listing.uids, listing.dates, strict=True) if date < oldest]
        ranges = merge_ranges((uid, uid) for uid in old)
        if len(ranges) > _MOST_RANGES:
            first_new = next(i for i, date in enumerate(listing.dates) if date >= oldest)
            old = list(listing.uids[:first_new])
            ranges = [(old[0], old[-1])] if old else []
        if not old:
            continue
        detail = {"messages": len(old), "first_uid": old[0], "last_uid": old[-1], "max_items": max_items}
        text = f"{len(old)} messages are older than the newest {max_items}"
        exception = ExceptionRow(
            row.id, row.source_uid_validity, old[-1], ExceptionKind.OVER_LIMIT, CODE, text, detail=json.dumps(detail)
        )
        for k, cover in enumerate(ranges):
            await ledger.open_chunk(_left_out(row, cover), [exception] if k == 0 else [])
        left_out[row.id] = len(old)
    return left_out


def _left_out(row: FolderRow, cover: UidRange) -> ChunkRow:
    """Make a row without messages that answers for a range."""
    return ChunkRow(
        0,
        row.id,
        0,
        ChunkState.SETTLED,
        ChunkKind.ADOPT,
        CODE,
        row.source_uid_validity,
        row.target_uid_validity,
        0,
        cover,
        Columns(),
    )


async def lift_limit(ledger: Ledger, rows: Sequence[FolderRow], max_items: int) -> bool:
    """Forget what a smaller limit left out, so that it is chosen anew. Says whether there was any."""
    by_folder = {row.folder_id: row for row in await ledger.exceptions() if row.kind == ExceptionKind.OVER_LIMIT}
    lifted = False
    for row in rows:
        exception = by_folder.get(row.id)
        if exception is None or json.loads(exception.detail).get("max_items", 0) >= max_items:
            continue
        lifted = True
        row.source_uid_next_done = 0
        kept = [chunk for chunk in await ledger.chunks(row.id) if chunk.mode != CODE]
        await ledger.replace_chunks(row.id, kept, folder=row)
        await ledger.clear_exceptions(row.id, [exception.uid], kinds=[ExceptionKind.OVER_LIMIT])
    return lifted


def over_limit(exceptions: Sequence[ExceptionRow]) -> dict[int, int]:
    """Give the number of messages left out, by folder id."""
    rows = [row for row in exceptions if row.kind == ExceptionKind.OVER_LIMIT]
    return {row.folder_id: int(json.loads(row.detail)["messages"]) for row in rows}


def within(uid: int, ranges: Sequence[tuple[int, int]]) -> bool:
    """Say whether a UID lies in one of these ranges, which ascend."""
    at = bisect_left(ranges, (uid + 1, 0)) - 1
    return at >= 0 and ranges[at][0] <= uid <= ranges[at][1]
