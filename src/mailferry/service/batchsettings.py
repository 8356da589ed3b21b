"""The settings of a batch: what a person gives, and how it is checked."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailferry.migration.model import DAY_SECONDS, Batch, Endpoint
from mailferry.migration.states import BatchStatus
from mailferry.service.errors import InvalidValue
from mailferry.sync.folderfilter import FolderFilter

LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What a person gives; None: the default, or when a batch is changed: as it was. Moments are seconds since 1970."""

    include_folders: Sequence[str] | None = None
    exclude_folders: Sequence[str] | None = None
    notification_emails: Sequence[str] | None = None
    report_interval_seconds: float | None = None
    skip_reports: bool | None = None
    time_zone: str | None = None
    priority: int | None = None
    start_after: float | None = None
    complete_after: float | None = None


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


def with_settings(batch: Batch, given: BatchSettings) -> Batch:
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
    return replace(batch, **changes)  # type: ignore[arg-type] # the fields have the same names and types


def checked_name(name: str) -> str:
    """Give a name that can be used. Raises InvalidValue."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise InvalidValue(
            f"The name of a batch has 1 to {LONGEST_NAME} characters that can be seen, and no slash.", name="name"
        )
    return name
