"""Moments that are sent in: their form, and null, which takes one away."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.api.scene import batch_of, csv_of

PATHS = ["/api/v1/batches/Batch%201", "/api/v1/users/u1@example.com"]
START, COMPLETE = "2040-01-02T00:00:00Z", "2040-02-01T00:00:00Z"


@pytest.mark.parametrize("path", PATHS)
async def test_null_takes_a_moment_away_and_nothing_else(
    operator: httpx.AsyncClient, batch: dict[str, Any], path: str
) -> None:
    sent: dict[str, Any] = {"start_after": START, "complete_after": COMPLETE, "priority": 7}
    for body, left in (
        (sent, sent),
        ({}, sent),
        ({"priority": None, "complete_after": None}, sent | {"complete_after": None}),
        ({"start_after": None}, {"start_after": None, "complete_after": None, "priority": 7}),
    ):
        changed = await operator.patch(path, json=body)
        assert changed.status_code == 200, changed.text
        assert {name: changed.json()[name] for name in sent} == left


async def test_null_in_a_new_batch_is_no_moment(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    body = batch_of(csv_of(1), start_after=None, complete_after=None, auto_start=True)
    made = await operator.post("/api/v1/batches", json=body)
    assert (made.status_code, made.json()["status"], made.json()["start_after"]) == (201, "Starting", None)


NO_MOMENTS: list[Any] = [
    *(
        12345,
        2208988800,
        2208988800.5,
        True,
        "2208988800",
        "",
        "2040-01-02",
        "2040-01-02T00:00Z",
        "2040-01-02T00:00:00",
    ),
    *("2040-13-02T00:00:00Z", "1969-12-31T23:59:59Z", [], {}),
]


@pytest.mark.parametrize("value", NO_MOMENTS, ids=str)
@pytest.mark.parametrize("path", PATHS)
async def test_what_is_no_moment(operator: httpx.AsyncClient, batch: dict[str, Any], path: str, value: object) -> None:
    answer = await operator.patch(path, json={"complete_after": value})
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == "body.complete_after"
    assert (await operator.get(path)).json()["complete_after"] is None


@pytest.mark.parametrize("path", PATHS)
async def test_moments_that_cannot_be_used(operator: httpx.AsyncClient, batch: dict[str, Any], path: str) -> None:
    past = await operator.patch(path, json={"complete_after": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["code"], past.json()["field"]) == (422, "invalid-value", "complete_after")
    assert "use complete" in past.json()["detail"]
    order = await operator.patch(path, json={"start_after": COMPLETE, "complete_after": START})
    assert (order.status_code, order.json()["field"]) == (422, "complete_after")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("priority", [101, -101, 1.0])
async def test_priorities_out_of_range(
    operator: httpx.AsyncClient, batch: dict[str, Any], path: str, priority: float
) -> None:
    assert (await operator.patch(path, json={"priority": priority})).status_code == 422
    assert (await operator.patch(path, json={"priority": -100})).json()["priority"] == -100


async def test_time_zones(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    refused = await operator.patch(PATHS[0], json={"time_zone": "Pacific Standard Time"})
    assert (refused.status_code, refused.json()["field"]) == (422, "time_zone")
    assert "IANA" in refused.json()["detail"]
    assert (await operator.patch(PATHS[0], json={"time_zone": "UTC"})).json()["time_zone"] == "UTC"
