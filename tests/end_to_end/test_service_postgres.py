"""The service on PostgreSQL: sync, delta, kills, removal; and what `mailferry serve` refuses to do."""

from __future__ import annotations

import random
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.end_to_end.serving import Serving, csv_of, until
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, contents, fill, snapshot, write_maildir
from tests.servers.pki import Pki
from tests.servers.plugin import DovecotFactory

ROUNDS = 5
USERS = 5
MESSAGES = 120
COLUMNS = ("EmailAddress", "UserName", "Password", "TargetUserName", "TargetPassword")
LEDGER_TABLES = ("ledger_pair", "ledger_folder", "ledger_chunk", "ledger_exception", "ledger_attempt")
OTHER_TABLES = ("batch", "migration_user", "secret", "report_line", "skipped_item", "row_error")


def mail(user: int, number: int) -> Message:
    identity = "" if number % 10 == 0 else f"X-Number: {number}\r\n"
    head = f"From: a@contoso.com\r\nSubject: {number}\r\nMessage-ID: <{user}.{number // 2}@contoso.com>\r\n{identity}"
    return Message(f"{head}\r\n{'x' * (100 + 91 * (number % 50))}\r\n".encode(), ("\\Seen",) if number % 3 else ())


def rows_of(table: str, url: str) -> int:
    """Count the rows of a table."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
    finally:
        engine.dispose()


def test_killed_and_removed(dovecot_factory: DovecotFactory, postgres_database: str, tmp_path: Path) -> None:
    source, target = dovecot_factory(), dovecot_factory(store="mdbox")
    chance = random.Random(5)
    names = [f"pg{number}" for number in range(USERS)]
    for number, name in enumerate(names):
        target.user(name, "target pass")
        write_maildir(source.user(name, "pass word"), "INBOX", [mail(number, i) for i in range(MESSAGES)])
    rows = [
        dict(zip(COLUMNS, (f"{name}@contoso.com", name, "pass word", name, "target pass"), strict=True))
        for name in names
    ]
    with Serving(tmp_path, "--workers", "2", MAILFERRY_DATABASE=postgres_database) as serving:
        serving.source(source, max_concurrent_migrations=3)
        body = {"name": "new", "type": "IMAP", "role": "Target", "remote_server": target.host, "port": target.port}
        serving.post("/endpoints", {**body, "security": "None"})
        serving.batch("b", csv_of(rows, COLUMNS), target_endpoint="new")
        for _ in range(ROUNDS):
            time.sleep(chance.random() * 0.6)
            serving.kill()
            serving.start()
        done = serving.wait_for("b", "Synced", "SyncedWithErrors")
        assert (done["synced"], done["items_synced"]) == (USERS, USERS * MESSAGES), serving.users("b")
        for name in names:
            fill(source, name, {"INBOX": [mail(77, 1_001)]})
        serving.post("/batches/b/sync-now")
        until(lambda: serving.get("/batches/b")["items_synced"] == USERS * (MESSAGES + 1), serving.told)
        for name in names:
            assert same(source, target, name)
        assert rows_of("ledger_pair", postgres_database) == USERS
        assert not (serving.data / "mailferry.db").exists()
        assert not list((serving.data / "ledgers").rglob("*"))
        serving.client.delete("/batches/b")
        until(lambda: serving.client.get("/batches/b").status_code == 404, serving.told)
    assert {table: rows_of(table, postgres_database) for table in (*LEDGER_TABLES, *OTHER_TABLES)} == dict.fromkeys(
        (*LEDGER_TABLES, *OTHER_TABLES), 0
    )
    for name in names:
        assert same(source, target, name), "mail on the target stays"


def same(source: Dovecot, target: Dovecot, name: str) -> bool:
    """Compare two mailboxes by content."""
    there, here = contents(snapshot(source, name)), contents(snapshot(target, name))
    return {folder: mails for folder, mails in here.items() if mails} == {f: m for f, m in there.items() if m}


def serve(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Try to serve where it must be refused."""
    command = [sys.executable, "-m", "mailferry", "serve", "--port", "0", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_one_service_works_in_a_data_folder(tmp_path: Path) -> None:
    with Serving(tmp_path) as serving:
        again = serve(tmp_path, "--data", str(serving.data))
        assert again.returncode != 0
        assert "Another process works in this data folder" in again.stderr
        assert serving.get("/config")["max_items"] == 500_000
    with Serving(tmp_path) as serving:
        assert serving.get("/batches")["items"] == [], "it is free again"


def test_other_machines_are_let_in_by_tls_only(tmp_path: Path) -> None:
    refused = serve(tmp_path, "--data", str(tmp_path / "data"), "--host", "0.0.0.0")
    assert refused.returncode != 0
    assert "--tls-certificate" in refused.stderr
    assert not (tmp_path / "data").exists()
    half = serve(tmp_path, "--data", str(tmp_path / "data"), "--tls-certificate", "/etc/hostname")
    assert "belong together" in half.stderr
    pki = Pki(tmp_path / "pki")
    good = pki.certificate("good")
    context = ssl.create_default_context(cafile=pki.ca_file)
    options = ("--host", "0.0.0.0", "--tls-certificate", str(good.certificate), "--tls-key", str(good.key))
    with secure(tmp_path, context, *options) as client:
        assert client.get("/api/v1/config").status_code == 200
        assert client.get("/healthz", headers={"Authorization": ""}).status_code == 200
        assert client.get("/api/v1/config", headers={"Authorization": "Bearer wrong"}).status_code == 401
        with httpx.Client(trust_env=False) as stranger, pytest.raises(httpx.HTTPError):
            stranger.get(f"http://127.0.0.1:{client.base_url.port}/healthz")


@contextmanager
def secure(folder: Path, context: ssl.SSLContext, *options: str) -> Iterator[httpx.Client]:
    """Serve by TLS, and give a client that knows the authority."""
    data, log = folder / "data", folder / "serve.log"
    address = data / "address"
    command = [sys.executable, "-m", "mailferry", "serve", "--data", str(data), "--port", "0", *options]
    with log.open("ab") as stream:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    try:
        until(lambda: address.exists() and address.read_text().endswith("\n"), log.read_text)
        token = (data / "token").read_text().strip()
        url = address.read_text().strip().replace("0.0.0.0", "127.0.0.1")
        assert url.startswith("https://")
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=headers, verify=context, trust_env=False) as client:
            until(lambda: answers(client), log.read_text)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def answers(client: httpx.Client) -> bool:
    """Say whether there is a service."""
    try:
        return client.get("/healthz").is_success
    except httpx.ConnectError:
        return False
