"""The worker process of the local engine: it runs the jobs that come in on stdin, and tells on stdout when they end.

It lives no longer than the process that started it: when stdin closes, its jobs are cancelled and it is gone within
`LAST_SECONDS`, so that no orphan goes on writing. What it leaves unfinished, the ledger knows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, BinaryIO

from mailferry.jobs import lines
from mailferry.jobs.engine import Job
from mailferry.jobs.stopping import JobStopped, StopReason, StopSignal

log = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
LAST_SECONDS = 0.3
ORPHANED = 3
"""Exit status of a worker whose stdin closed."""

RunJob = Callable[[Job, StopSignal], Awaitable[None]]
"""Does a job and finishes its claim. It watches the signal (`StopSignal.guard`); after `GRACE_SECONDS` it is cancelled.
It may raise JobStopped; anything else is logged, and the claim counts as lost."""

OpenRunner = Callable[[Mapping[str, Any]], AbstractAsyncContextManager[RunJob]]
"""Makes the runner out of the engine's settings, such as the address of the database; closes it when the worker ends.
Settings may be secret: they come by stdin, not by arguments or the environment."""


def run_worker(open_runner: OpenRunner) -> None:
    """Be a worker process until told to quit. The standard streams belong to the protocol from here on.

    What the code prints goes to stderr, which the engine logs. SIGTERM ends the worker in an orderly way; SIGINT is
    left to the process that started it.
    """
    stdin = os.fdopen(os.dup(0), "rb", buffering=0)
    stdout = os.fdopen(os.dup(1), "wb", buffering=0)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def serve() -> None:
        worker = Worker(open_runner, stdout)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.quit)
        await worker.serve(stdin)

    asyncio.run(serve())


async def serve_worker(open_runner: OpenRunner, stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Run jobs until `quit` comes. Both must be pipes or sockets. When `stdin` closes, the process ends."""
    await Worker(open_runner, stdout).serve(stdin)


class Worker:
    """The state of a worker process: its jobs, each with its task and its signal."""

    def __init__(
        self,
        open_runner: OpenRunner,
        stdout: BinaryIO,
        *,
        grace_seconds: float = GRACE_SECONDS,
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._open_runner = open_runner
        self._stdout = stdout
        self._grace_seconds = grace_seconds
        self._leave = leave
        self._jobs: dict[int, tuple[asyncio.Task[None], StopSignal]] = {}
        self._quitting = asyncio.Event()

    def quit(self) -> None:
        """Begin to end: the jobs are asked to stop."""
        self._quitting.set()

    async def serve(self, stdin: BinaryIO) -> None:
        """Read the settings, open the runner, and run what comes, until `quit`."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, stdin)
        settings: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        listening = asyncio.create_task(self._listen(reader, settings))
        try:
            async with self._open_runner(await settings) as run_job:
                self._run_job = run_job
                self._say({lines.READY: os.getpid()})
                await self._quitting.wait()
                await self._end_jobs(self._grace_seconds)
        finally:
            listening.cancel()
            transport.close()

    async def _listen(self, reader: asyncio.StreamReader, settings: asyncio.Future[Mapping[str, Any]]) -> None:
        try:
            async for line in lines.read_lines(reader):
                message = lines.decode(line)
                if lines.OPEN in message:
                    settings.set_result(message[lines.OPEN])
                elif lines.RUN in message:
                    self._start(lines.job_of(message[lines.RUN]))
                elif lines.STOP in message:
                    self._stop(int(message[lines.STOP]))
                elif lines.PING in message:
                    self._say({lines.PONG: True})
                elif lines.QUIT in message:
                    self.quit()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("message not understood")
        await self._vanish()

    def _start(self, job: Job) -> None:
        signal_ = StopSignal()
        task = asyncio.create_task(self._run(job, signal_), name=f"job {job.user_id}")
        self._jobs[job.user_id] = (task, signal_)
        if self._quitting.is_set():
            signal_.set(StopReason.SHUTDOWN)

    async def _run(self, job: Job, stop: StopSignal) -> None:
        message: dict[str, object] = {lines.ENDED: job.user_id}
        try:
            await self._run_job(job, stop)
        except JobStopped:
            pass  # it was stopped before there was anything to tell
        except asyncio.CancelledError:
            if stop.reason is None:
                raise
        except Exception:
            log.exception("job failed", extra={"user_id": job.user_id, "fence": job.fence, "kind": job.kind.value})
            message[lines.CRASHED] = True
        del self._jobs[job.user_id]
        self._say(message)

    def _stop(self, user_id: int) -> None:
        if user_id in self._jobs:
            task, signal_ = self._jobs[user_id]
            signal_.set(StopReason.ASKED)
            asyncio.get_running_loop().call_later(self._grace_seconds, task.cancel)

    async def _end_jobs(self, grace_seconds: float) -> None:
        tasks = [task for task, _ in self._jobs.values()]
        for _, signal_ in self._jobs.values():
            signal_.set(StopReason.SHUTDOWN)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=LAST_SECONDS)

    async def _vanish(self) -> None:
        """End at once: who started us is gone, or talks nonsense."""
        tasks = [task for task, _ in self._jobs.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_SECONDS)
        self._leave(ORPHANED)

    def _say(self, message: Mapping[str, object]) -> None:
        with suppress(BrokenPipeError):  # stdin closes with it
            self._stdout.write(lines.encode(message))
            self._stdout.flush()
