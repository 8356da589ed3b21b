from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from mailferry.migration.states import SUMMARY, BatchStatus, PassKind, StatusSummary, UserStatus
from mailferry.store import batches, transitions, users
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from mailferry.store.users import NewUser
from tests.unit.store.scene import REACHABLE, Scene, add_batch, due, new_users


async def test_added_users_are_as_they_were_given(database: Database) -> None:
    scene = await Scene.make(database)
    new = NewUser("Ann@Example.org", "ORG\\Ann", "/users/ann", "ann@new.example", b"\x00sealed")
    queued, stopped = await scene.add([new], now=5.0) + await scene.add(new_users(1), now=6.0, start=False)
    user = await scene.user(queued)
    assert (user.email_address, user.user_name, user.user_root) == ("Ann@Example.org", "ORG\\Ann", "/users/ann")
    assert (user.target_user, user.batch, user.endpoint_id) == ("ann@new.example", scene.batch.name, scene.source.id)
    assert (user.status, user.next_kind, user.due_at) == (UserStatus.QUEUED, PassKind.INITIAL, 5.0)
    assert (user.created_at, user.status_at, user.updated_at) == (5.0, 5.0, 5.0)
    assert (await scene.user(stopped)).status is UserStatus.STOPPED
    assert await due(database, stopped) == (None, None)


async def test_a_start_in_the_future_is_waited_for(database: Database) -> None:
    scene = await Scene.make(database)
    async with database.begin() as connection:
        scene.batch = await add_batch(connection, scene.source, scene.target, start_after=50.0, priority=3)
    (user_id,) = await scene.add(1, now=5.0)
    assert await due(database, user_id) == (PassKind.INITIAL, 50.0)
    assert (await scene.user(user_id)).priority == 3


async def test_many_are_added_and_paged_without_a_gap(database: Database) -> None:
    scene = await Scene.make(database)
    async with database.begin() as connection:
        assert await users.add_many(connection, scene.batch, iter(new_users(2_500)), 1.0, start=True) == 2_500
        assert await users.add_many(connection, scene.batch, [], 1.0, start=True) == 0
    seen: list[str] = []
    async with database.connect() as connection:
        after_id = 0
        while page := await users.page(connection, batch_id=scene.batch.id, after_id=after_id, limit=700):
            seen += [user.email_address for user in page]
            after_id = page[-1].id
        assert await users.count(connection, batch_id=scene.batch.id) == 2_500
    assert len(seen) == 2_500
    assert set(seen) == {user.email_address for user in new_users(2_500)}


async def test_an_address_is_once_in_a_batch_in_any_case(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add([NewUser("a@example.org", "a")])
    with pytest.raises(IntegrityError):
        await scene.add([NewUser("b@example.org", "b"), NewUser("A@EXAMPLE.org", "a")])
    async with database.connect() as connection:
        assert await users.count(connection) == 1


async def test_pages_and_counts_of_statuses_and_groups(database: Database) -> None:
    scene = await Scene.make(database, max_migrations=0, max_incremental_syncs=0)
    ids = {status: [await scene.at(status), await scene.at(status)] for status in REACHABLE}
    batch_id = scene.batch.id
    async with database.connect() as connection:
        for status in UserStatus:
            expected = ids.get(status, [])
            assert [user.id for user in await users.page(connection, status=status)] == expected
            assert [u.id for u in await users.page(connection, status=status, batch_id=batch_id)] == expected
            assert await users.count(connection, status=status) == len(expected)
        for summary in StatusSummary:
            expected = sorted(n for status, some in ids.items() if SUMMARY[status] is summary for n in some)
            assert [user.id for user in await users.page(connection, summary=summary)] == expected
            page = await users.page(connection, summary=summary, limit=2, after_id=expected[0])
            assert [user.id for user in page] == expected[1:3]
            assert await users.count(connection, summary=summary, batch_id=batch_id) == len(expected)
        assert await users.page(connection, summary=StatusSummary.FAILED, status=UserStatus.QUEUED) == []
        assert await users.count(connection, summary=StatusSummary.FAILED, status=UserStatus.QUEUED) == 0


async def test_a_search_finds_parts_of_addresses_and_logins(database: Database) -> None:
    scene = await Scene.make(database)
    new = [
        NewUser("Ann_Lee@example.org", "x1"),
        NewUser("AnnXLee@example.org", "x2"),
        NewUser("z@example.org", "ORG\\Ann%"),
    ]
    first, second, third = await scene.add(new)
    async with database.connect() as connection:
        for words, expected in {
            "ann": [first, second, third],
            "NN_l": [first],
            "ann%": [third],
            "@EXAMPLE": [first, second, third],
            "nobody": [],
            "a\0n": [],
        }.items():
            found = await users.page(connection, batch_id=scene.batch.id, search=words)
            assert [user.id for user in found] == expected
            assert await users.count(connection, search=words) == len(expected)


async def test_a_user_is_found_by_guid_or_address(database: Database) -> None:
    one, two = await Scene.make(database), await Scene.make(database)
    (first,), (second,) = await one.add(1), await two.add(1)
    user = await one.user(first)
    async with database.connect() as connection:
        assert [found.id for found in await users.find(connection, "USER0@example.org")] == [first, second]
        assert await users.find(connection, user.guid.upper()) == [user]
        assert await users.find(connection, "nobody@example.org") == []
        assert await users.by_id(connection, 12345) is None


async def test_addresses_are_taken_by_batches_that_are_not_over(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add(new_users(3))
    keys = ["user0@example.org", "user1@example.org", "user7@example.org", "USER2@example.org"]
    name = scene.batch.name
    async with database.begin() as connection:
        assert await users.taken(connection, keys) == {keys[0]: name, keys[1]: name, keys[3]: name}
        await transitions.remove(connection, Selection(batch_id=scene.batch.id, statuses=None), 1.0)
        assert await users.taken(connection, keys) == {}
    for status in BatchStatus:
        other = await Scene.make(database)
        await other.add(new_users(1, status))
        async with database.begin() as connection:
            await batches.set_status(connection, other.batch.id, set(BatchStatus), status, 2.0)
            found = await users.taken(connection, [f"{status}0@example.org".lower()])
        assert bool(found) == (status not in (BatchStatus.COMPLETED, BatchStatus.REMOVING))


async def test_more_addresses_than_a_statement_takes(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add(new_users(2))
    async with database.connect() as connection:
        found = await users.taken(connection, [f"user{n}@example.org" for n in range(70_000)])
    assert sorted(found) == ["user0@example.org", "user1@example.org"]


async def test_changes_are_followed_through_equal_moments(database: Database) -> None:
    scene = await Scene.make(database)
    ids = await scene.add(5, now=1.0)
    async with database.begin() as connection:
        assert await users.last_change(connection) == 1.0
        await transitions.stop(connection, Selection(user_ids=ids[2:]), 2.0)
        assert await users.last_change(connection) == 2.0
    seen: list[int] = []
    at, after_id = 1.0, ids[0]
    async with database.connect() as connection:
        while changed := await users.changed_since(connection, at, 2, after_id=after_id):
            seen += [user.id for user in changed]
            at, after_id = changed[-1].updated_at, changed[-1].id
    assert seen == [ids[1], *ids[2:]]


async def test_settings_of_a_user(database: Database) -> None:
    scene = await Scene.make(database)
    (user_id,) = await scene.add(1, now=5.0)
    async with database.begin() as connection:
        await users.settings(connection, user_id)
        await users.settings(connection, user_id, priority=-2, complete_after=9.0, target_user="t", start_after=7.0)
    user = await scene.user(user_id)
    assert (user.priority, user.complete_after, user.start_after, user.target_user) == (-2, 9.0, 7.0, "t")
    assert user.due_at == 7.0
    async with database.begin() as connection:
        await users.settings(connection, user_id, cleared=["start_after"], due_at=6.0)
    user = await scene.user(user_id)
    assert (user.priority, user.complete_after, user.start_after, user.due_at) == (-2, 9.0, None, 6.0)


async def test_deleted_users_leave_nothing_and_their_ids_are_not_used_again(database: Database) -> None:
    scene = await Scene.make(database)
    ids = await scene.add([NewUser("a@example.org", "a", secret_token=b"x"), NewUser("b@example.org", "b")])
    async with database.begin() as connection:
        await users.delete_many(connection, ids)
        assert await users.count(connection) == 0
    assert min(await scene.add(1)) > max(ids)
