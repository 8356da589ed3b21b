"""What the tests of the API send, and whom they send it as."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

SOURCE = "Süd #1/a"
"""The name of an endpoint with all that a path must encode."""

SOURCE_PATH = "/api/v1/endpoints/S%C3%BCd%20%231%2Fa"
PASSWORD = "pass-word-of-"


def csv_of(number: int, first: int = 0) -> bytes:
    """Write a CSV of some users, whose passwords all begin alike."""
    rows = [f"u{i}@example.com,user{i},{PASSWORD}{i}" for i in range(first, first + number)]
    return "\r\n".join(["EmailAddress,UserName,Password", *rows, ""]).encode()


def batch_of(csv: bytes, name: str = "Batch 1", **more: Any) -> dict[str, Any]:
    """Give the body of a request that makes a batch."""
    return {"name": name, "source_endpoint": SOURCE, "csv_data": base64.b64encode(csv).decode(), **more}


@dataclass(frozen=True)
class Clients:
    """Clients of one app: with a token of each role, and with none."""

    operator: httpx.AsyncClient
    viewer: httpx.AsyncClient
    anyone: httpx.AsyncClient


def client_of(app: FastAPI, token: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025", headers=headers)
