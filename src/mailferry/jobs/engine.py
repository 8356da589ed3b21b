"""What an engine is: it runs the jobs that the dispatcher hands over, and tells when each has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mailferry.migration.states import PassKind


@dataclass(frozen=True, slots=True)
class Job:
    """One pass over one mailbox. `fence`: the number of the claim it runs under.

    `losses`: how many times in a row the worker of this user's job vanished; an engine keeps those that may be the
    cause away from each other.
    """

    user_id: int
    fence: int
    kind: PassKind
    losses: int = 0


class Ended(Protocol):
    """Told once for each job that an engine took. Must not wait and must not raise."""

    def __call__(self, job: Job, lost: bool) -> None:
        """Take note that `job` runs no more.

        `lost`: it told nobody how it ended, because its worker vanished or its code failed. Otherwise it has finished
        its claim, or gave the claim back because it was to stop before it had begun or the engine closes.
        """


class Engine(Protocol):
    """Runs jobs somewhere. A user has at most one job at a time."""

    async def open(self, ended: Ended) -> None:
        """Get ready for jobs, without waiting until all workers are there."""

    async def close(self) -> None:
        """Stop all jobs and wait for them, for some seconds at most; `ended` is called for each of them."""

    def free(self) -> int:
        """Say how many more jobs could start now."""

    async def run(self, job: Job) -> None:
        """Take a job. Never refuses one: what cannot begin now waits in the engine."""

    async def stop(self, user_id: int) -> None:
        """Ask the job of this user to end soon. Nothing happens if there is none, or if it was asked before."""
