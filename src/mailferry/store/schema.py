"""The tables of the service. Moments are seconds since 1970, UTC (DOUBLE); lists are JSON; names are unique
in any case.

Nothing secret is here in the clear: `secret` holds tokens that need the key, which is kept apart from the database.
"""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, LargeBinary, MetaData, String, Table

from mailferry.store.columns import (
    BIG,
    CleanText,
    flag,
    free_text,
    identity,
    moment,
    number,
    required,
    seconds,
    size,
)
from mailferry.store.ledger_tables import add_ledger_tables

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


SETTING = Table("setting", METADATA, Column("name", String(64), primary_key=True), free_text("value"))

ENDPOINT = Table(
    "endpoint",
    METADATA,
    identity(),
    Column("guid", String(36), nullable=False, unique=True),
    required("name"),
    required("name_key", unique=True),
    Column("type", String(16), nullable=False),
    Column("role", String(16), nullable=False),
    free_text("remote_server"),
    number("port"),
    Column("security", String(8), nullable=False, server_default="Ssl"),
    Column("authentication", String(16), nullable=False, server_default="Basic"),
    flag("accept_untrusted_certificates"),
    number("max_migrations", 20),
    number("max_incremental_syncs", 10),
    number("max_per_login", 8),
    free_text("path"),
    free_text("user_template"),
    free_text("admin_user"),
    flag("is_default"),
    seconds("created_at"),
    seconds("changed_at"),
    sqlite_autoincrement=True,
)

Index(
    "ux_endpoint_default",
    ENDPOINT.c.is_default,
    unique=True,
    sqlite_where=ENDPOINT.c.is_default,
    postgresql_where=ENDPOINT.c.is_default,
)

BATCH = Table(
    "batch",
    METADATA,
    identity(),
    Column("guid", String(36), nullable=False, unique=True),
    required("name"),
    required("name_key", unique=True),
    Column("status", String(24), nullable=False),
    Column("source_endpoint_id", ForeignKey("endpoint.id"), nullable=False, index=True),
    Column("target_endpoint_id", ForeignKey("endpoint.id"), nullable=False, index=True),
    number("priority"),
    free_text("include_folders"),
    free_text("exclude_folders"),
    free_text("notification_emails"),
    seconds("report_interval_seconds"),
    flag("skip_reports"),
    free_text("time_zone"),
    free_text("submitted_by"),
    free_text("message"),
    moment("start_after"),
    moment("complete_after"),
    seconds("created_at"),
    moment("started_at"),
    moment("initial_synced_at"),
    moment("last_synced_at"),
    moment("finalized_at"),
    seconds("status_at"),
    free_text("content_filter"),
    free_text("content_filter_language"),
    moment("received_start"),
    moment("received_end"),
    sqlite_autoincrement=True,
)

USER = Table(
    "migration_user",
    METADATA,
    identity(),
    Column("guid", String(36), nullable=False, unique=True),
    Column("batch_id", ForeignKey("batch.id"), nullable=False),
    Column("endpoint_id", ForeignKey("endpoint.id"), nullable=False),
    Column("target_endpoint_id", ForeignKey("endpoint.id"), nullable=False),
    required("email_address"),
    Column("email_key", CleanText, nullable=False, index=True),
    free_text("user_name"),
    free_text("login_key"),
    free_text("user_root"),
    free_text("target_user"),
    Column("status", String(24), nullable=False),
    number("priority"),
    Column("next_kind", String(16), nullable=True),
    moment("due_at"),
    Column("running_kind", String(16), nullable=True),
    Column("claimed_by", String(128), nullable=True),
    number("fence"),
    number("attempts"),
    moment("start_after"),
    moment("complete_after"),
    number("found"),
    number("synced"),
    number("skipped"),
    number("had"),
    size("bytes_found"),
    size("bytes_synced"),
    number("folders"),
    number("folders_done"),
    free_text("folder"),
    free_text("phase"),
    seconds("bytes_per_minute"),
    seconds("seconds_queued"),
    seconds("seconds_in_progress"),
    seconds("seconds_synced"),
    seconds("seconds_stalled"),
    free_text("stalled_reason"),
    free_text("error_code"),
    free_text("error_text"),
    free_text("error_side"),
    free_text("error_advice"),
    free_text("error_retry"),
    moment("error_at"),
    free_text("consistency"),
    seconds("created_at"),
    seconds("status_at"),
    seconds("updated_at"),
    moment("initial_synced_at"),
    moment("last_synced_at"),
    moment("completed_at"),
    sqlite_autoincrement=True,
)
Index("ux_user_batch_email", USER.c.batch_id, USER.c.email_key, unique=True)
Index("ix_user_batch_id", USER.c.batch_id, USER.c.id)
Index("ix_user_batch_status", USER.c.batch_id, USER.c.status, USER.c.id)
Index("ix_user_status", USER.c.status, USER.c.id)
Index("ix_user_updated", USER.c.updated_at, USER.c.id)


def _partial(name: str, column: Column[str] | Column[float], *columns: ColumnElement[object]) -> None:
    """Index the rows only in which the column has a value."""
    there = column.is_not(None)
    Index(name, *columns, sqlite_where=there, postgresql_where=there)


# What is due, in the order in which it runs; the login at the end lets those be passed over that are used up.
_partial(
    "ix_user_due",
    USER.c.next_kind,
    USER.c.endpoint_id,
    USER.c.next_kind,
    USER.c.priority.desc(),
    USER.c.due_at,
    USER.c.id,
    USER.c.login_key,
)
_partial("ix_user_next", USER.c.next_kind, USER.c.endpoint_id, USER.c.due_at)
_partial("ix_user_claimed", USER.c.claimed_by, USER.c.endpoint_id, USER.c.running_kind, USER.c.login_key)
_partial("ix_user_complete_after", USER.c.complete_after, USER.c.complete_after)

SECRET = Table(
    "secret",
    METADATA,
    Column("owner", String(16), primary_key=True),  # "user", "endpoint" or "service"
    Column("owner_id", BIG, primary_key=True, autoincrement=False),
    Column("token", LargeBinary, nullable=False),
)

ROW_ERROR = Table(
    "row_error",
    METADATA,
    identity(),
    Column("batch_id", ForeignKey("batch.id"), nullable=False, index=True),
    number("line"),
    free_text("column"),
    free_text("code"),
    free_text("message"),
    free_text("cells"),  # JSON, without passwords
)

SKIPPED_ITEM = Table(
    "skipped_item",
    METADATA,
    identity(),
    Column("user_id", ForeignKey("migration_user.id"), nullable=False, index=True),
    free_text("folder"),
    size("uid"),
    free_text("kind"),
    free_text("code"),
    free_text("reason"),
    free_text("subject"),
    free_text("message_id"),
    moment("date"),
    size("size_bytes"),
)

REPORT_LINE = Table(
    "report_line",
    METADATA,
    identity(),
    Column("user_id", ForeignKey("migration_user.id"), nullable=False, index=True),
    seconds("at"),
    Column("level", String(8), nullable=False),
    free_text("text"),
)

EVENT = Table(
    "event",
    METADATA,
    identity(),
    seconds("at"),
    Column("name", String(32), nullable=False),
    free_text("batch"),
    free_text("user"),
    free_text("fields"),  # JSON
    sqlite_autoincrement=True,
)

TOKEN = Table(
    "token",
    METADATA,
    identity(),
    required("name", unique=True),
    Column("role", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    seconds("created_at"),
    moment("used_at"),
)

LEDGER = add_ledger_tables(METADATA)
"""The ledgers of all users; used with PostgreSQL, where a pass may go on at another machine."""
