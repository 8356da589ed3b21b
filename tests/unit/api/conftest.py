"""A real service on a temporary data folder, its app, and clients with and without tokens."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mailferry.api.app import create_app
from mailferry.service.tokens import Role
from mailferry.service.wiring import Service

SOURCE = "Süd #1/a"
"""The name of an endpoint with all that a path must encode."""

SOURCE_PATH = "/api/v1/endpoints/S%C3%BCd%20%231%2Fa"
PASSWORD = "pass-word-of-"


def csv_of(number: int, first: int = 0) -> bytes:
    """Write a CSV of some users, whose passwords all begin alike."""
    rows = [f"u{i}@example.com,user{i},{PASSWORD}{i}" for i in range(first, first + number)]
    return "\r\n".join(["EmailAddress,UserName,Password", *rows, ""]).encode()


def batch_of(csv: bytes, name: str = "Batch 1", **more: Any) -> dict[str, Any]:
    """Give the body of a request that makes a batch."""
    return {"name": name, "source_endpoint": SOURCE, "csv_data": base64.b64encode(csv).decode(), **more}


@dataclass(frozen=True)
class Clients:
    """Clients of one app: with a token of each role, and with none."""

    operator: httpx.AsyncClient
    viewer: httpx.AsyncClient
    anyone: httpx.AsyncClient


def client_of(app: FastAPI, token: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025", headers=headers)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """An open service that does not work: nothing changes but by requests."""
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
