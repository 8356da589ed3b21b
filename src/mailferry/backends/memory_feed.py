"""Message bodies out of the server in memory, in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from mailferry.backends.base import PREFIX_BYTES, FetchJob, Item, JobDone, JobFailed, Mail, Opened
from mailferry.backends.memory_server import MemoryFolder, MemoryServer, StoredMail
from mailferry.records import dataclass

PIPELINED_JOBS = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that travel together. `before` and `after` name the large message that is cut there, if one is."""

    items: list[Item]
    before: LargeMail | None
    after: LargeMail | None


@dataclass(frozen=True, slots=True)
class LargeMail:
    """A message whose pieces are under way."""

    folder: MemoryFolder
    uid_validity: int
    mail: StoredMail

    def still_there(self, server: MemoryServer) -> bool:
        """Whether a new connection can go on with it."""
        found = server.find(self.folder.path)
        return (
            found is self.folder
            and found.uid_validity == self.uid_validity
            and found.mails.get(self.mail.uid) is self.mail
        )


class Feed:
    """Turns jobs into batches; what the server holds is looked at only when it is due."""

    def __init__(self, server: MemoryServer, jobs: Callable[[], FetchJob | None]) -> None:
        self._server = server
        self._jobs = jobs
        self._waiting: deque[FetchJob] = deque()
        self._opened: MemoryFolder | None = None
        self._uid_validity = 0
        self._large: LargeMail | None = None

    def batches(self) -> Iterator[Batch]:
        """Give batches until there is no job left. A batch may span jobs."""
        options = self._server.options
        items: list[Item] = []
        size = mails = 0
        before: LargeMail | None = None
        for item in self._items():
            if item is not None:
                items.append(item)
                data = item.data if isinstance(item, Mail) else item
                size += len(data) if isinstance(data, bytes) else 0
                mails += isinstance(item, Mail)
            if items and (item is None or size >= options.batch_bytes or mails >= options.batch_messages):
                yield Batch(items, before, self._large)
                items, size, mails, before = [], 0, 0, self._large

    def _items(self) -> Iterator[Item | None]:
        """Give items; None where the pipeline has run dry, so that nothing is held back."""
        while True:
            self._ask()
            if not self._waiting:
                yield None
                self._ask()
                if not self._waiting:
                    return
            yield from self._read(self._waiting.popleft())

    def _ask(self) -> None:
        while len(self._waiting) < PIPELINED_JOBS and (job := self._jobs()) is not None:
            self._waiting.append(job)

    def _read(self, job: FetchJob) -> Iterator[Item]:
        folder = self._server.find(job.path)
        if folder is None:
            self._opened = None
            yield JobFailed(job, "Mailbox doesn't exist")
            return
        if folder is not self._opened or folder.uid_validity != self._uid_validity:
            self._opened, self._uid_validity = folder, folder.uid_validity
            yield Opened(job.path, folder.status(condstore=self._server.options.condstore))
        wanted = [uid for uid in folder.mails if any(first <= uid <= last for first, last in job.ranges)]
        for uid in wanted:
            if self._server.find(job.path) is not folder or folder.uid_validity != self._uid_validity:
                self._opened = None
                yield JobFailed(job, "Mailbox was deleted under us")
                return
            mail = folder.mails.get(uid)
            if mail is not None:
                yield from self._body(folder, mail)
        yield JobDone(job)

    def _body(self, folder: MemoryFolder, mail: StoredMail) -> Iterator[Item]:
        data, size = mail.data, len(mail.data)
        self._large = LargeMail(folder, folder.uid_validity, mail) if size > PREFIX_BYTES else None
        yield Mail(mail.uid, mail.flags, mail.date, mail.zone, size, data[:PREFIX_BYTES])
        step = self._server.options.piece_bytes
        for start in range(PREFIX_BYTES, size, step):
            if start + step >= size:
                self._large = None
            yield data[start : start + step]
