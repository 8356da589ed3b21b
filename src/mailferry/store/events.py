"""What happened, for whoever follows: numbered without end, the newest kept. The caller owns the transaction.

Events name batches and addresses, and stay when a batch is removed: they hold no secrets, and tell that it was removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.store.schema import EVENT

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event. `batch` and `user` are a name and an address, '' if it is about none."""

    id: int
    at: float
    name: str
    batch: str
    user: str
    fields: dict[str, Any]


async def add(
    connection: AsyncConnection, name: str, batch: str, user: str, fields: Mapping[str, object], now: float
) -> None:
    """Store an event. `fields` must be fit for JSON."""
    text = json.dumps(dict(fields), ensure_ascii=False)
    await connection.execute(insert(EVENT).values(at=now, name=name, batch=batch, user=user, fields=text))


async def since(connection: AsyncConnection, after_id: int, limit: int = 1000) -> list[StoredEvent]:
    """Give the events behind one, in order."""
    query = select(EVENT).where(EVENT.c.id > after_id).order_by(EVENT.c.id).limit(limit)
    return [
        StoredEvent(row.id, row.at, row.name, row.batch, row.user, json.loads(row.fields) if row.fields else {})
        for row in await connection.execute(query)
    ]


async def last_id(connection: AsyncConnection) -> int:
    """Give the number of the newest event, 0 if there is none."""
    return (await connection.execute(select(func.max(EVENT.c.id)))).scalar_one() or 0


async def prune(connection: AsyncConnection, keep: int = KEPT) -> int:
    """Forget all but the newest events; give how many."""
    oldest = select(EVENT.c.id).order_by(EVENT.c.id.desc()).offset(keep).limit(1).scalar_subquery()
    return (await connection.execute(delete(EVENT).where(EVENT.c.id <= oldest))).rowcount
