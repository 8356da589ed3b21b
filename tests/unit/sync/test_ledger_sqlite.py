"""What is particular to the SQLite file: its mode, its format, several processes, and a disk that says no."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mailferry.backends.base import FolderPath
from mailferry.errors import LedgerUnwritable
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
from mailferry.sync.ledger_schema import APPLICATION_ID, SCHEMA_VERSION
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.packed import Columns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest_asyncio.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, busy_timeout_seconds=0.05)
    await ledger.open_pair("source", "target", 600.0)
    yield ledger
    await ledger.close()


async def stored(ledger: SqliteLedger, name: str = "INBOX") -> FolderRow:
    return await ledger.save_folder(FolderRow(0, name.encode(), FolderPath((name,)), FolderPath((name,))))


def chunk(folder_id: int, uid: int, *, n: int = 1) -> ChunkRow:
    columns = Columns()
    for i in range(n):
        columns.append(uid + i, 0, 0, 100, bytes(16), 0)
    cover = (uid, uid + n - 1)
    return ChunkRow(0, folder_id, 0, ChunkState.SENT, ChunkKind.COPY, "multi", 5, 6, 1, cover, columns)


# --- the file --------------------------------------------------------------------------------------------


async def test_the_file_and_new_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "mailferry" / "ledger.db"
    before = os.umask(0)
    try:
        ledger = SqliteLedger(path)
        await ledger.open_pair("source", "target", 60.0)
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    await ledger.close()
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700


async def test_the_file_says_what_it_is(ledger: SqliteLedger, path: Path) -> None:
    await ledger.close()
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other.close()


async def refused(path: Path) -> str:
    ledger = SqliteLedger(path)
    with pytest.raises(LedgerUnreadable) as caught:
        await ledger.open_pair("source", "target", 60.0)
    await ledger.close()
    return str(caught.value)


async def test_a_file_of_an_earlier_version_is_brought_up_to_date(ledger: SqliteLedger, path: Path) -> None:
    row = FolderRow(0, b"Sent", FolderPath(("Sent",)), FolderPath(("Sent",)), source_uid_validity=7)
    await ledger.open_pair("source", "target", 60.0)
    await ledger.save_folder(row)
    await ledger.close()
    with sqlite3.connect(path) as other:
        other.execute("ALTER TABLE folder RENAME COLUMN full_compare_at TO target_modseq")
        other.execute("PRAGMA user_version = 1")
    other.close()
    for _ in range(2):
        again = SqliteLedger(path)
        await again.open_pair("source", "target", 60.0)
        assert await again.folders() == [row]
        row.full_compare_at += 1_800_000_000
        await again.save_folder(row)
        await again.close()
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    other.close()


async def test_a_newer_format_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()
    before = path.read_bytes()
    assert "newer version" in await refused(path)
    assert path.read_bytes() == before


async def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    assert "another program" in await refused(path)
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"From nobody Thu Jan  1 00:00:00 1970\n" * 50)
    before = path.read_bytes()
    assert "not a database" in await refused(path)
    assert path.read_bytes() == before


async def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    ledger = SqliteLedger(path)
    assert (await ledger.open_pair("source", "target", 60.0)).fence == 1
    await ledger.close()


async def test_a_damaged_row_is_said(ledger: SqliteLedger, path: Path) -> None:
    row = await stored(ledger)
    await ledger.open_chunk(chunk(row.id, 1, n=3))
    other = sqlite3.connect(path)
    other.execute("UPDATE chunk SET uids = x'0102'")
    other.commit()
    other.close()
    with pytest.raises(LedgerUnreadable, match="damaged"):
        await ledger.chunks(row.id, columns=Load.OUTCOMES)


async def test_a_ledger_in_memory_works() -> None:
    ledger = SqliteLedger(":memory:")
    await ledger.open_pair("source", "target", 60.0)
    row = await stored(ledger)
    await ledger.open_chunk(chunk(row.id, 1))
    assert await ledger.covers(row.id) == [(1, 1)]
    await ledger.close()


# --- what cannot be written ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["file/ledger.db", "file/deeper/ledger.db", "folder"])
async def test_a_place_where_no_file_can_be_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    ledger = SqliteLedger(tmp_path / name)
    with pytest.raises(LedgerUnwritable):
        await ledger.open_pair("source", "target", 60.0)
    await ledger.close()


async def test_a_full_disk_stores_nothing_and_is_over_when_there_is_room(ledger: SqliteLedger) -> None:
    row = await stored(ledger)
    await ledger.open_chunk(chunk(row.id, 1))
    await pragma(ledger, "max_page_count = 1")  # SQLite takes it as "no larger than now"
    with pytest.raises(LedgerUnwritable, match="full"):
        await ledger.open_chunk(chunk(row.id, 2, n=2_000), [ExceptionRow(row.id, 5, 9, "skipped")])
    assert await ledger.covers(row.id) == [(1, 1)]
    assert await ledger.exceptions() == []
    await pragma(ledger, "max_page_count = 100000")
    await ledger.open_chunk(chunk(row.id, 2, n=2_000))
    assert await ledger.covers(row.id) == [(1, 2_001)]


async def test_a_read_only_file_is_said(ledger: SqliteLedger) -> None:
    row = await stored(ledger)
    await pragma(ledger, "query_only = ON")
    with pytest.raises(LedgerUnwritable, match="readonly"):
        await ledger.open_chunk(chunk(row.id, 1))
    assert await ledger.covers(row.id) == []


async def pragma(ledger: SqliteLedger, setting: str) -> None:
    await ledger.file.read(lambda connection: connection.execute(f"PRAGMA {setting}").fetchall())


async def test_a_file_that_somebody_holds_is_said_and_the_change_can_be_tried_again(
    ledger: SqliteLedger, path: Path
) -> None:
    row = await stored(ledger)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnwritable, match="locked"):
        await ledger.open_chunk(chunk(row.id, 1))
    assert await ledger.covers(row.id) == []  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    await ledger.open_chunk(chunk(row.id, 1))
    assert await ledger.covers(row.id) == [(1, 1)]


# --- durability and threads ------------------------------------------------------------------------------


async def test_only_the_rows_that_must_be_are_durable(path: Path) -> None:
    found: dict[str, int] = {}
    connection: sqlite3.Connection | None = None

    def look(step: str) -> None:
        if connection is not None and step.endswith("before commit"):
            found[step.split(": ")[1]] = connection.execute("PRAGMA synchronous").fetchone()[0]

    ledger = SqliteLedger(path, steps=look)
    await ledger.open_pair("source", "target", 60.0)
    connection = await ledger.file.read(lambda opened: opened)
    await ledger.open_pair("source", "target", 60.0)
    row = await stored(ledger)
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
    await ledger.close()
    full, normal = 2, 1
    assert found == {
        "open pair": full,
        "save folders": full,
        "open chunk": full,
        "settle chunks": normal,
        "update flags": normal,
        "note attempts": full,
        "add exceptions": normal,
        "clear exceptions": normal,
        "renew lease": normal,
        "replace chunks": full,
        "delete folder": full,
        "remove pair": full,
    }


async def test_a_stalling_disk_does_not_stall_the_loop(path: Path) -> None:
    stalled, go_on = threading.Event(), threading.Event()

    def stall(step: str) -> None:
        if "open chunk: before" in step:
            stalled.set()
            assert go_on.wait(60)

    ledger = SqliteLedger(path, steps=stall)
    await ledger.open_pair("source", "target", 600.0)
    row = await stored(ledger)
    opening = asyncio.ensure_future(ledger.open_chunk(chunk(row.id, 1)))
    while not stalled.is_set():
        await asyncio.sleep(0.001)
    assert not opening.done()  # the loop turns while the commit waits
    go_on.set()
    assert await opening == 1
    await ledger.close()


async def test_calls_before_close_are_finished(ledger: SqliteLedger, path: Path) -> None:
    row = await stored(ledger)
    calls = [asyncio.ensure_future(ledger.open_chunk(chunk(row.id, uid))) for uid in range(1, 6)]
    await asyncio.sleep(0)
    await ledger.close()
    assert len(await asyncio.gather(*calls)) == 5
    assert not path.with_name("ledger.db-wal").exists()  # the last one out empties the log


async def test_a_dropped_ledger_lets_its_file_go(path: Path) -> None:
    ledger = SqliteLedger(path)
    await ledger.open_pair("source", "target", 60.0)
    await stored(ledger)
    del ledger
    gc.collect()
    after = SqliteLedger(path)
    assert (await after.open_pair("source", "target", 60.0)).fence == 2
    assert len(await after.folders()) == 1
    await after.close()


# --- several processes -----------------------------------------------------------------------------------

WORKER = """
import asyncio, os, signal, sys
from pathlib import Path
from mailferry.backends.base import FolderPath
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, FolderRow
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.packed import Columns

def stop(step):
    if step == sys.argv[4] and opened == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

async def work():
    global opened
    ledger = SqliteLedger(Path(sys.argv[1]), steps=stop)
    await ledger.open_pair(sys.argv[2], "target", 600.0)
    row = await ledger.save_folder(FolderRow(0, b"INBOX", FolderPath(("INBOX",)), FolderPath(("INBOX",))))
    for opened in range(1, 41):
        columns = Columns()
        columns.append(opened, 0, 0, 100, bytes(16), 0)
        await ledger.open_chunk(
            ChunkRow(0, row.id, 0, ChunkState.SENT, ChunkKind.COPY, "multi", 5, 6, 1, (opened, opened), columns))
    await ledger.close()

opened = 0
asyncio.run(work())
"""


def worker(path: Path, source: str, *, kill_at: int = 0, step: str = "") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WORKER, str(path), source, str(kill_at), step]
    return subprocess.Popen(command, env=environment)


@pytest.mark.parametrize(("step", "last"), [("before", 16), ("after", 17)])
async def test_a_killed_process_leaves_what_it_committed(path: Path, step: str, last: int) -> None:
    process = worker(path, "source", kill_at=17, step=f"ledger: open chunk: {step} commit")
    assert process.wait() == -signal.SIGKILL
    ledger = SqliteLedger(path)
    pair = await ledger.open_pair("source", "target", 60.0)
    (row,) = await ledger.folders()
    assert pair.fence == 2
    assert await ledger.covers(row.id) == [(1, last)]
    await ledger.close()


async def test_processes_that_start_at_once_share_a_new_file(path: Path) -> None:
    processes = [worker(path, f"source {i}") for i in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    for i in range(4):
        ledger = SqliteLedger(path)
        await ledger.open_pair(f"source {i}", "target", 60.0)
        (row,) = await ledger.folders()
        assert await ledger.covers(row.id) == [(1, 40)]
        await ledger.close()


async def test_a_second_process_fences_the_first(ledger: SqliteLedger, path: Path) -> None:
    row = await stored(ledger)
    assert worker(path, "source").wait() == 0
    with pytest.raises(Fenced):
        await ledger.open_chunk(chunk(row.id, 100))
    with pytest.raises(Fenced):
        await ledger.renew_lease()
