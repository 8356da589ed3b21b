"""The types of fields: how names, moments and bytes look in JSON, and what of them can be used."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
)

from mailferry.service.batchsettings import CLEAR, MOST_PRIORITY, When

LONGEST_TEXT = 1_024
BIGGEST = 2**53 - 1
"""The biggest whole number about which all readers of JSON agree."""

_LATEST = 253_402_300_799.0  # the end of the year 9999
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_NOT_BASE64 = "it is not base64 (RFC 4648, section 4)"


def moment(seconds: float) -> datetime:
    """Give a moment of the service (seconds since 1970) as it is sent out."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    """Give a moment that may be missing."""
    return None if seconds is None else moment(seconds)


def date_or_none(seconds: float | None) -> datetime | None:
    """Give the date of a message; None also for one that no calendar has: servers say such things."""
    try:
        return moment_or_none(seconds)
    except (ValueError, OverflowError, OSError):
        return None


def seconds_of(given: datetime | None) -> float | None:
    """Give a moment that was sent in as the service has it; None stays."""
    return None if given is None else given.timestamp()


def when_of(given: datetime | None, *, sent: bool) -> When:
    """Give a moment of a setting as the service has it. `sent`: it was named, so that None (null) clears it."""
    return seconds_of(given) if given is not None or not sent else CLEAR


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text


def _identity(encoded: str) -> str:
    try:
        return _clean(unquote(encoded, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError("it is not percent-encoded UTF-8") from None


def _rfc_3339(value: Any) -> Any:
    """Refuse what else could be taken for a moment, such as a number of seconds."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("it is no date and time of RFC 3339, such as 2030-01-31T20:00:00Z")
    return value


def _in_range(given: datetime) -> datetime:
    if not 0 <= given.timestamp() <= _LATEST:
        raise ValueError("it lies before 1970 or after 9999")
    return given


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError(_NOT_BASE64)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_NOT_BASE64) from None


Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT), AfterValidator(_clean)]
"""A text without NUL, which PostgreSQL cannot hold."""

Identity = Annotated[
    str,
    Path(min_length=1, max_length=3 * LONGEST_TEXT, description="A name or a GUID, percent-encoded."),
    AfterValidator(_identity),
]
"""The part of a path that names something. The app routes by the path as it was sent, so it may hold `%2F`."""

Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc_3339),
    AfterValidator(_in_range),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "RFC 3339, with Z or an offset."}),
]
"""A moment that is sent in."""

Base64 = Annotated[
    bytes, BeforeValidator(_bytes), WithJsonSchema({"type": "string", "contentEncoding": "base64", "format": "byte"})
]

Flag = StrictBool
Whole = Annotated[StrictInt, Field(ge=0, le=BIGGEST)]
Priority = Annotated[StrictInt, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=BIGGEST, allow_inf_nan=False)]
