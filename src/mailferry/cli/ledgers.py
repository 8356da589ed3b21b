"""Opening the ledger: to work with, or as a copy that may be asked anything and changes nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mailferry.sync.ledger import LedgerUnreadable
from mailferry.sync.ledger_sqlite import SqliteLedger

_LEASE_SECONDS = 86_400.0  # of the copy, which nobody else has


@asynccontextmanager
async def snapshot(path: Path, keys: tuple[str, str]) -> AsyncIterator[SqliteLedger]:
    """Give the ledger as it is now, with its pair opened in a copy: a run that is under way is not disturbed.

    Without a file the ledger is empty. Raises LedgerUnreadable.
    """
    with tempfile.TemporaryDirectory(prefix="mailferry-") as folder:
        copy = Path(folder) / "ledger.db"
        await asyncio.to_thread(_copy, path, copy)
        ledger = SqliteLedger(copy)
        try:
            await ledger.open_pair(*keys, _LEASE_SECONDS)
            yield ledger
        finally:
            await ledger.close()


def _copy(path: Path, copy: Path) -> None:
    if not path.exists():
        return
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30.0)
        try:
            target = sqlite3.connect(copy)
            try:
                source.backup(target)
            finally:
                target.close()
        finally:
            source.close()
    except sqlite3.Error as error:
        raise LedgerUnreadable(f"{path}: {error}.") from error
