"""What a pass of the service is told, and the words and records in which it tells what came of it."""

from __future__ import annotations

import random
import re
from typing import Final

from mailferry.errors import LoginFailed, MailferryError, Side
from mailferry.migration.model import Batch, Endpoint, EndpointType, SkippedItem
from mailferry.migration.report import sentence
from mailferry.migration.states import PassKind
from mailferry.service.config import Config
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.ledger import ExceptionRow
from mailferry.sync.options import Event, Options, RepairLevel, Stats
from mailferry.sync.received import ReceivedRange
from mailferry.sync.run import PassResult

_PLACE: Final = re.compile(r"(?<=\. )(?=(?:[^\s:'/]+|\[[0-9a-fA-F:]+\]):\d{1,5}: )")
"""Where an error names the server, behind its first sentence."""

_ALL_FLAGS: Final = frozenset({PassKind.REQUESTED, PassKind.COMPLETION})
_IN_PASS_RETRIES = 2
_LONGEST_IN_PASS_WAIT_SECONDS = 10.0


def pass_options(config: Config, batch: Batch, kind: PassKind) -> Options:
    """Say what a pass is told. A long wait is not waited for in the pass: it would hold a connection's place.

    The last pass, and one that somebody asked for, compare all flags where the server cannot tell which have changed.
    """
    repair: RepairLevel = config.repair  # type: ignore[assignment] # checked when it was set
    return Options(
        filter=FolderFilter.parse(batch.include_folders, batch.exclude_folders),
        max_message_bytes=config.max_message_bytes,
        max_items=config.max_items,
        received=received_range(batch),
        repair=repair,
        full_flags=True if kind in _ALL_FLAGS else None,
        retries=_IN_PASS_RETRIES,
        longest_wait_seconds=_LONGEST_IN_PASS_WAIT_SECONDS,
    )


def received_range(batch: Batch) -> ReceivedRange:
    """Give what the content filter of a batch means."""
    start, end = (None if moment is None else int(moment) for moment in (batch.received_start, batch.received_end))
    return ReceivedRange(start, end)


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
            return f"{_number(fields['folders'], 'folder')}{left}."
        case "folder synced" if fields["copied"] or fields["skipped"]:
            skipped = f", {fields['skipped']} skipped" if fields["skipped"] else ""
            copied = f"{_number(fields['copied'], 'message')} copied ({fields['size_bytes']:,} bytes)"
            return f"{fields['folder']}: {copied}{skipped}."
        case "retry":
            reason = sided(str(fields["reason"]), str(fields.get("side", "")))
            return f"{sentence(reason)} Going on in {fields['wait_seconds']} s."
        case "outcome settled":
            again = _number(fields["to_send_again"], "message")
            return f"{fields['folder']}: to be sent again after an interruption: {again}."
    return ""


def closing(copied: int, stats: Stats, missing: int, failed_folders: int) -> str:
    """Give the last line of a pass that ended by itself."""
    parts = [f"Done: {_number(stats.total('found'), 'message')} on the source, {copied:,} copied"]
    for count, text in (
        (stats.total("adopted"), "were on the target before"),
        (stats.total("left_out"), "left out by the content filter"),
        (stats.total("flags_changed"), "with new flags"),
        (missing, "not copied"),
        (failed_folders, "folder failed" if failed_folders == 1 else "folders failed"),
    ):
        if count:
            parts.append(f"{count:,} {text}")
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


def told(error: MailferryError) -> str:
    """Give the words for an error of a pass; they say which of the two servers it is about."""
    return sided(str(error), error.side.value)


def sided(text: str, side: str) -> str:
    """Say in the text of an error which side it came from: `Source` or `Target`."""
    if side not in (Side.SOURCE.value, Side.TARGET.value):
        return text
    named, found = _PLACE.subn(f"{side.capitalize()} ", text, count=1)
    return named if found else f"{side.capitalize()}: {text}"


def advice_for(error: MailferryError, target: Endpoint) -> str:
    """Say what to do about an error of a pass. A name that was refused may have been put together by us."""
    if not isinstance(error, LoginFailed) or error.side is not Side.TARGET or target.type is not EndpointType.IMAP:
        return error.advice
    whose = "EmailAddress, or TargetUserName of the CSV where it is given"
    if target.user_template:
        return (
            f"The login name is made by the user template of the endpoint {target.name} ({target.user_template}) from "
            f"{whose}: check both, the administrator's password, and that the server lets the administrator log in so."
        )
    if target.admin_user:
        return (
            f"The endpoint {target.name} logs in as its administrator {target.admin_user}, for the user of "
            f"{whose}: check both, the administrator's password, and that the server lets the administrator log in so."
        )
    return f"The login name is {whose}: check it, TargetPassword, and that IMAP is allowed for this account."


def _number(count: object, thing: str) -> str:
    return f"1 {thing}" if count == 1 else f"{count:,} {thing}s"
