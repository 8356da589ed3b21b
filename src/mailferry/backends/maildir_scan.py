"""What one folder holds at a moment: its files by UID. Blocking; called in threads."""

from __future__ import annotations

import errno
import os
import stat
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable

from mailferry.backends.base import FolderStatus, UidRange
from mailferry.backends.maildir_names import arrival, unique_part
from mailferry.backends.maildir_uids import OWN_FILE, UidFile, UidTable, read_dovecot, read_own
from mailferry.errors import (
    CommandFailed,
    FolderGone,
    LedgerUnwritable,
    MailferryError,
    OverQuota,
    ReadOnly,
    Side,
)

_NO_FOLDER = (errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_NO_SPACE = "Free space on the disk or raise the quota, then start the user again, or run the same command again."
_NO_RIGHT = (
    "Give the account that runs Mailferry the right to write there (chown, chmod), then start the user again, or run "
    "the same command again."
)
_IN_THE_WAY = (
    "Move away what stands in the place of the folder, then start the user again, or run the same command again."
)

SCANS = 3
"""How often a directory that changes while it is read is read again."""

Uids = Callable[[bytes, dict[bytes, bytes]], UidTable]
"""The table for a folder (a directory) and its files (unique part to path): every file has a UID in it."""


class Snapshot:
    """The messages of a folder in ascending order of UID.

    Names are kept in one block of bytes: 500,000 messages take 38 MiB. Making it takes six times that for a moment.
    """

    def __init__(self, table: UidTable, files: dict[bytes, bytes]) -> None:
        order = sorted((table.uids[unique], path) for unique, path in files.items())
        self.status = FolderStatus(table.validity, table.next_uid, len(order))
        self.uids = array("I", (uid for uid, _ in order))
        self._names = b"".join(path for _, path in order)
        self._ends = array("Q", [0])
        end = 0
        for _, path in order:
            end += len(path)
            self._ends.append(end)

    def name(self, index: int) -> bytes:
        """Path of a file, relative to the folder: `cur/...` or `new/...`."""
        return self._names[self._ends[index] : self._ends[index + 1]]

    def indexes(self, ranges: Iterable[UidRange]) -> Iterable[int]:
        """Positions of the messages in these ranges, in order."""
        for first, last in ranges:
            yield from range(bisect_left(self.uids, first), bisect_left(self.uids, last + 1))


def take_snapshot(folder: bytes, uids: Uids) -> Snapshot:
    """Read the folder's directories once and number what is new. Raises FolderGone, OSError."""
    files = scan(folder)
    return Snapshot(uids(folder, files), files)


def scan(folder: bytes) -> dict[bytes, bytes]:
    """List the message files, by unique part. Raises FolderGone.

    A file that is renamed meanwhile can be missed or seen twice (POSIX leaves that open); so a directory
    that changed is read again, and if it never stands still, everything seen counts: who reads a file
    that is not there looks again.
    """
    if not is_folder(folder):
        raise FolderGone(os.fsdecode(folder))
    seen: dict[bytes, bytes] = {}
    for _ in range(SCANS):
        before = _changed_at(folder)
        found = _scan_once(folder)
        if _changed_at(folder) == before:
            return found
        seen.update(found)
    return seen


def is_folder(folder: bytes) -> bool:
    """Whether this is a directory with `cur` in it, neither being a symbolic link."""
    try:
        return all(stat.S_ISDIR(os.lstat(path).st_mode) for path in (folder, os.path.join(folder, b"cur")))
    except OSError:
        return False


def target_uids(file: Callable[[bytes], UidFile]) -> Uids:
    """UIDs of a target that we write: the table in its folder decides."""

    def settle(folder: bytes, files: dict[bytes, bytes]) -> UidTable:
        try:
            return file(folder).settle(files, read_dovecot(folder), arrival_in(folder, files))
        except OSError as error:
            raise disk_error(error, folder, Side.TARGET) from error

    return settle


def source_uids(sidecar: Callable[[bytes], UidFile]) -> Uids:
    """UIDs of a source, which is never written to.

    While Dovecot's table (or one of ours, in a Maildir that we once wrote) knows every file, its UIDs and
    UIDVALIDITY hold. Once it does not, a sidecar file takes over for good, under another UIDVALIDITY: numbers that
    we give and those that Dovecot gives later must never mean the same message.
    """

    def settle(folder: bytes, files: dict[bytes, bytes]) -> UidTable:
        seeds = [table for table in (read_own(own_path(folder)), read_dovecot(folder)) if table]
        try:
            own = sidecar(folder)
            if not own.exists():
                for table in seeds:
                    if table.covers(files):
                        return table
            return own.settle(files, seeds[0] if seeds else None, arrival_in(folder, files))
        except OSError as error:
            raise LedgerUnwritable(f"{os.fsdecode(error.filename or b'')}: {error.strerror}") from error

    return settle


def disk_error(error: OSError, folder: bytes, side: Side) -> MailferryError:
    """Say in our own terms what the disk refused."""
    path = os.fsdecode(os.path.join(folder, os.fsencode(error.filename))) if error.filename else os.fsdecode(folder)
    text = f"{path}: {error.strerror or error}."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OverQuota(text, side=side, advice=_NO_SPACE)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ReadOnly(text, side=side, advice=_NO_RIGHT)
    if error.errno in _NO_FOLDER:
        return ReadOnly(f"{text} A folder belongs there.", side=side, advice=_IN_THE_WAY)
    return CommandFailed(text, side=side, advice="The system's own words say why; the disk may need attention.")


def own_path(folder: bytes) -> bytes:
    """Where the UIDs of a target folder are kept. Dovecot ignores the file."""
    return os.path.join(folder, OWN_FILE.encode())


def arrival_in(folder: bytes, files: dict[bytes, bytes]) -> Callable[[bytes], tuple[int, int, bytes]]:
    """The order in which files are numbered: the moment in the name, else that of the file."""

    def key(unique: bytes) -> tuple[int, int, bytes]:
        told = arrival(unique)
        if told is None:
            try:
                told = (int(os.lstat(os.path.join(folder, files[unique])).st_mtime), 0)
            except OSError:
                told = (0, 0)
        return (*told, unique)

    return key


def _scan_once(folder: bytes) -> dict[bytes, bytes]:
    # `new` first: a message that moves to `cur` meanwhile is seen twice, not missed.
    files: dict[bytes, bytes] = {}
    for name in (b"new", b"cur"):
        try:
            with os.scandir(os.path.join(folder, name)) as entries:
                for entry in entries:
                    if not entry.name.startswith(b".") and not entry.is_symlink() and not entry.is_dir():
                        _add(files, name, entry.name)
        except (FileNotFoundError, NotADirectoryError) as error:
            if name == b"cur":
                raise FolderGone(os.fsdecode(folder)) from error
    return files


def _add(files: dict[bytes, bytes], directory: bytes, name: bytes) -> None:
    unique = unique_part(name)
    other = files.get(unique)
    if other is not None and _base(other) != name.partition(b":")[0]:
        # Two files that differ in their sizes only; no delivery program makes them, but both are mail.
        unique = name.partition(b":")[0].replace(b"\n", b"/n")
    files[unique] = directory + b"/" + name


def _base(path: bytes) -> bytes:
    return path[4:].partition(b":")[0]


def _changed_at(folder: bytes) -> list[int]:
    times: list[int] = []
    for name in (b"new", b"cur"):
        try:
            times.append(os.stat(os.path.join(folder, name)).st_mtime_ns)
        except OSError:
            times.append(0)
    return times
