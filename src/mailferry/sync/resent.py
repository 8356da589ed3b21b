"""After messages were sent once more: what the source does not have any more is not asked for again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mailferry.backends.base import Reader, Want
from mailferry.sync.ledger import ChunkRow, ExceptionKind, FolderRow, Ledger, Load
from mailferry.sync.leftrows import MODES, is_in
from mailferry.sync.packed import NO_DIGEST, Columns, FlagTable, RowOutcome

_LISTED = frozenset((ExceptionKind.SKIPPED, ExceptionKind.CANNOT_BE_CARRIED))


async def settle_resent(source: Reader, ledger: Ledger, folder: FolderRow, asked: Collection[int]) -> None:
    """Settle what is known now of the messages that were asked for again: those that are still LOST and no longer on
    the source are gone. Rows of what was left out let go of what was sent since, or is listed in the report, so that
    later passes need not look through them.
    """
    lost = await ledger.lost_uids(folder.id)
    gone = await _gone(source, folder, sorted(lost.intersection(asked)))
    lost -= gone
    of_folder = folder.id, folder.source_uid_validity
    for row in await ledger.exceptions():
        if (row.folder_id, row.source_uid_validity) == of_folder and row.kind in _LISTED:
            lost.discard(row.uid)
    chunks = [c for c in await ledger.chunks(folder.id, columns=Load.OUTCOMES) if _settled(c, gone, lost)]
    if not chunks:
        return
    ids = {chunk.id for chunk in chunks}
    changed: list[tuple[int, Columns]] = []
    for chunk in [c for c in await ledger.chunks(folder.id) if c.id in ids]:
        places = _settled(chunk, gone, lost)
        if chunk.mode in MODES:
            changed.append((chunk.id, _without(chunk.columns, places)))
            continue
        for i in places:
            chunk.columns.outcomes[i] = RowOutcome.GONE_AT_SOURCE
        changed.append((chunk.id, chunk.columns))
    await ledger.settle_many(changed)


async def _gone(source: Reader, folder: FolderRow, lost: Sequence[int]) -> set[int]:
    if not lost:
        return set()
    listing = await source.listing(folder.source_path, Want(0), first_uid=lost[0])
    if listing.truncated or listing.status.uid_validity != folder.source_uid_validity:
        return set()
    return {uid for uid in lost if not is_in(uid, listing.uids)}


def _settled(chunk: ChunkRow, gone: Collection[int], lost: Collection[int]) -> list[int]:
    """Give the places of a row that say LOST and need not: in a row of what was left out, all that is not lost."""
    columns = chunk.columns
    left_out = chunk.mode in MODES
    return [
        i
        for i in columns.indexes_of(RowOutcome.LOST)
        if columns.uids[i] in gone or (left_out and columns.uids[i] not in lost)
    ]


def _without(columns: Columns, places: Sequence[int]) -> Columns:
    """Give the columns of a row of what was left out, without these places."""
    dropped = set(places)
    kept = [i for i in range(len(columns)) if i not in dropped]
    made = Columns()
    made.extend([(columns.uids[i], 0, columns.dates[i], 0, NO_DIGEST, FlagTable.OTHER) for i in kept])
    made.outcomes[:] = bytes(columns.outcomes[i] for i in kept)
    return made
