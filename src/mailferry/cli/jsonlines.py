"""Events as JSON, one a line; docs/report.md describes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO


class JsonLines:
    """Writes events. When nobody reads any more, writing stops and the work goes on."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: TextIO | None = stream or sys.stdout

    def write(self, event: str, fields: Mapping[str, object]) -> None:
        """Write one event with the time of now."""
        if self._stream is None:
            return
        line = json.dumps({"event": event, "at": now(), **fields}, ensure_ascii=True)
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._stream = None


def now() -> str:
    """Give the time as RFC 3339, in UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(seconds: float) -> str | None:
    """Give a time in seconds since 1970 as RFC 3339; None for an unknown one (negative)."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds >= 0 else None
    except (ValueError, OverflowError, OSError):
        return None
