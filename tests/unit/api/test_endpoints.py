"""Endpoints through the API, by names that a path must encode."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mailferry.service.wiring import Service
from tests.unit.api.scene import SOURCE, SOURCE_PATH

SECRET = "administrators-word"


async def test_an_endpoint_is_made_changed_and_removed(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    assert source["name"] == SOURCE
    assert (source["port"], source["security"], source["max_concurrent_migrations"]) == (1, "Ssl", 20)
    assert source["created_at"].endswith("Z")
    limits = {"max_concurrent_migrations": 50, "max_concurrent_incremental_syncs": 25}
    changed = await operator.patch(SOURCE_PATH, json=limits)
    assert changed.status_code == 200, changed.text
    assert (await operator.get(SOURCE_PATH)).json() == changed.json()
    assert changed.json()["max_concurrent_incremental_syncs"] == 25
    assert (await operator.get(f"/api/v1/endpoints/{source['guid']}")).json()["name"] == SOURCE
    assert (await operator.delete(SOURCE_PATH)).status_code == 204
    assert (await operator.get(SOURCE_PATH)).status_code == 404


@pytest.mark.parametrize(
    "name", ["a b", "#1", "50%", "50%2F", "a/b", "a?b=c", "..", "Müller & Söhne", "東京", "a+b", "a\\b"]
)
async def test_any_name_can_be_asked_for(operator: httpx.AsyncClient, name: str) -> None:
    body = {"name": name, "remote_server": "127.0.0.1", "skip_verification": True}
    assert (await operator.post("/api/v1/endpoints", json=body)).status_code == 201
    # Dots are encoded as well: a client would take ".." for a step up (RFC 3986, section 5.2.4).
    path = "".join(f"%{byte:02X}" for byte in name.encode())
    assert (await operator.get(f"/api/v1/endpoints/{path}")).json()["name"] == name


@pytest.mark.parametrize("path", ["%FF", "a%00b"])
async def test_what_is_no_name(operator: httpx.AsyncClient, path: str) -> None:
    assert (await operator.get(f"/api/v1/endpoints/{path}")).status_code == 422


async def test_endpoints_are_listed_by_role_and_type(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    async def names(**query: str) -> list[str]:
        return [one["name"] for one in (await operator.get("/api/v1/endpoints", params=query)).json()]

    assert sorted(await names()) == ["Mailboxes", SOURCE]
    assert await names(role="Source") == [SOURCE]
    assert await names(type="Maildir") == ["Mailboxes"]
    assert (await operator.get("/api/v1/endpoints?role=Middle")).status_code == 422


async def test_an_administrators_password_is_kept_and_never_shown(
    operator: httpx.AsyncClient, service: Service
) -> None:
    body = {
        "name": "target",
        "role": "Target",
        "remote_server": "127.0.0.1",
        "admin_user": "root",
        "password": SECRET,
        "skip_verification": True,
    }
    made = await operator.post("/api/v1/endpoints", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["admin_user"] == "root"
    for path in ("/api/v1/endpoints/target", "/api/v1/endpoints"):
        assert SECRET not in (await operator.get(path)).text
    assert SECRET not in made.text
    for file in service.folder.path.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


async def test_tests_of_servers(operator: httpx.AsyncClient, source: dict[str, Any]) -> None:
    failed = (await operator.post(f"{SOURCE_PATH}/test")).json()
    assert failed["result"] == "Failed"
    assert [step["state"] for step in failed["steps"]][:2] == ["passed", "failed"]
    assert (await operator.post("/api/v1/endpoints/mailboxes/test")).json()["result"] == "Success"
    asked = {"remote_server": "127.0.0.1", "port": 1, "security": "None"}
    assert (await operator.post("/api/v1/availability", json=asked)).json()["result"] == "Failed"
    assert (await operator.post("/api/v1/availability", json={**asked, "port": 0})).status_code == 422
