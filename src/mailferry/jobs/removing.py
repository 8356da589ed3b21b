"""Users and batches that are being removed go bit by bit, as soon as no pass runs for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mailferry.jobs.following import tell_batch
from mailferry.migration.model import Batch, User
from mailferry.migration.states import BatchStatus, Counts, UserStatus
from mailferry.store import batches, figures, transitions, users
from mailferry.store.database import Database
from mailferry.store.transitions import Selection

BITE = 250
"""Few enough that stops and claims, which wait meanwhile, wait for a fraction of a second."""

OnRemoved = Callable[[Batch, Sequence[User]], Awaitable[None]]
"""Clears away what else there is of these users, such as their ledgers, before their rows go. It may be called again
for the same users after a crash, and must not mind what is gone already."""


async def remove_some(database: Database, batch: Batch, on_removed: OnRemoved | None, now: float) -> bool:
    """Delete up to `BITE` users of a batch that are being removed and are not claimed; the batch itself after its
    last user, if it is being removed. True: there is more to do at once.
    """
    async with database.connect() as connection:
        found = await users.page(connection, batch_id=batch.id, status=UserStatus.REMOVING, limit=BITE)
    idle = [user for user in found if not user.claimed_by]
    if idle:
        if on_removed is not None:
            await on_removed(batch, idle)
        async with database.begin() as connection:
            await users.delete_many(connection, [user.id for user in idle])
        return True
    return await _remove_batch(database, batch, now) if not found and batch.status is BatchStatus.REMOVING else False


async def _remove_batch(database: Database, batch: Batch, now: float) -> bool:
    """Delete a batch without users. Users that came in after it was told to go are told too: True."""
    async with database.begin() as connection:
        if (await figures.counts(connection, [batch.id]))[batch.id].total:
            return await transitions.remove(connection, Selection(batch_id=batch.id), now) > 0
        await batches.delete(connection, batch.id)
        await tell_batch(connection, batch, "Removed", now, Counts({}))
    return False
