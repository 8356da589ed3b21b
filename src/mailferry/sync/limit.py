"""The limit of items in a mailbox: the newest are taken, the rest is one range per folder, announced first.

It is decided once, before the first message is copied. New mail always passes later: refusing it would be loss.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from mailferry.backends.base import Reader, Want
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, ExceptionKind, ExceptionRow, FolderRow, Ledger
from mailferry.sync.packed import Columns


async def apply_limit(source: Reader, ledger: Ledger, rows: Sequence[FolderRow], max_items: int) -> dict[str, int]:
    """Leave out the oldest messages by INTERNALDATE. Gives their number by folder.

    A folder's range ends before its first message that is new enough, so it may keep a few older ones behind that.
    """
    listings = {row.id: await source.listing(row.source_path, Want.DATE) for row in rows}
    dates: array[int] = array("q")
    for listing in listings.values():
        dates.extend(listing.dates)
    ordered = sorted(dates)
    oldest = ordered[max(0, len(ordered) - max_items)] if max_items else ordered[-1] + 1
    left_out: dict[str, int] = {}
    for row in rows:
        listing = listings[row.id]
        count = next((i for i, date in enumerate(listing.dates) if date >= oldest), len(listing.uids))
        if not count:
            continue
        last = listing.uids[count - 1]
        chunk = ChunkRow(
            0,
            row.id,
            0,
            ChunkState.SETTLED,
            ChunkKind.ADOPT,
            "over-limit",
            row.source_uid_validity,
            row.target_uid_validity,
            0,
            (1, last),
            Columns(),
        )
        detail = {"messages": count, "first_uid": listing.uids[0], "last_uid": last}
        text = f"{count} messages are older than the newest {max_items}"
        exception = ExceptionRow(
            row.id,
            row.source_uid_validity,
            last,
            ExceptionKind.OVER_LIMIT,
            "over-limit",
            text,
            detail=json.dumps(detail),
        )
        await ledger.open_chunk(chunk, [exception])
        left_out[str(row.source_path)] = count
    return left_out


def within(uid: int, ranges: Sequence[tuple[int, int]]) -> bool:
    """Say whether a UID lies in one of these ranges, which ascend."""
    at = bisect_left(ranges, (uid + 1, 0)) - 1
    return at >= 0 and ranges[at][0] <= uid <= ranges[at][1]
