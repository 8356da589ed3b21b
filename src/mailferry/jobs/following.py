"""Batches follow their users and the clock: what the status of each is to be, and what begins when its time comes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Batch
from mailferry.migration.states import BatchStatus, Counts, UserStatus, batch_follows
from mailferry.store import batches, events, figures, transitions
from mailferry.store.database import Database
from mailferry.store.transitions import Selection

B = BatchStatus

SYNCED = frozenset({B.SYNCED, B.SYNCED_WITH_ERRORS})
COMPLETED = frozenset({B.COMPLETED, B.COMPLETED_WITH_ERRORS})
PAGE = 500


async def begin_what_is_due(database: Database, now: float) -> set[int]:
    """Start the batches and complete the users whose time has come; give the batches that may have changed."""
    async with database.connect() as connection:
        unsettled = await batches.unsettled(connection)
    due = [batch for batch in unsettled if batch.status is B.WAITING and (batch.start_after or now) <= now]
    async with database.begin() as connection:
        completing = await transitions.begin_due_completions(connection, now)
        for batch in due:
            if await batches.set_status(connection, batch.id, {B.WAITING}, B.STARTING, now, started_at=now):
                await transitions.start(connection, Selection(batch_id=batch.id), now)
                await tell_batch(connection, batch, B.STARTING, now)
    return {batch.id for batch in unsettled} | set(completing)


async def all_batches(database: Database) -> set[int]:
    """List every batch there is."""
    found: set[int] = set()
    after = ""
    while True:
        async with database.connect() as connection:
            page = await batches.page(connection, after=after, limit=PAGE)
        found.update(batch.id for batch in page)
        if len(page) < PAGE:
            return found
        after = page[-1].name


async def follow(database: Database, batch_ids: Collection[int], now: float) -> list[Batch]:
    """Bring the status of these batches to where their users stand. Writes only if there is something to change.

    Gives those that have users to remove, or are to be removed themselves.
    """
    removing, behind = [], []
    async with database.connect() as connection:
        for batch, counts in await _read(connection, batch_ids):
            if batch_follows(batch.status, counts) is not batch.status:
                behind.append(batch.id)
            if batch.status is B.REMOVING or counts[UserStatus.REMOVING]:
                removing.append(batch)
    if behind:
        async with database.begin() as connection:
            for batch, counts in await _read(connection, behind):  # again, for others may have changed them
                await _bring_up(connection, batch, counts, now)
    return removing


async def _bring_up(connection: AsyncConnection, batch: Batch, counts: Counts, now: float) -> None:
    status = batch_follows(batch.status, counts)
    if status is not batch.status:
        moments = _moments(batch, status, now)
        if await batches.set_status(connection, batch.id, {batch.status}, status, now, **moments):
            await tell_batch(connection, batch, status, now, counts)


async def tell_batch(
    connection: AsyncConnection, batch: Batch, status: BatchStatus | str, now: float, counts: Counts | None = None
) -> None:
    """Write an event about a batch."""
    if counts is None:
        counts = (await figures.counts(connection, [batch.id]))[batch.id]
    by_status = {key.value: number for key, number in counts.by_status.items() if number}
    await events.add(connection, "batch", batch.name, "", {"status": str(status), "counts": by_status}, now)


async def _read(connection: AsyncConnection, batch_ids: Iterable[int]) -> list[tuple[Batch, Counts]]:
    found = [batch for batch_id in sorted(batch_ids) if (batch := await batches.by_id(connection, batch_id))]
    counts = await figures.counts(connection, [batch.id for batch in found])
    return [(batch, counts[batch.id]) for batch in found]


def _moments(batch: Batch, status: BatchStatus, now: float) -> Mapping[str, float]:
    moments: dict[str, float] = {}
    if status in SYNCED | COMPLETED:
        moments["last_synced_at"] = now
        if batch.initial_synced_at is None:
            moments["initial_synced_at"] = now
    if status in COMPLETED:
        moments["finalized_at"] = now
    return moments
