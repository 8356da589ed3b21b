"""What a person or the clock asks of many users at once, each in one statement.

A user that a worker has claimed keeps its claim: it is told to stop, and leaves when its pass ends (`claims.finish`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, literal, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Failure
from mailferry.migration.states import USER_ACTIONS, Action, PassKind, UserStatus
from mailferry.store.elapsed import status_left
from mailferry.store.schema import BATCH, USER
from mailferry.store.userrows import failure_values

IDS_AT_ONCE = 5_000

_CLAIMED = USER.c.claimed_by.is_not(None)
_INITIAL_DONE = USER.c.initial_synced_at.is_not(None)
_NOTHING_NEXT = {"next_kind": None, "due_at": None, "stalled_reason": "", "attempts": 0}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which users are meant: those that fit all that is given. Nothing given means all users."""

    batch_id: int | None = None
    user_ids: Collection[int] | None = None
    statuses: Collection[UserStatus] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Give it as conditions of a statement."""
        conditions: list[ColumnElement[bool]] = []
        if self.batch_id is not None:
            conditions.append(USER.c.batch_id == self.batch_id)
        if self.user_ids is not None:
            conditions.append(USER.c.id.in_(self.user_ids))
        if self.statuses is not None:
            conditions.append(USER.c.status.in_(self.statuses))
        return conditions


async def start(connection: AsyncConnection, where: Selection, now: float) -> int:
    """Start users that are stopped or failed; give their number (`states.user_goes_on` says with which pass).

    The failure and the count of attempts are forgotten. No pass runs before the user's own `start_after`.
    """
    completing = USER.c.status == UserStatus.COMPLETION_FAILED
    later = and_(USER.c.start_after.is_not(None), USER.c.start_after > now)
    return await _change(
        connection,
        where,
        now,
        Action.START,
        {
            "status": case((completing, UserStatus.COMPLETING.value), else_=UserStatus.QUEUED.value),
            "next_kind": case(
                (completing, PassKind.COMPLETION.value),
                (_INITIAL_DONE, PassKind.INCREMENTAL.value),
                else_=PassKind.INITIAL.value,
            ),
            "due_at": case((later, USER.c.start_after), else_=now),
            "attempts": 0,
            "stalled_reason": "",
            **failure_values(Failure()),
        },
    )


async def try_again(connection: AsyncConnection, where: Selection, now: float) -> int:
    """Make due at once what waits after an error; give the number of users. The attempts are counted anew.

    An initial sync still waits for the user's own `start_after`. The reason stays until the pass begins: until then the
    time counts as stalled.
    """
    later = and_(USER.c.next_kind == PassKind.INITIAL, USER.c.start_after.is_not(None), USER.c.start_after > now)
    waits = [USER.c.stalled_reason != "", USER.c.next_kind.is_not(None), ~_CLAIMED]
    values = {"due_at": case((later, USER.c.start_after), else_=now), "attempts": 0, "updated_at": now}
    return sum([await _set(connection, [*some, *waits], values) for some in _conditions(where)])


async def stop(connection: AsyncConnection, where: Selection, now: float) -> int:
    """Stop users; give their number. Those with a running pass are Stopping until it ends."""
    stopped = case((_INITIAL_DONE, UserStatus.INCREMENTAL_STOPPED.value), else_=UserStatus.STOPPED.value)
    status = case((_CLAIMED, UserStatus.STOPPING.value), else_=stopped)
    return await _change(connection, where, now, Action.STOP, {"status": status, **_NOTHING_NEXT})


async def sync_now(connection: AsyncConnection, where: Selection, now: float) -> int:
    """Make a requested sync of synced users due; give their number. Their status stays until it begins."""
    synced = USER.c.status.in_(USER_ACTIONS[Action.SYNC_NOW])
    values = {"next_kind": PassKind.REQUESTED, "due_at": now, "updated_at": now}
    return sum([await _set(connection, [*some, synced], values) for some in _conditions(where)])


async def complete(connection: AsyncConnection, where: Selection, now: float) -> int:
    """Begin the completion of synced users; give their number."""
    return await _change(connection, where, now, Action.COMPLETE, _completion(now))


async def remove(connection: AsyncConnection, where: Selection, now: float) -> int:
    """Mark users as being removed; give their number. A pass that runs goes on until it sees it."""
    return await _change(connection, where, now, Action.REMOVE, {"status": UserStatus.REMOVING, **_NOTHING_NEXT})


async def begin_due_completions(connection: AsyncConnection, now: float) -> list[int]:
    """Begin the completion of each synced user whose `complete_after`, or else that of the batch, has come.

    Gives the ids of the batches with such users.
    """
    synced = USER.c.status == UserStatus.SYNCED
    batch_due = and_(BATCH.c.complete_after.is_not(None), BATCH.c.complete_after <= now)
    with_batch = and_(synced, USER.c.complete_after.is_(None))
    alone = and_(synced, USER.c.complete_after.is_not(None), USER.c.complete_after <= now)
    query = union(
        select(BATCH.c.id).where(batch_due, exists().where(USER.c.batch_id == BATCH.c.id, with_batch)),
        select(USER.c.batch_id).where(alone),
    )
    found = sorted((await connection.execute(query)).scalars())
    for batch_id in found:
        due = exists().where(BATCH.c.id == batch_id, batch_due)
        await _update(
            connection, [USER.c.batch_id == batch_id, or_(and_(with_batch, due), alone)], now, _completion(now)
        )
    return found


def _completion(now: float) -> dict[str, Any]:
    return {
        "status": UserStatus.COMPLETING,
        "next_kind": PassKind.COMPLETION,
        "due_at": literal(now),
        "attempts": 0,
        "stalled_reason": "",
    }


async def _change(
    connection: AsyncConnection, where: Selection, now: float, action: Action, values: Mapping[str, Any]
) -> int:
    allowed = USER.c.status.in_(sorted(USER_ACTIONS[action]))
    return sum([await _update(connection, [*some, allowed], now, values) for some in _conditions(where)])


async def _update(
    connection: AsyncConnection, conditions: list[ColumnElement[bool]], now: float, values: Mapping[str, Any]
) -> int:
    return await _set(connection, conditions, {**status_left(now), **values})


async def _set(connection: AsyncConnection, conditions: list[ColumnElement[bool]], values: Mapping[str, Any]) -> int:
    change = update(USER).values(dict(values))
    if connection.dialect.name == "postgresql":
        # Always in the same order, so that two who change many users cannot wait for each other; and in one statement,
        # or users that fit since they were locked would be waited for out of turn.
        locked = select(USER.c.id).where(*conditions).order_by(USER.c.id).with_for_update().cte("locked")
        change = change.where(USER.c.id == locked.c.id)
    else:
        change = change.where(*conditions)
    return (await connection.execute(change)).rowcount


def _conditions(where: Selection) -> list[list[ColumnElement[bool]]]:
    """Give the conditions of one statement, or of several if there are more ids than fit."""
    if where.user_ids is None:
        return [where.conditions()]
    ids = sorted(where.user_ids)
    bites = [ids[at : at + IDS_AT_ONCE] for at in range(0, len(ids), IDS_AT_ONCE)]
    return [replace(where, user_ids=bite).conditions() for bite in bites]
