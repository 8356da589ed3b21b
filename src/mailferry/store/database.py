"""The database of the service: opening it, bringing its tables up to date, and transactions.

SQLite: one writer at a time in all processes (`BEGIN IMMEDIATE`), readers beside it (WAL). `synchronous=FULL`: what
was answered to a person, or handed to a worker, is still there after a power failure. PostgreSQL: READ COMMITTED, and
rows are locked where two could decide about the same thing.

What is deleted is overwritten (`secure_delete`), and `scrub` empties the log of changes, so that sealed passwords do
not outlive their users in the files. PostgreSQL has nothing of the kind: there it is the work of VACUUM.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mailferry.errors import MailferryError
from mailferry.store.connections import SqliteConnections
from mailferry.store.errors import StoreUnavailable, StoreUnreadable, StoreUnwritable
from mailferry.store.upgrade import upgrade

Kind = Literal["sqlite", "postgresql"]

BUSY_SECONDS = 30.0
_MOST_CONNECTIONS = 18
"""Of each process; the service and four workers stay below the 100 that PostgreSQL allows unless told otherwise."""
SCRUB_SECONDS = 0.5
"""How long writers may wait for readers of older pages; then the log is emptied another time."""
DRIVERS: dict[str, Kind] = {"sqlite+aiosqlite": "sqlite", "postgresql+psycopg": "postgresql"}

_UNREADABLE = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_SCHEMA")
_UNWRITABLE = ("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")
_UNWRITABLE_STATES = ("25006", "53100", "42501")  # read-only transaction, disk full, insufficient privilege
_UNREADABLE_STATES = ("28", "3D", "XX001", "XX002")  # login refused, no such database, corrupted


class Database:
    """An open database. All its methods may be called from many tasks of one event loop."""

    def __init__(
        self, kind: Kind, engine: AsyncEngine, reader: AsyncEngine, connections: SqliteConnections | None = None
    ) -> None:
        self.kind: Kind = kind
        self.engine = engine
        self._reader = reader
        self._connections = connections

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open a database, make what is missing, and bring it up to date.

        `url`: `sqlite+aiosqlite:///path` or `postgresql+psycopg://user:password@host/name`. Raises StoreUnreadable,
        StoreUnwritable and StoreUnavailable.
        """
        database = _postgresql(parsed) if (parsed := _parsed(url)).host else _sqlite(parsed)
        try:
            with _told():
                async with database.engine.begin() as connection:
                    await connection.run_sync(upgrade)
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that may write; it is committed at the end, or rolled back."""
        with _told():
            async with self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that only reads; with SQLite all reads see the same moment."""
        with _told():
            async with self._reader.connect() as connection:
                yield connection

    async def scrub(self) -> bool:
        """Write deletions from SQLite's log into the database, and empty the log: what was deleted is in neither then.

        False: somebody was reading; to be tried again.
        """
        path = self.engine.url.database
        return self.kind != "sqlite" or await asyncio.to_thread(_empty_log, path or "")

    async def close(self) -> None:
        """End all connections."""
        await self.engine.dispose()
        await self._reader.dispose()
        if self._connections is not None:
            await self._connections.ended()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreUnreadable("The URL is not one of a database.") from None
    kind = DRIVERS.get(parsed.drivername)
    if kind is None:
        raise StoreUnreadable(f"A URL begins with one of {', '.join(DRIVERS)}; this one with {parsed.drivername!r}.")
    if kind == "sqlite" and (parsed.host or not parsed.database or parsed.database == ":memory:"):
        raise StoreUnreadable("SQLite needs the path of a file: sqlite+aiosqlite:///path.")
    return parsed if kind == "sqlite" or parsed.host else parsed.set(host="localhost")


def _postgresql(url: URL) -> Database:
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=_MOST_CONNECTIONS - 5,
        pool_timeout=BUSY_SECONDS,
    )
    return Database("postgresql", engine, engine.execution_options(postgresql_readonly=True))


def _sqlite(url: URL) -> Database:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here so that nobody else may read it; SQLite gives its side files the same mode. Not by os.open: closing
        # any descriptor of the file would drop the locks that this process has on it.
        with suppress(FileExistsError):
            os.mknod(path, 0o600 | stat.S_IFREG)
    except OSError as error:
        raise StoreUnwritable(f"{path}: {error.strerror}.") from None
    _keep_a_log(path)
    # One connection writes: tasks queue for it in order, which is fairer and faster than SQLite's own polling.
    connections = SqliteConnections(path, busy_seconds=BUSY_SECONDS)
    writer = _sqlite_engine(url, connections, "BEGIN IMMEDIATE", {"secure_delete": "ON"}, pool_size=1)
    reader = _sqlite_engine(url, connections, "BEGIN", {"query_only": "ON"}, pool_size=8)
    return Database("sqlite", writer, reader, connections)


def _keep_a_log(path: Path) -> None:
    """Have SQLite keep a write-ahead log, from now on for all processes.

    Two that begin it at once get "database is locked" whatever the timeout, so it is tried again. What else is wrong
    with the file is told by whoever uses it.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        while time.monotonic() < deadline:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    return
                time.sleep(0.02)
            except sqlite3.DatabaseError:
                return
            else:
                return


def _sqlite_engine(
    url: URL, connections: SqliteConnections, begin: str, pragmas: dict[str, str], *, pool_size: int
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2 * BUSY_SECONDS,
        async_creator=connections.open,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        for name, value in {**pragmas, "synchronous": "FULL", "foreign_keys": "ON", "temp_store": "MEMORY"}.items():
            cursor.execute(f"PRAGMA {name}={value}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _empty_log(path: str) -> bool:
    # On a connection of its own: the others are always within transactions, where there are no checkpoints.
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=SCRUB_SECONDS)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    return False


@contextmanager
def _told() -> Iterator[None]:
    """Say in our terms what stands in the way of using the database; other errors of SQL pass."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _translated(error) from None
    except DBAPIError as error:
        raise (_by_code(error) or error) from None
    except TimeoutError as error:
        raise StoreUnavailable("No connection came free.") from error


def _translated(error: DBAPIError) -> MailferryError:
    return _by_code(error) or StoreUnavailable(_text(error))


def _by_code(error: DBAPIError) -> MailferryError | None:
    name = getattr(error.orig, "sqlite_errorname", None) or ""
    state = getattr(error.orig, "sqlstate", None) or ""
    if name.startswith(_UNREADABLE) or state.startswith(_UNREADABLE_STATES):
        return StoreUnreadable(_text(error))
    if name.startswith(_UNWRITABLE) or state in _UNWRITABLE_STATES:
        return StoreUnwritable(_text(error))
    return None


def _text(error: DBAPIError) -> str:
    """The first line of the driver's words; the others may quote the statement."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
