"""The service is killed at random moments and started again: every message arrives once, whatever happened."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.end_to_end.serving import Serving, csv_of
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, contents, snapshot, write_maildir
from tests.servers.plugin import DovecotFactory

ROUNDS = 20
USERS = 12
MESSAGES = 150


def mail(user: int, folder: str, number: int) -> Message:
    flags = (("\\Seen",), ("\\Seen", "\\Flagged"), ())[number % 3]
    head = (
        f"From: a@contoso.com\r\nSubject: {folder} {number}\r\nMessage-ID: <{user}.{folder}.{number}@contoso.com>\r\n"
    )
    twin = number % 10 == 0  # each tenth message is there twice, byte for byte
    body = "x" * (200 + 137 * (number % 40))
    identity = "" if twin else f"X-Number: {number}\r\n"
    return Message(f"{head}{identity}\r\n{body}\r\n".encode(), flags)


@pytest.mark.timeout(900)  # twenty starts take their time on a busy machine
def test_killed_at_random_moments(dovecot_factory: DovecotFactory, tmp_path: Path) -> None:
    source, target = dovecot_factory(), dovecot_factory(store="mdbox")
    chance = random.Random(20)
    for number in range(USERS):
        for server in (source, target):
            server.user(f"kill{number}", f"pass word,{number}")
        write_source(source, number)
    rows = [
        {
            "EmailAddress": f"kill{number}@contoso.com",
            "UserName": f"kill{number}",
            "Password": f"pass word,{number}",
            "TargetUserName": f"kill{number}",
            "TargetPassword": f"pass word,{number}",
        }
        for number in range(USERS)
    ]
    data = csv_of(rows, ("EmailAddress", "UserName", "Password", "TargetUserName", "TargetPassword"))
    serving = Serving(tmp_path, "--workers", "2")
    with serving:
        serving.source(source, max_concurrent_migrations=6, max_concurrent_incremental_syncs=4)
        body = {"name": "new", "type": "IMAP", "role": "Target", "remote_server": target.host, "port": target.port}
        serving.post("/endpoints", {**body, "security": "None"})
        serving.batch("b", data, target_endpoint="new")
        for _ in range(ROUNDS):
            time.sleep(chance.random() * 0.8)
            serving.kill()
            serving.start()
        done = serving.wait_for("b", "Synced", "SyncedWithErrors")
        assert done["synced"] == USERS, serving.users("b")
        assert done["items_synced"] == done["items_found"] == USERS * (MESSAGES + MESSAGES // 10 + MESSAGES // 2)
        for number in range(USERS):
            there, here = contents(snapshot(source, f"kill{number}")), contents(snapshot(target, f"kill{number}"))
            assert {name: mails for name, mails in here.items() if mails} == {n: m for n, m in there.items() if m}


def write_source(source: Dovecot, number: int) -> None:
    account = source.accounts[f"kill{number}"]
    inbox = [mail(number, "INBOX", i) for i in range(MESSAGES)]
    twins = [mail(number, "INBOX", i) for i in range(0, MESSAGES, 10)]
    write_maildir(account, "INBOX", inbox + twins)
    write_maildir(account, "Clients.2024", [mail(number, "Clients", i) for i in range(MESSAGES // 2)])
