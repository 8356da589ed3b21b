"""What a worker says about a pass that it has claimed: how far it is, and how it ended. A late one is not heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Failure, Progress
from mailferry.migration.states import AFTER_PASS, CLAIMABLE, Outcome, PassKind, UserStatus
from mailferry.store.elapsed import NOW, status_left
from mailferry.store.schema import USER
from mailferry.store.userrows import AnyRow, failure_values, progress_values

_DONE = frozenset({Outcome.DONE, Outcome.DONE_WITH_SKIPS})
_AGAIN = frozenset({Outcome.WAIT, Outcome.LOST})
_CLAIMED = USER.c.claimed_by.is_not(None)
_THIS_CLAIM = (USER.c.id == bindparam("this_id"), USER.c.fence == bindparam("this_fence"), _CLAIMED)

# Made once: these run for every pass and every few seconds beside it. Parameters that name columns are set.
_NOTE = update(USER).where(*_THIS_CLAIM).returning(USER.c.status)
_READ = (
    select(USER.c.id, USER.c.status, USER.c.running_kind, USER.c.initial_synced_at, USER.c.attempts)
    .where(*_THIS_CLAIM)
    .with_for_update()
)
_END = update(USER).where(USER.c.id == bindparam("this_id")).values(status_left(NOW))


@dataclass(frozen=True, slots=True)
class _Pass:
    """A pass that has just ended, and what it means for its user."""

    status: UserStatus
    kind: PassKind
    outcome: Outcome
    initial_synced: bool

    @property
    def after(self) -> UserStatus:
        """Say where the user stands now."""
        completed = self.kind is PassKind.COMPLETION and self.outcome in _DONE
        if self.status is UserStatus.REMOVING:
            return UserStatus.REMOVING
        if self.status is UserStatus.STOPPING and not completed:
            done = self.initial_synced or self.outcome in _DONE
            return UserStatus.INCREMENTAL_STOPPED if done else UserStatus.STOPPED
        return AFTER_PASS[self.kind, self.outcome]

    def follows(self, due_in_seconds: float | None) -> PassKind | None:
        """Say which pass comes next, in `due_in_seconds`; None: none until somebody asks for it."""
        if self.outcome in _AGAIN or due_in_seconds is not None:
            kind = PassKind.INCREMENTAL if self.outcome in _DONE else self.kind
            return kind if self.after in CLAIMABLE[kind] else None
        return None


async def progress(
    connection: AsyncConnection,
    user_id: int,
    fence: int,
    progress: Progress,
    now: float,
    *,
    bytes_per_minute: float | None = None,
    stalled_reason: str | None = None,
    consistency: str | None = None,
) -> UserStatus | None:
    """Note how far a pass is, and give the status: Stopping and Removing tell the worker to end.

    None: the user is somebody else's by now, and nothing was noted.
    """
    others = {"bytes_per_minute": bytes_per_minute, "stalled_reason": stalled_reason, "consistency": consistency}
    values = progress_values(progress) | {name: value for name, value in others.items() if value is not None}
    result = await connection.execute(_NOTE, {"this_id": user_id, "this_fence": fence, "updated_at": now, **values})
    status = result.scalar_one_or_none()
    return None if status is None else UserStatus(status)


async def finish(
    connection: AsyncConnection,
    user_id: int,
    fence: int,
    outcome: Outcome,
    now: float,
    *,
    failure: Failure | None = None,
    progress: Progress | None = None,
    due_in_seconds: float | None = None,
    stalled_reason: str = "",
    consistency: str = "",
    progressed: bool = False,
) -> UserStatus | None:
    """End a claim and give the status that follows (`states.AFTER_PASS`); None: it was somebody else's by now, and
    nothing was changed.

    `due_in_seconds`: when the next pass is due, after WAIT and LOST the same kind again (None: at once), after DONE and
    a failed incremental sync an incremental one (None: not by itself). A user that is to stop stops, whatever the
    outcome, but a completion that is done stays done; one that is being removed stays so. `progressed`: messages were
    copied, so that failed attempts are counted anew.
    """
    row = (await connection.execute(_READ, {"this_id": user_id, "this_fence": fence})).first()
    if row is None:
        return None
    values: dict[str, Any] = {} if progress is None else progress_values(progress)
    if consistency:
        values["consistency"] = consistency
    ended, after = _ending(row, outcome, now, due_in_seconds)
    if progressed:
        ended["attempts"] = 0
    if outcome in _DONE:
        values |= failure_values(Failure())
    elif failure is not None:
        values |= failure_values(failure)
    waits = ended["next_kind"] is not None and outcome is Outcome.WAIT
    values |= ended | {"stalled_reason": stalled_reason if waits else ""}
    await connection.execute(_END, {"this_id": user_id, "now": now, **values})
    return after


def _ending(
    row: AnyRow, outcome: Outcome, now: float, due_in_seconds: float | None
) -> tuple[dict[str, Any], UserStatus]:
    ended = _Pass(UserStatus(row.status), PassKind(row.running_kind), outcome, row.initial_synced_at is not None)
    kind, after = ended.follows(due_in_seconds), ended.after
    values: dict[str, Any] = {
        "status": after,
        "claimed_by": None,
        "running_kind": None,
        "bytes_per_minute": 0.0,
        "next_kind": kind,
        "due_at": None if kind is None else now + (due_in_seconds or 0.0),
        # A worker that vanished says nothing about the mailbox, so LOST leaves them as they are.
        "attempts": row.attempts + (outcome is Outcome.WAIT) if outcome in _AGAIN else 0,
    }
    if outcome in _DONE:
        values["last_synced_at"] = now
        if row.initial_synced_at is None:
            values["initial_synced_at"] = now
        if after in (UserStatus.COMPLETED, UserStatus.COMPLETED_WITH_WARNINGS):
            values["completed_at"] = now
    return values, after


async def lost(connection: AsyncConnection, worker_prefix: str, now: float) -> int:
    """End all claims of workers whose names begin so, and who vanished; their passes are due at once. Give how many."""
    rows = (await connection.execute(select(USER.c.id, USER.c.fence, USER.c.claimed_by).where(_CLAIMED))).all()
    number = 0
    # Compared here: LIKE has no case in SQLite. In order of ids, as whoever else locks many users.
    for user_id, fence, worker in sorted(tuple(row) for row in rows):
        if worker.startswith(worker_prefix):
            number += await finish(connection, user_id, fence, Outcome.LOST, now) is not None
    return number
