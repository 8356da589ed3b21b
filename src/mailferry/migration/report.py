"""Reports: what happened to one user, to read; and what became of each user of a batch, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mailferry.migration.model import Durations, ReportLine, SkippedItem, User
from mailferry.migration.states import SUMMARY
from mailferry.migration.statistics import user_percentage

COLUMNS = (
    "EmailAddress",
    "UserName",
    "UserRoot",
    "Batch",
    "Status",
    "StatusSummary",
    "ItemsFound",
    "ItemsSynced",
    "ItemsSkipped",
    "BytesSynced",
    "PercentageComplete",
    "DataConsistencyScore",
    "InitialSyncTime",
    "LastSuccessfulSyncTime",
    "CompletedTime",
    "ErrorCode",
    "ErrorSide",
    "ErrorMessage",
    "Advice",
)
"""The columns of a batch's report."""

_UNITS = ("KB", "MB", "GB", "TB")


def moment(at: float | None) -> str:
    """Give a moment as RFC 3339 writes it, in UTC to the second; '' for none."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def size(count: int) -> str:
    """Give a size as the service prints it: `1.5 GB (1,610,612,736 bytes)`."""
    exact = f"{count:,} bytes"
    if count < 1024:
        return f"{count} B ({exact})"
    power = min((count.bit_length() - 1) // 10, len(_UNITS))
    return f"{count / 1024**power:.4g} {_UNITS[power - 1]} ({exact})"


def span(seconds: float) -> str:
    """Give a duration as `1.02:03:04` (days, hours, minutes, seconds), the days only if there are any."""
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}.{clock}" if days else clock


def row(user: User) -> tuple[str, ...]:
    """Give one line of a batch's report."""
    progress, failure = user.progress, user.failure
    return (
        user.email_address,
        user.user_name,
        user.user_root,
        user.batch,
        user.status.value,
        SUMMARY[user.status].value,
        str(progress.found),
        str(progress.synced),
        str(progress.skipped),
        str(progress.bytes_synced),
        str(user_percentage(user)),
        user.consistency,
        moment(user.initial_synced_at),
        moment(user.last_synced_at),
        moment(user.completed_at),
        failure.code,
        failure.side,
        failure.text,
        failure.advice,
    )


def text(user: User, durations: Durations, lines: Sequence[ReportLine], skipped: Sequence[SkippedItem]) -> str:
    """Give the report of one user: where it stands, what was not copied, what happened."""
    progress = user.progress
    head = [
        ("Mailbox", user.email_address),
        ("Batch", user.batch),
        ("Status", user.status.value),
        ("Items", f"{progress.synced:,} of {progress.found:,} synced, {progress.skipped:,} not copied"),
        ("Data", size(progress.bytes_synced)),
        ("Data consistency", user.consistency or "not known yet"),
        ("Last successful sync", moment(user.last_synced_at) or "none yet"),
        ("Queued", span(durations.queued)),
        ("In progress", span(durations.in_progress)),
        ("Synced", span(durations.synced)),
        ("Stalled", span(durations.stalled)),
    ]
    if user.failure:
        head += [("Error", user.failure.text), ("What to do", user.failure.advice)]
    width = max(len(name) for name, _ in head)
    out = [f"{name:<{width}}  {one_line(value)}" for name, value in head]
    if skipped:
        out += ["", "Not copied as they were"]
        out += [f"  {_skipped(item)}" for item in skipped]
    out += ["", "What happened"]
    out += [f"  {moment(line.at)}  {line.level:<7}  {one_line(line.text)}" for line in lines]
    return "\n".join(out) + "\n"


def sentence(value: str) -> str:
    """End text of others with a full stop, unless it ends already."""
    text = value.rstrip()
    return text if not text or text[-1] in ".!?:;…" else f"{text}."


def one_line(value: str) -> str:
    """Put text of servers and messages on one line that shows all it holds."""
    return "".join(c if c.isprintable() else " " for c in value).strip()


def _skipped(item: SkippedItem) -> str:
    when = moment(item.date)[:10] or "no date"
    what = item.subject or item.message_id or f"UID {item.uid}"
    why = f"{item.kind}: {item.reason or item.code}".rstrip(": ")
    return one_line(f"{item.folder}, {when}, {what!r}, {item.size_bytes:,} bytes: {why}")
