"""Batches: made from a CSV, started, stopped, completed and removed. Here that is asked for; the dispatcher does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration import csvfile
from mailferry.migration.csvfile import MAX_ROWS as MOST_ROWS
from mailferry.migration.model import Batch, Endpoint, EndpointRole
from mailferry.migration.states import BATCH_ACTIONS, Action, BatchStatus, StatusSummary
from mailferry.service.batchsettings import BatchSettings, blank_batch, checked_name, with_settings
from mailferry.service.config import Config
from mailferry.service.csvrows import Known, Taken, take
from mailferry.service.endpoints import find_endpoint
from mailferry.service.errors import AlreadyExists, InvalidValue, NotFound, WrongState
from mailferry.service.views import BatchView, RowErrorView, ServiceStatistics, numbers
from mailferry.store import batches as stored
from mailferry.store import endpoints, events, figures, rowerrors, settings, transitions, users
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring
from mailferry.store.keys import email_key
from mailferry.store.transitions import Selection

Wake = Callable[[Iterable[int]], None]
"""Tells the dispatcher that there is something to do, and in which batches (ids)."""


class Batches:
    """The batches of one service."""

    def __init__(self, database: Database, keyring: Keyring, now: Callable[[], float], wake: Wake) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now
        self._wake = wake

    async def create(
        self,
        name: str,
        source_endpoint: str,
        csv_data: bytes,
        given: BatchSettings | None = None,
        *,
        target_endpoint: str | None = None,
        auto_start: bool = False,
        allow_unknown_columns: bool = False,
        file_name: str = "",
        submitted_by: str = "",
    ) -> BatchView:
        """Make a batch of the mailboxes in a CSV. Rows in error are left out and listed (`row_errors`).

        Raises CsvFileError (nothing is made), InvalidValue, AlreadyExists, NotFound for an endpoint.
        """
        name, now = checked_name(name), self._now()
        file = await asyncio.to_thread(
            csvfile.parse, csv_data, allow_unknown_columns=allow_unknown_columns, filename=file_name
        )
        async with self._database.connect() as connection:
            await self._check_new(connection, name)
            source = await find_endpoint(connection, source_endpoint)
            target = await _target(connection, target_endpoint)
            known = await users.taken(connection, [email_key(row.email_address) for row in file.rows])
        if source.role is not EndpointRole.SOURCE:
            raise InvalidValue(f"The endpoint {source.name} is a target, not a source.", name="source_endpoint")
        taken = await asyncio.to_thread(take, file, target, Known(known), self._keyring)
        batch = with_settings(blank_batch(name, source, target, submitted_by, now), given or BatchSettings())
        waits = auto_start and batch.start_after is not None and batch.start_after > now
        if auto_start:
            batch = replace(batch, status=BatchStatus.WAITING if waits else BatchStatus.STARTING)
            batch = replace(batch, started_at=None if waits else now)
        async with self._database.begin() as connection:
            await self._check_new(connection, name)
            started_at = batch.started_at
            batch = await stored.add(connection, batch)
            if started_at is not None:
                await stored.set_moments(connection, batch.id, started_at=started_at)
            await self._add(connection, batch, taken, start=auto_start and not waits)
            await events.add(connection, "batch", batch.name, "", {"status": batch.status.value}, now)
        self._wake((batch.id,))
        return await self.get(batch.guid)

    async def get(self, identity: str) -> BatchView:
        """Give a batch by name (in any case) or GUID. Raises NotFound."""
        async with self._database.connect() as connection:
            return (await _views(connection, [await find_batch(connection, identity)]))[0]

    async def page(
        self,
        *,
        status: BatchStatus | None = None,
        endpoint: str = "",
        search: str = "",
        after: str = "",
        limit: int = 1000,
    ) -> list[BatchView]:
        """Give batches by name. `after`: the name of the last one of the page before."""
        async with self._database.connect() as connection:
            endpoint_id = (await find_endpoint(connection, endpoint)).id if endpoint else None
            found = await stored.page(
                connection, status=status, endpoint_id=endpoint_id, search=search, after=after, limit=limit
            )
            return await _views(connection, found)

    async def row_errors(self, identity: str) -> list[RowErrorView]:
        """Give the rows of the CSV that were left out."""
        async with self._database.connect() as connection:
            batch = await find_batch(connection, identity)
            found = await rowerrors.row_errors(connection, batch.id)
        return [RowErrorView(error.line, error.column, error.code, error.message, error.cells) for error in found]

    async def change(self, identity: str, given: BatchSettings) -> BatchView:
        """Change settings; folders count from the next pass on. Raises NotFound, WrongState, InvalidValue."""
        async with self._database.begin() as connection:
            batch = await _allowed(connection, identity, Action.EDIT)
            await stored.update(connection, with_settings(batch, given))
        self._wake((batch.id,))
        return await self.get(identity)

    async def add_users(
        self, identity: str, csv_data: bytes, *, allow_unknown_columns: bool = False, file_name: str = ""
    ) -> BatchView:
        """Add the mailboxes of a CSV that are not in the batch yet; they start at once if the batch is at work.

        Rows of users who failed give them another login; they are tried again at the next start. Raises CsvFileError,
        NotFound, WrongState.
        """
        file = await asyncio.to_thread(
            csvfile.parse, csv_data, allow_unknown_columns=allow_unknown_columns, filename=file_name
        )
        async with self._database.connect() as connection:
            batch = await _allowed(connection, identity, Action.EDIT)
            target = await endpoints.by_id(connection, batch.target_endpoint_id)
            assert target is not None
            taken_by = await users.taken(connection, [email_key(row.email_address) for row in file.rows])
            failed = await users.page(connection, batch_id=batch.id, summary=StatusSummary.FAILED, limit=MOST_ROWS)
        by_key = {email_key(user.email_address): user.id for user in failed}
        known = Known(taken_by, batch.name, frozenset(by_key))
        taken = await asyncio.to_thread(take, file, target, known, self._keyring)
        async with self._database.begin() as connection:
            batch = await _allowed(connection, identity, Action.EDIT)
            at_rest = (BatchStatus.CREATED, BatchStatus.WAITING, BatchStatus.STOPPED, BatchStatus.STOPPING)
            await self._add(connection, batch, taken, start=batch.status not in at_rest)
            for corrected in taken.corrected:
                await users.correct(connection, by_key[email_key(corrected.email_address)], corrected)
            if batch.status not in at_rest and taken.users:
                await stored.set_status(connection, batch.id, {batch.status}, BatchStatus.STARTING, self._now())
        self._wake((batch.id,))
        return await self.get(identity)

    async def start(self, identity: str) -> BatchView:
        """Start a batch, go on with a stopped one, or try its failed users again. Raises NotFound, WrongState."""
        now = self._now()
        async with self._database.begin() as connection:
            batch = await _allowed(connection, identity, Action.START)
            if batch.start_after is not None and batch.start_after > now:
                await self._move(connection, batch, Action.START, BatchStatus.WAITING)
            else:
                started = await transitions.start(connection, Selection(batch_id=batch.id), now)
                if started or batch.status in (BatchStatus.CREATED, BatchStatus.WAITING, BatchStatus.STOPPED):
                    await self._move(connection, batch, Action.START, BatchStatus.STARTING)
        self._wake((batch.id,))
        return await self.get(identity)

    async def stop(self, identity: str) -> BatchView:
        """Stop a batch: passes that run end within seconds, nothing runs until it is started again."""
        async with self._database.begin() as connection:
            batch = await _allowed(connection, identity, Action.STOP)
            await transitions.stop(connection, Selection(batch_id=batch.id), self._now())
            await self._move(connection, batch, Action.STOP, BatchStatus.STOPPING)
        self._wake((batch.id,))
        return await self.get(identity)

    async def sync_now(self, identity: str) -> BatchView:
        """Begin the incremental sync of all synced users now; failed users are not started."""
        async with self._database.begin() as connection:
            batch = await _allowed(connection, identity, Action.SYNC_NOW)
            await transitions.sync_now(connection, Selection(batch_id=batch.id), self._now())
        self._wake((batch.id,))
        return await self.get(identity)

    async def complete(self, identity: str) -> BatchView:
        """Do the last sync of each synced user and freeze them. Failed and stopped users stay as they are."""
        now = self._now()
        async with self._database.begin() as connection:
            batch = await _allowed(connection, identity, Action.COMPLETE)
            await stored.update(connection, replace(batch, complete_after=now))
            await transitions.complete(connection, Selection(batch_id=batch.id), now)
            await self._move(connection, batch, Action.COMPLETE, BatchStatus.COMPLETING)
        self._wake((batch.id,))
        return await self.get(identity)

    async def remove(self, identity: str) -> BatchView:
        """Begin to remove a batch with its users, secrets and ledgers. Mail on the target stays."""
        async with self._database.begin() as connection:
            batch = await _allowed(connection, identity, Action.REMOVE)
            await transitions.remove(connection, Selection(batch_id=batch.id), self._now())
            await self._move(connection, batch, Action.REMOVE, BatchStatus.REMOVING)
        self._wake((batch.id,))
        return await self.get(batch.guid)

    async def statistics(self) -> ServiceStatistics:
        """Give the totals over all batches."""
        async with self._database.connect() as connection:
            views = await _views(connection, await stored.page(connection, limit=1_000_000))
        names = ("total", "synced", "finalized", "failed", "stopped", "active", "items_synced", "bytes_synced")
        return ServiceStatistics(len(views), **{name: sum(int(getattr(v, name)) for v in views) for name in names})

    async def _check_new(self, connection: AsyncConnection, name: str) -> None:
        if await stored.find(connection, name) is not None:
            raise AlreadyExists(f"There is a batch {name!r} already.")
        config = Config.from_settings(await settings.get_all(connection))
        if len(await stored.page(connection, limit=config.max_number_of_batches)) >= config.max_number_of_batches:
            raise InvalidValue(f"There are {config.max_number_of_batches} batches, which is the limit.")

    async def _add(self, connection: AsyncConnection, batch: Batch, taken: Taken, *, start: bool) -> None:
        await users.add_many(connection, batch, taken.users, self._now(), start=start)
        await rowerrors.add_row_errors(connection, batch.id, taken.errors)

    async def _move(self, connection: AsyncConnection, batch: Batch, action: Action, status: BatchStatus) -> None:
        now = self._now()
        moments = {"started_at": now} if action is Action.START and batch.started_at is None else {}
        if not await stored.set_status(connection, batch.id, BATCH_ACTIONS[action], status, now, **moments):
            raise WrongState(f"The batch {batch.name} has just changed; look again.")
        await events.add(connection, "batch", batch.name, "", {"status": status.value}, now)


async def find_batch(connection: AsyncConnection, identity: str) -> Batch:
    """Give a batch within a transaction. Raises NotFound."""
    batch = await stored.find(connection, identity)
    if batch is None:
        raise NotFound(f"There is no batch {identity!r}.")
    return batch


async def _allowed(connection: AsyncConnection, identity: str, action: Action) -> Batch:
    batch = await find_batch(connection, identity)
    if batch.status not in BATCH_ACTIONS[action]:
        wanted = ", ".join(sorted(BATCH_ACTIONS[action]))
        raise WrongState(f"The batch {batch.name} is {batch.status}; {action} is possible when it is {wanted}.")
    return batch


async def _target(connection: AsyncConnection, identity: str | None) -> Endpoint:
    target = await find_endpoint(connection, identity) if identity else await endpoints.default_target(connection)
    if target is None:
        raise InvalidValue("There is no default target; name a target endpoint.", name="target_endpoint")
    if target.role is not EndpointRole.TARGET:
        raise InvalidValue(f"The endpoint {target.name} is a source, not a target.", name="target_endpoint")
    return target


async def _views(connection: AsyncConnection, found: Sequence[Batch]) -> list[BatchView]:
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
