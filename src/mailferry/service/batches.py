"""Batches: started, stopped, completed and removed. Here that is asked for; the dispatcher does it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration import csvfile
from mailferry.migration.model import Batch
from mailferry.migration.states import BATCH_ACTIONS, Action, BatchStatus, StatusSummary, UserStatus
from mailferry.service.batchlookup import allowed_batch, find_batch, views_of
from mailferry.service.batchsettings import BatchSettings, with_settings
from mailferry.service.csvrows import Known, sources_of, take
from mailferry.service.domains import accepted_domains
from mailferry.service.endpoints import find_endpoint
from mailferry.service.errors import WrongState
from mailferry.service.newbatches import NewBatches, Wake
from mailferry.service.views import BatchView, BatchWithRows, RowErrorView, ServiceStatistics
from mailferry.store import batches as stored
from mailferry.store import endpoints, events, logins, rowerrors, transitions, users
from mailferry.store.keys import email_key
from mailferry.store.schema import USER
from mailferry.store.transitions import Selection

__all__ = ["Batches", "Wake", "find_batch"]

_AT_REST = frozenset({BatchStatus.CREATED, BatchStatus.WAITING, BatchStatus.STOPPED, BatchStatus.STOPPING})
"""Users who are added to a batch in these states start with it."""


class Batches(NewBatches):
    """The batches of one service."""

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
                holders = await logins.holders(connection, batch.source_endpoint_id, sources_of(file))
                domains = await accepted_domains(connection)
                known = Known(taken_by, batch.name, by_key, domains, shared, holders=holders)
            taken = await asyncio.to_thread(take, file, target, known, self._keyring)
            async with self._database.begin() as connection:
                batch = await allowed_batch(connection, batch.guid, Action.EDIT)
                await self._add(connection, batch, file, taken, start=batch.status not in _AT_REST)
                await logins.correct(connection, taken.corrected)
                if batch.status not in _AT_REST and taken.users:
                    await stored.set_status(connection, batch.id, {batch.status}, BatchStatus.STARTING, self._now())
        self._wake((batch.id,))
        return BatchWithRows.of(await self.get(batch.guid), taken.counts)

    async def start(self, identity: str) -> BatchView:
        """Start a batch, go on with a stopped one, or try its failed users again. Raises NotFound, WrongState.

        One that is not at work waits for its `start_after`; one that waits already begins now. Users who wait after an
        error are tried again now. Raises WrongState, too, if the batch has no users.
        """
        now = self._now()
        async with self._database.begin() as connection:
            batch = await allowed_batch(connection, identity, Action.START)
            counts = (await stored.counts(connection, [batch.id]))[batch.id]
            if counts.total == counts[UserStatus.REMOVING]:
                raise WrongState(
                    f"The batch {batch.name} has no users. Add some (Set-MigrationBatch -CSVData), or remove the batch."
                )
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

    async def _move(self, connection: AsyncConnection, batch: Batch, action: Action, status: BatchStatus) -> None:
        now = self._now()
        moments = {"started_at": now} if status is BatchStatus.STARTING and batch.started_at is None else {}
        if not await stored.set_status(connection, batch.id, BATCH_ACTIONS[action], status, now, **moments):
            raise WrongState(f"The batch {batch.name} has just changed; look again.")
        await events.add(connection, "batch", batch.name, "", {"status": status.value}, now)
