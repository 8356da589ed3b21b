"""A source that is too slow or asks for patience: nobody fails, the others go on, and its wish is respected."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.serving import Serving, csv_of, until
from tests.faults.actions import Stall
from tests.faults.proxy import Proxy
from tests.faults.wire import AtByte
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, write_maildir
from tests.servers.plugin import DovecotFactory

BACKOFF_SECONDS = 11.0
"""More than a pass waits by itself."""

MESSAGES = 60


def people(source: Dovecot, *names: str) -> bytes:
    """Make mailboxes, and give their CSV."""
    for name in names:
        mails = [
            Message(f"Message-ID: <{name}.{i}@contoso.com>\r\nSubject: {i}\r\n\r\n{'x' * 500}\r\n".encode())
            for i in range(MESSAGES)
        ]
        write_maildir(source.user(name, "pass word"), "INBOX", mails)
    return csv_of({"EmailAddress": f"{n}@contoso.com", "UserName": n, "Password": "pass word"} for n in names)


@contextmanager
def behind(proxy: Proxy, folder: Path) -> Iterator[Serving]:
    """Serve with the proxy as the source."""
    with proxy.in_thread(), Serving(folder, "--workers", "1") as serving:
        serving.patch("/config", {"retry_seconds": 0.2})
        body: dict[str, Any] = {"name": "slow", "type": "IMAP", "role": "Source", "remote_server": "127.0.0.1"}
        serving.post("/endpoints", {**body, "port": proxy.port, "security": "None", "skip_verification": True})
        yield serving


def test_a_server_that_asks_for_patience_gets_it(dovecot_factory: DovecotFactory, tmp_path: Path) -> None:
    source = dovecot_factory()
    rows = people(source, "patient1", "patient2", "patient3")
    proxy = Proxy(source.port)
    text = b"{tag} NO [UNAVAILABLE] Busy. Suggested Backoff Time: %d milliseconds\r\n" % (BACKOFF_SECONDS * 1_000)
    refusal = proxy.answer(rb"^\S+ (LOGIN|AUTHENTICATE)", text, times=1)
    with behind(proxy, tmp_path) as serving:
        serving.batch("b", rows, "slow")
        until(lambda: refusal.count == 1 and len(of_status(serving, "Synced")) == 2, serving.told)
        refused_at = time.time()
        (waits,) = of_status(serving, "Queued")
        assert waits["stalled_reason"].startswith("Source: ")
        assert (waits["failure"]["code"], waits["failure"]["side"]) == ("server-busy", "source")
        assert "Suggested Backoff Time" in waits["failure"]["text"]
        connections = proxy.connections
        done = serving.wait_for("b", "Synced", "SyncedWithErrors")
        assert (done["synced"], done["items_synced"]) == (3, 3 * MESSAGES)
        statistics = serving.get(f"/users/{waits['email_address']}/statistics")
        assert statistics["durations"]["stalled_seconds"] >= BACKOFF_SECONDS - 0.5
        assert proxy.connections == connections + 1, "it was left in peace meanwhile"
        assert time.time() > refused_at


def test_one_slow_connection_holds_up_nobody_else(dovecot_factory: DovecotFactory, tmp_path: Path) -> None:
    source = dovecot_factory()
    rows = people(source, "slow1", "slow2", "slow3")
    proxy = Proxy(source.port)
    stall = proxy.on("to_client", AtByte(9_000), Stall(), times=1)
    with behind(proxy, tmp_path) as serving:
        serving.batch("b", rows, "slow")
        until(lambda: stall.count == 1 and len(of_status(serving, "Synced")) == 2, serving.told)
        (slow,) = of_status(serving, "Syncing")
        assert not slow["failure"]
        proxy.cut_all()
        done = serving.wait_for("b", "Synced", "SyncedWithErrors")
        assert (done["synced"], done["items_synced"]) == (3, 3 * MESSAGES)
    assert len(list((tmp_path / "data" / "mailboxes").rglob("cur/*"))) == 3 * MESSAGES


def of_status(serving: Serving, status: str) -> list[Any]:
    """Give the users in this state."""
    return [user for user in serving.users("b").values() if user["status"] == status]
