"""Mail that is on the target already: matched before anything is copied, so no second run, re-created batch or run
after another tool adds a duplicate. Two identical messages are two: matching is counting.
"""

from __future__ import annotations

from mailferry.backends.base import Reader, Target, Want
from mailferry.sync.identity import identity
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, FolderRow, Ledger
from mailferry.sync.matching import entries, exact, match
from mailferry.sync.packed import NO_DIGEST, Columns, RowOutcome

_COLUMNS = Want.DATE | Want.SIZE | Want.IDENTITY
_ROW_MESSAGES = 5_000


async def adopt(source: Reader, target: Target, ledger: Ledger, row: FolderRow) -> int:
    """Match a folder's messages with what the target folder holds; note the pairs. Gives their number.

    Flags of adopted mail count as agreed as they are on the source: the target's own are left alone.
    """
    theirs = await target.listing(row.target_path, _COLUMNS, identify=identity)
    ours = await source.listing(row.source_path, _COLUMNS | Want.FLAGS, identify=identity)
    taken = await _owned(ledger, row)
    free_ours = [i for i, uid in enumerate(ours.uids) if uid not in taken[0]]
    free_theirs = [j for j, uid in enumerate(theirs.uids) if uid not in taken[1]]
    found = match(entries(ours, free_ours), entries(theirs, free_theirs), exact(target.features))
    pairs = [(free_ours[i], free_theirs[j]) for i, j in found.pairs()]
    at_once: list[ChunkRow] = []
    for start in range(0, len(pairs), _ROW_MESSAGES):
        columns = Columns()
        for i, j in pairs[start : start + _ROW_MESSAGES]:
            flags = row.flag_sets.index_of(ours.flags[i])
            columns.append(ours.uids[i], ours.identities[i], ours.dates[i], ours.sizes[i], NO_DIGEST, flags)
            columns.target_uids[-1] = theirs.uids[j]
            columns.outcomes[-1] = RowOutcome.ADOPTED
        at_once.append(
            ChunkRow(
                0,
                row.id,
                0,
                ChunkState.SETTLED,
                ChunkKind.ADOPT,
                "adopt",
                row.source_uid_validity,
                theirs.status.uid_validity,
                0,
                (0, 0),
                columns,
            )
        )
    for chunk in at_once:
        await ledger.open_chunk(chunk, flag_sets=row.flag_sets)
    row.adopted = True
    await ledger.save_folder(row)
    return len(pairs)


async def _owned(ledger: Ledger, row: FolderRow) -> tuple[set[int], set[int]]:
    """Source and target UIDs that rows speak for already (an adoption that was interrupted). What is over the limit of
    items may be on the target all the same.
    """
    source: set[int] = set()
    target: set[int] = set()
    for chunk in await ledger.chunks(row.id):
        columns = chunk.columns
        pairs = zip(columns.uids, columns.outcomes, strict=True)
        source.update(uid for uid, outcome in pairs if outcome != RowOutcome.OVER_LIMIT)
        target.update(uid for uid in columns.target_uids if uid)
    return source, target
