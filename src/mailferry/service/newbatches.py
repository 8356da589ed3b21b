"""The part of `Batches` that makes new ones: of the rows of a CSV, or of users of other batches."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration import csvfile
from mailferry.migration.csvfile import CsvFile
from mailferry.migration.model import Batch, User
from mailferry.migration.states import BatchStatus
from mailferry.service.batchlookup import find_batch, source_of, target_of, views_of
from mailferry.service.batchsettings import BatchSettings, blank_batch, checked_name, with_settings
from mailferry.service.config import Config
from mailferry.service.copying import chosen_users, places_of, with_their_settings
from mailferry.service.csvrows import Known, Taken, sources_of, take
from mailferry.service.domains import accepted_domains
from mailferry.service.errors import AlreadyExists, InvalidValue, NoUsableRow, WrongState
from mailferry.service.views import BatchView
from mailferry.store import batches as stored
from mailferry.store import events, logins, moving, rowerrors, settings, users
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring
from mailferry.store.keys import email_key

Wake = Callable[[Iterable[int]], None]
"""Tells the dispatcher that there is something to do, and in which batches (ids)."""


class NewBatches:
    """How batches are made."""

    def __init__(self, database: Database, keyring: Keyring, now: Callable[[], float], wake: Wake) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now
        self._wake = wake
        self._adding = asyncio.Lock()  # a mailbox must not get into two batches between the look and the writing

    async def get(self, identity: str) -> BatchView:
        """Give a batch by name (in any case) or GUID. Raises NotFound."""
        async with self._database.connect() as connection:
            return (await views_of(connection, [await find_batch(connection, identity)]))[0]

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
        adopt_preexisting: bool = False,
        remove_on_copy: bool = False,
    ) -> BatchView:
        """Make a batch of the mailboxes in a CSV. Rows in error are left out and listed (`row_errors`).

        `adopt_preexisting`: users who are in another batch go over to this one with their ledgers, and take the logins
        of the file. `remove_on_copy` says the same as Exchange does: nothing of them stays in their old batches.
        Raises CsvFileError (nothing is made), InvalidValue, AlreadyExists, NotFound for an endpoint.
        """
        name, now = checked_name(name), self._now()
        file = await asyncio.to_thread(
            csvfile.parse, csv_data, allow_unknown_columns=allow_unknown_columns, filename=file_name
        )
        if remove_on_copy and not adopt_preexisting:
            raise InvalidValue("remove_on_copy needs adopt_preexisting.", name="remove_on_copy")
        keys = [email_key(row.email_address) for row in file.rows]
        async with self._adding:
            async with self._database.connect() as connection:
                await self._check_new(connection, name)
                source = await source_of(connection, source_endpoint)
                target = await target_of(connection, target_endpoint)
                taken_by = await users.taken(connection, keys)
                shared = await logins.shared_names(connection, source.id)
                adopted = await moving.in_open_batches(connection, keys) if adopt_preexisting else {}
                domains = await accepted_domains(connection)
                holders = await logins.holders(connection, source.id, sources_of(file))
                known = Known(taken_by, domains=domains, shared=shared, adopted=adopted, holders=holders)
            blank = blank_batch(name, source, target, submitted_by, now)
            batch = with_settings(blank, given or BatchSettings(), now)
            taken = await asyncio.to_thread(take, file, target, known, self._keyring)
            async with self._database.begin() as connection:
                batch, start = await self._begin(connection, batch, now, auto_start=auto_start)
                left = {user.batch_id for user in adopted.values()}
                await self._adopt(connection, batch, taken, now, start=start)
                await self._tell_old(
                    connection, [user for user in adopted.values() if user.id in taken.adopted], batch, now
                )
                if not taken.users and not taken.adopted:
                    raise NoUsableRow.of(taken.errors)
                await self._add(connection, batch, file, taken, start=start)
                await self._told(connection, batch, now)
        self._wake((batch.id, *left))
        return await self.get(batch.guid)

    async def create_of_users(
        self,
        name: str,
        user_ids: Sequence[str],
        given: BatchSettings | None = None,
        *,
        source_endpoint: str | None = None,
        target_endpoint: str | None = None,
        disable_on_copy: bool = False,
        auto_start: bool = False,
        submitted_by: str = "",
    ) -> BatchView:
        """Make a batch of users of other batches, named by address or GUID. They go over with password and ledger.

        Endpoints and folders that are not given are those of the old batch, which has the users no more. Those who are
        at work there are taken with `disable_on_copy` only.
        Raises InvalidValue, AlreadyExists, WrongState, UserActive, NotFound for an endpoint or a user.
        """
        name, now = checked_name(name), self._now()
        given = given or BatchSettings()
        async with self._adding, self._database.begin() as connection:
            await self._check_new(connection, name)
            chosen = await chosen_users(connection, user_ids, disabled=disable_on_copy)
            source, target = await places_of(connection, chosen, source_endpoint, target_endpoint)
            given = await with_their_settings(connection, chosen, given)
            blank = blank_batch(name, source, target, submitted_by, now)
            batch, start = await self._begin(connection, with_settings(blank, given, now), now, auto_start=auto_start)
            ids = {user.id for user in chosen}
            if await moving.move(connection, batch, ids, now, start=start) != ids:
                raise WrongState("A pass of one of the users has just begun; look again.")  # nothing is made then
            await self._tell_old(connection, chosen, batch, now)
            await self._told(connection, batch, now)
        self._wake((batch.id, *{user.batch_id for user in chosen}))
        return await self.get(batch.guid)

    async def _check_new(self, connection: AsyncConnection, name: str) -> None:
        if await stored.find(connection, name) is not None:
            raise AlreadyExists(f"There is a batch {name!r} already.")
        config = Config.from_settings(await settings.get_all(connection))
        if len(await stored.page(connection, limit=config.max_number_of_batches)) >= config.max_number_of_batches:
            raise InvalidValue(f"There are {config.max_number_of_batches} batches, which is the limit.")

    async def _begin(
        self, connection: AsyncConnection, batch: Batch, now: float, *, auto_start: bool
    ) -> tuple[Batch, bool]:
        """Store a batch without its users. True: they are to start at once."""
        await self._check_new(connection, batch.name)
        waits = auto_start and batch.start_after is not None and batch.start_after > now
        if auto_start:
            batch = replace(batch, status=BatchStatus.WAITING if waits else BatchStatus.STARTING)
        try:
            batch = await stored.add(connection, batch)
        except IntegrityError:  # another process was quicker
            raise AlreadyExists(f"There is a batch {batch.name!r} already.") from None
        if batch.status is BatchStatus.STARTING:
            await stored.set_moments(connection, batch.id, started_at=now)
        return batch, auto_start and not waits

    async def _adopt(self, connection: AsyncConnection, batch: Batch, taken: Taken, now: float, *, start: bool) -> None:
        """Take users over from other batches. Those in whom a pass has begun since the look become row errors."""
        moved = await moving.move(connection, batch, taken.adopted, now, start=start)
        taken.leave_out(set(taken.adopted) - moved)
        await logins.correct(connection, {user_id: user for user_id, (user, _) in taken.adopted.items()})

    async def _add(
        self, connection: AsyncConnection, batch: Batch, file: CsvFile, taken: Taken, *, start: bool
    ) -> None:
        await users.add_many(connection, batch, taken.users, self._now(), start=start)
        addresses = [row.email_address for row in file.rows]
        await rowerrors.replace_row_errors(connection, batch.id, addresses, taken.errors)

    async def _told(self, connection: AsyncConnection, batch: Batch, now: float) -> None:
        await events.add(connection, "batch", batch.name, "", {"status": batch.status.value}, now)

    async def _tell_old(self, connection: AsyncConnection, moved: Iterable[User], batch: Batch, now: float) -> None:
        """Tell of each old batch how many users went over; the users' own reports say it of each."""
        for old, number in sorted(Counter(user.batch for user in moved).items()):
            await events.add(connection, "batch", old, "", {"users_moved": number, "moved_to": batch.name}, now)
