"""UIDs that changed: the folder is matched anew against the identities in the rows, and nothing is copied twice."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.backends.base import Features, Listing, Reader, Target, Want
from mailferry.sync.identity import identity
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, ExceptionKind, FolderRow, Ledger
from mailferry.sync.leftrows import left_out_rows
from mailferry.sync.matching import Entries, entries, exact, match
from mailferry.sync.packed import NO_DIGEST, Columns, RowOutcome

_COLUMNS = Want.DATE | Want.SIZE | Want.IDENTITY


def _known(rows: Sequence[ChunkRow]) -> Columns:
    """Join what is confirmed into one set of columns."""
    joined = Columns()
    for chunk in rows:
        columns = chunk.columns
        for i in range(len(columns)):
            if columns.confirmed(i):
                joined.append(
                    columns.uids[i],
                    columns.identities[i],
                    columns.dates[i],
                    columns.sizes[i],
                    columns.digest(i),
                    columns.flags[i],
                )
                joined.target_uids[-1] = columns.target_uids[i]
                joined.outcomes[-1] = columns.outcomes[i]
    return joined


def _all(columns: Listing | Columns) -> Entries:
    return entries(columns, range(len(columns.uids)))


async def rematch_source(
    source: Reader, ledger: Ledger, row: FolderRow, validity: int, target_features: Features
) -> int:
    """The source's UIDVALIDITY changed: give the rows the new UIDs. Gives the number of messages found again. What was
    left out, by its date or because there was too much, is forgotten.
    """
    known = _known(await ledger.chunks(row.id))
    now = await source.listing(row.source_path, _COLUMNS, identify=identity)
    fresh = Columns()
    found = match(_all(now), _all(known), exact(target_features))
    for i, j in found.pairs():
        fresh.append(now.uids[i], known.identities[j], known.dates[j], known.sizes[j], known.digest(j), known.flags[j])
        fresh.target_uids[-1] = known.target_uids[j]
        fresh.outcomes[-1] = known.outcomes[j]
    over = [x.uid for x in await ledger.exceptions() if (x.folder_id, x.kind) == (row.id, ExceptionKind.OVER_LIMIT)]
    if over:
        await ledger.clear_exceptions(row.id, over, kinds=[ExceptionKind.OVER_LIMIT])
    row.source_uid_validity = validity
    row.source_uid_next_done = row.source_messages = row.source_modseq_begun = row.source_modseq_done = 0
    row.adopted = True
    await ledger.replace_chunks(row.id, [_chunk(row, fresh)], folder=row)
    return len(fresh)


async def rematch_target(target: Target, ledger: Ledger, row: FolderRow, validity: int) -> tuple[int, int]:
    """The target's UIDVALIDITY changed: look up the new UIDs. Gives (found, no longer there)."""
    rows = await ledger.chunks(row.id)
    known = _known(rows)
    there = await target.listing(row.target_path, _COLUMNS, identify=identity)
    pairs = dict(match(_all(known), _all(there), exact(target.features)).pairs())
    for i in range(len(known)):
        j = pairs.get(i)
        known.target_uids[i] = there.uids[j] if j is not None else 0
        if j is None:
            known.outcomes[i] = RowOutcome.GONE_FROM_TARGET
        elif known.outcomes[i] != RowOutcome.ADOPTED:
            known.outcomes[i] = RowOutcome.LOOKED_UP
    row.target_uid_validity = validity
    chunk = _chunk(row, known)
    covers = await ledger.covers(row.id, source_uid_validity=row.source_uid_validity)
    # First what was left out: some of it was sent later, and of two rows the later one counts.
    chunks = [*(await left_out_rows(ledger, row)), chunk]
    lost = await ledger.lost_uids(row.id)
    if lost:  # what is to be sent again stays so
        again = _chunk(row, Columns())
        for c in rows:
            for i, uid in enumerate(c.columns.uids):
                if uid in lost and c.columns.outcomes[i] == RowOutcome.LOST:
                    lost.discard(uid)
                    again.columns.append(uid, c.columns.identities[i], c.columns.dates[i], 0, NO_DIGEST, 0)
                    again.columns.outcomes[-1] = RowOutcome.LOST
        chunks.append(again)
    for cover in covers:
        extra = _chunk(row, Columns())
        extra.cover = cover
        chunks.append(extra)
    await ledger.replace_chunks(row.id, chunks, folder=row)
    return len(pairs), len(known) - len(pairs)


def _chunk(row: FolderRow, columns: Columns) -> ChunkRow:
    return ChunkRow(
        0,
        row.id,
        0,
        ChunkState.SETTLED,
        ChunkKind.ADOPT,
        "rematch",
        row.source_uid_validity,
        row.target_uid_validity,
        0,
        (0, 0),
        columns,
    )
