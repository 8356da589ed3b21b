"""The ways to log in as an administrator, in one CSV each, through the service: only the named mailboxes arrive."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.serving import Serving, csv_of, until
from tests.servers.base import PASSWORD, PrivateServer
from tests.servers.courier import Courier
from tests.servers.mailboxes import Message, fill
from tests.servers.plugin import DovecotFactory

ADMIN, SECRET = "mailadmin", "P@ss, word"
COLUMNS = ("EmailAddress", "UserName", "Password", "UserRoot")
FORMS = {
    "own": "{}",
    "exchange": "contoso-students/mailadmin/{}",
    "dovecot": "{}*mailadmin",
    "mirapoint": "#{}@contoso-students.edu#mailadmin#",
}


def mails(owner: str, number: int) -> list[Message]:
    return [Message(f"Message-ID: <{owner}.{i}@x>\r\nSubject: {owner}\r\n\r\n{i}\r\n".encode()) for i in range(number)]


def fill_all(server: PrivateServer, names: list[str]) -> None:
    for name in [*names, ADMIN]:
        known = name in server.accounts
        server.user(name)
        if not known or name == ADMIN:  # its own mail is there to be left alone
            fill(server, name, {"INBOX": mails(name, 3)})


def arrived(serving: Serving, address: str) -> list[str]:
    """Give the subjects of the mail in an archived mailbox."""
    found = (serving.data / "mailboxes" / address).rglob("cur/*")
    return sorted(path.read_bytes().split(b"Subject: ")[1].split(b"\r\n")[0].decode().strip() for path in found)


def test_names_that_hold_the_administrators(dovecot_factory: DovecotFactory, tmp_path: Path, fresh_user: str) -> None:
    source = dovecot_factory(admin_logins=True)
    names = {form: f"{form}.{fresh_user}" for form in FORMS}
    other = f"wrong.{fresh_user}"
    fill_all(source, [*names.values(), other])
    source.master(ADMIN, SECRET)
    rows = [
        {
            "EmailAddress": f"{name}@contoso.com",
            "UserName": FORMS[form].format(name),
            "Password": PASSWORD if form == "own" else SECRET,
            "UserRoot": "",
        }
        for form, name in names.items()
    ]
    form = next(form for form in FORMS if form != "own")
    login = FORMS[form].format(other)
    wrong = {**rows[1], "EmailAddress": "wrong@contoso.com", "UserName": login, "Password": PASSWORD}
    with Serving(tmp_path) as serving:
        serving.source(source)
        serving.batch("b", csv_of([*rows, wrong], COLUMNS))
        serving.wait_for("b", "SyncedWithErrors")
        users = serving.users("b")
        assert users["wrong@contoso.com"]["failure"]["code"] == "login-failed"
        for name in names.values():
            assert arrived(serving, f"{name}@contoso.com") == [name] * 3, users
        assert SECRET not in serving.told() + serving.get("/users", limit=100).__repr__()


def test_roots_below_the_administrators_login(courier: Courier, tmp_path: Path, fresh_user: str) -> None:
    source = courier
    names = [f"terry.{fresh_user}", f"ann.{fresh_user}"]
    fill_all(source, names)
    rows = [
        {"EmailAddress": f"{n}@contoso.com", "UserName": ADMIN, "Password": PASSWORD, "UserRoot": f"/users/{n}"}
        for n in [*names, f"nobody.{fresh_user}"]
    ]
    with Serving(tmp_path) as serving:
        serving.source(source, max_connections_per_login=2)
        serving.batch("b", csv_of(rows, COLUMNS))
        serving.wait_for("b", "SyncedWithErrors")
        failed = serving.users("b")[f"nobody.{fresh_user}@contoso.com"]
        assert failed["failure"]["code"] == "root-not-found"
        assert f"/users/nobody.{fresh_user}" in failed["failure"]["text"]
        for name in names:
            assert arrived(serving, f"{name}@contoso.com") == [name] * 3
        assert arrived(serving, f"nobody.{fresh_user}@contoso.com") == []
        text = serving.client.get("/batches/b/errors.csv").text
        assert f"nobody.{fresh_user}@contoso.com,{ADMIN},,/users/nobody.{fresh_user}" in text
        # the row with the right root corrects the user
        fill_all(source, [f"nobody.{fresh_user}"])
        serving.post("/batches/b/start")
        until(lambda: serving.status("b") == "Synced", serving.told)
