"""The states of batches and users, as tables: who may do what in which state, and what a pass leads to.

The names are those of Exchange Online's MigrationBatchStatus and MigrationUserStatus. SQL changes a state only from
one that the table allows, so two that act at the same time cannot undo each other's work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class BatchStatus(StrEnum):
    """Where a batch stands."""

    CREATED = "Created"
    WAITING = "Waiting"
    STARTING = "Starting"
    SYNCING = "Syncing"
    INCREMENTAL_SYNCING = "IncrementalSyncing"
    SYNCED = "Synced"
    SYNCED_WITH_ERRORS = "SyncedWithErrors"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    COMPLETING = "Completing"
    COMPLETED = "Completed"
    COMPLETED_WITH_ERRORS = "CompletedWithErrors"
    FAILED = "Failed"
    REMOVING = "Removing"
    CORRUPTED = "Corrupted"


class UserStatus(StrEnum):
    """Where a mailbox stands."""

    QUEUED = "Queued"
    SYNCING = "Syncing"
    SYNCED = "Synced"
    INCREMENTAL_SYNCING = "IncrementalSyncing"
    INCREMENTAL_FAILED = "IncrementalFailed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    INCREMENTAL_STOPPED = "IncrementalStopped"
    COMPLETING = "Completing"
    COMPLETED = "Completed"
    COMPLETED_WITH_WARNINGS = "CompletedWithWarnings"
    COMPLETION_FAILED = "CompletionFailed"
    FAILED = "Failed"
    REMOVING = "Removing"
    CORRUPTED = "Corrupted"


class StatusSummary(StrEnum):
    """The five groups of user states."""

    ACTIVE = "Active"
    SYNCED = "Synced"
    COMPLETED = "Completed"
    STOPPED = "Stopped"
    FAILED = "Failed"


class PassKind(StrEnum):
    """What a pass is for. All copy what is new; a completion is the last one.

    A requested one is an incremental sync that somebody asked for: like the last one it compares all flags.
    """

    INITIAL = "initial"
    INCREMENTAL = "incremental"
    REQUESTED = "requested"
    COMPLETION = "completion"


class Action(StrEnum):
    """What a person, or the clock, asks for."""

    START = "start"
    STOP = "stop"
    SYNC_NOW = "sync-now"
    COMPLETE = "complete"
    REMOVE = "remove"
    EDIT = "edit"


class Outcome(StrEnum):
    """How a pass ended. `WAIT`: it failed in a way that may pass; it is tried again by itself."""

    DONE = "done"
    DONE_WITH_SKIPS = "done-with-skips"
    WAIT = "wait"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"  # the worker vanished; nobody knows how far it came, the ledger does


B, U = BatchStatus, UserStatus

BATCH_ACTIONS: Mapping[Action, frozenset[BatchStatus]] = {
    Action.START: frozenset(
        {B.CREATED, B.WAITING, B.STOPPED, B.FAILED, B.SYNCED_WITH_ERRORS, B.COMPLETED_WITH_ERRORS, B.SYNCED}
        | {B.STARTING, B.SYNCING, B.INCREMENTAL_SYNCING, B.COMPLETING}
    ),
    Action.STOP: frozenset(
        {B.WAITING, B.STARTING, B.SYNCING, B.INCREMENTAL_SYNCING, B.SYNCED, B.SYNCED_WITH_ERRORS, B.COMPLETING}
    ),
    Action.SYNC_NOW: frozenset({B.STARTING, B.SYNCED, B.SYNCED_WITH_ERRORS, B.SYNCING, B.INCREMENTAL_SYNCING}),
    Action.COMPLETE: frozenset({B.SYNCED, B.SYNCED_WITH_ERRORS, B.INCREMENTAL_SYNCING}),
    Action.REMOVE: frozenset(set(B) - {B.REMOVING}),
    Action.EDIT: frozenset(set(B) - {B.REMOVING, B.CORRUPTED}),
}
"""States of a batch in which each action is allowed. Start also retries failed users of a batch that is at work."""

USER_ACTIONS: Mapping[Action, frozenset[UserStatus]] = {
    Action.START: frozenset({U.STOPPED, U.INCREMENTAL_STOPPED, U.FAILED, U.INCREMENTAL_FAILED, U.COMPLETION_FAILED}),
    Action.STOP: frozenset({U.QUEUED, U.SYNCING, U.SYNCED, U.INCREMENTAL_SYNCING, U.COMPLETING, U.INCREMENTAL_FAILED}),
    Action.SYNC_NOW: frozenset({U.SYNCED}),
    Action.COMPLETE: frozenset({U.SYNCED}),
    Action.REMOVE: frozenset(set(U) - {U.REMOVING}),
    Action.EDIT: frozenset(set(U) - {U.REMOVING, U.CORRUPTED}),
}
"""States of a user in which each action is allowed. SyncNow does not resume failed users; Start does."""

RUNNING: Mapping[PassKind, UserStatus] = {
    PassKind.INITIAL: U.SYNCING,
    PassKind.INCREMENTAL: U.INCREMENTAL_SYNCING,
    PassKind.REQUESTED: U.INCREMENTAL_SYNCING,
    PassKind.COMPLETION: U.COMPLETING,
}
"""The state of a user while a pass of each kind runs."""

CLAIMABLE: Mapping[PassKind, frozenset[UserStatus]] = {
    PassKind.INITIAL: frozenset({U.QUEUED}),
    PassKind.INCREMENTAL: frozenset({U.QUEUED, U.SYNCED, U.INCREMENTAL_FAILED}),
    PassKind.REQUESTED: frozenset({U.SYNCED, U.INCREMENTAL_FAILED}),
    PassKind.COMPLETION: frozenset({U.COMPLETING, U.SYNCED, U.QUEUED}),
}
"""States from which a pass of each kind may begin."""

AFTER_PASS: Mapping[tuple[PassKind, Outcome], UserStatus] = {
    (PassKind.INITIAL, Outcome.DONE): U.SYNCED,
    (PassKind.INITIAL, Outcome.DONE_WITH_SKIPS): U.SYNCED,
    (PassKind.INITIAL, Outcome.WAIT): U.QUEUED,
    (PassKind.INITIAL, Outcome.LOST): U.QUEUED,
    (PassKind.INITIAL, Outcome.FAILED): U.FAILED,
    (PassKind.INITIAL, Outcome.STOPPED): U.STOPPED,
    (PassKind.INCREMENTAL, Outcome.DONE): U.SYNCED,
    (PassKind.INCREMENTAL, Outcome.DONE_WITH_SKIPS): U.SYNCED,
    (PassKind.INCREMENTAL, Outcome.WAIT): U.SYNCED,
    (PassKind.INCREMENTAL, Outcome.LOST): U.SYNCED,
    (PassKind.INCREMENTAL, Outcome.FAILED): U.INCREMENTAL_FAILED,
    (PassKind.INCREMENTAL, Outcome.STOPPED): U.INCREMENTAL_STOPPED,
    (PassKind.REQUESTED, Outcome.DONE): U.SYNCED,
    (PassKind.REQUESTED, Outcome.DONE_WITH_SKIPS): U.SYNCED,
    (PassKind.REQUESTED, Outcome.WAIT): U.SYNCED,
    (PassKind.REQUESTED, Outcome.LOST): U.SYNCED,
    (PassKind.REQUESTED, Outcome.FAILED): U.INCREMENTAL_FAILED,
    (PassKind.REQUESTED, Outcome.STOPPED): U.INCREMENTAL_STOPPED,
    (PassKind.COMPLETION, Outcome.DONE): U.COMPLETED,
    (PassKind.COMPLETION, Outcome.DONE_WITH_SKIPS): U.COMPLETED_WITH_WARNINGS,
    (PassKind.COMPLETION, Outcome.WAIT): U.COMPLETING,
    (PassKind.COMPLETION, Outcome.LOST): U.COMPLETING,
    (PassKind.COMPLETION, Outcome.FAILED): U.COMPLETION_FAILED,
    (PassKind.COMPLETION, Outcome.STOPPED): U.INCREMENTAL_STOPPED,
}
"""What the end of a pass makes of a user."""

SUMMARY: Mapping[UserStatus, StatusSummary] = {
    U.QUEUED: StatusSummary.ACTIVE,
    U.SYNCING: StatusSummary.ACTIVE,
    U.INCREMENTAL_SYNCING: StatusSummary.ACTIVE,
    U.COMPLETING: StatusSummary.ACTIVE,
    U.STOPPING: StatusSummary.ACTIVE,
    U.REMOVING: StatusSummary.ACTIVE,
    U.SYNCED: StatusSummary.SYNCED,
    U.COMPLETED: StatusSummary.COMPLETED,
    U.COMPLETED_WITH_WARNINGS: StatusSummary.COMPLETED,
    U.STOPPED: StatusSummary.STOPPED,
    U.INCREMENTAL_STOPPED: StatusSummary.STOPPED,
    U.FAILED: StatusSummary.FAILED,
    U.INCREMENTAL_FAILED: StatusSummary.FAILED,
    U.COMPLETION_FAILED: StatusSummary.FAILED,
    U.CORRUPTED: StatusSummary.FAILED,
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many users of a batch are in which state."""

    by_status: Mapping[UserStatus, int]

    def __getitem__(self, status: UserStatus) -> int:
        return self.by_status.get(status, 0)

    def of(self, summary: StatusSummary) -> int:
        """Add up one group."""
        return sum(n for status, n in self.by_status.items() if SUMMARY[status] is summary)

    @property
    def total(self) -> int:
        """All users."""
        return sum(self.by_status.values())


def user_goes_on(status: UserStatus, initial_done: bool) -> PassKind | None:
    """Say which pass follows when a person starts a user in this state; None: Start is not allowed."""
    if status not in USER_ACTIONS[Action.START]:
        return None
    if status is U.COMPLETION_FAILED:
        return PassKind.COMPLETION
    return PassKind.INCREMENTAL if initial_done else PassKind.INITIAL


def batch_follows(status: BatchStatus, counts: Counts) -> BatchStatus:
    """Say where a batch stands, given where it stood and where its users stand.

    Only states that users decide are left by themselves; Created, Waiting, Removing and Corrupted are not.
    """
    if status in (B.CREATED, B.WAITING, B.REMOVING, B.CORRUPTED):
        return status
    if status in (B.STOPPING, B.STOPPED):
        moving = counts[U.STOPPING] + counts[U.SYNCING] + counts[U.INCREMENTAL_SYNCING] + counts[U.COMPLETING]
        if status is B.STOPPING and moving:
            return B.STOPPING
        if not (moving + counts[U.QUEUED]):
            return B.STOPPED
    if counts[U.QUEUED] and not counts[U.SYNCING] and status is B.STARTING:
        return B.STARTING
    if counts[U.COMPLETING]:
        return B.COMPLETING
    if counts[U.QUEUED] + counts[U.SYNCING] + counts[U.STOPPING]:
        return B.SYNCING
    if counts[U.INCREMENTAL_SYNCING]:
        return B.INCREMENTAL_SYNCING
    if counts.total == counts[U.REMOVING]:  # the last user was removed, or went over to another batch
        return B.COMPLETED if status in (B.COMPLETED, B.COMPLETED_WITH_ERRORS) else B.STOPPED
    return _at_rest(counts)


def _at_rest(counts: Counts) -> BatchStatus:
    failed = counts.of(StatusSummary.FAILED)
    if counts.total and failed == counts[U.FAILED] == counts.total:
        return B.FAILED
    if counts.of(StatusSummary.SYNCED):
        return B.SYNCED_WITH_ERRORS if failed else B.SYNCED
    if counts.of(StatusSummary.COMPLETED):
        return B.COMPLETED_WITH_ERRORS if failed else B.COMPLETED
    if counts.of(StatusSummary.STOPPED):
        return B.STOPPED
    return B.SYNCED_WITH_ERRORS if failed else B.SYNCED
