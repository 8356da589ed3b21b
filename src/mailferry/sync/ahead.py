"""What a new mailbox will be read with first, told before its folders are made: the bodies come with their answers."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.backends.base import Features, FetchJob, Listed
from mailferry.sync.names import FolderMap
from mailferry.sync.options import Options
from mailferry.sync.plan import LAST_UID, windows


def first_job(folder_map: FolderMap, there: Sequence[Listed], target: Features, options: Options) -> FetchJob | None:
    """Say what the copy of a mailbox without any row begins with.

    None where more must be looked at before, or where how much is read at a time depends on how many connections the
    target will allow.
    """
    full = [entry for entry in folder_map.entries if entry.source.status is None or entry.source.status.messages]
    if not full or not options.received.is_open:
        return None
    if not target.one_lane and min(len(full), options.lanes) > 1:
        return None
    first, status = full[0], full[0].source.status
    if status is None or sum(e.source.status.messages if e.source.status else 0 for e in full) > options.max_items:
        return None
    targets = {entry.target for entry in full}
    if any(folder.path in targets and (folder.status is None or folder.status.messages) for folder in there):
        return None  # what the target holds is matched first
    ranges = next(windows([(1, LAST_UID)], status, newest_first=options.newest_first, whole=True))
    return FetchJob(first.source.path, ranges)
