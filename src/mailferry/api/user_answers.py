"""Users as they are sent out, with their statistics."""

from __future__ import annotations

from datetime import datetime

from mailferry.api.answers import Answer
from mailferry.api.fields import date_or_none, moment, moment_or_none
from mailferry.migration.model import Failure, ReportLine, SkippedItem, User
from mailferry.migration.states import SUMMARY, Action, PassKind, StatusSummary, UserStatus
from mailferry.migration.statistics import user_percentage
from mailferry.service.views import UserStatistics, user_actions


class FailureAnswer(Answer):
    """Why a user failed or waits. `side`: source, target or local; `retry`: when it helps to try again."""

    code: str
    text: str
    side: str
    advice: str
    retry: str
    at: datetime | None

    @classmethod
    def of(cls, failure: Failure) -> FailureAnswer | None:
        """Show a failure; None: there is none."""
        if not failure:
            return None
        return cls(
            code=failure.code,
            text=failure.text,
            side=failure.side,
            advice=failure.advice,
            retry=failure.retry,
            at=moment_or_none(failure.at),
        )


class UserAnswer(Answer):
    """One mailbox of a batch. `actions`: what its status allows now. `items_had`: messages that were on the target
    before the first pass. `bytes_per_minute` is 0 while nothing runs.
    """

    guid: str
    batch: str
    email_address: str
    user_name: str
    user_root: str
    target_user: str
    status: UserStatus
    summary: StatusSummary
    actions: list[Action]
    priority: int
    next_kind: PassKind | None
    running_kind: PassKind | None
    attempts: int
    percentage: int
    items_found: int
    items_synced: int
    items_skipped: int
    items_had: int
    bytes_found: int
    bytes_synced: int
    bytes_per_minute: float
    folders: int
    folders_done: int
    folder: str
    phase: str
    stalled_reason: str
    consistency: str
    failure: FailureAnswer | None
    start_after: datetime | None
    complete_after: datetime | None
    due_at: datetime | None
    created_at: datetime
    status_at: datetime
    updated_at: datetime
    initial_synced_at: datetime | None
    last_synced_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, user: User) -> UserAnswer:
        """Show a user."""
        progress = user.progress
        return cls(
            guid=user.guid,
            batch=user.batch,
            email_address=user.email_address,
            user_name=user.user_name,
            user_root=user.user_root,
            target_user=user.target_user,
            status=user.status,
            summary=SUMMARY[user.status],
            actions=user_actions(user),
            priority=user.priority,
            next_kind=user.next_kind,
            running_kind=user.running_kind,
            attempts=user.attempts,
            percentage=user_percentage(user),
            items_found=progress.found,
            items_synced=progress.synced,
            items_skipped=progress.skipped,
            items_had=progress.had,
            bytes_found=progress.bytes_found,
            bytes_synced=progress.bytes_synced,
            bytes_per_minute=user.bytes_per_minute if user.claimed_by else 0.0,
            folders=progress.folders,
            folders_done=progress.folders_done,
            folder=progress.folder,
            phase=progress.phase,
            stalled_reason=user.stalled_reason,
            consistency=user.consistency,
            failure=FailureAnswer.of(user.failure),
            start_after=moment_or_none(user.start_after),
            complete_after=moment_or_none(user.complete_after),
            due_at=moment_or_none(user.due_at),
            created_at=moment(user.created_at),
            status_at=moment(user.status_at),
            updated_at=moment(user.updated_at),
            initial_synced_at=moment_or_none(user.initial_synced_at),
            last_synced_at=moment_or_none(user.last_synced_at),
            completed_at=moment_or_none(user.completed_at),
        )


class UserPage(Answer):
    """Some users, in the order in which they were added. `next`: give it as `after` for the next page; null: there is
    none. `total`: how many there are in all, null unless it was asked for.
    """

    items: list[UserAnswer]
    next: str | None
    total: int | None


class SkippedItemAnswer(Answer):
    """A message that was not copied as it was."""

    folder: str
    uid: int
    kind: str
    code: str
    reason: str
    subject: str
    message_id: str
    date: datetime | None
    size_bytes: int

    @classmethod
    def of(cls, item: SkippedItem) -> SkippedItemAnswer:
        """Show an item."""
        return cls(
            folder=item.folder,
            uid=item.uid,
            kind=item.kind,
            code=item.code,
            reason=item.reason,
            subject=item.subject,
            message_id=item.message_id,
            date=date_or_none(item.date),
            size_bytes=item.size_bytes,
        )


class ReportLineAnswer(Answer):
    """One line of a user's report."""

    at: datetime
    level: str
    text: str

    @classmethod
    def of(cls, line: ReportLine) -> ReportLineAnswer:
        """Show a line."""
        return cls(at=moment(line.at), level=line.level, text=line.text)


class SkippedItemsAnswer(Answer):
    """The messages of a mailbox that were not copied as they were."""

    items: list[SkippedItemAnswer]


class DurationsAnswer(Answer):
    """Seconds in each part of a migration, up to now."""

    queued_seconds: float
    in_progress_seconds: float
    synced_seconds: float
    stalled_seconds: float


class UserStatisticsAnswer(Answer):
    """All figures of a user. `skipped_items` and `report` are null unless they were asked for."""

    user: UserAnswer
    durations: DurationsAnswer
    bytes_per_hour: float
    bytes_per_minute: float
    skipped_items: list[SkippedItemAnswer] | None
    report: list[ReportLineAnswer] | None

    @classmethod
    def of(cls, found: UserStatistics) -> UserStatisticsAnswer:
        """Show the figures of a user."""
        spent = found.durations
        return cls(
            user=UserAnswer.of(found.user),
            durations=DurationsAnswer(
                queued_seconds=spent.queued,
                in_progress_seconds=spent.in_progress,
                synced_seconds=spent.synced,
                stalled_seconds=spent.stalled,
            ),
            bytes_per_hour=found.bytes_per_hour,
            bytes_per_minute=found.bytes_per_minute,
            skipped_items=None if (items := found.skipped_items) is None else [SkippedItemAnswer.of(i) for i in items],
            report=None if (lines := found.report) is None else [ReportLineAnswer.of(line) for line in lines],
        )
