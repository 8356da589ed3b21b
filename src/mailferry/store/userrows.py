"""From rows to users."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Row, Select, select

from mailferry.migration.model import Durations, Failure, Progress, User
from mailferry.migration.states import PassKind, UserStatus
from mailferry.store.schema import BATCH, USER

AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"


def select_users() -> Select[Any]:
    """Ask for all that `user_of` needs."""
    return select(USER, BATCH.c.name.label("batch")).join(BATCH, BATCH.c.id == USER.c.batch_id)


def kind_of(value: str | None) -> PassKind | None:
    """Read the kind of a pass; None: there is none."""
    return None if value is None else PassKind(value)


def user_of(row: AnyRow) -> User:
    """Make a user of a row of `select_users`."""
    return User(
        id=row.id,
        guid=row.guid,
        batch_id=row.batch_id,
        batch=row.batch,
        endpoint_id=row.endpoint_id,
        email_address=row.email_address,
        user_name=row.user_name,
        status=UserStatus(row.status),
        user_root=row.user_root,
        target_user=row.target_user,
        priority=row.priority,
        next_kind=kind_of(row.next_kind),
        due_at=row.due_at,
        running_kind=kind_of(row.running_kind),
        claimed_by=row.claimed_by or "",
        fence=row.fence,
        attempts=row.attempts,
        start_after=row.start_after,
        complete_after=row.complete_after,
        progress=_progress(row),
        durations=Durations(row.seconds_queued, row.seconds_in_progress, row.seconds_synced, row.seconds_stalled),
        failure=_failure(row),
        stalled_reason=row.stalled_reason,
        consistency=row.consistency,
        created_at=row.created_at,
        status_at=row.status_at,
        updated_at=row.updated_at,
        initial_synced_at=row.initial_synced_at,
        last_synced_at=row.last_synced_at,
        completed_at=row.completed_at,
        bytes_per_minute=row.bytes_per_minute,
    )


def _progress(row: AnyRow) -> Progress:
    return Progress(
        found=row.found,
        synced=row.synced,
        skipped=row.skipped,
        had=row.had,
        bytes_found=row.bytes_found,
        bytes_synced=row.bytes_synced,
        folders=row.folders,
        folders_done=row.folders_done,
        folder=row.folder,
        phase=row.phase,
    )


def _failure(row: AnyRow) -> Failure:
    return Failure(row.error_code, row.error_text, row.error_side, row.error_advice, row.error_retry, row.error_at)


def progress_values(progress: Progress) -> dict[str, Any]:
    """Give the columns of how far a mailbox is."""
    return {
        "found": progress.found,
        "synced": progress.synced,
        "skipped": progress.skipped,
        "had": progress.had,
        "bytes_found": progress.bytes_found,
        "bytes_synced": progress.bytes_synced,
        "folders": progress.folders,
        "folders_done": progress.folders_done,
        "folder": progress.folder,
        "phase": progress.phase,
    }


def failure_values(failure: Failure) -> dict[str, Any]:
    """Give the columns of a failure; those of an empty one clear it."""
    return {
        "error_code": failure.code,
        "error_text": failure.text,
        "error_side": failure.side,
        "error_advice": failure.advice,
        "error_retry": failure.retry,
        "error_at": failure.at,
    }
