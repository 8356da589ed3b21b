"""Finds out which job kills its workers, by keeping the suspects apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mailferry.jobs.engine import Job

SUSPECT_AFTER = 2
"""A job that was lost so often in a row is a suspect. One loss is no ground: a person may have killed the worker."""
SHORTEST_TRIAL_SECONDS = 5.0
LONGEST_TRIAL_SECONDS = 300.0
"""Who waits holds a place on its endpoint, so nobody is to wait for hours."""


class Trials:
    """Which jobs are on trial. A worker has room for one such job at a time, so that of several suspects only the
    guilty one is lost again.

    A trial lasts twice as long as the worker lived with the job the last time, within bounds. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float], shortest_seconds: float = SHORTEST_TRIAL_SECONDS) -> None:
        self._clock = clock
        self._shortest_seconds = shortest_seconds
        self._begun_at: dict[int, float] = {}
        self._survived_seconds: dict[int, float] = {}

    def began(self, job: Job) -> float:
        """Take note that a job was given to a worker; give the length of its trial in seconds, 0 for none."""
        self._begun_at[job.user_id] = self._clock()
        return self._length(job)

    def ended(self, job: Job, lost: bool) -> None:
        """Take note that it runs no more."""
        begun_at = self._begun_at.pop(job.user_id, None)
        if not lost:
            self._survived_seconds.pop(job.user_id, None)
        elif begun_at is not None:
            self._survived_seconds[job.user_id] = self._clock() - begun_at

    def may_join(self, job: Job, others: Iterable[Job]) -> bool:
        """Say whether a worker with these jobs may get this one too."""
        return not self._length(job) or not any(map(self._on_trial, others))

    def _on_trial(self, job: Job) -> bool:
        return self._clock() < self._begun_at.get(job.user_id, 0.0) + self._length(job)

    def _length(self, job: Job) -> float:
        if job.losses < SUSPECT_AFTER:
            return 0.0
        twice = 2 * self._survived_seconds.get(job.user_id, 0.0)
        return max(self._shortest_seconds, min(LONGEST_TRIAL_SECONDS, twice))
