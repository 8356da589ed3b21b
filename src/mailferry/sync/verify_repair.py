"""What `verify` found missing is sent again by the next copy. Only a proof of absence may undo `confirmed`."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, FolderRow, Ledger
from mailferry.sync.packed import NO_DIGEST, Columns, FlagTable, RowOutcome
from mailferry.sync.verify_match import index_of
from mailferry.sync.verify_report import FolderReport, VerifyReport

_ROW_MESSAGES = 5_000


async def mark_for_resend(ledger: Ledger, report: VerifyReport) -> int:
    """Note the missing messages of a report as LOST, so that the next copy sends them. Gives their number.

    Left alone: messages that another folder of the target has (somebody moved them), folders that were not compared
    or whose UIDs on the source are others now, and chunks whose outcome is still open. The ledger's pair must be
    open; a copy that ran since the report was made does no harm, as what it settled anew has other UIDs.

    Raises Fenced, LedgerUnwritable.
    """
    rows = {row.source_raw: row for row in await ledger.folders()}
    marked = 0
    for folder in report.folders:
        row = rows.get(folder.source_raw)
        if row is None or folder.error or not folder.missing_uids:
            continue
        if row.source_uid_validity == folder.source_uid_validity:
            marked += await _mark(ledger, row, folder)
    return marked


async def _mark(ledger: Ledger, row: FolderRow, folder: FolderReport) -> int:
    missing = folder.missing_uids
    last: dict[int, tuple[int, int]] = {}  # UID to chunk and place; the last row has the last word
    chunks = [c for c in await ledger.chunks(row.id) if c.source_uid_validity == row.source_uid_validity]
    for number, chunk in enumerate(chunks):
        for i, uid in enumerate(chunk.columns.uids):
            if index_of(missing, uid) >= 0:
                last[uid] = (number, i)
    changed: dict[int, ChunkRow] = {}
    marked = 0
    for number, i in last.values():
        chunk = chunks[number]
        if chunk.state is ChunkState.SETTLED and chunk.columns.confirmed(i):
            chunk.columns.outcomes[i] = RowOutcome.LOST
            chunk.columns.target_uids[i] = 0
            changed[chunk.id] = chunk
            marked += 1
    if changed:
        await ledger.settle_many([(chunk.id, chunk.columns) for chunk in changed.values()])
    return marked + await _add_lost(ledger, row, [uid for uid in missing if uid not in last])


async def _add_lost(ledger: Ledger, row: FolderRow, uids: Sequence[int]) -> int:
    """Make rows for messages that should have one: a range was read, but the server did not hand them over."""
    for start in range(0, len(uids), _ROW_MESSAGES):
        columns = Columns()
        for uid in uids[start : start + _ROW_MESSAGES]:
            columns.append(uid, 0, -1, 0, NO_DIGEST, FlagTable.OTHER)
            columns.outcomes[-1] = RowOutcome.LOST
        await ledger.open_chunk(
            ChunkRow(
                0,
                row.id,
                0,
                ChunkState.SETTLED,
                ChunkKind.COPY,
                "verify",
                row.source_uid_validity,
                row.target_uid_validity,
                0,
                (0, 0),
                columns,
            )
        )
    return len(uids)
