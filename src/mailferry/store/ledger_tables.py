"""Tables of the ledger in the service's database: the same rows as in the file of `sync/ledger_schema.py`.

The columns have the same names, so that records become rows by the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from mailferry.sync.ledger_schema import BLOB_COLUMNS, TALLY_COLUMNS, text

_NUL, _NUL_ESCAPED = "\0", "\ufdd00"
_MARK, _MARK_ESCAPED = "\ufdd0", "\ufdd01"


class ServerText(TypeDecorator[str]):
    """Text that a server wrote, given back as it was.

    PostgreSQL takes no NUL, so one is stored behind a code point that is no character (U+FDD0). A lone surrogate (a
    byte of an answer that is no UTF-8) becomes an escape for good.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make text storable."""
        return None if value is None else text(value).replace(_MARK, _MARK_ESCAPED).replace(_NUL, _NUL_ESCAPED)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Give the text as it was."""
        return value if value is None or _MARK not in value else _unescaped(value)


def _unescaped(value: str) -> str:
    return value.replace(_NUL_ESCAPED, _NUL).replace(_MARK_ESCAPED, _MARK)


@dataclass(frozen=True, slots=True)
class LedgerTables:
    """The tables of the ledger in one MetaData."""

    pair: Table
    folder: Table
    chunk: Table
    exception: Table
    attempt: Table


def add_ledger_tables(metadata: MetaData) -> LedgerTables:
    """Declare the tables in `metadata`. Raises sqlalchemy.exc.InvalidRequestError if they are there already."""
    return LedgerTables(_pair(metadata), _folder(metadata), _chunk(metadata), _exception(metadata), _attempt(metadata))


def _id() -> Column[int]:
    """An id that is never given twice: a run whose pair or chunk was removed cannot hit its successor."""
    return Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


def _column(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _numbers(*names: str) -> list[Column[Any]]:
    """UIDs have 32 bits without a sign, mod-sequences 63, so 64 are stored."""
    return [_column(name, BigInteger()) for name in names]


def _texts(*names: str) -> list[Column[Any]]:
    return [_column(name, ServerText()) for name in names]


def _bytes(*names: str) -> list[Column[Any]]:
    return [_column(name, LargeBinary()) for name in names]


def _owner(column: str, table: str) -> Column[int]:
    return Column(column, BigInteger(), ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def _pair(metadata: MetaData) -> Table:
    return Table(
        "ledger_pair", metadata, _id(), *_texts("source_key", "target_key"), *_numbers("fence"),
        _column("lease_until", Double()), *_numbers("pass_no"),
        UniqueConstraint("source_key", "target_key", name="uq_ledger_pair"),
        sqlite_autoincrement=True,
    )  # fmt: skip


def _folder(metadata: MetaData) -> Table:
    return Table(
        "ledger_folder", metadata, _id(), _owner("pair_id", "ledger_pair"), *_bytes("source_raw"),
        *_texts("source_path", "target_path"), *_bytes("target_raw"), *_texts("reason", "special_use", "mailbox_id"),
        _column("made_by_us", Boolean()), _column("adopted", Boolean()),
        *_numbers(
            "source_uid_validity", "target_uid_validity", "source_uid_next_done", "source_messages",
            "source_modseq_begun", "source_modseq_done", "target_uid_next", "target_messages", "full_compare_at",
        ),
        _column("in_doubt", Boolean()), *_numbers("sweep_floor"), *_texts("flag_sets"),
        UniqueConstraint("pair_id", "source_raw", name="uq_ledger_folder"),
        sqlite_autoincrement=True,
    )  # fmt: skip


def _chunk(metadata: MetaData) -> Table:
    # The columns that are read most come first: SQLite reads a long row only as far as it is asked for.
    table = Table(
        "ledger_chunk", metadata, _id(), _owner("folder_id", "ledger_folder"), *_numbers("seq"),
        *_texts("state", "kind", "mode"),
        *_numbers("source_uid_validity", "target_uid_validity", "floor", "cover_lo", "cover_hi"),
        _column("opened_at", Double()), _column("settled_at", Double()), *_numbers("attempts", *TALLY_COLUMNS),
        *_bytes(*BLOB_COLUMNS),
        UniqueConstraint("folder_id", "seq", name="uq_ledger_chunk"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    unsettled, revisable = table.c.state != "settled", table.c.n_revisable > 0
    Index("ix_ledger_chunk_unsettled", table.c.folder_id, sqlite_where=unsettled, postgresql_where=unsettled)
    Index(
        "ix_ledger_chunk_revisable", table.c.folder_id, table.c.seq, sqlite_where=revisable, postgresql_where=revisable
    )
    return table


def _exception(metadata: MetaData) -> Table:
    return Table(
        "ledger_exception", metadata, _owner("folder_id", "ledger_folder"), *_numbers("source_uid_validity", "uid"),
        *_texts("kind", "code", "server_text", "subject", "message_id"), *_numbers("date", "size_bytes"),
        *_texts("detail"), *_numbers("pass_no"), _column("retry", Boolean()), *_texts("topic"),
        PrimaryKeyConstraint("folder_id", "source_uid_validity", "uid", "kind", "topic", name="pk_ledger_exception"),
        sqlite_with_rowid=False,
    )  # fmt: skip


def _attempt(metadata: MetaData) -> Table:
    return Table(
        "ledger_attempt", metadata, _owner("folder_id", "ledger_folder"), *_numbers("uid_validity", "uid", "attempts"),
        PrimaryKeyConstraint("folder_id", "uid_validity", "uid", name="pk_ledger_attempt"),
        sqlite_with_rowid=False,
    )  # fmt: skip
