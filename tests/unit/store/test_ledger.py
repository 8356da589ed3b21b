"""What is particular to the ledger in the service's database: who waits for whom, what is durable, what fails how."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from array import array
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mailferry.backends.base import FolderPath
from mailferry.errors import LedgerUnwritable
from mailferry.store.connections import SqliteConnections
from mailferry.store.database import Database
from mailferry.store.ledger import SqlLedger
from mailferry.store.ledger_statements import Statements
from mailferry.store.ledger_tables import ServerText, add_ledger_tables
from mailferry.store.ledger_work import LedgerUnavailable
from mailferry.sync.ledger import (
    ChunkKind,
    ChunkRow,
    ChunkState,
    ExceptionRow,
    Fenced,
    FolderRow,
    LedgerUnreadable,
    Load,
)
from mailferry.sync.packed import Columns
from tests.servers.base import free_ports
from tests.servers.postgres import Postgres

DEADLINE_SECONDS = 60.0


def sqlite_url(folder: Path) -> str:
    path = folder / "service.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return str(request.getfixturevalue("postgres_database"))


@asynccontextmanager
async def opened(url: str, *, busy_seconds: float = 5.0, **options: Any) -> AsyncIterator[AsyncEngine]:
    connections = SqliteConnections(make_url(url).database or "", busy_seconds=busy_seconds)
    if url.startswith("sqlite"):
        options["async_creator"] = connections.open
    engine = create_async_engine(url, **options)
    try:
        yield engine
    finally:
        await engine.dispose()
        await connections.ended()


async def make_tables(engine: AsyncEngine) -> None:
    metadata = MetaData()
    add_ledger_tables(metadata)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


@pytest_asyncio.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    async with opened(url) as engine:
        await make_tables(engine)
        yield engine


@pytest_asyncio.fixture
async def postgres_engine(postgres_database: str) -> AsyncIterator[AsyncEngine]:
    async with opened(postgres_database) as engine:
        await make_tables(engine)
        yield engine


@pytest_asyncio.fixture
async def ledger(engine: AsyncEngine) -> AsyncIterator[SqlLedger]:
    ledger = SqlLedger(engine)
    await ledger.open_pair("source", "target", 600.0)
    yield ledger
    await ledger.close()


def folder(name: str = "INBOX") -> FolderRow:
    return FolderRow(0, name.encode(), FolderPath((name,)), FolderPath((name,)))


def chunk(folder_id: int, uid: int, *, n: int = 1, mode: str = "multi") -> ChunkRow:
    columns = Columns()
    for i in range(n):
        columns.append(uid + i, 0, 0, 100, bytes(16), 0)
    cover = (uid, uid + n - 1)
    return ChunkRow(0, folder_id, 0, ChunkState.SENT, ChunkKind.COPY, mode, 5, 6, 1, cover, columns)


async def execute(engine: AsyncEngine, statement: str) -> Any:
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


# --- what is durable -------------------------------------------------------------------------------------


async def durabilities(engine: AsyncEngine, question: str) -> dict[str, str]:
    """Give what the database answers just before each commit, by the name of the change."""
    answers: list[str] = []
    found: dict[str, str] = {}

    @event.listens_for(engine.sync_engine, "commit")
    def ask(connection: Any) -> None:
        answers.append(str(connection.exec_driver_sql(question).scalar()))

    def note(step: str) -> None:
        if step.endswith(": after commit"):
            found[step.split(": ")[1]] = answers[-1]

    ledger = SqlLedger(engine, steps=note)
    await ledger.open_pair("source", "target", 600.0)
    row = await ledger.save_folder(folder())
    opened = chunk(row.id, 1)
    await ledger.open_chunk(opened)
    await ledger.settle_chunk(opened.id, opened.columns)
    await ledger.update_flags(opened.id, opened.columns.flags)
    await ledger.note_attempts(row.id, 5, [1])
    await ledger.add_exceptions([])
    await ledger.clear_exceptions(row.id, [])
    await ledger.renew_lease()
    await ledger.replace_chunks(row.id, [])
    await ledger.delete_folder(row.id)
    await ledger.remove_pair("source", "target")
    event.remove(engine.sync_engine, "commit", ask)
    return found


def expected(durable: str, other: str) -> dict[str, str]:
    names = ("open pair", "save folders", "open chunk", "note attempts", "replace chunks", "delete folder")
    others = ("settle chunks", "update flags", "add exceptions", "clear exceptions", "renew lease")
    return {**dict.fromkeys((*names, "remove pair"), durable), **dict.fromkeys(others, other)}


async def test_only_the_rows_that_must_be_are_durable(engine: AsyncEngine) -> None:
    if engine.dialect.name == "sqlite":
        assert await durabilities(engine, "PRAGMA synchronous") == expected("2", "1")
        assert await execute(engine, "PRAGMA synchronous") == 2  # what the next user of the connection finds
    else:
        assert await durabilities(engine, "SHOW synchronous_commit") == expected("on", "off")
        assert await execute(engine, "SHOW synchronous_commit") == "on"


@pytest.mark.parametrize(("default", "durable"), [("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")])
async def test_the_servers_choice_is_never_made_weaker_and_off_is_overruled(
    postgres_engine: AsyncEngine, default: str, durable: str
) -> None:
    name = postgres_engine.url.database
    await execute(postgres_engine, f'ALTER DATABASE "{name}" SET synchronous_commit = {default}')
    await postgres_engine.dispose()
    assert await durabilities(postgres_engine, "SHOW synchronous_commit") == expected(durable, "off")


# --- who waits for whom ----------------------------------------------------------------------------------


class Elsewhere:
    """Work with a ledger on another machine: a thread with its own loop and engine, held up before one commit."""

    def __init__(self, url: str, hold_at: str, work: Callable[[SqlLedger], Coroutine[Any, Any, None]]) -> None:
        self.held, self.go_on = threading.Event(), threading.Event()
        self._url, self._hold_at, self._work = url, hold_at, work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Elsewhere:
        self._thread.start()
        assert self.held.wait(DEADLINE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def finish(self) -> None:
        """Let it go on to its end, which must be a good one."""
        self.go_on.set()
        self._thread.join(DEADLINE_SECONDS)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._error = error
            self.held.set()

    async def _main(self) -> None:
        async with opened(self._url) as engine:
            await self._work(SqlLedger(engine, steps=self._step))

    def _step(self, step: str) -> None:
        if step == f"ledger: {self._hold_at}: before commit":
            self.held.set()
            assert self.go_on.wait(DEADLINE_SECONDS)


async def until_somebody_waits(engine: AsyncEngine) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not await execute(engine, query):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_take_over_waits_for_the_change_that_passed_the_fence(
    postgres_database: str, postgres_engine: AsyncEngine
) -> None:
    taken = threading.Event()

    async def work(late: SqlLedger) -> None:
        await late.open_pair("source", "target", 600.0)
        row = await late.save_folder(folder())
        await late.open_chunk(chunk(row.id, 1))
        assert await asyncio.to_thread(taken.wait, DEADLINE_SECONDS)
        with pytest.raises(Fenced):
            await late.open_chunk(chunk(row.id, 2))

    ledger = SqlLedger(postgres_engine)
    with Elsewhere(postgres_database, "open chunk", work) as late:
        opening = asyncio.ensure_future(ledger.open_pair("source", "target", 600.0))
        await until_somebody_waits(postgres_engine)
        assert not opening.done()
        late.go_on.set()
        assert (await opening).fence == 2
        taken.set()
        await asyncio.to_thread(late.finish)
    (row,) = await ledger.folders()
    assert await ledger.covers(row.id) == [(1, 1)]


async def test_a_change_waits_for_a_take_over_and_is_fenced(
    postgres_database: str, postgres_engine: AsyncEngine
) -> None:
    async def work(new: SqlLedger) -> None:
        await new.open_pair("source", "target", 600.0)

    ledger = SqlLedger(postgres_engine)
    await ledger.open_pair("source", "target", 600.0)
    row = await ledger.save_folder(folder())
    with Elsewhere(postgres_database, "open pair", work) as new:
        writing = asyncio.ensure_future(ledger.open_chunk(chunk(row.id, 1)))
        await until_somebody_waits(postgres_engine)
        await asyncio.to_thread(new.finish)
        with pytest.raises(Fenced):
            await writing
    assert await ledger.covers(row.id) == []


async def test_runs_that_fight_for_a_pair_write_one_after_the_other(engine: AsyncEngine) -> None:
    first = SqlLedger(engine)
    await first.open_pair("source", "target", 600.0)
    row = await first.save_folder(folder())

    async def fight() -> int:
        ledger, written = SqlLedger(engine), 0
        for _ in range(5):
            pair = await ledger.open_pair("source", "target", 600.0)
            try:
                for _ in range(3):
                    opened = chunk(row.id, 1, mode=str(pair.fence))
                    await ledger.open_chunk(opened)
                    written += 1
                    await ledger.renew_lease()
                    await ledger.settle_chunk(opened.id, opened.columns)
            except Fenced:
                pass
        return written

    written = await asyncio.gather(*(fight() for _ in range(4)))
    rows = await first.chunks(row.id)
    fences = [int(found.mode) for found in rows]
    assert len(fences) == sum(written) > 0
    assert fences == sorted(fences)
    assert [found.seq for found in rows] == list(range(1, len(rows) + 1))


async def test_other_pairs_do_not_wait(postgres_database: str, postgres_engine: AsyncEngine) -> None:
    async def work(held: SqlLedger) -> None:
        await held.open_pair("source", "target", 600.0)
        await held.save_folder(folder())

    ledger = SqlLedger(postgres_engine)
    with Elsewhere(postgres_database, "save folders", work) as held:
        await ledger.open_pair("another source", "target", 600.0)
        row = await ledger.save_folder(folder())
        await ledger.open_chunk(chunk(row.id, 1))
        assert not held.go_on.is_set()  # it was held all the time
        await asyncio.to_thread(held.finish)


async def test_calls_before_close_are_finished_and_the_engine_stays_open(
    ledger: SqlLedger, engine: AsyncEngine
) -> None:
    row = await ledger.save_folder(folder())
    calls = [asyncio.ensure_future(ledger.open_chunk(chunk(row.id, uid))) for uid in range(1, 6)]
    await asyncio.sleep(0)
    await ledger.close()
    assert [call.done() for call in calls] == [True] * 5
    assert [call.result() for call in calls] == sorted(call.result() for call in calls)
    assert await execute(engine, "SELECT count(*) FROM ledger_chunk") == 5


# --- time ------------------------------------------------------------------------------------------------


async def test_moments_and_the_lease_are_those_of_the_databases_clock(ledger: SqlLedger, engine: AsyncEngine) -> None:
    now = str(Statements(engine.dialect.name).begin.compile(dialect=sqlite.dialect()))
    if engine.dialect.name == "postgresql":
        now = "SELECT extract(epoch FROM clock_timestamp())::float8"
    row = await ledger.save_folder(folder())
    opened = chunk(row.id, 1)
    before = await execute(engine, now)
    await ledger.open_chunk(opened)
    after = await execute(engine, now)
    assert before <= opened.opened_at <= after
    assert abs(before - time.time()) < 3600  # seconds since 1970, not days or milliseconds
    await ledger.open_pair("source", "target", 0.0)
    with pytest.raises(Fenced, match="lease"):
        await ledger.open_chunk(chunk(row.id, 2))
    await ledger.settle_chunk(opened.id, opened.columns)
    await ledger.open_pair("source", "target", 600.0)
    await ledger.open_chunk(chunk(row.id, 2))


# --- what fails how --------------------------------------------------------------------------------------


async def test_a_database_without_the_tables_is_said(url: str) -> None:
    async with opened(url) as engine:
        with pytest.raises(LedgerUnreadable, match="ledger_pair"):
            await SqlLedger(engine).open_pair("source", "target", 60.0)


async def test_a_file_that_is_no_database_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "service.db"
    path.write_bytes(b"From nobody Thu Jan  1 00:00:00 1970\n" * 50)
    before = path.read_bytes()
    async with opened(f"sqlite+aiosqlite:///{path}") as engine:
        with pytest.raises(LedgerUnreadable, match="not a database"):
            await SqlLedger(engine).open_pair("source", "target", 60.0)
    assert path.read_bytes() == before


async def test_a_place_where_no_file_can_be_is_said(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/missing/service.db") as engine:
        with pytest.raises(LedgerUnwritable, match="unable to open"):
            await SqlLedger(engine).open_pair("source", "target", 60.0)


async def test_a_server_that_is_not_there_is_said(postgres: Postgres) -> None:
    (port,) = free_ports(1)
    url = make_url(postgres.url("postgres")).set(port=port)
    async with opened(url.render_as_string(hide_password=False)) as engine:
        with pytest.raises(LedgerUnavailable, match="refused"):
            await SqlLedger(engine).open_pair("source", "target", 60.0)


async def test_a_damaged_row_is_said(ledger: SqlLedger, engine: AsyncEngine) -> None:
    row = await ledger.save_folder(folder())
    await ledger.open_chunk(chunk(row.id, 1, n=3))
    value = "x'0102'" if engine.dialect.name == "sqlite" else r"'\x0102'"
    await execute(engine, f"UPDATE ledger_chunk SET uids = {value}")
    with pytest.raises(LedgerUnreadable, match="damaged"):
        await ledger.chunks(row.id, columns=Load.OUTCOMES)


async def test_a_change_that_cannot_be_stored_is_said_without_the_mail(ledger: SqlLedger) -> None:
    one, _two = await ledger.save_folders([folder("one"), folder("two")])
    one.source_raw, one.reason = b"two", "a secret reason"
    with pytest.raises(LedgerUnwritable) as caught:
        await ledger.save_folder(one)
    assert not isinstance(caught.value, LedgerUnavailable)  # trying again would not help
    told: BaseException | None = caught.value
    while told is not None:
        assert "a secret reason" not in str(told)
        told = told.__cause__
    assert [row.source_raw for row in await ledger.folders()] == [b"one", b"two"]


async def test_a_file_that_somebody_holds_is_said_and_the_change_can_be_tried_again(tmp_path: Path) -> None:
    async with opened(sqlite_url(tmp_path), busy_seconds=0.05) as engine:
        await make_tables(engine)
        ledger = SqlLedger(engine)
        await ledger.open_pair("source", "target", 600.0)
        row = await ledger.save_folder(folder())
        async with engine.connect() as other:
            await other.execute(text("UPDATE ledger_pair SET fence = fence"))
            with pytest.raises(LedgerUnavailable, match="locked"):
                await ledger.open_chunk(chunk(row.id, 1))
            assert await ledger.covers(row.id) == []  # reading goes on
        await ledger.open_chunk(chunk(row.id, 1))
        assert await ledger.covers(row.id) == [(1, 1)]


async def test_a_read_only_database_is_said(ledger: SqlLedger, engine: AsyncEngine, url: str) -> None:
    row = await ledger.save_folder(folder())
    if engine.dialect.name == "sqlite":
        make_read_only = "PRAGMA query_only = ON"
        async with engine.connect() as connection:
            await connection.execute(text(make_read_only))
    else:
        await execute(engine, f'ALTER DATABASE "{make_url(url).database}" SET default_transaction_read_only = on')
        await engine.dispose()
    with pytest.raises(LedgerUnwritable, match=r"(?i)read-?only"):
        await ledger.open_chunk(chunk(row.id, 1))
    assert await ledger.covers(row.id) == []


async def test_broken_connections_are_said_and_over_with_the_next_call(
    postgres: Postgres, postgres_engine: AsyncEngine
) -> None:
    ledger = SqlLedger(postgres_engine)
    await ledger.open_pair("source", "target", 600.0)
    row = await ledger.save_folder(folder())
    name = postgres_engine.url.database
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(LedgerUnavailable):
        await ledger.open_chunk(chunk(row.id, 1))
    await ledger.open_chunk(chunk(row.id, 2))
    assert await ledger.covers(row.id) == [(2, 2)]


async def test_a_database_that_lets_nobody_in_is_said(postgres: Postgres, postgres_engine: AsyncEngine) -> None:
    ledger = SqlLedger(postgres_engine)
    await ledger.open_pair("source", "target", 600.0)
    await postgres_engine.dispose()
    postgres.execute(f'ALTER DATABASE "{postgres_engine.url.database}" ALLOW_CONNECTIONS false')
    for call in (ledger.folders, ledger.renew_lease):
        with pytest.raises(LedgerUnavailable, match="not currently accepting connections") as caught:
            await call()
        assert str(postgres_engine.url.password) not in f"{caught.value}{caught.value.__cause__}"


async def test_when_all_connections_are_in_use_that_is_said(postgres_database: str) -> None:
    async with opened(postgres_database, pool_size=1, max_overflow=0, pool_timeout=0.01) as engine:
        await make_tables(engine)
        ledger = SqlLedger(engine)
        async with engine.connect():
            with pytest.raises(LedgerUnavailable, match="in use"):
                await ledger.open_pair("source", "target", 600.0)
        assert (await ledger.open_pair("source", "target", 600.0)).fence == 1


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        Statements("mysql")


# --- sizes and engines -----------------------------------------------------------------------------------


async def test_thousands_of_rows_are_replaced_at_once(ledger: SqlLedger) -> None:
    rows = await ledger.save_folders([folder(f"folder {i}") for i in range(1200)])
    assert [row.id for row in await ledger.folders()] == [row.id for row in rows]
    fresh = [chunk(0, uid) for uid in range(1, 2502)]
    await ledger.replace_chunks(rows[0].id, fresh)
    assert await ledger.chunks(rows[0].id) == fresh
    for row in rows:
        row.reason = "changed"
    await ledger.save_folders(rows)
    assert {row.reason for row in await ledger.folders()} == {"changed"}


async def test_any_way_to_begin_a_transaction_in_sqlite_will_do(tmp_path: Path) -> None:
    async with opened(sqlite_url(tmp_path)) as engine:

        @event.listens_for(engine.sync_engine, "connect")
        def connect(connection: Any, record: object) -> None:
            connection.isolation_level = None

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        await make_tables(engine)
        ledger = SqlLedger(engine)
        await ledger.open_pair("source", "target", 600.0)
        row = await ledger.save_folder(folder())
        opened_chunk = chunk(row.id, 1)
        await ledger.open_chunk(opened_chunk, [ExceptionRow(row.id, 5, 2, "skipped")])
        with pytest.raises(LookupError):
            await ledger.settle_chunk(opened_chunk.id + 1, opened_chunk.columns)
        await ledger.update_flags(opened_chunk.id, array("H", [3]))
        (read,) = await ledger.chunks(row.id)
        assert list(read.columns.flags) == [3]
        await ledger.delete_folder(row.id)
        assert await ledger.exceptions() == []  # what belongs to a row goes with it, without a setting of the engine


async def test_the_ledger_works_on_a_database_that_the_service_made(url: str) -> None:
    database = await Database.open(url)
    try:
        ledger = SqlLedger(database.engine)
        await ledger.open_pair("source", "target", 600.0)
        row = await ledger.save_folder(folder())
        opened_chunk = chunk(row.id, 1)
        await ledger.open_chunk(opened_chunk, [ExceptionRow(row.id, 5, 2, "skipped")])
        await ledger.settle_chunk(opened_chunk.id, opened_chunk.columns)
        await ledger.note_attempts(row.id, 5, [1])
        assert await ledger.chunks(row.id, states=[ChunkState.SETTLED], columns=Load.FLAGS) != []
        assert await ledger.remove_pair("source", "target")
        async with database.connect() as connection:
            for name in ("chunk", "exception", "attempt", "folder"):
                count = await connection.execute(text(f"SELECT count(*) FROM ledger_{name}"))
                assert count.scalar() == 0
    finally:
        await database.close()


# --- tables ----------------------------------------------------------------------------------------------


def test_the_tables_are_declared_where_they_are_wanted() -> None:
    metadata = MetaData()
    tables = add_ledger_tables(metadata)
    assert tables.chunk is metadata.tables["ledger_chunk"]
    assert {name.split("_")[0] for name in metadata.tables} == {"ledger"}
    with pytest.raises(InvalidRequestError):
        add_ledger_tables(metadata)


@given(st.text(alphabet=st.one_of(st.sampled_from("\0\ufdd001a"), st.characters(codec="utf-8"))))
def test_text_comes_back_as_it_was_and_nul_is_never_stored(value: str) -> None:
    kind, dialect = ServerText(), sqlite.dialect()
    stored = kind.process_bind_param(value, dialect)
    assert stored is not None
    assert "\0" not in stored
    assert kind.process_result_value(stored, dialect) == value
