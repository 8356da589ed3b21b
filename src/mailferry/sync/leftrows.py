"""Rows of messages that a copy leaves out: packed, with UID and date, so that another pass can decide anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from mailferry.backends.base import Listing, UidRange
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, FolderRow, Ledger
from mailferry.sync.packed import NO_DIGEST, Columns, FlagTable, RowOutcome

RECEIVED: Final = "received"
LIMIT: Final = "limit"
MODES: Final = {RECEIVED: RowOutcome.LEFT_OUT, LIMIT: RowOutcome.OVER_LIMIT}
"""The modes of such rows, and the outcome of a message while it is left out."""

_ROW_MESSAGES = 5_000
_LONG_RUN = 100


async def left_out_rows(ledger: Ledger, folder: FolderRow, *modes: str) -> list[ChunkRow]:
    """Give a folder's rows of messages that were left out, of these modes or of all; some may have been sent since."""
    validity, wanted = folder.source_uid_validity, modes or tuple(MODES)
    return [c for c in await ledger.chunks(folder.id) if c.mode in wanted and c.source_uid_validity == validity]


def new_rows(folder: FolderRow, listing: Listing, indexes: Sequence[int], mode: str) -> Iterator[ChunkRow]:
    """Put the messages at ascending places of a complete listing into rows. One cover for each long run keeps later
    plans small; short runs are put together.
    """
    loose: list[int] = []
    for run in _runs(indexes):
        if len(run) < _LONG_RUN:
            loose += run
            continue
        for at in range(0, len(run), _ROW_MESSAGES):
            part = run[at : at + _ROW_MESSAGES]
            yield _row(folder, listing, part, mode, (listing.uids[part[0]], listing.uids[part[-1]]))
    for at in range(0, len(loose), _ROW_MESSAGES):
        yield _row(folder, listing, loose[at : at + _ROW_MESSAGES], mode, (0, 0))


def covers_of(listing: Listing, indexes: Sequence[int]) -> list[UidRange]:
    """Give the ranges of UIDs that hold the messages at these places, and no others."""
    return [(listing.uids[run[0]], listing.uids[run[-1]]) for run in _runs(indexes)]


def is_in(uid: int, uids: Sequence[int]) -> bool:
    """Say whether a UID is among these, which ascend. No set: a folder may have half a million messages."""
    at = bisect_left(uids, uid)
    return at < len(uids) and uids[at] == uid


def _runs(indexes: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut ascending places into those that follow each other in the listing."""
    start = 0
    for at in range(1, len(indexes) + 1):
        if at == len(indexes) or indexes[at] != indexes[at - 1] + 1:
            yield indexes[start:at]
            start = at


def _row(folder: FolderRow, listing: Listing, indexes: Sequence[int], mode: str, cover: UidRange) -> ChunkRow:
    columns = Columns()
    columns.extend([(listing.uids[i], 0, listing.dates[i], 0, NO_DIGEST, FlagTable.OTHER) for i in indexes])
    columns.outcomes[:] = bytes((MODES[mode],)) * len(indexes)
    return ChunkRow(
        0,
        folder.id,
        0,
        ChunkState.SETTLED,
        ChunkKind.ADOPT,
        mode,
        folder.source_uid_validity,
        folder.target_uid_validity,
        0,
        cover,
        columns,
    )
