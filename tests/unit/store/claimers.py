"""Claims and finishes passes as a worker process would, and watches that no limit is exceeded.

Run as `claimers.py url endpoint-id name`; ends when no user of the endpoint is left to be synced. Exit code 3: a limit
was exceeded.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Endpoint
from mailferry.migration.states import CLAIMABLE, Outcome, PassKind, UserStatus
from mailferry.store import claims, endpoints
from mailferry.store.claims import Claim
from mailferry.store.database import Database
from mailferry.store.schema import USER

LONG_SECONDS = 1e9
NOT_DONE = sorted(CLAIMABLE[PassKind.INITIAL] | {UserStatus.SYNCING, UserStatus.INCREMENTAL_SYNCING})


class Exceeded(Exception):
    """More run than may."""


async def check(connection: AsyncConnection, limits: Endpoint) -> None:
    """Compare what runs with limits. Raises Exceeded."""
    query = select(USER.c.running_kind, USER.c.login_key, func.count()).where(
        USER.c.endpoint_id == limits.id, USER.c.claimed_by.is_not(None)
    )
    kinds, logins = Counter[str](), Counter[str]()
    for kind, login, number in await connection.execute(query.group_by(USER.c.running_kind, USER.c.login_key)):
        kinds[kind] += number
        logins[login] += number
    incremental = sum(number for kind, number in kinds.items() if kind != PassKind.INITIAL)
    if kinds.total() > limits.max_migrations or incremental > limits.max_incremental_syncs:
        raise Exceeded(f"{kinds} with {limits.max_migrations} and {limits.max_incremental_syncs}")
    if logins and max(logins.values()) > limits.max_per_login:
        raise Exceeded(f"{logins.most_common(3)} with {limits.max_per_login}")


async def work(database: Database, endpoint: Endpoint, worker: str, choice: random.Random) -> int:
    """Claim and finish until nothing is left to do; give the number of passes."""
    number = 0
    while True:
        async with database.begin() as connection:
            found = await claims.claim(connection, endpoint, worker, 10.0, most=choice.randint(1, 4))
            now = await endpoints.by_id(connection, endpoint.id)
            assert now is not None
            if found:
                await check(connection, now)
        number += len(found)
        for claim in choice.sample(found, len(found)):
            await _run(database, claim, choice)
        if not found and not await _left(database, endpoint.id):
            return number
        await asyncio.sleep(0)


async def _run(database: Database, claim: Claim, choice: random.Random) -> None:
    """Pretend to run a pass: an initial one is followed by an incremental one at once, that by none for long."""
    await asyncio.sleep(choice.random() * 0.01)
    seconds = 0.0 if claim.kind is PassKind.INITIAL else LONG_SECONDS
    async with database.begin() as connection:
        status = await claims.finish(connection, claim.user_id, claim.fence, Outcome.DONE, 10.0, due_in_seconds=seconds)
    assert status is UserStatus.SYNCED


async def _left(database: Database, endpoint_id: int) -> bool:
    async with database.connect() as connection:
        unsynced = select(USER.c.id).where(USER.c.endpoint_id == endpoint_id, USER.c.status.in_(NOT_DONE)).limit(1)
        return bool((await connection.execute(unsynced)).all()) or endpoint_id in await claims.endpoints_with_due(
            connection, 10.0
        )


async def watch(database: Database, most: Endpoint) -> None:
    """Look at what runs, again and again, until cancelled. Raises Exceeded."""
    while True:
        async with database.connect() as connection:
            await check(connection, most)
        await asyncio.sleep(0.002)


async def _main(url: str, endpoint_id: int, name: str) -> int:
    database = await Database.open(url)
    async with database.connect() as connection:
        endpoint = await endpoints.by_id(connection, endpoint_id)
    assert endpoint is not None
    choice = random.Random(name)
    tasks = [asyncio.create_task(work(database, endpoint, f"{name}/{n}", choice)) for n in range(2)]
    watcher = asyncio.create_task(watch(database, endpoint))
    everything: list[asyncio.Future[Any]] = [watcher, asyncio.gather(*tasks)]
    done, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)
    for task in done:
        if isinstance(task.exception(), Exceeded):
            sys.stderr.write(f"{task.exception()}\n")
            return 3
        task.result()
    await database.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
