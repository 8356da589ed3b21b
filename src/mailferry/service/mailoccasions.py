"""When a batch has something to tell by mail, and what is remembered of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from mailferry.migration.mailtext import Occasion
from mailferry.migration.model import DAY_SECONDS, Batch
from mailferry.migration.states import BatchStatus

FIRST_RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 3_600.0
GIVE_UP_SECONDS = 5 * DAY_SECONDS
OLD_NEWS_SECONDS = DAY_SECONDS
"""What happened that long before anybody tried to tell it (mails were off) is not told any more."""

B = BatchStatus

_ENDED: Mapping[str, int] = {B.FAILED: 1, B.SYNCED_WITH_ERRORS: 2, B.SYNCED: 3}
_COMPLETED: Mapping[str, int] = {B.COMPLETED_WITH_ERRORS: 1, B.COMPLETED: 2}
"""Results from worst to best. One is told when it is better than the one that was told before."""
_FOLLOWING = frozenset({B.SYNCED, B.SYNCED_WITH_ERRORS})
_AT_WORK = frozenset({B.STARTING, B.SYNCING, B.INCREMENTAL_SYNCING, B.COMPLETING})


@dataclass(frozen=True, slots=True)
class Note:
    """What was told about a batch. `ended`, `completed`: the best result that was told, '' none. `at`: the last mail
    or, if there was nothing new, when that was seen. `number`: mails so far. `attempts`: those of the mail that is due
    now, the first one at `failing_since`, the next one at `retry_at`. `stored`: the text from which this was read.
    """

    ended: str = ""
    completed: str = ""
    at: float = 0.0
    figures: str = ""
    number: int = 0
    attempts: int = 0
    failing_since: float = 0.0
    retry_at: float = 0.0
    stored: str = field(default="", compare=False)

    @classmethod
    def of(cls, text: str) -> Note:
        """Read a note; what a newer version has added is passed over."""
        known = {each.name for each in fields(cls)} - {"stored"}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known}, stored=text)

    def text(self) -> str:
        """Give it as it is stored."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "stored"})

    def tried(self, now: float) -> Note:
        """Note an attempt before it is made: after a crash there is a pause, too, before the next one."""
        delay = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(self.attempts, 20))
        since = self.failing_since if self.attempts else now
        return replace(self, attempts=self.attempts + 1, failing_since=since, retry_at=now + delay)

    def told(self, batch: Batch, occasion: Occasion, figures: str, now: float) -> Note:
        """Note that a mail was sent, or given up."""
        return replace(
            self.passed_over(batch, occasion), at=now, figures=figures, number=self.number + 1, attempts=0, retry_at=0.0
        )

    def seen(self, now: float) -> Note:
        """Note that there was nothing new to tell."""
        return replace(self, at=now)

    def passed_over(self, batch: Batch, occasion: Occasion) -> Note:
        """Note that a result is not to be told any more."""
        if occasion is Occasion.ENDED:
            return replace(self, ended=batch.status.value)
        return replace(self, completed=batch.status.value) if occasion is Occasion.COMPLETED else self

    def is_given_up(self, now: float) -> bool:
        """True if the mail that is due now was tried for long enough."""
        return self.attempts > 0 and now - self.failing_since > GIVE_UP_SECONDS


def due(batch: Batch, note: Note, now: float) -> Occasion | None:
    """Say what is to be told about a batch now, leaving retries aside; None: nothing.

    Of a progress report only the time is decided here; it is sent if the figures differ from those that were told.
    """
    if batch.skip_reports or not batch.notification_emails:
        return None
    if _COMPLETED.get(batch.status, 0) > _COMPLETED.get(note.completed, 0):
        return Occasion.COMPLETED
    if _ENDED.get(batch.status, 0) > _ENDED.get(note.ended, 0):
        return Occasion.ENDED
    since = note.at or batch.started_at or batch.created_at
    if batch.report_interval_seconds <= 0 or now - since < batch.report_interval_seconds:
        return None
    if batch.status in _AT_WORK:
        return Occasion.AT_WORK
    return Occasion.FOLLOWING if batch.status in _FOLLOWING else None


def is_old_news(batch: Batch, note: Note, occasion: Occasion, now: float) -> bool:
    """True if a result is told too late to be of use, and nobody has tried to tell it before."""
    if note.attempts or occasion not in (Occasion.ENDED, Occasion.COMPLETED):
        return False
    first = occasion is Occasion.ENDED and not note.ended
    happened_at = batch.initial_synced_at if first and batch.initial_synced_at is not None else batch.status_at
    return now - happened_at > OLD_NEWS_SECONDS
