"""docs/api.md tells of every route, code and figure, and of none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import FastAPI

from mailferry.api import problems
from mailferry.api.app import describe
from mailferry.api.metrics import Metrics
from mailferry.service.wiring import Service

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text()


def test_routes() -> None:
    rows = re.findall(r"^\| `(/[^`]*)` \| ([A-Z, ]+) \|", PAGE, re.MULTILINE)
    told = {path: set(methods.split(", ")) for path, methods in rows}
    assert told == {path: {m.upper() for m in methods} for path, methods in describe()["paths"].items()}


def test_codes() -> None:
    rows = re.findall(r"^\| (\d{3}) \| ([^|]+) \|", PAGE, re.MULTILINE)
    told = {(int(status), code) for status, codes in rows for code in re.findall(r"`([\w-]+)`", codes)}
    of_classes = {(status.value, cls.code) for cls, status in problems.BY_CLASS.items() if cls.code != "csv-file"}
    of_statuses = {(status, code) for status, (code, _) in problems.BY_STATUS.items()}
    assert told - {(401, "invalid-token"), (503, "store-unavailable")} == of_classes | of_statuses


async def test_figures(app: FastAPI, service: Service) -> None:
    metrics = Metrics()
    metrics.request("GET", "/", 200, 0.1)
    given = set(re.findall(r"^# TYPE (\w+)", (await metrics.page(service.database)).decode(), re.MULTILINE))
    told = set(re.findall(r"`(mailferry_\w+)`", PAGE))
    assert {name for name in given if not name.endswith("_created")} == told
