"""Accepted domains: those of which the target takes mail. With a list, rows of other domains are left out of batches.

Exchange keeps such a list itself; any other target is asked by nobody, so the list is this service's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.csvrows import is_smtp_address
from mailferry.service.errors import AlreadyExists, InvalidValue, NotFound
from mailferry.store import settings
from mailferry.store.database import Database

SETTING = "accepted_domains"
LONGEST_NAME = 256


class DomainType(StrEnum):
    """Kept for those who ask; nothing here depends on it."""

    AUTHORITATIVE = "Authoritative"
    INTERNAL_RELAY = "InternalRelay"
    EXTERNAL_RELAY = "ExternalRelay"


@dataclass(frozen=True, slots=True)
class AcceptedDomain:
    """A domain; `*.contoso.com` stands for all below it. The first one made is the default."""

    name: str
    domain_name: str
    domain_type: DomainType = DomainType.AUTHORITATIVE
    is_default: bool = False
    created_at: float = 0.0


class Domains:
    """The accepted domains of one service."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def all(self) -> list[AcceptedDomain]:
        """Give all by name."""
        async with self._database.connect() as connection:
            return await accepted_domains(connection)

    async def get(self, identity: str) -> AcceptedDomain:
        """Give one by its name or its domain. Raises NotFound."""
        return _find(await self.all(), identity)

    async def create(
        self, name: str, domain_name: str, domain_type: DomainType = DomainType.AUTHORITATIVE
    ) -> AcceptedDomain:
        """Add a domain. Raises InvalidValue, AlreadyExists."""
        name, domain_name = name.strip(), domain_name.strip().rstrip(".").lower()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise InvalidValue(f"The name has 1 to {LONGEST_NAME} characters that can be seen.", name="name")
        if not is_smtp_address(f"user@{domain_name.removeprefix('*.')}"):
            raise InvalidValue(f"{domain_name!r} is no domain.", name="domain_name")
        async with self._database.begin() as connection:
            there = await accepted_domains(connection)
            taken = {each.name.casefold() for each in there} | {each.domain_name for each in there}
            if name.casefold() in taken or domain_name in taken:
                raise AlreadyExists(f"There is an accepted domain {name!r} or {domain_name!r} already.")
            domain = AcceptedDomain(name, domain_name, domain_type, not there, self._now())
            await _store(connection, [*there, domain])
        return domain

    async def remove(self, identity: str) -> None:
        """Remove a domain; users of batches stay as they are. Raises NotFound."""
        async with self._database.begin() as connection:
            there = await accepted_domains(connection)
            gone = _find(there, identity)
            await _store(connection, [each for each in there if each is not gone])


async def accepted_domains(connection: AsyncConnection) -> list[AcceptedDomain]:
    """Give all domains within a transaction."""
    stored = (await settings.get_all(connection)).get(SETTING, "[]")
    found = [
        AcceptedDomain(**{**entry, "domain_type": DomainType(entry["domain_type"])}) for entry in json.loads(stored)
    ]
    return sorted(found, key=lambda domain: domain.name.casefold())


def is_accepted(address: str, domains: Iterable[AcceptedDomain]) -> bool:
    """Say whether an address belongs to one of the domains; without domains every address does."""
    of_address = address.rpartition("@")[2].lower()
    patterns = [domain.domain_name for domain in domains]
    return not patterns or any(
        of_address.endswith(pattern[1:]) if pattern.startswith("*.") else of_address == pattern for pattern in patterns
    )


def _find(domains: Iterable[AcceptedDomain], identity: str) -> AcceptedDomain:
    for domain in domains:
        if identity.casefold() in (domain.name.casefold(), domain.domain_name):
            return domain
    raise NotFound(f"There is no accepted domain {identity!r}.")


async def _store(connection: AsyncConnection, domains: Iterable[AcceptedDomain]) -> None:
    await settings.put(connection, SETTING, json.dumps([asdict(domain) for domain in domains]))
