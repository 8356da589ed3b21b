"""The engine of one machine: a few worker processes with asyncio tasks in them; nothing to install."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mailferry.jobs.engine import Ended, Job
from mailferry.jobs.process import PING_SECONDS, WorkerProcess
from mailferry.jobs.trials import SHORTEST_TRIAL_SECONDS, SUSPECT_AFTER, Trials

log = logging.getLogger(__name__)

PER_WORKER = 50
GRACE_SECONDS = 8.0
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 60.0


def default_workers() -> int:
    """Give the number of worker processes: one process is one core."""
    return min(4, os.cpu_count() or 1)


class LocalEngine:
    """Runs jobs in worker processes that speak the protocol of `lines` on stdin and stdout.

    `command` starts a worker (`worker.run_worker`); `settings` go to it by stdin and may be secret. The least loaded
    worker gets the next job. A worker that does not answer is killed. When one vanishes, its jobs end as lost, and
    another takes its place, after a delay that doubles with each one in a row that ended no job.
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int | None = None,
        per_worker: int = PER_WORKER,
        *,
        settings: Mapping[str, Any] | None = None,
        grace_seconds: float = GRACE_SECONDS,
        first_delay_seconds: float = FIRST_DELAY_SECONDS,
        shortest_trial_seconds: float = SHORTEST_TRIAL_SECONDS,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._command = tuple(command)
        self._settings = dict(settings or {})
        self._per_worker = per_worker
        self._grace_seconds = grace_seconds
        self._first_delay_seconds = first_delay_seconds
        self._ping_seconds = ping_seconds
        self._trials = Trials(time.monotonic, shortest_trial_seconds)
        self._workers: dict[int, WorkerProcess] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._numbers = range(1, (workers or default_workers()) + 1)
        self._held: deque[Job] = deque()
        self._failed_start = ""
        self._closing = asyncio.Event()

    async def open(self, ended: Ended) -> None:
        """Start the workers, without waiting until they are ready."""
        self._tell = ended
        self._keepers = [asyncio.create_task(self._keep(number)) for number in self._numbers]

    async def close(self) -> None:
        """Tell the workers to hand back their jobs and to end; kill those that have not after the grace time."""
        self._closing.set()
        for job in self._take_held():
            self._job_ended(job, lost=False)
        for worker in self._workers.values():
            worker.quit()
        try:
            if self._keepers:
                await asyncio.wait(self._keepers, timeout=self._grace_seconds)
        finally:
            for worker in self._workers.values():
                log.warning("worker killed", extra={"worker": worker.number, "jobs": len(worker.jobs)})
                worker.kill()
        await asyncio.gather(*self._keepers)

    def free(self) -> int:
        """Count the places of the workers that are ready. Suspects that wait for their trial take none."""
        places = sum(self._per_worker - len(worker.jobs) for worker in self._workers.values() if worker.is_ready)
        return max(0, places - sum(job.losses < SUSPECT_AFTER for job in self._held))

    async def run(self, job: Job) -> None:
        """Give a job to the least loaded worker, or hold it until there is one for it."""
        self._held.append(job)
        self._place()

    async def stop(self, user_id: int) -> None:
        """Pass the wish on to the worker that has the job."""
        for job in [job for job in self._held if job.user_id == user_id]:
            self._held.remove(job)
            self._job_ended(job, lost=False)
        for worker in self._workers.values():
            if user_id in worker.jobs:
                worker.stop(user_id)

    def process_ids(self) -> list[int]:
        """List the processes that run now, for those who watch them."""
        return [worker.process_id for worker in self._workers.values() if worker.process_id]

    def trouble(self) -> str:
        """Say why the last start of a worker failed, while there is none that is ready; '' if all is well."""
        return "" if any(worker.is_ready for worker in self._workers.values()) else self._failed_start

    # What a worker says (process.Listener)

    def ready(self) -> None:
        """Give it what is held."""
        self._failed_start = ""
        self._place()

    def ended(self, job: Job, crashed: bool) -> None:
        """Pass the end of a job on, and use the place that it leaves."""
        self._job_ended(job, lost=crashed)
        self._place()

    def _job_ended(self, job: Job, lost: bool) -> None:
        self._trials.ended(job, lost)
        self._tell(job, lost)

    def _place(self) -> None:
        if self._closing.is_set():
            for job in self._take_held():
                self._job_ended(job, lost=False)
        for job in self._take_held():
            worker = self._worker_for(job)
            if worker is None:
                self._held.append(job)
            else:
                worker.run(job)
                if trial_seconds := self._trials.began(job):  # then the next suspect may come
                    asyncio.get_running_loop().call_later(trial_seconds, self._place)

    def _worker_for(self, job: Job) -> WorkerProcess | None:
        free = [worker for worker in self._workers.values() if worker.is_ready and len(worker.jobs) < self._per_worker]
        fit = [worker for worker in free if self._trials.may_join(job, worker.jobs.values())]
        return min(fit, key=lambda worker: len(worker.jobs), default=None)

    def _take_held(self) -> list[Job]:
        held = list(self._held)
        self._held.clear()
        return held

    async def _keep(self, number: int) -> None:
        """See that there is a worker of this number."""
        in_vain = 0
        while not self._closing.is_set():
            worker = await self._one_life(number)
            in_vain = 0 if worker.ended_jobs else in_vain + 1
            delay = min(LONGEST_DELAY_SECONDS, self._first_delay_seconds * 2**in_vain)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), delay)

    async def _one_life(self, number: int) -> WorkerProcess:
        worker = self._workers[number] = WorkerProcess(number, self, self._ping_seconds)
        try:
            status = await worker.live(self._command, self._settings)
            if not self._closing.is_set():
                facts = {"worker": number, "status": status, "jobs": len(worker.jobs)}
                log.error("worker ended unexpectedly", extra={**facts, "last_lines": worker.last_words()})
                if not worker.was_ready:
                    self._failed_start = worker.reason() or f"the process ended with status {status}"
        except Exception as error:  # whatever it was, the next one may live
            log.exception("worker could not be started", extra={"worker": number})
            self._failed_start = str(error) or type(error).__name__
        finally:
            del self._workers[number]
            for job in worker.jobs.values():
                self._job_ended(job, lost=True)
        return worker
