"""The notes about mails in the database, one setting for each batch."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from mailferry.migration.model import Batch
from mailferry.service.mailoccasions import Note
from mailferry.store import batches, settings
from mailferry.store.database import Database
from mailferry.store.schema import BATCH

PREFIX = "report_sent:"
MOST_BATCHES = 1_000_000
TROUBLE = "Report by mail: "
"""What the message of a batch begins with if it is ours."""


class MailNotes:
    """The notes of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> list[tuple[Batch, Note]]:
        """Give all batches with their notes. Notes about batches that are gone are removed."""
        async with self._database.connect() as connection:
            found = await batches.page(connection, limit=MOST_BATCHES)
            stored = await settings.get_all(connection)
        notes = {name.removeprefix(PREFIX): value for name, value in stored.items() if name.startswith(PREFIX)}
        await self._forget(notes, {batch.guid for batch in found})
        return [(batch, Note.of(notes[batch.guid]) if batch.guid in notes else Note()) for batch in found]

    async def _forget(self, notes: Mapping[str, str], there: set[str]) -> None:
        gone = notes.keys() - there
        if gone:
            async with self._database.begin() as connection:
                for guid in gone:
                    await settings.forget(connection, f"{PREFIX}{guid}")

    async def write(self, batch: Batch, before: Note, after: Note) -> Note | None:
        """Replace a note and give it as it is stored; None: another process has replaced it first."""
        value = after.text()
        try:
            async with self._database.begin() as connection:
                if not await settings.swap(connection, f"{PREFIX}{batch.guid}", before.stored, value):
                    return None
        except IntegrityError:
            return None
        return Note.of(value)

    async def show(self, batch: Batch, trouble: str) -> None:
        """Show with a batch what is wrong with its mails; '' that nothing is. The message of somebody else stays."""
        message = f"{TROUBLE}{trouble}" if trouble else ""
        if message == batch.message or (batch.message and not batch.message.startswith(TROUBLE)):
            return
        unchanged = (BATCH.c.id == batch.id, BATCH.c.message == batch.message)
        async with self._database.begin() as connection:
            await connection.execute(update(BATCH).where(*unchanged).values(message=message))
