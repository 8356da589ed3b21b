"""Bringing a database to the tables of this version, by Alembic. Its scripts are in `upgrades/`."""

from __future__ import annotations

import os

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from mailferry.store.errors import StoreUnreadable

VERSION_TABLE = "store_version"
_LOCK = 0x6D61696C66657272  # any number that nobody else uses on the same PostgreSQL database


def configuration(connection: Connection) -> Config:
    """Give what Alembic needs to know; there is no alembic.ini."""
    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", os.path.join(os.path.dirname(__file__), "upgrades").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def upgrade(connection: Connection) -> None:
    """Upgrade within the caller's transaction. Of several that come at once, one upgrades and the others wait.

    Raises StoreUnreadable for a database that a newer version wrote, or that is somebody else's.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    config = configuration(connection)
    script = ScriptDirectory.from_config(config)
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    found = context.get_current_heads()
    known = {revision.revision for revision in script.walk_revisions()}
    if newer := set(found) - known:
        raise StoreUnreadable(f"A newer version of Mailferry wrote it (revision {', '.join(sorted(newer))}).")
    if not found and inspect(connection).get_table_names():
        raise StoreUnreadable("The database has tables of another program.")
    if set(found) != set(script.get_heads()):
        command.upgrade(config, "heads")
