"""One service: a data folder, its database and keys, and what works on them. The only place that knows all parts.

A data folder holds `mailferry.db` (unless another database is named), `secret.key`, `ledgers/`, `token` and
`mailboxes/`, the default target.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mailferry.jobs.dispatch import Dispatcher
from mailferry.jobs.engine import Job
from mailferry.jobs.local import LocalEngine, default_workers
from mailferry.jobs.stopping import StopSignal
from mailferry.jobs.worker import RunJob
from mailferry.migration.model import Batch, Endpoint, EndpointRole, EndpointType, User
from mailferry.service.batches import Batches
from mailferry.service.configuration import Configuration
from mailferry.service.domains import Domains
from mailferry.service.endpoints import Endpoints, unlimited
from mailferry.service.errors import DataFolderBusy
from mailferry.service.events import Events
from mailferry.service.ledgers import Ledgers
from mailferry.service.mailboxes import Mailboxes
from mailferry.service.mailer import Mailer
from mailferry.service.passes import PassRunner
from mailferry.service.progress import ProgressWriter
from mailferry.service.reports import Reports
from mailferry.service.tokens import Tokens
from mailferry.service.users import Users
from mailferry.store import endpoints
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring

log = logging.getLogger(__name__)

DEFAULT_TARGET = "Mailboxes"
WORKER_COMMAND = (sys.executable, "-m", "mailferry.service.worker")


class DataFolder:
    """A folder that one process works in at a time. Entering takes it, or raises DataFolderBusy."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._descriptor = -1

    @property
    def key_file(self) -> Path:
        """Where the key of the secrets is."""
        return self.path / "secret.key"

    @property
    def token_file(self) -> Path:
        """Where the first token is, for the clients of this machine."""
        return self.path / "token"

    @property
    def address_file(self) -> Path:
        """Where the service that runs has written its URL."""
        return self.path / "address"

    @property
    def ledgers(self) -> Path:
        """Where the ledgers of the users are."""
        return self.path / "ledgers"

    @property
    def mailboxes(self) -> Path:
        """Where the default target keeps mail."""
        return self.path / "mailboxes"

    def address(self) -> str:
        """Give the URL of the service that runs, '' if none is known."""
        with suppress(OSError):
            return self.address_file.read_text().strip()
        return ""

    def database_url(self) -> str:
        """Give the embedded database."""
        return f"sqlite+aiosqlite:///{self.path / 'mailferry.db'}"

    def take(self) -> None:
        """Make the folder if need be, with those in it, and lock it until this process ends.

        What is made is for this account only; a folder that was there stays as it is, and others who can read it are
        warned of in the log.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            self._descriptor = -1
            raise DataFolderBusy(f"({self.path})") from None
        self.ledgers.mkdir(mode=0o700, exist_ok=True)
        if mode := self.path.stat().st_mode & 0o077:
            advice = "Other accounts may look into the data folder: chmod 700 it, unless that is meant."
            log.warning(advice, extra={"folder": str(self.path), "mode": f"{0o700 | mode:o}"})

    def release(self) -> None:
        """Let it go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Service:
    """What the API and the commands work with. Made by `open`."""

    def __init__(self, folder: DataFolder, database: Database, keyring: Keyring, url: str) -> None:
        self.folder = folder
        self.database = database
        self.keyring = keyring
        self.now: Callable[[], float] = time.time
        self._url = url
        self._ledgers = Ledgers(database, folder.ledgers)
        self._engine: LocalEngine | None = None
        self._dispatcher: Dispatcher | None = None
        self._running: asyncio.Task[None] | None = None
        self._mailing: asyncio.Task[None] | None = None
        self.endpoints = Endpoints(database, keyring, self.now)
        self.batches = Batches(database, keyring, self.now, self.wake)
        self.users = Users(database, self.now, self.wake)
        self.reports = Reports(database, self.now)
        self.config = Configuration(database, keyring)
        self.domains = Domains(database, self.now)
        self.mailboxes = Mailboxes(database)
        self.events = Events(database)
        self.tokens = Tokens(database, self.now)

    @classmethod
    async def open(cls, data: Path, *, database_url: str | None = None, default_target: Path | None = None) -> Service:
        """Open a data folder, making what is missing: folder, key, tables, the default target (`mailboxes/`).

        Raises DataFolderBusy, and what `Database.open` and `Keyring.open` raise.
        """
        folder = DataFolder(data)
        folder.take()
        try:
            keyring = Keyring.open(folder.key_file)
            url = database_url or folder.database_url()
            service = cls(folder, await Database.open(url), keyring, url)
            if default_target is None:
                folder.mailboxes.mkdir(mode=0o700, exist_ok=True)
            await service._make_default_target(default_target or folder.mailboxes)
        except BaseException:
            folder.release()
            raise
        return service

    async def start(self, workers: int | None = None) -> None:
        """Begin to work: workers, and the dispatcher that gives them passes."""
        settings = {"data": str(self.folder.path), "database": self._url, "key": str(self.folder.key_file)}
        self._engine = LocalEngine(WORKER_COMMAND, workers or default_workers(), settings=settings)
        self._dispatcher = Dispatcher(
            self.database, self._engine, await self._instance(), self.now, on_removed=self._forget
        )
        self._running = asyncio.create_task(self._dispatcher.run(), name="dispatcher")
        mailer = Mailer(self.database, self.config, self.reports, self.now, self.folder.address)
        self._mailing = asyncio.create_task(mailer.run(), name="mailer")

    @property
    def is_working(self) -> bool:
        """True while the dispatcher runs and, as far as is known, workers do."""
        return self._running is not None and not self._running.done() and not self.worker_trouble()

    def worker_trouble(self) -> str:
        """Say why no worker can be started; '' while there is one, or one is still starting for the first time."""
        return self._engine.trouble() if self._engine is not None else ""

    def wake(self, batch_ids: Iterable[int] = ()) -> None:
        """Have the dispatcher look for work now, and at these batches."""
        if self._dispatcher is not None:
            self._dispatcher.wake(batch_ids)

    async def close(self) -> None:
        """Stop working: passes are handed back, connections closed, the folder is free. May be called twice."""
        working = [task for task in (self._running, self._mailing) if task is not None]
        for task in working:
            task.cancel()
        for task in working:
            with suppress(asyncio.CancelledError):
                await task
        self._running = self._mailing = None
        await self.database.close()
        self.folder.release()

    async def _make_default_target(self, path: Path) -> None:
        async with self.database.begin() as connection:
            if await endpoints.default_target(connection) is not None:
                return
            name = DEFAULT_TARGET
            if await endpoints.find(connection, name) is not None:
                name = f"{DEFAULT_TARGET}-{uuid.uuid4().hex[:8]}"
            now = self.now()
            target = Endpoint(0, str(uuid.uuid4()), name, EndpointType.MAILDIR, EndpointRole.TARGET)
            await endpoints.add(connection, _replace(unlimited(target), path=str(path), is_default=True, now=now))

    async def _instance(self) -> str:
        """Give the name under which this data folder claims work; it outlives restarts."""
        path = self.folder.path / "instance"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(uuid.uuid4().hex[:12])
        return f"local-{path.read_text().strip()}"

    async def _forget(self, batch: Batch, users: Sequence[User]) -> None:
        del batch
        await self._ledgers.remove(users)


def _replace(endpoint: Endpoint, *, path: str, is_default: bool, now: float) -> Endpoint:
    from dataclasses import replace

    return replace(endpoint, path=path, is_default=is_default, created_at=now, changed_at=now)


@asynccontextmanager
async def open_runner(settings: Mapping[str, Any]) -> AsyncIterator[RunJob]:
    """Make what runs the passes in a worker process, from the settings that `Service.start` gave."""
    database = await Database.open(str(settings["database"]))
    keyring = Keyring.open(Path(settings["key"]))
    data = Path(settings["data"])
    writer = ProgressWriter(database, time.time)
    runner = PassRunner(database, keyring, Ledgers(database, data / "ledgers"), writer, time.time)
    telling = asyncio.create_task(writer.run())

    async def run(job: Job, stop: StopSignal) -> None:
        await stop.guard(runner.run(job))

    try:
        yield run
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        await database.close()
