"""Batches in the database. The caller owns the transaction; names are unique in any case."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Select, exists, insert, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Batch
from mailferry.migration.states import SUMMARY, BatchStatus, Counts, StatusSummary, UserStatus, batch_follows
from mailferry.store.figures import Sums, counts, sums
from mailferry.store.keys import name_key
from mailferry.store.rowerrors import RowErrorRecord, replace_row_errors, row_error_counts, row_errors
from mailferry.store.schema import BATCH, ENDPOINT, ROW_ERROR, USER

__all__ = [
    "RowErrorRecord",
    "Sums",
    "add",
    "by_id",
    "counts",
    "delete",
    "find",
    "page",
    "reconsider",
    "replace_row_errors",
    "row_error_counts",
    "row_errors",
    "set_moments",
    "set_status",
    "sums",
    "unsettled",
    "update",
]

ACTIVE = [status for status, summary in SUMMARY.items() if summary is StatusSummary.ACTIVE]
UNSETTLED = [
    BatchStatus.WAITING,
    BatchStatus.STARTING,
    BatchStatus.SYNCING,
    BatchStatus.INCREMENTAL_SYNCING,
    BatchStatus.SYNCED,
    BatchStatus.SYNCED_WITH_ERRORS,
    BatchStatus.STOPPING,
    BatchStatus.COMPLETING,
    BatchStatus.REMOVING,
]
AT_REST = [BatchStatus.STOPPED, BatchStatus.FAILED, BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS]

_SOURCE, _TARGET = ENDPOINT.alias("source"), ENDPOINT.alias("target")


async def add(connection: AsyncConnection, batch: Batch) -> Batch:
    """Store a new batch and give it with its id. Raises sqlalchemy.exc.IntegrityError if the name is taken."""
    values = _values(batch) | {
        "guid": batch.guid,
        "status": batch.status,
        "status_at": batch.status_at,
        "created_at": batch.created_at,
        "source_endpoint_id": batch.source_endpoint_id,
        "target_endpoint_id": batch.target_endpoint_id,
    }
    result = await connection.execute(insert(BATCH).values(values).returning(BATCH.c.id))
    return replace(batch, id=result.scalar_one())


async def find(connection: AsyncConnection, identity: str) -> Batch | None:
    """Find a batch by its name, in any case, or its GUID."""
    named = BATCH.c.name_key == name_key(identity)
    query = _query().where(or_(named, BATCH.c.guid == identity.lower())).order_by(named.desc())
    return _first(await _all(connection, query.limit(1)))


async def by_id(connection: AsyncConnection, batch_id: int) -> Batch | None:
    """Give one batch."""
    return _first(await _all(connection, _query().where(BATCH.c.id == batch_id)))


async def page(
    connection: AsyncConnection,
    *,
    status: BatchStatus | None = None,
    endpoint_id: int | None = None,
    search: str = "",
    after: str = "",
    limit: int = 1000,
) -> list[Batch]:
    """Give batches by name: those behind the name `after`, and those only that fit all that is asked for."""
    query = _query().where(BATCH.c.name_key > name_key(after)) if after else _query()
    if status is not None:
        query = query.where(BATCH.c.status == status)
    if endpoint_id is not None:
        query = query.where(or_(BATCH.c.source_endpoint_id == endpoint_id, BATCH.c.target_endpoint_id == endpoint_id))
    if search:
        query = query.where(BATCH.c.name_key.contains(name_key(search), autoescape=True))
    return await _all(connection, query.order_by(BATCH.c.name_key).limit(limit))


async def unsettled(connection: AsyncConnection) -> list[Batch]:
    """Give the batches whose status their users or the clock may change.

    Of those at rest only the ones are given in which somebody started a user.
    """
    started = exists().where(USER.c.batch_id == BATCH.c.id, USER.c.status.in_(ACTIVE))
    moving = or_(BATCH.c.status.in_(UNSETTLED), BATCH.c.status.in_(AT_REST) & started)
    return await _all(connection, _query().where(moving).order_by(BATCH.c.id))


async def update(connection: AsyncConnection, batch: Batch) -> None:
    """Store new settings, not the status. Raises sqlalchemy.exc.IntegrityError if the name is taken."""
    await connection.execute(update_rows(BATCH).where(BATCH.c.id == batch.id).values(_values(batch)))


async def set_status(
    connection: AsyncConnection,
    batch_id: int,
    expected: Collection[BatchStatus],
    status: BatchStatus,
    now: float,
    **moments: float | None,
) -> bool:
    """Change the status if it is an expected one; False: it is another by now, and nothing was changed.

    `moments`: started_at, initial_synced_at, last_synced_at, finalized_at.
    """
    change = update_rows(BATCH).where(BATCH.c.id == batch_id, BATCH.c.status.in_(expected))
    result = await connection.execute(change.values(status=status, status_at=now, **moments))
    return result.rowcount == 1


async def set_moments(connection: AsyncConnection, batch_id: int, **moments: float | None) -> None:
    """Change moments alone: started_at, initial_synced_at, last_synced_at, finalized_at."""
    await connection.execute(update_rows(BATCH).where(BATCH.c.id == batch_id).values(**moments))


async def reconsider(connection: AsyncConnection, batch_id: int, now: float) -> BatchStatus | None:
    """Let a batch follow its users. Give its new status, or None if it is as it was.

    The moments follow too: of the end of the initial sync, of the last sync, and of the completion.
    """
    batch = await by_id(connection, batch_id)
    if batch is None:
        return None
    numbers = (await counts(connection, [batch_id]))[batch_id]
    status = batch_follows(batch.status, numbers)
    if status is batch.status:
        return None
    moments = _moments(batch, status, numbers, now)
    return status if await set_status(connection, batch_id, {batch.status}, status, now, **moments) else None


def _moments(batch: Batch, status: BatchStatus, numbers: Counts, now: float) -> dict[str, float]:
    moments: dict[str, float] = {}
    if status in (BatchStatus.SYNCED, BatchStatus.SYNCED_WITH_ERRORS) and numbers[UserStatus.SYNCED]:
        moments["last_synced_at"] = now
        if batch.initial_synced_at is None:
            moments["initial_synced_at"] = now
    if status in (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS):
        moments["finalized_at"] = now
    return moments


async def delete(connection: AsyncConnection, batch_id: int) -> None:
    """Delete a batch that has no users any more, with its row errors."""
    await connection.execute(delete_rows(ROW_ERROR).where(ROW_ERROR.c.batch_id == batch_id))
    await connection.execute(delete_rows(BATCH).where(BATCH.c.id == batch_id))


def _query() -> Select[Any]:
    joined = BATCH.join(_SOURCE, _SOURCE.c.id == BATCH.c.source_endpoint_id)
    joined = joined.join(_TARGET, _TARGET.c.id == BATCH.c.target_endpoint_id)
    names = (_SOURCE.c.name.label("source_endpoint"), _TARGET.c.name.label("target_endpoint"))
    return select(BATCH, *names).select_from(joined)


async def _all(connection: AsyncConnection, query: Select[Any]) -> list[Batch]:
    return [_batch(row) for row in await connection.execute(query)]


def _first(found: Sequence[Batch]) -> Batch | None:
    return found[0] if found else None


def _values(batch: Batch) -> dict[str, Any]:
    return {
        "name": batch.name,
        "name_key": name_key(batch.name),
        "priority": batch.priority,
        "include_folders": json.dumps(batch.include_folders),
        "exclude_folders": json.dumps(batch.exclude_folders),
        "content_filter": batch.content_filter,
        "content_filter_language": batch.content_filter_language,
        "received_start": batch.received_start,
        "received_end": batch.received_end,
        "notification_emails": json.dumps(batch.notification_emails),
        "report_interval_seconds": batch.report_interval_seconds,
        "skip_reports": batch.skip_reports,
        "time_zone": batch.time_zone,
        "submitted_by": batch.submitted_by,
        "message": batch.message,
        "start_after": batch.start_after,
        "complete_after": batch.complete_after,
    }


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        id=row.id,
        guid=row.guid,
        name=row.name,
        status=BatchStatus(row.status),
        source_endpoint_id=row.source_endpoint_id,
        target_endpoint_id=row.target_endpoint_id,
        source_endpoint=row.source_endpoint,
        target_endpoint=row.target_endpoint,
        priority=row.priority,
        include_folders=_list(row.include_folders),
        exclude_folders=_list(row.exclude_folders),
        content_filter=row.content_filter,
        content_filter_language=row.content_filter_language,
        received_start=row.received_start,
        received_end=row.received_end,
        notification_emails=_list(row.notification_emails),
        report_interval_seconds=row.report_interval_seconds,
        skip_reports=row.skip_reports,
        time_zone=row.time_zone,
        submitted_by=row.submitted_by,
        message=row.message,
        start_after=row.start_after,
        complete_after=row.complete_after,
        created_at=row.created_at,
        started_at=row.started_at,
        initial_synced_at=row.initial_synced_at,
        last_synced_at=row.last_synced_at,
        finalized_at=row.finalized_at,
        status_at=row.status_at,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()
