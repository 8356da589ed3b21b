"""Migration users in the database: adding many at once, finding and paging them. The caller owns the transaction."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import and_, case, delete, func, insert, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Batch, User
from mailferry.migration.states import SUMMARY, BatchStatus, PassKind, StatusSummary, UserStatus
from mailferry.store.keys import email_key, login_key
from mailferry.store.schema import BATCH, REPORT_LINE, SECRET, SKIPPED_ITEM, USER
from mailferry.store.userrows import select_users, user_of

ROWS_AT_ONCE = 1_000
IDS_AT_ONCE = 5_000  # well below what a statement may have as parameters
OWNER = "user"  # of a secret
MOST_OF_TARGET = 100_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class NewUser:
    """A mailbox to be added. `secret_token`: the sealed passwords (`Keyring.seal`), None if it has none of its own."""

    email_address: str
    user_name: str
    user_root: str = ""
    target_user: str = ""
    secret_token: bytes | None = None


async def add_many(
    connection: AsyncConnection, batch: Batch, new: Iterable[NewUser], now: float, *, start: bool
) -> int:
    """Add users to a batch and give their number.

    `start`: they are queued for the initial sync, but not before the batch's `start_after`; else they are stopped.
    Raises sqlalchemy.exc.IntegrityError if an address is in the batch already.
    """
    common = {
        "batch_id": batch.id,
        "endpoint_id": batch.source_endpoint_id,
        "target_endpoint_id": batch.target_endpoint_id,
        "status": UserStatus.QUEUED if start else UserStatus.STOPPED,
        "priority": batch.priority,
        "next_kind": PassKind.INITIAL if start else None,
        "due_at": max(now, batch.start_after or 0.0) if start else None,
        "created_at": now,
        "status_at": now,
        "updated_at": now,
    }
    number, last = 0, await _last_id(connection, batch.id)
    for some in bites(new, ROWS_AT_ONCE):
        await connection.execute(insert(USER), [common | columns_of(user) for user in some])
        # The ids are looked up: to have them given by INSERT costs several times as much, in either database.
        query = select(USER.c.email_key, USER.c.id).where(USER.c.batch_id == batch.id, USER.c.id > last)
        ids = {row[0]: row[1] for row in await connection.execute(query)}
        await add_secrets(connection, ids, some)
        number, last = number + len(some), max(ids.values())
    return number


async def _last_id(connection: AsyncConnection, batch_id: int) -> int:
    return (await connection.execute(select(func.max(USER.c.id)).where(USER.c.batch_id == batch_id))).scalar_one() or 0


async def add_secrets(connection: AsyncConnection, ids: Mapping[str, int], some: Sequence[NewUser]) -> None:
    """Store the secrets of users who have none yet. `ids`: by the key of the address."""
    tokens = [
        {"owner": OWNER, "owner_id": ids[email_key(user.email_address)], "token": user.secret_token}
        for user in some
        if user.secret_token is not None
    ]
    if tokens:
        await connection.execute(insert(SECRET), tokens)


def columns_of(user: NewUser) -> dict[str, Any]:
    """Give the columns that are the user's own, by name."""
    return {
        "guid": str(uuid.uuid4()),
        "email_address": user.email_address,
        "email_key": email_key(user.email_address),
        "user_name": user.user_name,
        "login_key": login_key(user.user_name),
        "user_root": user.user_root,
        "target_user": user.target_user,
    }


async def taken(connection: AsyncConnection, email_keys: Collection[str]) -> dict[str, str]:
    """Say which of these addresses are in a batch that is neither completed nor being removed, and in which."""
    given = {email_key(address): address for address in email_keys}
    found: dict[str, str] = {}
    open_batch = BATCH.c.status.not_in([BatchStatus.COMPLETED, BatchStatus.REMOVING])
    for some in bites(given, IDS_AT_ONCE):
        query = select(USER.c.email_key, BATCH.c.name).join(BATCH, BATCH.c.id == USER.c.batch_id)
        query = query.where(USER.c.email_key.in_(some), USER.c.status != UserStatus.REMOVING, open_batch)
        found.update((given[key], name) for key, name in await connection.execute(query))
    return found


async def find(connection: AsyncConnection, identity: str) -> list[User]:
    """Find by GUID or by address, in any case; an address may be in several batches."""
    named = or_(USER.c.email_key == email_key(identity), USER.c.guid == identity.lower())
    return [user_of(row) for row in await connection.execute(select_users().where(named).order_by(USER.c.id))]


async def by_id(connection: AsyncConnection, user_id: int) -> User | None:
    """Give one user."""
    row = (await connection.execute(select_users().where(USER.c.id == user_id))).first()
    return None if row is None else user_of(row)


async def page(
    connection: AsyncConnection,
    *,
    batch_id: int | None = None,
    status: UserStatus | None = None,
    summary: StatusSummary | None = None,
    search: str = "",
    after_id: int = 0,
    limit: int = 1000,
) -> list[User]:
    """Give users in the order in which they were added: those behind `after_id` that fit all that is asked for.

    `search` is a part of the address or of the login name, in any case.
    """
    statuses = _statuses(status, summary)
    if statuses == []:
        return []
    if statuses is None or len(statuses) == 1:
        query = select_users().where(USER.c.id > after_id, *_conditions(batch_id, statuses, search))
    else:
        # Each status is a range of an index in the order of ids: the first ones of all of them are merged.
        ranges = [
            select(USER.c.id)
            .where(USER.c.id > after_id, *_conditions(batch_id, [one], search))
            .order_by(USER.c.id)
            .limit(limit)
            for one in statuses
        ]
        query = select_users().where(USER.c.id.in_(union_all(*(select(some.subquery().c.id) for some in ranges))))
    return [user_of(row) for row in await connection.execute(query.order_by(USER.c.id).limit(limit))]


async def count(
    connection: AsyncConnection,
    *,
    batch_id: int | None = None,
    status: UserStatus | None = None,
    summary: StatusSummary | None = None,
    search: str = "",
) -> int:
    """Count what `page` would give in all."""
    conditions = _conditions(batch_id, _statuses(status, summary), search)
    return (await connection.execute(select(func.count()).select_from(USER).where(*conditions))).scalar_one()


async def count_due(connection: AsyncConnection, batch_id: int, now: float) -> int:
    """Count the users of a batch whose next pass could begin now and has not."""
    due = (USER.c.batch_id == batch_id, USER.c.due_at <= now, USER.c.claimed_by.is_(None))
    return (await connection.execute(select(func.count()).select_from(USER).where(*due))).scalar_one()


async def changed_since(connection: AsyncConnection, updated_at: float, limit: int, *, after_id: int = 0) -> list[User]:
    """Give users by the moment of their last change, beginning behind (`updated_at`, `after_id`).

    To go on, give both of the last one. A change is seen when its transaction ends, which may be after that of a
    later moment: look back a little.
    """
    later = or_(USER.c.updated_at > updated_at, and_(USER.c.updated_at == updated_at, USER.c.id > after_id))
    query = select_users().where(USER.c.updated_at >= updated_at, later)
    rows = await connection.execute(query.order_by(USER.c.updated_at, USER.c.id).limit(limit))
    return [user_of(row) for row in rows]


async def last_change(connection: AsyncConnection) -> float:
    """Give the moment of the last change of any user; 0: there is none."""
    return (await connection.execute(select(func.max(USER.c.updated_at)))).scalar_one() or 0.0


async def settings(
    connection: AsyncConnection,
    user_id: int,
    *,
    priority: int | None = None,
    start_after: float | None = None,
    complete_after: float | None = None,
    target_user: str | None = None,
    cleared: Collection[str] = (),
    due_at: float | None = None,
) -> None:
    """Change settings of one user, which go before those of the batch; None: as it was.

    `cleared`: those of `start_after` and `complete_after` that are to be none. `due_at`: when the initial sync of a
    queued user is due then; with a new `start_after` it is that moment.
    """
    given = {
        "priority": priority,
        "start_after": start_after,
        "complete_after": complete_after,
        "target_user": target_user,
    }
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    values |= dict.fromkeys(cleared)
    due_at = due_at if start_after is None else start_after
    if due_at is not None:
        waits = and_(USER.c.status == UserStatus.QUEUED, USER.c.next_kind == PassKind.INITIAL)
        values["due_at"] = case((waits, due_at), else_=USER.c.due_at)
    if values:
        await connection.execute(update(USER).where(USER.c.id == user_id).values(values))


async def of_target(
    connection: AsyncConnection, endpoint_id: int, search: str = "", limit: int = MOST_OF_TARGET
) -> list[User]:
    """Give users whose mail goes to a target, those with `search` in the address, by address."""
    conditions = [USER.c.target_endpoint_id == endpoint_id]
    if search:
        conditions.append(USER.c.email_key.contains(email_key(search), autoescape=True))
    query = select_users().where(*conditions).order_by(USER.c.email_key, USER.c.id).limit(limit)
    return [user_of(row) for row in await connection.execute(query)]


async def delete_many(connection: AsyncConnection, user_ids: Collection[int]) -> None:
    """Delete users with their secrets, skipped items and reports. No pass of theirs may run."""
    for some in bites(user_ids, IDS_AT_ONCE):
        await connection.execute(delete(SECRET).where(SECRET.c.owner == OWNER, SECRET.c.owner_id.in_(some)))
        await connection.execute(delete(SKIPPED_ITEM).where(SKIPPED_ITEM.c.user_id.in_(some)))
        await connection.execute(delete(REPORT_LINE).where(REPORT_LINE.c.user_id.in_(some)))
        await connection.execute(delete(USER).where(USER.c.id.in_(some)))


def _statuses(status: UserStatus | None, summary: StatusSummary | None) -> list[UserStatus] | None:
    """Give the statuses that fit; None: all, an empty list: none does."""
    if status is None and summary is None:
        return None
    return [one for one in UserStatus if status in (None, one) and summary in (None, SUMMARY[one])]


def _conditions(batch_id: int | None, statuses: Sequence[UserStatus] | None, search: str) -> list[Any]:
    conditions: list[Any] = []
    if batch_id is not None:
        conditions.append(USER.c.batch_id == batch_id)
    if statuses is not None:
        conditions.append(USER.c.status.in_(statuses))
    if search:
        address = USER.c.email_key.contains(email_key(search), autoescape=True)
        conditions.append(or_(address, USER.c.login_key.contains(login_key(search), autoescape=True)))
    return conditions


def bites(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Give so many items at once."""
    rest = iter(items)
    while bite := list(islice(rest, size)):
        yield bite
