"""Tokens of the API. The database has their SHA-256 digests only; a token is shown once, when it is made.

A token is 256 bits from the system's random source, so a plain digest is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.exc import IntegrityError

from mailferry.imap.values import Secret
from mailferry.service.errors import AlreadyExists, InUse, InvalidValue, NotFound
from mailferry.store import tokens as stored
from mailferry.store.database import Database

PREFIX = "mf_"
"""How each token begins, so that scanners find one that leaked."""

LONGEST_NAME = 64
_BYTES = 32


class Role(StrEnum):
    """What the bearer of a token may do: everything, or look."""

    OPERATOR = "operator"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token, without the token. `created_at`: seconds since 1970, UTC."""

    name: str
    role: Role
    created_at: float = 0.0


class Tokens:
    """The tokens of one service."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def create(self, name: str, role: Role) -> tuple[TokenView, Secret]:
        """Make a token; nobody can see it again. Raises InvalidValue, AlreadyExists."""
        name = name.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise InvalidValue(f"The name of a token has 1 to {LONGEST_NAME} characters that can be seen.", name="name")
        token = Secret(PREFIX + secrets.token_urlsafe(_BYTES))
        now = self._now()
        try:
            async with self._database.begin() as connection:
                await stored.add(connection, name, role.value, _digest(token.reveal()), now)
        except IntegrityError:
            raise AlreadyExists(f"There is a token {name!r} already.") from None
        return TokenView(name, role, now), token

    async def check(self, presented: str) -> TokenView | None:
        """Say whose token this is; None: nobody's."""
        digest = _digest(presented)
        async with self._database.connect() as connection:
            found = await stored.find(connection, digest)
        if found is None or not hmac.compare_digest(found.digest, digest):
            return None
        return TokenView(found.name, Role(found.role), found.created_at)

    async def all(self) -> list[TokenView]:
        """Give all tokens by name."""
        async with self._database.connect() as connection:
            found = await stored.all(connection)
        return sorted((TokenView(t.name, Role(t.role), t.created_at) for t in found), key=lambda token: token.name)

    async def remove(self, name: str) -> None:
        """Make a token worthless at once. Raises NotFound; InUse for the last operator's, which would lock out."""
        async with self._database.begin() as connection:
            operators = {token.name for token in await stored.all(connection) if token.role == Role.OPERATOR}
            if operators == {name}:
                raise InUse(f"{name} is the only token of an operator; make another one first.")
            if not await stored.delete(connection, name):
                raise NotFound(f"There is no token {name!r}.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
