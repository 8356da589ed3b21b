"""Users go over from batch to batch, with all that is theirs. The caller owns the transaction.

The row itself moves: its id, its GUID, its secret, its report and, by the GUID, its ledger. So there is never a second
row that could run a pass of the same mailbox, and nothing of the user stays in the old batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Batch, Failure, Progress, User
from mailferry.migration.states import BatchStatus, PassKind, UserStatus
from mailferry.store.elapsed import status_left
from mailferry.store.keys import email_key
from mailferry.store.schema import BATCH, REPORT_LINE, USER
from mailferry.store.userrows import failure_values, progress_values, select_users, user_of
from mailferry.store.users import IDS_AT_ONCE, ROWS_AT_ONCE, bites

IMMOVABLE: Final = frozenset({UserStatus.REMOVING, UserStatus.CORRUPTED})
"""Users in these states stay where they are. So do those in whom a pass runs: it belongs to its batch."""


async def named(connection: AsyncConnection, identities: Collection[str]) -> dict[str, list[User]]:
    """Give the users whom addresses (in any case) and GUIDs name, by identity."""
    found: dict[str, list[User]] = {identity: [] for identity in identities}
    for some in bites(found, IDS_AT_ONCE):
        keys = {email_key(identity) for identity in some}
        names = or_(USER.c.email_key.in_(keys), USER.c.guid.in_({identity.lower() for identity in some}))
        query = select_users().where(names).order_by(USER.c.id)
        rows = [user_of(row) for row in await connection.execute(query)]
        by_key: dict[str, list[User]] = {}
        for user in rows:
            by_key.setdefault(email_key(user.email_address), []).append(user)
        by_guid = {user.guid: user for user in rows}
        for identity in some:
            alone = by_guid.get(identity.lower())
            found[identity] = [alone] if alone is not None else by_key.get(email_key(identity), [])
    return found


async def in_open_batches(connection: AsyncConnection, email_keys: Collection[str]) -> dict[str, User]:
    """Give the users with these addresses in batches that are neither completed nor being removed, by the key."""
    found: dict[str, User] = {}
    open_batch = BATCH.c.status.not_in([BatchStatus.COMPLETED, BatchStatus.REMOVING])
    for some in bites(email_keys, IDS_AT_ONCE):
        there = (USER.c.email_key.in_(some), USER.c.status != UserStatus.REMOVING, open_batch)
        for row in await connection.execute(select_users().where(*there).order_by(USER.c.id)):
            found[row.email_key] = user_of(row)
    return found


async def move(
    connection: AsyncConnection, batch: Batch, user_ids: Iterable[int], now: float, *, start: bool
) -> set[int]:
    """Move users into a batch and give the ids of those who went; who could not, stays (`IMMOVABLE`).

    Their settings are those of the new batch. `start`: they are queued, for an incremental sync if their initial one is
    done; else they are stopped. Whose source or target is another one than before begins anew.
    Raises sqlalchemy.exc.IntegrityError if an address is in the batch already.
    """
    moved: set[int] = set()
    for some in bites(sorted(user_ids), ROWS_AT_ONCE):
        rows = (await connection.execute(_movable(batch, some))).all()
        ids = [row.id for row in rows]
        if not ids:
            continue
        await connection.execute(update(USER).where(USER.c.id.in_(ids), ~_same_places(batch)).values(_AS_NEW))
        await connection.execute(update(USER).where(USER.c.id.in_(ids)).values(_moved(batch, now, start=start)))
        lines = [
            {"user_id": row.id, "at": now, "level": "info", "text": f"Went over from the batch {row.batch}."}
            for row in rows
        ]
        await connection.execute(insert(REPORT_LINE), lines)
        moved.update(ids)
    return moved


_AS_NEW: Final[dict[str, Any]] = {
    "initial_synced_at": None,
    "last_synced_at": None,
    "consistency": "",
    **progress_values(Progress()),
}


def _movable(batch: Batch, ids: Collection[int]) -> Any:
    free = (USER.c.claimed_by.is_(None), USER.c.status.not_in(sorted(IMMOVABLE)))
    query = select(USER, BATCH.c.name.label("batch")).join(BATCH, BATCH.c.id == USER.c.batch_id)
    query = query.where(USER.c.id.in_(ids), USER.c.batch_id != batch.id, *free).order_by(USER.c.id)
    return query.with_for_update(of=USER)


def _same_places(batch: Batch) -> ColumnElement[bool]:
    return and_(USER.c.endpoint_id == batch.source_endpoint_id, USER.c.target_endpoint_id == batch.target_endpoint_id)


def _moved(batch: Batch, now: float, *, start: bool) -> dict[str, Any]:
    done = USER.c.initial_synced_at.is_not(None)
    stopped = case((done, UserStatus.INCREMENTAL_STOPPED.value), else_=UserStatus.STOPPED.value)
    following = case((done, PassKind.INCREMENTAL.value), else_=PassKind.INITIAL.value)
    return {
        **status_left(now),
        "batch_id": batch.id,
        "endpoint_id": batch.source_endpoint_id,
        "target_endpoint_id": batch.target_endpoint_id,
        "priority": batch.priority,
        "start_after": None,
        "complete_after": None,
        "completed_at": None,
        "status": UserStatus.QUEUED.value if start else stopped,
        "next_kind": following if start else None,
        "due_at": max(now, batch.start_after or 0.0) if start else None,
        "attempts": 0,
        "stalled_reason": "",
        "folder": "",
        "phase": "",
        **failure_values(Failure()),
    }
