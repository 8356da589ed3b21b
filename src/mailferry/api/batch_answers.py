"""Batches as they are sent out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from mailferry.api.answers import Answer
from mailferry.api.fields import moment, moment_or_none
from mailferry.migration.states import BATCH_ACTIONS, Action, BatchStatus
from mailferry.service.views import BatchView, BatchWithRows


class BatchAnswer(Answer):
    """A batch with its numbers of users and the sums over them. `actions`: what its status allows now. The
    `content_filter` means mail received at `received_start` or later, and before `received_end`.
    """

    guid: str
    name: str
    status: BatchStatus
    actions: list[Action]
    source_endpoint: str
    target_endpoint: str
    priority: int
    include_folders: list[str]
    exclude_folders: list[str]
    content_filter: str
    content_filter_language: str
    received_start: datetime | None
    received_end: datetime | None
    notification_emails: list[str]
    report_interval_seconds: float
    skip_reports: bool
    time_zone: str
    submitted_by: str
    message: str
    total: int
    active: int
    synced: int
    finalized: int
    failed: int
    stopped: int
    percentage: int
    items_found: int
    items_synced: int
    items_skipped: int
    bytes_found: int
    bytes_synced: int
    consistency: str
    row_errors: int
    start_after: datetime | None
    complete_after: datetime | None
    created_at: datetime
    started_at: datetime | None
    initial_synced_at: datetime | None
    last_synced_at: datetime | None
    finalized_at: datetime | None
    status_at: datetime

    @classmethod
    def of(cls, view: BatchView) -> BatchAnswer:
        """Show a batch."""
        batch = view.batch
        return cls(
            guid=batch.guid,
            name=batch.name,
            status=batch.status,
            actions=[action for action in Action if batch.status in BATCH_ACTIONS[action]],
            source_endpoint=batch.source_endpoint,
            target_endpoint=batch.target_endpoint,
            priority=batch.priority,
            include_folders=list(batch.include_folders),
            exclude_folders=list(batch.exclude_folders),
            content_filter=batch.content_filter,
            content_filter_language=batch.content_filter_language,
            received_start=moment_or_none(batch.received_start),
            received_end=moment_or_none(batch.received_end),
            notification_emails=list(batch.notification_emails),
            report_interval_seconds=batch.report_interval_seconds,
            skip_reports=batch.skip_reports,
            time_zone=batch.time_zone,
            submitted_by=batch.submitted_by,
            message=batch.message,
            total=view.total,
            active=view.active,
            synced=view.synced,
            finalized=view.finalized,
            failed=view.failed,
            stopped=view.stopped,
            percentage=view.percentage,
            items_found=view.items_found,
            items_synced=view.items_synced,
            items_skipped=view.items_skipped,
            bytes_found=view.bytes_found,
            bytes_synced=view.bytes_synced,
            consistency=view.consistency,
            row_errors=view.row_errors,
            start_after=moment_or_none(batch.start_after),
            complete_after=moment_or_none(batch.complete_after),
            created_at=moment(batch.created_at),
            started_at=moment_or_none(batch.started_at),
            initial_synced_at=moment_or_none(batch.initial_synced_at),
            last_synced_at=moment_or_none(batch.last_synced_at),
            finalized_at=moment_or_none(batch.finalized_at),
            status_at=moment(batch.status_at),
        )


class RowsAnswer(BatchAnswer):
    """A batch to which a CSV was given, and what became of its rows. `rows_added`: new users. `rows_corrected`: another
    login or password for a user. `rows_unchanged`: as it was. `rows_ignored`: another login, but a pass of the user
    runs, or the user is completed or being removed. `rows_left_out`: in error.
    """

    rows_added: int
    rows_corrected: int
    rows_unchanged: int
    rows_ignored: int
    rows_left_out: int

    @classmethod
    def of_rows(cls, view: BatchWithRows) -> RowsAnswer:
        """Show a batch and the rows."""
        rows = {f"rows_{name}": number for name, number in asdict(view.rows).items()}
        return cls(**BatchAnswer.of(view).model_dump(), **rows)


class BatchPage(Answer):
    """Some batches, by name. `next`: give it as `after` for the next page; null: there is none."""

    items: list[BatchAnswer]
    next: str | None


class RowErrorAnswer(Answer):
    """One line of a CSV that was not taken. `cells` has no passwords."""

    line: int
    column: str
    code: str
    message: str
    cells: dict[str, str]
