"""What `verify` found missing is sent again by the next copy. Only a proof of absence may undo `confirmed`."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, FolderRow, Ledger
from mailferry.sync.packed import NO_DIGEST, Columns, FlagTable, RowOutcome
from mailferry.sync.verify_match import index_of
from mailferry.sync.verify_report import NOT_IN_LEDGER, FolderReport, VerifyReport

_ROW_MESSAGES = 5_000


async def mark_for_resend(ledger: Ledger, report: VerifyReport) -> int:
    """Note the missing messages of a report as LOST, so that the next copy sends them. Gives their number.

    The report must have been made with the rows of this ledger, whose pair must be open. Left alone: messages that
    another folder of the target has (somebody moved them), folders that could not be compared or whose UIDs are
    others now, chunks whose outcome is still open, and what a copy has settled since.

    Raises Fenced, LedgerUnwritable.
    """
    rows = {row.source_raw: row for row in await ledger.folders()}
    marked = 0
    for folder in report.folders:
        row = rows.get(folder.source_raw)
        if row is None or folder.error or not folder.missing_uids or folder.ledger_seq == NOT_IN_LEDGER:
            continue
        if row.source_uid_validity == folder.source_uid_validity:
            marked += await _mark(ledger, row, folder)
    return marked


async def _mark(ledger: Ledger, row: FolderRow, folder: FolderReport) -> int:
    missing = folder.missing_uids
    last: dict[int, tuple[ChunkRow, int]] = {}  # by UID; the last row has the last word
    for chunk in await ledger.chunks(row.id):
        if chunk.source_uid_validity == row.source_uid_validity:
            for i, uid in enumerate(chunk.columns.uids):
                if index_of(missing, uid) >= 0:
                    last[uid] = (chunk, i)
    changed: dict[int, ChunkRow] = {}
    marked = 0
    for chunk, i in last.values():
        known = chunk.state is ChunkState.SETTLED and chunk.seq <= folder.ledger_seq
        if known and (chunk.columns.confirmed(i) or chunk.columns.outcomes[i] == RowOutcome.GONE_AT_SOURCE):
            chunk.columns.outcomes[i] = RowOutcome.LOST
            chunk.columns.target_uids[i] = 0
            changed[chunk.id] = chunk
            marked += 1
    if not folder.target_exists and row.target_uid_validity:
        # No row names a message of the target any more; a folder that is made anew has nothing to be matched with.
        row.target_uid_validity = 0
        await ledger.save_folder(row)
    if changed:
        await ledger.settle_many([(chunk.id, chunk.columns) for chunk in changed.values()])
    return marked + await _add_lost(ledger, row, [uid for uid in missing if uid not in last])


async def _add_lost(ledger: Ledger, row: FolderRow, uids: Sequence[int]) -> int:
    """Make rows for messages that should have one: their range was read, but the server did not hand them over."""
    for start in range(0, len(uids), _ROW_MESSAGES):
        columns = Columns()
        for uid in uids[start : start + _ROW_MESSAGES]:
            columns.append(uid, 0, -1, 0, NO_DIGEST, FlagTable.OTHER)
            columns.outcomes[-1] = RowOutcome.LOST
        chunk = ChunkRow(
            id=0,
            folder_id=row.id,
            seq=0,
            state=ChunkState.SETTLED,
            kind=ChunkKind.COPY,
            mode="verify",
            source_uid_validity=row.source_uid_validity,
            target_uid_validity=row.target_uid_validity,
            floor=0,
            cover=(0, 0),
            columns=columns,
        )
        await ledger.open_chunk(chunk)
    return len(uids)
