"""Endpoints and batch of `mailferry migrate`: made, or those of an earlier run used again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailferry.cli.migrate_display import Display
from mailferry.cli.migrate_news import News
from mailferry.cli.migrate_request import EndpointRequest, MigrateRequest
from mailferry.cli.migrate_rows import all_refused
from mailferry.errors import BadUsage
from mailferry.migration.model import Batch, Endpoint
from mailferry.migration.states import BATCH_ACTIONS, Action, BatchStatus
from mailferry.service.batchsettings import blank_batch
from mailferry.service.errors import NotFound
from mailferry.service.passresults import received_range
from mailferry.service.views import BatchView, RowErrorView
from mailferry.sync.received import ReceivedRange

if TYPE_CHECKING:
    from mailferry.service.wiring import Service


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is to run. `had`: messages that earlier runs brought over, None if there was none.

    `refused`: no row of the CSV could be taken, and there is no batch, only what to show of it.
    """

    view: BatchView
    had: int | None = None
    refused: Sequence[RowErrorView] = ()


async def prepare(service: Service, request: MigrateRequest, display: Display, news: News) -> Prepared:
    """Have endpoints and the batch as asked for. Raises BadUsage, EndpointUnavailable, InvalidValue."""
    source = await _endpoint(service, request, request.source, display)
    target = await _endpoint(service, request, request.target, display)
    try:
        view = await service.batches.get(request.batch)
    except NotFound:
        return await _create(service, request, source, target, display)
    return await _go_on(service, request, view, (source, target), display, news)


async def _endpoint(service: Service, request: MigrateRequest, wanted: EndpointRequest, display: Display) -> Endpoint:
    skip = request.skip_verification
    try:
        there = await service.endpoints.get(wanted.name)
    except NotFound:
        display.note(f"Testing {wanted} ..." if not skip else f"Taking {wanted} untested.")
        return await service.endpoints.create(
            wanted.name, wanted.type, wanted.role, wanted.settings, skip_verification=skip
        )
    return await service.endpoints.change(there.guid, wanted.settings, skip_verification=skip)


async def _create(
    service: Service, request: MigrateRequest, source: Endpoint, target: Endpoint, display: Display
) -> Prepared:
    if refused := await all_refused(service, request.csv, source, target):
        nothing = blank_batch(request.batch, source, target, "", service.now())
        return Prepared(BatchView(nothing, row_errors=len(refused)), refused=refused)
    display.note(f"Batch {request.batch}: {len(request.csv.rows):,} mailboxes from {source.name} to {target.name}.")
    view = await service.batches.create(
        request.batch,
        source.name,
        request.csv_data,
        request.settings_for(ReceivedRange()),
        target_endpoint=target.name,
        auto_start=True,
        allow_unknown_columns=request.allow_unknown_columns,
        file_name=request.csv_path.name,
    )
    return Prepared(view)


async def _go_on(
    service: Service,
    request: MigrateRequest,
    view: BatchView,
    endpoints: tuple[Endpoint, Endpoint],
    display: Display,
    news: News,
) -> Prepared:
    batch, had = view.batch, view.items_synced
    if (batch.source_endpoint_id, batch.target_endpoint_id) != tuple(endpoint.id for endpoint in endpoints):
        raise BadUsage(
            f"The batch {batch.name} in {request.data} goes from {batch.source_endpoint} to "
            f"{batch.target_endpoint}; choose another name with --name, or another --data."
        )
    display.note(f"Batch {batch.name}: going on ({batch.status}).")
    news.before([user async for user in service.reports.users(batch.guid)])
    changed = await service.batches.change(batch.guid, request.settings_for(received_range(batch)))
    for text in _changes(batch, changed.batch):
        display.note(text)
    await service.batches.add_users(
        batch.guid,
        request.csv_data,
        allow_unknown_columns=request.allow_unknown_columns,
        file_name=request.csv_path.name,
    )
    view = await service.batches.get(batch.guid)
    if view.batch.status in BATCH_ACTIONS[Action.START] - {BatchStatus.SYNCED} and (view.failed or view.stopped):
        view = await service.batches.start(batch.guid)
    if view.batch.status in BATCH_ACTIONS[Action.SYNC_NOW] and view.synced:
        view = await service.batches.sync_now(batch.guid)
    return Prepared(view, had)


def _changes(before: Batch, after: Batch) -> list[str]:
    """Say which settings of a batch this run changes."""
    changes = [
        f"Batch {after.name}: {option} is now {_patterns(now)} (it was {_patterns(then)}), from this run on."
        for option, then, now in (
            ("--include-folders", before.include_folders, after.include_folders),
            ("--exclude-folders", before.exclude_folders, after.exclude_folders),
        )
        if tuple(then) != tuple(now)
    ]
    if after.content_filter != before.content_filter:
        then = before.content_filter or "all"
        now = after.content_filter or "all"
        changes.append(f"Batch {after.name}: mail is now {now} (it was: {then}), from this run on.")
    elif after.content_filter:
        lifted = "--received-after any --received-before any lifts that."
        changes.append(f"Batch {after.name}: still only mail {received_range(after)}; {lifted}")
    return changes


def _patterns(patterns: Sequence[str]) -> str:
    return ",".join(pattern.replace(",", "\\,") for pattern in patterns) or "not given"
