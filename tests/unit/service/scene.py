"""A service without a dispatcher: its parts on a real database, and a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import update

from mailferry.imap.values import Secret
from mailferry.migration.model import Endpoint, EndpointRole, EndpointType, Security, User
from mailferry.migration.states import BatchStatus, PassKind, UserStatus
from mailferry.service.batches import Batches
from mailferry.service.batchsettings import BatchSettings
from mailferry.service.configuration import Configuration
from mailferry.service.endpoints import Endpoints, EndpointSettings
from mailferry.service.reports import Reports
from mailferry.service.users import Users
from mailferry.service.views import BatchView
from mailferry.store import secrets
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring
from mailferry.store.schema import BATCH, USER

NOW = 1_800_000_000.0
HEADER = "EmailAddress,UserName,Password"


def csv(*rows: str, header: str = HEADER) -> bytes:
    """Write a CSV."""
    return "\r\n".join([header, *rows, ""]).encode()


def csv_of(*names: str) -> bytes:
    """Write a CSV of users, each with a password of its own."""
    return csv(*(f"{name}@contoso.com,{name},secret of {name}" for name in names))


@dataclass
class Scene:
    """What a test of the service needs. `woken`: the batches about which the dispatcher was told."""

    database: Database
    keyring: Keyring
    folder: Path
    now: float = NOW
    woken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.database, self.keyring, self.clock)
        self.batches = Batches(self.database, self.keyring, self.clock, self.wake)
        self.users = Users(self.database, self.clock, self.wake)
        self.reports = Reports(self.database, self.clock)
        self.config = Configuration(self.database, self.keyring)

    def clock(self) -> float:
        """Give the moment that the test has set."""
        return self.now

    def wake(self, batch_ids: Iterable[int]) -> None:
        """Note it."""
        self.woken += batch_ids

    async def source(self, name: str = "source", **given: Any) -> Endpoint:
        """Make an IMAP source that nobody has tested."""
        settings = EndpointSettings(**({"remote_server": "imap.contoso.com"} | given))
        return await self.endpoints.create(
            name, EndpointType.IMAP, EndpointRole.SOURCE, settings, skip_verification=True
        )

    async def target(self, name: str = "target", **given: Any) -> Endpoint:
        """Make an IMAP target that nobody has tested."""
        password = Secret(given.pop("password")) if "password" in given else None
        settings = EndpointSettings(**({"remote_server": "new.contoso.com", "password": password} | given))
        return await self.endpoints.create(
            name, EndpointType.IMAP, EndpointRole.TARGET, settings, skip_verification=True
        )

    async def archive(self, name: str = "archive", *, is_default: bool = True) -> Endpoint:
        """Make a Maildir target."""
        settings = EndpointSettings(path=str(self.folder / name), is_default=is_default)
        return await self.endpoints.create(name, EndpointType.MAILDIR, EndpointRole.TARGET, settings)

    async def places(self) -> None:
        """Make the endpoints that a batch needs."""
        await self.source()
        await self.archive()

    async def batch(
        self, *names: str, name: str = "b", settings: BatchSettings | None = None, **more: Any
    ) -> BatchView:
        """Make a batch of these users; it is started unless `auto_start` says otherwise."""
        more.setdefault("auto_start", True)
        return await self.batches.create(name, "source", csv_of(*names), settings, **more)

    async def batch_at(self, status: BatchStatus, *names: str, users: UserStatus = UserStatus.SYNCED) -> BatchView:
        """Make a batch, and put it and its users into a state."""
        view = await self.batch(*(names or ("ann",)))
        async with self.database.begin() as connection:
            await connection.execute(update(BATCH).where(BATCH.c.id == view.batch.id).values(status=status))
        await self.put(users)
        return await self.batches.get("b")

    async def put(self, status: UserStatus, address: str = "", **values: Any) -> None:
        """Put all users, or one, into a state, as a pass might have left them."""
        ran = {UserStatus.SYNCING: PassKind.INITIAL, UserStatus.INCREMENTAL_SYNCING: PassKind.INCREMENTAL}
        synced = status not in (UserStatus.QUEUED, UserStatus.SYNCING, UserStatus.STOPPED, UserStatus.FAILED)
        given: dict[str, Any] = {
            "status": status,
            "running_kind": ran.get(status),
            "claimed_by": "w/" if status in ran else None,
            "next_kind": PassKind.INITIAL if status is UserStatus.QUEUED else None,
            "initial_synced_at": self.now if synced else None,
        }
        change = update(USER).values(given | values)
        async with self.database.begin() as connection:
            await connection.execute(change.where(USER.c.email_address == address) if address else change)

    async def people(self, **filters: Any) -> dict[str, User]:
        """Give users by the part of the address before the `@`."""
        return {user.email_address.partition("@")[0]: user for user in await self.users.page(**filters)}

    async def secret(self, user: User) -> dict[str, str]:
        """Give what is sealed for a user."""
        async with self.database.connect() as connection:
            token = await secrets.get(connection, "user", user.id)
        return {name: secret.reveal() for name, secret in self.keyring.unseal(token).items()} if token else {}


PLAIN = EndpointSettings(remote_server="imap.contoso.com", security=Security.NONE)
