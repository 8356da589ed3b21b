"""Users go over to another batch: the row moves, its claims and its secret with it, and nothing stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from mailferry.migration.states import Outcome, PassKind, UserStatus
from mailferry.store import batches, moving, reports, secrets, users
from mailferry.store.database import Database
from mailferry.store.users import NewUser
from tests.unit.store.scene import Scene, add_batch


async def another(scene: Scene, **changes: object) -> Scene:
    """Make one more batch between the same endpoints."""
    async with scene.database.begin() as connection:
        batch = await add_batch(connection, scene.source, scene.target)
        batch = replace(batch, **changes)  # type: ignore[arg-type]
        await batches.update(connection, batch)
    return replace(scene, batch=batch)


async def moved(scene: Scene, ids: list[int], *, start: bool = True) -> set[int]:
    async with scene.database.begin() as connection:
        return await moving.move(connection, scene.batch, ids, 10.0, start=start)


async def test_the_row_moves_with_its_secret_and_its_next_pass_goes_on(database: Database) -> None:
    old = await Scene.make(database)
    (user_id,) = await old.add([NewUser("ann@example.org", "ann", "/ann", "ann@new", secret_token=b"sealed")])
    (claim,) = await old.claim(1.0)
    await old.finish(claim, Outcome.DONE, 2.0, due_in_seconds=100.0)
    new = await another(old, priority=5, start_after=50.0)
    before = await old.user(user_id)
    assert await moved(new, [user_id]) == {user_id}
    after = await new.user(user_id)
    assert (after.guid, after.fence, after.user_root) == (before.guid, before.fence, "/ann")
    assert (after.batch_id, after.status, after.next_kind) == (new.batch.id, UserStatus.QUEUED, PassKind.INCREMENTAL)
    assert (after.priority, after.due_at, after.initial_synced_at) == (5, 50.0, 2.0)
    async with database.connect() as connection:
        assert await users.page(connection, batch_id=old.batch.id) == []
        assert await secrets.get(connection, "user", user_id) == b"sealed"
        assert [line.text for line in await reports.lines(connection, user_id)] == [
            f"Went over from the batch {old.batch.name}."
        ]
        assert [user.id for user in await users.find(connection, "ANN@example.org")] == [user_id]
        assert await users.taken(connection, ["ann@example.org"]) == {"ann@example.org": new.batch.name}
        assert list(await moving.in_open_batches(connection, ["ann@example.org"])) == ["ann@example.org"]
        assert [u.id for u in (await moving.named(connection, [before.guid]))[before.guid]] == [user_id]
    (again,) = await new.claim(60.0)
    assert (again.user_id, again.fence) == (user_id, before.fence + 1), "the fence goes on: a late worker is shut out"
    assert await moved(old, [user_id]) == set(), "a pass runs"


async def test_what_cannot_move_stays(database: Database) -> None:
    old = await Scene.make(database)
    ids = await old.add(3)
    new = await another(old)
    claimed = [claim.user_id for claim in await old.claim(1.0, most=1)]
    free = [user_id for user_id in ids if user_id not in claimed]
    assert await moved(new, ids) == set(free)
    assert await moved(new, ids) == set(), "they are there"
    async with database.connect() as connection:
        assert [user.id for user in await users.page(connection, batch_id=old.batch.id)] == claimed


async def test_an_address_is_in_a_batch_once(database: Database) -> None:
    old = await Scene.make(database)
    (first,) = await old.add([NewUser("ann@example.org", "ann")])
    new = await another(old)
    await new.add([NewUser("Ann@Example.org", "ann")])
    with pytest.raises(IntegrityError):
        await moved(new, [first])
    assert (await old.user(first)).batch_id == old.batch.id
