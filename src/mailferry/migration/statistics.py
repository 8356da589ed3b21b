"""Figures about a migration that are computed, not stored: percentages, rates, durations, the consistency score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from mailferry.migration.model import Durations, Progress, User
from mailferry.migration.states import UserStatus

HOUR_SECONDS = 3_600.0
INVESTIGATE_MESSAGES = 10
INVESTIGATE_SHARE = 0.001


class Consistency(StrEnum):
    """How much of a mailbox arrived, from best to worst. '' in a record: not known before the initial sync.

    Perfect: all of it, as it was. Good: all messages, but something about some of them was lost (a keyword the target
    does not allow, an impossible date) or repaired. Investigate: a few messages are missing, at most
    `INVESTIGATE_MESSAGES`, or one in a thousand if that is more. Poor: more than that, or whole folders.
    """

    PERFECT = "Perfect"
    GOOD = "Good"
    INVESTIGATE = "Investigate"
    POOR = "Poor"


_WORST_FIRST = (Consistency.POOR, Consistency.INVESTIGATE, Consistency.GOOD, Consistency.PERFECT)

WAITING = frozenset({UserStatus.QUEUED})
RUNNING = frozenset({UserStatus.SYNCING, UserStatus.INCREMENTAL_SYNCING, UserStatus.COMPLETING, UserStatus.STOPPING})
AT_REST = frozenset({UserStatus.SYNCED})


def consistency(*, found: int, missing: int, changed: int, failed_folders: int) -> Consistency:
    """Score one mailbox: `missing` messages were not copied, `changed` ones not just as they were."""
    if failed_folders or missing > max(INVESTIGATE_MESSAGES, int(found * INVESTIGATE_SHARE)):
        return Consistency.POOR
    if missing:
        return Consistency.INVESTIGATE
    return Consistency.GOOD if changed else Consistency.PERFECT


def worst(scores: Iterable[str]) -> str:
    """Give the score of a batch, which is that of its worst user; '' if there is none yet."""
    known = set(scores)
    return next((score.value for score in _WORST_FIRST if score in known), "")


def ever_seen(there_now: int, synced: int, skipped: int) -> int:
    """Count the messages that the source has or had. What was synced and then deleted there is still on the target, so
    it counts on both sides: never is more synced than was found.
    """
    return max(there_now, synced + skipped)


def percentage(progress: Progress, *, done: bool) -> int:
    """Give how much of a mailbox is through, 0 to 100; 100 only when all is."""
    if done:
        return 100
    if not progress.found:
        return 0
    return min(99, (progress.synced + progress.skipped) * 100 // progress.found)


def user_percentage(user: User) -> int:
    """Give `percentage` of a user: 100 from the end of the initial sync on, unless new mail is being copied."""
    caught_up = user.status not in RUNNING or not user.progress.found
    behind = user.progress.synced + user.progress.skipped < user.progress.found
    return percentage(user.progress, done=user.initial_synced_at is not None and (caught_up or not behind))


def durations(user: User, now: float) -> Durations:
    """Give the seconds in each part of the migration, with those since the last change of the status."""
    since = max(0.0, now - user.status_at)
    so_far = user.durations
    if user.status in WAITING:
        if user.stalled_reason:
            return replace(so_far, stalled=so_far.stalled + since)
        return replace(so_far, queued=so_far.queued + since)
    if user.status in RUNNING:
        return replace(so_far, in_progress=so_far.in_progress + since)
    if user.status in AT_REST:
        return replace(so_far, synced=so_far.synced + since)
    return so_far


def bytes_per_hour(user: User, now: float) -> float:
    """Give the average rate over the time in which passes ran."""
    seconds = durations(user, now).in_progress
    return user.progress.bytes_synced * HOUR_SECONDS / seconds if seconds > 0 else 0.0
