"""The demo's client of the REST API: what a script of an administrator would look like."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx


class Problem(Exception):
    """The service refused something; the text says why."""


class Client:
    """Talks to the service that runs on a data folder: its address and its first token are files there."""

    def __init__(self, data: Path) -> None:
        self._http = httpx.Client(
            base_url=(data / "address").read_text().strip() + "/api/v1",
            headers={"Authorization": f"Bearer {(data / 'token').read_text().strip()}"},
            timeout=30.0,
            trust_env=False,
        )

    def is_there(self) -> bool:
        """Say whether the service answers."""
        try:
            return self._http.get("/batches").is_success
        except httpx.TransportError:
            return False

    def get(self, path: str, **query: str | int) -> Any:
        """Look at something."""
        return self._json(self._http.get(path, params=query))

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Ask for something."""
        return self._json(self._http.post(path, json=dict(body)))

    def batch(self, name: str, endpoint: str, rows: Path) -> Any:
        """Make a batch of a CSV and start it."""
        data = base64.b64encode(rows.read_bytes()).decode()
        return self.post("/batches", {"name": name, "source_endpoint": endpoint, "csv_data": data, "auto_start": True})

    def users(self, batch: str) -> list[dict[str, Any]]:
        """List the users of a batch."""
        items: list[dict[str, Any]] = self.get("/users", batch=batch, limit=100)["items"]
        return items

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        body = answer.json()
        if not answer.is_success:
            raise Problem(f"{body.get('title', '')} {body.get('detail', '')} {body.get('advice', '')}".strip())
        return body
