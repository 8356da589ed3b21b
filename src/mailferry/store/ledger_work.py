"""How the ledger works on the service's database: whole transactions, one at a time, on connections of the pool."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

import aiosqlite
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mailferry.errors import LedgerUnwritable, MailferryError
from mailferry.sync.ledger import LedgerUnreadable

Result = TypeVar("Result")
Work = Callable[[Connection], Result]

FOREIGN_KEY_VIOLATION = "23503"
UNREADABLE_CLASSES = ("42", "XX")  # the tables are not those that we know; damaged data
UNREADABLE_CODES = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class LedgerWork:
    """Does what it is given in the order in which it was given, each in a transaction.

    A call whose caller is cancelled is carried out nevertheless. `steps` is told just before and just after each
    commit; what it raises before a commit rolls the change back. The engine stays its owner's.
    """

    def __init__(self, engine: AsyncEngine, steps: Callable[[str], None]) -> None:
        self._engine = engine
        self._steps = steps
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[object]] = set()

    async def read(self, work: Work[Result]) -> Result:
        """Do `work`. Raises LedgerUnreadable, LedgerUnwritable (the database cannot be reached)."""
        return await self._carried_out(self._in_turn(lambda connection: connection.run_sync(work)))

    async def write(self, step: str, change: Work[Result], *, durable: bool = False) -> Result:
        """Do `change` in a transaction; `durable`: on the disk when this returns.

        In PostgreSQL the statements of `change` have to ask for that. Raises LedgerUnwritable, LedgerUnreadable, and
        LookupError for a row that belongs to one that does not exist.
        """

        def transaction(connection: Connection) -> Result:
            with connection.begin():
                result = change(connection)
                self._steps(f"ledger: {step}: before commit")
            self._steps(f"ledger: {step}: after commit")
            return result

        async def work(connection: AsyncConnection) -> Result:
            if connection.dialect.name != "sqlite":
                return await connection.run_sync(transaction)
            await _prepare_sqlite(connection, durable)
            try:
                return await connection.run_sync(transaction)
            finally:
                if not durable:  # the next user of the connection may rely on it
                    await _prepare_sqlite(connection, True)

        return await self._carried_out(self._in_turn(work))

    async def close(self) -> None:
        """Wait for what was begun. Never raises; may be called twice."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _carried_out(self, work: Coroutine[object, object, Result]) -> Result:
        """Do it in a task of its own, so that no transaction is torn by the caller's end."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _in_turn(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        async with self._turn:
            with translated():
                async with self._engine.connect() as connection:
                    return await work(connection)


async def _prepare_sqlite(connection: AsyncConnection, durable: bool) -> None:
    """Say how durable the commits of this connection are, and that it is to keep tables consistent.

    Neither can be said within a transaction, which SQLAlchemy would begin, so this goes past it.
    """
    raw = await connection.get_raw_connection()
    script = f"PRAGMA foreign_keys = ON; PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}"
    driver: aiosqlite.Connection | None = raw.driver_connection
    assert driver is not None
    await driver.executescript(script)


@contextmanager
def translated() -> Iterator[None]:
    """Make errors of ours of what the database says; its words are kept, the values of the row are not."""
    try:
        yield
    except DBAPIError as error:
        if _is_foreign_key(error.orig):
            raise LookupError("the folder or pair of this row does not exist") from error.orig
        # Not the error of SQLAlchemy: its text has the values of the row.
        raise _kind(error.orig)(_said(error.orig)) from error.orig
    except PoolExhausted as error:
        raise LedgerUnwritable("(all connections to the database are in use)") from error


def _is_foreign_key(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return getattr(error, "sqlstate", None) == FOREIGN_KEY_VIOLATION


def _kind(error: BaseException | None) -> type[MailferryError]:
    if isinstance(error, sqlite3.Error):
        # The low byte is the primary code; errors that Python's module raises by itself have none.
        is_unreadable = getattr(error, "sqlite_errorcode", 0) & 0xFF in UNREADABLE_CODES
    else:
        is_unreadable = (getattr(error, "sqlstate", None) or "").startswith(UNREADABLE_CLASSES)
    return LedgerUnreadable if is_unreadable else LedgerUnwritable


def _said(error: BaseException | None) -> str:
    """The first line; PostgreSQL goes on with values of the row."""
    line = str(error).strip().partition("\n")[0]
    return f"The database says: {line}."
