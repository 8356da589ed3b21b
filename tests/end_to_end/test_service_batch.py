"""A batch of 50 mailboxes with all that goes wrong in life; logins are counted at the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.serving import Serving, csv_of, most_logins, until
from tests.faults.actions import Cut
from tests.faults.proxy import Proxy
from tests.faults.wire import AtByte
from tests.servers.base import PrivateServer
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, contents, fill, snapshot, write_maildir
from tests.servers.plugin import DovecotFactory

GOOD, WRONG_PASSWORD, MISSING = 44, 4, 2
LIMIT = 5
PASSWORD = 'a "secret", with comma'


def mail(user: str, number: int) -> Message:
    text = (
        f"From: a@contoso.com\r\nMessage-ID: <{user}.{number}@contoso.com>\r\nSubject: {number}\r\n\r\nHello {user}\r\n"
    )
    return Message(text.encode(), ("\\Seen",) if number % 2 else ())


def people(source: Dovecot, names: list[str], messages: int = 12) -> list[dict[str, str]]:
    """Make mailboxes on the source, and give their rows of the CSV."""
    for name in names:
        write_maildir(source.user(name, PASSWORD), "INBOX", [mail(name, i) for i in range(messages)])
    return [row(name) for name in names]


def row(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"EmailAddress": f"{name}@contoso.com", "UserName": name, "Password": password}


@pytest.fixture
def source(dovecot_factory: DovecotFactory) -> Dovecot:
    return dovecot_factory()


def test_fifty_mailboxes_at_once(source: Dovecot, tmp_path: Path) -> None:
    good = [f"good{number}" for number in range(GOOD)]
    rows = people(source, good)
    rows += [row(f"good{number}x", "wrong") for number in range(WRONG_PASSWORD)]
    for number in range(WRONG_PASSWORD):
        source.user(f"good{number}x", PASSWORD)
    rows += [row(f"missing{number}") for number in range(MISSING)]
    already = len(source.log_text())
    with Serving(tmp_path) as serving:
        serving.source(source, max_concurrent_migrations=LIMIT, max_concurrent_incremental_syncs=2)
        serving.batch("fifty", csv_of(rows))
        done = serving.wait_for("fifty", "SyncedWithErrors")
        assert (done["total"], done["synced"], done["failed"]) == (50, GOOD, WRONG_PASSWORD + MISSING)
        assert done["items_synced"] == done["items_found"] == 12 * GOOD
        found = serving.users("fifty")
        failed = {address for address, user in found.items() if user["status"] == "Failed"}
        assert failed == {r["EmailAddress"] for r in rows[GOOD:]}
        assert all(found[address]["failure"]["code"] == "login-failed" for address in failed)
        until(lambda: "imap(" in source.log_text()[already:])
        assert 0 < most_logins(source.log_text()[already:]) <= LIMIT
        refused = [line for line in source.log_text()[already:].splitlines() if "good0x" in line]
        assert sum("auth failed" in line for line in refused) == 1, "a wrong password is tried once"

        # incremental syncs have a limit of their own
        already = len(source.log_text())
        for name in good:
            fill(source, name, {"INBOX": [mail(name, 99)]})
        already = len(source.log_text())
        serving.post("/batches/fifty/sync-now")
        until(lambda: serving.get("/batches/fifty")["items_synced"] == 13 * GOOD)
        serving.wait_for("fifty", "SyncedWithErrors")
        assert 0 < most_logins(source.log_text()[already:]) <= 2

        # nothing secret is told by anybody
        answers = [serving.client.get(path).text for path in ("/batches", "/users", "/endpoints", "/config")]
        assert not any("with comma" in text for text in [*answers, serving.told()])
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    kept = b"".join(p.read_bytes() for p in (tmp_path / "data" / "mailboxes").rglob("*") if p.is_file())
    assert b"with comma" not in stored
    assert kept.count(b"Message-ID:") == 13 * GOOD


def test_an_administrators_login_has_a_limit_of_its_own(dovecot_factory: DovecotFactory, tmp_path: Path) -> None:
    """All rows log in under one name; the user part differs, so Dovecot itself would allow more."""
    source = dovecot_factory(shared=True)
    rows = []
    for number in range(10):
        name = f"admin{number}"
        source.user(name, PASSWORD)
        fill(source, name, {"INBOX": [mail(name, i) for i in range(10)]})
        rows.append({**row(name, "secret"), "UserName": "mailadmin", "UserRoot": f"/users/{name}"})
    source.user("mailadmin", "secret")
    fill(source, "mailadmin", {"INBOX": [mail("mailadmin", 1)]})
    already = len(source.log_text())
    with Serving(tmp_path) as serving:
        serving.source(source, max_concurrent_migrations=8, max_connections_per_login=3)
        serving.batch("admin", csv_of(rows, ("EmailAddress", "UserName", "Password", "UserRoot")))
        done = serving.wait_for("admin", "Synced", "SyncedWithErrors")
        assert done["synced"] == 10, serving.users("admin")
        assert done["items_synced"] == 100
        assert 0 < most_logins(source.log_text()[already:]) <= 3


def test_a_full_target_and_a_server_that_drops_connections(
    source: Dovecot, dovecot_factory: DovecotFactory, tmp_path: Path
) -> None:
    names = [f"drop{number}" for number in range(4)]
    rows = people(source, names, messages=60)
    full = dovecot_factory(store="mdbox", quota_messages=20)
    for name in names:
        full.user(name, PASSWORD)
    proxy = Proxy(source.port)
    for connection in (1, 3, 4):
        proxy.on("to_client", AtByte(4_000), Cut(), connection=connection)
    with proxy.in_thread(), Serving(tmp_path) as serving:
        serving.patch("/config", {"retry_seconds": 0.2})
        flaky: dict[str, object] = {"name": "flaky", "type": "IMAP", "role": "Source", "port": proxy.port}
        serving.post("/endpoints", {**flaky, "remote_server": "127.0.0.1", "security": "None"})
        serving.batch("dropping", csv_of(rows), "flaky")
        done = serving.wait_for("dropping", "Synced", "SyncedWithErrors")
        assert (done["synced"], done["items_synced"]) == (4, 240), serving.users("dropping")
        serving.client.delete("/batches/dropping")
        until(lambda: serving.client.get("/batches/dropping").status_code == 404)

        serving.source(source)
        body = {"name": "small", "type": "IMAP", "role": "Target", "remote_server": full.host, "port": full.port}
        serving.post("/endpoints", {**body, "security": "None"})
        for each in rows:
            each |= {"TargetUserName": each["UserName"], "TargetPassword": PASSWORD}
        columns = ("EmailAddress", "UserName", "Password", "TargetUserName", "TargetPassword")
        serving.batch("overfull", csv_of(rows, columns), target_endpoint="small")
        done = serving.wait_for("overfull", "Failed")
        reasons = {user["failure"]["code"] for user in serving.users("overfull").values()}
        assert reasons == {"over-quota"}
        full_of(full, names)


def full_of(server: PrivateServer, names: list[str]) -> None:
    """What arrived before the quota arrived once."""
    for name in names:
        arrived = contents(snapshot(server, name))[("INBOX",)]
        assert all(count == 1 for count in arrived.values())


def test_stop_start_complete_remove(source: Dovecot, tmp_path: Path) -> None:
    rows = people(source, [f"life{number}" for number in range(6)], messages=400)
    with Serving(tmp_path) as serving:
        serving.source(source, max_concurrent_migrations=2)
        serving.batch("life", csv_of(rows))
        until(lambda: any(user["status"] == "Syncing" for user in serving.users("life").values()))
        serving.post("/batches/life/stop")
        serving.wait_for("life", "Stopped")
        assert {user["status"] for user in serving.users("life").values()} <= {"Stopped", "IncrementalStopped"}
        serving.post("/batches/life/start")
        done = serving.wait_for("life", "Synced")
        assert done["items_synced"] == 2_400
        serving.post("/batches/life/complete")
        done = serving.wait_for("life", "Completed")
        assert done["finalized"] == 6
        ledgers = tmp_path / "data" / "ledgers"
        assert len(list(ledgers.rglob("*.db"))) == 6
        serving.client.delete("/batches/life")
        until(lambda: serving.client.get("/batches/life").status_code == 404)
        assert list(ledgers.rglob("*.db")) == []
        assert len(list((tmp_path / "data" / "mailboxes").rglob("cur/*"))) == 2_400
