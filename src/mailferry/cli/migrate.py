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
from mailferry.cli.migrate_news import News
from mailferry.cli.migrate_prepare import Prepared, prepare
from mailferry.cli.migrate_request import MigrateRequest
from mailferry.cli.migrate_summary import Result, tell
from mailferry.cli.serve import DATABASE_VARIABLE, open_service
from mailferry.cli.stopping import Stopped, until_signal
from mailferry.errors import MailferryError, Retry
from mailferry.migration.model import User
from mailferry.migration.states import BatchStatus, StatusSummary
from mailferry.service.views import BatchView, RowErrorView

if TYPE_CHECKING:
    from mailferry.service.wiring import Service

LOOK_SECONDS = 0.4
WORKER_PATIENCE_SECONDS = 8.0
"""For so long no worker could be started: that is three attempts or more."""
_B = BatchStatus


class WorkersUnstartable(MailferryError):
    """No worker process can be started, so no mailbox is migrated."""

    code = "workers-unstartable"
    retry = Retry.AFTER_REPAIR
    advice = "Mend what keeps the process from starting, then run the same command again: it goes on from here."


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
        self._news = News()
        self._since = 0.0
        self._trouble_since: float | None = None

    async def run(self) -> int:
        """Open the service, do the batch, and close the service whatever happens."""
        request = self._request
        service = await open_service(request.data, os.environ.get(DATABASE_VARIABLE) or None)
        self._since = service.now()
        try:
            with migrate_display.choose(json=self._json, quiet=request.quiet) as display:
                there = await prepare(service, request, display, self._news)
                if there.refused:
                    result = Result(there.view, [], there.refused, time.monotonic() - self._begun)
                else:
                    result = await self._work(service, there, display)
        finally:
            await service.close()
        tell(request, result, self._json)
        return result.exit_code

    async def _work(self, service: Service, there: Prepared, display: migrate_display.Display) -> Result:
        guid = there.view.batch.guid
        await service.start(self._request.workers)
        outcome = await until_signal(self._follow(service, guid, display), lambda: display.note("Stopping ..."))
        stopped_by = outcome.signal if isinstance(outcome, Stopped) else 0
        return await self._result(service, await service.batches.get(guid), there.had, stopped_by)

    async def _follow(self, service: Service, guid: str, display: migrate_display.Display) -> None:
        """Show the batch until it rests; with --watch until a signal comes."""
        while True:
            now = service.now()
            due = await service.users.count_due(guid)  # before the view: what begins in between is active there
            view = await service.batches.get(guid)
            for user in await service.users.changed_since(guid, self._since):
                if self._news.is_new(user):
                    display.changed(user, self._news.tell(user))
                self._since = max(self._since, user.updated_at)
            display.show(view, await self._running(service, guid))
            if not self._request.watch and not due and _rests(view):
                return
            self._see_to_workers(service.worker_trouble())
            await asyncio.sleep(max(0.05, LOOK_SECONDS - (service.now() - now)))

    def _see_to_workers(self, trouble: str) -> None:
        """Raise WorkersUnstartable when no worker could be started for a while; one failed start may be chance."""
        now = time.monotonic()
        if not trouble:
            self._trouble_since = None
        elif self._trouble_since is None:
            self._trouble_since = now
        elif now - self._trouble_since >= WORKER_PATIENCE_SECONDS:
            raise WorkersUnstartable(f"The last attempt said: {trouble.rstrip('.')}.")

    async def _running(self, service: Service, guid: str) -> Sequence[User]:
        active = await service.users.page(batch=guid, summary=StatusSummary.ACTIVE, limit=1_000)
        return [user for user in active if user.claimed_by]

    async def _result(self, service: Service, view: BatchView, had: int | None, stopped_by: int) -> Result:
        failed = [user async for user in service.reports.users(view.batch.guid, summary=StatusSummary.FAILED)]
        errors = self._of_this_file(await service.batches.row_errors(view.batch.guid))
        if self._request.report is not None:
            with self._request.report.open("w", encoding="utf-8", newline="") as file:
                async for piece in service.reports.batch_csv(view.batch.guid):
                    file.write(piece)
        return Result(view, failed, errors, time.monotonic() - self._begun, stopped_by, had)

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


def _rests(view: BatchView) -> bool:
    """Say whether no mailbox is at work; none that is due must be left either, until the next incremental sync."""
    status = view.batch.status
    return not view.by_summary[StatusSummary.ACTIVE] and status not in (_B.STARTING, _B.SYNCING, _B.COMPLETING)


def _quiet_logs() -> None:
    import logging

    from mailferry.service.logs import set_up_logs

    set_up_logs(json=False, level=logging.ERROR)
    with suppress(ValueError):
        logging.getLogger("mailferry.jobs").setLevel(logging.CRITICAL)
