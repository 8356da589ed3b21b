"""Tokens of the API, of which only a digest is known. The caller owns the transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.store.schema import TOKEN


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token that opens the API. `role` is what its bearer may do."""

    id: int
    name: str
    role: str
    digest: str
    created_at: float
    used_at: float | None = None


async def add(connection: AsyncConnection, name: str, role: str, digest: str, now: float) -> TokenRecord:
    """Store a new token by its digest. Raises sqlalchemy.exc.IntegrityError if the name is taken."""
    query = insert(TOKEN).values(name=name, role=role, digest=digest, created_at=now).returning(TOKEN.c.id)
    return TokenRecord((await connection.execute(query)).scalar_one(), name, role, digest, now)


async def find(connection: AsyncConnection, digest: str) -> TokenRecord | None:
    """Give the token with this digest."""
    row = (await connection.execute(select(TOKEN).where(TOKEN.c.digest == digest))).first()
    return None if row is None else TokenRecord(*row)


async def all(connection: AsyncConnection) -> list[TokenRecord]:  # noqa: A001 - read as tokens.all()
    """Give all tokens by name."""
    return [TokenRecord(*row) for row in await connection.execute(select(TOKEN).order_by(TOKEN.c.name))]


async def used(connection: AsyncConnection, token_id: int, now: float, *, every_seconds: float = 60.0) -> None:
    """Note that a token was used; not more often than each minute, so that reading does not write all the time."""
    long_ago = or_(TOKEN.c.used_at.is_(None), TOKEN.c.used_at < now - every_seconds)
    await connection.execute(update(TOKEN).where(TOKEN.c.id == token_id, long_ago).values(used_at=now))


async def delete(connection: AsyncConnection, name: str) -> bool:
    """Take a token away; False: there is none of this name."""
    return (await connection.execute(delete_rows(TOKEN).where(TOKEN.c.name == name))).rowcount == 1
