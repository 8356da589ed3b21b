"""Errors are problem details that say who must do what, and never what was sent."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from mailferry.api import problems
from mailferry.errors import MailferryError, ServerBusy
from mailferry.service import errors
from mailferry.service.wiring import Service
from mailferry.store.errors import StoreUnavailable
from tests.unit.api.scene import Clients, batch_of, csv_of

HIDDEN = "hidden-Passw0rd"


def told(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Check the form of a problem and give it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    assert problem["code"]
    return problem


async def test_what_is_not_there(operator: httpx.AsyncClient) -> None:
    for path in ("endpoints", "batches", "users"):
        problem = told(await operator.get(f"/api/v1/{path}/nobody"), 404)
        assert problem["code"] == "not-found"
        assert "'nobody'" in problem["detail"]
        assert problem["advice"]
    assert told(await operator.get("/api/v2"), 404)["code"] == "no-such-route"
    assert told(await operator.get("/api/v1/users/"), 404)["code"] == "no-such-route"


async def test_a_wrong_method_says_which_are_right(operator: httpx.AsyncClient) -> None:
    answer = await operator.put("/api/v1/statistics")
    told(answer, 405)
    assert answer.headers["allow"] == "GET"


async def test_a_name_that_is_taken(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    problem = told(await operator.post("/api/v1/batches", json=batch_of(csv_of(1, 9), "BATCH 1")), 409)
    assert problem["code"] == "already-exists"


async def test_a_state_that_does_not_allow_it(operator: httpx.AsyncClient, batch: dict[str, Any]) -> None:
    problem = told(await operator.post(f"/api/v1/batches/{batch['guid']}/complete"), 409)
    assert problem["code"] == "wrong-state"
    assert "Created" in problem["detail"]


async def test_an_endpoint_in_use(operator: httpx.AsyncClient, batch: dict[str, Any], source: dict[str, Any]) -> None:
    problem = told(await operator.delete(f"/api/v1/endpoints/{source['guid']}"), 409)
    assert problem["code"] == "in-use"
    assert batch["name"] in problem["detail"]


async def test_a_value_that_cannot_be_used_is_named(operator: httpx.AsyncClient) -> None:
    problem = told(await operator.patch("/api/v1/config", json={"repair": "everything"}), 422)
    assert (problem["code"], problem["field"]) == ("invalid-value", "repair")


async def test_a_csv_says_line_and_column(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    csv = f"EmailAddress,UserName,Password\na@example.com,a,{HIDDEN}\nb@example.com,b\n".encode()
    answer = await operator.post("/api/v1/batches", json=batch_of(csv))
    problem = told(answer, 422)
    assert (problem["code"], problem["line"]) == ("csv-row-length", 3)
    assert HIDDEN not in answer.text
    missing = told(await operator.post("/api/v1/batches", json=batch_of(b"EmailAddress,UserName\na,b\n")), 422)
    assert (missing["code"], missing["column"]) == ("csv-column-missing", "Password")


async def test_a_server_that_does_not_answer(operator: httpx.AsyncClient) -> None:
    body = {"name": "closed", "remote_server": "127.0.0.1", "port": 1}
    problem = told(await operator.post("/api/v1/endpoints", json=body), 422)
    assert problem["code"] == "endpoint-unavailable"
    assert "127.0.0.1" in problem["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("endpoints", {"name": "x", "password": [HIDDEN]}),
        ("endpoints", {"name": "x", "password": HIDDEN * 200}),
        ("endpoints", {"name": "x", "port": HIDDEN}),
        ("endpoints", {"name": "x", "security": HIDDEN}),
        ("endpoints", {"name": "x", HIDDEN: 1, f"{HIDDEN} more": 1}),
        ("endpoints", [HIDDEN]),
        ("endpoints", HIDDEN),
        ("batches", {"name": "x", "source_endpoint": "y", "csv_data": HIDDEN}),
        ("batches", {"name": "x", "source_endpoint": "y", "csv_data": {"a": HIDDEN}}),
        ("batches", {"name": "x", "source_endpoint": "y", "csv_data": "", "start_after": HIDDEN}),
        ("tokens", {"name": "x", "role": HIDDEN}),
        ("config", {"repair": [HIDDEN]}),
    ],
)
async def test_nothing_that_was_sent_comes_back(operator: httpx.AsyncClient, path: str, body: Any) -> None:
    with capture_logs() as lines:
        answer = await operator.request("PATCH" if path == "config" else "POST", f"/api/v1/{path}", json=body)
    problem = told(answer, 422)
    assert problem["code"] == "invalid-request"
    assert problem["field"].startswith("body")
    assert problem["errors"][0]["message"]
    assert HIDDEN not in answer.text
    assert HIDDEN not in str(lines)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b'{"name": "\xff"}',
        b"[" * 30_000,
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"name":' + b"9" * 9_999,
    ],
)
async def test_bodies_that_are_no_request(operator: httpx.AsyncClient, body: bytes) -> None:
    answer = await operator.post("/api/v1/tokens", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    told(answer, answer.status_code)


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"x", "text/plain", 415),
        (b"{}", "application/json", 422),
        (b"{", "application/json", 422),
        (b"\xff", "application/json", 422),
        (HIDDEN.encode(), "application/json", 422),
        (b'{"csv_data": "' + HIDDEN.encode() + b'"}', "application/json", 422),
        (b"", "text/csv", 422),
        (HIDDEN.encode(), "text/csv; charset=utf-8", 422),
    ],
)
async def test_a_body_that_is_no_csv(
    operator: httpx.AsyncClient, batch: dict[str, Any], content: bytes, media_type: str, status: int
) -> None:
    path = f"/api/v1/batches/{batch['guid']}/users"
    answer = await operator.post(path, content=content, headers={"Content-Type": media_type})
    told(answer, status)
    assert HIDDEN not in answer.text


async def test_something_unexpected_is_told_by_its_id_only(app: FastAPI, clients: Clients) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError(HIDDEN)

    with capture_logs() as lines:
        answer = await clients.anyone.get("/broken")
    problem = told(answer, 500)
    assert HIDDEN not in answer.text
    assert HIDDEN not in str(lines)
    failed, request = lines
    assert (failed["event"], failed["id"], failed["error"]) == ("request failed", problem["id"], "ZeroDivisionError")
    assert any("test_problems.py" in place and "broken" in place for place in failed["places"])
    assert request["status"] == 500


async def test_a_database_that_is_away(
    service: Service, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise StoreUnavailable("It restarts.")

    monkeypatch.setattr(service.database, "connect", away)
    problem = told(await operator.get("/api/v1/config"), 503)
    assert (problem["code"], problem["detail"]) == ("store-unavailable", "It restarts.")
    ready = await operator.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (503, False)


def test_each_error_of_the_service_has_a_status() -> None:
    mine = {cls for cls in vars(errors).values() if isinstance(cls, type) and cls.__module__ == errors.__name__}
    assert mine
    for cls in mine:
        assert 400 <= problems.status_of(cls("x")) < 600
        assert problems.status_of(cls("x")) != 500, cls
    assert problems.status_of(ServerBusy()) == 503
    assert problems.status_of(MailferryError()) == 500


def test_base64_is_taken_strictly() -> None:
    assert base64.b64decode(batch_of(b"\xff\xfe")["csv_data"]) == b"\xff\xfe"


@pytest.mark.parametrize("media_type", ["application/xml", "text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_no_json(operator: httpx.AsyncClient, batch: dict[str, Any], media_type: str) -> None:
    for method, path in (
        ("POST", "endpoints"),
        ("POST", "batches"),
        ("PATCH", "batches/Batch%201"),
        ("PATCH", "config"),
    ):
        request = operator.build_request(method, f"/api/v1/{path}", content=b"{}", headers={"Content-Type": media_type})
        problem = told(await operator.send(request), 415)
        assert problem["code"] == "unsupported-media-type"
    told(await operator.patch("/api/v1/config", content=b"{", headers={"Content-Type": "application/json"}), 422)
