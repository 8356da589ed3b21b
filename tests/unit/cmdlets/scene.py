"""A session without a service: answers are canned, requests are kept, and what is shown is kept too."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from mailferry.cmdlets.client import Client
from mailferry.cmdlets.errors import CommandError, render
from mailferry.cmdlets.evaluate import Session
from mailferry.cmdlets.host import NobodyToAsk, Reply
from mailferry.imap.values import Secret

NOW = datetime(2026, 11, 21, 7, 6, 54, tzinfo=UTC)
BASE = "http://127.0.0.1:8437"

ENDPOINT: Mapping[str, Any] = {
    "guid": "11111111-1111-1111-1111-111111111111",
    "name": "IMAPEndpoint",
    "type": "IMAP",
    "role": "Source",
    "remote_server": "imap.contoso.com",
    "port": 993,
    "security": "Ssl",
    "authentication": "Basic",
    "accept_untrusted_certificates": False,
    "max_concurrent_migrations": 50,
    "max_concurrent_incremental_syncs": 25,
    "max_connections_per_login": 8,
    "path": "",
    "user_template": "",
    "admin_user": "",
    "is_default": False,
    "created_at": "2026-11-21T07:06:54Z",
    "changed_at": "2026-11-21T07:06:54Z",
}
BATCH: Mapping[str, Any] = {
    "guid": "22222222-2222-2222-2222-222222222222",
    "name": "IMAPBatch1",
    "status": "Syncing",
    "actions": ["stop"],
    "source_endpoint": "IMAPEndpoint",
    "target_endpoint": "Archive",
    "priority": 0,
    "include_folders": [],
    "exclude_folders": ["[Gmail]", "Public Folders/*"],
    "content_filter": "Received -ge '2025-01-01'",
    "content_filter_language": "",
    "received_start": "2025-01-01T00:00:00Z",
    "received_end": None,
    "notification_emails": [],
    "report_interval_seconds": 86400.0,
    "skip_reports": False,
    "time_zone": "UTC",
    "submitted_by": "console",
    "message": "",
    "total": 3,
    "active": 2,
    "synced": 1,
    "finalized": 0,
    "failed": 0,
    "stopped": 0,
    "percentage": 41,
    "items_found": 1000,
    "items_synced": 410,
    "items_skipped": 0,
    "bytes_found": 1610612736,
    "bytes_synced": 20480,
    "consistency": "",
    "row_errors": 0,
    "start_after": None,
    "complete_after": None,
    "created_at": "2026-11-21T07:06:54Z",
    "started_at": "2026-11-21T12:00:00Z",
    "initial_synced_at": None,
    "last_synced_at": None,
    "finalized_at": None,
    "status_at": "2026-11-21T12:00:00Z",
}


def user(address: str, **changes: Any) -> dict[str, Any]:
    """Give a user as the API does."""
    number = sum(address.encode()) % 100
    return {
        "guid": f"33333333-3333-3333-3333-3333333333{number:02}",
        "batch": "IMAPBatch1",
        "email_address": address,
        "user_name": address.partition("@")[0],
        "user_root": "",
        "target_user": "",
        "status": "Synced",
        "summary": "Synced",
        "priority": 0,
        "percentage": 100,
        "items_found": 10,
        "items_synced": 10,
        "items_skipped": 0,
        "items_had": 0,
        "bytes_found": 1024,
        "bytes_synced": 1024,
        "folders": 3,
        "folders_done": 3,
        "folder": "",
        "stalled_reason": "",
        "consistency": "Perfect",
        "failure": None,
        "start_after": None,
        "complete_after": None,
        "initial_synced_at": "2026-11-21T07:00:00Z",
        "last_synced_at": "2026-11-21T07:00:00Z",
        "completed_at": None,
        "updated_at": "2026-11-21T07:00:00Z",
    } | changes


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that a session sent. `path` is as it went over the wire, without the query."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    authorization: str

    @property
    def line(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


Answer = tuple[int, Any]


def problem(status: int, code: str, detail: str, **members: Any) -> Answer:
    """Give an answer that is a problem."""
    return status, {"status": status, "title": "x", "code": code, "detail": detail} | members


@dataclass
class Service:
    """Answers requests by method and path; an answer may be a function of the request. Unknown ones are not found."""

    answers: dict[str, Answer | Callable[[Sent], Answer]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Be the transport."""
        raw = request.url.raw_path.decode().partition("?")[0]
        body = json.loads(request.content) if request.content else None
        query = dict(request.url.params)
        sent = Sent(request.method, raw, query, body, request.headers.get("Authorization", ""))
        self.sent.append(sent)
        found = self.answers.get(sent.line, problem(404, "no-such-route", "Not Found"))
        status, content = found(sent) if callable(found) else found
        if isinstance(content, str):
            return httpx.Response(status, text=content)
        return httpx.Response(status, json=content) if content is not None else httpx.Response(status)


@dataclass
class Screen:
    """A host that keeps what is shown and answers from lists. With nothing left to answer there is nobody to ask."""

    width: int = 100
    out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[CommandError] = field(default_factory=list)
    rendered: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.out.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def verbose(self, text: str) -> None:
        self.out.append(f"VERBOSE: {text}")

    def error(self, error: CommandError, text: str) -> None:
        self.errors.append(error)
        self.rendered.append(render(error, text))

    def confirm(self, message: str) -> Reply:
        self.questions.append(message)
        if not self.replies:
            raise NobodyToAsk("There is nobody to answer.")
        return self.replies.pop(0)

    def ask(self, prompt: str) -> str:
        self.questions.append(prompt)
        if not self.lines:
            raise NobodyToAsk("There is nobody to answer.")
        return self.lines.pop(0)

    def ask_secret(self, prompt: str) -> Secret:
        self.questions.append(prompt)
        if not self.secrets:
            raise NobodyToAsk("There is nobody to answer.")
        return Secret(self.secrets.pop(0))

    @property
    def text(self) -> str:
        """All that was shown."""
        return "\n".join(self.out)

    @property
    def messages(self) -> list[str]:
        """What the errors say."""
        return [error.message for error in self.errors]


@dataclass
class Scene:
    """A session with its service and its screen."""

    folder: Path
    service: Service = field(default_factory=Service)
    screen: Screen = field(default_factory=Screen)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        transport = httpx.MockTransport(self.service.answer)
        self.client = Client(BASE, Secret("token-1"), transport=transport)
        self.session = Session(
            self.client, self.screen, folder=self.folder, clock=lambda: NOW, environment=self.environment
        )

    def given(self, line: str, content: Any, status: int = 200) -> Scene:
        """Have the service answer `METHOD /path` (under /api/v1) with something."""
        method, _, path = line.partition(" ")
        self.service.answers[f"{method} /api/v1{path}"] = (status, content)
        return self

    def run(self, text: str) -> bool:
        """Run a text as a console does."""
        return self.session.run(text)

    def values(self, text: str) -> list[object]:
        """Run a text and give what it gives."""
        return self.session.evaluate(text)

    @property
    def sent(self) -> list[Sent]:
        """The requests so far."""
        return self.service.sent

    @property
    def last(self) -> Sent:
        """The last request."""
        return self.service.sent[-1]


def page(items: Sequence[Mapping[str, Any]], following: str | None = None) -> dict[str, Any]:
    """Give a page of objects as the API does."""
    return {"items": list(items), "next": following, "total": None}


def encoded(data: bytes) -> str:
    """Give bytes as the API takes them."""
    return base64.b64encode(data).decode()
