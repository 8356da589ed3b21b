"""A CSV that one cmdlet of a shell reads from standard input."""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mailferry.cli.cmdlet import run_cmdlet


@contextmanager
def answering(status: int, content: object) -> Iterator[tuple[str, list[bytes]]]:
    """A service on this machine that gives one answer to all requests, and keeps their bodies."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", bodies
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "words",
    [
        ["batch", "new", "--name", "B", "--source-endpoint", "E", "--csv-data", "-"],
        ["New-MigrationBatch", "-Name", "B", "-SourceEndpoint", "E", "-CSVData", "-"],
    ],
)
def test_a_csv_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    token.chmod(0o600)
    with answering(201, {"name": "B"}) as (url, bodies):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"EmailAddress\na@b.c\n")))
        assert run_cmdlet([*words, "--url", url, "--token-file", str(token)], {}) == 0
    assert base64.b64decode(json.loads(bodies[0])["csv_data"]) == b"EmailAddress\na@b.c\n"
