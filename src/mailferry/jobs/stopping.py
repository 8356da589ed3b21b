"""How a running job learns that it is to end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, TypeVar

Result = TypeVar("Result")


class StopReason(StrEnum):
    """Why a job is to end."""

    ASKED = "asked"  # a person stopped or removed the user
    SHUTDOWN = "shutdown"  # the service ends; the job is handed back as it is


class JobStopped(Exception):
    """The work was cancelled, because its job is to end."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class StopSignal:
    """Set at most once; the first reason counts."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.reason: StopReason | None = None

    def set(self, reason: StopReason) -> None:
        """Ask the job to end. Nothing changes if it was asked before."""
        if self.reason is None:
            self.reason = reason
            self._event.set()

    async def wait(self) -> StopReason:
        """Wait until the job is to end."""
        await self._event.wait()
        assert self.reason is not None
        return self.reason

    async def guard(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do `work` and give its result. When the job is to end, cancel the work, and wait until it has ended.

        Raises what `work` raises, and JobStopped if it was cancelled. Work that comes to its end all the same keeps
        its result.
        """
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
            if task.cancelled() and self.reason is not None:
                raise JobStopped(self.reason)
            return task.result()
        finally:
            asked.cancel()
            if not task.done():  # we are cancelled ourselves; the work is not to live on
                task.cancel()
                await asyncio.wait((task,))
