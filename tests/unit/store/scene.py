"""Endpoints, batches and users to test with."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Batch, Endpoint, EndpointRole, EndpointType, User
from mailferry.migration.states import BatchStatus, Outcome, PassKind, UserStatus
from mailferry.store import batches, claims, endpoints, transitions, users
from mailferry.store.claims import Claim
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from mailferry.store.users import NewUser

DAY = 86_400.0


def endpoint(name: str = "", role: EndpointRole = EndpointRole.SOURCE, **settings: Any) -> Endpoint:
    """Make an endpoint that is not stored, with a name of its own."""
    guid = str(uuid.uuid4())
    values: dict[str, Any] = {"remote_server": "imap.example.org", "port": 993, "created_at": 1.0, "changed_at": 1.0}
    return Endpoint(0, guid, name or f"Endpoint {guid}", EndpointType.IMAP, role, **(values | settings))


def new_users(number: int, prefix: str = "user") -> list[NewUser]:
    """Make users that are not stored, each with a login of its own."""
    return [NewUser(f"{prefix}{n}@example.org", f"{prefix}{n}") for n in range(number)]


@dataclass
class Scene:
    """A stored batch between two endpoints. Each method is a transaction of its own."""

    database: Database
    source: Endpoint
    target: Endpoint
    batch: Batch

    @classmethod
    async def make(cls, database: Database, *, target: dict[str, Any] | None = None, **limits: Any) -> Scene:
        """Store them; `limits` are those of the source, `target` those of the target, which has none otherwise."""
        async with database.begin() as connection:
            source = await endpoints.add(connection, endpoint(**limits))
            given = {"max_migrations": 0, "max_incremental_syncs": 0, **(target or {})}
            into = await endpoints.add(connection, endpoint(role=EndpointRole.TARGET, **given))
            batch = await add_batch(connection, source, into)
        return cls(database, source, into, batch)

    async def add(self, new: Sequence[NewUser] | int, now: float = 0.0, *, start: bool = True) -> list[int]:
        """Add users and give their ids."""
        new = new_users(new) if isinstance(new, int) else new
        async with self.database.begin() as connection:
            before = {user.id for user in await users.page(connection, batch_id=self.batch.id, limit=100_000)}
            await users.add_many(connection, self.batch, new, now, start=start)
            after = await users.page(connection, batch_id=self.batch.id, limit=100_000)
        return [user.id for user in after if user.id not in before]

    async def user(self, user_id: int) -> User:
        """Give a user as it is now."""
        async with self.database.connect() as connection:
            user = await users.by_id(connection, user_id)
        assert user is not None
        return user

    async def claim(self, now: float, most: int = 1000, worker: str = "w", **more: Any) -> list[Claim]:
        """Claim what is due."""
        async with self.database.begin() as connection:
            return await claims.claim(connection, self.source, worker, now, most=most, **more)

    async def finish(self, claim: Claim, outcome: Outcome, now: float, **more: Any) -> UserStatus | None:
        """End a claim."""
        async with self.database.begin() as connection:
            return await claims.finish(connection, claim.user_id, claim.fence, outcome, now, **more)

    async def synced(self, number: int = 1, now: float = 0.0, due_in_seconds: float | None = None) -> list[int]:
        """Add users and bring them through the initial sync, all at one moment. The next pass as said."""
        ids = await self.add(new_users(number, f"{uuid.uuid4()}-"), now)
        for claim in await self.claim(now):
            await self.finish(claim, Outcome.DONE, now, due_in_seconds=due_in_seconds)
        return ids

    async def at(self, status: UserStatus, now: float = 0.0) -> int:
        """Add a user and bring it to a status by what is done to users; all at one moment."""
        prefix = f"{status.value}-{uuid.uuid4()}-"
        (user_id,) = await self.add(new_users(1, prefix), now)
        for step in _WAYS[status]:
            await self._step(user_id, step, now)
        assert (await self.user(user_id)).status is status
        return user_id

    async def _step(self, user_id: int, step: str | Outcome, now: float) -> None:
        only = Selection(user_ids=(user_id,))
        if isinstance(step, Outcome):
            user = await self.user(user_id)
            kind = user.running_kind
            assert kind is not None
            await self.finish(Claim(user_id, user.fence, kind, user.endpoint_id), step, now)
        elif step == "claim":
            for priority in (1, 0):  # before all others, then as they are
                async with self.database.begin() as connection:
                    await users.settings(connection, user_id, priority=priority)
                if priority:
                    assert [claim.user_id for claim in await self.claim(now, most=1)] == [user_id]
        else:
            async with self.database.begin() as connection:
                assert await getattr(transitions, step)(connection, only, now) == 1


_SYNCED: tuple[str | Outcome, ...] = ("claim", Outcome.DONE)
_COMPLETES = (*_SYNCED, "complete", "claim")
_WAYS: dict[UserStatus, tuple[str | Outcome, ...]] = {
    UserStatus.QUEUED: (),
    UserStatus.SYNCING: ("claim",),
    UserStatus.SYNCED: _SYNCED,
    UserStatus.INCREMENTAL_SYNCING: (*_SYNCED, "sync_now", "claim"),
    UserStatus.INCREMENTAL_FAILED: (*_SYNCED, "sync_now", "claim", Outcome.FAILED),
    UserStatus.STOPPING: ("claim", "stop"),
    UserStatus.STOPPED: ("stop",),
    UserStatus.INCREMENTAL_STOPPED: (*_SYNCED, "stop"),
    UserStatus.COMPLETING: _COMPLETES,
    UserStatus.COMPLETED: (*_COMPLETES, Outcome.DONE),
    UserStatus.COMPLETED_WITH_WARNINGS: (*_COMPLETES, Outcome.DONE_WITH_SKIPS),
    UserStatus.COMPLETION_FAILED: (*_COMPLETES, Outcome.FAILED),
    UserStatus.FAILED: ("claim", Outcome.FAILED),
    UserStatus.REMOVING: ("remove",),
}
REACHABLE = tuple(_WAYS)


async def add_batch(
    connection: AsyncConnection, source: Endpoint, target: Endpoint, name: str = "", **settings: Any
) -> Batch:
    """Store a batch with a name of its own."""
    guid = str(uuid.uuid4())
    values: dict[str, Any] = {"created_at": 1.0, "status_at": 1.0, "status": BatchStatus.STARTING} | settings
    status = values.pop("status")
    batch = Batch(0, guid, name or f"Batch {guid}", status, source.id, target.id, **values)
    return await batches.add(connection, batch)


async def due(database: Database, user_id: int) -> tuple[PassKind | None, float | None]:
    """Give what runs next for a user, and when."""
    async with database.connect() as connection:
        user = await users.by_id(connection, user_id)
    assert user is not None
    return user.next_kind, user.due_at
