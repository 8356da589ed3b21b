"""Endpoints in the database. The caller owns the transaction; names are unique in any case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Select, insert, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Authentication, Endpoint, EndpointRole, EndpointType, Security
from mailferry.store.keys import name_key
from mailferry.store.schema import BATCH, ENDPOINT


async def add(connection: AsyncConnection, endpoint: Endpoint) -> Endpoint:
    """Store a new endpoint and give it with its id. Raises sqlalchemy.exc.IntegrityError if the name is taken."""
    await _only_default(connection, endpoint)
    result = await connection.execute(insert(ENDPOINT).values(_values(endpoint)).returning(ENDPOINT.c.id))
    return replace(endpoint, id=result.scalar_one())


async def find(connection: AsyncConnection, identity: str) -> Endpoint | None:
    """Find an endpoint by its name, in any case, or its GUID."""
    named = ENDPOINT.c.name_key == name_key(identity)
    query = select(ENDPOINT).where(or_(named, ENDPOINT.c.guid == identity.lower()))
    return await _one(connection, query.order_by(named.desc()))


async def by_id(connection: AsyncConnection, endpoint_id: int) -> Endpoint | None:
    """Give one endpoint."""
    return await _one(connection, select(ENDPOINT).where(ENDPOINT.c.id == endpoint_id))


async def all(  # noqa: A001 - read as endpoints.all()
    connection: AsyncConnection,
    *,
    role: EndpointRole | None = None,
    type: EndpointType | None = None,  # noqa: A002
) -> list[Endpoint]:
    """Give all endpoints by name, or those of one role or type."""
    query = select(ENDPOINT).order_by(ENDPOINT.c.name_key)
    if role is not None:
        query = query.where(ENDPOINT.c.role == role)
    if type is not None:
        query = query.where(ENDPOINT.c.type == type)
    return [_endpoint(row) for row in await connection.execute(query)]


async def update(connection: AsyncConnection, endpoint: Endpoint) -> None:
    """Store new settings. Limits hold for the next claim. Raises sqlalchemy.exc.IntegrityError if the name is taken."""
    await _only_default(connection, endpoint)
    values = _values(endpoint)
    del values["guid"], values["created_at"]
    await connection.execute(update_rows(ENDPOINT).where(ENDPOINT.c.id == endpoint.id).values(values))


async def delete(connection: AsyncConnection, endpoint_id: int) -> None:
    """Delete an endpoint that no batch uses. Raises sqlalchemy.exc.IntegrityError if one does."""
    await connection.execute(delete_rows(ENDPOINT).where(ENDPOINT.c.id == endpoint_id))


async def batches_using(connection: AsyncConnection, endpoint_id: int) -> list[str]:
    """Name the batches that have the endpoint as source or target."""
    query = select(BATCH.c.name).order_by(BATCH.c.name_key)
    used = or_(BATCH.c.source_endpoint_id == endpoint_id, BATCH.c.target_endpoint_id == endpoint_id)
    return list((await connection.execute(query.where(used))).scalars())


async def default_target(connection: AsyncConnection) -> Endpoint | None:
    """Give the target of the batches that name none."""
    return await _one(connection, select(ENDPOINT).where(ENDPOINT.c.is_default, ENDPOINT.c.role == EndpointRole.TARGET))


async def make_default(connection: AsyncConnection, endpoint_id: int) -> None:
    """Make a target the default one, and no other."""
    await connection.execute(update_rows(ENDPOINT).where(ENDPOINT.c.is_default).values(is_default=False))
    await connection.execute(update_rows(ENDPOINT).where(ENDPOINT.c.id == endpoint_id).values(is_default=True))


async def _only_default(connection: AsyncConnection, endpoint: Endpoint) -> None:
    if endpoint.is_default:
        await connection.execute(update_rows(ENDPOINT).where(ENDPOINT.c.is_default).values(is_default=False))


async def _one(connection: AsyncConnection, query: Select[Any]) -> Endpoint | None:
    row = (await connection.execute(query.limit(1))).first()
    return None if row is None else _endpoint(row)


def _values(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "guid": endpoint.guid,
        "name": endpoint.name,
        "name_key": name_key(endpoint.name),
        "type": endpoint.type,
        "role": endpoint.role,
        "remote_server": endpoint.remote_server,
        "port": endpoint.port,
        "security": endpoint.security,
        "authentication": endpoint.authentication,
        "accept_untrusted_certificates": endpoint.accept_untrusted_certificates,
        "max_migrations": endpoint.max_migrations,
        "max_incremental_syncs": endpoint.max_incremental_syncs,
        "max_per_login": endpoint.max_per_login,
        "path": endpoint.path,
        "user_template": endpoint.user_template,
        "admin_user": endpoint.admin_user,
        "is_default": endpoint.is_default,
        "created_at": endpoint.created_at,
        "changed_at": endpoint.changed_at,
    }


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        guid=row.guid,
        name=row.name,
        type=EndpointType(row.type),
        role=EndpointRole(row.role),
        remote_server=row.remote_server,
        port=row.port,
        security=Security(row.security),
        authentication=Authentication(row.authentication),
        accept_untrusted_certificates=row.accept_untrusted_certificates,
        max_migrations=row.max_migrations,
        max_incremental_syncs=row.max_incremental_syncs,
        max_per_login=row.max_per_login,
        path=row.path,
        user_template=row.user_template,
        admin_user=row.admin_user,
        is_default=row.is_default,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
