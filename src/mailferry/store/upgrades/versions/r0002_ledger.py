"""The tables of the ledgers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _pair()
    _folder()
    _chunk()
    _message()


def _pair() -> None:
    op.create_table(
        "ledger_pair",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("target_key", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.Column("pass_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_pair"),
        sa.UniqueConstraint("source_key", "target_key", name="uq_ledger_pair"),
        sqlite_autoincrement=True,
    )


def _folder() -> None:
    op.create_table(
        "ledger_folder",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("pair_id", sa.BigInteger(), nullable=False),
        sa.Column("source_raw", sa.LargeBinary(), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("target_path", sa.Text(), nullable=False),
        sa.Column("target_raw", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("special_use", sa.Text(), nullable=False),
        sa.Column("mailbox_id", sa.Text(), nullable=False),
        sa.Column("made_by_us", sa.Boolean(), nullable=False),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.Column("source_uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("target_uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("source_uid_next_done", sa.BigInteger(), nullable=False),
        sa.Column("source_messages", sa.BigInteger(), nullable=False),
        sa.Column("source_modseq_begun", sa.BigInteger(), nullable=False),
        sa.Column("source_modseq_done", sa.BigInteger(), nullable=False),
        sa.Column("target_uid_next", sa.BigInteger(), nullable=False),
        sa.Column("target_messages", sa.BigInteger(), nullable=False),
        sa.Column("full_compare_at", sa.BigInteger(), nullable=False),
        sa.Column("in_doubt", sa.Boolean(), nullable=False),
        sa.Column("sweep_floor", sa.BigInteger(), nullable=False),
        sa.Column("flag_sets", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["pair_id"], ["ledger_pair.id"], name="fk_ledger_folder_pair_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_folder"),
        sa.UniqueConstraint("pair_id", "source_raw", name="uq_ledger_folder"),
        sqlite_autoincrement=True,
    )


def _chunk() -> None:
    op.create_table(
        "ledger_chunk",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("source_uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("target_uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("cover_lo", sa.BigInteger(), nullable=False),
        sa.Column("cover_hi", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("settled_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("n_confirmed", sa.BigInteger(), nullable=False),
        sa.Column("n_refused", sa.BigInteger(), nullable=False),
        sa.Column("n_lost", sa.BigInteger(), nullable=False),
        sa.Column("n_revisable", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_bytes", sa.BigInteger(), nullable=False),
        sa.Column("uids", sa.LargeBinary(), nullable=False),
        sa.Column("target_uids", sa.LargeBinary(), nullable=False),
        sa.Column("outcomes", sa.LargeBinary(), nullable=False),
        sa.Column("flags", sa.LargeBinary(), nullable=False),
        sa.Column("dates", sa.LargeBinary(), nullable=False),
        sa.Column("sizes", sa.LargeBinary(), nullable=False),
        sa.Column("identities", sa.LargeBinary(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["ledger_folder.id"], name="fk_ledger_chunk_folder_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_chunk"),
        sa.UniqueConstraint("folder_id", "seq", name="uq_ledger_chunk"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_ledger_chunk_revisable",
        "ledger_chunk",
        ["folder_id", "seq"],
        unique=False,
        sqlite_where=sa.text("n_revisable > 0"),
        postgresql_where=sa.text("n_revisable > 0"),
    )
    op.create_index(
        "ix_ledger_chunk_unsettled",
        "ledger_chunk",
        ["folder_id"],
        unique=False,
        sqlite_where=sa.text("state != 'settled'"),
        postgresql_where=sa.text("state != 'settled'"),
    )


def _message() -> None:
    op.create_table(
        "ledger_attempt",
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["ledger_folder.id"], name="fk_ledger_attempt_folder_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("folder_id", "uid_validity", "uid", name="pk_ledger_attempt"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_exception",
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("source_uid_validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("server_text", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("date", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("pass_no", sa.BigInteger(), nullable=False),
        sa.Column("retry", sa.Boolean(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["ledger_folder.id"], name="fk_ledger_exception_folder_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("folder_id", "source_uid_validity", "uid", "kind", "topic", name="pk_ledger_exception"),
        sqlite_with_rowid=False,
    )
