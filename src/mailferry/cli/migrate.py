"""`mailferry migrate`: a whole batch in one command, with the service in this process and no server to start."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mailferry.cli import migrate_display
from mailferry.cli.jsonlines import JsonLines
from mailferry.cli.migrate_request import EndpointRequest, MigrateRequest
from mailferry.cli.migrate_summary import Result, tell
from mailferry.cli.serve import DATABASE_VARIABLE
from mailferry.cli.stopping import Stopped, until_signal
from mailferry.migration.model import Endpoint, User
from mailferry.migration.states import BATCH_ACTIONS, Action, BatchStatus, StatusSummary
from mailferry.service.errors import NotFound
from mailferry.service.views import BatchView, RowErrorView

if TYPE_CHECKING:
    from mailferry.service.wiring import Service

LOOK_SECONDS = 0.4
_B = BatchStatus


def migrate(request: MigrateRequest) -> int:
    """Migrate, tell, and give the exit code. Raises MailferryError for what ends it before anything began."""
    _quiet_logs()
    return asyncio.run(Run(request).run())


class Run:
    """One run of `mailferry migrate`."""

    def __init__(self, request: MigrateRequest) -> None:
        self._request = request
        self._json = JsonLines() if request.json else None
        self._begun = time.monotonic()
        self._states: dict[int, str] = {}
        self._since = 0.0

    async def run(self) -> int:
        """Open the service, do the batch, and close the service whatever happens."""
        from mailferry.service.wiring import Service

        request = self._request
        service = await Service.open(request.data, database_url=os.environ.get(DATABASE_VARIABLE) or None)
        self._since = service.now()
        try:
            display = migrate_display.choose(json=self._json, quiet=request.quiet)
            with display:
                view = await self._prepare(service, display)
                await service.start(request.workers)
                outcome = await until_signal(
                    self._follow(service, view.batch.guid, display), lambda: display.note("Stopping ...")
                )
            stopped_by = outcome.signal if isinstance(outcome, Stopped) else 0
            view = await service.batches.get(view.batch.guid)
            result = await self._result(service, view, stopped_by)
        finally:
            await service.close()
        tell(request, result, self._json)
        return result.exit_code

    async def _prepare(self, service: Service, display: migrate_display.Display) -> BatchView:
        """Have endpoints and the batch as asked for; those of an earlier run are used again."""
        request = self._request
        source = await self._endpoint(service, request.source, display)
        target = await self._endpoint(service, request.target, display)
        try:
            view = await service.batches.get(request.batch)
        except NotFound:
            rows = len(request.csv.rows)
            display.note(f"Batch {request.batch}: {rows} mailboxes from {source.name} to {target.name}.")
            return await service.batches.create(
                request.batch,
                source.name,
                request.csv_data,
                request.settings,
                target_endpoint=target.name,
                auto_start=True,
                allow_unknown_columns=request.allow_unknown_columns,
                file_name=request.csv_path.name,
            )
        return await self._go_on(service, view, source, target, display)

    async def _go_on(
        self, service: Service, view: BatchView, source: Endpoint, target: Endpoint, display: migrate_display.Display
    ) -> BatchView:
        batch, request = view.batch, self._request
        if (batch.source_endpoint_id, batch.target_endpoint_id) != (source.id, target.id):
            from mailferry.errors import BadUsage

            raise BadUsage(
                f"The batch {batch.name} in {request.data} goes from {batch.source_endpoint} to "
                f"{batch.target_endpoint}; choose another name with --name, or another --data."
            )
        display.note(f"Batch {batch.name}: going on ({batch.status}).")
        await service.batches.change(batch.guid, request.settings)
        await service.batches.add_users(
            batch.guid,
            request.csv_data,
            allow_unknown_columns=request.allow_unknown_columns,
            file_name=request.csv_path.name,
        )
        view = await service.batches.get(batch.guid)
        if view.batch.status in BATCH_ACTIONS[Action.START] - {_B.SYNCED} and (view.failed or view.stopped):
            view = await service.batches.start(batch.guid)
        if view.batch.status in BATCH_ACTIONS[Action.SYNC_NOW] and view.synced:
            view = await service.batches.sync_now(batch.guid)
        return view

    async def _endpoint(self, service: Service, wanted: EndpointRequest, display: migrate_display.Display) -> Endpoint:
        skip = self._request.skip_verification
        try:
            there = await service.endpoints.get(wanted.name)
        except NotFound:
            display.note(f"Testing {wanted} ..." if not skip else f"Taking {wanted} untested.")
            return await service.endpoints.create(
                wanted.name, wanted.type, wanted.role, wanted.settings, skip_verification=skip
            )
        return await service.endpoints.change(there.guid, wanted.settings, skip_verification=skip)

    async def _follow(self, service: Service, guid: str, display: migrate_display.Display) -> None:
        """Show the batch until it rests; with --watch until a signal comes."""
        while True:
            now = service.now()
            view = await service.batches.get(guid)
            for user in await service.users.changed_since(guid, self._since):
                if self._states.get(user.id) != user.status.value:
                    self._states[user.id] = user.status.value
                    display.changed(user)
                self._since = max(self._since, user.updated_at)
            display.show(view, await self._running(service, guid))
            if not self._request.watch and await self._rests(service, view):
                return
            await asyncio.sleep(max(0.05, LOOK_SECONDS - (service.now() - now)))

    async def _rests(self, service: Service, view: BatchView) -> bool:
        """Say whether nothing will move before the next incremental sync."""
        if view.by_summary[StatusSummary.ACTIVE] or view.batch.status in (_B.STARTING, _B.SYNCING, _B.COMPLETING):
            return False
        return not await service.users.count_due(view.batch.guid)

    async def _running(self, service: Service, guid: str) -> Sequence[User]:
        active = await service.users.page(batch=guid, summary=StatusSummary.ACTIVE, limit=1_000)
        return [user for user in active if user.claimed_by]

    async def _result(self, service: Service, view: BatchView, stopped_by: int) -> Result:
        failed = [user async for user in service.reports.users(view.batch.guid, summary=StatusSummary.FAILED)]
        errors = self._of_this_file(await service.batches.row_errors(view.batch.guid))
        if self._request.report is not None:
            with self._request.report.open("w", encoding="utf-8", newline="") as file:
                async for piece in service.reports.batch_csv(view.batch.guid):
                    file.write(piece)
        return Result(view, failed, errors, time.monotonic() - self._begun, stopped_by)

    def _of_this_file(self, errors: Sequence[RowErrorView]) -> list[RowErrorView]:
        """Leave out the errors of other files that were added to the batch."""
        file = self._request.csv
        wrong = {(error.line, error.code) for error in file.row_errors}
        addresses = {row.line: row.email_address for row in file.rows}
        return [
            error
            for error in errors
            if (error.line, error.code) in wrong or error.cells.get("EmailAddress") == addresses.get(error.line, "")
        ]


def _quiet_logs() -> None:
    import logging

    from mailferry.service.logs import set_up_logs

    set_up_logs(json=False, level=logging.ERROR)
    with suppress(ValueError):
        logging.getLogger("mailferry.jobs").setLevel(logging.CRITICAL)
