"""What is new with each mailbox since the run began: one that was synced before is news only if mail came over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailferry.cli import wording
from mailferry.migration.model import Progress, User
from mailferry.migration.states import UserStatus

_WAITING = frozenset({UserStatus.QUEUED, UserStatus.SYNCED, UserStatus.COMPLETING})
_SYNCED = frozenset({UserStatus.SYNCED, UserStatus.COMPLETED, UserStatus.COMPLETED_WITH_WARNINGS})


@dataclass(frozen=True, slots=True)
class _Seen:
    """A mailbox as it was when it was last told of."""

    state: tuple[UserStatus, str, float | None]
    progress: Progress


_NOTHING = _Seen((UserStatus.QUEUED, "", None), Progress())


class News:
    """Remembers what was told. `before` is called with users as an earlier run left them."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def before(self, users: Iterable[User]) -> None:
        """Take note of users without telling of them."""
        for user in users:
            self._seen[user.id] = _Seen(_state(user), user.progress)

    def is_new(self, user: User) -> bool:
        """Say whether the user has another status, or ended another pass, than when this was last asked."""
        return self._seen.get(user.id, _NOTHING).state != _state(user)

    def tell(self, user: User) -> str:
        """Give the line for a user who is new in some way, '' for what is not worth one; then it is told."""
        seen = self._seen.get(user.id, _NOTHING)
        ended = user.last_synced_at != seen.state[2]
        text = _failure(user) or (_synced(user, seen) if ended and user.status in _SYNCED else "")
        # Between two ends of a pass the progress is kept: what came meanwhile is news when the pass has ended.
        progress = user.progress if ended else seen.progress
        self._seen[user.id] = _Seen(_state(user), progress)
        return text


def _state(user: User) -> tuple[UserStatus, str, float | None]:
    return user.status, user.failure.text, user.last_synced_at


def _failure(user: User) -> str:
    name = wording.printable(user.email_address)
    if not user.failure:
        return ""
    if user.status in _WAITING:
        return f"{name}: waits, {wording.printable(user.failure.text)}"
    return f"{name}: {user.status}, {wording.printable(f'{user.failure.text} {user.failure.advice}')}"


def _synced(user: User, seen: _Seen) -> str:
    name, now, then = wording.printable(user.email_address), user.progress, seen.progress
    skipped = now.skipped - then.skipped
    more = f", {wording.number(skipped)} not copied" if skipped > 0 else ""
    size_bytes = max(0, now.bytes_synced - then.bytes_synced)
    if seen.state[2] is None:
        return f"{name}: synced, {wording.plural(now.synced, 'message')}, {wording.size(now.bytes_synced)}{more}"
    if fresh := max(0, now.synced - then.synced):
        return f"{name}: synced, {wording.plural(fresh, 'new message')}, {wording.size(size_bytes)}{more}"
    if size_bytes:  # as many were deleted on the source as came
        return f"{name}: synced, new mail, {wording.size(size_bytes)}{more}"
    return f"{name}: synced{more}" if more else ""
