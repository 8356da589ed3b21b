"""Lane and chunk of a Maildir: what runs on the event loop; the disk work is in `maildir_write`.

Small messages go to the threads sixteen at a time, a large one as a stream of its own. A chunk is committed when all
its files are durable and all chunks begun before it are over.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Executor

from mailferry.backends.base import Flags, FolderPath, Mail, Mode, Outcome
from mailferry.backends.maildir_bytes import LineEnds
from mailferry.backends.maildir_names import source_stamp
from mailferry.backends.maildir_slots import Slot
from mailferry.backends.maildir_write import TMP_SUFFIX, FolderWriter
from mailferry.errors import ConnectionLost, Side

BATCH_MESSAGES = 16
BATCH_BYTES = 524_288
STREAM_BYTES = 1 << 20
HIGH_WATER_BYTES = 8 << 20
LOW_WATER_BYTES = 4 << 20


class MaildirChunk:
    """Messages that appear in the folder together, or as far as the disk allows."""

    def __init__(self, lane: MaildirLane, writer: FolderWriter, key: str, prefix: str) -> None:
        self.writer = writer
        self._stamp = source_stamp(key)
        self.slots: list[Slot] = []
        self.future: asyncio.Future[list[Outcome | None]] | None = None
        self.abandoned = False
        self.jobs = 0
        self.broken = False
        self._lane = lane
        self._prefix = prefix
        self._batch: list[Slot] = []
        self._batch_bytes = 0
        self._stream: _Stream | None = None

    @property
    def ready(self) -> bool:
        """Whether nothing more will happen to its files before its end."""
        return not self.jobs and (self.future is not None or self.abandoned)

    def add(self, mail: Mail, flags: Flags, date: int, zone: int) -> None:
        """Take one message. A Maildir keeps the moment only, so `zone` is not stored."""
        self._end_stream()
        data = mail.data
        # Mail without a UID is like no other: it is named after this lane.
        source = (self._stamp, mail.uid) if mail.uid else self._lane.anonymous()
        slot = Slot(source, flags, date, data, f"{self._prefix}.{len(self.slots)}{TMP_SUFFIX}")
        self.slots.append(slot)
        self._lane.taken(len(data))
        if len(data) < mail.size:
            slot.data = b""
            self._stream = _Stream(self, self._lane, slot, mail.size)
            self._stream.feed(data)
            return
        self._batch.append(slot)
        self._batch_bytes += len(data)
        if len(self._batch) >= BATCH_MESSAGES or self._batch_bytes >= BATCH_BYTES:
            self._write_batch()

    def piece(self, data: bytes) -> None:
        """Take the next bytes of the message begun last."""
        if self._stream is None:
            raise ValueError("no message is open")
        self._lane.taken(len(data))
        if self._stream.feed(data):
            self._stream = None

    def release(self) -> asyncio.Future[list[Outcome | None]]:
        """Commit as soon as every file is durable."""
        self._end_stream()
        self._write_batch()
        self.future = asyncio.get_running_loop().create_future()
        self._lane.advance()
        return self.future

    def abandon(self) -> None:
        """Remove what was written; nothing of it was visible."""
        if self.future is not None or self.abandoned:
            return
        self.abandoned = True
        self._lane.written(self._batch_bytes)
        self._batch, self._batch_bytes = [], 0
        if self._stream is not None:
            self._stream.stop()
            self._stream = None
        self._lane.advance()

    def job_done(self, size_bytes: int, error: BaseException | None) -> None:
        """One of its jobs came back from the threads."""
        self.jobs -= 1
        self.broken = self.broken or error is not None
        self._lane.written(size_bytes)
        self._lane.advance()

    def _end_stream(self) -> None:
        if self._stream is not None:
            raise ValueError("the message begun last is not complete")

    def _write_batch(self) -> None:
        if self._batch:
            slots, self._batch, size, self._batch_bytes = self._batch, [], self._batch_bytes, 0
            self.jobs += 1
            self._lane.run(lambda: self.writer.write(slots), lambda error: self.job_done(size, error))


class _Stream:
    """A large message: its pieces are collected to about a mebibyte, and one job at a time writes them."""

    def __init__(self, chunk: MaildirChunk, lane: MaildirLane, slot: Slot, size: int) -> None:
        self._chunk = chunk
        self._lane = lane
        self._slot = slot
        self._missing = size
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0
        self._ends = LineEnds()
        self._begun = self._busy = False

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; true if they were the last."""
        if len(data) > self._missing:
            raise ValueError("more bytes than the size that was told")
        self._missing -= len(data)
        self._pieces.append(data)
        self._waiting_bytes += len(data)
        self._pump()
        return not self._missing

    def stop(self) -> None:
        """Forget what waits; the file is removed with the chunk."""
        self._lane.written(self._waiting_bytes)
        self._pieces, self._waiting_bytes = [], 0

    def _pump(self) -> None:
        due = self._waiting_bytes >= STREAM_BYTES or not self._missing
        if self._busy or not self._pieces or not due:
            return
        pieces, size, last = self._pieces, self._waiting_bytes, not self._missing
        self._pieces, self._waiting_bytes, self._busy = [], 0, True
        self._chunk.jobs += 1
        self._lane.run(lambda: self._write(pieces, last), lambda error: self._wrote(size, error))

    def _write(self, pieces: list[bytes], last: bool) -> None:
        writer = self._chunk.writer
        if not self._begun:
            self._begun = True
            writer.begin(self._slot)
        writer.extend(self._slot, pieces, sum(map(self._ends.count, pieces)), last=last)

    def _wrote(self, size: int, error: BaseException | None) -> None:
        self._busy = False
        self._pump()  # before the job counts as done, so that the chunk does not look complete
        self._chunk.job_done(size, error)


class MaildirLane:
    """Writes chunks, in order; the files of several chunks may be written at the same time."""

    modes: Collection[Mode] = frozenset({Mode.SINGLE})

    def __init__(
        self,
        executor: Executor,
        acquire: Callable[[FolderPath], FolderWriter],
        release: Callable[[FolderPath, FolderWriter], None],
        closed: Callable[[MaildirLane], None],
    ) -> None:
        self._executor = executor
        self._acquire = acquire
        self._release = release
        self._closed = closed
        self._name = os.urandom(8).hex()
        self._anonymous = 0
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[tuple[FolderPath, MaildirChunk]] = deque()
        self._begun = 0
        self._ending = False
        self._queued_bytes = 0
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()

    def chunk(self, path: FolderPath, mode: Mode, key: str) -> MaildirChunk:
        """Begin a chunk. `key` names the source folder: source, raw name, UIDVALIDITY."""
        if mode not in self.modes:
            raise ValueError(f"a Maildir has no mode {mode}")
        self._begun += 1
        chunk = MaildirChunk(self, self._acquire(path), key, f"{self._name}.{self._begun}")
        self._chunks.append((path, chunk))
        return chunk

    @property
    def queued_bytes(self) -> int:
        """Bytes taken but not yet written and synchronised."""
        return self._queued_bytes

    async def drain(self) -> None:
        """Wait until there is room for more. Raises ConnectionLost if the disk work failed unexpectedly."""
        if self._queued_bytes > HIGH_WATER_BYTES:
            await self._until(lambda: self._queued_bytes <= LOW_WATER_BYTES)
        if self._failure is not None:
            raise ConnectionLost(f"Writing failed: {self._failure!r}", side=Side.TARGET)

    async def close(self) -> None:
        """Wait for what was released, give up the rest."""
        for _, chunk in list(self._chunks):
            chunk.abandon()
        await self._until(lambda: not self._chunks)
        self._closed(self)

    def anonymous(self) -> tuple[str, int]:
        """A name, in place of stamp and UID, that no other message has."""
        self._anonymous += 1
        return self._name, self._anonymous

    def taken(self, size_bytes: int) -> None:
        """Note bytes that were handed over."""
        self._queued_bytes += size_bytes

    def written(self, size_bytes: int) -> None:
        """Note bytes that are on the disk, or given up."""
        self._queued_bytes -= size_bytes
        self._changed.set()

    def run(self, job: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        """Run a job in a thread, then `done` on the loop."""

        def finish(future: asyncio.Future[None]) -> None:
            error = asyncio.CancelledError() if future.cancelled() else future.exception()
            self._failure = self._failure or error
            done(error)

        self._loop.run_in_executor(self._executor, job).add_done_callback(finish)

    def advance(self) -> None:
        """Commit, or give up, the oldest chunk if it is its turn."""
        if self._ending or not self._chunks or not self._chunks[0][1].ready:
            return
        self._ending = True
        path, chunk = self._chunks[0]
        outcomes: list[Outcome | None] = []

        def job() -> None:
            if chunk.abandoned or chunk.broken:
                chunk.writer.discard(chunk.slots)
            else:
                outcomes.extend(chunk.writer.commit(chunk.slots))

        self.run(job, lambda error: self._ended(path, chunk, outcomes))

    def _ended(self, path: FolderPath, chunk: MaildirChunk, outcomes: list[Outcome | None]) -> None:
        self._ending = False
        self._chunks.popleft()
        self._release(path, chunk.writer)
        if chunk.future is not None and not chunk.future.done():
            missing = len(chunk.slots) - len(outcomes)
            chunk.future.set_result([*outcomes, *[None] * missing])
        self._changed.set()
        self.advance()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
