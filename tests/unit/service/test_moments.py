"""When a batch or a user begins and is completed: which moments can be given, and how they are taken away."""

from __future__ import annotations

import pytest

from mailferry.migration.states import BatchStatus, PassKind, UserStatus
from mailferry.service.batchsettings import CLEAR, BatchSettings, When
from mailferry.service.errors import InvalidValue
from tests.unit.service.scene import NOW, Scene

ANN = "ann@contoso.com"
HOUR = 3_600.0


async def change(scene: Scene, what: str, start_after: When = None, complete_after: When = None) -> None:
    """Change the moments of the batch, or of its user."""
    if what == "batch":
        await scene.batches.change("b", BatchSettings(start_after=start_after, complete_after=complete_after))
    else:
        await scene.users.change(ANN, start_after=start_after, complete_after=complete_after)


async def moments(scene: Scene, what: str) -> tuple[float | None, float | None]:
    """Give them."""
    found = (await scene.batches.get("b")).batch if what == "batch" else await scene.users.get(ANN)
    return found.start_after, found.complete_after


@pytest.mark.parametrize("what", ["batch", "user"])
async def test_moments_are_taken_away(scene: Scene, what: str) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED)
    await change(scene, what, NOW + 1, NOW + 2)
    await change(scene, what)
    assert await moments(scene, what) == (NOW + 1, NOW + 2)
    await change(scene, what, complete_after=CLEAR)
    assert await moments(scene, what) == (NOW + 1, None)
    await change(scene, what, start_after=CLEAR)
    assert await moments(scene, what) == (None, None)


@pytest.mark.parametrize("what", ["batch", "user"])
async def test_moments_in_the_past_are_refused(scene: Scene, what: str) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED)
    with pytest.raises(InvalidValue, match="use start") as caught:
        await change(scene, what, start_after=NOW - 61)
    assert caught.value.name == "start_after"
    with pytest.raises(InvalidValue, match="use complete") as caught:
        await change(scene, what, complete_after=12_345.0)
    assert caught.value.name == "complete_after"
    assert await moments(scene, what) == (None, None)
    await change(scene, what, start_after=NOW - 59, complete_after=NOW - 59)
    scene.now += HOUR
    await change(scene, what, start_after=NOW - 59, complete_after=NOW - 59)  # as they were


@pytest.mark.parametrize("what", ["batch", "user"])
async def test_nothing_is_completed_before_it_begins(scene: Scene, what: str) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED)
    with pytest.raises(InvalidValue, match="before start_after") as caught:
        await change(scene, what, NOW + 2, NOW + 1)
    assert caught.value.name == "complete_after"
    await change(scene, what, NOW + 2, NOW + 2)
    with pytest.raises(InvalidValue) as caught:
        await change(scene, what, start_after=NOW + 3)
    assert caught.value.name == "start_after"
    await change(scene, what, NOW + 3, CLEAR)
    assert await moments(scene, what) == (NOW + 3, None)


async def test_moments_of_a_new_batch(scene: Scene) -> None:
    await scene.places()
    for wrong in (BatchSettings(complete_after=NOW - HOUR), BatchSettings(start_after=NOW + 2, complete_after=NOW + 1)):
        with pytest.raises(InvalidValue):
            await scene.batch("ann", settings=wrong)
    view = await scene.batch("ann", settings=BatchSettings(start_after=CLEAR, complete_after=CLEAR))
    assert (view.batch.start_after, view.batch.complete_after) == (None, None)


async def test_a_completed_batch_can_still_be_changed(scene: Scene) -> None:
    await scene.places()
    await scene.batch_at(BatchStatus.SYNCED)
    await scene.batches.complete("b")
    scene.now += HOUR
    await scene.batches.change("b", BatchSettings(priority=1))
    await change(scene, "batch", complete_after=CLEAR)
    assert await moments(scene, "batch") == (None, None)


async def test_a_user_who_need_not_wait_any_more_is_due(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    await scene.users.change(ANN, start_after=NOW + HOUR)
    assert (await scene.users.get(ANN)).due_at == NOW + HOUR
    scene.now += 5
    await scene.users.change(ANN, start_after=CLEAR)
    assert (await scene.users.get(ANN)).due_at == NOW + 5
    await scene.put(UserStatus.SYNCED, next_kind=PassKind.INCREMENTAL, due_at=NOW + HOUR, start_after=NOW + 9)
    await scene.users.change(ANN, start_after=CLEAR)
    assert (await scene.users.get(ANN)).due_at == NOW + HOUR, "only the initial sync waits for it"


async def test_a_priority_out_of_range(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    assert (await scene.users.change(ANN, priority=-100)).priority == -100
    with pytest.raises(InvalidValue) as caught:
        await scene.users.change(ANN, priority=101)
    assert caught.value.name == "priority"
