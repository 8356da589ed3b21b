"""Where the ledger of each user is.

Beside an SQLite store each user has a file: passes write often and durably, and one file would make all of them wait for
each other. Beside PostgreSQL the ledgers are tables, because the next pass may run on another machine.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mailferry.migration.model import User
from mailferry.store.database import Database
from mailferry.sync.ledger import Ledger


class Ledgers:
    """The ledgers of one service."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    async def of(self, user: User) -> Ledger:
        """Give a user's ledger; its pair is not open yet."""
        if self._database.kind == "sqlite":
            from mailferry.sync.ledger_sqlite import SqliteLedger

            path = self.path(user)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return SqliteLedger(path)
        from mailferry.store.ledger import SqlLedger

        return SqlLedger(self._database.engine, owner=user.guid)

    def path(self, user: User) -> Path:
        """Give the file of a user beside an SQLite store; some thousand files to a folder at most."""
        return self._folder / user.guid[:2] / f"{user.guid}.db"

    async def remove(self, user: User) -> None:
        """Forget all about a user's mailbox pair."""
        if self._database.kind == "sqlite":
            path = self.path(user)
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).unlink()
            return
        from mailferry.store.ledger import SqlLedger

        await SqlLedger(self._database.engine, owner=user.guid).remove_all()
