"""Run by Alembic: the connection comes from the caller, who owns the transaction."""

from __future__ import annotations

from alembic import context

from mailferry.store.schema import METADATA


def _run() -> None:
    attributes = context.config.attributes
    connection = attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        version_table=attributes["version_table"],
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
