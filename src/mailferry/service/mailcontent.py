"""What goes into a mail about a batch, read from the database: figures, failures, and the files beside the text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from mailferry.migration.mailtext import ERRORS_FILE, MOST_NAMED, STATISTICS_FILE, MailFacts, Occasion
from mailferry.migration.model import Batch, Progress, User
from mailferry.migration.states import StatusSummary
from mailferry.service.reports import Reports
from mailferry.store import figures, rowerrors, users
from mailferry.store.database import Database

MOST_FILE_BYTES = 5 * 1024 * 1024


async def figures_of(database: Database, batch: Batch, occasion: Occasion) -> MailFacts:
    """Give the figures of a batch."""
    async with database.connect() as connection:
        counts = (await figures.counts(connection, [batch.id]))[batch.id]
        sums = (await figures.sums(connection, [batch.id]))[batch.id]
        row_errors = (await rowerrors.row_error_counts(connection, [batch.id])).get(batch.id, 0)
    totals = Progress(
        found=sums.found,
        synced=sums.synced,
        skipped=sums.skipped,
        bytes_found=sums.bytes_found,
        bytes_synced=sums.bytes_synced,
    )
    return MailFacts(batch, occasion, counts, totals, sums.percentage, sums.worst_consistency, row_errors)


async def with_details(
    database: Database, reports: Reports, facts: MailFacts, url: str
) -> tuple[MailFacts, dict[str, bytes]]:
    """Add who failed and what was left out, and give the files to be attached, by name. Raises NotFound."""
    batch = facts.batch
    async with database.connect() as connection:
        left_out = await rowerrors.row_errors(connection, batch.id) if facts.row_errors else []
    files: dict[str, bytes | None] = {}
    if facts.has_errors:
        files[ERRORS_FILE] = _file([await reports.errors_csv(batch.guid)])
    files[STATISTICS_FILE] = await _file_of(reports.batch_csv(batch.guid))
    attached = {name: content for name, content in files.items() if content is not None}
    facts = replace(
        facts,
        failed=await _first_failed(database, batch) if facts.failures else (),
        left_out=[(error.line, error.message) for error in left_out[:MOST_NAMED]],
        attached=tuple(attached),
        too_large=tuple(name for name in files if name not in attached),
        url=url,
    )
    return facts, attached


async def _first_failed(database: Database, batch: Batch) -> Sequence[User]:
    async with database.connect() as connection:
        return await users.page(connection, batch_id=batch.id, summary=StatusSummary.FAILED, limit=MOST_NAMED)


async def _file_of(pieces: AsyncIterator[str]) -> bytes | None:
    """Join the pieces of a file; None: they are too many. No more are kept than a mail may have."""
    kept: list[str] = []
    characters = 0
    async for piece in pieces:
        characters += len(piece)
        if characters <= MOST_FILE_BYTES:
            kept.append(piece)
    return _file(kept) if characters <= MOST_FILE_BYTES else None


def _file(pieces: Sequence[str]) -> bytes | None:
    content = "".join(pieces).encode("utf-8-sig")  # spreadsheets take UTF-8 only with the mark
    return content if len(content) <= MOST_FILE_BYTES else None
