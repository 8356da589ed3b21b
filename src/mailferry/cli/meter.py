"""How far a pass is and how fast: numbers for the displays, drawn from the engine's counts."""

from __future__ import annotations

from collections import deque

from mailferry.records import dataclass
from mailferry.sync.options import FolderStats, Stats

WINDOW_SECONDS = 10.0
"""Rates are those of the last seconds, so that they follow a change and do not jump."""

FORECAST_SECONDS = 2.0
"""Before that the time left would be a guess."""

_UNDER_WAY = "copying"
_OVER = frozenset(("done", "unchanged", "failed"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the counts. `done` messages need no more work; `left_seconds` None: cannot be told."""

    phase: str
    folders_done: int
    folders: int
    current: str
    done: int
    total: int
    copied: int
    size_bytes: int
    messages_per_second: float
    bytes_per_second: float
    left_seconds: float | None


def _done(folder: FolderStats) -> int:
    return folder.copied + folder.had + folder.adopted + folder.skipped + folder.left_out


def _is_over(folder: FolderStats) -> bool:
    # The engine closes folders together at the end; to people one is over when its last message is.
    return folder.state in _OVER or (folder.state == _UNDER_WAY and _done(folder) >= folder.found)


class Meter:
    """Reads `stats`; call `read` with the time now, in seconds on any clock that only rises."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._past: deque[tuple[float, int, int, int]] = deque()

    def read(self, now: float) -> Reading:
        """Look at the counts."""
        folders = list(self._stats.folders.values())
        copied = sum(f.copied for f in folders)
        size_bytes = sum(f.size_bytes for f in folders)
        total = sum(f.found for f in folders)
        done = min(total, sum(_done(f) for f in folders))
        per_second, bytes_per_second, done_per_second = self._rates(now, copied, size_bytes, done)
        known = done_per_second > 0 and now - self._past[0][0] >= FORECAST_SECONDS and self._stats.phase == _UNDER_WAY
        left = (total - done) / done_per_second if known else None
        return Reading(
            self._stats.phase,
            sum(_is_over(f) for f in folders),
            len(folders),
            next((f.source for f in folders if f.state == _UNDER_WAY and not _is_over(f)), ""),
            done,
            total,
            copied,
            size_bytes,
            per_second,
            bytes_per_second,
            left,
        )

    def _rates(self, now: float, copied: int, size_bytes: int, done: int) -> tuple[float, float, float]:
        past = self._past
        past.append((now, copied, size_bytes, done))
        while len(past) > 2 and now - past[0][0] > WINDOW_SECONDS:
            past.popleft()
        then, *before = past[0]
        seconds = now - then
        if seconds <= 0:
            return 0.0, 0.0, 0.0
        first, second, third = (
            max(0, a - b) / seconds for a, b in zip((copied, size_bytes, done), before, strict=True)
        )
        return first, second, third
