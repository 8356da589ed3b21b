"""A real service on a temporary data folder, its app, and clients with and without tokens."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mailferry.api.app import create_app
from mailferry.service.tokens import Role
from mailferry.service.wiring import Service
from tests.unit.api.scene import SOURCE, Clients, batch_of, client_of, csv_of


@pytest.fixture(scope="session")
def fresh_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as it is when it was just made, to be copied: making its tables takes longer than most tests."""
    folder = tmp_path_factory.mktemp("fresh") / "data"

    async def make() -> None:
        await (await Service.open(folder)).close()

    asyncio.run(make())
    return folder


@pytest.fixture
async def service(tmp_path: Path, fresh_folder: Path) -> AsyncIterator[Service]:
    """An open service that does not work: nothing changes but by requests."""
    shutil.copytree(fresh_folder, tmp_path / "data")
    opened = await Service.open(tmp_path / "data")
    yield opened
    await opened.close()


@pytest.fixture
async def app(service: Service) -> FastAPI:
    return create_app(service, look_seconds=0.01)


@pytest.fixture
async def clients(service: Service, app: FastAPI) -> AsyncIterator[Clients]:
    _, operator = await service.tokens.create("an operator", Role.OPERATOR)
    _, viewer = await service.tokens.create("a viewer", Role.VIEWER)
    async with (
        client_of(app, operator.reveal()) as first,
        client_of(app, viewer.reveal()) as second,
        client_of(app) as third,
    ):
        yield Clients(first, second, third)


@pytest.fixture
async def operator(clients: Clients) -> httpx.AsyncClient:
    return clients.operator


@pytest.fixture
async def source(operator: httpx.AsyncClient) -> dict[str, Any]:
    """A source endpoint at a port of this machine where nothing listens."""
    body = {"name": SOURCE, "remote_server": "127.0.0.1", "port": 1, "skip_verification": True}
    answer = await operator.post("/api/v1/endpoints", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture
async def batch(operator: httpx.AsyncClient, source: dict[str, Any]) -> dict[str, Any]:
    """A batch of five users that was not started."""
    answer = await operator.post("/api/v1/batches", json=batch_of(csv_of(5)))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
