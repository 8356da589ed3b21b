"""Messages on their way into a Maildir folder, what is known of those that arrived, and verdicts."""

from __future__ import annotations

import errno
import os
from array import array
from bisect import bisect_left

from mailferry.backends.base import Flags, Outcome, OutcomeKind

EARLIEST, LATEST = -(2**31), 2**34 - 1
"""The dates that common file systems keep (ext4, XFS with big times)."""

_CODES = {
    errno.ENOSPC: "OVERQUOTA",
    errno.EDQUOT: "OVERQUOTA",
    errno.EACCES: "NOPERM",
    errno.EPERM: "NOPERM",
    errno.EROFS: "NOPERM",
    errno.ENOTDIR: "NOPERM",
    errno.ELOOP: "NOPERM",
    errno.EFBIG: "LIMIT",
}


class Slot:
    """One message on its way: its data until it is written, then what is known of its file."""

    __slots__ = ("bare", "data", "date", "error", "file", "flags", "found", "size", "stamp", "tmp", "uid")

    def __init__(self, source: tuple[str, int], flags: Flags, date: int, data: bytes, tmp: str) -> None:
        self.stamp, self.uid = source
        self.flags = flags
        self.date = min(max(date, EARLIEST), LATEST)
        self.data = data
        self.tmp = tmp
        self.size = 0
        self.bare = 0
        self.found = 0  # its UID on the target, if it was there already
        self.error: OSError | None = None
        self.file = -1  # open while a message arrives in pieces


class Sources:
    """UIDs of one source folder that are here, and their UIDs here: 8 bytes a message."""

    def __init__(self, pairs: list[tuple[int, int]]) -> None:
        pairs.sort()
        self._source = array("I", (source for source, _ in pairs))
        self._target = array("I", (target for _, target in pairs))

    def find(self, source: int) -> int:
        """The UID of the copy of this source message; 0 if there is none."""
        at = bisect_left(self._source, source)
        return self._target[at] if at < len(self._source) and self._source[at] == source else 0

    def add(self, source: int, target: int) -> None:
        """Note a copy that is new."""
        # Mail comes in ascending order of UID, so this nearly always appends.
        at = bisect_left(self._source, source)
        self._source.insert(at, source)
        self._target.insert(at, target)


def outcome_of(slot: Slot, folder: bytes) -> Outcome:
    """The verdict on a message whose chunk was committed. `folder`: where it was to go, for the words."""
    if slot.found:
        return Outcome(OutcomeKind.STORED, slot.found)
    error = slot.error or OSError(errno.EEXIST, "twice in one chunk")
    text = f"{os.fsdecode(folder)}: {error.strerror or error}"
    code = _CODES.get(error.errno or 0, "")
    if code:
        return Outcome(OutcomeKind.REFUSED, code=code, text=text)
    return Outcome(OutcomeKind.UNSENT, code="TRYCREATE" if error.errno == errno.ENOENT else "UNAVAILABLE", text=text)
