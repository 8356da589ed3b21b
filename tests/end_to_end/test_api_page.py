"""The commands in docs/api.md, run as they are printed, against a service that migrates from a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.serving import Serving, csv_of, until
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, write_maildir

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
PASSWORD = "terry's 1091990"


def blocks() -> list[str]:
    """Give the blocks of commands in the order of the page."""
    return re.findall(r"(?:^ {4}.*\n)+", PAGE.read_text(), re.MULTILINE)


class Shell:
    """A shell in a folder, which stops at the first command that fails."""

    def __init__(self, folder: Path, beginning: str) -> None:
        self._folder = folder
        self._beginning = beginning

    def run(self, commands: str) -> str:
        """Run commands as the page has them, and give what they print."""
        script = f"set -eu -o pipefail\n{self._beginning}\n{commands}"
        environment = {**os.environ, "no_proxy": "*"}
        done = subprocess.run(
            ["bash"], input=script, cwd=self._folder, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def source(dovecot: Dovecot) -> Dovecot:
    for name in ("terry", "ann"):
        mails = [Message(f"Subject: {n}\r\n\r\nHello {name}\r\n".encode()) for n in range(5)]
        write_maildir(dovecot.user(name, PASSWORD), "INBOX", mails)
    return dovecot


def test_the_commands_of_the_page(source: Dovecot, tmp_path: Path) -> None:
    rows = [{"EmailAddress": f"{n}@contoso.com", "UserName": n, "Password": PASSWORD} for n in ("terry", "ann")]
    (tmp_path / "users.csv").write_bytes(csv_of([rows[0], {**rows[1], "EmailAddress": "ann"}]))
    (tmp_path / "more.csv").write_bytes(csv_of(rows))
    found = blocks()
    begin, endpoint, batch, retry, more, moments, look, end, tokens, events, error = found
    endpoint = endpoint.replace(
        '"remote_server": "imap.contoso.com"',
        f'"remote_server": "{source.host}", "port": {source.port}, "security": "None"',
    )
    with Serving(tmp_path) as serving:
        (tmp_path / "mailferry-data").symlink_to(serving.data)
        shell = Shell(tmp_path, begin)
        assert '"max_concurrent_incremental_syncs":25' in shell.run(endpoint)
        assert '"code":"email-address-invalid"' in shell.run(batch)
        added = shell.run(more)
        assert '"total":2' in added
        assert '"rows_added":1,' in added
        serving.wait_for("First%20floor", "Synced")
        planned, called_off = shell.run(moments).split('"complete_after":')[1:]
        assert planned.startswith('"2030-01-31T20:00:00Z"')
        assert called_off.startswith("null")
        told = shell.run(look)
        assert '"items_synced":5' in told
        assert "terry@contoso.com" in (tmp_path / "report.csv").read_text()
        assert "ann," in (tmp_path / "errors.csv").read_text()
        assert '"name":"dashboard"' in shell.run(tokens)
        assert json.loads((tmp_path / "dashboard.json").read_text())["token"].startswith("mf_")
        write_maildir(source.accounts["terry"], "INBOX", [Message(b"Subject: late\r\n\r\nLate\r\n")])
        sync, complete, remove = end.strip().splitlines()
        assert "retry: 2000" in shell.run(events)
        shell.run(sync)
        until(lambda: serving.users("First floor")["terry@contoso.com"]["items_synced"] == 6, serving.told)
        serving.wait_for("First%20floor", "Synced")
        shell.run(complete)
        serving.wait_for("First%20floor", "Completed")
        assert '"name":"Retry"' in shell.run(retry)
        assert serving.get("/users?batch=Retry")["items"][0]["items_synced"] == 6
        assert '"status":"Removing"' in shell.run(remove)
        until(lambda: serving.client.get("/batches/First%20floor").status_code == 404, serving.told)
        assert '"code":"not-found"' in shell.run(error)
        assert PASSWORD not in told + serving.told()
    assert len(list((tmp_path / "data" / "mailboxes" / "terry@contoso.com").glob("[cn]*/*"))) == 6
