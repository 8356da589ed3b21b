"""How much may be sent, and to which host name."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from mailferry.api import limits
from mailferry.api.app import create_app
from mailferry.api.edge import host_name
from mailferry.api.limits import CSV_BYTES, USUAL_BYTES
from mailferry.service.wiring import Service
from tests.unit.api.scene import Clients, batch_of, client_of, csv_of
from tests.unit.api.server import running

JSON = {"Content-Type": "application/json"}


async def pieces(number: int, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b" " * size


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 413, answer.text
    assert answer.json()["code"] == "too-large"
    assert answer.headers["connection"] == "close"


async def test_a_body_that_says_that_it_is_too_large(operator: httpx.AsyncClient) -> None:
    refused(await operator.patch("/api/v1/config", content=b" " * (USUAL_BYTES + 1), headers=JSON))
    refused(await operator.post("/api/v1/batches", content=b" " * (CSV_BYTES + 1), headers=JSON))
    refused(await operator.get("/api/v1/config", headers={"Content-Length": "9" * 50}))


async def test_a_body_that_is_too_large_without_saying_so(operator: httpx.AsyncClient) -> None:
    refused(await operator.patch("/api/v1/config", content=pieces(2), headers=JSON))
    refused(await operator.post("/api/v1/batches", content=pieces(257), headers=JSON))
    refused(await operator.post("/api/v1/batches/x/users", content=pieces(257), headers={"Content-Type": "text/csv"}))


async def test_a_body_without_end_is_not_read_to_its_end(
    operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "THROWN_AWAY_BYTES", 1024 * 1024)
    sent = 0

    async def without_end() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 64 * 1024
            yield b" " * 64 * 1024

    refused(await operator.patch("/api/v1/config", content=without_end(), headers=JSON))
    refused(await operator.patch("/api/v1/config", content=without_end(), headers=JSON | {"Content-Length": "9999999"}))
    assert sent < 4 * 1024 * 1024


def test_a_client_that_sends_too_much_is_told_so(tmp_path: Path) -> None:
    """Over a real connection, on which a client sends all it has before it reads. One that asks first sends nothing."""
    large = CSV_BYTES + 1024 * 1024
    with running(tmp_path / "data") as server:
        address = httpx.URL(server.url)
        for expect, size in (("", large), ("Expect: 100-continue\r\n", 0)):
            head = (
                f"POST /api/v1/batches/x/users HTTP/1.1\r\nHost: {address.host}\r\nContent-Type: text/csv\r\n"
                f"Authorization: Bearer {server.token}\r\nContent-Length: {large}\r\n{expect}\r\n"
            )
            with socket.create_connection((address.host, address.port or 0), timeout=60) as connection:
                connection.sendall(head.encode() + b"x" * size)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            assert answer.startswith(b"HTTP/1.1 413 "), answer[:80]
            assert b"too-large" in answer


async def test_as_much_as_is_allowed(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    assert (await operator.patch("/api/v1/config", content=b"{}".ljust(USUAL_BYTES), headers=JSON)).status_code == 200
    large = batch_of(csv_of(3_000))
    assert len(large["csv_data"]) > 2 * USUAL_BYTES
    assert (await operator.post("/api/v1/batches", json=large)).status_code == 201
    assert len(batch_of(b"x" * 10 * 1024 * 1024)["csv_data"]) < CSV_BYTES


async def test_no_body_is_read_of_somebody_without_a_token(app: FastAPI) -> None:
    answers: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        answers.append(message)

    host = (b"host", b"localhost")
    path = "/api/v1/batches"
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": [host]}
    await app({**scope, "query_string": b"", "http_version": "1.1", "scheme": "http"}, receive, send)
    assert answers[0]["status"] == 401


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8025", "[::1]", "[::1]:8025"])
async def test_names_of_this_machine(clients: Clients, host: str) -> None:
    assert (await clients.anyone.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8025", "", "127.0.0.1:8025@evil", "[::2]"],
)
async def test_names_of_elsewhere(clients: Clients, host: str) -> None:
    answer = await clients.anyone.get("/healthz", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["code"] == "host-not-allowed"


async def test_a_service_for_the_network_is_asked_by_any_name(service: Service) -> None:
    async with client_of(create_app(service, loopback=False)) as client:
        assert (await client.get("/healthz", headers={"Host": "mail.example"})).status_code == 200


async def test_no_page_of_elsewhere_may_read(operator: httpx.AsyncClient) -> None:
    answer = await operator.get("/api/v1/config", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert (await operator.options("/api/v1/config", headers=asked)).status_code == 405


def test_host_names() -> None:
    assert host_name("[::1]:80") == "[::1]"
    assert host_name("a:b") == "a:b"
