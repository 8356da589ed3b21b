"""Connections to one SQLite file, each with the thread that aiosqlite gives it.

A task may be cancelled while its connection is opened, or while a statement runs. The thread then ends by itself a
moment later, and nobody waits for it: what it has to say would reach a loop that is closed, and a file it had just
opened would stay open. Here it is waited for.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import aiosqlite

_ROWS_AT_ONCE = 64


class SqliteConnections:
    """Opens connections, and knows which of them have not ended yet. To be used in one event loop."""

    def __init__(self, path: Path | str, *, busy_seconds: float = 5.0) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._ending: set[asyncio.Future[None]] = set()

    async def open(self) -> aiosqlite.Connection:
        """Open a connection. Raises sqlite3.Error."""
        return await _Threaded(self)

    async def ended(self) -> None:
        """Wait until the threads of all connections that were told to stop have ended."""
        while self._ending:
            await asyncio.wait(self._ending)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=self._busy_seconds, check_same_thread=False, factory=_Connection)

    def _is_ending(self, end: asyncio.Future[None]) -> None:
        self._ending.add(end)
        end.add_done_callback(self._ending.discard)


class _Threaded(aiosqlite.Connection):
    """A connection that tells when it was told to stop, and is closed even if nobody was there to receive it."""

    def __init__(self, owner: SqliteConnections) -> None:
        self._opened: sqlite3.Connection | None = None
        self._owner = owner
        self._end: asyncio.Future[None] | None = None
        super().__init__(self._open, _ROWS_AT_ONCE)
        self._thread.daemon = True  # the program may end while a statement waits for a lock

    def _open(self) -> sqlite3.Connection:
        self._opened = self._owner._connect()
        return self._opened

    def stop(self) -> asyncio.Future[None] | None:
        """See aiosqlite: the thread ends when it has done what it was given before."""
        if self._end is None:  # a thread ends once; who tells it again would wait for ever
            self._end = super().stop()
            if self._end is None:
                return None
            self._end.add_done_callback(self._close_what_is_left)
            self._owner._is_ending(self._end)
        return asyncio.shield(self._end)  # who is cancelled while it waits does not make the thread end

    def _close_what_is_left(self, _end: asyncio.Future[None]) -> None:
        if self._opened is not None:
            self._opened.close()


class _Connection(sqlite3.Connection):
    """Rolls back before it closes: when a task is cancelled within a statement, an unread cursor would keep the closed
    connection alive, and with it the lock on the database.
    """

    _is_closed = False

    def close(self) -> None:
        """Close, and let the lock go. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.in_transaction:
            self.rollback()
        super().close()
