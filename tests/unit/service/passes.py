"""Passes of the service between mailboxes in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_server import MemoryServer
from mailferry.backends.registry import Location
from mailferry.errors import MailferryError, Side
from mailferry.jobs.engine import Job
from mailferry.migration.model import Endpoint, User
from mailferry.service.ledgers import Ledgers
from mailferry.service.passes import PassRunner
from mailferry.service.progress import ProgressWriter
from mailferry.store import claims, reports
from mailferry.sync.run import OpenReader, OpenTarget
from tests.unit.service.scene import Scene

ADDRESS = "ann@contoso.com"


def mail(number: int, body: str = "hello") -> bytes:
    return f"Message-ID: <{number}@contoso.com>\r\nSubject: Mail {number}\r\n\r\n{body}\r\n".encode()


@dataclass
class Mailboxes:
    """What the passes open: a source and a target in memory, or an error."""

    source: MemoryServer = field(default_factory=MemoryServer)
    target: MemoryServer = field(default_factory=MemoryServer)
    error: Exception | None = None
    waits: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    opened: list[Location] = field(default_factory=list)

    def source_opener(self, location: Location, side: Side = Side.SOURCE) -> OpenReader:
        async def open_source() -> MemoryMailbox:
            self.opened.append(location)
            if self.waits:
                self.begun.set()
                await asyncio.get_running_loop().create_future()  # for ever
            if self.error is not None:
                raise self.error
            return MemoryMailbox(self.source, side=side)

        return open_source

    def target_opener(self, location: Location) -> OpenTarget:
        async def open_target() -> MemoryMailbox:
            self.opened.append(location)
            return MemoryMailbox(self.target, side=Side.TARGET)

        return open_target


@dataclass
class Passes:
    """Claims users of a scene and runs their passes."""

    scene: Scene
    mailboxes: Mailboxes
    source: Endpoint

    def __post_init__(self) -> None:
        scene = self.scene
        self.writer = ProgressWriter(scene.database, scene.clock)
        self.ledgers = Ledgers(scene.database, scene.folder / "ledgers")
        self.runner = PassRunner(
            scene.database, scene.keyring, self.ledgers, self.writer, scene.clock, scene.folder / "locks"
        )

    async def claim(self) -> Job:
        """Claim the one user that is due."""
        async with self.scene.database.begin() as connection:
            (claim,) = await claims.claim(connection, self.source, "w/", self.scene.now, most=1)
        return Job(claim.user_id, claim.fence, claim.kind)

    async def run(self) -> User:
        """Do the next pass, and give the user as it is then."""
        await self.runner.run(await self.claim())
        return await self.scene.users.get(ADDRESS)

    async def report(self) -> str:
        """Give the lines of the report, with their levels."""
        user = await self.scene.users.get(ADDRESS)
        async with self.scene.database.connect() as connection:
            return "\n".join(f"{line.level}: {line.text}" for line in await reports.lines(connection, user.id))


def failing(kind: type[MailferryError], *, wait_seconds: float = 0.0) -> MailferryError:
    return kind("It says why.", side=Side.SOURCE, wait_seconds=wait_seconds)
