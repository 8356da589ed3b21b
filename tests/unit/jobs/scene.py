"""A database with batches and users, an engine that only takes notes, and a clock that is set by hand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailferry.jobs.dispatch import Dispatcher
from mailferry.jobs.engine import Ended, Job
from mailferry.migration.model import Batch, Endpoint, EndpointRole, EndpointType, User
from mailferry.migration.states import BatchStatus, Outcome, UserStatus
from mailferry.store import batches, claims, endpoints, events, users
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from mailferry.store.users import NewUser

DAY = 86_400.0


class NotingEngine:
    """Runs nothing; the test says when a job ends."""

    def __init__(self, capacity: int = 1000) -> None:
        self.capacity = capacity
        self.jobs: dict[int, Job] = {}
        self.taken: list[Job] = []
        self.stopped: list[int] = []
        self.ended: Ended | None = None

    async def open(self, ended: Ended) -> None:
        self.ended = ended

    async def close(self) -> None:
        for job in list(self.jobs.values()):
            self.end(job.user_id)

    def free(self) -> int:
        return self.capacity - len(self.jobs)

    async def run(self, job: Job) -> None:
        assert job.user_id not in self.jobs, "a user has at most one job at a time"
        self.jobs[job.user_id] = job
        self.taken.append(job)

    async def stop(self, user_id: int) -> None:
        self.stopped.append(user_id)

    def end(self, user_id: int, *, lost: bool = False) -> None:
        """Let a job end."""
        assert self.ended is not None
        self.ended(self.jobs.pop(user_id), lost)


@dataclass
class Scene:
    """What a test of the dispatcher needs."""

    database: Database
    now: float = 1_000_000.0
    engine: NotingEngine = field(default_factory=NotingEngine)
    removed: list[tuple[str, int]] = field(default_factory=list)
    removal_fails: bool = False

    def __post_init__(self) -> None:
        self.dispatcher = self.new_dispatcher("one")

    def new_dispatcher(self, instance: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> Dispatcher:
        """Make a dispatcher, as a process that starts."""
        dispatcher = Dispatcher(
            self.database,
            self.engine,
            instance,
            lambda: self.now,
            on_removed=self.on_removed,
            tick_seconds=0.01,
            sleep=sleep,
        )
        self.engine.ended = dispatcher.ended
        return dispatcher

    async def on_removed(self, batch: Batch, gone: Sequence[User]) -> None:
        if self.removal_fails:
            raise OSError("no")
        self.removed.append((batch.name, len(gone)))

    # The store

    async def endpoint(self, name: str = "source", **settings: Any) -> Endpoint:
        """Add a source endpoint."""
        role = settings.pop("role", EndpointRole.SOURCE)
        new = Endpoint(0, str(uuid.uuid4()), name, EndpointType.IMAP, role, **settings)
        async with self.database.begin() as connection:
            return await endpoints.add(connection, new)

    async def batch(
        self,
        number: int = 1,
        status: BatchStatus = BatchStatus.STARTING,
        *,
        name: str = "batch",
        source: Endpoint | None = None,
        logins: Iterable[str] = (),
        **settings: Any,
    ) -> Batch:
        """Add a batch with `number` users; they are queued if it is Starting."""
        source = source or await self.endpoint(f"source of {name}")
        target = await self.endpoint(f"target of {name}", role=EndpointRole.TARGET)
        new = Batch(0, str(uuid.uuid4()), name, status, source.id, target.id, **settings)
        given = list(logins) or [f"{name}-{i}@example.org" for i in range(number)]
        mailboxes = [NewUser(f"{name}-{i}@example.com", login) for i, login in enumerate(given)]
        async with self.database.begin() as connection:
            added = await batches.add(connection, new)
            await users.add_many(connection, added, mailboxes, self.now, start=status is BatchStatus.STARTING)
        return added

    async def users(self, batch: Batch) -> list[User]:
        """Give all users of a batch."""
        async with self.database.connect() as connection:
            return await users.page(connection, batch_id=batch.id, limit=100_000)

    async def statuses(self, batch: Batch) -> list[UserStatus]:
        """Give where each user of a batch stands."""
        return [user.status for user in await self.users(batch)]

    async def again(self, batch: Batch) -> Batch | None:
        """Read a batch again."""
        async with self.database.connect() as connection:
            return await batches.by_id(connection, batch.id)

    async def status(self, batch: Batch) -> BatchStatus:
        """Read where a batch stands."""
        found = await self.again(batch)
        assert found is not None
        return found.status

    async def events(self, name: str) -> list[Any]:
        """Give the fields of all events of this name."""
        async with self.database.connect() as connection:
            return [event.fields for event in await events.since(connection, 0, 10_000) if event.name == name]

    async def transition(self, change: Any, batch: Batch, *ids: int) -> None:
        """Do what a person asks for: all users of a batch, or some."""
        selection = Selection(user_ids=ids) if ids else Selection(batch_id=batch.id)
        async with self.database.begin() as connection:
            await change(connection, selection, self.now)

    async def set_status(self, batch: Batch, status: BatchStatus) -> None:
        """Put a batch into a status."""
        async with self.database.begin() as connection:
            assert await batches.set_status(connection, batch.id, set(BatchStatus), status, self.now)

    # The passes

    async def tick(self, later_seconds: float = 0.0) -> None:
        """Let the dispatcher work once, some time later."""
        self.now += later_seconds
        await self.dispatcher.tick()

    async def finish(
        self, *jobs: Job, outcome: Outcome = Outcome.DONE, due_in_seconds: float | None = DAY, end: bool = True
    ) -> None:
        """Let passes end as a worker does: the claim first, then the job."""
        async with self.database.begin() as connection:
            for job in jobs:
                await claims.finish(
                    connection, job.user_id, job.fence, outcome, self.now, due_in_seconds=due_in_seconds
                )
        for job in jobs:
            if end:
                self.engine.end(job.user_id)

    def running(self) -> list[Job]:
        """Give the jobs that run now."""
        return list(self.engine.jobs.values())


def kinds(jobs: Collection[Job]) -> set[str]:
    """Give the kinds of passes among jobs."""
    return {job.kind.value for job in jobs}
