"""Connections to SQLite end with their threads, also when who asked for them has gone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from mailferry.store.connections import SqliteConnections


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "connection_worker" in thread.name}


def files_open(path: Path) -> int:
    return sum(link.exists() and link.samefile(path) for link in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("turns", range(6))
async def test_who_is_cancelled_while_it_opens_leaves_nothing(tmp_path: Path, turns: int) -> None:
    before = threads()
    connections = SqliteConnections(tmp_path / "a.db")
    tasks = [asyncio.create_task(connections.open()) for _ in range(8)]
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    for connection in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(connection, BaseException):
            await connection.close()
    await connections.ended()
    for thread in threads() - before:
        thread.join()
    if (tmp_path / "a.db").exists():
        assert files_open(tmp_path / "a.db") == 0


async def test_who_is_cancelled_while_it_closes_leaves_nothing(tmp_path: Path) -> None:
    connections = SqliteConnections(tmp_path / "a.db")
    connection = await connections.open()
    await connection.execute("CREATE TABLE a (b)")
    await connection.execute("BEGIN")
    await connection.execute("INSERT INTO a VALUES (1)")
    begun, release = threading.Event(), threading.Event()

    def hold() -> int:
        begun.set()
        release.wait()
        return 1

    await connection.create_function("hold", 0, hold)
    holding = asyncio.create_task(connection.execute_fetchall("SELECT hold()"))
    await asyncio.to_thread(begun.wait)
    holding.cancel()
    end = connection.stop()
    assert end is not None
    end.cancel()
    ended = asyncio.create_task(connections.ended())
    await asyncio.sleep(0)
    assert not ended.done()
    release.set()
    await ended
    assert files_open(tmp_path / "a.db") == 0
    again = sqlite3.connect(tmp_path / "a.db", timeout=0)
    assert again.execute("SELECT count(*) FROM a").fetchone() == (0,)
    again.execute("INSERT INTO a VALUES (2)")
    again.close()


async def test_a_connection_may_be_closed_twice(tmp_path: Path) -> None:
    """SQLAlchemy does, when it is cancelled while it closes: once politely, then by force."""
    connections = SqliteConnections(tmp_path / "a.db")
    connection = await connections.open()
    closing = asyncio.create_task(connection.close())
    connection.stop()
    await connections.ended()
    with suppress(ValueError):
        await closing
    connection.stop()
    await connections.ended()
    assert files_open(tmp_path / "a.db") == 0


async def test_a_place_where_no_file_can_be_is_an_error_and_leaves_no_thread(tmp_path: Path) -> None:
    before = threads()
    connections = SqliteConnections(tmp_path / "missing" / "a.db")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await connections.open()
    await connections.ended()
    for thread in threads() - before:
        thread.join()
