"""The ledger as one SQLite file."""
# ruff: noqa: D102 - what the methods of a ledger promise is said once, in `Ledger`

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterator, Sequence

from mailferry.backends.base import UidRange
from mailferry.sync.ledger import ChunkRow, ChunkState, ExceptionRow, FolderCounts, FolderRow, Load
from mailferry.sync.ledger_file import Work
from mailferry.sync.ledger_pair import PairLedger, decoded, executing, hit
from mailferry.sync.ledger_schema import (
    INSERT_CHUNK,
    NOTE_ATTEMPT,
    SAVE_EXCEPTION,
    SELECT_CHUNKS,
    SELECT_EXCEPTIONS,
    SETTLE_CHUNK,
    SUM_CHUNKS,
    chunk_row,
    chunk_values,
    column_values,
    exception_row,
    exception_values,
    revise,
)
from mailferry.sync.packed import Blobs, Columns, FlagTable, Tally, merge_ranges, pack

Connection = sqlite3.Connection


class SqliteLedger(PairLedger):
    """A `Ledger` in an SQLite file, or in memory (":memory:"). All pairs of a user may share one file.

    Records are packed when a method is called, so the caller may change them while it waits. `clock` gives seconds
    since 1970. `steps` is called as "ledger: NAME: before commit" and "ledger: NAME: after commit", in the ledger's
    own thread. Another process is waited for at most `busy_timeout_seconds`.
    """

    # --- chunks --------------------------------------------------------------------------------------

    async def open_chunk(
        self, row: ChunkRow, exceptions: Sequence[ExceptionRow] = (), *, flag_sets: FlagTable | None = None
    ) -> int:
        row.opened_at = self.clock()
        if row.state is ChunkState.SETTLED:
            row.settled_at = row.opened_at
        insert = _inserting(row)
        told = [exception_values(exception) for exception in exceptions]
        grow, length = self._growing(row.folder_id, flag_sets)

        def change(db: Connection) -> tuple[int, int]:
            grow(db)
            db.executemany(SAVE_EXCEPTION, told)
            return insert(db)

        row.id, row.seq = await self.write("open chunk", change, durable=True, leased=True)
        self.stored_sets[row.folder_id] = length
        return row.id

    def _growing(self, folder_id: int, flag_sets: FlagTable | None) -> tuple[Work[None], int]:
        """Give the change that stores a flag table, if it has grown, and its length once that is done."""
        stored = self.stored_sets.get(folder_id, 0)
        if flag_sets is None or len(flag_sets) <= stored:
            return (lambda db: None), stored
        change = executing("UPDATE folder SET flag_sets = ? WHERE id = ?", (flag_sets.to_json(), folder_id))
        return change, len(flag_sets)

    async def settle_chunk(self, chunk_id: int, columns: Columns, state: ChunkState = ChunkState.SETTLED) -> None:
        await self._settle([(chunk_id, columns)], state)

    async def settle_many(self, chunks: Sequence[tuple[int, Columns]]) -> None:
        await self._settle(chunks, ChunkState.SETTLED)

    async def _settle(self, chunks: Sequence[tuple[int, Columns]], state: ChunkState) -> None:
        settled_at = self.clock() if state is ChunkState.SETTLED else 0.0
        packed = [(state.value, settled_at, *column_values(columns), chunk_id) for chunk_id, columns in chunks]

        def change(db: Connection) -> None:
            for values in packed:
                hit(db.execute(SETTLE_CHUNK, values), f"no chunk {values[-1]}")

        await self.write("settle chunks", change)

    async def chunks(
        self, folder_id: int, *, states: Collection[ChunkState] | None = None, columns: Load = Load.ALL
    ) -> list[ChunkRow]:
        names = tuple(ChunkState if states is None else states)
        query = f"{SELECT_CHUNKS[columns]} AND state IN ({', '.join('?' * len(names))}) ORDER BY seq"
        values = (folder_id, *(state.value for state in names))
        return await self.file.read(lambda db: list(decoded(chunk_row, db.execute(query, values))))

    async def covers(self, folder_id: int, *, source_uid_validity: int | None = None) -> list[UidRange]:
        query = (
            "SELECT cover_lo, cover_hi FROM chunk WHERE folder_id = :folder AND cover_hi > 0"
            " AND (:validity IS NULL OR source_uid_validity = :validity)"
        )
        values = {"folder": folder_id, "validity": source_uid_validity}
        return await self.file.read(lambda db: merge_ranges(db.execute(query, values)))

    async def lost_uids(self, folder_id: int) -> set[int]:
        return await self.file.read(lambda db: revise(_overruled(db, folder_id, "n_lost"))[1])

    async def unsettled_folders(self) -> set[int]:
        query = (
            "SELECT DISTINCT folder_id FROM chunk JOIN folder ON folder.id = folder_id"
            " WHERE pair_id = ? AND state <> 'settled'"
        )
        pair = self.opened().pair
        return await self.file.read(lambda db: {row[0] for row in db.execute(query, (pair.id,))})

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
                # A table only ever grows, so one of the same length is the same.
                grow = "UPDATE folder SET flag_sets = :sets WHERE id = :folder AND LENGTH(flag_sets) < LENGTH(:sets)"
                db.execute(grow, {"sets": json_text, "folder": found[1]})

        await self.write("update flags", change)

    async def replace_chunks(
        self, folder_id: int, rows: Sequence[ChunkRow], *, folder: FolderRow | None = None
    ) -> None:
        put = self.putting([folder] if folder is not None else [])
        inserts = [_inserting(row, folder_id) for row in rows]

        def change(db: Connection) -> list[tuple[int, int]]:
            put(db)
            db.execute("DELETE FROM chunk WHERE folder_id = ?", (folder_id,))
            return [insert(db) for insert in inserts]

        stored = await self.write("replace chunks", change, durable=True)
        if folder is not None:
            self.put_done([folder], [folder_id])
        for row, (chunk_id, seq) in zip(rows, stored, strict=True):
            row.id, row.folder_id, row.seq = chunk_id, folder_id, seq

    # --- the report ----------------------------------------------------------------------------------

    async def add_exceptions(self, rows: Sequence[ExceptionRow]) -> None:
        packed = [exception_values(row) for row in rows]

        def change(db: Connection) -> None:
            db.executemany(SAVE_EXCEPTION, packed)

        await self.write("add exceptions", change)

    async def exceptions(self) -> list[ExceptionRow]:
        pair = self.opened().pair
        return await self.file.read(lambda db: list(decoded(exception_row, db.execute(SELECT_EXCEPTIONS, (pair.id,)))))

    async def clear_exceptions(self, folder_id: int, uids: Collection[int], *, kinds: Collection[str] = ()) -> None:
        of_uid, of_kind = "DELETE FROM exception WHERE folder_id = ? AND uid = ?", " AND kind = ?"
        values = [(folder_id, uid, str(kind)) for uid in uids for kind in kinds]

        def change(db: Connection) -> None:
            if kinds:
                db.executemany(of_uid + of_kind, values)
            else:
                db.executemany(of_uid, [(folder_id, uid) for uid in uids])

        await self.write("clear exceptions", change)

    async def note_attempts(self, folder_id: int, uid_validity: int, uids: Collection[int]) -> dict[int, int]:
        wanted = list(uids)

        def change(db: Connection) -> dict[int, int]:
            key = (folder_id, uid_validity)
            db.execute("DELETE FROM attempt WHERE folder_id = ? AND uid_validity <> ?", key)
            db.executemany(NOTE_ATTEMPT, [(*key, uid) for uid in wanted])
            counts = _attempts(db, folder_id)
            return {uid: counts[uid] for uid in wanted}

        return await self.write("note attempts", change, durable=True)

    async def attempts(self, folder_id: int) -> dict[int, int]:
        return await self.file.read(lambda db: _attempts(db, folder_id))

    async def counts(self) -> dict[int, FolderCounts]:
        pair = self.opened().pair

        def read(db: Connection) -> dict[int, FolderCounts]:
            return {row[0]: _net(db, row[0], Tally(*row[1:])) for row in db.execute(SUM_CHUNKS, (pair.id,))}

        return await self.file.read(read)


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


def _overruled(db: Connection, folder_id: int, number: str) -> Iterator[Columns]:
    """Give uids, outcomes and sizes of a folder's chunks, from the first one on whose `number` is not 0."""
    query = (
        "SELECT uids, outcomes, sizes FROM chunk WHERE folder_id = :folder AND seq >="  # noqa: S608
        f" (SELECT MIN(seq) FROM chunk WHERE folder_id = :folder AND n_revisable > 0 AND {number} > 0) ORDER BY seq"
    )
    rows = db.execute(query, {"folder": folder_id})
    return decoded(lambda row: Columns.from_blobs(Blobs(row[0], b"", row[1], sizes=row[2])), rows)


def _net(db: Connection, folder_id: int, tally: Tally) -> FolderCounts:
    """Take from the sums of a folder what a later row overrules."""
    gone = revise(_overruled(db, folder_id, "n_revisable"))[0] if tally.revisable else Tally()
    return FolderCounts(
        tally.confirmed - gone.confirmed, tally.refused - gone.refused, tally.lost - gone.lost,
        tally.size_bytes - gone.size_bytes,
    )  # fmt: skip
