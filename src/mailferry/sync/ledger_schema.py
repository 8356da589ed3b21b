"""Tables of the ledger file, and how its records become rows and back. No connection, no transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mailferry.backends.base import FolderPath
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, ExceptionKind, ExceptionRow, FolderRow, Load
from mailferry.sync.packed import CONFIRMED, REVISABLE, Blobs, Columns, FlagTable, RowOutcome, Tally

APPLICATION_ID = 0x4D46_5259  # "MFRY"; SQLite keeps it in the file's header
SCHEMA_VERSION = 2
UPGRADES = {1: "ALTER TABLE folder RENAME COLUMN target_modseq TO full_compare_at"}
"""What makes a file of this version one of the next."""

# AUTOINCREMENT: an id is never given twice, so that a run whose pair or chunk was removed cannot hit its successor.
# In `chunk` the columns that are read most come first: SQLite reads a long row only as far as it is asked for.
SCHEMA = """
CREATE TABLE pair (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source_key TEXT NOT NULL, target_key TEXT NOT NULL, fence INTEGER NOT NULL,
    lease_until REAL NOT NULL, pass_no INTEGER NOT NULL, UNIQUE (source_key, target_key)
);
CREATE TABLE folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT, pair_id INTEGER NOT NULL REFERENCES pair ON DELETE CASCADE,
    source_raw BLOB NOT NULL, source_path TEXT NOT NULL, target_path TEXT NOT NULL, target_raw BLOB NOT NULL,
    reason TEXT NOT NULL, special_use TEXT NOT NULL, mailbox_id TEXT NOT NULL, made_by_us INTEGER NOT NULL,
    adopted INTEGER NOT NULL, source_uid_validity INTEGER NOT NULL, target_uid_validity INTEGER NOT NULL,
    source_uid_next_done INTEGER NOT NULL, source_messages INTEGER NOT NULL, source_modseq_begun INTEGER NOT NULL,
    source_modseq_done INTEGER NOT NULL, target_uid_next INTEGER NOT NULL, target_messages INTEGER NOT NULL,
    full_compare_at INTEGER NOT NULL, in_doubt INTEGER NOT NULL, sweep_floor INTEGER NOT NULL, flag_sets TEXT NOT NULL,
    UNIQUE (pair_id, source_raw)
);
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY AUTOINCREMENT, folder_id INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    seq INTEGER NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL, mode TEXT NOT NULL,
    source_uid_validity INTEGER NOT NULL, target_uid_validity INTEGER NOT NULL, floor INTEGER NOT NULL,
    cover_lo INTEGER NOT NULL, cover_hi INTEGER NOT NULL, opened_at REAL NOT NULL, settled_at REAL NOT NULL,
    attempts INTEGER NOT NULL, n INTEGER NOT NULL, n_confirmed INTEGER NOT NULL, n_refused INTEGER NOT NULL,
    n_lost INTEGER NOT NULL, n_revisable INTEGER NOT NULL, confirmed_bytes INTEGER NOT NULL,
    uids BLOB NOT NULL, target_uids BLOB NOT NULL, outcomes BLOB NOT NULL, flags BLOB NOT NULL, dates BLOB NOT NULL,
    sizes BLOB NOT NULL, identities BLOB NOT NULL, digests BLOB NOT NULL, UNIQUE (folder_id, seq)
);
CREATE INDEX chunk_unsettled ON chunk (folder_id) WHERE state <> 'settled';
CREATE INDEX chunk_revisable ON chunk (folder_id, seq) WHERE n_revisable > 0;
CREATE TABLE exception (
    folder_id INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE, source_uid_validity INTEGER NOT NULL,
    uid INTEGER NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL, server_text TEXT NOT NULL, subject TEXT NOT NULL,
    message_id TEXT NOT NULL, date INTEGER NOT NULL, size_bytes INTEGER NOT NULL, detail TEXT NOT NULL,
    pass_no INTEGER NOT NULL, retry INTEGER NOT NULL, topic TEXT NOT NULL,
    PRIMARY KEY (folder_id, source_uid_validity, uid, kind, topic)
) WITHOUT ROWID;
CREATE TABLE attempt (
    folder_id INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE, uid_validity INTEGER NOT NULL,
    uid INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (folder_id, uid_validity, uid)
) WITHOUT ROWID;
"""

FOLDER_COLUMNS = (
    "source_raw", "source_path", "target_path", "target_raw", "reason", "special_use", "mailbox_id", "made_by_us",
    "adopted", "source_uid_validity", "target_uid_validity", "source_uid_next_done", "source_messages",
    "source_modseq_begun", "source_modseq_done", "target_uid_next", "target_messages", "full_compare_at", "in_doubt",
    "sweep_floor", "flag_sets",
)  # fmt: skip
CHUNK_COLUMNS = (
    "state", "kind", "mode", "source_uid_validity", "target_uid_validity", "floor", "cover_lo", "cover_hi",
    "opened_at", "settled_at", "attempts",
)  # fmt: skip
TALLY_COLUMNS = ("n", "n_confirmed", "n_refused", "n_lost", "n_revisable", "confirmed_bytes")
BLOB_COLUMNS = Blobs._fields
EXCEPTION_COLUMNS = (
    "folder_id", "source_uid_validity", "uid", "kind", "code", "server_text", "subject", "message_id", "date",
    "size_bytes", "detail", "pass_no", "retry",
)  # fmt: skip
LOADED = {Load.OUTCOMES: BLOB_COLUMNS[:3], Load.FLAGS: BLOB_COLUMNS[:4], Load.ALL: BLOB_COLUMNS}


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


def _assign(columns: Sequence[str]) -> str:
    return ", ".join(f"{column} = ?" for column in columns)


INSERT_FOLDER = (
    _insert("folder", ("pair_id", *FOLDER_COLUMNS))
    + " ON CONFLICT (pair_id, source_raw) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in FOLDER_COLUMNS)
)
UPDATE_FOLDER = f"UPDATE folder SET {_assign(FOLDER_COLUMNS)} WHERE id = ? AND pair_id = ?"  # noqa: S608
SELECT_FOLDERS = f"SELECT id, {', '.join(FOLDER_COLUMNS)} FROM folder WHERE pair_id = ? ORDER BY id"  # noqa: S608
INSERT_CHUNK = _insert("chunk", ("folder_id", "seq", *CHUNK_COLUMNS, *TALLY_COLUMNS, *BLOB_COLUMNS))
SETTLE_CHUNK = f"UPDATE chunk SET {_assign(('state', 'settled_at', *TALLY_COLUMNS, *BLOB_COLUMNS))} WHERE id = ?"  # noqa: S608
SELECT_CHUNKS = {
    load: f"SELECT id, folder_id, seq, {', '.join((*CHUNK_COLUMNS, *LOADED[load]))} FROM chunk WHERE folder_id = ?"  # noqa: S608
    for load in Load
}
SUM_CHUNKS = (
    f"SELECT folder_id, {', '.join(f'SUM({column})' for column in TALLY_COLUMNS[1:])} FROM chunk"  # noqa: S608
    " WHERE folder_id IN (SELECT id FROM folder WHERE pair_id = ?) GROUP BY folder_id"
)
SAVE_EXCEPTION = _insert("exception", (*EXCEPTION_COLUMNS, "topic")).replace("INSERT", "INSERT OR REPLACE", 1)
SELECT_EXCEPTIONS = (
    f"SELECT {', '.join(f'exception.{column}' for column in EXCEPTION_COLUMNS)}"  # noqa: S608
    " FROM exception JOIN folder ON folder.id = exception.folder_id"
    " WHERE folder.pair_id = ? ORDER BY exception.folder_id, uid, exception.source_uid_validity, kind, topic"
)
NOTE_ATTEMPT = (
    "INSERT INTO attempt (folder_id, uid_validity, uid, count) VALUES (?, ?, ?, 1)"
    " ON CONFLICT (folder_id, uid_validity, uid) DO UPDATE SET count = count + 1"
)

Values = tuple[Any, ...]
"""One row as SQLite takes and gives it: its columns have types of their own, checked by the records."""


def text(value: str) -> str:
    """Make text storable: a lone surrogate (a byte of a server's answer that is no UTF-8) becomes an escape."""
    return value.encode("utf-8", "backslashreplace").decode()


def _modseq(value: int) -> int:
    """A mod-sequence has 63 bits (RFC 7162, 3.1.1); anything else counts as unknown (rule 20)."""
    return value if 0 <= value < 1 << 63 else 0


def _path(value: FolderPath) -> str:
    return json.dumps(value.parts)


def folder_values(row: FolderRow) -> Values:
    """Give values for FOLDER_COLUMNS."""
    return (
        row.source_raw, _path(row.source_path), _path(row.target_path), row.target_raw, text(row.reason),
        text(row.special_use), text(row.mailbox_id), row.made_by_us, row.adopted, row.source_uid_validity,
        row.target_uid_validity, row.source_uid_next_done, row.source_messages, _modseq(row.source_modseq_begun),
        _modseq(row.source_modseq_done), row.target_uid_next, row.target_messages, row.full_compare_at,
        row.in_doubt, row.sweep_floor, row.flag_sets.to_json(),
    )  # fmt: skip


def folder_row(values: Sequence[Any]) -> FolderRow:
    """Make a record of `id` and FOLDER_COLUMNS. Raises ValueError if it is damaged."""
    row = FolderRow(*values)
    row.source_path, row.target_path = (FolderPath(tuple(json.loads(path))) for path in values[2:4])
    row.made_by_us, row.adopted, row.in_doubt = bool(row.made_by_us), bool(row.adopted), bool(row.in_doubt)
    row.flag_sets = FlagTable.from_json(values[-1])
    return row


def chunk_values(row: ChunkRow) -> Values:
    """Give values for CHUNK_COLUMNS; `seq` is the store's to give."""
    return (
        row.state.value, row.kind.value, row.mode, row.source_uid_validity, row.target_uid_validity,
        row.floor, *row.cover, row.opened_at, row.settled_at, row.attempts,
    )  # fmt: skip


def column_values(columns: Columns) -> Values:
    """Give values for TALLY_COLUMNS and BLOB_COLUMNS. Raises ValueError for columns that were loaded in part."""
    blobs = columns.to_blobs()
    return (len(columns), *columns.tally(), *blobs)


def chunk_row(values: Sequence[Any]) -> ChunkRow:
    """Make a record of `id`, `folder_id`, `seq`, CHUNK_COLUMNS and as many BLOB_COLUMNS as were loaded.

    Raises ValueError if a blob is damaged.
    """
    (
        chunk_id, folder_id, seq, state, kind, mode, source_uid_validity, target_uid_validity, floor, cover_lo,
        cover_hi, opened_at, settled_at, attempts, *blobs,
    ) = values  # fmt: skip
    return ChunkRow(
        chunk_id, folder_id, seq, ChunkState(state), ChunkKind(kind), mode, source_uid_validity, target_uid_validity,
        floor, (cover_lo, cover_hi), Columns.from_blobs(Blobs(*blobs)), opened_at, settled_at, attempts,
    )  # fmt: skip


def exception_values(row: ExceptionRow) -> Values:
    """Give values for EXCEPTION_COLUMNS, and the topic: a message can have lost several keywords."""
    topic = text(row.code) if row.kind == ExceptionKind.LOST_KEYWORD else ""
    return (
        row.folder_id, row.source_uid_validity, row.uid, str(row.kind), text(row.code), text(row.server_text),
        text(row.subject), text(row.message_id), row.date, row.size_bytes, text(row.detail), row.pass_no, row.retry,
        topic,
    )  # fmt: skip


def exception_row(values: Sequence[Any]) -> ExceptionRow:
    """Make a record of EXCEPTION_COLUMNS."""
    row = ExceptionRow(*values)
    row.retry = bool(row.retry)
    return row


def revise(rows: Iterable[Columns]) -> tuple[Tally, set[int]]:
    """Walk rows in order of seq. Give the tally of outcomes that a later row overrules, and the UIDs whose last word
    is LOST. A UID that stands once more with outcome UNKNOWN is in doubt there, so no longer lost.

    Needs the columns `uids` and `outcomes`; sizes count as 0 if they are not loaded.
    """
    last: dict[int, tuple[int, int]] = {}
    overruled = [0] * len(Tally._fields)
    for columns in rows:
        for uid in last.keys() & columns.uids:
            outcome, size = last.pop(uid)
            is_confirmed = outcome in CONFIRMED
            overruled[0] += is_confirmed
            overruled[1] += outcome == RowOutcome.REFUSED
            overruled[2] += outcome == RowOutcome.LOST
            overruled[3] += 1
            overruled[4] += size * is_confirmed
        for kind in REVISABLE:
            for i in columns.indexes_of(kind):
                last[columns.uids[i]] = (kind, columns.sizes[i] if columns.sizes else 0)
    return Tally(*overruled), {uid for uid, (outcome, _) in last.items() if outcome == RowOutcome.LOST}
