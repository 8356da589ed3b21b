"""The ledger as one SQLite file. Its contract is `Ledger`; the docstrings are there."""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mailferry.backends.base import UidRange
from mailferry.sync.ledger import (
    ChunkRow,
    ChunkState,
    ExceptionRow,
    Fenced,
    FolderCounts,
    FolderRow,
    LedgerUnreadable,
    Load,
    Pair,
)
from mailferry.sync.ledger_file import LedgerFile, LedgerPath, Work
from mailferry.sync.ledger_schema import (
    INSERT_CHUNK,
    INSERT_FOLDER,
    NOTE_ATTEMPT,
    SAVE_EXCEPTION,
    SELECT_CHUNKS,
    SELECT_EXCEPTIONS,
    SELECT_FOLDERS,
    SETTLE_CHUNK,
    SUM_CHUNKS,
    UPDATE_FOLDER,
    chunk_row,
    chunk_values,
    column_values,
    exception_row,
    exception_values,
    folder_row,
    folder_values,
    revise,
    text,
)
from mailferry.sync.packed import Blobs, Columns, FlagTable, Tally, merge_ranges, pack

Result = TypeVar("Result")
Connection = sqlite3.Connection


@dataclass(frozen=True, slots=True)
class _Held:
    pair: Pair
    lease_seconds: float


class SqliteLedger:
    """A `Ledger` in an SQLite file, or in memory (":memory:"). All pairs of a user may share one file.

    Records are packed when a method is called, so the caller may change them while it waits. `clock` gives seconds
    since 1970. `steps` is called as "ledger: NAME: before commit" and "ledger: NAME: after commit", in the ledger's
    own thread. Another process is waited for at most `busy_timeout_seconds`.
    """

    def __init__(
        self,
        path: LedgerPath,
        *,
        clock: Callable[[], float] = time.time,
        steps: Callable[[str], None] = lambda step: None,
        busy_timeout_seconds: float = 30.0,
    ) -> None:
        self._file = LedgerFile(path, steps, busy_timeout_seconds)
        self._clock = clock
        self._held: _Held | None = None
        self._stored_sets: dict[int, int] = {}  # folder id to the length of its flag table as stored

    # --- the pair ------------------------------------------------------------------------------------

    async def open_pair(self, source_key: str, target_key: str, lease_seconds: float) -> Pair:
        keys = (text(source_key), text(target_key))

        def change(db: Connection) -> Pair:
            db.execute(
                "INSERT INTO pair (source_key, target_key, fence, lease_until, pass_no) VALUES (?, ?, 1, ?, 1)"
                " ON CONFLICT (source_key, target_key) DO UPDATE"
                " SET fence = fence + 1, pass_no = pass_no + 1, lease_until = excluded.lease_until",
                (*keys, self._clock() + lease_seconds),
            )
            found = db.execute("SELECT id, fence, pass_no FROM pair WHERE source_key = ? AND target_key = ?", keys)
            return Pair(*found.fetchone())

        pair = await self._file.write("open pair", change, durable=True)
        self._held = _Held(pair, lease_seconds)
        self._stored_sets.clear()
        return pair

    async def renew_lease(self) -> None:
        held = self._opened()

        def change(db: Connection) -> None:
            until = self._clock() + held.lease_seconds
            db.execute("UPDATE pair SET lease_until = ? WHERE id = ?", (until, held.pair.id))

        await self._write("renew lease", change)

    async def close(self) -> None:
        await self._file.close()

    async def remove_pair(self, source_key: str, target_key: str) -> bool:
        keys = (text(source_key), text(target_key))

        def change(db: Connection) -> bool:
            return db.execute("DELETE FROM pair WHERE source_key = ? AND target_key = ?", keys).rowcount > 0

        return await self._file.write("remove pair", change, durable=True)

    def _opened(self) -> _Held:
        if self._held is None:
            raise RuntimeError("open_pair comes first")
        return self._held

    async def _write(self, step: str, change: Work[Result], *, durable: bool = False, leased: bool = False) -> Result:
        """Do `change` if the pair is still ours and, when `leased`, our lease has not ended."""
        pair = self._opened().pair

        def fenced(db: Connection) -> Result:
            found = db.execute("SELECT fence, lease_until FROM pair WHERE id = ?", (pair.id,)).fetchone()
            if found is None or found[0] != pair.fence:
                raise Fenced("(another run opened or removed this pair of mailboxes)")
            if leased and self._clock() >= found[1]:
                raise Fenced("(the lease of this run has ended)")
            return change(db)

        return await self._file.write(step, fenced, durable=durable)

    # --- folders -------------------------------------------------------------------------------------

    async def folders(self) -> list[FolderRow]:
        pair = self._opened().pair
        return await self._file.read(lambda db: list(_decoded(folder_row, db.execute(SELECT_FOLDERS, (pair.id,)))))

    async def save_folder(self, row: FolderRow) -> FolderRow:
        return (await self.save_folders([row]))[0]

    async def save_folders(self, rows: Sequence[FolderRow]) -> list[FolderRow]:
        put = self._putting(rows)
        ids = await self._write("save folders", put, durable=True)
        self._put_done(rows, ids)
        return list(rows)

    def _putting(self, rows: Sequence[FolderRow]) -> Work[list[int]]:
        pair_id = self._opened().pair.id
        packed = [(row.id, row.source_raw, folder_values(row)) for row in rows]
        # Names may be swapped between rows, so all that change step aside first.
        moved = [(folder_id, raw) for folder_id, raw, _ in packed if folder_id]

        def put(db: Connection) -> list[int]:
            db.executemany("UPDATE folder SET source_raw = x'00' || id WHERE id = ? AND source_raw <> ?", moved)
            ids = []
            for folder_id, raw, values in packed:
                if folder_id:
                    _hit(db.execute(UPDATE_FOLDER, (*values, folder_id, pair_id)), f"no folder {folder_id}")
                else:
                    db.execute(INSERT_FOLDER, (pair_id, *values))
                    found = db.execute("SELECT id FROM folder WHERE pair_id = ? AND source_raw = ?", (pair_id, raw))
                    folder_id = found.fetchone()[0]
                ids.append(folder_id)
            return ids

        return put

    def _put_done(self, rows: Sequence[FolderRow], ids: Sequence[int]) -> None:
        for row, folder_id in zip(rows, ids, strict=True):
            row.id = folder_id
            self._stored_sets.pop(folder_id, None)  # the table may have grown since it was packed

    async def delete_folder(self, folder_id: int) -> None:
        await self._write("delete folder", _executing("DELETE FROM folder WHERE id = ?", (folder_id,)), durable=True)

    # --- chunks --------------------------------------------------------------------------------------

    async def open_chunk(
        self, row: ChunkRow, exceptions: Sequence[ExceptionRow] = (), *, flag_sets: FlagTable | None = None
    ) -> int:
        row.opened_at = self._clock()
        if row.state is ChunkState.SETTLED:
            row.settled_at = row.opened_at
        insert = _inserting(row)
        told = [exception_values(exception) for exception in exceptions]
        grow, length = self._growing(row.folder_id, flag_sets)

        def change(db: Connection) -> tuple[int, int]:
            grow(db)
            db.executemany(SAVE_EXCEPTION, told)
            return insert(db)

        row.id, row.seq = await self._write("open chunk", change, durable=True, leased=True)
        self._stored_sets[row.folder_id] = length
        return row.id

    def _growing(self, folder_id: int, flag_sets: FlagTable | None) -> tuple[Work[None], int]:
        """Give the change that stores a flag table, if it has grown, and its length once that is done."""
        stored = self._stored_sets.get(folder_id, 0)
        if flag_sets is None or len(flag_sets) <= stored:
            return (lambda db: None), stored
        change = _executing("UPDATE folder SET flag_sets = ? WHERE id = ?", (flag_sets.to_json(), folder_id))
        return change, len(flag_sets)

    async def settle_chunk(self, chunk_id: int, columns: Columns, state: ChunkState = ChunkState.SETTLED) -> None:
        await self._settle([(chunk_id, columns)], state)

    async def settle_many(self, chunks: Sequence[tuple[int, Columns]]) -> None:
        await self._settle(chunks, ChunkState.SETTLED)

    async def _settle(self, chunks: Sequence[tuple[int, Columns]], state: ChunkState) -> None:
        settled_at = self._clock() if state is ChunkState.SETTLED else 0.0
        packed = [(state.value, settled_at, *column_values(columns), chunk_id) for chunk_id, columns in chunks]

        def change(db: Connection) -> None:
            for values in packed:
                _hit(db.execute(SETTLE_CHUNK, values), f"no chunk {values[-1]}")

        await self._write("settle chunks", change)

    async def chunks(
        self, folder_id: int, *, states: Collection[ChunkState] | None = None, columns: Load = Load.ALL
    ) -> list[ChunkRow]:
        names = tuple(ChunkState if states is None else states)
        query = f"{SELECT_CHUNKS[columns]} AND state IN ({', '.join('?' * len(names))}) ORDER BY seq"
        values = (folder_id, *(state.value for state in names))
        return await self._file.read(lambda db: list(_decoded(chunk_row, db.execute(query, values))))

    async def covers(self, folder_id: int, *, source_uid_validity: int | None = None) -> list[UidRange]:
        query = (
            "SELECT cover_lo, cover_hi FROM chunk WHERE folder_id = ?1 AND cover_hi > 0"
            " AND (?2 IS NULL OR source_uid_validity = ?2)"
        )
        return await self._file.read(lambda db: merge_ranges(db.execute(query, (folder_id, source_uid_validity))))

    async def lost_uids(self, folder_id: int) -> set[int]:
        def read(db: Connection) -> set[int]:
            return revise(_revisable(db, folder_id))[1]

        return await self._file.read(read)

    async def unsettled_folders(self) -> set[int]:
        query = (
            "SELECT DISTINCT folder_id FROM chunk JOIN folder ON folder.id = folder_id"
            " WHERE pair_id = ? AND state <> 'settled'"
        )
        pair = self._opened().pair
        return await self._file.read(lambda db: {row[0] for row in db.execute(query, (pair.id,))})

    async def update_flags(self, chunk_id: int, flags: array[int], *, flag_sets: FlagTable | None = None) -> None:
        packed = pack(flags)
        json_text = None if flag_sets is None else flag_sets.to_json()

        def change(db: Connection) -> None:
            found = db.execute("SELECT n, folder_id FROM chunk WHERE id = ?", (chunk_id,)).fetchone()
            if found is None:
                raise LookupError(f"no chunk {chunk_id}")
            if len(packed) != 2 * found[0]:
                raise ValueError(f"chunk {chunk_id} has {found[0]} messages")
            db.execute("UPDATE chunk SET flags = ? WHERE id = ?", (packed, chunk_id))
            if json_text is not None:
                db.execute("UPDATE folder SET flag_sets = ? WHERE id = ?", (json_text, found[1]))

        await self._write("update flags", change)

    async def replace_chunks(self, folder_id: int, rows: Sequence[ChunkRow], *, folder: FolderRow | None = None) -> None:
        put = self._putting([folder] if folder is not None else [])
        inserts = [_inserting(row, folder_id) for row in rows]

        def change(db: Connection) -> list[tuple[int, int]]:
            put(db)
            db.execute("DELETE FROM chunk WHERE folder_id = ?", (folder_id,))
            return [insert(db) for insert in inserts]

        stored = await self._write("replace chunks", change, durable=True)
        if folder is not None:
            self._put_done([folder], [folder_id])
        for row, (row.id, row.seq) in zip(rows, stored, strict=True):
            row.folder_id = folder_id

    # --- the report ----------------------------------------------------------------------------------

    async def add_exceptions(self, rows: Sequence[ExceptionRow]) -> None:
        packed = [exception_values(row) for row in rows]

        def change(db: Connection) -> None:
            db.executemany(SAVE_EXCEPTION, packed)

        await self._write("add exceptions", change)

    async def exceptions(self) -> list[ExceptionRow]:
        pair = self._opened().pair
        return await self._file.read(
            lambda db: list(_decoded(exception_row, db.execute(SELECT_EXCEPTIONS, (pair.id,))))
        )

    async def clear_exceptions(self, folder_id: int, uids: Collection[int], *, kinds: Collection[str] = ()) -> None:
        only = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        values = [(folder_id, uid, *map(str, kinds)) for uid in uids]

        def change(db: Connection) -> None:
            db.executemany("DELETE FROM exception WHERE folder_id = ? AND uid = ?" + only, values)

        await self._write("clear exceptions", change)

    async def note_attempts(self, folder_id: int, uid_validity: int, uids: Collection[int]) -> dict[int, int]:
        wanted = list(uids)

        def change(db: Connection) -> dict[int, int]:
            key = (folder_id, uid_validity)
            db.execute("DELETE FROM attempt WHERE folder_id = ? AND uid_validity <> ?", key)
            db.executemany(NOTE_ATTEMPT, [(*key, uid) for uid in wanted])
            counts = _attempts(db, folder_id)
            return {uid: counts[uid] for uid in wanted}

        return await self._write("note attempts", change, durable=True)

    async def attempts(self, folder_id: int) -> dict[int, int]:
        return await self._file.read(lambda db: _attempts(db, folder_id))

    async def counts(self) -> dict[int, FolderCounts]:
        query = f"{SUM_CHUNKS} WHERE folder_id IN (SELECT id FROM folder WHERE pair_id = ?) GROUP BY folder_id"
        pair = self._opened().pair

        def read(db: Connection) -> dict[int, FolderCounts]:
            return {row[0]: _net(db, row[0], Tally(*row[1:])) for row in db.execute(query, (pair.id,)).fetchall()}

        return await self._file.read(read)


def _executing(statement: str, values: Sequence[Any]) -> Work[None]:
    def change(db: Connection) -> None:
        db.execute(statement, values)

    return change


def _hit(cursor: sqlite3.Cursor, complaint: str) -> None:
    if not cursor.rowcount:
        raise LookupError(complaint)


def _decoded(decode: Callable[[Sequence[Any]], Result], rows: Iterable[Sequence[Any]]) -> Iterator[Result]:
    for row in rows:
        try:
            yield decode(row)
        except ValueError as error:
            raise LedgerUnreadable(f"(a row is damaged: {error})") from error


def _inserting(row: ChunkRow, folder_id: int = 0) -> Work[tuple[int, int]]:
    """Give the change that stores a chunk as its folder's last, and gives its id and seq."""
    folder_id = folder_id or row.folder_id
    values = (*chunk_values(row), *column_values(row.columns))

    def change(db: Connection) -> tuple[int, int]:
        last = db.execute("SELECT COALESCE(MAX(seq), 0) FROM chunk WHERE folder_id = ?", (folder_id,))
        seq = last.fetchone()[0] + 1
        return db.execute(INSERT_CHUNK, (folder_id, seq, *values)).lastrowid or 0, seq

    return change


def _attempts(db: Connection, folder_id: int) -> dict[int, int]:
    return dict(db.execute("SELECT uid, count FROM attempt WHERE folder_id = ?", (folder_id,)).fetchall())


def _revisable(db: Connection, folder_id: int) -> Iterator[Columns]:
    """Give uids, outcomes and sizes of a folder's chunks from the first one on that may be overruled."""
    query = (
        "SELECT uids, outcomes, sizes FROM chunk WHERE folder_id = ?1 AND seq >="
        " (SELECT MIN(seq) FROM chunk WHERE folder_id = ?1 AND n_revisable > 0) ORDER BY seq"
    )
    rows = db.execute(query, (folder_id,))
    return _decoded(lambda row: Columns.from_blobs(Blobs(row[0], b"", row[1], sizes=row[2])), rows)


def _net(db: Connection, folder_id: int, tally: Tally) -> FolderCounts:
    """Take from the sums of a folder what a later row overrules."""
    gone = revise(_revisable(db, folder_id))[0] if tally.revisable else Tally()
    return FolderCounts(
        tally.confirmed - gone.confirmed, tally.refused - gone.refused, tally.lost - gone.lost,
        tally.size_bytes - gone.size_bytes,
    )  # fmt: skip
