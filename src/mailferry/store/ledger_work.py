"""How the ledger works on the service's database: whole transactions, one at a time, on connections of the pool."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

import aiosqlite
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mailferry.errors import LedgerUnwritable, MailferryError, Retry
from mailferry.sync.ledger import LedgerUnreadable

Result = TypeVar("Result")
Work = Callable[[Connection], Result]

# SQLSTATEs of PostgreSQL (its documentation, appendix A), and primary codes of SQLite.
FOREIGN_KEY_VIOLATION = "23503"
UNREADABLE_STATES = ("42", "XX")  # the tables are not those that we know; damaged data
UNREADABLE_CODES = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
PASSING_STATES = ("08", "40", "53300", "55P03", "57")  # connection, deadlock, too many of them, lock, shutdown
PASSING_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class LedgerUnavailable(LedgerUnwritable):
    """The database that holds the ledger does not answer, so nothing more was sent."""

    code = "ledger-unavailable"
    retry = Retry.SOON
    advice = "Check that the database server runs; the pass goes on by itself when it does."


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
        """Do `work`. Raises LedgerUnreadable, LedgerUnavailable, LedgerUnwritable."""
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
            await _say_to_sqlite(connection, "foreign_keys = ON", f"synchronous = {'FULL' if durable else 'NORMAL'}")
            try:
                return await connection.run_sync(transaction)
            finally:
                if not durable:  # the next user of the connection may rely on it
                    await _say_to_sqlite(connection, "synchronous = FULL")

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


async def _say_to_sqlite(connection: AsyncConnection, *settings: str) -> None:
    """Set what cannot be set within a transaction. SQLAlchemy would begin one, so this goes past it."""
    raw = await connection.get_raw_connection()
    driver: aiosqlite.Connection | None = raw.driver_connection
    assert driver is not None
    try:
        for setting in settings:
            await driver.execute(f"PRAGMA {setting}")
    except sqlite3.Error as error:
        raise _kind(error)(_said(error)) from error


@contextmanager
def translated() -> Iterator[None]:
    """Make errors of ours of what the database says; its words are kept, the values of the row are not."""
    try:
        yield
    except DBAPIError as error:
        if _is_foreign_key(error.orig):
            raise LookupError("the folder or pair of this row does not exist") from error.orig
        # Not the error of SQLAlchemy: its text has the values of the row.
        is_lost = isinstance(error, OperationalError) or error.connection_invalidated
        raise _kind(error.orig, is_lost=is_lost)(_said(error.orig)) from error.orig
    except PoolExhausted as error:
        raise LedgerUnavailable("(all connections to the database are in use)") from error


def _is_foreign_key(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return getattr(error, "sqlstate", None) == FOREIGN_KEY_VIOLATION


def _kind(error: BaseException | None, *, is_lost: bool = False) -> type[MailferryError]:
    """`is_lost` counts if it was not the server that said so: it could not be reached, or fell silent."""
    if isinstance(error, sqlite3.Error):
        # The low byte is the primary code; errors that Python's module raises by itself have none.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        is_passing, is_unreadable = code in PASSING_CODES, code in UNREADABLE_CODES
    else:
        state: str = getattr(error, "sqlstate", None) or ""
        is_passing = state.startswith(PASSING_STATES) if state else is_lost
        is_unreadable = state.startswith(UNREADABLE_STATES)
    return LedgerUnavailable if is_passing else LedgerUnreadable if is_unreadable else LedgerUnwritable


def _said(error: BaseException | None) -> str:
    """The first line; PostgreSQL goes on with values of the row."""
    line = str(error).strip().partition("\n")[0]
    return f"The database says: {line.rstrip('.')}."
