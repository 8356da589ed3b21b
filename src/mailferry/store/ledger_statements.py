"""The statements of the ledger, for PostgreSQL and for SQLite. No connection, no transaction.

A value is bound by the name of its column, one that finds the row by that name with `b_` before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Insert,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from mailferry.store.ledger_tables import add_ledger_tables
from mailferry.sync.ledger import Load
from mailferry.sync.ledger_schema import (
    BLOB_COLUMNS,
    CHUNK_COLUMNS,
    EXCEPTION_COLUMNS,
    FOLDER_COLUMNS,
    LOADED,
    TALLY_COLUMNS,
)

TABLES = add_ledger_tables(MetaData())
"""The tables as the statements name them; a database is made from a MetaData of its own."""

PAIR, FOLDER, CHUNK = TABLES.pair, TABLES.folder, TABLES.chunk
EXCEPTION, ATTEMPT = TABLES.exception, TABLES.attempt

SETTLED_COLUMNS = ("state", "settled_at", *TALLY_COLUMNS, *BLOB_COLUMNS)
STORED_COLUMNS = (*CHUNK_COLUMNS, *TALLY_COLUMNS, *BLOB_COLUMNS)


def named(columns: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Give the values of a row by column."""
    return dict(zip(columns, values, strict=True))


def _columns(table: Table, names: Sequence[str]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]


def _bound(names: Sequence[str]) -> dict[str, ColumnElement[Any]]:
    return {name: bindparam(name) for name in names}


# Written out, not bound: a planner that does not know the value could not use the indexes of these rows alone.
UNSETTLED = CHUNK.c.state != literal_column("'settled'")
REVISABLE = CHUNK.c.n_revisable > literal_column("0")

SELECT_FOLDERS = (
    select(FOLDER.c.id, *_columns(FOLDER, FOLDER_COLUMNS))
    .where(FOLDER.c.pair_id == bindparam("b_pair_id"))
    .order_by(FOLDER.c.id)
)
UPDATE_FOLDER = (
    update(FOLDER)
    .where(FOLDER.c.id == bindparam("b_id"), FOLDER.c.pair_id == bindparam("b_pair_id"))
    .values(_bound(FOLDER_COLUMNS))
)
STEP_ASIDE = (
    update(FOLDER)
    .where(
        FOLDER.c.id == bindparam("b_id"),
        FOLDER.c.pair_id == bindparam("b_pair_id"),
        FOLDER.c.source_raw != bindparam("b_source_raw"),
    )
    .values(source_raw=bindparam("source_raw"))
)
GROW_FLAG_SETS = (
    update(FOLDER)
    # A table only ever grows, so one of the same length is the same.
    .where(FOLDER.c.id == bindparam("b_id"), func.length(FOLDER.c.flag_sets) < bindparam("b_length"))
    .values(flag_sets=bindparam("flag_sets"))
)

_LAST_SEQ = select(func.coalesce(func.max(CHUNK.c.seq), 0)).where(CHUNK.c.folder_id == bindparam("folder_id"))
INSERT_NEXT_CHUNK = (
    insert(CHUNK)
    .values(
        {
            "folder_id": bindparam("folder_id"),
            "seq": _LAST_SEQ.scalar_subquery() + literal_column("1"),
            **_bound(STORED_COLUMNS),
        }
    )
    .returning(CHUNK.c.id, CHUNK.c.seq)
)
INSERT_CHUNKS = insert(CHUNK).values(_bound(("folder_id", "seq", *STORED_COLUMNS))).returning(CHUNK.c.id, CHUNK.c.seq)
SETTLE_CHUNK = update(CHUNK).where(CHUNK.c.id == bindparam("b_id")).values(_bound(SETTLED_COLUMNS))
UPDATE_FLAGS = update(CHUNK).where(CHUNK.c.id == bindparam("b_id")).values(flags=bindparam("flags"))
SELECT_UNSETTLED_FOLDERS = (
    select(CHUNK.c.folder_id).distinct().join(FOLDER).where(FOLDER.c.pair_id == bindparam("b_pair_id"), UNSETTLED)
)
SUM_CHUNKS = (
    # The sum of integers is no integer in PostgreSQL.
    select(CHUNK.c.folder_id, *(cast(func.sum(CHUNK.c[name]), BigInteger) for name in TALLY_COLUMNS[1:]))
    .where(CHUNK.c.folder_id.in_(select(FOLDER.c.id).where(FOLDER.c.pair_id == bindparam("b_pair_id"))))
    .group_by(CHUNK.c.folder_id)
)
SELECT_EXCEPTIONS = (
    select(*_columns(EXCEPTION, EXCEPTION_COLUMNS))
    .join(FOLDER)
    .where(FOLDER.c.pair_id == bindparam("b_pair_id"))
    .order_by(*_columns(EXCEPTION, ("folder_id", "uid", "source_uid_validity", "kind", "topic")))
)


def select_chunks(load: Load) -> Select[Any]:
    """Select `id`, `folder_id`, `seq` and these columns of a folder's chunks, in order of `seq`."""
    names = ("id", "folder_id", "seq", *CHUNK_COLUMNS, *LOADED[load])
    return select(*_columns(CHUNK, names)).where(CHUNK.c.folder_id == bindparam("b_folder_id")).order_by(CHUNK.c.seq)


def select_overruled(number: str) -> Select[Any]:
    """Select uids, outcomes and sizes of a folder's chunks, from the first one on whose `number` is not 0."""
    of_folder = CHUNK.c.folder_id == bindparam("b_folder_id")
    first = select(func.min(CHUNK.c.seq)).where(of_folder, REVISABLE, CHUNK.c[number] > 0).scalar_subquery()
    return (
        select(CHUNK.c.uids, CHUNK.c.outcomes, CHUNK.c.sizes)
        .where(of_folder, CHUNK.c.seq >= first)
        .order_by(CHUNK.c.seq)
    )


class Statements:
    """What the two databases say differently.

    `hold[durable]` gives fence, end of the lease and time for a pair with id `b_id`, and locks it so that nobody can
    take it over before the transaction ends; `begin` gives the time. Both come first in a transaction, and
    choose whether its commit waits for the disk where that is chosen within one (PostgreSQL).
    """

    def __init__(self, dialect: str) -> None:
        """`dialect` is "postgresql" or "sqlite". Raises ValueError for another."""
        if dialect not in ("postgresql", "sqlite"):
            raise ValueError(f"the ledger is not kept in {dialect}")
        self._dialect = dialect
        if dialect == "postgresql":
            self.begin: Any = select(_POSTGRESQL_NOW, _waiting(durable=True))
            self.hold: Mapping[bool, Any] = {durable: _hold_postgresql(durable) for durable in (True, False)}
        else:
            self.begin = select(_SQLITE_NOW)
            self.hold = dict.fromkeys((True, False), _HOLD_SQLITE)
        fence, pass_no = PAIR.c.fence + literal_column("1"), PAIR.c.pass_no + literal_column("1")
        self.open_pair = self._upsert(
            PAIR, ("source_key", "target_key"), {"fence": fence, "pass_no": pass_no}, ("lease_until",)
        ).returning(PAIR.c.id, PAIR.c.fence, PAIR.c.pass_no)
        self.save_folder = self._upsert(FOLDER, ("pair_id", "source_raw"), {}, FOLDER_COLUMNS[1:])
        key = ("folder_id", "source_uid_validity", "uid", "kind", "topic")
        others = tuple(name for name in EXCEPTION_COLUMNS if name not in key)
        self.save_exception = self._upsert(EXCEPTION, key, {}, others)
        self.note_attempt = self._upsert(
            ATTEMPT, ("folder_id", "uid_validity", "uid"), {"attempts": ATTEMPT.c.attempts + literal_column("1")}
        )

    def _upsert(
        self, table: Table, key: Sequence[str], changed: Mapping[str, Any], replaced: Sequence[str] = ()
    ) -> Insert:
        """Insert a row; if there is one with this key, give it the `changed` values and the new ones of `replaced`."""
        values = _bound((*key, *changed, *replaced))
        if self._dialect == "postgresql":
            new = postgresql.insert(table).values(values)
            return new.on_conflict_do_update(
                index_elements=key, set_={**changed, **{name: new.excluded[name] for name in replaced}}
            )
        row = sqlite.insert(table).values(values)
        return row.on_conflict_do_update(
            index_elements=key, set_={**changed, **{name: row.excluded[name] for name in replaced}}
        )


_POSTGRESQL_NOW = cast(func.extract("epoch", func.clock_timestamp()), Double)
_SQLITE_NOW = literal_column("(julianday('now') - 2440587.5) * 86400.0", Double)

# The first statement of the transaction must be one that writes: what has read before cannot be made to wait for
# another writer, and fails instead.
_HOLD_SQLITE = (
    update(PAIR)
    .where(PAIR.c.id == bindparam("b_id"))
    .values(fence=PAIR.c.fence)
    .returning(PAIR.c.fence, PAIR.c.lease_until, _SQLITE_NOW)
)


def _hold_postgresql(durable: bool) -> Select[Any]:
    # Shared, so that a take-over waits for this transaction, and nothing is written here.
    return (
        select(PAIR.c.fence, PAIR.c.lease_until, _POSTGRESQL_NOW, _waiting(durable))
        .where(PAIR.c.id == bindparam("b_id"))
        .with_for_update(read=True)
    )


def _waiting(durable: bool) -> ColumnElement[str]:
    """Choose for this transaction whether its commit waits; how far (for a standby too) is the server's to say."""
    present: ColumnElement[str] = func.current_setting("synchronous_commit", type_=String)
    chosen: Any = case((present == literal_column("'off'"), "on"), else_=present) if durable else "off"
    return func.set_config("synchronous_commit", chosen, true(), type_=String)
