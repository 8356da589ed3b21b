"""Settings of the service, as text by name. The caller owns the transaction."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update
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


async def swap(connection: AsyncConnection, name: str, before: str, value: str) -> bool:
    """Set one if it still is `before` ('': not set); False: somebody else was faster.

    Raises sqlalchemy.exc.IntegrityError if two set for the first time at once.
    """
    if not before:
        await connection.execute(insert(SETTING).values(name=name, value=value))
        return True
    there = (SETTING.c.name == name, SETTING.c.value == before)
    return (await connection.execute(update(SETTING).where(*there).values(value=value))).rowcount == 1


async def forget(connection: AsyncConnection, name: str) -> None:
    """Remove one; it has its default again."""
    await connection.execute(delete(SETTING).where(SETTING.c.name == name))
