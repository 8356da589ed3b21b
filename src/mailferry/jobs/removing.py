"""Users and batches that are being removed go bit by bit, as soon as no pass runs for them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from mailferry.jobs.following import tell_batch
from mailferry.migration.model import Batch, User
from mailferry.migration.states import BatchStatus, Counts, UserStatus
from mailferry.store import batches, figures, transitions, users
from mailferry.store.database import Database
from mailferry.store.transitions import Selection

log = logging.getLogger(__name__)

BITE = 250
"""Few enough that stops and claims, which wait meanwhile, wait for a fraction of a second."""

OnRemoved = Callable[[Batch, Sequence[User]], Awaitable[None]]
"""Clears away what else there is of these users, such as their ledgers, before their rows go. It may be called again
for the same users after a crash, and must not mind what is gone already."""


class Remover:
    """Removes what is to be removed, and sees to it that nothing of it is left in the files of the database."""

    def __init__(self, database: Database, on_removed: OnRemoved | None) -> None:
        self._database = database
        self._on_removed = on_removed
        self._to_scrub = True  # an earlier life may have ended between a removal and the scrubbing

    async def remove(self, batches: Sequence[Batch], now: float) -> set[int]:
        """Delete a bite of each of these batches; give those of which there is more to delete at once."""
        more = set()
        for batch in batches:
            try:
                if await self._some(batch, now):
                    more.add(batch.id)
            except Exception:  # the others are not to wait for it
                log.exception("removal failed", extra={"batch": batch.name})
        return more

    async def scrub(self) -> None:
        """Clean up after removals, if there were any and nobody stands in the way."""
        if self._to_scrub:
            self._to_scrub = not await self._database.scrub()

    async def _some(self, batch: Batch, now: float) -> bool:
        """Delete up to `BITE` users of a batch that are being removed and are not claimed; the batch itself after its
        last user, if it is being removed. True: there is more to do at once.
        """
        async with self._database.connect() as connection:
            found = await users.page(connection, batch_id=batch.id, status=UserStatus.REMOVING, limit=BITE)
        idle = [user for user in found if not user.claimed_by]
        if idle:
            if self._on_removed is not None:
                await self._on_removed(batch, idle)
            async with self._database.begin() as connection:
                await users.delete_many(connection, [user.id for user in idle])
            self._to_scrub = True
            return True
        removing = batch.status is BatchStatus.REMOVING
        return await _remove_batch(self._database, batch, now) if removing and not found else False


async def _remove_batch(database: Database, batch: Batch, now: float) -> bool:
    """Delete a batch without users. Users that came in after it was told to go are told too: True."""
    async with database.begin() as connection:
        if (await figures.counts(connection, [batch.id]))[batch.id].total:
            return await transitions.remove(connection, Selection(batch_id=batch.id), now) > 0
        await batches.delete(connection, batch.id)
        await tell_batch(connection, batch, "Removed", now, Counts({}))
    return False
