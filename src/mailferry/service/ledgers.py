"""Where the ledger of each user is.

Beside an SQLite store each user has a file: passes write often and durably, and one file would make all of them wait
for each other. Beside PostgreSQL the ledgers are tables, because the next pass may run on another machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import delete, func

from mailferry.backends.registry import Location, mailbox_key
from mailferry.migration.model import User
from mailferry.store.database import Database
from mailferry.store.schema import LEDGER
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

        return SqlLedger(self._database.engine)

    def keys(self, user: User, source: Location, target: Location) -> tuple[str, str]:
        """Give the keys of a user's pair. The GUID is in them, so that all of a user can be forgotten, whatever server
        the endpoint named at the time; and the mailboxes, so that a new server is not taken for the old one.
        """
        return f"{user.guid} {mailbox_key(source)}", mailbox_key(target)

    def path(self, user: User) -> Path:
        """Give the file of a user beside an SQLite store; some thousand files to a folder at most."""
        return self._folder / user.guid[:2] / f"{user.guid}.db"

    async def remove(self, users: Sequence[User]) -> None:
        """Forget all about the mailbox pairs of these users. What is gone already does not matter."""
        if self._database.kind == "sqlite":
            await asyncio.to_thread(self._remove_files, users)
            return
        # By the first word of the key: one look at the table for all users, where a pattern for each would be one each.
        guid = func.split_part(LEDGER.pair.c.source_key, " ", 1)
        async with self._database.begin() as connection:
            await connection.execute(delete(LEDGER.pair).where(guid.in_([user.guid for user in users])))

    def _remove_files(self, users: Sequence[User]) -> None:
        for user in users:
            path = self.path(user)
            for suffix in ("", "-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).unlink()
