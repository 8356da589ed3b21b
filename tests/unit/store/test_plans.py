"""What is asked often reads along an index, however many users there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.states import Outcome, PassKind, StatusSummary, UserStatus
from mailferry.store import batches, claims, transitions, users
from mailferry.store.database import Database
from mailferry.store.transitions import Selection
from tests.unit.store.scene import Scene, new_users

Question = Callable[[AsyncConnection, Scene], Awaitable[object]]

READ: dict[str, Question] = {
    "page": lambda c, s: users.page(c, batch_id=s.batch.id, limit=10),
    "page behind": lambda c, s: users.page(c, batch_id=s.batch.id, after_id=100, limit=10),
    "page of a status": lambda c, s: users.page(c, batch_id=s.batch.id, status=UserStatus.QUEUED, limit=10),
    "page of a group": lambda c, s: users.page(c, batch_id=s.batch.id, summary=StatusSummary.ACTIVE, limit=10),
    "page of a group everywhere": lambda c, s: users.page(c, summary=StatusSummary.FAILED, limit=10),
    "search": lambda c, s: users.page(c, batch_id=s.batch.id, search="user7", limit=10),
    "count": lambda c, s: users.count(c, batch_id=s.batch.id, status=UserStatus.QUEUED),
    "counts": lambda c, s: batches.counts(c, [s.batch.id]),
    "sums": lambda c, s: batches.sums(c, [s.batch.id]),
    "find": lambda c, s: users.find(c, "user7@example.org"),
    "taken": lambda c, s: users.taken(c, ["user7@example.org"]),
    "changed": lambda c, s: users.changed_since(c, 5.0, 10),
    "last change": lambda c, s: users.last_change(c),
    "unsettled": lambda c, s: batches.unsettled(c),
    "endpoints with due": lambda c, s: claims.endpoints_with_due(c, 10.0),
    "next due": lambda c, s: claims.next_due(c),
    "running": lambda c, s: claims.running(c),
}
CHANGED: dict[str, Question] = {
    "claim": lambda c, s: claims.claim(c, s.source, "w", 10.0, most=5),
    "claim one kind": lambda c, s: claims.claim(c, s.source, "w", 10.0, most=5, kinds=[PassKind.INCREMENTAL]),
    "finish": lambda c, s: claims.finish(c, 1, 1, Outcome.DONE, 10.0),
    "start": lambda c, s: transitions.start(c, Selection(batch_id=s.batch.id), 10.0),
    "stop one": lambda c, s: transitions.stop(c, Selection(user_ids=[5]), 10.0),
    "completions": lambda c, s: transitions.begin_due_completions(c, 10.0),
    "lost": lambda c, s: claims.lost(c, "w", 10.0),
    "delete": lambda c, s: users.delete_many(c, [1, 2]),
}


@pytest.fixture
async def scene(tmp_path: Any) -> AsyncIterator[Scene]:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path}/service.db")
    other = await Scene.make(database)
    await other.add(new_users(200, "other"))
    scene = await Scene.make(database, max_per_login=1)
    await scene.add(new_users(200))
    await scene.claim(5.0, most=3)
    yield scene
    await database.close()


async def plans(connection: AsyncConnection, question: Question, scene: Scene) -> dict[str, list[str]]:
    """Give SQLite's plan of each statement that a question takes."""
    seen: list[tuple[str, Any]] = []
    engine = connection.engine.sync_engine

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    await question(connection, scene)
    event.remove(engine, "before_cursor_execute", note)
    assert seen
    found: dict[str, list[str]] = {}
    for statement, parameters in seen:
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        found[statement] = [str(row.detail) for row in rows]
    return found


@pytest.mark.parametrize("name", [*READ, *CHANGED])
async def test_no_scan_of_all_users(scene: Scene, name: str) -> None:
    question = READ.get(name) or CHANGED[name]
    open_it = scene.database.connect if name in READ else scene.database.begin
    async with open_it() as connection:
        for statement, plan in (await plans(connection, question, scene)).items():
            scans = [line for line in plan if line.startswith("SCAN migration_user")]
            # Few are claimed at any time, and only they are in this index.
            scans = [line for line in scans if not line.endswith("INDEX ix_user_claimed")]
            assert not scans, (statement, plan)


@pytest.mark.parametrize("name", ["page", "page behind", "page of a status", "claim", "changed"])
async def test_nothing_is_read_to_be_sorted(scene: Scene, name: str) -> None:
    question = READ.get(name) or CHANGED[name]
    async with scene.database.begin() as connection:
        for statement, plan in (await plans(connection, question, scene)).items():
            assert not [line for line in plan if "TEMP B-TREE FOR ORDER BY" in line], (statement, plan)


async def test_a_scan_would_be_seen(scene: Scene) -> None:
    async def question(connection: AsyncConnection, _scene: Scene) -> object:
        return await connection.execute(text("SELECT * FROM migration_user WHERE folder = 'x'"))

    async with scene.database.connect() as connection:
        found = await plans(connection, question, scene)
    assert ["SCAN migration_user"] in found.values()
