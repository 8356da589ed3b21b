"""How a pass waits between attempts, and when it ends instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailferry import errors
from mailferry.backends.base import INBOX, FetchJob, Flags, Item
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import MOST_ATTEMPTS, Clock, Options
from mailferry.sync.run import run_pass
from tests.unit.sync.test_pass import FAST, Rig, mail


def throttled(tmp_path: Path, backoff_ms: int, refusals: int) -> Rig:
    """Make a target that asks for patience so many times."""
    left = [refusals]

    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        left[0] -= 1
        text = f"Request is throttled. Suggested Backoff Time: {backoff_ms} milliseconds" if backoff_ms else "later"
        return Refusal("NO", "UNAVAILABLE", text) if left[0] >= 0 else None

    rig = Rig(tmp_path / "ledger.db", MemoryOptions(refuse=refuse))
    rig.source.add_mail(INBOX, mail(1), date=1_700_000_000)
    return rig


def patient(waits: list[float], longest_wait_seconds: float) -> Options:
    """Make options whose clock notes each wait."""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    return replace(FAST, clock=Clock(sleep=sleep), longest_wait_seconds=longest_wait_seconds)


async def test_a_wish_within_the_limit_is_granted(tmp_path: Path) -> None:
    rig, waits = throttled(tmp_path, 40_000, 2), list[float]()
    result = await rig.run(patient(waits, 40.0))
    assert waits == [40.0, 40.0]
    assert result.stats.retries == 2
    assert rig.same()


async def test_a_longer_wish_ends_the_pass_and_is_told(tmp_path: Path) -> None:
    rig, waits = throttled(tmp_path, 40_001, 1), list[float]()
    with pytest.raises(errors.ServerBusy) as caught:
        await rig.run(patient(waits, 40.0))
    assert caught.value.wait_seconds == 40.001
    assert waits == []
    await rig.run()
    assert rig.same()


async def test_delays_that_grow_over_the_limit_end_the_pass(tmp_path: Path) -> None:
    rig, waits = throttled(tmp_path, 0, 100), list[float]()
    with pytest.raises(errors.ServerBusy) as caught:
        await rig.run(patient(waits, 5.0))
    assert waits
    assert max(waits) <= 5.0
    assert caught.value.wait_seconds > 5.0


class Breaking(MemoryMailbox):
    """A source whose connection breaks when bodies are asked for."""

    def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """Break. Raises ConnectionLost."""
        raise errors.ConnectionLost("cut", side=Side.SOURCE)


@pytest.mark.parametrize(("reached", "retries"), [(False, FAST.retries), (True, MOST_ATTEMPTS + 2)])
async def test_a_server_that_was_never_reached_is_tried_less_often(tmp_path: Path, reached: bool, retries: int) -> None:
    """Nothing was read that could have broken the connection, so something else is wrong, and somebody waits."""
    rig, waits = Rig(tmp_path / "ledger.db"), list[float]()
    rig.source.add_mail(INBOX, mail(1))

    async def open_source() -> MemoryMailbox:
        if not reached:
            raise errors.ConnectionLost("cut", side=Side.SOURCE)
        return Breaking(rig.source, side=Side.SOURCE)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(rig.target, side=Side.TARGET)

    ledger = SqliteLedger(rig.state)
    with pytest.raises(errors.ConnectionLost):
        await run_pass(open_source, open_target, ledger, ("s", "t"), patient(waits, 300.0))
    await ledger.close()
    assert len(waits) == retries
