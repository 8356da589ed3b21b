"""The lane in memory: at whatever step it breaks, what the client is told is true."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from mailferry.backends.base import (
    INBOX,
    FolderPath,
    Mail,
    Mode,
    Outcome,
    OutcomeKind,
)
from mailferry.backends.memory import How, Killed, MemoryLane, MemoryMailbox, MemoryOptions, MemoryServer, Steps
from mailferry.errors import ConnectionLost

STORED, REFUSED, UNSENT = OutcomeKind.STORED, OutcomeKind.REFUSED, OutcomeKind.UNSENT
CHUNKS = ((Mode.MULTI, (1, 2, 3)), (Mode.SINGLE, (4, 5, 6)), (Mode.MULTI, (7,)), (Mode.SYNC, (8, 9)))
SIZE = 70_000
LATE_LOOKS = 20


def body(number: int) -> bytes:
    return b"%d:" % number + b"x" * (SIZE if number == 5 else 10)


def add(lane: MemoryLane, mode: Mode, numbers: tuple[int, ...]) -> asyncio.Future[list[Outcome | None]]:
    chunk = lane.chunk(INBOX, mode, "key")
    for number in numbers:
        data = body(number)
        chunk.add(Mail(number, frozenset(), 0, 0, len(data), data[:65_536]), frozenset(), 0, 0)
        if len(data) > 65_536:
            chunk.piece(data[65_536:])
    return chunk.release()


async def append_all(server: MemoryServer, steps: Steps) -> list[Outcome | None]:
    """Send all chunks without waiting; None for a message whose chunk was never begun as well."""
    try:
        lane = await MemoryMailbox(server, steps=steps).open_lane()
    except ConnectionLost:
        return [Outcome(UNSENT)] * 9
    results = []
    for mode, numbers in CHUNKS:
        results.append(add(lane, mode, numbers))
        steps.reach("ledger commit")
        await asyncio.sleep(0)
    return [outcome for result in results for outcome in await result]


def options(late: int | None = None) -> MemoryOptions:
    return MemoryOptions(late=late, refuse=lambda data, _: ("NO", "", "never") if data == body(4) else None)


def undisturbed() -> Steps:
    steps = Steps()
    asyncio.run(append_all(MemoryServer(options()), steps))
    return steps


def look(server: MemoryServer, times: int) -> list[int]:
    async def looks() -> list[int]:
        counts = []
        for _ in range(times):
            [status] = await MemoryMailbox(server).status([INBOX])
            assert status is not None
            counts.append(status.messages)
        return counts

    return asyncio.run(looks())


def copies(server: MemoryServer) -> Counter[bytes]:
    return Counter(mail.data for mail in server.mails(INBOX))


TOTAL = undisturbed().total


def test_every_run_has_the_same_steps() -> None:
    steps = undisturbed()
    assert steps.names == undisturbed().names
    kinds = {"login", "lane", "chunk", "add", "piece", "release", "commit", "answer"}
    assert set(steps.names) == {f"target {kind}" for kind in kinds} | {"ledger commit"}
    assert Counter(steps.names)["target commit"] == 1 + 3 + 1 + 2


@pytest.mark.parametrize("late", [None, 0, 3])
@pytest.mark.parametrize("how", [How.CUT_BEFORE, How.CUT_AFTER])
@pytest.mark.parametrize("step", range(1, TOTAL + 1))
def test_a_verdict_is_true_and_stays_true(step: int, how: How, late: int | None) -> None:
    server = MemoryServer(options(late))
    outcomes = asyncio.run(append_all(server, Steps(step, how)))
    look(server, LATE_LOOKS)
    found = copies(server)
    assert max(found.values(), default=0) <= 1
    for number, outcome in enumerate(outcomes, 1):
        if outcome is not None:
            assert found[body(number)] == (outcome.kind is STORED), (number, outcome)
    for mode, numbers in CHUNKS:
        if mode is Mode.MULTI:
            assert len({found[body(number)] for number in numbers}) == 1


@pytest.mark.parametrize("step", range(1, TOTAL + 1))
def test_after_a_kill_nothing_is_executed(step: int) -> None:
    server, steps = MemoryServer(options()), Steps(step, "kill")
    with pytest.raises(Killed):
        asyncio.run(steps.run(append_all(server, steps)))
    assert steps.total == step
    assert steps.killed
    left = copies(server)
    look(server, 5)
    assert copies(server) == left


def test_some_cuts_leave_messages_in_doubt() -> None:
    doubts = 0
    for step in range(1, TOTAL + 1):
        outcomes = asyncio.run(append_all(MemoryServer(options()), Steps(step, How.CUT_AFTER)))
        doubts += None in outcomes
    assert doubts > 5


async def three_singles(server: MemoryServer, steps: Steps) -> list[Outcome | None]:
    lane = await MemoryMailbox(server, steps=steps).open_lane()
    return await add(lane, Mode.SINGLE, (1, 2, 3))


@pytest.mark.parametrize("how", [How.CUT_BEFORE, How.KILL])
def test_late_commits_come_one_a_look(how: How) -> None:
    """Three single messages are released; the connection breaks before the first is executed."""
    steps = Steps()
    asyncio.run(three_singles(MemoryServer(), steps))
    server, steps = MemoryServer(MemoryOptions(late=2)), Steps(steps.names.index("target commit") + 1, how)
    if how is How.KILL:
        with pytest.raises(Killed):
            asyncio.run(steps.run(three_singles(server, steps)))
    else:
        assert asyncio.run(three_singles(server, steps)) == [None] * 3
    assert look(server, 7) == [0, 0, 1, 2, 3, 3, 3]


def test_without_late_commits_what_was_under_way_is_lost() -> None:
    steps = Steps()
    asyncio.run(three_singles(MemoryServer(), steps))
    second = [number for number, name in enumerate(steps.names, 1) if name == "target commit"][1]
    server = MemoryServer()
    assert asyncio.run(three_singles(server, Steps(second, How.CUT_AFTER))) == [Outcome(STORED, 1), None, None]
    assert look(server, 3) == [2, 2, 2]


def test_a_late_commit_to_a_folder_that_is_gone_is_no_commit() -> None:
    work = FolderPath(("Work",))
    server = MemoryServer(MemoryOptions(late=0))
    server.add_folder(work)

    async def send() -> None:
        steps = Steps(5, How.CUT_AFTER)
        lane = await MemoryMailbox(server, steps=steps).open_lane()
        chunk = lane.chunk(work, Mode.SINGLE, "key")
        chunk.add(Mail(1, frozenset(), 0, 0, 1, b"a"), frozenset(), 0, 0)
        assert await chunk.release() == [None]
        assert steps.names[4] == "target release"

    asyncio.run(send())
    server.remove_folder(work)
    server.add_folder(FolderPath(("Play",)))
    assert look(server, 2) == [0, 0]
    assert server.find(work) is None


def test_a_chunk_wrongly_used() -> None:
    async def work() -> None:
        lane = await MemoryMailbox(MemoryServer()).open_lane()
        large = Mail(1, frozenset(), 0, 0, 70_000, bytes(65_536))
        chunk = lane.chunk(INBOX, Mode.SINGLE, "key")
        chunk.add(large, frozenset(), 0, 0)
        with pytest.raises(RuntimeError, match="4464 bytes"):
            chunk.add(large, frozenset(), 0, 0)
        with pytest.raises(RuntimeError, match="4464 bytes"):
            chunk.release()
        with pytest.raises(RuntimeError, match="5000 bytes"):
            chunk.piece(bytes(5_000))
        chunk.piece(bytes(4_464))
        await chunk.release()
        for call in (chunk.release, chunk.abandon):
            with pytest.raises(RuntimeError):
                call()

    asyncio.run(work())


def test_giving_up_a_chunk_may_cost_the_connection() -> None:
    async def work() -> None:
        lane = await MemoryMailbox(MemoryServer(MemoryOptions(abandon_breaks=True))).open_lane()
        lane.chunk(INBOX, Mode.SINGLE, "not begun").abandon()
        await lane.drain()
        chunk = lane.chunk(INBOX, Mode.SINGLE, "begun")
        chunk.add(Mail(1, frozenset(), 0, 0, 1, b"a"), frozenset(), 0, 0)
        chunk.abandon()
        with pytest.raises(ConnectionLost):
            await lane.drain()

    asyncio.run(work())
