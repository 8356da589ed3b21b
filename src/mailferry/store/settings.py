"""Settings of the service, as text by name. The caller owns the transaction."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.store.schema import SETTING


async def get_all(connection: AsyncConnection) -> dict[str, str]:
    """Give what was set; the rest has its default."""
    return {row.name: row.value for row in await connection.execute(select(SETTING))}


async def put(connection: AsyncConnection, name: str, value: str) -> None:
    """Set one."""
    changed = await connection.execute(update(SETTING).where(SETTING.c.name == name).values(value=value))
    if not changed.rowcount:
        await connection.execute(insert(SETTING).values(name=name, value=value))
