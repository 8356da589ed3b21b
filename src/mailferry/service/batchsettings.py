"""The settings of a batch: what a person gives, and how it is checked."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal
from zoneinfo import ZoneInfo

from mailferry.migration.contentdates import DateError, culture_of, same_culture
from mailferry.migration.contentfilter import ContentFilterError, NoMessageCanMeet, parse_content_filter
from mailferry.migration.model import DAY_SECONDS, Batch, Endpoint
from mailferry.migration.states import BatchStatus
from mailferry.service.errors import InvalidValue
from mailferry.sync.folderfilter import FolderFilter

LONGEST_NAME = 64
MOST_PRIORITY = 100
LATE_SECONDS = 60.0
"""A moment may be so long ago: clocks differ, and a request takes its time."""


class Clear(Enum):
    """The value of a setting that is to be taken away."""

    CLEAR = "clear"


CLEAR: Final = Clear.CLEAR
When = float | Literal[Clear.CLEAR] | None
"""A moment (seconds since 1970) as a person gives it; CLEAR: no moment any more; None: as it was."""

_INSTEAD = {"start_after": "start", "complete_after": "complete"}


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What a person gives; None: the default, or when a batch is changed: as it was. `priority`: -100 to 100, users
    with a higher number go first. `content_filter`: see `migration/contentfilter.py`, '' for none, and its culture ('':
    en-US). `time_zone`: a name of the IANA database, or '' for none.
    """

    include_folders: Sequence[str] | None = None
    exclude_folders: Sequence[str] | None = None
    content_filter: str | None = None
    content_filter_language: str | None = None
    notification_emails: Sequence[str] | None = None
    report_interval_seconds: float | None = None
    skip_reports: bool | None = None
    time_zone: str | None = None
    priority: int | None = None
    start_after: When = None
    complete_after: When = None


def blank_batch(name: str, source: Endpoint, target: Endpoint, submitted_by: str, now: float) -> Batch:
    """Give a batch that is not stored yet."""
    return Batch(
        id=0,
        guid=str(uuid.uuid4()),
        name=name,
        status=BatchStatus.CREATED,
        source_endpoint_id=source.id,
        target_endpoint_id=target.id,
        source_endpoint=source.name,
        target_endpoint=target.name,
        report_interval_seconds=DAY_SECONDS,
        submitted_by=submitted_by,
        created_at=now,
        status_at=now,
    )


def with_settings(batch: Batch, given: BatchSettings, now: float) -> Batch:
    """Put what was given over what there is. Raises InvalidValue."""
    for name, patterns in (("include_folders", given.include_folders), ("exclude_folders", given.exclude_folders)):
        try:
            FolderFilter.parse(patterns or ())
        except ValueError as error:
            raise InvalidValue(f"{str(error)[:1].upper()}{str(error)[1:]}.", name=name) from None
    for address in given.notification_emails or ():
        if "@" not in address.strip("@"):
            raise InvalidValue(f"{address!r} is no mail address.", name="notification_emails")
    changes: dict[str, object] = {
        name: tuple(value) if isinstance(value, (list, tuple)) else value
        for name in BatchSettings.__dataclass_fields__
        if (value := getattr(given, name)) is not None
    }
    if float(str(changes.get("report_interval_seconds", 0))) < 0:
        raise InvalidValue("The report interval is 0 (never) or more.", name="report_interval_seconds")
    check_priority(given.priority)
    _check_time_zone(given.time_zone or "")
    changes["start_after"], changes["complete_after"] = with_moments(
        (batch.start_after, batch.complete_after), given.start_after, given.complete_after, now
    )
    changes |= _received(batch, given)
    return replace(batch, **changes)  # type: ignore[arg-type] # the fields have the same names and types


def _received(batch: Batch, given: BatchSettings) -> dict[str, object]:
    """Give the range that the content filter means, if it or its culture is given. Raises InvalidValue."""
    text, language = given.content_filter, given.content_filter_language
    if text is None and language is None:
        return {}
    try:
        culture_of(language or "")
    except DateError as error:
        raise InvalidValue(f"{str(error)[:1].upper()}{str(error)[1:]}", name="content_filter_language") from None
    if text is None and batch.content_filter and not same_culture(language or "", batch.content_filter_language):
        # The dates that are stored would mean other days.
        raise InvalidValue(
            f"The language says how the dates of the filter are written. Give the filter again with it, which is now: "
            f"{batch.content_filter}",
            name="content_filter_language",
        )
    text = batch.content_filter if text is None else text
    language = batch.content_filter_language if language is None else language
    try:
        received = parse_content_filter(text, language)
    except NoMessageCanMeet as error:
        raise InvalidValue(str(error), name="content_filter") from None
    except ContentFilterError as error:
        raise InvalidValue(f"The content filter is not understood. {error}", name="content_filter") from None
    return {"received_start": received.start, "received_end": received.end}


def with_moments(
    before: tuple[float | None, float | None], start_after: When, complete_after: When, now: float
) -> tuple[float | None, float | None]:
    """Put moments that were given over those before: of the start and of the completion.

    Raises InvalidValue for a new one in the past, and for a completion before the start.
    """
    start = _over(before[0], start_after, "start_after", now)
    complete = _over(before[1], complete_after, "complete_after", now)
    if (start, complete) != before and start is not None and complete is not None and complete < start:
        name = "start_after" if complete_after is None else "complete_after"
        raise InvalidValue("complete_after lies before start_after; change or clear one of them.", name=name)
    return start, complete


def _over(before: float | None, given: When, name: str, now: float) -> float | None:
    if given is None or given == before:
        return before
    if given is CLEAR:
        return None
    if given < now - LATE_SECONDS:
        raise InvalidValue(f"{name} lies in the past. To {_INSTEAD[name]} now, use {_INSTEAD[name]}.", name=name)
    return given


def check_priority(priority: int | None) -> None:
    """Raise InvalidValue for a priority that is out of range."""
    if priority is not None and abs(priority) > MOST_PRIORITY:
        raise InvalidValue(f"The priority is -{MOST_PRIORITY} to {MOST_PRIORITY}.", name="priority")


def _check_time_zone(name: str) -> None:
    """Raise InvalidValue for a name that the database of time zones does not have. UTC needs no database."""
    if name in ("", "UTC"):
        return
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        text = "The time zone is a name of the IANA database, such as UTC or Europe/Berlin; Windows has other names."
        raise InvalidValue(text, name="time_zone") from None


def checked_name(name: str) -> str:
    """Give a name that can be used. Raises InvalidValue."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise InvalidValue(
            f"The name of a batch has 1 to {LONGEST_NAME} characters that can be seen, and no slash.", name="name"
        )
    return name
