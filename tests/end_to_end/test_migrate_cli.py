"""`mailferry migrate`, `serve` and `token` as users run them: processes of their own, from a real server."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.serving import csv_of
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, fill, write_maildir
from tests.servers.plugin import DovecotFactory

PASSWORD = "correct horse battery"
NO_WORKERS = """\
import os, sys
if "mailferry.service.worker" in sys.orig_argv:
    os.write(2, b"PermissionError: no worker today\\n")
    os._exit(3)
"""


class Cli:
    """Runs `mailferry` in a folder of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.options = ("--source", f"imap://127.0.0.1:{port}", "--target", "maildir:mail boxes")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MAILFERRY_")},
            "XDG_STATE_HOME": str(folder / "state"),
            "COLUMNS": "60",
        }

    def run(self, *words: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """Give what it printed; checks the exit code, and that no secret was told."""
        done = subprocess.run(
            [sys.executable, "-m", "mailferry", *words],
            cwd=self.folder,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        assert PASSWORD not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    def migrate(self, *words: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """Migrate `users.csv`, or another file that is named first."""
        csv = () if words and words[0].endswith(".csv") else ("users.csv",)
        return self.run("migrate", *csv, *words, "--workers", "1", *self.options, code=code, **environment)

    def csv(self, *names: str, file: str = "users.csv", password: str = PASSWORD) -> None:
        """Write a CSV."""
        rows = [{"EmailAddress": f"{name}@contoso.com", "UserName": name, "Password": password} for name in names]
        (self.folder / file).write_bytes(csv_of(rows))


def mail(number: int) -> Message:
    text = f"From: a@contoso.com\r\nMessage-ID: <{number}@contoso.com>\r\nSubject: {number}\r\n\r\nHello\r\n"
    return Message(text.encode(), ())


@pytest.fixture
def source(dovecot_factory: DovecotFactory) -> Dovecot:
    return dovecot_factory()


@pytest.fixture
def cli(source: Dovecot, tmp_path: Path) -> Cli:
    return Cli(tmp_path, source.port)


def test_a_batch_its_failures_and_its_new_mail(source: Dovecot, cli: Cli) -> None:
    names = [f"batch{number}" for number in range(3)]  # no other test fills these
    for name in names:
        write_maildir(source.user(name, PASSWORD), "INBOX", [mail(number) for number in range(5)])
    cli.csv(*names)
    out, err = cli.migrate("--exclude-folders", "Junk")
    assert sorted(line for line in err.splitlines() if ": synced" in line) == [
        f"{name}@contoso.com: synced, 5 messages, {5 * len(mail(0).data)} bytes" for name in names
    ]
    assert "every message of every mailbox is on the target" in out
    assert "Perfect so far" not in out

    # again: only what is new is told, and the folders of the batch are kept
    fill(source, names[1], {"INBOX": [mail(number) for number in (91, 92)]})
    out, err = cli.migrate()
    told = [line for line in err.splitlines() if "contoso.com" in line]
    assert [line.partition(", ")[0:1] + line.partition(", ")[2:] for line in told] == [
        (f"{names[1]}@contoso.com: synced", f"2 new messages, {2 * len(mail(91).data)} bytes")
    ]
    assert ["New", "messages", "2"] in [line.split() for line in out.splitlines()]
    assert "folders is now" not in err

    # other folders are no secret
    out, _ = cli.migrate("--exclude-folders", "Junk,Trash", "--json")
    assert "--exclude-folders is now Junk,Trash (it was Junk)" in out
    finished = json.loads(out.splitlines()[-1])
    assert (finished["new_messages"], finished["items_synced"], finished["synced"]) == (0, 17, 3)

    # a mailbox with a wrong password: the command that is printed mends it
    source.user("late", PASSWORD)
    cli.csv("late", file="late.csv", password="wrong")
    out, _ = cli.migrate("late.csv", "--name", "users", code=44)
    assert "1 mailbox failed" in out
    assert "Perfect so far" in out
    failures = cli.folder / "late.failures.csv"
    failures.write_text(failures.read_text("utf-8-sig").replace("wrong", PASSWORD))
    again = next(line for line in out.splitlines() if line.strip().startswith("mailferry migrate"))
    out, _ = cli.run(*shlex.split(again)[1:])
    assert ["Synced", "4"] in [line.split() for line in out.splitlines()]


def test_a_range_of_dates_is_told_in_every_run_until_it_is_lifted(source: Dovecot, cli: Cli) -> None:
    mails = [mail(number)._replace(date=f"0{number}-Jan-2023 12:00:00 +0000") for number in range(1, 7)]
    write_maildir(source.user("ranged", PASSWORD), "INBOX", mails)
    cli.csv("ranged")
    out, _ = cli.migrate("--received-after", "2023-01-03")
    assert "every message of the range is on the target" in out
    assert "Only mail received from 2023-01-03T00:00:00Z on" in " ".join(out.split())
    out, err = cli.migrate()
    assert "still only mail from 2023-01-03T00:00:00Z on" in err
    assert "every message of the range" in out
    out, err = cli.migrate("--received-after", "any", "--json")
    assert "mail is now all" in out
    finished = json.loads(out.splitlines()[-1])
    assert (finished["content_filter"], finished["items_synced"]) == ("", 6)
    out, _ = cli.migrate()
    assert "every message of every mailbox" in out


def test_a_csv_of_which_no_row_is_good_leaves_no_batch(source: Dovecot, cli: Cli) -> None:
    write_maildir(source.user("mig0", PASSWORD), "INBOX", [mail(1)])
    cli.csv("mig0")
    cli.migrate()
    (cli.folder / "bad.csv").write_text(f"EmailAddress,UserName,Password\nnobody,mig0,{PASSWORD}\n")
    cli.csv("mig0", file="known.csv")
    for file, reason in (("bad.csv", "valid SMTP address"), ("known.csv", "is in the batch users")):
        out, err = cli.migrate(file, code=44)
        assert "1 row of the CSV left out" in out
        assert reason in out
        assert "Batch " not in err
        assert reason in (cli.folder / file.replace(".csv", ".failures.csv")).read_text()
    cli.csv("mig0", "new", file="known.csv")
    source.user("new", PASSWORD)
    _, err = cli.migrate("known.csv", code=44)
    assert "Batch known:" in err
    assert "going on" not in err, "the run before made no batch of this name"


def test_workers_that_cannot_start_end_the_run(source: Dovecot, cli: Cli) -> None:
    write_maildir(source.user("mig0", PASSWORD), "INBOX", [mail(1)])
    cli.csv("mig0")
    site = cli.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(NO_WORKERS)
    _, err = cli.migrate(code=76, PYTHONPATH=str(site))
    assert "no worker today" in err
    out, _ = cli.migrate()
    assert "every message of every mailbox is on the target" in out


def test_a_server_that_fails_its_test_is_told_with_the_options_of_this_command(source: Dovecot, cli: Cli) -> None:
    cli.csv("mig0")
    cli.options = ("--source", f"imaps://127.0.0.1:{source.tls_port}", "--target", "maildir:mail")
    _, err = cli.migrate(code=61)
    assert "--accept-untrusted-certificates" in err
    assert "--skip-verification" in err
    assert "SkipVerification" not in err


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("serve", "afile"),
        ("serve", "afile/below"),
        ("serve", "/proc/mailferry"),
        ("migrate", "afile/below"),
        ("token", "afile"),
    ],
)
def test_a_data_folder_that_cannot_be_made_is_wrong_usage(cli: Cli, command: str, place: str) -> None:
    cli.csv("mig0")
    (cli.folder / "afile").write_text("")
    if command == "migrate":
        _, err = cli.migrate("--data", place, code=2)
    else:
        _, err = cli.run(command, *(["list"] if command == "token" else ["--port", "0"]), "--data", place, code=2)
    assert place in err
    assert "data folder" in err


def test_tokens_in_a_folder_named_before_or_after_the_action(cli: Cli, source: Dovecot) -> None:
    write_maildir(source.user("mig0", PASSWORD), "INBOX", [mail(1)])
    cli.csv("mig0")
    cli.migrate("--data", "held")  # makes the folder
    cli.run("token", "new", "dashboard", "--role", "viewer", "--data", "held")
    for words in (
        ("list", "--data", "held"),
        ("--data", "held", "list"),
        ("--data", "elsewhere", "list", "--data", "held"),
    ):
        out, _ = cli.run("token", *words)
        assert "dashboard\tviewer" in out
    _, err = cli.run("token", "list", code=2)
    assert "mailferry-data" in err
