"""A reader whose connection is made anew when it breaks, for work that only reads: `verify`.

A copy has its own way (`run.py`): it plans anew from the ledger. Here nothing is written, so a question is asked again,
and reading goes on behind the last message that was read to its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from mailferry.backends.base import (
    Features,
    FetchJob,
    Flags,
    FolderPath,
    FolderStatus,
    Identify,
    Item,
    JobDone,
    JobFailed,
    Listed,
    Listing,
    Mail,
    Reader,
    Want,
)
from mailferry.errors import MailferryError, Retry, Scope
from mailferry.sync.options import Clock

_Result = TypeVar("_Result")
_STEEPEST = 5

Told = Callable[[MailferryError, float], None]
"""Takes an error that was mended, and the seconds until the next try."""


class SteadyReader:
    """Like the reader that `open_reader` gives, but for broken connections; see `Reader`.

    A connection is made anew at most `retries` times in a row without anything read in between, each time after a
    longer wait, or after the one that the server asks for. A wait over `longest_wait_seconds` ends it, too: then the
    error is raised.

    A message inside which a connection broke comes once more from its beginning.
    """

    def __init__(
        self,
        reader: Reader,
        open_reader: Callable[[], Awaitable[Reader]],
        *,
        retries: int = 5,
        retry_seconds: float = 1.0,
        longest_wait_seconds: float = 300.0,
        clock: Clock | None = None,
        told: Told = lambda error, seconds: None,
    ) -> None:
        self.key = reader.key
        self.features: Features = reader.features
        self._reader = reader
        self._open = open_reader
        self._retries = retries
        self._retry_seconds = retry_seconds
        self._longest = longest_wait_seconds
        self._clock = clock or Clock()
        self._told = told
        self._failures = 0

    async def list_folders(self, *, status: bool = True) -> list[Listed]:
        """See `Reader.list_folders`."""
        return await self._ask(lambda reader: reader.list_folders(status=status))

    async def status(self, paths: Sequence[FolderPath]) -> list[FolderStatus | None]:
        """See `Reader.status`."""
        return await self._ask(lambda reader: reader.status(paths))

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
        """See `Reader.listing`."""
        return await self._ask(
            lambda reader: reader.listing(
                path, want, first_uid=first_uid, also=also, identify=identify, changed_since=changed_since
            )
        )

    async def keywords(self, paths: Sequence[FolderPath]) -> Flags:
        """See `Reader.keywords`."""
        return await self._ask(lambda reader: reader.keywords(paths))

    def expect(self, job: FetchJob) -> None:
        """See `Reader.expect`."""
        self._reader.expect(job)

    async def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """See `Reader.stream`; a job that was taken up again may end under fewer ranges."""
        under_way: deque[FetchJob] = deque()
        again: deque[FetchJob] = deque()

        def next_job() -> FetchJob | None:
            job = again.popleft() if again else jobs()
            if job is not None:
                under_way.append(job)
            return job

        place = _Place()
        while True:
            try:
                async for batch in self._reader.stream(next_job):
                    self._failures = 0
                    for item in batch:
                        if isinstance(item, JobDone | JobFailed):
                            under_way.popleft()
                        place.take(item)
                    yield batch
                return
            except MailferryError as error:
                await self._mend(error)
            again.extendleft(reversed(under_way))
            under_way.clear()
            if again:
                again[0] = place.rest(again[0])
            place = _Place(place.last_uid)

    async def close(self) -> None:
        """Log out. Never raises."""
        await self._reader.close()

    async def _ask(self, question: Callable[[Reader], Awaitable[_Result]]) -> _Result:
        while True:
            try:
                answer = await question(self._reader)
            except MailferryError as error:
                await self._mend(error)
            else:
                self._failures = 0
                return answer

    async def _mend(self, error: MailferryError) -> None:
        """Wait and connect anew. Raises `error` if that cannot help, or was tried too often."""
        while True:
            self._failures += 1
            wait = error.wait_seconds or self._retry_seconds * 2.0 ** min(self._failures - 1, _STEEPEST)
            mendable = error.scope is Scope.CONNECTION and error.retry in (Retry.SOON, Retry.LATER)
            if not mendable or self._failures > self._retries or wait > self._longest:
                raise error
            self._told(error, wait)
            await self._reader.close()
            await self._clock.sleep(wait)
            try:
                self._reader = await self._open()
                self.features = self._reader.features
                return
            except MailferryError as next_error:
                error = next_error


class _Place:
    """How far a stream is in its first unfinished job: all up to `last_uid` was read to its end."""

    def __init__(self, last_uid: int = 0) -> None:
        self.last_uid = last_uid
        self._uid = 0
        self._left = 0

    def take(self, item: Item) -> None:
        """Go on."""
        if isinstance(item, Mail):
            self._uid, self._left = item.uid, item.size - len(item.data)
        elif isinstance(item, bytes):
            self._left -= len(item)
        elif isinstance(item, JobDone | JobFailed):
            self.last_uid = self._uid = 0
        if self._uid and not self._left:
            self.last_uid = self._uid

    def rest(self, job: FetchJob) -> FetchJob:
        """Give what is still to be read of the job; at least a range, so that it ends once more."""
        ranges = tuple((max(lo, self.last_uid + 1), hi) for lo, hi in job.ranges if hi > self.last_uid)
        return FetchJob(job.path, ranges or job.ranges[-1:], job.key)
