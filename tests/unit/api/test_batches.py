"""Batches and their reports through the API."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import httpx
import pytest

from mailferry.service.wiring import Service
from tests.unit.api.scene import PASSWORD, batch_of, csv_of

PATH = "/api/v1/batches/Batch%201"


async def test_a_batch_is_made_of_a_csv(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    assert (batch["status"], batch["total"], batch["submitted_by"]) == ("Created", 5, "an operator")
    assert batch["actions"] == ["start", "remove", "edit"]
    assert batch["target_endpoint"] == "Mailboxes"
    assert (await operator.get(PATH)).json() == batch
    assert (await operator.get(f"/api/v1/batches/{batch['guid']}")).json() == batch


async def test_settings_come_back_as_they_were_sent(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    settings: dict[str, Any] = {
        "exclude_folders": ["Junk", "#DeletedItems#/*"],
        "notification_emails": ["a@example.com"],
        "report_interval_seconds": 3600.0,
        "priority": 7,
        "start_after": "2040-01-02T03:04:05+01:00",
        "complete_after": "2040-02-01T00:00:00.25Z",
    }
    made = await operator.post("/api/v1/batches", json=batch_of(csv_of(1), auto_start=True, **settings))
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["status"] == "Waiting"
    utc = {"start_after": "2040-01-02T02:04:05Z", "complete_after": "2040-02-01T00:00:00.250000Z"}
    assert {name: shown[name] for name in settings} == settings | utc
    changed = await operator.patch(PATH, json={"priority": -1, "exclude_folders": []})
    assert (changed.json()["priority"], changed.json()["exclude_folders"]) == (-1, [])
    assert changed.json()["start_after"] == utc["start_after"]


async def test_a_content_filter_is_read_when_it_is_given(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    settings = {"content_filter": "Received -gt '31/12/2024' -and Received -lt '2026-01-01'"}
    refused = await operator.post("/api/v1/batches", json=batch_of(csv_of(1), **settings))
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-value")
    assert "At column 14: '31/12/2024' is no date" in refused.text
    settings["content_filter_language"] = "en-GB"
    made = await operator.post("/api/v1/batches", json=batch_of(csv_of(1), **settings))
    assert made.status_code == 201, made.text
    utc = {"received_start": "2024-12-31T00:00:01Z", "received_end": "2026-01-01T00:00:00Z"}
    shown = (await operator.get(PATH)).json()
    assert {name: shown[name] for name in settings | utc} == settings | utc
    changed = await operator.patch(PATH, json={"content_filter": "(Received -le '2025-06-30T23:59:59+02:00')"})
    assert (changed.json()["received_start"], changed.json()["received_end"]) == (None, "2025-06-30T22:00:00Z")
    assert (await operator.patch(PATH, json={"content_filter": "Received"})).status_code == 422


async def test_a_batch_goes_its_way(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    started = await operator.post(f"{PATH}/start")
    assert (started.status_code, started.json()["status"], started.json()["active"]) == (200, "Starting", 5)
    stopped = await operator.post(f"{PATH}/stop")
    assert (stopped.json()["status"], stopped.json()["stopped"]) == ("Stopping", 5)
    assert (await operator.post(f"{PATH}/sync-now")).status_code == 409
    removed = await operator.delete(PATH)
    assert (removed.status_code, removed.json()["status"], removed.json()["actions"]) == (202, "Removing", [])
    assert (await operator.patch(PATH, json={})).status_code == 409


async def test_users_are_added_as_csv_and_as_json(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    more = await operator.post(f"{PATH}/users", content=csv_of(7), headers={"Content-Type": "text/csv"})
    assert (more.status_code, more.json()["total"]) == (200, 7)
    unknown = (
        csv_of(8)
        .replace(b"Password\r\n", b"Password,Shoe\r\n")
        .replace(b"\r\nu", b",9\r\nu")
        .replace(b"Shoe,9", b"Shoe")
    )
    unknown = unknown.rstrip(b"\r\n") + b",9\r\n"
    as_csv = {"Content-Type": "text/csv"}
    assert (await operator.post(f"{PATH}/users", content=unknown, headers=as_csv)).status_code == 422
    path = f"{PATH}/users?allow_unknown_columns=true"
    assert (await operator.post(path, content=unknown, headers=as_csv)).json()["total"] == 8
    body = {"csv_data": base64.b64encode(csv_of(9)).decode(), "file_name": "users.csv"}
    assert (await operator.post(f"{PATH}/users", json=body)).json()["total"] == 9
    assert (await operator.post(f"{PATH}/users", json={**body, "file_name": "users.xls"})).status_code == 422


async def test_rows_that_are_given_again_are_counted(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    rows = csv_of(7).replace(b"word-of-0", b"word-is-another") + b"nobody,user,x\r\n"
    more = await operator.post(f"{PATH}/users", content=rows, headers={"Content-Type": "text/csv"})
    counted = {name: number for name, number in more.json().items() if name.startswith("rows_")}
    assert counted == {
        "rows_added": 2,
        "rows_corrected": 1,
        "rows_unchanged": 4,
        "rows_ignored": 0,
        "rows_left_out": 1,
    }
    assert "word-is-another" not in more.text


async def test_pages_of_batches(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    for number in range(5):
        body = batch_of(csv_of(1, number), f"Batch {number} ü")
        assert (await operator.post("/api/v1/batches", json=body)).status_code == 201
    names, after = [], ""
    while after is not None:
        page = (await operator.get("/api/v1/batches", params={"limit": 2, "after": after})).json()
        assert len(page["items"]) <= 2
        names += [one["name"] for one in page["items"]]
        after = page["next"]
    assert names == [f"Batch {number} ü" for number in range(5)]

    async def found(**query: str) -> int:
        return len((await operator.get("/api/v1/batches", params=query)).json()["items"])

    assert await found(status="Created") == 5
    assert await found(status="Synced") == 0
    assert await found(search="3 Ü") == 1
    assert await found(search="") == 5
    assert await found(endpoint="mailboxes") == 5
    assert (await operator.get("/api/v1/batches?endpoint=nowhere")).status_code == 404
    assert (await operator.get("/api/v1/batches?endpoint=")).status_code == 422
    assert (await operator.get("/api/v1/statistics")).json()["total"] == 5


@pytest.mark.parametrize("limit", [0, -1, 1_001, 10**30])
async def test_pages_have_a_limit(operator: httpx.AsyncClient, limit: int) -> None:
    assert (await operator.get(f"/api/v1/batches?limit={limit}")).status_code == 422
    assert (await operator.get(f"/api/v1/users?limit={limit}")).status_code == 422


async def test_rows_left_out_are_told_without_passwords(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    bad = csv_of(2) + f"nobody,user,{PASSWORD}x\r\n=1+1@example.com, user,{PASSWORD}y\r\n".encode()
    made = await operator.post("/api/v1/batches", json=batch_of(bad))
    assert (made.json()["total"], made.json()["row_errors"]) == (2, 2)
    listed = await operator.get(f"{PATH}/row-errors")
    assert [(one["line"], one["column"]) for one in listed.json()] == [(4, "EmailAddress"), (5, "UserName")]
    table = await operator.get(f"{PATH}/errors.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert "attachment" in table.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [row["EmailAddress"] for row in rows] == ["nobody", "=1+1@example.com"]
    assert all(row["ErrorMessage"] and not row["Password"] for row in rows)
    for answer in (made, listed, table):
        assert PASSWORD not in answer.text


async def test_reports_have_every_user(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    await operator.post("/api/v1/batches", json=batch_of(csv_of(1_001)))
    table = await operator.get(f"{PATH}/report.csv")
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [row["EmailAddress"] for row in rows] == [f"u{i}@example.com" for i in range(1_001)]
    users = (await operator.get(f"{PATH}/report.json")).json()
    assert [user["email_address"] for user in users] == [row["EmailAddress"] for row in rows]
    assert PASSWORD not in table.text
    for ending in ("errors.csv", "report.csv", "report.json", "row-errors"):
        assert (await operator.get(f"/api/v1/batches/nowhere/{ending}")).status_code == 404


async def test_a_report_of_nobody_is_still_json(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    await operator.post("/api/v1/batches", json=batch_of(csv_of(1)))
    taken_over = batch_of(csv_of(1), "another", adopt_preexisting=True, remove_on_copy=True)
    assert (await operator.post("/api/v1/batches", json=taken_over)).status_code == 201
    assert (await operator.get(f"{PATH}/report.json")).json() == []


async def test_no_password_is_stored_in_the_clear(service: Service, batch: dict[str, Any]) -> None:
    for path in service.folder.path.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


async def test_settings_of_the_service(operator: httpx.AsyncClient) -> None:
    before = (await operator.get("/api/v1/config")).json()
    changed = await operator.patch("/api/v1/config", json={"retry_seconds": 5, "max_items": 1000, "repair": "none"})
    assert changed.json() == before | {"retry_seconds": 5.0, "max_items": 1000, "repair": "none"}
    assert (await operator.get("/api/v1/config")).json() == changed.json()
    assert (await operator.patch("/api/v1/config", json={"retry_second": 5})).status_code == 422
