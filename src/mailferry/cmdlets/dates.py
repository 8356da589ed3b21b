"""Reads moments and durations as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_DATES: Final = (
    *("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y"),
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d %B %Y", "%B %d, %Y", "%d %b %Y"),
)
_SPAN: Final = re.compile(r"(-?)(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,7})?))?", re.ASCII)


def date_time(text: str) -> datetime:
    """Read a moment; without a zone it is UTC. Raises ValueError."""
    cleaned = " ".join(text.split())
    try:
        found = datetime.fromisoformat(cleaned)
    except ValueError:
        found = next((moment for form in _DATES if (moment := _by_form(cleaned, form)) is not None), None) or _no_date()
    moment = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of the calendar") from None


def time_span(text: str) -> timedelta:
    """Read a duration such as 1.02:03:04 or 12:30; a whole number means days, as in PowerShell. Raises ValueError."""
    cleaned = text.strip()
    try:
        if re.fullmatch(r"-?\d{1,8}", cleaned, re.ASCII):
            return timedelta(days=int(cleaned))
        match = _SPAN.fullmatch(cleaned)
        if match is None or int(match[3]) > 23 or int(match[4]) > 59 or float(match[5] or 0) >= 60:
            raise ValueError(text)
        sign, days, hours, minutes, seconds = match.groups()
        span = timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds or 0))
    except OverflowError:
        raise ValueError(text) from None
    return -span if sign else span


def _by_form(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None


def _no_date() -> datetime:
    raise ValueError("no date")
