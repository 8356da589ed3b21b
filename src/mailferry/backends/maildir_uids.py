"""Stable UIDs for the files of a Maildir folder.

Two kinds of table are read: `dovecot-uidlist`, which belongs to Dovecot and is never written, and our own
append-only text file, a header line `mailferry-uids 1 <uidvalidity>` followed by lines `<uid> <unique part>`.
Of two lines with the same unique part the later counts. A line that a crash left unfinished does not count.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mailferry.backends.maildir_names import unique_part
from mailferry.records import dataclass, field

OWN_FILE = "mailferry-uids"
DOVECOT_FILE = "dovecot-uidlist"

_HEADER = b"mailferry-uids 1 "
_LARGEST = 2**32 - 1

Arrival = Callable[[bytes], tuple[int, int, bytes]]
"""Sort key of a unique part: the order in which new files are numbered."""


def default_state_directory() -> Path:
    """Where UIDs of sources are kept that have no table of their own (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "mailferry" / "maildir"


@dataclass(slots=True)
class UidTable:
    """UIDs by unique part, as read from a file."""

    validity: int
    next_uid: int = 1
    uids: dict[bytes, int] = field(default_factory=dict)

    def covers(self, uniques: Iterable[bytes]) -> bool:
        """Whether every one of these has a UID."""
        return all(unique in self.uids for unique in uniques)


def read_own(path: bytes) -> UidTable | None:
    """Read a table of our own; None if there is none."""
    try:
        with open(path, "rb") as file:
            return _parsed_own(file.read())[0]
    except FileNotFoundError:
        return None


def read_dovecot(folder: bytes) -> UidTable | None:
    """Read Dovecot's table of a folder (versions 1 and 3); None if there is none that can be understood."""
    try:
        with open(os.path.join(folder, DOVECOT_FILE.encode()), "rb") as file:
            return _parsed_dovecot(file)
    except (FileNotFoundError, ValueError):
        return None


class Validities:
    """Where UIDVALIDITY values come from: the clock, but each value once. A file remembers the last.

    A folder that is deleted and made again within a second must not get the value that it had.
    """

    def __init__(self, path: bytes, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now

    def draw(self, least: int) -> int:
        """Give a new value, not less than `least`."""
        with _locked(self._path) as file:
            last = os.pread(file, 20, 0).strip()
            value = max(int(self._now()), least, int(last) + 1 if last.isdigit() else 1)
            _write_at(file, b"%10d\n" % value, 0)
            os.fsync(file)
            return value


class UidFile:
    """A table that we write. Safe for several processes and threads: each change is made under `flock`."""

    def __init__(self, path: bytes, validities: Validities) -> None:
        self._path = path
        self._validities = validities
        self._validity = 0
        self._next_uid = 1
        self._size = -1

    def exists(self) -> bool:
        """Whether the table has been made."""
        return os.path.exists(self._path)

    def settle(self, present: Mapping[bytes, object], seed: UidTable | None, arrival: Arrival) -> UidTable:
        """Give a UID to each file present that has none, durably, and return the whole table.

        UIDs from `seed` are taken where they keep the order ascending; other files are numbered by `arrival`.
        """
        with _locked(self._path) as file:
            table = self._load(file, seed.validity + 1 if seed else 1)
            fresh = [unique for unique in present if unique not in table.uids]
            self._append(file, _numbered(fresh, table, seed, arrival))
            return table

    def allocate(self, uniques: list[bytes]) -> range:
        """Give new UIDs to these, durably, also where one has a UID already."""
        with _locked(self._path) as file:
            if os.fstat(file).st_size != self._size:
                self._load(file, 1)
            uids = range(self._next_uid, self._next_uid + len(uniques))
            self._append(file, list(zip(uids, uniques, strict=True)))
            return uids

    def _load(self, file: int, least_validity: int) -> UidTable:
        content = _read_all(file)
        table, valid_bytes = _parsed_own(content)
        if table is None:
            table = UidTable(self._validities.draw(max(least_validity, self._validity + 1)))
            valid_bytes = 0
        if valid_bytes < len(content):
            os.ftruncate(file, valid_bytes)
        if not valid_bytes:
            header = b"%s%d\n" % (_HEADER, table.validity)
            _write_at(file, header, 0)
            os.fsync(file)
            sync_directory(os.path.dirname(self._path))
            valid_bytes = len(header)
        self._validity, self._next_uid, self._size = table.validity, table.next_uid, valid_bytes
        return table

    def _append(self, file: int, lines: list[tuple[int, bytes]]) -> None:
        if not lines:
            return
        data = b"".join(b"%d %s\n" % line for line in lines)
        _write_at(file, data, self._size)
        os.fsync(file)
        self._size += len(data)
        self._next_uid = max(self._next_uid, lines[-1][0] + 1)


@contextmanager
def _locked(path: bytes) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _numbered(fresh: list[bytes], table: UidTable, seed: UidTable | None, arrival: Arrival) -> list[tuple[int, bytes]]:
    seeds = seed.uids if seed else {}
    known = sorted((seeds[unique], unique) for unique in fresh if seeds.get(unique, 0) >= table.next_uid)
    lines: list[tuple[int, bytes]] = []
    for uid, unique in known:
        if uid >= table.next_uid:
            lines.append((uid, unique))
            table.uids[unique] = uid
            table.next_uid = uid + 1
    for unique in sorted((unique for unique in fresh if unique not in table.uids), key=arrival):
        lines.append((table.next_uid, unique))
        table.uids[unique] = table.next_uid
        table.next_uid += 1
    return lines


def _parsed_own(content: bytes) -> tuple[UidTable | None, int]:
    """The table, and how many bytes of the content count."""
    valid_bytes = content.rfind(b"\n") + 1
    lines = content[:valid_bytes].split(b"\n")
    if not lines[0].startswith(_HEADER) or not lines[0][len(_HEADER) :].isdigit():
        return None, 0
    table = UidTable(int(lines[0][len(_HEADER) :]))
    largest = 0
    for line in lines[1:-1]:
        uid, _, unique = line.partition(b" ")
        # Power loss may leave blocks of NULs; such a line names no file.
        if uid.isdigit() and unique:
            table.uids[unique] = int(uid)
            largest = max(largest, int(uid))
    table.next_uid = largest + 1
    return table, valid_bytes


def _parsed_dovecot(lines: Iterable[bytes]) -> UidTable | None:
    lines = iter(lines)
    header = next(lines, b"").split()
    if header[:1] == [b"3"]:
        fields = {item[:1]: item[1:] for item in header[1:]}
        table = UidTable(int(fields.get(b"V", b"0")), int(fields.get(b"N", b"1")))
        mark = b":"
    elif header[:1] == [b"1"] and len(header) == 3:
        table = UidTable(int(header[1]), int(header[2]))
        mark = b""
    else:
        return None
    for line in lines:
        uid_text, _, rest = line.rstrip(b"\n").partition(b" ")
        # Version 3: `<uid> [<key><value> ...] :<name>`; version 1: `<uid> <name>`.
        name = (b" " + rest).partition(b" " + mark)[2]
        if not line.endswith(b"\n") or not uid_text.isdigit() or not name or not 0 < int(uid_text) < _LARGEST:
            continue
        table.uids[unique_part(name)] = int(uid_text)
        table.next_uid = max(table.next_uid, int(uid_text) + 1)
    return table if table.validity else None


def _read_all(file: int) -> bytes:
    pieces: list[bytes] = []
    offset = 0
    while piece := os.pread(file, 1 << 20, offset):
        pieces.append(piece)
        offset += len(piece)
    return b"".join(pieces)


def _write_at(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def sync_directory(path: bytes) -> None:
    """Make the names in a directory durable."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
