"""Messages that were left out before, and are tried once more in a new pass."""

from __future__ import annotations

from collections.abc import Iterable

from mailferry.backends.base import Target
from mailferry.sync.ledger import ExceptionKind, ExceptionRow
from mailferry.sync.options import Options


def message_limit(target: Target, options: Options) -> int:
    """The largest message that is sent, in bytes: the user's limit, or the target's own if that is smaller."""
    theirs = target.features.max_message_bytes
    return min(options.max_message_bytes, theirs) if theirs else options.max_message_bytes


def again(exceptions: Iterable[ExceptionRow], limit_bytes: int) -> dict[int, set[tuple[int, int]]]:
    """Give (UID, UIDVALIDITY) by folder of what was refused, and of what was too large for a limit raised since.

    What broke the connection each time is left alone.
    """
    found: dict[int, set[tuple[int, int]]] = {}
    for row in exceptions:
        if row.kind == ExceptionKind.SKIPPED and (row.code != "too-large" or row.size_bytes <= limit_bytes):
            found.setdefault(row.folder_id, set()).add((row.uid, row.source_uid_validity))
    return found
