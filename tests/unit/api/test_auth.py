"""Who may ask for what, and that nobody sees a token twice."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from mailferry.api.app import create_app
from mailferry.service.tokens import Role
from mailferry.service.wiring import Service
from tests.unit.api.scene import Clients, client_of

OPEN = {"/healthz", "/readyz"}


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """List methods and paths of all routes, with a name where a path wants one."""
    paths = app.openapi()["paths"]
    return [(m.upper(), re.sub(r"{\w+}", "nobody", path)) for path, methods in paths.items() for m in methods]


async def test_every_route_but_health_wants_a_token(app: FastAPI, clients: Clients) -> None:
    wanted = [(method, path) for method, path in operations(app) if path not in OPEN]
    assert len(wanted) > 30
    for method, path in wanted:
        answer = await clients.anyone.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "unauthorized"


async def test_a_viewer_may_read_and_nothing_else(app: FastAPI, clients: Clients) -> None:
    for method, path in operations(app):
        if method != "GET":
            answer = await clients.viewer.request(method, path)
            assert answer.status_code == 403, (method, path)
            assert answer.json()["code"] == "forbidden"
            assert "insufficient_scope" in answer.headers["www-authenticate"]
    for path in ("endpoints", "batches", "users", "statistics", "config", "tokens"):
        assert (await clients.viewer.get(f"/api/v1/{path}")).status_code == 200
    assert (await clients.viewer.get("/metrics")).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic b3A6b3A=",
        "mf_xyz",
        "Bearer mf_wrong",
        "Bearer mf_wrong more",
        "Bearer Ü",
    ],
)
async def test_what_is_no_token_is_refused(clients: Clients, header: str) -> None:
    answer = await clients.anyone.get("/api/v1/config", headers=[(b"Authorization", header.encode())])
    assert answer.status_code == 401


async def test_two_headers_are_as_good_as_none(clients: Clients, operator: httpx.AsyncClient) -> None:
    token = operator.headers["authorization"]
    headers = [("Authorization", token), ("Authorization", token)]
    assert (await clients.anyone.get("/api/v1/config", headers=headers)).status_code == 401


async def test_unknown_paths_below_api_are_not_told_to_strangers(clients: Clients) -> None:
    assert (await clients.anyone.get("/api/v1/nothing")).status_code == 401
    assert (await clients.operator.get("/api/v1/nothing")).status_code == 404
    assert (await clients.anyone.get("/%61pi/v1/config")).status_code == 404


async def test_a_token_is_shown_once_and_works_until_it_is_removed(app: FastAPI, operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/api/v1/tokens", json={"name": "Büro 1/2", "role": "operator"})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["token"]
    async with client_of(app, token) as client:
        listed = await client.get("/api/v1/tokens")
        assert token not in listed.text
        assert ("Büro 1/2", "operator") in [(one["name"], one["role"]) for one in listed.json()]
        assert (await client.delete("/api/v1/tokens/B%C3%BCro%201%2F2")).status_code == 204
        assert (await client.get("/api/v1/tokens")).status_code == 401


async def test_the_last_operators_token_stays(operator: httpx.AsyncClient) -> None:
    answer = await operator.delete("/api/v1/tokens/an%20operator")
    assert (answer.status_code, answer.json()["code"]) == (409, "in-use")
    assert (await operator.delete("/api/v1/tokens/a%20viewer")).status_code == 204
    assert (await operator.delete("/api/v1/tokens/a%20viewer")).status_code == 404


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 65, "an operator"])
async def test_names_of_tokens_are_checked(operator: httpx.AsyncClient, name: str) -> None:
    answer = await operator.post("/api/v1/tokens", json={"name": name})
    assert answer.status_code in (409, 422)


async def test_the_database_and_the_log_have_no_token(service: Service, app: FastAPI) -> None:
    with capture_logs() as lines:
        _, secret = await service.tokens.create("first", Role.OPERATOR)
        async with client_of(app, secret.reveal()) as client:
            await client.get(f"/api/v1/users?search={secret.reveal()}")
    assert secret.reveal() not in str(lines)
    assert secret.reveal() not in repr(secret)
    for path in service.folder.path.rglob("*"):
        assert not path.is_file() or secret.reveal().encode() not in path.read_bytes()


async def test_a_request_is_one_line_without_what_was_asked(batch: dict[str, Any], operator: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await operator.get("/api/v1/users/u1@example.com", params={"password": "hidden"})
    (line,) = lines
    took = line.pop("milliseconds")
    assert took >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/api/v1/users/{identity}",
        "status": 200,
        "token": "an operator",
    }


async def test_metrics_can_be_open(service: Service) -> None:
    async with client_of(create_app(service, open_metrics=True)) as client:
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/api/v1/config")).status_code == 401
