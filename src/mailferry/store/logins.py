"""How the users of a batch log in, and how that is corrected. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import and_, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.states import BatchStatus, UserStatus
from mailferry.store.schema import BATCH, SECRET, USER
from mailferry.store.users import OWNER, ROWS_AT_ONCE, NewUser, add_secrets, bites, columns_of


@dataclass(frozen=True, slots=True)
class Login:
    """How a user logs in now. `busy`: a pass runs. `secret_token`: see NewUser."""

    user_id: int
    status: UserStatus
    busy: bool
    user_name: str
    user_root: str
    target_user: str
    secret_token: bytes | None


async def of_batch(connection: AsyncConnection, batch_id: int) -> dict[str, Login]:
    """Give the logins of a batch by the key of the address."""
    columns = (USER.c.id, USER.c.email_key, USER.c.status, USER.c.claimed_by, USER.c.user_name, USER.c.user_root)
    of_user = and_(SECRET.c.owner == OWNER, SECRET.c.owner_id == USER.c.id)
    query = select(*columns, USER.c.target_user, SECRET.c.token).select_from(USER.outerjoin(SECRET, of_user))
    return {
        row.email_key: Login(
            user_id=row.id,
            status=UserStatus(row.status),
            busy=row.claimed_by is not None,
            user_name=row.user_name,
            user_root=row.user_root,
            target_user=row.target_user,
            secret_token=None if row.token is None else bytes(row.token),
        )
        for row in await connection.execute(query.where(USER.c.batch_id == batch_id))
    }


async def shared_names(connection: AsyncConnection, endpoint_id: int) -> frozenset[str]:
    """Give the login names at a source under which mailboxes are opened that begin at a root: administrators' names."""
    rooted = (USER.c.endpoint_id == endpoint_id, USER.c.user_root != "")
    rows = await connection.execute(select(USER.c.user_name).where(*rooted).distinct())
    return frozenset(rows.scalars())


@dataclass(frozen=True, slots=True)
class Holder:
    """A user whose mail comes from a source mailbox. `email_key`: of the address, for comparing."""

    email_key: str
    email_address: str
    batch: str


Source: TypeAlias = tuple[str, str]
"""A mailbox of a source endpoint: the login name, and the root without slashes at its ends."""


async def holders(connection: AsyncConnection, endpoint_id: int, sources: Set[Source]) -> dict[Source, list[Holder]]:
    """Give who has these source mailboxes in batches that are neither completed nor being removed."""
    columns = (USER.c.email_key, USER.c.email_address, USER.c.user_name, USER.c.user_root, BATCH.c.name)
    query = select(*columns).join(BATCH, BATCH.c.id == USER.c.batch_id)
    # By the batches, which have an index; one look at all users of a source is quicker than many by some names each.
    query = query.where(
        BATCH.c.source_endpoint_id == endpoint_id,
        BATCH.c.status.not_in([BatchStatus.COMPLETED, BatchStatus.REMOVING]),
        USER.c.status != UserStatus.REMOVING,
    )
    found: dict[Source, list[Holder]] = {}
    for row in await connection.execute(query):
        source = (row.user_name, row.user_root.strip("/"))
        if source in sources:
            found.setdefault(source, []).append(Holder(row.email_key, row.email_address, row.name))
    return found


async def correct(connection: AsyncConnection, corrected: Mapping[int, NewUser]) -> None:
    """Give users (ids) other logins and other secrets. A pass that runs goes on with those it has."""
    names = ("user_name", "login_key", "user_root", "target_user")
    change = update(USER).where(USER.c.id == bindparam("this_id")).values({name: bindparam(name) for name in names})
    for ids in bites(sorted(corrected), ROWS_AT_ONCE):
        new = {user_id: columns_of(corrected[user_id]) for user_id in ids}
        await connection.execute(change, [{"this_id": one} | {name: new[one][name] for name in names} for one in ids])
        await connection.execute(delete(SECRET).where(SECRET.c.owner == OWNER, SECRET.c.owner_id.in_(ids)))
        await add_secrets(connection, {new[one]["email_key"]: one for one in ids}, [corrected[one] for one in ids])
