"""The loop in a worker process, without the process."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mailferry.jobs.engine import Job
from mailferry.jobs.stopping import JobStopped, StopReason, StopSignal
from mailferry.jobs.worker import ORPHANED, Worker
from mailferry.migration.states import PassKind
from tests.unit.jobs.conftest import until


class Talk:
    """Both ends of a worker's pipes, and what its jobs did."""

    def __init__(self) -> None:
        self.left: list[int] = []
        self.opened: list[Mapping[str, Any]] = []
        self.closed = False
        self.jobs: list[Job] = []
        self.reasons: list[StopReason | None] = []
        read, self._to_worker = os.pipe()
        self._from_worker, write = os.pipe()
        self._answers = os.fdopen(self._from_worker, "rb", buffering=0)
        self._writer = os.fdopen(write, "wb", buffering=0)
        worker = Worker(self.open_runner, self._writer, grace_seconds=0.05, leave=self.leave)
        self.serving = asyncio.create_task(worker.serve(os.fdopen(read, "rb", buffering=0)))

    def leave(self, status: int) -> None:
        self.left.append(status)
        self.serving.cancel()

    @asynccontextmanager
    async def open_runner(self, settings: Mapping[str, Any]) -> AsyncIterator[Any]:
        self.opened.append(settings)
        yield self.run
        self.closed = True

    async def run(self, job: Job, stop: StopSignal) -> None:
        self.jobs.append(job)
        if job.user_id == 1:
            return
        try:
            if job.user_id == 2:
                await stop.wait()
            elif job.user_id == 4:
                await stop.guard(asyncio.Event().wait())
            else:
                await asyncio.Event().wait()
        finally:
            self.reasons.append(stop.reason)

    def say(self, **message: object) -> None:
        os.write(self._to_worker, json.dumps(message).encode() + b"\n")

    async def hear(self) -> Any:
        return json.loads(await asyncio.to_thread(self._answers.readline))

    async def ready(self) -> None:
        self.say(open={"folder": "x"})
        assert await self.hear() == {"ready": os.getpid()}

    def hang_up(self) -> None:
        os.close(self._to_worker)
        self._to_worker = -1

    async def end(self) -> None:
        self.serving.cancel()
        await asyncio.wait((self.serving,))
        self._answers.close()
        self._writer.close()
        if self._to_worker >= 0:
            self.hang_up()


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    talk = Talk()
    yield talk
    await talk.end()


def run(user_id: int) -> dict[str, object]:
    return {"user_id": user_id, "fence": 7, "kind": "incremental"}


async def test_a_job_from_start_to_end(talk: Talk) -> None:
    await talk.ready()
    assert talk.opened == [{"folder": "x"}]
    talk.say(run=run(1))
    assert await talk.hear() == {"ended": 1}
    assert talk.jobs == [Job(1, 7, PassKind.INCREMENTAL)]
    talk.say(quit=True)
    await talk.serving
    assert talk.closed


async def test_a_stop_is_for_one_job(talk: Talk) -> None:
    await talk.ready()
    talk.say(run=run(3))
    talk.say(run=run(2))
    talk.say(stop=99)
    talk.say(stop=2)
    assert await talk.hear() == {"ended": 2}
    assert talk.reasons == [StopReason.ASKED]


async def test_a_job_that_ends_by_the_signal_itself_has_not_failed(talk: Talk) -> None:
    await talk.ready()
    talk.say(run=run(4))
    talk.say(stop=4)
    assert await talk.hear() == {"ended": 4}


async def test_a_job_that_minds_no_signal_is_cancelled(talk: Talk) -> None:
    await talk.ready()
    talk.say(run=run(3))
    talk.say(stop=3)
    assert await talk.hear() == {"ended": 3}
    assert talk.reasons == [StopReason.ASKED]


async def test_quitting_ends_the_jobs_first(talk: Talk) -> None:
    await talk.ready()
    talk.say(run=run(2))
    talk.say(run=run(3))
    talk.say(quit=True)
    await talk.serving
    assert [await talk.hear(), await talk.hear()] == [{"ended": 2}, {"ended": 3}]
    assert talk.reasons == [StopReason.SHUTDOWN] * 2
    assert (talk.closed, talk.left) == (True, [])


@pytest.mark.parametrize("words", ["", "this is no message\n", '"nor is this"\n'])
async def test_when_stdin_closes_or_cannot_be_understood_the_process_is_left(talk: Talk, words: str) -> None:
    await talk.ready()
    talk.say(run=run(3))
    await until(lambda: bool(talk.jobs))
    os.write(talk._to_worker, words.encode())
    if not words:
        talk.hang_up()
    await asyncio.wait((talk.serving,))
    assert (talk.left, talk.reasons, talk.closed) == ([ORPHANED], [None], False)


# The signal


async def test_work_that_ends_by_itself_gives_its_result() -> None:
    async def work() -> int:
        return 5

    assert await StopSignal().guard(work()) == 5


async def test_an_error_of_the_work_passes() -> None:
    async def work() -> int:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await StopSignal().guard(work())


async def test_stopped_work_has_ended_when_that_is_told() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    stop = StopSignal()
    asyncio.get_running_loop().call_soon(stop.set, StopReason.SHUTDOWN)
    asyncio.get_running_loop().call_soon(stop.set, StopReason.ASKED)
    with pytest.raises(JobStopped) as stopped:
        await stop.guard(work())
    assert (stopped.value.reason, ended) == (StopReason.SHUTDOWN, [True])


async def test_work_that_ends_all_the_same_keeps_its_result() -> None:
    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done"
        return "never"

    stop = StopSignal()
    asyncio.get_running_loop().call_soon(stop.set, StopReason.ASKED)
    assert await stop.guard(work()) == "done"


async def test_cancelling_the_guard_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    guard = asyncio.create_task(StopSignal().guard(work()))
    asyncio.get_running_loop().call_soon(guard.cancel)
    await asyncio.wait((guard,))
    assert guard.cancelled()
    assert ended.is_set()
