"""What happens, as it happens: the stored events, and how far the running users are."""

from __future__ import annotations

from collections.abc import Collection

from mailferry.migration.model import User
from mailferry.migration.statistics import RUNNING
from mailferry.store import events as stored
from mailferry.store import users
from mailferry.store.database import Database
from mailferry.store.events import StoredEvent

MOST_RUNNING = 1_000
"""Running users that are looked at, of each state; endpoints allow far fewer."""


class Events:
    """The events of one service, for those who watch. They are kept for a while, in order, with growing ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_id(self) -> int:
        """Give the id of the newest event; 0: there is none."""
        async with self._database.connect() as connection:
            return await stored.last_id(connection)

    async def since(self, after_id: int, *, limit: int = 500) -> list[StoredEvent]:
        """Give the events behind one, in order."""
        async with self._database.connect() as connection:
            return await stored.since(connection, after_id, limit)

    async def running(self, also: Collection[int] = ()) -> list[User]:
        """Give the users in which something runs, and those of `also` (ids) that are still there."""
        async with self._database.connect() as connection:
            found = {
                user.id: user
                for status in RUNNING
                for user in await users.page(connection, status=status, limit=MOST_RUNNING)
            }
            for user_id in also:
                user = None if user_id in found else await users.by_id(connection, user_id)
                if user is not None:
                    found[user.id] = user
        return [found[user_id] for user_id in sorted(found)]
