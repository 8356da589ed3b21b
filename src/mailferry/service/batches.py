"""Batches: made from a CSV, started, stopped, completed and removed. Here that is asked for; the dispatcher does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration import csvfile
from mailferry.migration.model import Batch
from mailferry.migration.states import BATCH_ACTIONS, Action, BatchStatus, StatusSummary, UserStatus
from mailferry.service.batchlookup import allowed_batch, find_batch, source_of, target_of, views_of
from mailferry.service.batchsettings import BatchSettings, blank_batch, checked_name, with_settings
from mailferry.service.config import Config
from mailferry.service.csvrows import Known, Taken, take
from mailferry.service.domains import accepted_domains
from mailferry.service.endpoints import find_endpoint
from mailferry.service.errors import AlreadyExists, InvalidValue, WrongState
from mailferry.service.views import BatchView, BatchWithRows, RowErrorView, ServiceStatistics
from mailferry.store import batches as stored
from mailferry.store import endpoints, events, logins, rowerrors, settings, transitions, users
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring
from mailferry.store.keys import email_key
from mailferry.store.schema import USER
from mailferry.store.transitions import Selection

__all__ = ["Batches", "Wake", "find_batch"]

Wake = Callable[[Iterable[int]], None]
"""Tells the dispatcher that there is something to do, and in which batches (ids)."""

_AT_REST = frozenset({BatchStatus.CREATED, BatchStatus.WAITING, BatchStatus.STOPPED, BatchStatus.STOPPING})
"""Users who are added to a batch in these states start with it."""


class Batches:
    """The batches of one service."""

    def __init__(self, database: Database, keyring: Keyring, now: Callable[[], float], wake: Wake) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now
        self._wake = wake
        self._adding = asyncio.Lock()  # a mailbox must not get into two batches between the look and the writing

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
        async with self._adding:
            async with self._database.connect() as connection:
                await self._check_new(connection, name)
                source = await source_of(connection, source_endpoint)
                target = await target_of(connection, target_endpoint)
                taken_by = await users.taken(connection, [email_key(row.email_address) for row in file.rows])
                shared = await logins.shared_names(connection, source.id)
                known = Known(taken_by, domains=await accepted_domains(connection), shared=shared)
            blank = blank_batch(name, source, target, submitted_by, now)
            batch = with_settings(blank, given or BatchSettings(), now)
            taken = await asyncio.to_thread(take, file, target, known, self._keyring)
            waits = auto_start and batch.start_after is not None and batch.start_after > now
            if auto_start:
                batch = replace(batch, status=BatchStatus.WAITING if waits else BatchStatus.STARTING)
            async with self._database.begin() as connection:
                await self._check_new(connection, name)
                try:
                    batch = await stored.add(connection, batch)
                except IntegrityError:  # another process was quicker
                    raise AlreadyExists(f"There is a batch {name!r} already.") from None
                if batch.status is BatchStatus.STARTING:
                    await stored.set_moments(connection, batch.id, started_at=now)
                await self._add(connection, batch, taken, start=auto_start and not waits)
                await events.add(connection, "batch", batch.name, "", {"status": batch.status.value}, now)
        self._wake((batch.id,))
        return await self.get(batch.guid)

    async def get(self, identity: str) -> BatchView:
        """Give a batch by name (in any case) or GUID. Raises NotFound."""
        async with self._database.connect() as connection:
            return (await views_of(connection, [await find_batch(connection, identity)]))[0]

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
            return await views_of(connection, found)

    async def row_errors(self, identity: str) -> list[RowErrorView]:
        """Give the rows of the CSV that were left out."""
        async with self._database.connect() as connection:
            batch = await find_batch(connection, identity)
            found = await rowerrors.row_errors(connection, batch.id)
        return [RowErrorView(error.line, error.column, error.code, error.message, error.cells) for error in found]

    async def change(self, identity: str, given: BatchSettings) -> BatchView:
        """Change settings; folders count from the next pass on. Raises NotFound, WrongState, InvalidValue."""
        async with self._database.begin() as connection:
            batch = await allowed_batch(connection, identity, Action.EDIT)
            changed = with_settings(batch, given, self._now())
            await stored.update(connection, changed)
            if changed.priority != batch.priority:  # a user's own priority stays
                as_before = (USER.c.batch_id == batch.id, USER.c.priority == batch.priority)
                await connection.execute(update(USER).where(*as_before).values(priority=changed.priority))
        self._wake((batch.id,))
        return await self.get(identity)

    async def add_users(
        self, identity: str, csv_data: bytes, *, allow_unknown_columns: bool = False, file_name: str = ""
    ) -> BatchWithRows:
        """Add the mailboxes of a CSV that are not in the batch yet; they start at once if the batch is at work.

        Rows of users in whom nothing runs give them another login or password for the next pass; those who failed are
        tried again at the next start. Raises CsvFileError, NotFound,
        WrongState.
        """
        file = await asyncio.to_thread(
            csvfile.parse, csv_data, allow_unknown_columns=allow_unknown_columns, filename=file_name
        )
        async with self._adding:
            async with self._database.connect() as connection:
                batch = await allowed_batch(connection, identity, Action.EDIT)
                target = await endpoints.by_id(connection, batch.target_endpoint_id)
                assert target is not None
                taken_by = await users.taken(connection, [email_key(row.email_address) for row in file.rows])
                by_key = await logins.of_batch(connection, batch.id)
                shared = await logins.shared_names(connection, batch.source_endpoint_id)
                known = Known(taken_by, batch.name, by_key, await accepted_domains(connection), shared)
            taken = await asyncio.to_thread(take, file, target, known, self._keyring)
            async with self._database.begin() as connection:
                batch = await allowed_batch(connection, batch.guid, Action.EDIT)
                await self._add(connection, batch, taken, start=batch.status not in _AT_REST)
                await logins.correct(connection, taken.corrected)
                if batch.status not in _AT_REST and taken.users:
                    await stored.set_status(connection, batch.id, {batch.status}, BatchStatus.STARTING, self._now())
        self._wake((batch.id,))
        return BatchWithRows.of(await self.get(batch.guid), taken.counts)

    async def start(self, identity: str) -> BatchView:
        """Start a batch, go on with a stopped one, or try its failed users again. Raises NotFound, WrongState.

        One that is not at work waits for its `start_after`; one that waits already begins now. Users who wait after an
        error are tried again now.
        """
        now = self._now()
        async with self._database.begin() as connection:
            batch = await allowed_batch(connection, identity, Action.START)
            idle = batch.status in (BatchStatus.CREATED, BatchStatus.STOPPED)
            if idle and batch.start_after is not None and batch.start_after > now:
                await self._move(connection, batch, Action.START, BatchStatus.WAITING)
            else:
                if batch.status is BatchStatus.WAITING:  # who starts it now does not want to wait any more
                    await stored.update(connection, replace(batch, start_after=now))
                started = await transitions.start(connection, Selection(batch_id=batch.id), now)
                await transitions.try_again(connection, Selection(batch_id=batch.id), now)
                if started or idle or batch.status is BatchStatus.WAITING:
                    await self._move(connection, batch, Action.START, BatchStatus.STARTING)
        self._wake((batch.id,))
        return await self.get(identity)

    async def stop(self, identity: str) -> BatchView:
        """Stop a batch: passes that run end within seconds, nothing runs until it is started again."""
        async with self._database.begin() as connection:
            batch = await allowed_batch(connection, identity, Action.STOP)
            await transitions.stop(connection, Selection(batch_id=batch.id), self._now())
            await self._move(connection, batch, Action.STOP, BatchStatus.STOPPING)
        self._wake((batch.id,))
        return await self.get(identity)

    async def sync_now(self, identity: str) -> BatchView:
        """Begin the incremental sync of all synced users now; failed users are not started."""
        async with self._database.begin() as connection:
            batch = await allowed_batch(connection, identity, Action.SYNC_NOW)
            await transitions.sync_now(connection, Selection(batch_id=batch.id), self._now())
        self._wake((batch.id,))
        return await self.get(identity)

    async def complete(self, identity: str) -> BatchView:
        """Do the last sync of each synced user and freeze them. Failed and stopped users stay as they are.

        Raises NotFound, WrongState, also if no user is synced or on the way to it.
        """
        now = self._now()
        async with self._database.begin() as connection:
            batch = await allowed_batch(connection, identity, Action.COMPLETE)
            counts = (await stored.counts(connection, [batch.id]))[batch.id]
            if not counts.of(StatusSummary.SYNCED) + counts.of(StatusSummary.ACTIVE) - counts[UserStatus.REMOVING]:
                raise WrongState(
                    f"The batch {batch.name} has no synced user to complete; start its failed users first."
                )
            await stored.update(connection, replace(batch, complete_after=now))
            await transitions.complete(connection, Selection(batch_id=batch.id), now)
            await self._move(connection, batch, Action.COMPLETE, BatchStatus.COMPLETING)
        self._wake((batch.id,))
        return await self.get(identity)

    async def remove(self, identity: str) -> BatchView:
        """Begin to remove a batch with its users, secrets and ledgers. Mail on the target stays."""
        async with self._database.begin() as connection:
            batch = await allowed_batch(connection, identity, Action.REMOVE)
            await transitions.remove(connection, Selection(batch_id=batch.id), self._now())
            await self._move(connection, batch, Action.REMOVE, BatchStatus.REMOVING)
        self._wake((batch.id,))
        return await self.get(batch.guid)

    async def statistics(self) -> ServiceStatistics:
        """Give the totals over all batches."""
        async with self._database.connect() as connection:
            views = await views_of(connection, await stored.page(connection, limit=1_000_000))
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
        moments = {"started_at": now} if status is BatchStatus.STARTING and batch.started_at is None else {}
        if not await stored.set_status(connection, batch.id, BATCH_ACTIONS[action], status, now, **moments):
            raise WrongState(f"The batch {batch.name} has just changed; look again.")
        await events.add(connection, "batch", batch.name, "", {"status": status.value}, now)
