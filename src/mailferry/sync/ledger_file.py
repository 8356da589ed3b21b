"""The SQLite file behind a ledger: opened safely, worked on in one thread, changed in whole transactions."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

from mailferry.errors import LedgerUnwritable
from mailferry.sync.ledger import LedgerUnreadable
from mailferry.sync.ledger_schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION, UPGRADES

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]
LedgerPath = Path | Literal[":memory:"]

UNREADABLE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
WAL_TRIES = 100
WAL_PAUSE_SECONDS = 0.05


class LedgerFile:
    """One connection to the file, opened at the first use, and the thread that does everything with it.

    A call whose caller is cancelled is carried out nevertheless. `steps` is told just before and just after each
    commit, in that thread; what it raises before a commit rolls the change back. An object that is dropped without
    `close` leaves the file as a killed process would.
    """

    def __init__(self, path: LedgerPath, steps: Callable[[str], None], busy_timeout_seconds: float) -> None:
        self._path = path
        self._steps = steps
        self._busy_timeout_seconds = busy_timeout_seconds
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._connection: sqlite3.Connection | None = None
        self._is_durable: bool | None = None

    async def read(self, work: Work[Result]) -> Result:
        """Do `work` in the thread. Raises LedgerUnreadable, LedgerUnwritable (the disk fails)."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._translated, work)

    async def write(self, step: str, change: Work[Result], *, durable: bool = False) -> Result:
        """Do `change` in a transaction that nobody else writes in; `durable`: on the disk when this returns.

        Raises LedgerUnwritable, and LookupError for a row that belongs to one that does not exist.
        """
        return await self.read(lambda connection: self._transaction(connection, step, change, durable))

    async def close(self) -> None:
        """Close the file when all calls are done. Never raises; may be called twice."""
        try:
            closing = asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        except RuntimeError:
            return  # closed before
        self._executor.shutdown(wait=False)
        await closing

    def _close(self) -> None:
        try:
            if self._connection is not None:
                self._connection.close()
        except sqlite3.Error:
            pass  # what was committed is in the write-ahead log, and the next opening finds it

    def _translated(self, work: Work[Result]) -> Result:
        """Do `work`; what SQLite says of the file or the disk becomes an error of ours, our own mistakes do not."""
        try:
            return work(self._opened())
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                raise LookupError("the folder or pair of this row does not exist") from error
            raise
        except (sqlite3.InterfaceError, sqlite3.ProgrammingError):
            raise
        except sqlite3.Error as error:
            # The low byte is the primary code; errors that Python's module raises by itself have none.
            is_unreadable = getattr(error, "sqlite_errorcode", 0) & 0xFF in UNREADABLE
            kind = LedgerUnreadable if is_unreadable else LedgerUnwritable
            raise kind(f"{self._path}: {error}.") from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = connect(self._path, self._busy_timeout_seconds)
            weakref.finalize(self, connection.close)
            self._connection = connection
        return self._connection

    def _transaction(self, connection: sqlite3.Connection, step: str, change: Work[Result], durable: bool) -> Result:
        if durable is not self._is_durable:  # cannot be changed within a transaction
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = change(connection)
            self._steps(f"ledger: {step}: before commit")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself rolls back when the disk is full
                connection.execute("ROLLBACK")
            raise
        self._steps(f"ledger: {step}: after commit")
        return result


def connect(path: LedgerPath, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Open the file, made private to its owner if it is new, and make its tables.

    Raises LedgerUnreadable, LedgerUnwritable, sqlite3.Error.
    """
    if isinstance(path, Path):
        _make_private(path)
    # The connection belongs to one thread, but is closed by whoever drops the ledger last.
    connection = sqlite3.connect(path, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False)
    try:
        _set_up(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: LedgerPath) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    if _is_new(connection, path):
        _use_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        if _is_new(connection, path):  # another process may have been faster
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    elif _version(connection) < SCHEMA_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        for version in range(_version(connection), SCHEMA_VERSION):  # none if another process was faster
            connection.execute(UPGRADES[version])
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_new(connection: sqlite3.Connection, path: LedgerPath) -> bool:
    """Say whether the file is empty. Raises LedgerUnreadable if it belongs to another program or a newer version."""
    application_id, version, tables = (
        connection.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT COUNT(*) FROM sqlite_master")
    )
    if application_id == APPLICATION_ID:
        if version > SCHEMA_VERSION:
            formats = f"(format {version}, this one reads {SCHEMA_VERSION})"
            raise LedgerUnreadable(f"{path} was written by a newer version of Mailferry {formats}.")
        return False
    if application_id or version or tables:
        raise LedgerUnreadable(f"{path} is a database of another program.")
    return True


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; the file remembers it. Where the file system cannot, the journal stays."""
    for attempt in range(WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Two processes that switch at once would wait for each other, so SQLite refuses one without waiting.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == WAL_TRIES - 1:
                raise
            time.sleep(WAL_PAUSE_SECONDS)


def _make_private(path: Path) -> None:
    """Make the file, and folders above it, for their owner alone: the ledger holds subjects of mail."""
    try:
        missing = [folder for folder in path.absolute().parents if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(folder.parent)
        # Not os.open: closing any descriptor of the file would drop the locks that this process has on it.
        os.mknod(path, 0o600 | stat.S_IFREG)
    except FileExistsError:
        return
    except OSError as error:
        raise LedgerUnwritable(f"{path} cannot be made: {error.strerror}.") from error


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; SQLite does so only for its own folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
