"""Finding what a request about batches names, and the figures of batches, within a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Batch, Endpoint, EndpointRole
from mailferry.migration.states import BATCH_ACTIONS, Action
from mailferry.service.endpoints import find_endpoint
from mailferry.service.errors import InvalidValue, NotFound, WrongState
from mailferry.service.views import BatchView, numbers
from mailferry.store import batches as stored
from mailferry.store import endpoints, figures, rowerrors


async def find_batch(connection: AsyncConnection, identity: str) -> Batch:
    """Give a batch within a transaction. Raises NotFound."""
    batch = await stored.find(connection, identity)
    if batch is None:
        raise NotFound(f"There is no batch {identity!r}.")
    return batch


async def allowed_batch(connection: AsyncConnection, identity: str, action: Action) -> Batch:
    """Give a batch whose state allows this. Raises NotFound, WrongState."""
    batch = await find_batch(connection, identity)
    if batch.status not in BATCH_ACTIONS[action]:
        wanted = ", ".join(sorted(BATCH_ACTIONS[action]))
        raise WrongState(f"The batch {batch.name} is {batch.status}; {action} is possible when it is {wanted}.")
    return batch


async def source_of(connection: AsyncConnection, identity: str) -> Endpoint:
    """Give the source endpoint of this name. Raises NotFound, InvalidValue."""
    source = await find_endpoint(connection, identity)
    if source.role is not EndpointRole.SOURCE:
        raise InvalidValue(f"The endpoint {source.name} is a target, not a source.", name="source_endpoint")
    return source


async def target_of(connection: AsyncConnection, identity: str | None) -> Endpoint:
    """Give the target endpoint of this name; None: the default target. Raises NotFound, InvalidValue."""
    target = await find_endpoint(connection, identity) if identity else await endpoints.default_target(connection)
    if target is None:
        raise InvalidValue("There is no default target; name a target endpoint.", name="target_endpoint")
    if target.role is not EndpointRole.TARGET:
        raise InvalidValue(f"The endpoint {target.name} is a source, not a target.", name="target_endpoint")
    return target


async def views_of(connection: AsyncConnection, found: Sequence[Batch]) -> list[BatchView]:
    """Put the figures beside batches."""
    ids = [batch.id for batch in found]
    counts, sums = await figures.counts(connection, ids), await figures.sums(connection, ids)
    errors = await rowerrors.row_error_counts(connection, ids)
    return [
        BatchView(
            batch,
            **numbers(counts[batch.id]),
            percentage=int(sums[batch.id].percentage),
            items_found=sums[batch.id].found,
            items_synced=sums[batch.id].synced,
            items_skipped=sums[batch.id].skipped,
            bytes_found=sums[batch.id].bytes_found,
            bytes_synced=sums[batch.id].bytes_synced,
            consistency=sums[batch.id].worst_consistency,
            row_errors=errors.get(batch.id, 0),
        )
        for batch in found
    ]
