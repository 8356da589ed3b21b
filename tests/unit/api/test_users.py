"""Users through the API: pages, filters, settings, statistics."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mailferry.api.user_answers import SkippedItemAnswer
from mailferry.migration.model import ReportLine, SkippedItem
from mailferry.service.wiring import Service
from mailferry.store import reports
from tests.unit.api.scene import PASSWORD, batch_of, csv_of

PATH = "/api/v1/users/u1@example.com"


async def test_pages_of_users(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    await operator.post("/api/v1/batches", json=batch_of(csv_of(25)))
    names, after, totals = [], "0", []
    while after is not None:
        page = await operator.get("/api/v1/users", params={"limit": 10, "after": after, "count": "true"})
        assert PASSWORD not in page.text
        names += [one["email_address"] for one in page.json()["items"]]
        totals.append(page.json()["total"])
        after = page.json()["next"]
    assert names == [f"u{i}@example.com" for i in range(25)]
    assert totals == [25, 25, 25]
    assert (await operator.get("/api/v1/users?limit=25")).json()["next"] is None
    assert (await operator.get("/api/v1/users")).json()["total"] is None


async def test_users_are_found_by_what_they_are(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    await operator.post("/api/v1/batches", json=batch_of(csv_of(3, 100), "Other", auto_start=True))

    async def found(**query: str) -> list[str]:
        page = (await operator.get("/api/v1/users", params={**query, "count": "true"})).json()
        assert page["total"] == len(page["items"])
        return [one["user_name"] for one in page["items"]]

    assert await found(batch="other") == ["user100", "user101", "user102"]
    assert await found(batch=batch["guid"]) == [f"user{i}" for i in range(5)]
    assert await found(status="Queued") == ["user100", "user101", "user102"]
    assert len(await found(summary="Stopped")) == 5
    assert await found(summary="Stopped", status="Queued") == []
    assert await found(search="U10") == ["user100", "user101", "user102"]
    assert await found(search="%") == []
    assert len(await found(search="")) == 8, "what an empty search box sends"
    assert (await operator.get("/api/v1/users?batch=nowhere")).status_code == 404


@pytest.mark.parametrize(
    "query", ["batch=", "after=x", "after=-1", "after=99999999999999999999", "status=Lost", "count=often"]
)
async def test_queries_that_cannot_be_used(operator: httpx.AsyncClient, query: str) -> None:
    answer = await operator.get(f"/api/v1/users?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == f"query.{query.partition('=')[0]}"


async def test_one_user(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    user = (await operator.get(PATH.upper().replace("/API/V1/USERS", "/api/v1/users"))).json()
    assert (user["email_address"], user["batch"], user["status"]) == ("u1@example.com", "Batch 1", "Stopped")
    assert user["failure"] is None
    assert (await operator.get(f"/api/v1/users/{user['guid']}")).json() == user
    changed = await operator.patch(PATH, json={"priority": 3, "complete_after": "2040-01-01T00:00:00Z"})
    assert (changed.json()["priority"], changed.json()["complete_after"]) == (3, "2040-01-01T00:00:00Z")
    assert (await operator.patch(PATH, json={"password": "x"})).status_code == 422
    assert (await operator.patch(PATH, json={"complete_after": "2040-01-01T00:00:00"})).status_code == 422
    assert (await operator.patch(PATH, json={"complete_after": "1969-01-01T00:00:00Z"})).status_code == 422


async def test_a_user_in_two_batches_is_named_by_guid(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    await operator.delete("/api/v1/batches/Batch%201")
    await operator.post("/api/v1/batches", json=batch_of(csv_of(2), "Again"))
    answer = await operator.get(PATH)
    assert answer.status_code == 422
    assert "Again" in answer.json()["detail"]


async def test_a_user_goes_its_way(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    started = await operator.post(f"{PATH}/start")
    assert (started.status_code, started.json()["status"], started.json()["next_kind"]) == (200, "Queued", "initial")
    assert (await operator.post(f"{PATH}/stop")).json()["status"] == "Stopped"
    assert (await operator.post(f"{PATH}/sync-now")).status_code == 409
    assert (await operator.post(f"{PATH}/complete")).status_code == 409
    removed = await operator.delete(PATH)
    assert (removed.status_code, removed.json()["status"]) == (202, "Removing")


async def test_statistics(operator: httpx.AsyncClient, service: Service, batch: dict[str, Any]) -> None:
    user = await service.users.get("u1@example.com")
    items = [SkippedItem("Old", n, "bad-date", "invalid", "too old", f"Mail {n}", date=n - 1.0) for n in (1, 2)]
    async with service.database.begin() as connection:
        await reports.replace_skipped(connection, user.id, items)
        await reports.add_lines(connection, user.id, [ReportLine(5.5, "info", "begun")])
    plain = (await operator.get(f"{PATH}/statistics")).json()
    assert (plain["report"], plain["skipped_items"], plain["bytes_per_hour"]) == (None, None, 0.0)
    assert set(plain["durations"]) == {"queued_seconds", "in_progress_seconds", "synced_seconds", "stalled_seconds"}
    full = (await operator.get(f"{PATH}/statistics?report=true&skipped_items=true&limit=1")).json()
    assert full["report"] == [{"at": "1970-01-01T00:00:05.500000Z", "level": "info", "text": "begun"}]
    assert [one["uid"] for one in full["skipped_items"]] == [1]
    skipped = (await operator.get(f"{PATH}/skipped-items")).json()
    dates = [("Mail 1", "1970-01-01T00:00:00Z"), ("Mail 2", "1970-01-01T00:00:01Z")]
    assert [(one["subject"], one["date"]) for one in skipped] == dates
    text = await operator.get(f"{PATH}/report")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "begun" in text.text
    assert PASSWORD not in text.text


def test_a_date_that_no_calendar_has_is_none() -> None:
    assert SkippedItemAnswer.of(SkippedItem("Old", 1, "bad-date", date=-1e15)).date is None
