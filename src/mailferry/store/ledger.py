"""The ledger in the service's database, PostgreSQL or SQLite."""
# ruff: noqa: D102 - what the methods of a ledger promise is said once, in `Ledger`

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from mailferry.backends.base import UidRange
from mailferry.store.ledger_pair import Change, SqlPairLedger, each
from mailferry.store.ledger_statements import (
    ATTEMPT,
    CHUNK,
    EXCEPTION,
    GROW_FLAG_SETS,
    INSERT_CHUNKS,
    INSERT_NEXT_CHUNK,
    SELECT_EXCEPTIONS,
    SELECT_UNSETTLED_FOLDERS,
    SETTLE_CHUNK,
    SETTLED_COLUMNS,
    STORED_COLUMNS,
    SUM_CHUNKS,
    UPDATE_FLAGS,
    named,
    select_chunks,
    select_overruled,
)
from mailferry.sync.ledger import ChunkRow, ChunkState, ExceptionRow, FolderCounts, FolderRow, Load
from mailferry.sync.ledger_pair import decoded
from mailferry.sync.ledger_schema import (
    EXCEPTION_COLUMNS,
    chunk_row,
    chunk_values,
    column_values,
    exception_row,
    exception_values,
    revise,
)
from mailferry.sync.packed import Blobs, Columns, FlagTable, Tally, merge_ranges, pack

Rows = Sequence[Sequence[Any]]

_CLEAR_ALL = delete(EXCEPTION).where(
    EXCEPTION.c.folder_id == bindparam("b_folder_id"), EXCEPTION.c.uid == bindparam("b_uid")
)
_CLEAR_KIND = _CLEAR_ALL.where(EXCEPTION.c.kind == bindparam("b_kind"))


class SqlLedger(SqlPairLedger):
    """A `Ledger` in a database that has the tables of `ledger_tables`. All pairs share it, on all machines.

    Records are packed when a method is called, so the caller may change them while it waits. The calls of one ledger
    are done one after the other; two pairs do not wait for each other in PostgreSQL. Moments are those of the
    database's clock, unless `clock` gives seconds since 1970. `steps` is called as "ledger: NAME: before commit" and
    "ledger: NAME: after commit". The engine is the caller's, before and after `close`; on SQLite each change begins
    with a statement that writes, so any way to begin a transaction will do.
    """

    # --- chunks --------------------------------------------------------------------------------------

    async def open_chunk(
        self, row: ChunkRow, exceptions: Sequence[ExceptionRow] = (), *, flag_sets: FlagTable | None = None
    ) -> int:
        is_settled = row.state is ChunkState.SETTLED
        values = {"folder_id": row.folder_id, **_stored(row)}
        told = [_told(exception) for exception in exceptions]
        grown, length = self._grown(row.folder_id, flag_sets)

        def change(db: Connection, now: float) -> tuple[int, int, float]:
            each(db, GROW_FLAG_SETS, grown)
            each(db, self.statements.save_exception, told)
            moments = {"opened_at": now, "settled_at": now if is_settled else values["settled_at"]}
            chunk_id, seq = db.execute(INSERT_NEXT_CHUNK, {**values, **moments}).one()
            return chunk_id, seq, now

        row.id, row.seq, row.opened_at = await self.write("open chunk", change, durable=True, leased=True)
        if is_settled:
            row.settled_at = row.opened_at
        self.stored_sets[row.folder_id] = length
        return row.id

    def _grown(self, folder_id: int, flag_sets: FlagTable | None) -> tuple[list[dict[str, Any]], int]:
        """Give the values that store a flag table, if it has grown, and its length once that is done."""
        stored = self.stored_sets.get(folder_id, 0)
        if flag_sets is None or len(flag_sets) <= stored:
            return [], stored
        return [_flag_values(folder_id, flag_sets)], len(flag_sets)

    async def settle_chunk(self, chunk_id: int, columns: Columns, state: ChunkState = ChunkState.SETTLED) -> None:
        await self._settle([(chunk_id, columns)], state)

    async def settle_many(self, chunks: Sequence[tuple[int, Columns]]) -> None:
        await self._settle(chunks, ChunkState.SETTLED)

    async def _settle(self, chunks: Sequence[tuple[int, Columns]], state: ChunkState) -> None:
        packed = [
            {"b_id": chunk_id, **named(SETTLED_COLUMNS, (state.value, 0.0, *column_values(columns)))}
            for chunk_id, columns in chunks
        ]

        def change(db: Connection, now: float) -> None:
            settled_at = now if state is ChunkState.SETTLED else 0.0
            if each(db, SETTLE_CHUNK, [{**values, "settled_at": settled_at} for values in packed]) < len(packed):
                raise LookupError(f"no chunk {', or '.join(str(values['b_id']) for values in packed)}")

        await self.write("settle chunks", change)

    async def chunks(
        self, folder_id: int, *, states: Collection[ChunkState] | None = None, columns: Load = Load.ALL
    ) -> list[ChunkRow]:
        query = select_chunks(columns)
        if states is not None:
            query = query.where(CHUNK.c.state.in_([state.value for state in states]))
        rows = await self._fetch(query, b_folder_id=folder_id)
        # There may be thousands, so the connections of this process are not to wait for the unpacking.
        return await asyncio.to_thread(lambda: list(decoded(chunk_row, rows)))

    async def covers(self, folder_id: int, *, source_uid_validity: int | None = None) -> list[UidRange]:
        query = select(CHUNK.c.cover_lo, CHUNK.c.cover_hi).where(CHUNK.c.folder_id == folder_id, CHUNK.c.cover_hi > 0)
        if source_uid_validity is not None:
            query = query.where(CHUNK.c.source_uid_validity == source_uid_validity)
        return merge_ranges((lo, hi) for lo, hi in await self._fetch(query))

    async def lost_uids(self, folder_id: int) -> set[int]:
        rows = await self._fetch(select_overruled("n_lost"), b_folder_id=folder_id)
        return (await asyncio.to_thread(_revised, rows))[1] if rows else set()

    async def unsettled_folders(self) -> set[int]:
        rows = await self._fetch(SELECT_UNSETTLED_FOLDERS, b_pair_id=self.opened().pair.id)
        return {row[0] for row in rows}

    async def update_flags(self, chunk_id: int, flags: array[int], *, flag_sets: FlagTable | None = None) -> None:
        packed = pack(flags)
        grown = [] if flag_sets is None else [_flag_values(0, flag_sets)]
        query = select(CHUNK.c.n, CHUNK.c.folder_id).where(CHUNK.c.id == chunk_id)

        def change(db: Connection, now: float) -> None:
            found = db.execute(query).one_or_none()
            if found is None:
                raise LookupError(f"no chunk {chunk_id}")
            if len(packed) != 2 * found[0]:
                raise ValueError(f"chunk {chunk_id} has {found[0]} messages")
            db.execute(UPDATE_FLAGS, {"b_id": chunk_id, "flags": packed})
            each(db, GROW_FLAG_SETS, [{**values, "b_id": found[1]} for values in grown])

        await self.write("update flags", change)

    async def replace_chunks(
        self, folder_id: int, rows: Sequence[ChunkRow], *, folder: FolderRow | None = None
    ) -> None:
        put = self.putting([folder] if folder is not None else [])
        packed = [{"folder_id": folder_id, "seq": seq, **_stored(row)} for seq, row in enumerate(rows, 1)]

        def change(db: Connection, now: float) -> dict[int, int]:
            put(db)
            db.execute(delete(CHUNK).where(CHUNK.c.folder_id == folder_id))
            if not packed:
                return {}
            return {seq: chunk_id for chunk_id, seq in db.execute(INSERT_CHUNKS, packed)}

        ids = await self.write("replace chunks", change, durable=True)
        if folder is not None:
            self.put_done([folder], [folder_id])
        for seq, row in enumerate(rows, 1):
            row.id, row.folder_id, row.seq = ids[seq], folder_id, seq

    # --- the report ----------------------------------------------------------------------------------

    async def add_exceptions(self, rows: Sequence[ExceptionRow]) -> None:
        packed = [_told(row) for row in rows]
        await self.write("add exceptions", _doing(self.statements.save_exception, packed))

    async def exceptions(self) -> list[ExceptionRow]:
        return list(decoded(exception_row, await self._fetch(SELECT_EXCEPTIONS, b_pair_id=self.opened().pair.id)))

    async def clear_exceptions(self, folder_id: int, uids: Collection[int], *, kinds: Collection[str] = ()) -> None:
        rows: list[dict[str, Any]] = [{"b_folder_id": folder_id, "b_uid": uid} for uid in uids]
        if kinds:
            change = _doing(_CLEAR_KIND, [{**row, "b_kind": str(kind)} for row in rows for kind in kinds])
        else:
            change = _doing(_CLEAR_ALL, rows)
        await self.write("clear exceptions", change)

    async def note_attempts(self, folder_id: int, uid_validity: int, uids: Collection[int]) -> dict[int, int]:
        key = {"folder_id": folder_id, "uid_validity": uid_validity}
        wanted = [{**key, "uid": uid, "attempts": 1} for uid in uids]
        stale = delete(ATTEMPT).where(ATTEMPT.c.folder_id == folder_id, ATTEMPT.c.uid_validity != uid_validity)

        def change(db: Connection, now: float) -> dict[int, int]:
            db.execute(stale)
            each(db, self.statements.note_attempt, wanted)
            counts = _attempts(db, folder_id)
            return {row["uid"]: counts[row["uid"]] for row in wanted}

        return await self.write("note attempts", change, durable=True)

    async def attempts(self, folder_id: int) -> dict[int, int]:
        return await self.work.read(lambda db: _attempts(db, folder_id))

    async def counts(self) -> dict[int, FolderCounts]:
        pair = self.opened().pair

        def read(db: Connection) -> dict[int, tuple[Tally, Rows]]:
            sums = {row[0]: Tally(*row[1:]) for row in db.execute(SUM_CHUNKS, {"b_pair_id": pair.id})}
            query = select_overruled("n_revisable")
            return {
                folder_id: (tally, db.execute(query, {"b_folder_id": folder_id}).all() if tally.revisable else ())
                for folder_id, tally in sums.items()
            }

        found = await self.work.read(read)
        return await asyncio.to_thread(lambda: {folder_id: _net(*sums) for folder_id, sums in found.items()})

    async def _fetch(self, query: Any, **values: int) -> Rows:
        return await self.work.read(lambda db: db.execute(query, values).all())


def _stored(row: ChunkRow) -> dict[str, Any]:
    return named(STORED_COLUMNS, (*chunk_values(row), *column_values(row.columns)))


def _told(row: ExceptionRow) -> dict[str, Any]:
    return named((*EXCEPTION_COLUMNS, "topic"), exception_values(row))


def _flag_values(folder_id: int, flag_sets: FlagTable) -> dict[str, Any]:
    json_text = flag_sets.to_json()
    return {"b_id": folder_id, "b_length": len(json_text), "flag_sets": json_text}


def _doing(statement: Any, rows: Sequence[dict[str, Any]]) -> Change[None]:
    """Give the change that runs a statement for each row of values."""

    def change(db: Connection, now: float) -> None:
        each(db, statement, rows)

    return change


def _attempts(db: Connection, folder_id: int) -> dict[int, int]:
    found = db.execute(select(ATTEMPT.c.uid, ATTEMPT.c.attempts).where(ATTEMPT.c.folder_id == folder_id))
    return {row[0]: row[1] for row in found}


def _revised(rows: Iterable[Sequence[Any]]) -> tuple[Tally, set[int]]:
    return revise(decoded(lambda row: Columns.from_blobs(Blobs(row[0], b"", row[1], sizes=row[2])), rows))


def _net(tally: Tally, overruled: Rows) -> FolderCounts:
    """Take from the sums of a folder what a later row overrules."""
    gone = _revised(overruled)[0]
    return FolderCounts(
        tally.confirmed - gone.confirmed, tally.refused - gone.refused, tally.lost - gone.lost,
        tally.size_bytes - gone.size_bytes,
    )  # fmt: skip
