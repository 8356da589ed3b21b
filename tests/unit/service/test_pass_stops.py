"""Passes that are stopped, taken away or in each other's way."""

from __future__ import annotations

import asyncio

from sqlalchemy import update

from mailferry.jobs.engine import Job
from mailferry.migration.states import PassKind, UserStatus
from mailferry.store.schema import USER
from tests.unit.service.passes import Passes

U = UserStatus
ADDRESS = "ann@contoso.com"


async def running(passes: Passes) -> tuple[Job, asyncio.Task[None]]:
    """Begin a pass that waits in the middle."""
    passes.mailboxes.waits = True
    job = await passes.claim()
    task = asyncio.create_task(passes.runner.run(job))
    await passes.mailboxes.begun.wait()
    return job, task


async def test_who_is_stopped_ends_at_the_next_look(passes: Passes) -> None:
    _, task = await running(passes)
    await passes.writer.write()
    assert not task.done()
    await passes.scene.users.stop(ADDRESS)
    await passes.writer.write()
    await task
    user = await passes.scene.users.get(ADDRESS)
    assert (user.status, user.claimed_by, user.next_kind) == (U.STOPPED, "", None)
    assert "The pass was stopped" in await passes.report()


async def test_a_worker_that_ends_hands_the_user_back(passes: Passes) -> None:
    _, task = await running(passes)
    task.cancel()
    await task
    user = await passes.scene.users.get(ADDRESS)
    assert (user.status, user.next_kind, user.claimed_by) == (U.QUEUED, PassKind.INITIAL, "")


async def test_two_passes_to_one_mailbox_wait_for_each_other(passes: Passes) -> None:
    await passes.scene.batch("terry", name="c")
    _, first = await running(passes)
    job = await passes.claim()
    async with passes.scene.database.begin() as connection:
        await connection.execute(update(USER).where(USER.c.id == job.user_id).values(email_address=ADDRESS))
    await passes.runner.run(job)
    other = (await passes.scene.users.page(batch="c"))[0]
    assert (other.status, other.failure.code) == (U.QUEUED, "already-running")
    first.cancel()
    await first
