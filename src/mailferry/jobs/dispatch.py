"""What runs next is decided here: per endpoint within its limits, by priority and age; an engine runs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.jobs.engine import Engine, Job
from mailferry.jobs.errors import WorkerLost
from mailferry.jobs.following import all_batches, begin_what_is_due, follow
from mailferry.jobs.removing import OnRemoved, Remover
from mailferry.migration.model import Failure
from mailferry.migration.states import RUNNING, Outcome, UserStatus
from mailferry.store import claims, endpoints, events, users
from mailferry.store.database import Database

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
LOOK_SECONDS = 5.0
LOOK_AT_ALL_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 30.0
MOST_LOSSES = 3
SECONDS_PER_LOSS = 5.0
GIVEN_BACK_SECONDS = 1.0
GATHER_SECONDS = 0.02
"""What wakes the dispatcher rarely comes alone: passes without news end by the dozen."""
TO_STOP = frozenset({UserStatus.STOPPING, UserStatus.REMOVING})


class Dispatcher:
    """Hands due passes to an engine, and keeps batches, users and claims in order, until it is cancelled.

    `instance` names this process among all that use the database, over restarts: what it had claimed when it ended,
    however it ended, is handed back when it starts again. `clock` gives the seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        instance: str,
        clock: Callable[[], float],
        *,
        on_removed: OnRemoved | None = None,
        tick_seconds: float = TICK_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._engine = engine
        self._worker = f"{instance}/"  # no name is the beginning of another one's
        self._clock = clock
        self._remover = Remover(database, on_removed)
        self._tick_seconds = tick_seconds
        self._sleep = sleep
        self._awake = asyncio.Event()
        self._closing = asyncio.Event()
        self._jobs: dict[int, Job] = {}
        self._ended: list[tuple[Job, bool]] = []
        self._losses: dict[int, int] = {}
        self._touched: set[int] = set()
        self._looked_at: float | None = None
        self._looked_at_all_at: float | None = None
        self._last_endpoint = 0

    def wake(self, batch_ids: Iterable[int] = ()) -> None:
        """Look at once at what is due, at the batches that are at work, and at these batches."""
        self._touched.update(batch_ids)
        self._looked_at = None
        self._awake.set()

    def ended(self, job: Job, lost: bool) -> None:
        """Take note that a job runs no more (engine.Ended)."""
        self._ended.append((job, lost))
        self._awake.set()

    async def run(self) -> None:
        """Work until cancelled; then stop all passes and hand them back. Errors of the database are waited out."""
        working = asyncio.create_task(self._work())
        try:
            await asyncio.shield(working)
        finally:
            # A transaction is never cut: its connection would keep the database locked.
            self._closing.set()
            self._awake.set()
            await working

    async def _work(self) -> None:
        await self._engine.open(self.ended)
        failures = 0
        try:
            while not self._closing.is_set():
                self._awake.clear()
                try:
                    await self.tick()
                    failures = 0
                except Exception:
                    failures += 1
                    log.exception("dispatcher failed", extra={"failures": failures})
                    await self._pause(min(LONGEST_RETRY_SECONDS, 2.0 ** (failures - 1)))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), self._tick_seconds)
                    await self._pause(GATHER_SECONDS)
        finally:
            try:
                await self._engine.close()
            finally:
                await self._hand_back()

    async def _pause(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._closing.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def tick(self) -> None:
        """Do once what is to be done now."""
        now = self._clock()
        if self._looked_at_all_at is None:
            async with self._database.begin() as connection:  # what an earlier life of this process left
                await claims.lost(connection, self._worker, now)
        await self._settle_ended(now)
        await self._look(now)
        await self._pass_stops_on()
        await self._claim(now)
        await self._follow(now)
        await self._remover.scrub()

    async def _look(self, now: float) -> None:
        """Begin what the clock begins, and choose the batches to look at. Seldom, unless woken."""
        if _due(self._looked_at, now, LOOK_SECONDS):
            self._looked_at = now  # at the beginning, for somebody may wake us meanwhile
            try:
                self._touched |= await begin_what_is_due(self._database, now)
                await self._hand_back_forgotten(now)
            except Exception:
                self._looked_at = None
                raise
        if _due(self._looked_at_all_at, now, LOOK_AT_ALL_SECONDS):
            self._touched |= await all_batches(self._database)
            self._looked_at_all_at = now

    # Claims

    async def _claim(self, now: float) -> None:
        """Share the free places among the endpoints that have something due, one after the other."""
        free = self._engine.free()
        if not free:
            return
        async with self._database.connect() as connection:
            due = _from(sorted(await claims.endpoints_with_due(connection, now)), self._last_endpoint)
        while due and free:
            hungry = []
            for place, endpoint_id in enumerate(due):
                share = -(-free // (len(due) - place))
                taken = await self._claim_for(endpoint_id, share, now) if share else 0
                if taken:
                    self._last_endpoint = endpoint_id
                free -= taken
                if taken == share:
                    hungry.append(endpoint_id)
            due = hungry

    async def _claim_for(self, endpoint_id: int, most: int, now: float) -> int:
        jobs = []
        async with self._database.begin() as connection:
            endpoint = await endpoints.by_id(connection, endpoint_id)
            if endpoint is None:
                return 0
            for claim in await claims.claim(connection, endpoint, self._worker, now, most=most):
                job = Job(claim.user_id, claim.fence, claim.kind, self._losses.get(claim.user_id, 0))
                if claim.user_id in self._jobs:  # it has finished its claim, and has not let go of the mailbox yet
                    await self._give_back(connection, job, now)
                else:
                    jobs.append(job)
                    await self._tell_user(connection, job, RUNNING[claim.kind], now)
        for job in jobs:
            self._jobs[job.user_id] = job
            await self._engine.run(job)
        return len(jobs)

    async def _pass_stops_on(self) -> None:
        if not self._jobs:
            return
        async with self._database.connect() as connection:
            running = await claims.running(connection)
        valid = {(claim.user_id, claim.fence) for claim in running if claim.status not in TO_STOP}
        for job in list(self._jobs.values()):
            if (job.user_id, job.fence) not in valid:  # it is to stop, or has no claim any more
                await self._engine.stop(job.user_id)

    async def _settle_ended(self, now: float) -> None:
        """Finish the claims of jobs that ended without doing so."""
        ended = list(self._ended)
        if not ended:
            return
        losses = {}
        async with self._database.begin() as connection:
            for job, lost in ended:
                losses[job.user_id] = await self._finish(connection, job, lost, now)
        del self._ended[: len(ended)]
        for job, _ in ended:
            if self._is_ours(job.user_id, job.fence):
                del self._jobs[job.user_id]
            self._losses.pop(job.user_id, None)
        self._losses.update({user_id: number for user_id, number in losses.items() if number})

    async def _finish(self, connection: AsyncConnection, job: Job, lost: bool, now: float) -> int:
        """See that the claim is finished; give how many times in a row the job was lost, 0 if that is over."""
        losses = self._losses.get(job.user_id, 0) + 1 if lost else 0
        given_up = losses >= MOST_LOSSES
        status = await claims.finish(
            connection,
            job.user_id,
            job.fence,
            Outcome.FAILED if given_up else Outcome.LOST,
            now,
            failure=_worker_lost(now) if given_up else None,
            due_in_seconds=None if given_up else losses * SECONDS_PER_LOSS,
        )
        await self._tell_user(connection, job, status, now)
        # It had finished the claim before it vanished, or it is not to be tried again.
        return 0 if status is None or given_up else losses

    async def _give_back(self, connection: AsyncConnection, job: Job, now: float) -> None:
        await claims.finish(
            connection, job.user_id, job.fence, Outcome.LOST, now, failure=None, due_in_seconds=GIVEN_BACK_SECONDS
        )

    async def _tell_user(self, connection: AsyncConnection, job: Job, status: UserStatus | None, now: float) -> None:
        """Write an event if we changed the status (the worker that finishes a claim does so itself), and see to it
        that the batch follows.
        """
        user = await users.by_id(connection, job.user_id)
        if user is not None:
            self._touched.add(user.batch_id)
            if status is not None:
                fields = {"status": status.value, "kind": job.kind.value}
                await events.add(connection, "user", user.batch, user.email_address, fields, now)

    async def _hand_back_forgotten(self, now: float) -> None:
        """Finish claims that stand under our name and that we know nothing of: the answer to a commit was lost."""
        async with self._database.connect() as connection:
            running = await claims.running(connection)
        for claim in running:
            if claim.worker == self._worker and not self._is_ours(claim.user_id, claim.fence):
                async with self._database.begin() as connection:
                    await self._finish(connection, Job(claim.user_id, claim.fence, claim.kind), False, now)

    async def _hand_back(self) -> None:
        """At the end no pass runs any more; what is still claimed begins again at the next start."""
        try:
            async with self._database.begin() as connection:
                await claims.lost(connection, self._worker, self._clock())
        except Exception:
            log.exception("claims not handed back")  # the next start does it

    def _is_ours(self, user_id: int, fence: int) -> bool:
        job = self._jobs.get(user_id)
        return job is not None and job.fence == fence

    # Batches

    async def _follow(self, now: float) -> None:
        if not self._touched:
            return
        touched, self._touched = self._touched, set()
        try:
            removing = await follow(self._database, touched, now)
        except Exception:
            self._touched |= touched
            raise
        if more := await self._remover.remove(removing, now):
            self._touched |= more
            self._awake.set()


def _due(done_at: float | None, now: float, interval_seconds: float) -> bool:
    return done_at is None or not done_at <= now < done_at + interval_seconds


def _from(endpoint_ids: Sequence[int], last: int) -> list[int]:
    """Begin behind the one that was served last."""
    return [i for i in endpoint_ids if i > last] + [i for i in endpoint_ids if i <= last]


def _worker_lost(now: float) -> Failure:
    error = WorkerLost()
    return Failure(error.code, str(error), error.side.value, error.advice, error.retry.value, now)
