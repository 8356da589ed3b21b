"""Reports by mail, from the service as a process of its own: a batch with a wrong password, TLS, and a restart."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path

import pytest

from tests.end_to_end.serving import Serving, csv_of, until
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, write_maildir
from tests.servers.plugin import DovecotFactory
from tests.servers.smtp import MailSink, files_of, text_of

PASSWORD = 'a "secret", with comma'
LOGIN = ("ferry", "pass of the relay")


@pytest.fixture
def source(dovecot_factory: DovecotFactory) -> Dovecot:
    return dovecot_factory()


def rows(source: Dovecot, fresh_user: str) -> list[dict[str, str]]:
    """Make three mailboxes on the source, and give their rows of the CSV; the last one has a wrong password."""
    made = []
    for name in ("ann", "bob", "kim"):
        login = f"{name}.{fresh_user}"  # other tests fill the same server
        text = f"From: a@contoso.com\r\nMessage-ID: <{name}@contoso.com>\r\n\r\nHello\r\n"
        write_maildir(source.user(login, PASSWORD), "INBOX", [Message(text.encode())])
        password = PASSWORD if name != "kim" else "wrong"
        made.append({"EmailAddress": f"{name}@contoso.com", "UserName": login, "Password": password})
    return made


def last_synced(serving: Serving) -> object:
    """Say when ann's mailbox was synced."""
    return serving.users("Erdgeschoß")["ann@contoso.com"]["last_synced_at"]


def test_one_mail_tells_of_the_wrong_password(source: Dovecot, fresh_user: str, tmp_path: Path) -> None:
    people = rows(source, fresh_user)
    relay = MailSink(source.pki.certificate(), login=LOGIN)
    secure = {"smtp_security": "Tls", "smtp_user": LOGIN[0], "smtp_ca_file": str(source.ca_file)}
    with relay, Serving(tmp_path) as serving:
        serving.patch("/config", relay.settings(**secure, smtp_password=LOGIN[1]))
        assert LOGIN[1] not in serving.client.get("/config").text
        serving.source(source)
        serving.batch("Erdgeschoß", csv_of(people), notification_emails=["admin@contoso.com"])
        until(lambda: bool(relay.mails), serving.told)
        serving.wait_for("Erdgeschoß", "SyncedWithErrors")
        serving.kill()
        serving.start()
        before = last_synced(serving)
        serving.post("/batches/Erdgeschoß/sync-now")
        until(lambda: last_synced(serving) != before, serving.told)
        serving.wait_for("Erdgeschoß", "SyncedWithErrors")

        people[2]["Password"] = PASSWORD
        body = {"csv_data": base64.b64encode(csv_of(people)).decode()}
        serving.post("/batches/Erdgeschoß/users", body)
        serving.post("/batches/Erdgeschoß/start")
        serving.wait_for("Erdgeschoß", "Synced")
        until(lambda: len(relay.mails) > 1, serving.told)
        serving.post("/batches/Erdgeschoß/complete")
        serving.wait_for("Erdgeschoß", "Completed")
        until(lambda: len(relay.mails) > 2, serving.told)
        assert serving.get("/batches/Erdgeschoß")["message"] == ""
    subjects = [str(mail["Subject"]) for mail in relay.mails]
    named = 'E-mail migration batch "Erdgeschoß"'
    assert subjects == [f"{named} has finished - with errors", f"{named} has finished", f"{named} has been completed"]
    first = relay.mails[0]
    errors = list(csv.DictReader(io.StringIO(files_of(first)["MigrationErrors.csv"])))
    assert [(row["EmailAddress"], row["Password"]) for row in errors] == [("kim@contoso.com", "")]
    assert errors[0]["ErrorMessage"]
    statistics = csv.DictReader(io.StringIO(files_of(first)["MigrationStatistics.csv"]))
    assert {row["EmailAddress"]: row["ItemsSynced"] for row in statistics} == {
        "ann@contoso.com": "1",
        "bob@contoso.com": "1",
        "kim@contoso.com": "0",
    }
    assert "kim@contoso.com: " in text_of(first)
    assert "http://127.0.0.1:" in text_of(first)
    told = "".join(mail.as_string() for mail in relay.mails) + serving.told()
    assert not any(secret in told for secret in ("with comma", LOGIN[1], "wrong\n"))
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert LOGIN[1].encode() not in stored


def test_a_mail_server_that_is_away_disturbs_nothing(source: Dovecot, fresh_user: str, tmp_path: Path) -> None:
    sink = MailSink()
    with Serving(tmp_path) as serving:
        serving.patch("/config", sink.settings())
        serving.source(source)
        serving.batch("away", csv_of(rows(source, fresh_user)[:2]), notification_emails=["admin@contoso.com"])
        serving.wait_for("away", "Synced")
        until(lambda: "was not reached" in serving.get("/batches/away")["message"], serving.told)
        assert "report not sent by mail" in serving.told()
        with sink:
            serving.patch("/config", {"smtp_from": "other@contoso.com"})  # tried again at once
            until(lambda: bool(sink.mails), serving.told)
            until(lambda: not serving.get("/batches/away")["message"], serving.told)
        assert str(sink.mails[0]["From"]) == "other@contoso.com"
