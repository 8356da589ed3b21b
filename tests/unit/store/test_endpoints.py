from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from mailferry.migration.model import Authentication, EndpointRole, EndpointType, Security
from mailferry.store import endpoints
from mailferry.store.database import Database
from tests.unit.store.scene import Scene, endpoint


async def test_an_endpoint_is_given_back_as_it_was_stored(database: Database) -> None:
    given = replace(
        endpoint("Müller"),
        security=Security.TLS,
        authentication=Authentication.PLAIN,
        accept_untrusted_certificates=True,
        max_migrations=50,
        max_incremental_syncs=25,
        max_per_login=3,
        path="/x",
        user_template="{local}",
        admin_user="admin",
    )
    async with database.begin() as connection:
        stored = await endpoints.add(connection, given)
        assert stored == replace(given, id=stored.id)
        assert await endpoints.by_id(connection, stored.id) == stored
        assert await endpoints.find(connection, "MÜLLER") == stored
        assert await endpoints.find(connection, stored.guid.upper()) == stored
        assert await endpoints.find(connection, "nobody") is None
        changed = replace(stored, name="other", port=143, max_migrations=0, changed_at=9.0)
        await endpoints.update(connection, changed)
        assert await endpoints.by_id(connection, stored.id) == changed


async def test_a_name_wins_over_a_guid(database: Database) -> None:
    async with database.begin() as connection:
        first = await endpoints.add(connection, endpoint("first"))
        second = await endpoints.add(connection, endpoint(first.guid))
        assert await endpoints.find(connection, first.guid) == second


async def test_lists_are_by_name_and_of_a_role_or_type(database: Database) -> None:
    async with database.begin() as connection:
        await endpoints.add(connection, endpoint("b"))
        await endpoints.add(connection, replace(endpoint("C", EndpointRole.TARGET), type=EndpointType.MAILDIR))
        await endpoints.add(connection, endpoint("A", EndpointRole.TARGET))
        assert [found.name for found in await endpoints.all(connection)] == ["A", "b", "C"]
        assert [found.name for found in await endpoints.all(connection, role=EndpointRole.TARGET)] == ["A", "C"]
        assert [found.name for found in await endpoints.all(connection, type=EndpointType.IMAP)] == ["A", "b"]


async def test_there_is_one_default_target(database: Database) -> None:
    async with database.begin() as connection:
        assert await endpoints.default_target(connection) is None
        first = await endpoints.add(connection, endpoint("1", EndpointRole.TARGET, is_default=True))
        assert await endpoints.default_target(connection) == first
        second = await endpoints.add(connection, endpoint("2", EndpointRole.TARGET, is_default=True))
        assert await endpoints.default_target(connection) == second
        await endpoints.update(connection, first)
        assert await endpoints.default_target(connection) == first
        await endpoints.make_default(connection, second.id)
        assert [found.is_default for found in await endpoints.all(connection)] == [False, True]


async def test_a_name_is_used_once(database: Database) -> None:
    async with database.begin() as connection:
        await endpoints.add(connection, endpoint("One"))
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await endpoints.add(connection, endpoint("ONE"))


async def test_an_endpoint_in_use_is_not_deleted(database: Database) -> None:
    scene = await Scene.make(database)
    async with database.begin() as connection:
        assert await endpoints.batches_using(connection, scene.source.id) == [scene.batch.name]
        assert await endpoints.batches_using(connection, scene.target.id) == [scene.batch.name]
        unused = await endpoints.add(connection, endpoint())
        assert await endpoints.batches_using(connection, unused.id) == []
        await endpoints.delete(connection, unused.id)
        assert await endpoints.by_id(connection, unused.id) is None
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await endpoints.delete(connection, scene.target.id)
