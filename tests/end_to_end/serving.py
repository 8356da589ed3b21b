"""`mailferry serve` as a process of its own, a client for it, and the counting of logins at the source."""

from __future__ import annotations

import base64
import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.servers.base import PrivateServer

DEADLINE_SECONDS = 120.0


class Serving:
    """A service on a data folder. `kill` and `start` may be repeated; leaving the context ends it."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._options = options
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MAILFERRY_")},
            "XDG_STATE_HOME": str(folder / "state"),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "serve.log"

    def __enter__(self) -> Serving:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        address = self.data / "address"
        address.unlink(missing_ok=True)
        command = [sys.executable, "-m", "mailferry", "serve", "--data", str(self.data), "--port", "0", *self._options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(address.exists, self.told)
        token = (self.data / "token").read_text().strip()
        self.client = httpx.Client(
            base_url=f"{address.read_text().strip()}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30.0,
            trust_env=False,
        )
        until(self._answers, self.told)

    def kill(self) -> None:
        """End it as a power failure would end the process."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in an orderly way."""
        self._end(signal.SIGTERM)

    def told(self) -> str:
        """Give its log, for messages of failed tests."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if "] request " not in line)[-8_000:]

    def _end(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.client.close()
        self.process.send_signal(number)
        self.process.wait(DEADLINE_SECONDS)
        self.process = None

    def _answers(self) -> bool:
        try:
            return self.client.get("/batches").status_code == 200
        except httpx.TransportError:
            assert self.process is not None
            assert self.process.poll() is None, self.told()
            return False

    # requests

    def get(self, path: str, **query: str | int | bool) -> Any:
        """GET, and give the JSON."""
        return checked(self.client.get(path, params=query)).json()

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """POST, and give the JSON."""
        return checked(self.client.post(path, json=dict(body or {}))).json()

    def patch(self, path: str, body: Mapping[str, object]) -> Any:
        """PATCH, and give the JSON."""
        return checked(self.client.patch(path, json=dict(body))).json()

    def source(self, server: PrivateServer, name: str = "source", **settings: object) -> Any:
        """Make an endpoint of a private server."""
        body = {"name": name, "type": "IMAP", "role": "Source", "remote_server": server.host, "port": server.port}
        return self.post("/endpoints", {**body, "security": "None", **settings})

    def batch(self, name: str, rows: bytes, source: str = "source", **settings: object) -> Any:
        """Make a batch and start it."""
        body = {"name": name, "source_endpoint": source, "csv_data": base64.b64encode(rows).decode()}
        return self.post("/batches", {**body, "auto_start": True, **settings})

    def status(self, name: str) -> str:
        """Say where a batch stands."""
        return str(self.get(f"/batches/{name}")["status"])

    def wait_for(self, name: str, *statuses: str) -> Any:
        """Wait until a batch is in one of these states, and give it."""
        until(lambda: self.status(name) in statuses, lambda: f"{self.get(f'/batches/{name}')}\n{self.told()}")
        return self.get(f"/batches/{name}")

    def users(self, batch: str) -> dict[str, Any]:
        """Give the users of a batch by address."""
        return {user["email_address"]: user for user in self.get("/users", batch=batch, limit=1000)["items"]}


def checked(answer: httpx.Response) -> httpx.Response:
    """Fail with the problem that the service told of."""
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    return answer


def until(condition: Callable[[], bool], told: Callable[[], str] = str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for a condition; a deadline fails the test."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def csv_of(
    rows: Iterable[Mapping[str, str]], columns: tuple[str, ...] = ("EmailAddress", "UserName", "Password")
) -> bytes:
    """Write a CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


_LOGIN = re.compile(r"imap-login: (?:Info: )?Login: user=<([^>]*)>.*session=<([^>]*)>")
_LOGOUT = re.compile(r"imap\(([^)]*)\)<\d+><([^>]*)>: (?:Info: )?(?:Disconnected|Logged out|Connection closed)")


def most_logins(log: str, *, by_user: bool = False) -> int:
    """Read Dovecot's log: how many sessions stood open at once, in all or for one user."""
    open_sessions: dict[str, str] = {}
    most = 0
    for line in log.splitlines():
        if login := _LOGIN.search(line):
            open_sessions[login[2]] = login[1]
            users = list(open_sessions.values())
            most = max(most, users.count(login[1]) if by_user else len(users))
        elif logout := _LOGOUT.search(line):
            open_sessions.pop(logout[2], None)
    return most
