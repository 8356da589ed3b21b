"""The stream of events: what it shows, how it goes on, and when it ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from starlette.exceptions import HTTPException

from mailferry.api.streams import Streams, sse
from mailferry.migration.model import Progress
from mailferry.migration.states import Outcome
from mailferry.service.tokens import Role, TokenView
from mailferry.service.wiring import Service
from mailferry.store import claims
from mailferry.store.schema import EVENT
from tests.unit.api.scene import batch_of, csv_of
from tests.unit.api.server import running

PATIENCE_SECONDS = 60.0


def read(text: str) -> list[dict[str, Any]]:
    """Read a stream as a browser does: the events, each with its name, id and data."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events


async def first(pieces: AsyncIterator[bytes], number: int) -> list[dict[str, Any]]:
    """Wait for so many events."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for piece in pieces:
            found += read(piece.decode())
            if len(found) >= number:
                break
    return found


@pytest.fixture
async def caller(service: Service) -> TokenView:
    return (await service.tokens.create("watcher", Role.VIEWER))[0]


@pytest.fixture
def streams(app: FastAPI) -> Streams:
    found = app.state.streams
    assert isinstance(found, Streams)
    return found


async def test_a_stream_begins_now_or_where_the_last_one_ended(
    streams: Streams, caller: TokenView, operator: httpx.AsyncClient, batch: dict[str, Any]
) -> None:
    async with aclosing(streams.follow(caller, "", None)) as pieces:
        assert await anext(pieces) == b"retry: 2000\n\n"
        await operator.post(f"/api/v1/batches/{batch['guid']}/start")
        await operator.post("/api/v1/users/u1@example.com/stop")
        started, stopped = await first(pieces, 2)
    assert (started["event"], started["data"]["batch"]) == ("batch", "Batch 1")
    assert started["data"]["fields"]["status"] == "Starting"
    assert (stopped["event"], stopped["data"]["user"]) == ("user", "u1@example.com")
    assert stopped["data"]["fields"] == {"action": "stop"}
    assert int(stopped["id"]) == int(started["id"]) + 1 == stopped["data"]["id"]
    async with aclosing(streams.follow(caller, "", int(started["id"]))) as again:
        assert await first(again, 1) == [stopped]
    async with aclosing(streams.follow(caller, "", 0)) as all_of_them:
        assert [event["event"] for event in await first(all_of_them, 3)] == ["batch", "batch", "user"]


async def test_an_event_that_never_was_is_told(
    streams: Streams, service: Service, caller: TokenView, operator: httpx.AsyncClient, batch: dict[str, Any]
) -> None:
    newest = await service.events.last_id()
    async with aclosing(streams.follow(caller, "", newest + 1)) as pieces:
        assert await first(pieces, 1) == [{"event": "reset", "id": str(newest), "data": {"id": newest}}]
    async with aclosing(streams.follow(caller, "", newest + 1_000)) as pieces:
        await first(pieces, 1)
        await operator.post(f"/api/v1/batches/{batch['guid']}/start")
        (started,) = await first(pieces, 1)
    assert int(started["id"]) == newest + 1
    async with aclosing(streams.follow(caller, "", newest + 1)) as pieces:
        await operator.post(f"/api/v1/batches/{batch['guid']}/stop")
        assert (await first(pieces, 1))[0]["event"] == "batch", "it is the newest one: nothing was lost"


async def test_a_stream_of_one_batch(
    streams: Streams, caller: TokenView, operator: httpx.AsyncClient, batch: dict[str, Any]
) -> None:
    await operator.post("/api/v1/batches", json=batch_of(csv_of(1, 50), "Other"))
    async with aclosing(streams.follow(caller, "Other", 0)) as pieces:
        await operator.post("/api/v1/batches/Batch%201/start")
        await operator.post("/api/v1/batches/Other/start")
        assert [event["data"]["batch"] for event in await first(pieces, 2)] == ["Other", "Other"]


async def test_progress_of_running_users(
    streams: Streams, service: Service, caller: TokenView, operator: httpx.AsyncClient, batch: dict[str, Any]
) -> None:
    await operator.post("/api/v1/users/u1@example.com/start")
    source = await service.endpoints.get(batch["source_endpoint"])
    now = service.now()
    async with service.database.begin() as connection:
        (claim,) = await claims.claim(connection, source, "a worker", now, most=9)
    async with aclosing(streams.follow(caller, "", None)) as pieces:
        (begun,) = await first(pieces, 1)
        async with service.database.begin() as connection:
            await claims.progress(connection, claim.user_id, claim.fence, Progress(found=4, synced=1), now + 1)
        (half,) = await first(pieces, 1)
        async with service.database.begin() as connection:
            done = Progress(found=4, synced=4)
            await claims.finish(
                connection,
                claim.user_id,
                claim.fence,
                Outcome.DONE,
                now + 2,
                failure=None,
                progress=done,
                due_in_seconds=9.0,
            )
        (ended,) = await first(pieces, 1)
    shown = [(one["event"], one["data"]["status"], one["data"]["percentage"]) for one in (begun, half, ended)]
    assert shown == [("progress", "Syncing", 0), ("progress", "Syncing", 25), ("progress", "Synced", 100)]
    assert "id" not in begun


async def test_over_http(app: FastAPI, streams: Streams, operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    headers = {"Last-Event-ID": "0"}
    asked = asyncio.create_task(operator.get("/api/v1/events?batch=batch%201", headers=headers))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not streams.open:
            await asyncio.sleep(0.01)
    streams.end()
    answer = await asked
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert [event["event"] for event in read(answer.text)] == ["batch"]
    assert streams.open == 0
    assert (await operator.get("/api/v1/events?batch=nowhere")).status_code == 404
    assert (await operator.get("/api/v1/events", headers={"Last-Event-ID": "x"})).status_code == 422


async def test_a_stream_ends_with_its_token(streams: Streams, service: Service, caller: TokenView) -> None:
    pieces = streams.follow(caller, "", None)
    await anext(pieces)
    await service.tokens.remove(caller.name)
    async with asyncio.timeout(PATIENCE_SECONDS):
        rest = [piece async for piece in pieces]
    assert rest == [b": alive\n\n"]


async def test_an_event_that_is_seen_late_is_not_lost(streams: Streams, service: Service, caller: TokenView) -> None:
    async def happen(number: int) -> None:
        async with service.database.begin() as connection:
            await connection.execute(
                insert(EVENT).values(id=number, at=1.0, name="batch", batch="b", user="", fields="{}")
            )

    async def numbers(pieces: AsyncGenerator[bytes], number: int) -> list[int]:
        return [int(event["id"]) for event in await first(pieces, number)]

    async with aclosing(streams.follow(caller, "", 0)) as pieces:
        await happen(1_001)
        await happen(1_003)
        assert await numbers(pieces, 2) == [1_001, 1_003]
        await happen(1_002)
        await happen(1_004)
        assert await numbers(pieces, 2) == [1_002, 1_004]


async def test_streams_have_a_limit(service: Service, caller: TokenView) -> None:
    few = Streams(service, most=1)
    few.check_room()
    async with aclosing(few.follow(caller, "", None)) as pieces:
        await anext(pieces)
        with pytest.raises(HTTPException) as refused:
            few.check_room()
        assert refused.value.status_code == 503
    few.check_room()


def test_the_name_of_an_event_stays_on_its_line() -> None:
    assert sse("a\nb", "{}", 1) == b"event: a\\nb\nid: 1\ndata: {}\n\n"


def test_a_client_that_goes_away_is_forgotten(tmp_path: Path) -> None:
    """Over a real connection, which the client breaks while the stream is open."""
    with running(tmp_path / "data") as server:
        streams = server.app.state.streams
        with httpx.Client(base_url=server.url, headers=server.headers, timeout=PATIENCE_SECONDS) as client:
            with client.stream("GET", "/api/v1/events") as answer:
                assert next(answer.iter_lines()) == "retry: 2000"
                assert streams.open == 1
            until(lambda: streams.open == 0)
            with client.stream("GET", "/api/v1/events") as answer:
                lines = answer.iter_lines()
                assert next(lines) == "retry: 2000"
                server.do(ended(streams))
                assert list(lines) == [""]


async def ended(streams: Streams) -> None:
    streams.end()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
