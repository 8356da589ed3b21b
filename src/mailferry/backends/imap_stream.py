"""The source side of the fast lane: bodies of many folders as one stream that never waits at a folder's end.

EXAMINE and FETCH of what comes next are queued behind what is under way. A connection that breaks inside a large
body is taken up again at the same byte; in any other place the caller plans anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from mailferry import errors
from mailferry.backends.base import FetchJob, FolderPath, Item, JobDone, JobFailed, Mail, Opened, UidRange, Want
from mailferry.backends.imap_errors import translate
from mailferry.backends.imap_limit import parts
from mailferry.imap import commands
from mailferry.imap.connection import Fetched
from mailferry.imap.errors import ConnectionClosed, ImapError
from mailferry.imap.exchange import Exchange, Inbox
from mailferry.imap.responses import Fetch
from mailferry.imap.values import split_ranges
from mailferry.records import dataclass

if TYPE_CHECKING:
    from mailferry.backends.imap import ImapReader

IN_FLIGHT = 64
_ITEMS = b"UID FLAGS INTERNALDATE BODY.PEEK[]"
_PART_BYTES = 1 << 20
LAST_UID = 0xFFFF_FFFF


@dataclass(slots=True)
class _Step:
    """A command under way: an EXAMINE (job is None) or one FETCH of a job."""

    exchange: Exchange
    path: FolderPath
    job: FetchJob | None
    last_of_job: bool = True


class BodyStream:
    """One run of ImapReader.stream."""

    def __init__(self, reader: ImapReader) -> None:
        self._reader = reader
        self._expected: FetchJob | None = None
        self._inbox = Inbox()
        self._steps: deque[_Step] = deque()
        self._again: deque[FetchJob] = deque()  # what was under way when the connection broke
        self._listed: tuple[FolderPath | None, Sequence[int]] = (None, ())
        self._refused = ""  # why the last EXAMINE failed: bodies that come now would be another folder's
        self._validity = 0
        self._last_uid = 0  # of the job under way
        self._left = 0  # bytes of a large body still to come
        self._offset = 0
        self._failed = False
        self._limit = reader.session.message_limit  # looked for among all capabilities: not for each batch

    def expect(self, job: FetchJob) -> None:
        """Ask for what will be the first job."""
        self._expected = job
        self._submit(job, [job.ranges])

    async def run(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """Yield batches until the jobs run out."""
        session = self._reader.session
        while True:
            await self._fill(jobs)
            if not self._steps:
                return
            try:
                received = await self._inbox.take()
            except ConnectionClosed as error:
                if not self._left:
                    raise self._translate(error) from error
                async for batch in self._resume(error):
                    yield batch
                continue
            except ImapError as error:
                raise self._translate(error) from error
            batch = self._convert(received)
            if batch:
                yield batch
            session = self._reader.session
            if session.client.error is not None and not self._steps:
                return

    def _translate(self, error: ImapError) -> errors.MailferryError:
        session = self._reader.session
        translated = translate(error, session.side, session.settings.where)
        assert translated is not None
        return translated

    async def _fill(self, jobs: Callable[[], FetchJob | None]) -> None:
        limit = self._limit
        while len(self._steps) < (1 if limit else IN_FLIGHT):
            job = self._again.popleft() if self._again else jobs()
            if self._expected is not None and await self._was_expected(job):
                continue
            if job is None:
                return
            self._submit(job, await self._parts(job, limit) if limit else [job.ranges])

    async def _was_expected(self, job: FetchJob | None) -> bool:
        """Say whether the first job is under way already; what is under way in its place is given up."""
        expected, self._expected = self._expected, None
        assert expected is not None
        if job is not None and (job.path, job.ranges) == (expected.path, expected.ranges):
            for step in self._steps:
                step.job = job if step.job is not None else None
            return True
        self._steps.clear()
        self._inbox = Inbox()
        await self._reader.reopen()
        self._limit = self._reader.session.message_limit
        return False

    async def _parts(self, job: FetchJob, limit: int) -> Sequence[Sequence[UidRange]]:
        """Cut a job into what the server answers in one go. Nothing else is under way."""
        if self._listed[0] != job.path:
            try:
                self._listed = (job.path, (await self._reader.listing(job.path, Want(0))).uids)
            except errors.FolderGone:
                return [job.ranges]  # its EXAMINE will say so once more
        return list(parts(job.ranges, self._listed[1], limit))

    def _submit(self, job: FetchJob, groups: Sequence[Sequence[UidRange]]) -> None:
        """Queue EXAMINE and FETCH. There is an EXAMINE before every FETCH, of the same folder too: a server may
        answer two FETCH commands at once, message by message (Dovecot 2.3 does when its output is full), and the
        order of messages would be lost; nothing overtakes an EXAMINE (RFC 3501, 5.5).
        """
        session = self._reader.session
        most = session.quirks.max_command_bytes - 200
        sets = [uid_set for ranges in groups for uid_set in split_ranges(ranges, most)]
        for number, uid_set in enumerate(sets, 1):
            exchange = session.select(job.path, read_only=True, inbox=self._inbox)
            self._steps.append(_Step(exchange, job.path, None))
            exchange = session.client.submit(commands.uid_fetch(uid_set, _ITEMS), inbox=self._inbox, tolerant=True)
            self._steps.append(_Step(exchange, job.path, job, number == len(sets)))

    def _convert(self, received: list[Fetched | bytes | Exchange]) -> list[Item]:
        batch: list[Item] = []
        flags, parse, append = self._reader.flags, self._reader.dates.parse, batch.append
        made = tuple.__new__  # what Mail(...) does, without a call of a function in Python
        for item in received:
            if type(item) is Fetched:
                if self._refused:
                    continue
                uid, raw_flags, raw_date, size, data = item
                date = parse(raw_date)
                if date is None:
                    batch.append(Mail(uid, flags(raw_flags), None, 0, size, data))
                else:
                    append(made(Mail, (uid, flags(raw_flags), date[0], date[1], size, data)))
                self._last_uid = uid
                self._left = size - len(data)
                self._offset = len(data)
            elif type(item) is bytes:
                if not self._refused:
                    self._left -= len(item)
                    self._offset += len(item)
                    batch.append(item)
            elif type(item) is Exchange:
                self._ended(item, batch)
        return batch

    def _ended(self, exchange: Exchange, batch: list[Item]) -> None:
        from mailferry.backends.imap import selected_status

        step = self._steps.popleft()
        reply = exchange.reply.result()
        if step.job is None:
            if reply.status == "OK":
                status = selected_status(exchange.untagged)
                self._refused = ""
                self._validity = status.uid_validity
                batch.append(Opened(step.path, status))
            else:
                self._refused = reply.text or reply.status
            return
        if reply.status != "OK" or self._refused:
            self._failed = True
        if step.last_of_job:
            if self._failed:
                batch.append(JobFailed(step.job, self._refused or reply.text))
            else:
                batch.append(JobDone(step.job))
            self._failed = False
            self._last_uid = 0

    # a break inside a large body

    async def _resume(self, error: ConnectionClosed) -> AsyncIterator[list[Item]]:
        """Log in again and read the rest of the body from where it broke."""
        step = self._steps[0]
        uid, validity = self._last_uid, self._validity
        await self._reader.reopen()
        session = self._reader.session
        self._limit = session.message_limit
        status = await self._reader.examine(step.path)
        if status.uid_validity != validity:
            raise self._translate(error) from error
        while self._left:
            want = min(self._left, _PART_BYTES)
            item = b"BODY.PEEK[]<%d.%d>" % (self._offset, want)
            exchange = session.client.submit(commands.uid_fetch(b"%d" % uid, item), tolerant=True)
            try:
                await exchange.reply
            except ConnectionClosed as again:
                raise self._translate(again) from again
            data = _section(exchange, uid)
            if data is None or not 0 < len(data) <= want:
                raise self._translate(error) from error
            self._left -= len(data)
            self._offset += len(data)
            yield [data]
        self._requeue(uid)

    def _requeue(self, uid: int) -> None:
        """Ask again for what was under way, without what was already handed over."""
        steps, self._steps = self._steps, deque()
        self._inbox = Inbox()
        done: set[int] = set()
        for step in steps:
            job = step.job
            if job is None or id(job) in done:
                continue
            if not done:
                rest: tuple[UidRange, ...] = tuple((max(lo, uid + 1), hi) for lo, hi in job.ranges if hi > uid)
                # An empty rest still has to end the job: ask for a UID that cannot be there.
                job = FetchJob(job.path, rest or ((LAST_UID, LAST_UID),), job.key)
            self._again.append(job)
            done.add(id(step.job))


def _section(exchange: Exchange, uid: int) -> bytes | None:
    for response in exchange.untagged:
        if isinstance(response, Fetch) and response.sections and response.uid in (uid, None):
            return next(iter(response.sections.values()))
    return None
