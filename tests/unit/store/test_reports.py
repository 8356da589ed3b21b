from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from mailferry.migration.model import ReportLine, SkippedItem
from mailferry.store import events, reports, settings, tokens, users
from mailferry.store.database import Database
from mailferry.store.events import StoredEvent
from tests.unit.store.scene import Scene


def lines(first: int, last: int) -> list[ReportLine]:
    return [ReportLine(float(n), "info", f"line {n}") for n in range(first, last)]


async def test_a_report_keeps_its_newest_lines(database: Database) -> None:
    scene = await Scene.make(database)
    mine, other = await scene.add(2)
    async with database.begin() as connection:
        await reports.add_lines(connection, other, lines(0, 3))
        await reports.add_lines(connection, mine, [])
        assert await reports.lines(connection, mine) == []
        await reports.add_lines(connection, mine, lines(0, 1_500))
        await reports.add_lines(connection, mine, lines(1_500, 2_000))
        assert await reports.lines(connection, mine) == lines(0, 2_000)
        await reports.add_lines(connection, mine, lines(2_000, 2_001))
        assert await reports.lines(connection, mine, 10_000) == lines(1, 2_001)
        assert await reports.lines(connection, mine, 2) == lines(1_999, 2_001)
        await reports.add_lines(connection, mine, lines(5_000, 8_000))
        assert await reports.lines(connection, mine, 10_000) == lines(6_000, 8_000)
        assert await reports.lines(connection, other) == lines(0, 3)


async def test_skipped_items_are_replaced(database: Database) -> None:
    scene = await Scene.make(database)
    mine, other = await scene.add(2)
    item = SkippedItem("Inbox", 4_294_967_295, "too-large", "limit", "r", "Subject \0\ud83d", "<id>", 5.0, 1 << 40)
    async with database.begin() as connection:
        await reports.replace_skipped(connection, other, [item])
        await reports.replace_skipped(connection, mine, (SkippedItem("f", n, "k") for n in range(10_500)))
        assert len(await reports.skipped(connection, mine)) == 10_000
        page = await reports.skipped(connection, mine, 2, offset=1_000)
        assert page == [SkippedItem("f", 1_000, "k"), SkippedItem("f", 1_001, "k")]
        await reports.replace_skipped(connection, mine, [])
        assert await reports.skipped(connection, mine) == []
        (stored,) = await reports.skipped(connection, other)
        assert (stored.uid, stored.size_bytes, stored.date) == (item.uid, item.size_bytes, 5.0)
        assert stored.subject == "Subject \ufffd\ufffd"
        await users.delete_many(connection, [mine, other])


async def test_events_are_followed_by_number(database: Database) -> None:
    async with database.begin() as connection:
        assert await events.last_id(connection) == 0
        assert await events.prune(connection) == 0
        await events.add(connection, "batch", "B", "", {"status": "Synced", "n": [1]}, 5.0)
        first = await events.last_id(connection)
        assert await events.since(connection, 0) == [
            StoredEvent(first, 5.0, "batch", "B", "", {"status": "Synced", "n": [1]})
        ]
        for number in range(10):
            await events.add(connection, "user", "B", "a@example.org", {}, float(number))
        assert [event.at for event in await events.since(connection, first, 3)] == [0.0, 1.0, 2.0]
        assert await events.prune(connection, keep=4) == 7
        assert [event.at for event in await events.since(connection, 0)] == [6.0, 7.0, 8.0, 9.0]
        assert await events.prune(connection, keep=0) == 4
        await events.add(connection, "user", "B", "", {}, 20.0)
        assert await events.last_id(connection) == first + 11


async def test_settings_are_put_and_put_again(database: Database) -> None:
    async with database.begin() as connection:
        await settings.put(connection, "a", "1")
        await settings.put(connection, "b", "")
        await settings.put(connection, "a", "2")
        assert await settings.get_all(connection) == {"a": "2", "b": ""}


async def test_tokens_are_found_by_digest(database: Database) -> None:
    async with database.begin() as connection:
        token = await tokens.add(connection, "ann", "admin", "d1", 5.0)
        await tokens.add(connection, "Bob", "reader", "d2", 6.0)
        assert await tokens.find(connection, "d1") == token
        assert await tokens.find(connection, "d3") is None
        assert [found.name for found in await tokens.all(connection)] == sorted(["ann", "Bob"], key=str)
        await tokens.used(connection, token.id, 100.0)
        await tokens.used(connection, token.id, 159.0)
        found = await tokens.find(connection, "d1")
        assert found is not None
        assert found.used_at == 100.0
        assert await tokens.delete(connection, "ann")
        assert not await tokens.delete(connection, "ann")
        assert await tokens.find(connection, "d1") is None
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await tokens.add(connection, "Bob", "admin", "d4", 7.0)
