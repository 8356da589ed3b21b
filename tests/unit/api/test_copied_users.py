"""Batches of users of other batches, through the API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.api.scene import PASSWORD, batch_of, csv_of

BATCHES = "/api/v1/batches"


async def users_of(client: httpx.AsyncClient, batch: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/api/v1/users", params={"batch": batch})).json()["items"]
    return found


async def test_users_go_over_to_a_new_batch(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    before = await users_of(operator, "Batch 1")
    ids = ["U0@example.com", before[1]["guid"]]
    made = await operator.post(BATCHES, json={"name": "Retry", "user_ids": ids})
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["total"], shown["source_endpoint"], shown["submitted_by"]) == (
        2,
        batch["source_endpoint"],
        "an operator",
    )
    moved = await users_of(operator, "Retry")
    assert [user["guid"] for user in moved] == [user["guid"] for user in before[:2]]
    assert all("start" in user["actions"] for user in moved)
    assert [user["guid"] for user in await users_of(operator, "Batch 1")] == [user["guid"] for user in before[2:]]
    assert PASSWORD not in made.text


async def test_active_users_are_refused_unless_stopped(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    assert (await operator.post(BATCHES, json=batch_of(csv_of(1), auto_start=True))).status_code == 201
    body = {"name": "Retry", "user_ids": ["u0@example.com"]}
    refused = await operator.post(BATCHES, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "user-active")
    assert "-DisableOnCopy" in refused.json()["advice"]
    assert (await operator.post(BATCHES, json=body | {"disable_on_copy": True})).status_code == 201


async def test_rows_of_other_batches_are_adopted(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    again = batch_of(csv_of(2), "again")
    refused = await operator.post(BATCHES, json=again)
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["line"]) == (422, "csv-no-usable-row", 2)
    assert [error["field"] for error in problem["errors"]] == ["line 2, EmailAddress", "line 3, EmailAddress"]
    assert PASSWORD not in refused.text
    assert "-AdoptPreexisting" in problem["advice"]
    made = await operator.post(BATCHES, json=again | {"adopt_preexisting": True, "remove_on_copy": True})
    assert (made.status_code, made.json()["total"]) == (201, 2)
    assert len(await users_of(operator, "Batch 1")) == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"csv_data": None}, "csv_data"),
        ({"source_endpoint": None}, "source_endpoint"),
        ({"disable_on_copy": True}, "disable_on_copy"),
        ({"user_ids": ["a@b.c"]}, "csv_data"),
        ({"user_ids": ["a@b.c"], "csv_data": None, "adopt_preexisting": True}, "adopt_preexisting"),
        ({"user_ids": [], "csv_data": None}, "user_ids"),
        ({"remove_on_copy": True}, "remove_on_copy"),
    ],
)
async def test_what_does_not_go_together(
    operator: httpx.AsyncClient, source: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    refused = await operator.post(BATCHES, json=batch_of(csv_of(1)) | changes)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "invalid-value", field)
