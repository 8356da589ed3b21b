"""The pair of mailboxes and its folder map in the service's database: fence, lease, folders."""
# ruff: noqa: D102 - what the methods of a ledger promise is said once, in `Ledger`

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from mailferry.store.ledger_statements import FOLDER, PAIR, SELECT_FOLDERS, STEP_ASIDE, UPDATE_FOLDER, Statements, named
from mailferry.store.ledger_work import LedgerWork, Work
from mailferry.sync.ledger import Fenced, FolderRow, Pair
from mailferry.sync.ledger_pair import decoded
from mailferry.sync.ledger_schema import FOLDER_COLUMNS, folder_row, folder_values

Result = TypeVar("Result")
Change = Callable[[Connection, float], Result]
"""What is done in a transaction at a moment, which is in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class _Held:
    pair: Pair
    lease_seconds: float


class SqlPairLedger:
    """The part of `SqlLedger` that knows who may write, and the folders. `stored_sets` maps a folder's id to the
    length of its flag table as stored.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        clock: Callable[[], float] | None = None,
        steps: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.work = LedgerWork(engine, steps)
        self.statements = Statements(engine.dialect.name)
        self.stored_sets: dict[int, int] = {}
        self._clock = clock
        self._held: _Held | None = None

    async def open_pair(self, source_key: str, target_key: str, lease_seconds: float) -> Pair:
        def change(db: Connection) -> Pair:
            until = self._moment(db.execute(self.statements.begin).one()[0]) + lease_seconds
            keys = {"source_key": source_key, "target_key": target_key}
            opened = db.execute(self.statements.open_pair, {**keys, "fence": 1, "pass_no": 1, "lease_until": until})
            return Pair(*opened.one())

        pair = await self.work.write("open pair", change, durable=True)
        self._held = _Held(pair, lease_seconds)
        self.stored_sets.clear()
        return pair

    async def renew_lease(self) -> None:
        held = self.opened()

        def change(db: Connection, now: float) -> None:
            db.execute(update(PAIR).where(PAIR.c.id == held.pair.id).values(lease_until=now + held.lease_seconds))

        await self.write("renew lease", change)

    async def close(self) -> None:
        await self.work.close()

    async def remove_pair(self, source_key: str, target_key: str) -> bool:
        gone = delete(PAIR).where(PAIR.c.source_key == source_key, PAIR.c.target_key == target_key)

        def change(db: Connection) -> bool:
            db.execute(self.statements.begin)
            return db.execute(gone).rowcount > 0

        return await self.work.write("remove pair", change, durable=True)

    def opened(self) -> _Held:
        """Give what `open_pair` noted. Raises RuntimeError if it was not called."""
        if self._held is None:
            raise RuntimeError("open_pair comes first")
        return self._held

    async def write(self, step: str, change: Change[Result], *, durable: bool = False, leased: bool = False) -> Result:
        """Do `change` if the pair is still ours and, when `leased`, our lease has not ended.

        Nobody can take the pair over between that look and the commit: the look locks the pair.
        """
        pair = self.opened().pair

        def fenced(db: Connection) -> Result:
            found = db.execute(self.statements.hold[durable], {"b_id": pair.id}).one_or_none()
            if found is None or found[0] != pair.fence:
                raise Fenced("(another run opened or removed this pair of mailboxes)")
            now = self._moment(found[2])
            if leased and now >= found[1]:
                raise Fenced("(the lease of this run has ended)")
            return change(db, now)

        return await self.work.write(step, fenced, durable=durable)

    def _moment(self, of_database: float) -> float:
        """All machines go by the clock of the database, unless one was given."""
        return of_database if self._clock is None else self._clock()

    # --- folders -------------------------------------------------------------------------------------

    async def folders(self) -> list[FolderRow]:
        pair = self.opened().pair
        rows = await self.work.read(lambda db: db.execute(SELECT_FOLDERS, {"b_pair_id": pair.id}).all())
        return list(decoded(folder_row, rows))

    async def save_folder(self, row: FolderRow) -> FolderRow:
        return (await self.save_folders([row]))[0]

    async def save_folders(self, rows: Sequence[FolderRow]) -> list[FolderRow]:
        put = self.putting(rows)
        ids = await self.write("save folders", lambda db, now: put(db), durable=True)
        self.put_done(rows, ids)
        return list(rows)

    def putting(self, rows: Sequence[FolderRow]) -> Work[list[int]]:
        """Give the change that stores these rows, and gives their ids."""
        pair_id = self.opened().pair.id
        packed = [(row.id, row.source_raw, named(FOLDER_COLUMNS, folder_values(row))) for row in rows]
        changed = [{"b_id": id_, "b_pair_id": pair_id, **values} for id_, _, values in packed if id_]
        # Names may be swapped between rows, so all that change step aside first.
        aside = [
            {"b_id": id_, "b_pair_id": pair_id, "b_source_raw": raw, "source_raw": b"\0%d" % id_}
            for id_, raw, _ in packed
            if id_
        ]
        made = [{"pair_id": pair_id, **values} for id_, _, values in packed if not id_]
        wanted = select(FOLDER.c.id, FOLDER.c.source_raw).where(FOLDER.c.pair_id == pair_id)
        if len(packed) == 1:
            id_, raw, _ = packed[0]
            wanted = wanted.where(FOLDER.c.id == id_ if id_ else FOLDER.c.source_raw == raw)

        def put(db: Connection) -> list[int]:
            if len(aside) > 1:
                db.execute(STEP_ASIDE, aside)
            each(db, UPDATE_FOLDER, changed)
            each(db, self.statements.save_folder, made)
            ids = {bytes(raw): id_ for id_, raw in db.execute(wanted)}
            found = set(ids.values())
            for id_, _, _ in packed:
                if id_ and id_ not in found:
                    raise LookupError(f"no folder {id_}")
            return [id_ or ids[raw] for id_, raw, _ in packed]

        return put

    def put_done(self, rows: Sequence[FolderRow], ids: Sequence[int]) -> None:
        """Note in the rows what `putting` did."""
        for row, folder_id in zip(rows, ids, strict=True):
            row.id = folder_id
            self.stored_sets.pop(folder_id, None)  # the table may have grown since it was packed

    async def delete_folder(self, folder_id: int) -> None:
        gone = delete(FOLDER).where(FOLDER.c.id == folder_id, FOLDER.c.pair_id == self.opened().pair.id)

        def change(db: Connection, now: float) -> None:
            db.execute(gone)

        await self.write("delete folder", change, durable=True)


def each(db: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> int:
    """Run a statement once for each row of values, none included; give the number of rows that were hit."""
    return db.execute(statement, rows).rowcount if rows else 0
