"""Messages that the target keeps only once (Gmail does so by Message-ID): told, because fewer are there than sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mailferry.sync.ledger import ChunkKind, ChunkRow, ExceptionKind, ExceptionRow, FolderRow, Ledger, Load
from mailferry.sync.packed import RowOutcome

CODE = "merged"


async def note_merged(ledger: Ledger, row: FolderRow) -> int:
    """Find the messages of a folder that have no copy of their own, and list them as MERGED. Gives their number.

    Such a message was given the UID of another one of ours, or one below the floor: that was there before it was sent.
    """
    told = {x.uid for x in await ledger.exceptions() if x.folder_id == row.id and x.kind == ExceptionKind.MERGED}
    if not _merged(await ledger.chunks(row.id, columns=Load.OUTCOMES), told):
        return 0
    fresh: list[ExceptionRow] = []
    chunks = await ledger.chunks(row.id)
    places = _merged(chunks, told)
    for chunk, i in places:
        chunk.columns.outcomes[i] = RowOutcome.MERGED
        uid, there = chunk.columns.uids[i], chunk.columns.target_uids[i]
        text = f"merged by the server with UID {there}"
        fresh.append(ExceptionRow(row.id, row.source_uid_validity, uid, ExceptionKind.MERGED, CODE, text))
    await ledger.settle_many([(chunk.id, chunk.columns) for chunk in {chunk.id: chunk for chunk, _ in places}.values()])
    await ledger.add_exceptions(fresh)
    return len(fresh)


def _merged(chunks: Sequence[ChunkRow], told: Collection[int]) -> list[tuple[ChunkRow, int]]:
    """Give the places that own no message of the target, in order, but for those that were told."""
    seen: set[int] = set()
    found: list[tuple[ChunkRow, int]] = []
    for chunk in chunks:
        columns = chunk.columns
        for i, there in enumerate(columns.target_uids):
            if not there or not columns.confirmed(i):
                continue
            ours = chunk.kind is ChunkKind.COPY and columns.outcomes[i] != RowOutcome.ADOPTED
            shared = there in seen or there < chunk.floor or columns.outcomes[i] == RowOutcome.MERGED
            if ours and shared and columns.uids[i] not in told:
                found.append((chunk, i))
            seen.add(there)
    return found
