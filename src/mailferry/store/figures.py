"""What is counted over the users of batches, by the database and along an index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.states import Counts, UserStatus
from mailferry.migration.statistics import worst
from mailferry.store.schema import USER


@dataclass(frozen=True, slots=True)
class Sums:
    """What the users of a batch have together.

    `percentage`: how much is through on average, every mailbox counting the same. `worst_consistency` '': no user has
    a score yet.
    """

    users: int = 0
    found: int = 0
    synced: int = 0
    skipped: int = 0
    bytes_found: int = 0
    bytes_synced: int = 0
    percentages: int = 0
    worst_consistency: str = ""

    @property
    def percentage(self) -> int:
        """0 to 100; 100 only when all users are through."""
        return self.percentages // self.users if self.users else 0


async def counts(connection: AsyncConnection, batch_ids: Collection[int]) -> dict[int, Counts]:
    """Count the users of batches by status. Each batch that is asked for is in the answer."""
    query = select(USER.c.batch_id, USER.c.status, func.count()).where(USER.c.batch_id.in_(batch_ids))
    found: dict[int, dict[UserStatus, int]] = {batch_id: {} for batch_id in batch_ids}
    for batch_id, status, number in await connection.execute(query.group_by(USER.c.batch_id, USER.c.status)):
        found[batch_id][UserStatus(status)] = number
    return {batch_id: Counts(by_status) for batch_id, by_status in found.items()}


async def sums(connection: AsyncConnection, batch_ids: Collection[int]) -> dict[int, Sums]:
    """Add up the users of batches. Each batch that is asked for is in the answer."""
    columns = [USER.c[name] for name in ("found", "synced", "skipped", "bytes_found", "bytes_synced")]
    added = [func.count(), *map(func.sum, columns), func.sum(_PERCENTAGE)]
    query = select(USER.c.batch_id, USER.c.consistency, *added).where(USER.c.batch_id.in_(batch_ids))
    parts: dict[int, list[tuple[str, tuple[int, ...]]]] = {batch_id: [] for batch_id in batch_ids}
    for batch_id, score, *numbers in await connection.execute(query.group_by(USER.c.batch_id, USER.c.consistency)):
        parts[batch_id].append((score, tuple(map(int, numbers))))
    return {batch_id: _together(rows) for batch_id, rows in parts.items()}


# As `statistics.percentage`, but computed where the rows are.
_THROUGH = USER.c.synced + USER.c.skipped
_PERCENTAGE = case(
    (USER.c.initial_synced_at.is_not(None), 100),
    (USER.c.found == 0, 0),
    (USER.c.found <= _THROUGH, 99),
    else_=_THROUGH * 100 // USER.c.found,
)


def _together(rows: list[tuple[str, tuple[int, ...]]]) -> Sums:
    if not rows:
        return Sums()
    users, found, synced, skipped, bytes_found, bytes_synced, percentages = (
        sum(column) for column in zip(*(part for _, part in rows), strict=True)
    )
    score = worst(score for score, _ in rows)
    return Sums(users, found, synced, skipped, bytes_found, bytes_synced, percentages, score)
