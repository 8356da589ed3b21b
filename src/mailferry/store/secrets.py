"""Sealed passwords in the database. Only a `Keyring` can read them. The caller owns the transaction."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ColumnElement, and_, bindparam, insert, or_, select, update
from sqlalchemy import delete as delete_rows
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.store.keyring import Keyring
from mailferry.store.schema import SECRET

__all__ = ["Keyring", "Owner", "delete", "get", "put", "reseal_all"]

Owner = Literal["user", "endpoint", "service"]
"""Whose secrets: the service itself (id 0) has the password of the mail server."""
_ROWS_AT_ONCE = 1_000


async def put(connection: AsyncConnection, owner: Owner, owner_id: int, token: bytes) -> None:
    """Store the secrets of an owner in the place of those that were there."""
    changed = await connection.execute(update(SECRET).where(*_of(owner, owner_id)).values(token=token))
    if not changed.rowcount:
        await connection.execute(insert(SECRET).values(owner=owner, owner_id=owner_id, token=token))


async def get(connection: AsyncConnection, owner: Owner, owner_id: int) -> bytes | None:
    """Give sealed secrets; None: there are none."""
    found = (await connection.execute(select(SECRET.c.token).where(*_of(owner, owner_id)))).scalar_one_or_none()
    return None if found is None else bytes(found)


async def delete(connection: AsyncConnection, owner: Owner, owner_id: int) -> None:
    """Forget the secrets of an owner."""
    await connection.execute(delete_rows(SECRET).where(*_of(owner, owner_id)))


async def reseal_all(connection: AsyncConnection, keyring: Keyring) -> int:
    """Seal everything under the newest key; give the number. Raises KeyUnusable if a key is missing."""
    number, owner, owner_id = 0, "", 0
    change = update(SECRET).where(SECRET.c.owner == bindparam("o"), SECRET.c.owner_id == bindparam("i"))
    while True:
        after = or_(SECRET.c.owner > owner, and_(SECRET.c.owner == owner, SECRET.c.owner_id > owner_id))
        query = select(SECRET).where(after).order_by(SECRET.c.owner, SECRET.c.owner_id).limit(_ROWS_AT_ONCE)
        rows = (await connection.execute(query.with_for_update())).all()
        if not rows:
            return number
        fresh = [{"o": row.owner, "i": row.owner_id, "token": keyring.reseal(bytes(row.token))} for row in rows]
        await connection.execute(change.values(token=bindparam("token")), fresh)
        number += len(rows)
        owner, owner_id = rows[-1].owner, rows[-1].owner_id


def _of(owner: Owner, owner_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return SECRET.c.owner == owner, SECRET.c.owner_id == owner_id
