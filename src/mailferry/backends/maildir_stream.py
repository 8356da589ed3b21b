"""Reading bodies and listings of a Maildir ahead of the caller, in threads, in order."""

from __future__ import annotations

import asyncio
import os
import threading
from array import array
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import islice

from mailferry.backends.base import (
    FetchJob,
    FolderPath,
    Identify,
    Item,
    JobDone,
    JobFailed,
    Listing,
    Mail,
    Opened,
    UidRange,
    Want,
)
from mailferry.backends.maildir_bytes import message_size, read_header, read_messages
from mailferry.backends.maildir_keywords import Keywords, read_keywords
from mailferry.backends.maildir_names import letters_of, unique_part
from mailferry.backends.maildir_scan import Snapshot, Uids, scan, take_snapshot
from mailferry.errors import CommandFailed, FolderGone
from mailferry.records import dataclass, field

READ_MESSAGES = 32
READ_BYTES = 1 << 20
READ_AHEAD = 4
LIST_MESSAGES = 256
MOST_REASONS = 5


class FolderView:
    """A folder as it stood when it was opened, for reading. Blocking; called in threads."""

    def __init__(self, folder: bytes, uids: Uids) -> None:
        self.folder = folder
        self.snapshot: Snapshot = take_snapshot(folder, uids)
        self.keywords: Keywords = read_keywords(folder)
        self._lock = threading.Lock()
        self._moved: dict[bytes, bytes] = {}
        self._seen_at: tuple[int, ...] = ()

    def locate(self, name: bytes) -> bytes | None:
        """Where a file is now whose name changed since; None if it is gone."""
        with self._lock:
            try:
                state = tuple(os.stat(os.path.join(self.folder, part)).st_mtime_ns for part in (b"new", b"cur"))
                # The clock of a file system is coarse: a name that was just missed is not believed.
                if state != self._seen_at or self._moved.get(unique_part(name[4:])) == name:
                    self._seen_at = state
                    self._moved = scan(self.folder)
            except (OSError, FolderGone):
                return None
            return self._moved.get(unique_part(name[4:]))

    def messages(self, job: FetchJob) -> Iterator[tuple[int, bytes]]:
        """UID and path of the messages of a job."""
        for index in self.snapshot.indexes(job.ranges):
            yield self.snapshot.uids[index], self.snapshot.name(index)


@dataclass(slots=True)
class _Unit:
    """Items that are ready, then what is still to be read; or the end of a job."""

    before: list[Item] = field(default_factory=list)
    reading: Generator[Item, None, None] | None = None
    ends: FetchJob | None = None
    failures: list[str] = field(default_factory=list)
    future: asyncio.Future[tuple[list[Item], bool]] | None = None


class BodyStream:
    """The bodies of jobs, read ahead by a few mebibytes."""

    def __init__(
        self, executor: Executor, open_view: Callable[[FolderPath], FolderView], jobs: Callable[[], FetchJob | None]
    ) -> None:
        self._executor = executor
        self._open_view = open_view
        self._jobs = jobs
        self._window: deque[_Unit] = deque()
        self._job: FetchJob | None = None
        self._view: FolderView | None = None
        self._path: FolderPath | None = None
        self._messages: Iterator[tuple[int, bytes]] = iter(())
        self._opened: list[Item] = []
        self._failures: list[str] = []

    async def batches(self) -> AsyncIterator[list[Item]]:
        """Give batches of about a mebibyte until all jobs are done and there is no next one."""
        try:
            while await self._fill():
                unit = self._window[0]
                if unit.before:
                    yield unit.before
                more = unit.reading is not None
                while more and unit.future is not None:
                    items, more = await unit.future
                    unit.future = self._submit(unit) if more else None
                    if items:
                        yield items
                self._window.popleft()
                if unit.ends is not None:
                    why = "; ".join(unit.failures[:MOST_REASONS])
                    yield [JobFailed(unit.ends, why) if why else JobDone(unit.ends)]
        finally:
            await self._stop()

    async def _fill(self) -> bool:
        while len(self._window) < READ_AHEAD:
            unit = await self._next_unit()
            if unit is None:
                break
            if unit.reading is not None:
                unit.future = self._submit(unit)
            self._window.append(unit)
        return bool(self._window)

    async def _next_unit(self) -> _Unit | None:
        if self._job is None:
            job = self._jobs()
            if job is None:
                return None
            try:
                await self._begin(job)
            except (FolderGone, CommandFailed) as error:
                self._view = self._path = None
                return _Unit(ends=job, failures=[str(error)])
        view, messages = self._view, list(islice(self._messages, READ_MESSAGES))
        if view is None or self._job is None:
            return None
        if not messages:
            job, self._job = self._job, None
            unit = _Unit(ends=job, failures=self._failures)
        else:
            reading = read_messages(view.folder, messages, view.keywords, view.locate, self._failures)
            unit = _Unit(reading=reading)
        unit.before, self._opened = self._opened, []
        return unit

    async def _begin(self, job: FetchJob) -> None:
        """Open the job's folder, anew if the job asks for more than was there when it was opened."""
        view = self._view
        last = max((last for _, last in job.ranges), default=0)
        if view is None or self._path != job.path or last >= view.snapshot.status.uid_next:
            loop = asyncio.get_running_loop()
            view = await loop.run_in_executor(self._executor, self._open_view, job.path)
            if self._path != job.path or (self._view and self._view.snapshot.status != view.snapshot.status):
                self._opened = [Opened(job.path, view.snapshot.status)]
        self._view, self._path, self._job = view, job.path, job
        self._messages, self._failures = view.messages(job), []

    def _submit(self, unit: _Unit) -> asyncio.Future[tuple[list[Item], bool]]:
        reading = unit.reading or iter(())
        return asyncio.get_running_loop().run_in_executor(self._executor, _read_some, reading)

    async def _stop(self) -> None:
        """Let jobs under way end, then close the files that they hold."""
        units = list(self._window)
        self._window.clear()
        await asyncio.gather(*(unit.future for unit in units if unit.future), return_exceptions=True)
        for unit in units:
            if unit.reading is not None:
                unit.reading.close()


async def list_messages(
    executor: Executor, view: FolderView, want: Want, ranges: Iterable[UidRange], identify: Identify | None
) -> Listing:
    """Fill the columns of a listing; what needs the disk is read by several threads."""
    snapshot = view.snapshot
    listing = Listing(snapshot.status)
    loop = asyncio.get_running_loop()
    indexes = list(snapshot.indexes(ranges))
    groups = deque(indexes[at : at + LIST_MESSAGES] for at in range(0, len(indexes), LIST_MESSAGES))
    running: deque[asyncio.Future[Listing]] = deque()
    while groups or running:
        while groups and len(running) < READ_AHEAD:
            running.append(loop.run_in_executor(executor, _columns, view, groups.popleft(), want, identify))
        part = await running.popleft()
        listing.uids.extend(part.uids)
        listing.flags.extend(part.flags)
        listing.dates.extend(part.dates)
        listing.sizes.extend(part.sizes)
        listing.identities.extend(part.identities)
    return listing


def _columns(view: FolderView, indexes: Sequence[int], want: Want, identify: Identify | None) -> Listing:
    snapshot, part = view.snapshot, Listing(view.snapshot.status)
    needs_stat = bool(want & (Want.DATE | Want.SIZE))
    uids: array[int] = part.uids
    for index in indexes:
        name = snapshot.name(index)
        found = None
        if needs_stat or want & Want.IDENTITY:
            found = _stat(view.folder, name)
            if found is None:
                name = view.locate(name) or name
                found = _stat(view.folder, name)
            if found is None:
                continue  # it was removed meanwhile
        uids.append(snapshot.uids[index])
        if want & Want.FLAGS:
            part.flags.append(view.keywords.flags(letters_of(name)))
        if found is not None and want & Want.DATE:
            part.dates.append(found.st_mtime_ns // 1_000_000_000)
        if found is not None and want & Want.SIZE:
            part.sizes.append(message_size(view.folder, name, found.st_size))
        if want & Want.IDENTITY and identify is not None:
            part.identities.append(identify(read_header(view.folder, name)))
    return part


def _stat(folder: bytes, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(os.path.join(folder, name), follow_symlinks=False)
    except FileNotFoundError:
        return None


def _read_some(reading: Iterator[Item]) -> tuple[list[Item], bool]:
    """The next items, about a mebibyte; and whether there may be more."""
    items: list[Item] = []
    size = 0
    for item in reading:
        items.append(item)
        size += len(item.data) if isinstance(item, Mail) else len(item) if isinstance(item, bytes) else 0
        if size >= READ_BYTES:
            return items, True
    return items, False
