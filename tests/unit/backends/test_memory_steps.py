"""Faults in memory: what the steps do to sessions, to reading, and to the process."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mailferry.backends.base import (
    INBOX,
    FetchJob,
    FlagChange,
    Item,
    JobDone,
    Mail,
    Mode,
    Opened,
    Outcome,
    OutcomeKind,
    Want,
)
from mailferry.backends.memory import How, Killed, MemoryMailbox, MemoryOptions, MemoryServer, Steps
from mailferry.errors import ConnectionLost, Side

SIZE = 70_000


def body(number: int) -> bytes:
    return b"%d:" % number + b"x" * (SIZE if number == 5 else 10)


def source() -> MemoryServer:
    server = MemoryServer(MemoryOptions(batch_messages=2, batch_bytes=60_000, piece_bytes=50_000))
    for number in range(1, 10):
        server.add_mail(INBOX, body(number) * (3 if number == 5 else 1))
    return server


async def read(mailbox: MemoryMailbox, first: int) -> tuple[list[int], bytes, bool]:
    """Read from a UID on as far as it goes: UIDs, all bytes, and whether it came to the end."""
    jobs = [FetchJob(INBOX, ((first, 99),))]
    items: list[Item] = []
    error: ConnectionLost | None = None
    try:
        async for batch in mailbox.stream(lambda: jobs.pop() if jobs else None):
            items += batch
    except ConnectionLost as lost:
        error = lost
    assert error is None or error.side is Side.SOURCE
    done = error is None and isinstance(items[-1], JobDone)
    data = b"".join(item.data if isinstance(item, Mail) else item for item in items if isinstance(item, (Mail, bytes)))
    return [item.uid for item in items if isinstance(item, Mail)], data, done


def test_a_cut_between_messages_is_told_and_inside_a_message_is_mended() -> None:
    steps = Steps()
    uids, whole, done = asyncio.run(read(MemoryMailbox(source(), side=Side.SOURCE, steps=steps), 1))
    assert (uids, done) == (list(range(1, 10)), True)
    ends = []
    for step in range(1, steps.total + 1):
        for how in (How.CUT_BEFORE, How.CUT_AFTER):
            mailbox = MemoryMailbox(source(), side=Side.SOURCE, steps=Steps(step, how))
            seen, data, done = asyncio.run(read(mailbox, 1))
            assert whole.startswith(data)
            rest, more, again = asyncio.run(read(mailbox, seen[-1] + 1 if seen else 1))
            assert (seen + rest, data + more, again) == (uids, whole, True)
            ends.append(done)
    assert True in ends  # inside the large message
    assert False in ends


def test_a_large_message_that_is_gone_cannot_be_taken_up_again() -> None:
    server = source()
    steps = Steps()

    async def read_and_lose() -> None:
        jobs = [FetchJob(INBOX, ((5, 5),))]
        async for batch in MemoryMailbox(server, side=Side.SOURCE, steps=steps).stream(
            lambda: jobs.pop() if jobs else None
        ):
            assert isinstance(batch[0], Opened)
            server.expunge(INBOX, [5])
            steps.cut()

    with pytest.raises(ConnectionLost):
        asyncio.run(read_and_lose())


def test_a_cut_is_told_once_and_the_next_call_logs_in_again() -> None:
    server = MemoryServer()
    uid = server.add_mail(INBOX, b"a")
    change = FlagChange([uid], frozenset({"\\Seen"}), frozenset())

    async def changes(how: How) -> Steps:
        steps = Steps(2, how)
        mailbox = MemoryMailbox(server, steps=steps)
        with pytest.raises(ConnectionLost) as caught:
            await mailbox.change_flags(INBOX, [change])
        assert caught.value.side is Side.TARGET
        assert bool(server.mails(INBOX)[0].flags) == (how is How.CUT_AFTER)
        await mailbox.listing(INBOX, Want.FLAGS)
        return steps

    for how in (How.CUT_BEFORE, How.CUT_AFTER):
        names = asyncio.run(changes(how)).names
        assert names == ["target login", "target flags", "target login", "target listing"]


def test_a_cut_at_a_foreign_step_breaks_all_connections() -> None:
    server, steps = MemoryServer(), Steps(6, How.CUT_BEFORE)

    async def work() -> None:
        mailbox = MemoryMailbox(server, steps=steps)
        lane = await mailbox.open_lane()
        chunk = lane.chunk(INBOX, Mode.MULTI, "key")
        chunk.add(Mail(1, frozenset(), 0, 0, 1, b"a"), frozenset(), 0, 0)
        await mailbox.status([INBOX])
        steps.reach("ledger commit")
        assert await chunk.release() == [Outcome(OutcomeKind.UNSENT)]
        with pytest.raises(ConnectionLost):
            await lane.drain()
        with pytest.raises(ConnectionLost):
            await mailbox.status([INBOX])
        await mailbox.status([INBOX])

    asyncio.run(work())
    assert server.mails(INBOX) == []


def test_several_steps_may_fail() -> None:
    server, steps = MemoryServer(), Steps({1, 2, 3}, How.CUT_BEFORE)

    async def work() -> None:
        mailbox = MemoryMailbox(server, steps=steps)
        for _ in range(3):
            with pytest.raises(ConnectionLost):
                await mailbox.status([INBOX])
        await mailbox.status([INBOX])

    asyncio.run(work())
    assert steps.total == 5


def test_a_kill_in_a_thread_ends_the_work() -> None:
    steps = Steps(1)
    cleaned: list[str] = []

    def commit() -> None:
        with pytest.raises(Killed):
            steps.reach("ledger commit")

    async def work() -> None:
        mailbox = MemoryMailbox(MemoryServer(), steps=steps)
        thread = threading.Thread(target=commit)
        thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            thread.join()
            cleaned.append("begun")
            await mailbox.status([INBOX])
            cleaned.append("impossible")

    with pytest.raises(Killed):
        asyncio.run(steps.run(work()))
    assert cleaned == ["begun"]
    assert steps.names == ["ledger commit"]


def test_run_gives_the_result_or_the_error() -> None:
    async def fail() -> None:
        raise ConnectionLost

    assert asyncio.run(Steps().run(asyncio.sleep(0, "result"))) == "result"
    with pytest.raises(ConnectionLost):
        asyncio.run(Steps().run(fail()))
