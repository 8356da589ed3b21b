"""The same API on PostgreSQL, which takes some texts and numbers otherwise than SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mailferry.service.wiring import Service
from tests.unit.api.scene import PASSWORD, SOURCE_PATH, batch_of, csv_of

HARD = ["a\\b", "%_", "\u200b", "\U0001f4ec", "'; --", "İ", "ẞ", "\x7f", "e\u0301"]


@pytest.fixture
async def service(tmp_path: Path, postgres_database: str) -> AsyncIterator[Service]:
    opened = await Service.open(tmp_path / "data", database_url=postgres_database)
    yield opened
    await opened.close()


async def test_the_life_of_a_batch(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    path = f"/api/v1/batches/{batch['guid']}"
    assert (await operator.get(SOURCE_PATH)).status_code == 200
    more = await operator.post(f"{path}/users", content=csv_of(25), headers={"Content-Type": "text/csv"})
    assert more.json()["total"] == 25
    assert (await operator.post(f"{path}/start")).json()["status"] == "Starting"
    page = (await operator.get("/api/v1/users?limit=10&count=true&summary=Active&search=USER")).json()
    assert (page["total"], len(page["items"])) == (25, 10)
    last = (await operator.get(f"/api/v1/users?limit=10&after={page['next']}&search=user2")).json()
    assert [user["user_name"] for user in last["items"]] == [f"user{n}" for n in range(20, 25)]
    assert PASSWORD not in (await operator.get(f"{path}/report.json")).text
    assert (await operator.get("/api/v1/users?after=9007199254740991")).json()["items"] == []
    assert 'mailferry_users{status="Queued"} 25.0' in (await operator.get("/metrics")).text
    assert (await operator.delete(path)).status_code == 202


@pytest.mark.parametrize("text", HARD)
async def test_hard_texts(operator: httpx.AsyncClient, source: dict[str, Any], text: str) -> None:
    body = {"name": f"x{text}x", "remote_server": "127.0.0.1", "skip_verification": True}
    made = await operator.post("/api/v1/endpoints", json=body)
    assert made.status_code in (201, 422), made.text
    for path in ("users", "batches"):
        assert (await operator.get(f"/api/v1/{path}", params={"search": text})).status_code == 200
    named = "".join(f"%{byte:02X}" for byte in f"x{text}x".encode())
    assert (await operator.get(f"/api/v1/endpoints/{named}")).status_code == (200 if made.is_success else 404)
    assert (await operator.get(f"/api/v1/users/{named}")).status_code == 404


async def test_two_ask_for_the_same_name_at_once(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    bodies = [
        ("tokens", {"name": "same"}),
        ("endpoints", {"name": "same", "remote_server": "127.0.0.1", "skip_verification": True}),
        ("batches", batch_of(csv_of(1), "same")),
    ]
    for path, body in bodies:
        answers = await asyncio.gather(*(operator.post(f"/api/v1/{path}", json=body) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409], path
