"""Health, readiness and figures."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from mailferry.api.metrics import Metrics
from mailferry.service.wiring import Service
from mailferry.store import claims
from tests.unit.api.scene import Clients


async def figures(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Read all figures, by name and labels."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


async def test_the_process_lives(clients: Clients) -> None:
    answer = await clients.anyone.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_a_service_that_does_not_work_is_not_ready(clients: Clients) -> None:
    answer = await clients.anyone.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "database": True, "dispatcher": False})


async def test_figures_of_the_store(operator: httpx.AsyncClient, service: Service, batch: dict[str, Any]) -> None:
    await operator.post("/api/v1/batches/Batch%201/start")
    source = await service.endpoints.get(batch["source_endpoint"])
    async with service.database.begin() as connection:
        await claims.claim(connection, source, "a worker", service.now(), most=2)
    found = await figures(operator)
    assert found["mailferry_users", "Queued"] == 3
    assert found["mailferry_users", "Syncing"] == 2
    assert found["mailferry_users", "Failed"] == 0
    assert found["mailferry_batches", "Starting"] == 1
    assert found["mailferry_passes", batch["source_endpoint"], "initial"] == 2
    assert found["mailferry_bytes_synced",] == 0


async def test_requests_are_counted_by_route(operator: httpx.AsyncClient, clients: Clients) -> None:
    for name in ("a", "b"):
        await operator.get(f"/api/v1/users/{name}")
    await clients.anyone.get("/somewhere")
    found = await figures(operator)
    assert found["mailferry_http_requests_total", "GET", "/api/v1/users/{identity}", "404"] == 2
    assert found["mailferry_http_request_seconds_count", "GET", "/api/v1/users/{identity}"] == 2
    assert found["mailferry_http_requests_total", "GET", "unmatched", "404"] == 1


async def test_two_apps_do_not_mix(app: FastAPI, service: Service) -> None:
    first, second = Metrics(), Metrics()
    first.request("BREW", "/pot", 418, 0.1)
    assert b'method="other"' in await first.page(service.database)
    assert b"/pot" not in await second.page(service.database)
