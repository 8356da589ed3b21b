"""One pass over one mailbox, as a job of the service: open what the store names, copy, note what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from mailferry.backends.registry import Location, mailbox_lock_name, source_opener, target_opener
from mailferry.errors import MailferryError, Retry, Side
from mailferry.imap.values import Secret
from mailferry.jobs.engine import Job
from mailferry.migration.model import Batch, Endpoint, Failure, Progress, ReportLine, SkippedItem, User
from mailferry.migration.report import sentence
from mailferry.migration.states import Outcome
from mailferry.migration.statistics import consistency, ever_seen
from mailferry.service.config import Config
from mailferry.service.ledgers import Ledgers
from mailferry.service.passresults import advice_for, closing, describe, item_of, pass_options, told, wait_seconds
from mailferry.service.progress import ProgressWriter, Watched
from mailferry.service.targets import source_location, target_location
from mailferry.store import batches, claims, endpoints, events, reports, secrets, settings, users
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring
from mailferry.sync.ledger import ExceptionKind, Ledger
from mailferry.sync.lock import TargetLock
from mailferry.sync.options import Event, Stats
from mailferry.sync.run import PassResult, run_pass

_log = structlog.get_logger(__name__)
_MISSING = frozenset((ExceptionKind.SKIPPED, ExceptionKind.OVER_LIMIT, ExceptionKind.CANNOT_BE_CARRIED))
FAILED_FOLDER = "failed-folder"


@dataclass(frozen=True, slots=True)
class Work:
    """All that a pass needs. `own` and `shared`: the sealed secrets of the user and of the target."""

    user: User
    batch: Batch
    source: Endpoint
    target: Endpoint
    config: Config
    own: bytes | None
    shared: bytes | None


@dataclass(frozen=True, slots=True)
class End:
    """How a pass ended, and what is stored of it. `items` None: the skipped items stay as they were.

    `progressed`: messages were copied before it failed.
    """

    outcome: Outcome
    progress: Progress
    failure: Failure | None = None
    due_in_seconds: float | None = None
    stalled_reason: str = ""
    consistency: str = ""
    items: list[SkippedItem] | None = None
    progressed: bool = False


class PassRunner:
    """Runs the passes of one worker process."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        ledgers: Ledgers,
        writer: ProgressWriter,
        now: Callable[[], float],
        locks: Path | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._ledgers = ledgers
        self._writer = writer
        self._now = now
        self._locks = locks

    async def run(self, job: Job) -> None:
        """Do a pass and store its end. Cancelled: the connections are closed and the user is handed back."""
        work = await self._load(job)
        if work is None:
            return
        task = asyncio.current_task()
        assert task is not None
        stats = Stats()
        watched = Watched(job, stats, work.user.progress, task.cancel)
        watched.lines.append(self._line("info", f"{job.kind.capitalize()} sync began."))
        self._writer.watch(watched)
        try:
            end = await self._pass(job, work, watched)
        except asyncio.CancelledError:
            task.uncancel()
            watched.lines.append(self._line("info", "The pass was stopped; the next one goes on from here."))
            end = End(Outcome.LOST, watched.progress())
        except MailferryError as error:
            end = self._failed(error, work, watched)
        except Exception as error:  # a defect of ours ends this user's pass, not the worker
            _log.exception("a pass ended by a defect", user=work.user.guid)
            end = self._broken(error, watched)
        finally:
            self._writer.forget(job)
        await self._finish(job, work, watched, end)

    async def _load(self, job: Job) -> Work | None:
        async with self._database.connect() as connection:
            user = await users.by_id(connection, job.user_id)
            if user is None or user.fence != job.fence:
                return None
            batch = await batches.by_id(connection, user.batch_id)
            assert batch is not None
            source = await endpoints.by_id(connection, batch.source_endpoint_id)
            target = await endpoints.by_id(connection, batch.target_endpoint_id)
            assert source is not None
            assert target is not None
            own = await secrets.get(connection, "user", user.id)
            shared = await secrets.get(connection, "endpoint", target.id)
            config = Config.from_settings(await settings.get_all(connection))
        return Work(user, batch, source, target, config, own, shared)

    def _places(self, work: Work) -> tuple[Location, Location]:
        own, shared = self._unseal(work.own), self._unseal(work.shared)
        return source_location(work.source, work.user, own), target_location(work.target, work.user, own, shared)

    def _unseal(self, token: bytes | None) -> Mapping[str, Secret]:
        return self._keyring.unseal(token) if token else {}

    async def _pass(self, job: Job, work: Work, watched: Watched) -> End:
        source, target = self._places(work)
        ledger = await self._ledgers.of(work.user)
        keys = self._ledgers.keys(work.user, source, target)
        options = pass_options(work.config, work.batch, job.kind)
        with TargetLock(mailbox_lock_name(target), self._locks):
            try:
                result = await run_pass(
                    source_opener(source, Side.SOURCE),
                    target_opener(target),
                    ledger,
                    keys,
                    options,
                    stats=watched.stats,
                    listen=lambda event: self._note(event, watched),
                )
                return await self._done(work, watched, result, ledger)
            finally:
                await ledger.close()

    def _note(self, event: Event, watched: Watched) -> None:
        text = describe(event)
        if text:
            watched.lines.append(self._line("warning" if event.name == "retry" else "info", text))

    async def _done(self, work: Work, watched: Watched, result: PassResult, ledger: Ledger) -> End:
        counts = (await ledger.counts()).values()
        stats = watched.stats
        items = [item_of(result, row) for row in result.exceptions]
        items += [SkippedItem(name, 0, FAILED_FOLDER, reason=why) for name, why in result.failed_folders.items()]
        missing = sum(row.kind in _MISSING for row in result.exceptions)
        synced = sum(count.confirmed for count in counts)
        size_bytes = sum(count.size_bytes for count in counts)
        copied = stats.total("copied")
        for warning in result.warnings:
            watched.lines.append(self._line("warning", sentence(warning)))
        watched.lines.append(self._line("info", closing(copied, stats, missing, len(result.failed_folders))))
        progress = replace(
            watched.progress(),
            found=ever_seen(stats.total("found") - stats.total("left_out"), synced, missing),
            synced=synced,
            skipped=missing,
            had=max(work.user.progress.had, stats.total("adopted")),
            bytes_found=size_bytes,
            bytes_synced=size_bytes,
            folder="",
            phase="",
        )
        score = consistency(
            found=progress.found,
            missing=missing,
            changed=len(result.exceptions) - missing,
            failed_folders=len(result.failed_folders),
        )
        return End(
            Outcome.DONE if result.clean else Outcome.DONE_WITH_SKIPS,
            progress,
            due_in_seconds=work.config.incremental_interval_seconds,
            consistency=score.value,
            items=items,
        )

    def _failed(self, error: MailferryError, work: Work, watched: Watched) -> End:
        config, attempts = work.config, work.user.attempts
        moved = watched.stats.total("copied") > 0
        may_pass = error.retry in (Retry.SOON, Retry.LATER)
        text, advice = told(error), advice_for(error, work.target)
        failure = Failure(error.code, text, error.side.value, advice, error.retry.value, self._now())
        if may_pass and (moved or attempts < config.retry_attempts):
            wait = wait_seconds(config, 0 if moved else attempts, error.wait_seconds)
            watched.lines.append(self._line("warning", f"{sentence(text)} Tried again in {round(wait)} s."))
            reason = f"{error.side.value.capitalize()}: {error.summary()}"
            return End(Outcome.WAIT, watched.progress(), failure, wait, reason, progressed=moved)
        watched.lines.append(self._line("error", f"{sentence(text)} {advice}".strip()))
        again = config.incremental_interval_seconds if may_pass else None
        return End(Outcome.FAILED, watched.progress(), failure, again)

    def _broken(self, error: Exception, watched: Watched) -> End:
        text = f"A defect of Mailferry ended the pass ({type(error).__name__}); the service's log has the details."
        watched.lines.append(self._line("error", text))
        failure = Failure("internal", text, Side.LOCAL.value, "Please report it, with the log.", Retry.NEVER.value)
        return End(Outcome.FAILED, watched.progress(), replace(failure, at=self._now()))

    async def _finish(self, job: Job, work: Work, watched: Watched, end: End) -> None:
        async with self._database.begin() as connection:
            status = await claims.finish(
                connection,
                job.user_id,
                job.fence,
                end.outcome,
                self._now(),
                failure=end.failure,
                progress=end.progress,
                due_in_seconds=end.due_in_seconds,
                stalled_reason=end.stalled_reason,
                consistency=end.consistency,
                progressed=end.progressed,
            )
            if status is None:
                return  # another worker has the user; nothing of this pass counts any more
            await reports.add_lines(connection, job.user_id, watched.lines)
            if end.items is not None:
                await reports.replace_skipped(connection, job.user_id, end.items)
            fields = {"status": status.value, "kind": job.kind.value}
            await events.add(connection, "user", work.batch.name, work.user.email_address, fields, self._now())

    def _line(self, level: str, text: str) -> ReportLine:
        return ReportLine(self._now(), level, text)
