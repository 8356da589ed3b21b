"""Writing into one folder: files into `tmp`, then all of a chunk into `cur`. Blocking; called in threads.

A message's name follows from its source, so a message that is there already is never written twice, whatever
crashed before. Steps of a chunk, each durable before the next: the files; their UIDs; the new names.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable, Sequence

from mailferry.backends.base import Outcome
from mailferry.backends.maildir_bytes import bare_line_feeds
from mailferry.backends.maildir_keywords import FILE, Keywords, add_keywords, drop_stale_lock, read_keywords
from mailferry.backends.maildir_names import own_source, own_unique
from mailferry.backends.maildir_scan import arrival_in, scan
from mailferry.backends.maildir_slots import Slot, Sources, outcome_of
from mailferry.backends.maildir_uids import UidFile, read_dovecot
from mailferry.errors import FolderGone

TMP_SUFFIX = ".mailferry"

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class FolderWriter:
    """One folder of the target, open for writing. One at a time per folder; the mailbox is locked."""

    def __init__(self, folder: bytes, uid_file: UidFile, keyword_lock: threading.Lock) -> None:
        self.folder = folder
        self.chunks = 0  # kept by the lane: chunks that are not over
        self._uid_file = uid_file
        self._keyword_lock = keyword_lock
        self._keywords = Keywords({})
        self._keywords_state: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._sources: dict[str, Sources] = {}
        self._tmp = self._cur = -1
        self._loaded = False

    def write(self, slots: Sequence[Slot]) -> None:
        """Write complete messages to `tmp` and make them durable; what fails is noted in the slot."""
        self._find(slots)
        fresh = [slot for slot in slots if not slot.found and slot.error is None]
        for slot in fresh:
            try:
                file = os.open(slot.tmp, _CREATE, 0o600, dir_fd=self._tmp)
                try:
                    _write_all(file, slot.data)
                    os.utime(file, ns=(slot.date * 1_000_000_000,) * 2)
                finally:
                    os.close(file)
                slot.size, slot.bare = len(slot.data), bare_line_feeds(slot.data)
            except OSError as error:
                self._failed(slot, error)
            slot.data = b""
        # Written first, then synchronised: one commit of the journal serves many files. Reopened, because
        # a lane would otherwise hold a hundred files open.
        for slot in fresh:
            if slot.error is None:
                try:
                    file = os.open(slot.tmp, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._tmp)
                    try:
                        os.fsync(file)
                    finally:
                        os.close(file)
                except OSError as error:
                    self._failed(slot, error)

    def begin(self, slot: Slot) -> None:
        """Open the file of a message that comes in pieces."""
        self._find([slot])
        if not slot.found and slot.error is None:
            try:
                slot.file = os.open(slot.tmp, _CREATE, 0o600, dir_fd=self._tmp)
            except OSError as error:
                self._failed(slot, error)

    def extend(self, slot: Slot, pieces: Iterable[bytes], bare: int, *, last: bool) -> None:
        """Write the next pieces; after the last one make the file durable. `bare`: their bare line feeds."""
        if slot.file < 0:
            return
        try:
            for piece in pieces:
                _write_all(slot.file, piece)
                slot.size += len(piece)
            slot.bare += bare
            if last:
                os.utime(slot.file, ns=(slot.date * 1_000_000_000,) * 2)
                os.fsync(slot.file)
                self._close_file(slot)
        except OSError as error:
            self._failed(slot, error)

    def commit(self, slots: Sequence[Slot]) -> list[Outcome | None]:
        """Move the chunk into `cur`; one outcome a slot, None where the disk leaves it open."""
        self._find([slot for slot in slots if slot.error is None and not slot.found])
        moved: list[Slot] = []
        try:
            fresh = self._first_of_each(slots)
            if fresh:
                self._move(fresh, moved)
        except OSError as error:
            for slot in slots:
                if not slot.found and slot not in moved and slot.error is None:
                    slot.error = error
        self._find([slot for slot in slots if slot.error is None and not slot.found])  # twice in one chunk
        outcomes: list[Outcome | None] = [outcome_of(slot, self.folder) for slot in slots]
        self.discard(slots)
        if moved and not self._sync_cur():
            doubtful = set(map(id, moved))
            outcomes = [None if id(slot) in doubtful else out for slot, out in zip(slots, outcomes, strict=True)]
        return outcomes

    def discard(self, slots: Iterable[Slot]) -> None:
        """Remove what is left in `tmp` of these messages."""
        for slot in slots:
            self._close_file(slot)
            self._unlink(slot)

    def forget(self) -> None:
        """Note that files were removed: look at the folder anew before the next message."""
        with self._lock:
            self._loaded = False

    def close(self) -> None:
        """Let the directories go. No chunk may be under way."""
        with self._lock:
            self._close()

    def _find(self, slots: Sequence[Slot]) -> None:
        """Open the folder if need be, and note which of these messages are in it."""
        with self._lock:
            try:
                self._open()
            except (OSError, FolderGone) as error:
                error = error if isinstance(error, OSError) else FileNotFoundError(errno.ENOENT, "no such folder")
                for slot in slots:
                    slot.error = error
                return
            for slot in slots:
                sources = self._sources.get(slot.stamp)
                slot.found = sources.find(slot.uid) if sources else 0

    def _open(self) -> None:
        if self._cur < 0:
            if self._tmp < 0:
                self._tmp = _open_directory(os.path.join(self.folder, b"tmp"))
            self._remove_stale()
            self._cur = _open_directory(os.path.join(self.folder, b"cur"))
        if not self._loaded:
            self._load()
            self._loaded = True

    def _remove_stale(self) -> None:
        """Remove what a crash left; nobody else writes here, for the mailbox is locked."""
        with self._keyword_lock:
            drop_stale_lock(self.folder)
        for name in os.listdir(self._tmp):
            if name.endswith(TMP_SUFFIX):
                os.unlink(name, dir_fd=self._tmp)

    def _load(self) -> None:
        files = scan(self.folder)
        table = self._uid_file.settle(files, read_dovecot(self.folder), arrival_in(self.folder, files))
        found: dict[str, list[tuple[int, int]]] = {}
        for unique in files:
            own = own_source(unique)
            if own:
                found.setdefault(own[0].decode("ascii"), []).append((own[1], table.uids[unique]))
        self._sources = {stamp: Sources(pairs) for stamp, pairs in found.items()}

    def _close(self) -> None:
        self._sources, self._loaded = {}, False
        for file in (self._tmp, self._cur):
            if file >= 0:
                os.close(file)
        self._tmp = self._cur = -1

    def _move(self, slots: Sequence[Slot], moved: list[Slot]) -> None:
        keywords = self._keywords_for(slots)
        uniques = [own_unique(slot.date, slot.uid, slot.stamp) for slot in slots]
        uids = self._uid_file.allocate([unique.encode("ascii") for unique in uniques])
        for slot, unique, uid in zip(slots, uniques, uids, strict=True):
            letters = keywords.letters(slot.flags).decode("ascii")
            name = f"{unique},S={slot.size},W={slot.size + slot.bare}:2,{letters}"
            with self._lock:
                try:
                    os.rename(slot.tmp, name, src_dir_fd=self._tmp, dst_dir_fd=self._cur)
                except OSError as error:
                    self._failed(slot, error)
                    continue
                slot.found, slot.tmp = uid, ""
                self._sources.setdefault(slot.stamp, Sources([])).add(slot.uid, uid)
            moved.append(slot)

    def _keywords_for(self, slots: Sequence[Slot]) -> Keywords:
        """The keyword table with a letter for each keyword that can have one."""
        flags = {flag for flags in {slot.flags for slot in slots} for flag in flags}
        with self._keyword_lock:
            state = _state(os.path.join(self.folder, FILE.encode()))
            if state != self._keywords_state:
                self._keywords, self._keywords_state = read_keywords(self.folder), state
            if self._keywords.missing(flags):
                self._keywords = add_keywords(self.folder, flags)
                self._keywords_state = _state(os.path.join(self.folder, FILE.encode()))
            return self._keywords

    def _first_of_each(self, slots: Sequence[Slot]) -> list[Slot]:
        first: dict[tuple[str, int], Slot] = {}
        for slot in slots:
            if not slot.found and slot.error is None:
                first.setdefault((slot.stamp, slot.uid), slot)
        return list(first.values())

    def _sync_cur(self) -> bool:
        try:
            os.fsync(self._cur)
        except OSError:
            return False
        return True

    def _failed(self, slot: Slot, error: OSError) -> None:
        slot.error = error
        self._close_file(slot)
        self._unlink(slot)

    def _close_file(self, slot: Slot) -> None:
        if slot.file >= 0:
            file, slot.file = slot.file, -1
            os.close(file)

    def _unlink(self, slot: Slot) -> None:
        if slot.tmp and self._tmp >= 0:
            try:
                os.unlink(slot.tmp, dir_fd=self._tmp)
            except OSError:
                pass  # not made, or removed when the folder is opened next
            slot.tmp = ""


def _open_directory(path: bytes) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)


def _state(path: bytes) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return (0, 0)
    return (found.st_ino, found.st_mtime_ns)


def _write_all(file: int, data: bytes) -> None:
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, memoryview(data)[written:])
