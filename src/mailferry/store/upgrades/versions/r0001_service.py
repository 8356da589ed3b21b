"""The tables of the service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _endpoint()
    _batch()
    _user()
    _reports()
    _settings()


def _endpoint() -> None:
    op.create_table(
        "endpoint",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("guid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("remote_server", sa.Text(), server_default="", nullable=False),
        sa.Column("port", sa.Integer(), server_default="0", nullable=False),
        sa.Column("security", sa.String(length=8), server_default="Ssl", nullable=False),
        sa.Column("authentication", sa.String(length=16), server_default="Basic", nullable=False),
        sa.Column("accept_untrusted_certificates", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("max_migrations", sa.Integer(), server_default="20", nullable=False),
        sa.Column("max_incremental_syncs", sa.Integer(), server_default="10", nullable=False),
        sa.Column("max_per_login", sa.Integer(), server_default="8", nullable=False),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("user_template", sa.Text(), server_default="", nullable=False),
        sa.Column("admin_user", sa.Text(), server_default="", nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_endpoint"),
        sa.UniqueConstraint("guid", name="uq_endpoint_guid"),
        sa.UniqueConstraint("name_key", name="uq_endpoint_name_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ux_endpoint_default",
        "endpoint",
        ["is_default"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )


def _batch() -> None:
    op.create_table(
        "batch",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("guid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("source_endpoint_id", _ID, nullable=False),
        sa.Column("target_endpoint_id", _ID, nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("include_folders", sa.Text(), server_default="", nullable=False),
        sa.Column("exclude_folders", sa.Text(), server_default="", nullable=False),
        sa.Column("notification_emails", sa.Text(), server_default="", nullable=False),
        sa.Column("report_interval_seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("skip_reports", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="", nullable=False),
        sa.Column("submitted_by", sa.Text(), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("start_after", sa.Double(), nullable=True),
        sa.Column("complete_after", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("initial_synced_at", sa.Double(), nullable=True),
        sa.Column("last_synced_at", sa.Double(), nullable=True),
        sa.Column("finalized_at", sa.Double(), nullable=True),
        sa.Column("status_at", sa.Double(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["source_endpoint_id"], ["endpoint.id"], name="fk_batch_source_endpoint_id"),
        sa.ForeignKeyConstraint(["target_endpoint_id"], ["endpoint.id"], name="fk_batch_target_endpoint_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
        sa.UniqueConstraint("guid", name="uq_batch_guid"),
        sa.UniqueConstraint("name_key", name="uq_batch_name_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_batch_source_endpoint_id", "batch", ["source_endpoint_id"], unique=False)
    op.create_index("ix_batch_target_endpoint_id", "batch", ["target_endpoint_id"], unique=False)
    op.create_table(
        "row_error",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("line", sa.Integer(), server_default="0", nullable=False),
        sa.Column("column", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("cells", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_row_error_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_row_error"),
    )
    op.create_index("ix_row_error_batch_id", "row_error", ["batch_id"], unique=False)


def _user() -> None:
    op.create_table(
        "secret",
        sa.Column("owner", sa.String(length=16), nullable=False),
        sa.Column("owner_id", _ID, autoincrement=False, nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "owner_id", name="pk_secret"),
    )
    op.create_table(
        "migration_user",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("guid", sa.String(length=36), nullable=False),
        sa.Column("batch_id", _ID, nullable=False),
        sa.Column("endpoint_id", _ID, nullable=False),
        sa.Column("target_endpoint_id", _ID, nullable=False),
        sa.Column("email_address", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), server_default="", nullable=False),
        sa.Column("login_key", sa.Text(), server_default="", nullable=False),
        sa.Column("user_root", sa.Text(), server_default="", nullable=False),
        sa.Column("target_user", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_kind", sa.String(length=16), nullable=True),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("running_kind", sa.String(length=16), nullable=True),
        sa.Column("claimed_by", sa.String(length=128), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("start_after", sa.Double(), nullable=True),
        sa.Column("complete_after", sa.Double(), nullable=True),
        sa.Column("found", sa.Integer(), server_default="0", nullable=False),
        sa.Column("synced", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("had", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bytes_found", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes_synced", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("folders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("folders_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("folder", sa.Text(), server_default="", nullable=False),
        sa.Column("phase", sa.Text(), server_default="", nullable=False),
        sa.Column("bytes_per_minute", sa.Double(), server_default="0", nullable=False),
        sa.Column("seconds_queued", sa.Double(), server_default="0", nullable=False),
        sa.Column("seconds_in_progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("seconds_synced", sa.Double(), server_default="0", nullable=False),
        sa.Column("seconds_stalled", sa.Double(), server_default="0", nullable=False),
        sa.Column("stalled_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("error_code", sa.Text(), server_default="", nullable=False),
        sa.Column("error_text", sa.Text(), server_default="", nullable=False),
        sa.Column("error_side", sa.Text(), server_default="", nullable=False),
        sa.Column("error_advice", sa.Text(), server_default="", nullable=False),
        sa.Column("error_retry", sa.Text(), server_default="", nullable=False),
        sa.Column("error_at", sa.Double(), nullable=True),
        sa.Column("consistency", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("status_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("initial_synced_at", sa.Double(), nullable=True),
        sa.Column("last_synced_at", sa.Double(), nullable=True),
        sa.Column("completed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_migration_user_batch_id"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"], name="fk_migration_user_endpoint_id"),
        sa.ForeignKeyConstraint(["target_endpoint_id"], ["endpoint.id"], name="fk_migration_user_target_endpoint_id"),
        sa.PrimaryKeyConstraint("id", name="pk_migration_user"),
        sa.UniqueConstraint("guid", name="uq_migration_user_guid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_migration_user_email_key", "migration_user", ["email_key"], unique=False)
    op.create_index("ix_user_batch_id", "migration_user", ["batch_id", "id"], unique=False)
    op.create_index("ix_user_batch_status", "migration_user", ["batch_id", "status", "id"], unique=False)
    op.create_index(
        "ix_user_claimed",
        "migration_user",
        ["endpoint_id", "running_kind", "login_key"],
        unique=False,
        sqlite_where=sa.text("claimed_by IS NOT NULL"),
        postgresql_where=sa.text("claimed_by IS NOT NULL"),
    )
    op.create_index(
        "ix_user_complete_after",
        "migration_user",
        ["complete_after"],
        unique=False,
        sqlite_where=sa.text("complete_after IS NOT NULL"),
        postgresql_where=sa.text("complete_after IS NOT NULL"),
    )
    op.create_index(
        "ix_user_due",
        "migration_user",
        ["endpoint_id", "next_kind", sa.literal_column("priority DESC"), "due_at", "id", "login_key"],
        unique=False,
        sqlite_where=sa.text("next_kind IS NOT NULL"),
        postgresql_where=sa.text("next_kind IS NOT NULL"),
    )
    op.create_index(
        "ix_user_next",
        "migration_user",
        ["endpoint_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("next_kind IS NOT NULL"),
        postgresql_where=sa.text("next_kind IS NOT NULL"),
    )
    op.create_index("ix_user_status", "migration_user", ["status", "id"], unique=False)
    op.create_index("ix_user_updated", "migration_user", ["updated_at", "id"], unique=False)
    op.create_index("ux_user_batch_email", "migration_user", ["batch_id", "email_key"], unique=True)


def _reports() -> None:
    op.create_table(
        "event",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), server_default="0", nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("batch", sa.Text(), server_default="", nullable=False),
        sa.Column("user", sa.Text(), server_default="", nullable=False),
        sa.Column("fields", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "report_line",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("at", sa.Double(), server_default="0", nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["migration_user.id"], name="fk_report_line_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_report_line"),
    )
    op.create_index("ix_report_line_user_id", "report_line", ["user_id"], unique=False)
    op.create_table(
        "skipped_item",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("folder", sa.Text(), server_default="", nullable=False),
        sa.Column("uid", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("message_id", sa.Text(), server_default="", nullable=False),
        sa.Column("date", sa.Double(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["migration_user.id"], name="fk_skipped_item_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_skipped_item"),
    )
    op.create_index("ix_skipped_item_user_id", "skipped_item", ["user_id"], unique=False)


def _settings() -> None:
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_setting"),
    )
    op.create_table(
        "token",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("digest", name="uq_token_digest"),
        sa.UniqueConstraint("name", name="uq_token_name"),
    )
