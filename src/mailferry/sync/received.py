"""When a message was received: a range of INTERNALDATE, by which a copy can be limited."""

from __future__ import annotations

from datetime import UTC, datetime

from mailferry.records import dataclass

UNKNOWN = -1
"""The date of a message for which the server gave none that can be understood."""


@dataclass(frozen=True, slots=True)
class ReceivedRange:
    """Messages received at `start` or later, and before `end`, in seconds since 1970; None: no such bound.

    Raises ValueError if no moment lies in between.
    """

    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("no message can be received in a range that ends before it begins")

    @classmethod
    def between(cls, start: datetime | None, end: datetime | None) -> ReceivedRange:
        """Make it from aware moments; parts of a second are dropped. Raises ValueError for naive ones."""
        if any(moment is not None and moment.utcoffset() is None for moment in (start, end)):
            raise ValueError("a moment without a time zone says nothing")
        return cls(*(None if moment is None else int(moment.timestamp() // 1) for moment in (start, end)))

    @property
    def is_open(self) -> bool:
        """True if there is no bound, so that no date need be asked for."""
        return self.start is None and self.end is None

    def admits(self, date: int) -> bool:
        """Say whether a message of this date is taken. One whose date nobody knows is: it must not be lost."""
        return date == UNKNOWN or not (
            (self.start is not None and date < self.start) or (self.end is not None and date >= self.end)
        )

    def __str__(self) -> str:
        start, end = (None if moment is None else _text(moment) for moment in (self.start, self.end))
        if start and end:
            return f"from {start} to before {end}"
        return f"from {start} on" if start else f"before {end}" if end else "at any time"


def _text(seconds: int) -> str:
    """Write a moment as ISO 8601, as far as Python's calendar goes."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"
