from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from mailferry.store import settings
from mailferry.store.database import Database
from mailferry.store.errors import StoreError, StoreUnavailable, StoreUnreadable, StoreUnwritable
from mailferry.store.schema import METADATA
from mailferry.store.upgrade import VERSION_TABLE


def differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "version_table": VERSION_TABLE}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


async def test_an_upgraded_database_has_the_tables_of_this_version(database: Database) -> None:
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []


def described(connection: Connection) -> dict[str, object]:
    """Describe all tables, with defaults and with what compare_metadata does not look at."""
    inspector = inspect(connection)
    names = [name for name in inspector.get_table_names() if name != VERSION_TABLE]
    return {
        name: (
            [{**column, "type": str(column["type"])} for column in inspector.get_columns(name)],
            inspector.get_pk_constraint(name),
            sorted(inspector.get_foreign_keys(name), key=str),
            sorted(inspector.get_unique_constraints(name), key=str),
            sorted((_index(index) for index in inspector.get_indexes(name)), key=str),
        )
        for name in names
    }


def _index(index: Mapping[str, object]) -> list[tuple[str, str]]:
    options = index.get("dialect_options", {})
    assert isinstance(options, Mapping)
    return sorted((key, str(value)) for key, value in {**index, **options}.items() if key != "dialect_options")


async def test_an_upgraded_database_is_as_one_that_was_made_at_once(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path}/upgraded.db")
    async with database.connect() as connection:
        upgraded = await connection.run_sync(described)
    await database.close()
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/made.db")
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        made = await connection.run_sync(described)
    await engine.dispose()
    assert upgraded == made


async def test_what_was_written_is_there_after_opening_again(database_url: str) -> None:
    for number in range(3):
        database = await Database.open(database_url)
        async with database.begin() as connection:
            assert await settings.get_all(connection) == ({"runs": str(number)} if number else {})
            await settings.put(connection, "runs", str(number + 1))
        await database.close()


async def test_several_may_open_an_empty_database_at_once(database_url: str) -> None:
    opened = await asyncio.gather(*(Database.open(database_url) for _ in range(4)))
    for database in opened:
        async with database.connect() as connection:
            assert await settings.get_all(connection) == {}
        await database.close()


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.begin() as connection:
            await settings.put(connection, "a", "1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.connect() as connection:
        assert await settings.get_all(connection) == {}


async def test_a_connection_for_reading_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnwritable):
        async with database.connect() as connection:
            await settings.put(connection, "a", "1")
    async with database.begin() as connection:
        await settings.put(connection, "a", "2")


async def test_a_reader_is_not_kept_waiting_by_a_writer(database: Database) -> None:
    async with database.begin() as writer:
        await settings.put(writer, "a", "1")
        async with database.connect() as reader:
            assert await settings.get_all(reader) == {}


async def test_writers_of_one_process_take_turns(database: Database) -> None:
    async def add_one() -> None:
        async with database.begin() as connection:
            if database.kind == "postgresql":
                await connection.execute(text("LOCK TABLE setting"))
            number = int((await settings.get_all(connection)).get("number", "0"))
            await asyncio.sleep(0)
            await settings.put(connection, "number", str(number + 1))

    await asyncio.gather(*(add_one() for _ in range(50)))
    async with database.connect() as connection:
        assert await settings.get_all(connection) == {"number": "50"}


async def test_a_writer_that_is_cancelled_leaves_the_file_to_others(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path}/service.db")

    async def write(number: int) -> None:
        async with database.begin() as connection:
            for step in range(5):
                await settings.put(connection, f"{number}", str(step))

    for rounds in range(30):
        tasks = [asyncio.create_task(write(number)) for number in range(4)]
        for _ in range(rounds):
            await asyncio.sleep(0)
        if rounds % 3:
            await asyncio.sleep(0.0005 * rounds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(20), database.begin() as connection:
        assert set((await settings.get_all(connection)).values()) <= {"4"}
        await settings.put(connection, "end", "4")
    await database.close()


async def test_a_newer_database_is_left_alone(database_url: str) -> None:
    database = await Database.open(database_url)
    async with database.begin() as connection:
        await connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    await database.close()
    with pytest.raises(StoreUnreadable, match=r"newer version of Mailferry wrote it \(revision 9999\)") as caught:
        await Database.open(database_url)
    assert "not older" in caught.value.advice


async def test_a_database_of_another_program_is_left_alone(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    await engine.dispose()
    with pytest.raises(StoreUnreadable, match="another program"):
        await Database.open(database_url)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "service.db"
    path.write_bytes(b"From: somebody\n" * 1000)
    with pytest.raises(StoreUnreadable):
        await Database.open(f"sqlite+aiosqlite:///{path}")


async def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable):
        await Database.open(f"sqlite+aiosqlite:///{tmp_path}/file/service.db")


@pytest.mark.parametrize(
    "url", ["", "no url", "mysql://host/name", "sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "sqlite:///x.db"]
)
async def test_a_url_that_is_not_one_of_ours_is_refused(url: str) -> None:
    with pytest.raises(StoreUnreadable):
        await Database.open(url)


async def test_a_server_that_does_not_answer_may_answer_later() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await Database.open("postgresql+psycopg://owner:Pass-Word-1@127.0.0.1:1/name")
    assert "Pass-Word-1" not in str(caught.value)
    assert isinstance(caught.value, StoreError)


async def test_a_wrong_password_is_told_without_the_password(postgres_database: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await Database.open(postgres_database.replace(":secret@", ":Pass-Word-1@"))
    assert "Pass-Word-1" not in str(caught.value)


async def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data" / "service.db"
    database = await Database.open(f"sqlite+aiosqlite:///{path}")
    async with database.begin() as connection:
        await settings.put(connection, "a", "1")
        files = sorted(path.parent.iterdir())
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await database.close()


async def test_who_opens_a_database_again_keeps_the_locks_of_its_process(tmp_path: Path) -> None:
    """Another process that took itself for the only user would delete the log of changes, or cut it off beneath us."""
    url = f"sqlite+aiosqlite:///{tmp_path}/service.db"
    first = await Database.open(url)
    async with first.connect() as connection:
        await settings.get_all(connection)
    again = await Database.open(url)
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('PRAGMA journal_mode=DELETE')"
    command = [sys.executable, "-c", program, f"{tmp_path}/service.db"]
    other = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, told = await asyncio.wait_for(other.communicate(), 60)
    assert b"database is locked" in told
    await again.close()
    await first.close()


async def test_what_was_committed_survives_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "service.db"
    program = (
        "import asyncio, os, sys\n"
        "from mailferry.store.database import Database\n"
        "from mailferry.store import settings\n"
        "async def main():\n"
        "    database = await Database.open(sys.argv[1])\n"
        "    async with database.begin() as connection:\n"
        "        await settings.put(connection, 'kept', '1')\n"
        "    async with database.begin() as connection:\n"
        "        await settings.put(connection, 'lost', '1')\n"
        "        os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    url = f"sqlite+aiosqlite:///{path}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, url, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert await process.wait() == -9
    database = await Database.open(url)
    async with database.connect() as connection:
        assert await settings.get_all(connection) == {"kept": "1"}
    await database.close()
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()
