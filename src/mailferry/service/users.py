"""Migration users: one mailbox each, found by address or GUID, with statistics."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration import statistics
from mailferry.migration.model import SkippedItem, User
from mailferry.migration.states import USER_ACTIONS, Action, BatchStatus, StatusSummary, UserStatus
from mailferry.service.batches import Wake, find_batch
from mailferry.service.batchsettings import CLEAR, When, check_priority, with_moments
from mailferry.service.errors import InvalidValue, NotFound, WrongState
from mailferry.service.views import UserStatistics, user_actions
from mailferry.store import batches, events, reports, transitions
from mailferry.store import users as stored
from mailferry.store.database import Database
from mailferry.store.transitions import Selection

LONGEST_PAGE = 5_000
_PAGE = 1_000
_MOMENTS = ("start_after", "complete_after")


class Users:
    """The users of one service."""

    def __init__(self, database: Database, now: Callable[[], float], wake: Wake) -> None:
        self._database = database
        self._now = now
        self._wake = wake

    async def get(self, identity: str) -> User:
        """Give a user by address (in any case) or GUID. Raises NotFound; InvalidValue if several have the address."""
        async with self._database.connect() as connection:
            return await find_user(connection, identity)

    async def page(
        self,
        *,
        batch: str = "",
        status: UserStatus | None = None,
        summary: StatusSummary | None = None,
        search: str = "",
        after_id: int = 0,
        limit: int = 1_000,
    ) -> list[User]:
        """Give users in the order in which they were added. `after_id`: that of the last one of the page before."""
        async with self._database.connect() as connection:
            batch_id = (await find_batch(connection, batch)).id if batch else None
            return await stored.page(
                connection,
                batch_id=batch_id,
                status=status,
                summary=summary,
                search=search,
                after_id=after_id,
                limit=min(limit, LONGEST_PAGE),
            )

    async def count(
        self,
        *,
        batch: str = "",
        status: UserStatus | None = None,
        summary: StatusSummary | None = None,
        search: str = "",
    ) -> int:
        """Count what `page` would give in all."""
        async with self._database.connect() as connection:
            batch_id = (await find_batch(connection, batch)).id if batch else None
            return await stored.count(connection, batch_id=batch_id, status=status, summary=summary, search=search)

    async def count_due(self, batch: str) -> int:
        """Count the users of a batch whose next pass could begin now and has not. Raises NotFound."""
        async with self._database.connect() as connection:
            batch_id = (await find_batch(connection, batch)).id
            return await stored.count_due(connection, batch_id, self._now())

    async def changed_since(self, batch: str, updated_at: float, *, limit: int = 100_000) -> list[User]:
        """Give the users of a batch that changed at a moment or later, the oldest change first. Raises NotFound."""
        async with self._database.connect() as connection:
            batch_id = (await find_batch(connection, batch)).id
            found: list[User] = []
            after_id = 0
            while True:  # the store has the changes of all batches in one order
                page = await stored.changed_since(connection, updated_at, _PAGE, after_id=after_id)
                found += [user for user in page if user.batch_id == batch_id]
                if len(page) < _PAGE or len(found) >= limit:
                    return found[:limit]
                updated_at, after_id = page[-1].updated_at, page[-1].id

    async def change(
        self,
        identity: str,
        *,
        priority: int | None = None,
        start_after: When = None,
        complete_after: When = None,
    ) -> User:
        """Change the settings of one user, which go before those of the batch. Raises NotFound, WrongState,
        InvalidValue.
        """
        check_priority(priority)
        now = self._now()
        async with self._database.begin() as connection:
            user = await _allowed(connection, identity, Action.EDIT)
            before = (user.start_after, user.complete_after)
            moments = with_moments(before, start_after, complete_after, now)
            no_start = start_after is CLEAR and user.start_after is not None
            await stored.settings(
                connection,
                user.id,
                priority=priority,
                start_after=None if start_after is None else moments[0],
                complete_after=moments[1],
                cleared=[name for name, moment in zip(_MOMENTS, moments, strict=True) if moment is None],
                due_at=now if no_start else None,
            )
        self._wake((user.batch_id,))
        return await self.get(user.guid)

    async def start(self, identity: str) -> User:
        """Start a stopped or failed user; one who waits after an error is tried again now."""
        return await self._ask(identity, Action.START)

    async def stop(self, identity: str) -> User:
        """Stop one user; a pass that runs ends within seconds."""
        return await self._ask(identity, Action.STOP)

    async def sync_now(self, identity: str) -> User:
        """Begin the next incremental sync now."""
        return await self._ask(identity, Action.SYNC_NOW)

    async def complete(self, identity: str) -> User:
        """Do the last sync, then freeze the user."""
        return await self._ask(identity, Action.COMPLETE)

    async def remove(self, identity: str) -> User:
        """Begin to remove a user with the secret and the ledger. Mail on the target stays."""
        return await self._ask(identity, Action.REMOVE)

    async def statistics(
        self, identity: str, *, report: bool = False, skipped_items: bool = False, limit: int = 10_000
    ) -> UserStatistics:
        """Give all figures of a user, with the report and the skipped items if they are wanted. Raises NotFound."""
        now = self._now()
        async with self._database.connect() as connection:
            user = await find_user(connection, identity)
            return UserStatistics(
                user=user,
                percentage=statistics.user_percentage(user),
                durations=statistics.durations(user, now),
                bytes_per_hour=statistics.bytes_per_hour(user, now),
                bytes_per_minute=user.bytes_per_minute if user.claimed_by else 0.0,
                skipped_items=await reports.skipped(connection, user.id, limit=limit) if skipped_items else None,
                report=await reports.lines(connection, user.id, limit=limit) if report else None,
            )

    async def skipped_items(self, identity: str, *, limit: int = 1_000) -> list[SkippedItem]:
        """Give what was not copied as it was. Raises NotFound."""
        async with self._database.connect() as connection:
            user = await find_user(connection, identity)
            return await reports.skipped(connection, user.id, limit=limit)

    async def _ask(self, identity: str, action: Action) -> User:
        now = self._now()
        change = {
            Action.START: transitions.start,
            Action.STOP: transitions.stop,
            Action.SYNC_NOW: transitions.sync_now,
            Action.COMPLETE: transitions.complete,
            Action.REMOVE: transitions.remove,
        }[action]
        async with self._database.begin() as connection:
            user = await _allowed(connection, identity, action)
            if user.status not in USER_ACTIONS[action]:  # a start of one who waits
                change = transitions.try_again
            if not await change(connection, Selection(user_ids=(user.id,)), now):
                raise WrongState(f"{user.email_address} has just changed; look again.")
            if action is Action.START:  # a batch of which a user runs is no longer only made
                await batches.set_status(
                    connection, user.batch_id, {BatchStatus.CREATED}, BatchStatus.STARTING, now, started_at=now
                )
            await events.add(connection, "user", user.batch, user.email_address, {"action": action.value}, now)
        self._wake((user.batch_id,))
        return await self.get(user.guid)


async def find_user(connection: AsyncConnection, identity: str) -> User:
    """Give a user within a transaction. Raises NotFound, InvalidValue."""
    found = await stored.find(connection, identity)
    if not found:
        raise NotFound(f"There is no migration user {identity!r}.")
    if len(found) > 1:
        where = ", ".join(f"{user.guid} in {user.batch}" for user in found)
        raise InvalidValue(f"{identity} is in several batches; name it by GUID: {where}.", name="identity")
    return found[0]


async def _allowed(connection: AsyncConnection, identity: str, action: Action) -> User:
    user = await find_user(connection, identity)
    if action not in user_actions(user):
        wanted = ", ".join(sorted(USER_ACTIONS[action]))
        raise WrongState(f"{user.email_address} is {user.status}; {action} is possible when it is {wanted}.")
    return user
