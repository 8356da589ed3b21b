"""What a pass of the service is told, and the words and records in which it tells what came of it."""

from __future__ import annotations

import random

from mailferry.migration.model import Batch, SkippedItem
from mailferry.migration.states import PassKind
from mailferry.service.config import Config
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.ledger import ExceptionRow
from mailferry.sync.options import Event, Options, RepairLevel, Stats
from mailferry.sync.run import PassResult

_IN_PASS_RETRIES = 2
_LONGEST_IN_PASS_WAIT_SECONDS = 10.0


def pass_options(config: Config, batch: Batch, kind: PassKind) -> Options:
    """Say what a pass is told. A long wait is not waited for in the pass: it would hold a connection's place.

    The last pass compares all flags, where the server cannot tell which have changed.
    """
    repair: RepairLevel = config.repair  # type: ignore[assignment] # checked when it was set
    return Options(
        filter=FolderFilter.parse(batch.include_folders, batch.exclude_folders),
        max_message_bytes=config.max_message_bytes,
        max_items=config.max_items,
        repair=repair,
        full_flags=True if kind is PassKind.COMPLETION else None,
        retries=_IN_PASS_RETRIES,
        longest_wait_seconds=_LONGEST_IN_PASS_WAIT_SECONDS,
    )


def wait_seconds(config: Config, attempts: int, asked_seconds: float) -> float:
    """Say how long to wait after failed attempts: doubling with jitter, never less than the server asked for."""
    growing = min(config.retry_seconds * 2.0 ** min(attempts, 16), config.longest_retry_seconds)
    return max(asked_seconds, growing * (0.75 + random.random() / 2))  # jitter, not a secret


def describe(event: Event) -> str:
    """Give a line for the report; '' for what is not worth one."""
    fields = event.fields
    match event.name:
        case "folders mapped":
            left = f", {fields['left_out']} left out" if fields["left_out"] else ""
            return f"{fields['folders']} folders{left}."
        case "folder synced" if fields["copied"] or fields["skipped"]:
            skipped = f", {fields['skipped']} skipped" if fields["skipped"] else ""
            return f"{fields['folder']}: {fields['copied']} messages copied ({fields['size_bytes']} bytes){skipped}."
        case "retry":
            return f"{fields['reason']} Going on in {fields['wait_seconds']} s."
        case "outcome settled":
            return f"{fields['folder']}: after an interruption {fields['to_send_again']} messages are sent again."
    return ""


def closing(copied: int, stats: Stats, missing: int, failed_folders: int) -> str:
    """Give the last line of a pass that ended by itself."""
    parts = [f"Done: {stats.total('found')} messages on the source, {copied} copied"]
    for count, text in (
        (stats.total("adopted"), "were on the target before"),
        (stats.total("flags_changed"), "with new flags"),
        (missing, "not copied"),
        (failed_folders, "folders failed"),
    ):
        if count:
            parts.append(f"{count} {text}")
    return ", ".join(parts) + "."


def item_of(result: PassResult, row: ExceptionRow) -> SkippedItem:
    """Give what the service stores of a message that the ledger notes."""
    return SkippedItem(
        folder=result.folder_names.get(row.folder_id, ""),
        uid=row.uid,
        kind=str(row.kind),
        code=row.code,
        reason=row.server_text,
        subject=row.subject,
        message_id=row.message_id,
        date=float(row.date) if row.date >= 0 else None,
        size_bytes=row.size_bytes,
    )
