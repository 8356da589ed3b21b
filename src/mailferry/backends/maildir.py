"""Maildir++ as source and as target, laid out as Dovecot's `maildir:` reads and writes it.

Line ends. A message is stored with exactly the bytes that came. Dovecot serves a file with CRLF line ends as it is,
but adds a CR to every LF that has none, and shows NUL as 0x80; so a message with a bare LF differs when read through
Dovecot, while this backend reads its own files, known by their names, unchanged. Files of other programs are read as a
server would serve them.

Flags. Dovecot keeps 26 keywords a folder; a further one is lost, and `permanent_flags` says so beforehand.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import ParamSpec, TypeVar

from mailferry.backends.base import (
    Created,
    Features,
    FetchJob,
    FlagChange,
    Flags,
    FolderPath,
    FolderStatus,
    Identify,
    Item,
    Listed,
    Listing,
    SpecialUse,
    Want,
)
from mailferry.backends.maildir_changes import change_flags, permanent_flags, remove_messages
from mailferry.backends.maildir_folders import Tree, checked_source, lock_mailbox, prepared_target
from mailferry.backends.maildir_keywords import read_keywords
from mailferry.backends.maildir_lane import MaildirLane
from mailferry.backends.maildir_names import raw_name_of
from mailferry.backends.maildir_scan import Uids, disk_error, own_path, source_uids, take_snapshot, target_uids
from mailferry.backends.maildir_stream import BodyStream, FolderView, list_messages
from mailferry.backends.maildir_uids import UidFile, Validities, default_state_directory
from mailferry.backends.maildir_write import FolderWriter
from mailferry.errors import CommandFailed, FolderGone, RootNotFound, Side

THREADS = 8
"""Disk operations in flight for one mailbox."""

OPEN_FOLDERS = 8
"""Folders kept open for writing, so that several lanes do not open them again for each chunk."""

VALIDITY_FILE = b"mailferry-uidvalidity"

FEATURES = Features(
    name="Maildir",
    reports_new_ids=True,
    delimiter=".",
    forbidden_characters="/",
    forbidden_first="~",
    path_bytes=250,  # one directory name holds all parts; some room is left for its dot and a numbered twin
    idempotent_names=True,
    one_lane=True,
    uid_expunge=True,
    settle_seconds=0.0,
)

Clock = Callable[[], float]
_P = ParamSpec("_P")
_T = TypeVar("_T")


class MaildirReader:
    """A Maildir++ that is read and never written to."""

    features: Features = FEATURES

    def __init__(self, root: bytes, uids: Uids) -> None:
        self.key = f"maildir://{os.fsdecode(root)}"
        self._tree = Tree(root)
        self._uids = uids
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="maildir")

    async def list_folders(self, *, status: bool = True) -> list[Listed]:
        """List the folders; those without mail of their own are not selectable."""
        return await self._run(self._list, status)

    def expect(self, job: FetchJob) -> None:
        """Nothing: there is no server to be asked."""

    async def keywords(self, paths: Sequence[FolderPath]) -> Flags:
        """Not told: no reader has a use for it."""
        return frozenset()

    async def status(self, paths: Sequence[FolderPath]) -> list[FolderStatus | None]:
        """Counts now; None where a folder is gone."""
        return await self._run(lambda: [self._status(path) for path in paths])

    async def listing(
        self,
        path: FolderPath,
        want: Want,
        *,
        first_uid: int = 1,
        also: Sequence[int] = (),
        identify: Identify | None = None,
        changed_since: int = 0,
    ) -> Listing:
        """List messages. There are no mod-sequences here, so `changed_since` narrows nothing."""
        view = await self._run(self._view, path)
        ranges = [*((uid, uid) for uid in also), (first_uid, 2**32 - 1)]
        return await list_messages(self._executor, view, want, ranges, identify)

    def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """Read bodies; dates have no zone (it is always 0)."""
        return BodyStream(self._executor, self._view, jobs).batches()

    async def close(self) -> None:
        """Let the threads end."""
        await asyncio.to_thread(self._executor.shutdown)

    async def _run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))

    def _list(self, status: bool) -> list[Listed]:
        try:
            subscribed, folders = self._tree.subscribed(), self._tree.read()
        except OSError as error:
            raise RootNotFound(f"{os.fsdecode(self._tree.root)}: {error.strerror}") from error
        return [
            Listed(
                path=path,
                raw_name=raw_name_of(name),
                selectable=has_mail,
                subscribed=raw_name_of(name) in subscribed,
                status=self._status(path) if status and has_mail else None,
            )
            for path, name, has_mail in folders
        ]

    def _status(self, path: FolderPath) -> FolderStatus | None:
        try:
            return take_snapshot(self._directory(path), self._uids).status
        except (FolderGone, OSError):
            return None

    def _view(self, path: FolderPath) -> FolderView:
        try:
            return FolderView(self._directory(path), self._uids)
        except OSError as error:
            raise CommandFailed(f"{path}: {error.strerror}") from error

    def _directory(self, path: FolderPath) -> bytes:
        try:
            return self._tree.directory(path)
        except ValueError as error:
            raise FolderGone(str(path)) from error


class MaildirTarget(MaildirReader):
    """A Maildir++ that we write. While a lane is open, no other process can open one."""

    def __init__(self, root: bytes, uid_file: Callable[[bytes], UidFile]) -> None:
        super().__init__(root, target_uids(uid_file))
        self._uid_file = uid_file
        self._lock = -1
        self._keyword_lock = threading.Lock()
        self._writers: dict[FolderPath, FolderWriter] = {}
        self._lanes: list[MaildirLane] = []

    async def create_folders(
        self, folders: Sequence[tuple[FolderPath, SpecialUse | None]], *, then: Sequence[FolderPath] = ()
    ) -> list[Created]:
        """Make folders. A Maildir has no place for the special use."""
        return await self._run(lambda: [self._create(path) for path, _ in folders])

    async def subscribe(self, paths: Sequence[FolderPath]) -> None:
        """Subscribe to folders; names that cannot be stored are passed over."""
        await self._write(lambda: self._subscribe(paths))

    async def permanent_flags(self, path: FolderPath) -> tuple[Flags, bool]:
        """The system flags, `$Forwarded`, the keywords there are; and whether one of the 26 is free."""
        return await self._run(lambda: permanent_flags(read_keywords(self._directory(path))))

    def expect_keywords(self, path: FolderPath, keywords: Flags) -> None:
        """Nothing to prepare."""

    async def open_lane(self) -> MaildirLane:
        """Open a writer. Two lanes must not write to the same folder at the same time.

        The first one locks the mailbox until the last is closed. Raises AlreadyRunning, ReadOnly.
        """
        if self._lock < 0:
            self._lock = lock_mailbox(self._tree.root)
        lane = MaildirLane(self._executor, self._acquire, self._release, self._lane_closed)
        self._lanes.append(lane)
        return lane

    async def change_flags(self, path: FolderPath, changes: Sequence[FlagChange]) -> None:
        """Change flags by renaming; messages that are gone are passed over."""
        view = await self._run(self._view, path)
        await self._write(lambda: change_flags(view, changes, self._keyword_lock))

    async def remove(self, path: FolderPath, uids: Sequence[int]) -> None:
        """Remove the files of these messages, durably."""
        view = await self._run(self._view, path)
        await self._write(lambda: remove_messages(view, uids))
        if path in self._writers:
            self._writers[path].forget()

    async def close(self) -> None:
        """End the lanes, which unlocks, then the threads."""
        for lane in list(self._lanes):
            await lane.close()
        await super().close()

    def _create(self, path: FolderPath) -> Created:
        try:
            raw_name, made = self._tree.make(path)
        except ValueError as error:
            return Created(path, error=str(error))
        except OSError as error:
            return Created(path, error=disk_error(error, self._tree.root, Side.TARGET).detail)
        return Created(path, raw_name, made)

    def _subscribe(self, paths: Sequence[FolderPath]) -> None:
        possible = []
        for path in paths:
            try:
                self._tree.directory(path)
            except ValueError:
                continue
            possible.append(path)
        self._tree.subscribe(possible)

    async def _write(self, function: Callable[[], None]) -> None:
        try:
            await self._run(function)
        except OSError as error:
            raise disk_error(error, self._tree.root, Side.TARGET) from error

    def _lane_closed(self, lane: MaildirLane) -> None:
        if lane not in self._lanes:
            return
        self._lanes.remove(lane)
        if not self._lanes:
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()
            lock, self._lock = self._lock, -1
            os.close(lock)

    def _acquire(self, path: FolderPath) -> FolderWriter:
        writer = self._writers.pop(path, None)
        if writer is None:
            folder = self._directory(path)
            writer = FolderWriter(folder, self._uid_file(folder), self._keyword_lock)
        self._writers[path] = writer
        writer.chunks += 1
        idle = [other for other in self._writers if not self._writers[other].chunks]
        for other in idle[: max(0, len(self._writers) - OPEN_FOLDERS)]:
            self._writers.pop(other).close()
        return writer

    def _release(self, path: FolderPath, writer: FolderWriter) -> None:
        # Kept open, for the next chunk mostly goes to the same folder.
        writer.chunks -= 1


async def open_reader(path: Path, *, state_directory: Path | None = None, now: Clock = time.time) -> MaildirReader:
    """Open a Maildir++ as a source; nothing is written into it.

    `state_directory` is for tables of UIDs (default: the user's state directory). Raises RootNotFound.
    """
    root = await asyncio.to_thread(checked_source, path)
    state = os.fsencode(state_directory or default_state_directory())

    def sidecar(folder: bytes) -> UidFile:
        box = os.path.join(state, blake2b(root, digest_size=16).hexdigest().encode())
        os.makedirs(box, 0o700, exist_ok=True)
        name = blake2b(folder, digest_size=16).hexdigest().encode() + b".uids"
        return UidFile(os.path.join(box, name), Validities(os.path.join(box, VALIDITY_FILE), now))

    return MaildirReader(root, source_uids(sidecar))


async def open_target(path: Path, *, now: Clock = time.time) -> MaildirTarget:
    """Open a Maildir++ as a target; make it if it is not there.

    Raises ReadOnly, OverQuota or CommandFailed if it cannot be made.
    """
    root = await asyncio.to_thread(prepared_target, path)
    validities = Validities(os.path.join(root, VALIDITY_FILE), now)
    return MaildirTarget(root, lambda folder: UidFile(own_path(folder), validities))
