"""The logins of a batch, and how they are corrected."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from mailferry.migration.states import UserStatus
from mailferry.store import logins, users
from mailferry.store.database import Database
from mailferry.store.schema import SECRET
from mailferry.store.users import NewUser
from tests.unit.store.scene import Scene


async def test_logins_of_one_batch(database: Database) -> None:
    scene, other = await Scene.make(database), await Scene.make(database)
    new = NewUser("Ann@Example.org", "ann", "/users/ann", "ann@new", b"sealed")
    ann, _ben = await scene.add([new, NewUser("ben@example.org", "ben")])
    await other.add(1)
    async with database.connect() as connection:
        found = await logins.of_batch(connection, scene.batch.id)
    assert sorted(found) == ["ann@example.org", "ben@example.org"]
    login = found["ann@example.org"]
    assert (login.user_id, login.status, login.busy) == (ann, UserStatus.QUEUED, False)
    assert (login.user_name, login.user_root, login.target_user) == ("ann", "/users/ann", "ann@new")
    assert (login.secret_token, found["ben@example.org"].secret_token) == (b"sealed", None)
    (claim,) = await scene.claim(1.0, most=1)
    async with database.connect() as connection:
        busy = [one.user_id for one in (await logins.of_batch(connection, scene.batch.id)).values() if one.busy]
    assert busy == [claim.user_id]


@pytest.mark.parametrize("at_once", [1, 1_000])
async def test_corrected_logins(database: Database, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(logins, "ROWS_AT_ONCE", at_once)
    scene = await Scene.make(database)
    names = ("a", "b", "c")
    ids = await scene.add(
        [NewUser(f"{name}@example.org", name, secret_token=b"old " + name.encode()) for name in names]
    )
    new = {
        ids[0]: NewUser("a@example.org", "Admin", "/a", "t", b"new a"),
        ids[2]: NewUser("c@example.org", "C"),
    }
    async with database.begin() as connection:
        await logins.correct(connection, {})
        await logins.correct(connection, new)
    first, second, third = [await scene.user(user_id) for user_id in ids]
    assert (first.user_name, first.user_root, first.target_user) == ("Admin", "/a", "t")
    assert (second.user_name, third.user_name) == ("b", "C")
    async with database.connect() as connection:
        assert [user.id for user in await users.page(connection, search="ADMIN")] == [ids[0]]
        rows = await connection.execute(select(SECRET.c.owner_id, SECRET.c.token).order_by(SECRET.c.owner_id))
        assert [(row[0], bytes(row[1])) for row in rows] == [(ids[0], b"new a"), (ids[1], b"old b")]
