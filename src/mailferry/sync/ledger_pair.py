"""The pair of mailboxes and its folder map in an SQLite ledger: fence, lease, folders."""
# ruff: noqa: D102 - what the methods of a ledger promise is said once, in `Ledger`

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from mailferry.records import dataclass
from mailferry.sync.ledger import Fenced, FolderRow, LedgerUnreadable, Pair
from mailferry.sync.ledger_file import LedgerFile, LedgerPath, Work
from mailferry.sync.ledger_schema import INSERT_FOLDER, SELECT_FOLDERS, UPDATE_FOLDER, folder_row, folder_values, text

Result = TypeVar("Result")
Connection = sqlite3.Connection


@dataclass(frozen=True, slots=True)
class _Held:
    pair: Pair
    lease_seconds: float


class PairLedger:
    """The part of `SqliteLedger` that knows who may write, and the folders. `stored_sets` maps a folder's id to the
    length of its flag table as stored.
    """

    def __init__(
        self,
        path: LedgerPath,
        *,
        clock: Callable[[], float] = time.time,
        steps: Callable[[str], None] = lambda step: None,
        busy_timeout_seconds: float = 30.0,
    ) -> None:
        self.file = LedgerFile(path, steps, busy_timeout_seconds)
        self.clock = clock
        self.stored_sets: dict[int, int] = {}
        self._held: _Held | None = None

    async def open_pair(self, source_key: str, target_key: str, lease_seconds: float) -> Pair:
        keys = (text(source_key), text(target_key))

        def change(db: Connection) -> Pair:
            db.execute(
                "INSERT INTO pair (source_key, target_key, fence, lease_until, pass_no) VALUES (?, ?, 1, ?, 1)"
                " ON CONFLICT (source_key, target_key) DO UPDATE"
                " SET fence = fence + 1, pass_no = pass_no + 1, lease_until = excluded.lease_until",
                (*keys, self.clock() + lease_seconds),
            )
            found = db.execute("SELECT id, fence, pass_no FROM pair WHERE source_key = ? AND target_key = ?", keys)
            return Pair(*found.fetchone())

        pair = await self.file.write("open pair", change, durable=True)
        self._held = _Held(pair, lease_seconds)
        self.stored_sets.clear()
        return pair

    async def renew_lease(self) -> None:
        held = self.opened()

        def change(db: Connection) -> None:
            until = self.clock() + held.lease_seconds
            db.execute("UPDATE pair SET lease_until = ? WHERE id = ?", (until, held.pair.id))

        await self.write("renew lease", change)

    async def close(self) -> None:
        await self.file.close()

    async def remove_pair(self, source_key: str, target_key: str) -> bool:
        keys = (text(source_key), text(target_key))

        def change(db: Connection) -> bool:
            return db.execute("DELETE FROM pair WHERE source_key = ? AND target_key = ?", keys).rowcount > 0

        return await self.file.write("remove pair", change, durable=True)

    def opened(self) -> _Held:
        """Give what `open_pair` noted. Raises RuntimeError if it was not called."""
        if self._held is None:
            raise RuntimeError("open_pair comes first")
        return self._held

    async def write(self, step: str, change: Work[Result], *, durable: bool = False, leased: bool = False) -> Result:
        """Do `change` if the pair is still ours and, when `leased`, our lease has not ended."""
        pair = self.opened().pair

        def fenced(db: Connection) -> Result:
            found = db.execute("SELECT fence, lease_until FROM pair WHERE id = ?", (pair.id,)).fetchone()
            if found is None or found[0] != pair.fence:
                raise Fenced("(another run opened or removed this pair of mailboxes)")
            if leased and self.clock() >= found[1]:
                raise Fenced("(the lease of this run has ended)")
            return change(db)

        return await self.file.write(step, fenced, durable=durable)

    # --- folders -------------------------------------------------------------------------------------

    async def folders(self) -> list[FolderRow]:
        pair = self.opened().pair
        return await self.file.read(lambda db: list(decoded(folder_row, db.execute(SELECT_FOLDERS, (pair.id,)))))

    async def save_folder(self, row: FolderRow) -> FolderRow:
        return (await self.save_folders([row]))[0]

    async def save_folders(self, rows: Sequence[FolderRow]) -> list[FolderRow]:
        put = self.putting(rows)
        ids = await self.write("save folders", put, durable=True)
        self.put_done(rows, ids)
        return list(rows)

    def putting(self, rows: Sequence[FolderRow]) -> Work[list[int]]:
        """Give the change that stores these rows, and gives their ids."""
        pair_id = self.opened().pair.id
        packed = [(row.id, row.source_raw, folder_values(row)) for row in rows]
        # Names may be swapped between rows, so all that change step aside first.
        moved = [(folder_id, raw) for folder_id, raw, _ in packed if folder_id]

        def put(db: Connection) -> list[int]:
            db.executemany("UPDATE folder SET source_raw = x'00' || id WHERE id = ? AND source_raw <> ?", moved)
            ids = []
            for folder_id, raw, values in packed:
                if folder_id:
                    hit(db.execute(UPDATE_FOLDER, (*values, folder_id, pair_id)), f"no folder {folder_id}")
                else:
                    db.execute(INSERT_FOLDER, (pair_id, *values))
                    found = db.execute("SELECT id FROM folder WHERE pair_id = ? AND source_raw = ?", (pair_id, raw))
                    folder_id = found.fetchone()[0]
                ids.append(folder_id)
            return ids

        return put

    def put_done(self, rows: Sequence[FolderRow], ids: Sequence[int]) -> None:
        """Note in the rows what `putting` did."""
        for row, folder_id in zip(rows, ids, strict=True):
            row.id = folder_id
            self.stored_sets.pop(folder_id, None)  # the table may have grown since it was packed

    async def delete_folder(self, folder_id: int) -> None:
        await self.write("delete folder", executing("DELETE FROM folder WHERE id = ?", (folder_id,)), durable=True)


def executing(statement: str, values: Sequence[Any]) -> Work[None]:
    """Give the change that runs one statement."""

    def change(db: Connection) -> None:
        db.execute(statement, values)

    return change


def hit(cursor: sqlite3.Cursor, complaint: str) -> None:
    """Raise LookupError if a statement found no row."""
    if not cursor.rowcount:
        raise LookupError(complaint)


def decoded(decode: Callable[[Sequence[Any]], Result], rows: Iterable[Sequence[Any]]) -> Iterator[Result]:
    """Make records of rows. Raises LedgerUnreadable."""
    for row in rows:
        try:
            yield decode(row)
        except ValueError as error:
            raise LedgerUnreadable(f"(a row is damaged: {error})") from error
