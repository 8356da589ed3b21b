"""The report of each user, and the items that were skipped. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import ReportLine, SkippedItem
from mailferry.store.schema import REPORT_LINE, SKIPPED_ITEM

MOST_LINES = 2_000
MOST_SKIPPED = 10_000
_ROWS_AT_ONCE = 1_000


async def add_lines(connection: AsyncConnection, user_id: int, lines: Sequence[ReportLine]) -> None:
    """Add to a user's report, which keeps the newest 2,000 lines."""
    rows = [{"user_id": user_id, "at": line.at, "level": line.level, "text": line.text} for line in lines[-MOST_LINES:]]
    if not rows:
        return
    await connection.execute(insert(REPORT_LINE), rows)
    mine = REPORT_LINE.c.user_id == user_id
    oldest = select(REPORT_LINE.c.id).where(mine).order_by(REPORT_LINE.c.id.desc()).offset(MOST_LINES).limit(1)
    last = (await connection.execute(oldest)).scalar_one_or_none()
    if last is not None:
        await connection.execute(delete(REPORT_LINE).where(mine, REPORT_LINE.c.id <= last))


async def lines(connection: AsyncConnection, user_id: int, limit: int = MOST_LINES) -> list[ReportLine]:
    """Give the newest lines of a report, the oldest of them first."""
    query = select(REPORT_LINE).where(REPORT_LINE.c.user_id == user_id).order_by(REPORT_LINE.c.id.desc()).limit(limit)
    rows = (await connection.execute(query)).all()
    return [ReportLine(row.at, row.level, row.text) for row in reversed(rows)]


async def replace_skipped(connection: AsyncConnection, user_id: int, items: Iterable[SkippedItem]) -> None:
    """Put these items in the place of those that are known; the first 10,000 are kept."""
    await connection.execute(delete(SKIPPED_ITEM).where(SKIPPED_ITEM.c.user_id == user_id))
    rest = islice(items, MOST_SKIPPED)
    while some := [{"user_id": user_id, **asdict(item)} for item in islice(rest, _ROWS_AT_ONCE)]:
        await connection.execute(insert(SKIPPED_ITEM), some)


async def skipped(
    connection: AsyncConnection, user_id: int, limit: int = MOST_SKIPPED, offset: int = 0
) -> list[SkippedItem]:
    """Give skipped items in the order in which they were stored; `offset` passes so many over."""
    query = select(SKIPPED_ITEM).where(SKIPPED_ITEM.c.user_id == user_id).order_by(SKIPPED_ITEM.c.id)
    return [
        SkippedItem(
            folder=row.folder,
            uid=row.uid,
            kind=row.kind,
            code=row.code,
            reason=row.reason,
            subject=row.subject,
            message_id=row.message_id,
            date=row.date,
            size_bytes=row.size_bytes,
        )
        for row in await connection.execute(query.offset(offset).limit(limit))
    ]
