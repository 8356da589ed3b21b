"""Endpoints: made and changed after a test of the connection, removed when nothing uses them."""

from __future__ import annotations

import ipaddress
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.imap.values import Secret
from mailferry.migration.model import Authentication, Endpoint, EndpointRole, EndpointType, Security
from mailferry.migration.report import sentence
from mailferry.service.availability import Availability, ServerSettings, test_server
from mailferry.service.errors import AlreadyExists, EndpointUnavailable, InUse, InvalidValue, NotFound
from mailferry.service.targets import PASSWORD, check_template, needs_own_secret
from mailferry.store import endpoints as stored
from mailferry.store import secrets
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring

MOST_CONCURRENT = 300
_WRITABLE = "Name a folder that the account running Mailferry can make and write to, or give it that right."
_UNTESTED = "Or save the endpoint untested with SkipVerification."
USUAL_PORTS = {Security.SSL: 993, Security.TLS: 143, Security.NONE: 143}


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """What a person gives; None: the default, or when an endpoint is changed: as it was.

    `password` is that of the administrator of a target (`Endpoint.admin_user` or `user_template`).
    """

    remote_server: str | None = None
    port: int | None = None
    security: Security | None = None
    authentication: Authentication | None = None
    accept_untrusted_certificates: bool | None = None
    max_concurrent_migrations: int | None = None
    max_concurrent_incremental_syncs: int | None = None
    max_connections_per_login: int | None = None
    path: str | None = None
    user_template: str | None = None
    admin_user: str | None = None
    password: Secret | None = None
    is_default: bool | None = None


class Endpoints:
    """The endpoints of one service."""

    def __init__(self, database: Database, keyring: Keyring, now: Callable[[], float]) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def create(
        self,
        name: str,
        type: EndpointType,  # noqa: A002 - the service's word
        role: EndpointRole,
        settings: EndpointSettings,
        *,
        skip_verification: bool = False,
    ) -> Endpoint:
        """Make an endpoint. Raises InvalidValue, AlreadyExists, and EndpointUnavailable if its test fails."""
        now = self._now()
        blank = Endpoint(0, str(uuid.uuid4()), _checked_name(name), type, role, created_at=now, changed_at=now)
        if role is EndpointRole.TARGET:
            blank = unlimited(blank)
        endpoint = _with(blank, settings)
        await self._must_be_free(endpoint.name)
        if not skip_verification:
            await self._must_answer(endpoint)
        async with self._database.begin() as connection:
            try:
                endpoint = await stored.add(connection, endpoint)
            except IntegrityError:  # somebody else was quicker while this one was tested
                raise AlreadyExists(f"There is an endpoint {endpoint.name!r} already.") from None
            await self._keep_secret(connection, endpoint, settings.password)
        return endpoint

    async def get(self, identity: str) -> Endpoint:
        """Give an endpoint by name (in any case) or GUID. Raises NotFound."""
        async with self._database.connect() as connection:
            return await find_endpoint(connection, identity)

    async def all(self, *, role: EndpointRole | None = None, type: EndpointType | None = None) -> list[Endpoint]:  # noqa: A002
        """Give all endpoints, or those of a role or a type, by name."""
        async with self._database.connect() as connection:
            return await stored.all(connection, role=role, type=type)

    async def change(self, identity: str, settings: EndpointSettings, *, skip_verification: bool = False) -> Endpoint:
        """Change settings; limits hold from now on, the rest from the next pass of each user.

        Raises NotFound, InvalidValue, and EndpointUnavailable if the connection was changed and its test fails.
        """
        before = await self.get(identity)
        after = _with(before, settings)
        if not skip_verification and _connection(before) != _connection(after):
            await self._must_answer(after)
        async with self._database.begin() as connection:
            # Read again: the test takes a while, and somebody else may have changed another setting meanwhile.
            before = await find_endpoint(connection, before.guid)
            after = _with(replace(before, changed_at=self._now()), settings)
            await stored.update(connection, after)
            await self._keep_secret(connection, after, settings.password)
        return await self.get(after.guid)

    async def remove(self, identity: str) -> None:
        """Remove an endpoint with its secret. Raises NotFound, InUse."""
        async with self._database.begin() as connection:
            endpoint = await find_endpoint(connection, identity)
            users = await stored.batches_using(connection, endpoint.id)
            if users:
                shown = ", ".join(users[:5]) + (" and more" if len(users) > 5 else "")
                raise InUse(f"The endpoint {endpoint.name} is used by {shown}.")
            if endpoint.is_default:
                raise InUse(f"The endpoint {endpoint.name} is the default target; make another one the default first.")
            await secrets.delete(connection, "endpoint", endpoint.id)
            await stored.delete(connection, endpoint.id)
        await self._database.scrub()

    async def test(self, identity: str) -> Availability:
        """Test the connection of a stored endpoint."""
        return await test_endpoint(await self.get(identity))

    async def _must_be_free(self, name: str) -> None:
        async with self._database.connect() as connection:
            if await stored.find(connection, name) is not None:
                raise AlreadyExists(f"There is an endpoint {name!r} already.")

    async def _must_answer(self, endpoint: Endpoint) -> None:
        found = await test_endpoint(endpoint)
        if found.result != "Success":
            detail = f" {sentence(found.error_detail)}" if found.error_detail else ""
            cure = " ".join(step.advice for step in found.steps if step.state == "failed")
            cure = _WRITABLE if endpoint.type is EndpointType.MAILDIR else cure
            advice = f"{sentence(cure)} {_UNTESTED}" if cure else ""
            raise EndpointUnavailable(f"{found.message}{detail}", advice=advice)

    async def _keep_secret(self, connection: AsyncConnection, endpoint: Endpoint, password: Secret | None) -> None:
        if endpoint.role is not EndpointRole.TARGET or endpoint.type is not EndpointType.IMAP:
            return
        if not needs_own_secret(endpoint):
            await secrets.delete(connection, "endpoint", endpoint.id)
        elif password is not None:
            token = self._keyring.seal({PASSWORD: password.reveal()})
            await secrets.put(connection, "endpoint", endpoint.id, token)
        elif await secrets.get(connection, "endpoint", endpoint.id) is None:
            raise InvalidValue("An administrator's login needs the administrator's password.", name="password")


async def find_endpoint(connection: AsyncConnection, identity: str) -> Endpoint:
    """Give an endpoint within a transaction. Raises NotFound."""
    endpoint = await stored.find(connection, identity)
    if endpoint is None:
        raise NotFound(f"There is no endpoint {identity!r}.")
    return endpoint


async def test_endpoint(endpoint: Endpoint) -> Availability:
    """Test the connection of an endpoint; of an archive folder: that it can be written."""
    if endpoint.type is EndpointType.MAILDIR:
        return _test_folder(Path(endpoint.path))
    return await test_server(
        ServerSettings(
            remote_server=endpoint.remote_server,
            port=endpoint.port,
            security=endpoint.security,
            authentication=endpoint.authentication,
            accept_untrusted_certificates=endpoint.accept_untrusted_certificates,
        )
    )


def _test_folder(path: Path) -> Availability:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "it cannot be written by this user")
    except OSError as error:
        reason = error.strerror or str(error)
        return Availability("Failed", f"The folder {path} cannot be used.", reason, str(path), ())
    return Availability("Success", f"The folder {path} can be written.", "", str(path), ())


def _connection(endpoint: Endpoint) -> tuple[object, ...]:
    return (
        endpoint.remote_server,
        endpoint.port,
        endpoint.security,
        endpoint.authentication,
        endpoint.accept_untrusted_certificates,
        endpoint.path,
    )


def _with(endpoint: Endpoint, given: EndpointSettings) -> Endpoint:
    """Put what was given over what there is. Raises InvalidValue."""

    def chosen(value: object, otherwise: object) -> object:
        return otherwise if value is None else value

    security = Security(str(chosen(given.security, endpoint.security)))
    port = given.port
    if port is None:
        changed_kind = given.security is not None and endpoint.port in (0, USUAL_PORTS[endpoint.security])
        port = USUAL_PORTS[security] if not endpoint.port or changed_kind else endpoint.port
    limits = _limits(endpoint, given)
    after = replace(
        endpoint,
        remote_server=str(chosen(given.remote_server, endpoint.remote_server)).strip().rstrip("."),
        port=port,
        security=security,
        authentication=Authentication(str(chosen(given.authentication, endpoint.authentication))),
        accept_untrusted_certificates=bool(
            chosen(given.accept_untrusted_certificates, endpoint.accept_untrusted_certificates)
        ),
        max_migrations=limits[0],
        max_incremental_syncs=limits[1],
        max_per_login=limits[2],
        path=str(Path(given.path).expanduser().absolute()) if given.path else endpoint.path,
        user_template=str(chosen(given.user_template, endpoint.user_template)),
        admin_user=str(chosen(given.admin_user, endpoint.admin_user)),
        is_default=bool(chosen(given.is_default, endpoint.is_default)),
    )
    return _consistent(after, given, was_default=endpoint.is_default)


def _limits(endpoint: Endpoint, given: EndpointSettings) -> tuple[int, int, int]:
    migrations, syncs, logins = (
        given.max_concurrent_migrations,
        given.max_concurrent_incremental_syncs,
        given.max_connections_per_login,
    )
    named = (
        ("max_concurrent_migrations", migrations),
        ("max_concurrent_incremental_syncs", syncs),
        ("max_connections_per_login", logins),
    )
    for name, value in named:
        if value is not None and not 1 <= value <= MOST_CONCURRENT:
            raise InvalidValue(f"{name} is 1 to {MOST_CONCURRENT}, not {value}.", name=name)
    most = migrations or endpoint.max_migrations
    if syncs is not None and 0 < most < syncs:
        raise InvalidValue(
            f"{syncs} concurrent incremental syncs are more than {most} concurrent migrations.",
            name="max_concurrent_incremental_syncs",
        )
    syncs = syncs or endpoint.max_incremental_syncs
    return most, min(most, syncs) if most else syncs, logins or endpoint.max_per_login


def unlimited(endpoint: Endpoint) -> Endpoint:
    """Give a target its defaults: the limits of the sources are enough for most."""
    return replace(endpoint, max_migrations=0, max_incremental_syncs=0, max_per_login=0)


def _consistent(endpoint: Endpoint, given: EndpointSettings, *, was_default: bool) -> Endpoint:
    if endpoint.is_default and endpoint.role is not EndpointRole.TARGET:
        raise InvalidValue("Only a target endpoint can be the default target.", name="is_default")
    if was_default and not endpoint.is_default:
        raise InvalidValue("There must be a default target; make another one the default.", name="is_default")
    if endpoint.type is EndpointType.MAILDIR:
        if endpoint.role is not EndpointRole.TARGET:
            raise InvalidValue("A Maildir endpoint is a target; a source is an IMAP server.", name="type")
        if not endpoint.path:
            raise InvalidValue("A Maildir endpoint needs the path of a folder.", name="path")
        return endpoint
    if not _may_be_host(endpoint.remote_server):
        raise InvalidValue(f"{endpoint.remote_server!r} is no host name.", name="remote_server")
    if not 1 <= endpoint.port <= 65_535:
        raise InvalidValue(f"A port is 1 to 65535, not {endpoint.port}.", name="port")
    if endpoint.role is EndpointRole.SOURCE and (endpoint.user_template or endpoint.admin_user or given.password):
        raise InvalidValue("The CSV has the login names of a source; a template is for targets.", name="user_template")
    if endpoint.user_template:
        check_template(endpoint.user_template)
    return endpoint


def _may_be_host(name: str) -> bool:
    if ":" in name:
        with suppress(ValueError):
            return bool(ipaddress.IPv6Address(name))
        return False
    return bool(name) and not any(c.isspace() or c in "/@" for c in name)


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > 256 or not name.isprintable():
        raise InvalidValue("The name of an endpoint has 1 to 256 characters that can be seen.", name="name")
    return name.strip()
