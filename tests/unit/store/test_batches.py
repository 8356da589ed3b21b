from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from mailferry.migration.model import Progress
from mailferry.migration.states import BatchStatus, Outcome, UserStatus
from mailferry.store import batches, transitions, users
from mailferry.store.batches import RowErrorRecord, Sums
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from tests.unit.store.scene import Scene, add_batch, new_users


async def test_a_batch_is_given_back_as_it_was_stored(database: Database) -> None:
    scene = await Scene.make(database)
    settings = {
        "priority": 4,
        "include_folders": ("Inbox", 'Kunden/Müller, "x"\n'),
        "exclude_folders": ("[Gmail]/*",),
        "content_filter": "Received -lt '2/1/2025'",
        "content_filter_language": "en-GB",
        "received_start": 1.0,
        "received_end": 2.0,
        "notification_emails": ("a@example.org",),
        "report_interval_seconds": 60.0,
        "skip_reports": True,
        "time_zone": "Europe/Berlin",
        "submitted_by": "ann",
        "message": "m",
        "start_after": 5.0,
        "complete_after": 6.0,
    }
    async with database.begin() as connection:
        stored = await add_batch(connection, scene.source, scene.target, "Straße 1", **settings)
        expected = replace(stored, source_endpoint=scene.source.name, target_endpoint=scene.target.name)
        assert await batches.by_id(connection, stored.id) == expected
        assert await batches.find(connection, "STRASSE 1") == expected
        assert await batches.find(connection, stored.guid.upper()) == expected
        assert await batches.find(connection, "Straße") is None
        changed = replace(expected, name="Other", priority=0, include_folders=(), start_after=None, message="")
        await batches.update(connection, replace(changed, status=BatchStatus.FAILED))
        assert await batches.by_id(connection, stored.id) == changed


async def test_names_are_unique_in_any_case(database: Database) -> None:
    scene = await Scene.make(database)
    async with database.begin() as connection:
        await add_batch(connection, scene.source, scene.target, "One")
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await add_batch(connection, scene.source, scene.target, "oNE")


async def test_pages_are_by_name(database: Database) -> None:
    scene = await Scene.make(database)
    async with database.begin() as connection:
        await batches.delete(connection, scene.batch.id)
        for name in ("delta", "Alpha", "charlie 100%", "BRAVO"):
            await add_batch(connection, scene.source, scene.target, name, status=BatchStatus.CREATED)
        (alpha,) = await batches.page(connection, limit=1)
        await batches.set_status(connection, alpha.id, {BatchStatus.CREATED}, BatchStatus.SYNCING, 1.0)

        async def names(**asked: object) -> list[str]:
            return [batch.name for batch in await batches.page(connection, **asked)]  # type: ignore[arg-type] # as given

        assert await names() == ["Alpha", "BRAVO", "charlie 100%", "delta"]
        assert await names(after="bravo", limit=1) == ["charlie 100%"]
        assert await names(search="A", after="alpha") == ["BRAVO", "charlie 100%", "delta"]
        assert await names(search="0%") == ["charlie 100%"]
        assert await names(status=BatchStatus.SYNCING) == ["Alpha"]
        assert len(await names(endpoint_id=scene.target.id)) == 4
        assert await names(endpoint_id=12345) == []


async def test_a_status_changes_only_from_an_expected_one(database: Database) -> None:
    scene = await Scene.make(database)
    async with database.begin() as connection:
        expected = [BatchStatus.STARTING, BatchStatus.SYNCED]
        assert await batches.set_status(connection, scene.batch.id, expected, BatchStatus.SYNCING, 3.0, started_at=2.0)
        assert not await batches.set_status(connection, scene.batch.id, expected, BatchStatus.FAILED, 4.0)
        assert not await batches.set_status(connection, 12345, expected, BatchStatus.FAILED, 4.0)
        found = await batches.by_id(connection, scene.batch.id)
    assert found is not None
    assert (found.status, found.status_at, found.started_at) == (BatchStatus.SYNCING, 3.0, 2.0)


async def test_counts_and_sums(database: Database) -> None:
    scene = await Scene.make(database)
    empty = await Scene.make(database)
    ids = [scene.batch.id, empty.batch.id]
    await scene.add(new_users(4))
    async with database.begin() as connection:
        assert (await batches.sums(connection, ids))[scene.batch.id] == Sums(users=4)
    first, second, third = await scene.claim(1.0, most=3)
    big = 3 << 40
    await scene.finish(
        first, Outcome.DONE_WITH_SKIPS, 2.0, progress=Progress(10, 9, 1, 0, big, big), consistency="Poor"
    )
    await scene.finish(second, Outcome.DONE, 2.0, progress=Progress(4, 4, 0, 0, 5, 5), consistency="Perfect")
    await scene.finish(third, Outcome.FAILED, 2.0, progress=Progress(10, 4, 1, 0, 5, 1))
    async with database.connect() as connection:
        counts = await batches.counts(connection, ids)
        sums = await batches.sums(connection, ids)
    expected = {UserStatus.SYNCED: 2, UserStatus.FAILED: 1, UserStatus.QUEUED: 1}
    assert counts[scene.batch.id].by_status == expected
    assert counts[empty.batch.id].total == 0
    assert sums[empty.batch.id] == Sums()
    assert sums[scene.batch.id] == Sums(4, 24, 17, 2, big + 10, big + 6, 250, "Poor")
    assert sums[scene.batch.id].percentage == 62


async def test_which_batches_are_to_be_looked_at(database: Database) -> None:
    scene = await Scene.make(database)
    for status in BatchStatus:
        async with database.begin() as connection:
            await batches.set_status(connection, scene.batch.id, set(BatchStatus), status, 1.0)
            found = [batch.id for batch in await batches.unsettled(connection)]
        at_rest = (*batches.AT_REST, BatchStatus.CREATED, BatchStatus.CORRUPTED)
        assert found == ([] if status in at_rest else [scene.batch.id])
    await scene.add(1)
    for status in BatchStatus:
        async with database.begin() as connection:
            await batches.set_status(connection, scene.batch.id, set(BatchStatus), status, 1.0)
            found = [batch.id for batch in await batches.unsettled(connection)]
        assert bool(found) == (status not in (BatchStatus.CREATED, BatchStatus.CORRUPTED))


async def test_a_batch_follows_its_users(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.add(1)

    async def reconsider(now: float) -> BatchStatus | None:
        async with database.begin() as connection:
            return await batches.reconsider(connection, scene.batch.id, now)

    assert await reconsider(1.0) is None
    (claim,) = await scene.claim(2.0)
    assert await reconsider(3.0) is BatchStatus.SYNCING
    await scene.finish(claim, Outcome.DONE, 4.0)
    assert await reconsider(5.0) is BatchStatus.SYNCED
    async with database.begin() as connection:
        await transitions.complete(connection, Selection(batch_id=scene.batch.id), 6.0)
    assert await reconsider(7.0) is BatchStatus.COMPLETING
    (claim,) = await scene.claim(8.0)
    await scene.finish(claim, Outcome.DONE, 9.0)
    assert await reconsider(10.0) is BatchStatus.COMPLETED
    async with database.connect() as connection:
        found = await batches.by_id(connection, scene.batch.id)
        assert await batches.reconsider(connection, 12345, 11.0) is None
    assert found is not None
    assert (found.initial_synced_at, found.last_synced_at, found.finalized_at) == (5.0, 5.0, 10.0)


async def test_what_was_said_of_an_address_is_forgotten_when_a_file_has_it_again(database: Database) -> None:
    scene = await Scene.make(database)
    ann, bob = [
        RowErrorRecord(line, "EmailAddress", "x", "No.", {"EmailAddress": f"{name}@b.c"})
        for line, name in ((2, "ann"), (3, "bob"))
    ]
    again = replace(bob, line=2, code="y")
    nobody = RowErrorRecord(4, "EmailAddress", "z", "Empty.", {"UserName": "kim"})
    async with database.begin() as connection:
        await batches.replace_row_errors(connection, scene.batch.id, [], [ann, bob, nobody])
        await batches.replace_row_errors(connection, scene.batch.id, ["ANN@b.c"], [again, nobody])
        assert await batches.row_errors(connection, scene.batch.id) == [nobody, again]


async def test_a_batch_is_deleted_with_its_row_errors(database: Database) -> None:
    scene = await Scene.make(database)
    errors = [RowErrorRecord(3, "EmailAddress", "bad", "No address.", {"EmailAddress": "ä\0"}), RowErrorRecord(5)]
    (user_id,) = await scene.add(1)
    async with database.begin() as connection:
        await batches.replace_row_errors(connection, scene.batch.id, [], errors)
        await batches.replace_row_errors(connection, scene.batch.id, ["b@c.d"], [])
        assert await batches.row_errors(connection, scene.batch.id) == errors
        assert await batches.row_error_counts(connection, [scene.batch.id, 12345]) == {scene.batch.id: 2}
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await batches.delete(connection, scene.batch.id)
    async with database.begin() as connection:
        await users.delete_many(connection, [user_id])
        await batches.delete(connection, scene.batch.id)
        assert await batches.find(connection, scene.batch.name) is None
