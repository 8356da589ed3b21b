"""The OpenAPI document holds: whatever is sent, the answers are those that it promises, and none is a crash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import CoveragePhaseConfig, PhasesConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mailferry.api.app import describe
from tests.unit.api.scene import batch_of, csv_of
from tests.unit.api.server import Running, running

NAMES = {"endpoints": "Mailboxes", "batches": "Batch 1", "users": "u1@example.com"}
"""Things that are there; made-up names lead to 404 only."""

WANTED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("schema") / "data") as found:
        with httpx.Client(base_url=found.url, headers=found.headers) as client:
            body = {"name": "Süd #1/a", "remote_server": "127.0.0.1", "port": 1, "skip_verification": True}
            assert client.post("/api/v1/endpoints", json=body).status_code == 201
            assert client.post("/api/v1/batches", json=batch_of(csv_of(3))).status_code == 201
        yield found


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection for all, which is faster."""
    with requests.Session() as found:
        yield found


# The stream of events has no end, and a service that does not work is not ready.
PHASES = PhasesConfig(coverage=CoveragePhaseConfig(unexpected_methods=set()))
CONFIG = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(phases=PHASES)))
schema = schemathesis.openapi.from_dict(describe(), config=CONFIG).exclude(path=["/api/v1/events", "/readyz"])


def stay_here(case: schemathesis.Case[Any]) -> None:
    """Have tests of servers ask a closed port of this machine only."""
    if isinstance(case.body, dict):
        if "remote_server" in case.body and isinstance(case.body["remote_server"], str):
            case.body["remote_server"] = "127.0.0.1"
        if "port" in case.body and isinstance(case.body["port"], int):
            case.body["port"] = 1
        if "/endpoints" in case.path:
            case.body["skip_verification"] = True


@schema.parametrize()
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_answers_are_as_promised(case: schemathesis.Case[Any], server: Running, session: requests.Session) -> None:
    stay_here(case)
    response = case.call(base_url=server.url, session=session, headers=server.headers)
    case.validate_response(response, checks=WANTED)
    name = NAMES.get(case.path.split("/")[3] if case.path.startswith("/api/") else "")
    if response.status_code == 404 and name and case.method != "DELETE":
        case.path_parameters = {"identity": name}
        response = case.call(base_url=server.url, session=session, headers=server.headers)
        case.validate_response(response, checks=WANTED)
