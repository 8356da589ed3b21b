"""Which pass runs, and who runs it: limits that hold exactly, and fences that shut out whoever comes late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Integer, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Endpoint, EndpointRole
from mailferry.migration.states import CLAIMABLE, RUNNING, PassKind, UserStatus
from mailferry.store.elapsed import NOW, status_left
from mailferry.store.endings import finish, lost, progress
from mailferry.store.schema import ENDPOINT, USER
from mailferry.store.userrows import AnyRow

__all__ = ["Claim", "Running", "claim", "endpoints_with_due", "finish", "lost", "next_due", "progress", "running"]

ALL_KINDS = tuple(PassKind)
_NO_LIMIT = 1 << 30
_CLAIMED = USER.c.claimed_by.is_not(None)
_DUE = and_(USER.c.next_kind.is_not(None), USER.c.claimed_by.is_(None))
_HIGHEST = 1 << 31

# Made once: they run twice a second for each endpoint that has something to do.
_HERE = USER.c.endpoint_id == bindparam("endpoint")
# Who claims next on this endpoint waits here. KEY SHARE is left to others, so users can be added meanwhile.
_LOCK_ENDPOINT = select(ENDPOINT).where(ENDPOINT.c.id == bindparam("endpoint")).with_for_update(key_share=True)
_RUNNING_NOW = (
    select(USER.c.running_kind, USER.c.login_key, func.count())
    .where(_HERE, _CLAIMED)
    .group_by(USER.c.running_kind, USER.c.login_key)
)
# Targets are locked after the source, in order of their ids, so that two claimers never wait for each other.
_LOCK_TARGETS = (
    select(ENDPOINT.c.id, ENDPOINT.c.max_migrations, ENDPOINT.c.max_incremental_syncs)
    .where(ENDPOINT.c.role == EndpointRole.TARGET)
    .order_by(ENDPOINT.c.id)
    .with_for_update(key_share=True)
)
_RUNNING_INTO = (
    select(USER.c.target_endpoint_id, USER.c.running_kind, func.count())
    .where(_CLAIMED)
    .group_by(USER.c.target_endpoint_id, USER.c.running_kind)
)
_NEXT_PRIORITY = (
    select(USER.c.priority)
    .where(_HERE, USER.c.next_kind == bindparam("kind"), USER.c.priority < bindparam("below", type_=BigInteger()))
    .order_by(USER.c.priority.desc())
    .limit(1)
)
# A row that somebody else is changing is passed over: it would be waited for with the endpoint held.
_DUE_OF = {
    kind: select(
        USER.c.id, USER.c.next_kind, USER.c.priority, USER.c.due_at, USER.c.login_key, USER.c.target_endpoint_id
    )
    .where(
        _DUE,
        _HERE,
        USER.c.next_kind == kind.value,
        USER.c.priority == bindparam("priority"),
        USER.c.due_at <= NOW,
        USER.c.status.in_(sorted(CLAIMABLE[kind])),
    )
    .order_by(USER.c.due_at, USER.c.id)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
    for kind in PassKind
}
_CLAIMABLE = or_(*(and_(USER.c.next_kind == kind, USER.c.status.in_(sorted(CLAIMABLE[kind]))) for kind in PassKind))
_TAKE = (
    update(USER)
    .where(USER.c.id.in_(bindparam("ids", expanding=True)), _CLAIMABLE, _DUE)
    .values(
        {
            **status_left(NOW),
            "status": case({kind.value: status.value for kind, status in RUNNING.items()}, value=USER.c.next_kind),
            "running_kind": USER.c.next_kind,
            "next_kind": None,
            "due_at": None,
            "claimed_by": bindparam("worker"),
            "fence": USER.c.fence + 1,
            "stalled_reason": "",
        }
    )
    .returning(USER.c.id, USER.c.fence, USER.c.running_kind, USER.c.endpoint_id)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of a worker to run one pass; it ends with `finish`, or with the next claim of the same user."""

    user_id: int
    fence: int
    kind: PassKind
    endpoint_id: int


@dataclass(frozen=True, slots=True)
class Running(Claim):
    """A claim that was not finished yet. The status Stopping or Removing: its pass is to end."""

    status: UserStatus
    worker: str


@dataclass(slots=True)
class _Room:
    """What may still begin on an endpoint."""

    all: int
    incremental: int
    per_login: int
    logins: Counter[str] = field(default_factory=Counter)
    full_logins: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.full_logins |= {login for login, number in self.logins.items() if number >= self.per_login}

    def kinds(self, kinds: Collection[PassKind]) -> list[PassKind]:
        if self.all <= 0:
            return []
        return [kind for kind in ALL_KINDS if kind in kinds and (kind is PassKind.INITIAL or self.incremental > 0)]

    def take(self, kind: PassKind, login: str) -> bool:
        if not self.kinds((kind,)) or login in self.full_logins:
            return False
        self.all -= 1
        self.incremental -= kind is not PassKind.INITIAL
        self.logins[login] += 1
        if self.logins[login] >= self.per_login:
            self.full_logins.add(login)
        return True


@dataclass(slots=True)
class _Targets:
    """What may still begin into each target: passes of all kinds, and incremental and completing ones."""

    all: dict[int, int]
    incremental: dict[int, int]

    def full(self, kind: PassKind) -> list[int]:
        """Name the targets that take no more passes of a kind."""
        return [
            target
            for target, room in self.all.items()
            if room <= 0 or (kind is not PassKind.INITIAL and self.incremental[target] <= 0)
        ]

    def take(self, kind: PassKind, target: int) -> None:
        self.all[target] -= 1
        self.incremental[target] -= kind is not PassKind.INITIAL


async def claim(
    connection: AsyncConnection,
    endpoint: Endpoint,
    worker: str,
    now: float,
    *,
    most: int,
    kinds: Collection[PassKind] = ALL_KINDS,
) -> list[Claim]:
    """Claim due users of a source endpoint for a worker, at most `most` and never more than the limits allow.

    The limits are those of the stored endpoints at this moment: passes of all kinds, incremental and completing ones,
    and at the source those of one login name. The order is that of priority (the highest first), due moment, id.
    """
    room = await _room(connection, endpoint.id)
    if room is None:
        return []
    room.all = min(room.all, most)
    if room.all <= 0:
        return []
    targets = await _targets(connection)
    chosen: dict[int, AnyRow] = {}
    while wanted := room.kinds(kinds):
        asked = room.all
        rows = await _due(connection, endpoint.id, wanted, now, room, targets, chosen, asked)
        for row in rows:
            kind = PassKind(row.next_kind)
            if row.target_endpoint_id not in targets.full(kind) and room.take(kind, row.login_key):
                targets.take(kind, row.target_endpoint_id)
                chosen[row.id] = row
        if len(rows) < asked:
            break  # there is no more that could fit
    if not chosen:
        return []
    return await _claim(connection, list(chosen), worker, now)


async def _room(connection: AsyncConnection, endpoint_id: int) -> _Room | None:
    endpoint = (await connection.execute(_LOCK_ENDPOINT, {"endpoint": endpoint_id})).first()
    if endpoint is None:
        return None
    everything, incremental, logins = 0, 0, Counter[str]()
    for kind, login, number in await connection.execute(_RUNNING_NOW, {"endpoint": endpoint_id}):
        everything += number
        incremental += 0 if kind == PassKind.INITIAL else number
        logins[login] += number
    return _Room(
        all=(endpoint.max_migrations or _NO_LIMIT) - everything,
        incremental=(endpoint.max_incremental_syncs or _NO_LIMIT) - incremental,
        per_login=endpoint.max_per_login or _NO_LIMIT,
        logins=logins,
    )


async def _targets(connection: AsyncConnection) -> _Targets:
    rows = (await connection.execute(_LOCK_TARGETS)).all()
    everything = {row.id: row.max_migrations or _NO_LIMIT for row in rows}
    incremental = {row.id: row.max_incremental_syncs or _NO_LIMIT for row in rows}
    for target, kind, number in await connection.execute(_RUNNING_INTO):
        everything[target] = everything.get(target, _NO_LIMIT) - number
        incremental[target] = incremental.get(target, _NO_LIMIT) - (0 if kind == PassKind.INITIAL else number)
    return _Targets(everything, incremental)


async def _due(
    connection: AsyncConnection,
    endpoint_id: int,
    kinds: Collection[PassKind],
    now: float,
    room: _Room,
    targets: _Targets,
    without_ids: Collection[int],
    most: int,
) -> list[AnyRow]:
    """Give the first `most` due users of these kinds.

    Kinds and priorities are gone through one by one: each is a range of the index in the order of due moments, and
    users that are due some day are never read.
    """
    found: list[AnyRow] = []
    for kind in kinds:
        missing, priority = most, await _next_priority(connection, endpoint_id, kind, None)
        while missing > 0 and priority is not None:
            query = _DUE_OF[kind]
            if room.full_logins:
                query = query.where(USER.c.login_key.not_in(room.full_logins))
            if full := targets.full(kind):
                query = query.where(USER.c.target_endpoint_id.not_in(full))
            if without_ids:
                query = query.where(USER.c.id.not_in(without_ids))
            given = {"endpoint": endpoint_id, "priority": priority, "now": now, "most": missing}
            rows = (await connection.execute(query, given)).all()
            found += rows
            missing -= len(rows)
            priority = await _next_priority(connection, endpoint_id, kind, priority)
    found.sort(key=lambda row: (-row.priority, row.due_at, row.id))
    return found[:most]


async def _next_priority(
    connection: AsyncConnection, endpoint_id: int, kind: PassKind, below: int | None
) -> int | None:
    given = {"endpoint": endpoint_id, "kind": kind, "below": _HIGHEST if below is None else below}
    return (await connection.execute(_NEXT_PRIORITY, given)).scalar_one_or_none()


async def _claim(connection: AsyncConnection, ids: list[int], worker: str, now: float) -> list[Claim]:
    rows = await connection.execute(_TAKE, {"ids": ids, "worker": worker, "now": now})
    claims = {row.id: Claim(row.id, row.fence, PassKind(row.running_kind), row.endpoint_id) for row in rows}
    return [claims[user_id] for user_id in ids if user_id in claims]


async def endpoints_with_due(connection: AsyncConnection, now: float) -> list[int]:
    """Give the ids of the endpoints with users that are due."""
    due = exists().where(_DUE, USER.c.endpoint_id == ENDPOINT.c.id, USER.c.due_at <= now)
    return list((await connection.execute(select(ENDPOINT.c.id).where(due).order_by(ENDPOINT.c.id))).scalars())


async def next_due(connection: AsyncConnection) -> float | None:
    """Give the moment at which the next pass is due, which may be long past; None: none is planned."""
    first = select(func.min(USER.c.due_at)).where(_DUE, USER.c.endpoint_id == ENDPOINT.c.id).scalar_subquery()
    moments = (await connection.execute(select(first).select_from(ENDPOINT))).scalars()
    return min((moment for moment in moments if moment is not None), default=None)


async def running(connection: AsyncConnection) -> list[Running]:
    """Give all claims that were not finished."""
    columns = (USER.c.id, USER.c.fence, USER.c.running_kind, USER.c.endpoint_id, USER.c.status, USER.c.claimed_by)
    found = [
        Running(row.id, row.fence, PassKind(row.running_kind), row.endpoint_id, UserStatus(row.status), row.claimed_by)
        for row in await connection.execute(select(*columns).where(_CLAIMED))
    ]
    return sorted(found, key=lambda claim: claim.user_id)  # SQLite would read all users to have them in order
