"""How values look: as Exchange prints them. Moments are shown in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mailferry.cmdlets.errors import printable
from mailferry.cmdlets.records import ByteSize, Record
from mailferry.imap.values import Secret
from mailferry.migration.report import size, span

MOST_ITEMS = 16
"""How many items of a list, and how many bytes, are shown in one cell."""


def value_text(value: object, most: int = MOST_ITEMS) -> str:
    """Give a value as it is printed, on one line. At most so many items of a list are shown."""
    if value is None:
        return ""
    if isinstance(value, Secret):
        return "System.Security.SecureString"
    if isinstance(value, ByteSize):
        return size(max(0, int(value)))
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else f"{value:.10g}"
    if isinstance(value, bytes):
        return f"{{{', '.join(str(byte) for byte in value[:4])}{', ...' if len(value) > 4 else ''}}}"
    if isinstance(value, (list, tuple)):
        shown = [value_text(item) for item in value[:most]]
        return "{" + ", ".join([*shown, "..."] if len(value) > most else shown) + "}"
    if isinstance(value, Record):
        return record_text(value)
    return one_line(str(value))


def record_text(record: Record) -> str:
    """Give an object within another: what names it, else all of it."""
    for name in ("Identity", "Name", "Subject"):
        if record.get(name):
            return value_text(record[name])
    return "@{" + "; ".join(f"{name}={value_text(value)}" for name, value in record.items()) + "}"


def moment_text(value: datetime) -> str:
    """Give a moment such as `11/21/2026 7:06:54 AM`, in UTC."""
    moment = value.astimezone(UTC)
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.month}/{moment.day}/{moment.year:04} {hour}:{moment:%M:%S} {half}"


def span_text(value: timedelta) -> str:
    """Give a duration such as `1.02:03:04`."""
    seconds = value.total_seconds()
    return f"-{span(-seconds)}" if seconds < 0 else span(seconds)


def one_line(text: str) -> str:
    """Give a text on one line, without control characters."""
    return printable(" ".join(text.splitlines()) if "\n" in text or "\r" in text else text)


def is_number(value: object) -> bool:
    """Tell whether a value stands to the right in a table."""
    return isinstance(value, (int, float)) and not isinstance(value, (bool, ByteSize))
