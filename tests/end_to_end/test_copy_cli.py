"""The command as users run it: a process of its own, between real servers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mailferry.backends.registry import Location, mailbox_lock_name
from mailferry.sync.lock import TargetLock
from tests.faults.proxy import Cut, Proxy
from tests.faults.wire import AtByte
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, connect, contents, fill, snapshot, write_maildir
from tests.servers.plugin import DovecotFactory

PASSWORD = "correct horse battery"


class Cli:
    """Runs `mailferry` in a folder of its own, with a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MAILFERRY_")},
            "XDG_STATE_HOME": str(folder / "state"),
            "MAILFERRY_SOURCE_PASSWORD": PASSWORD,
            "MAILFERRY_TARGET_PASSWORD": PASSWORD,
            "COLUMNS": "100",
        }

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mailferry", *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *words: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """Give what it printed; checks the exit code, and that no secret was told."""
        with self.start(*words, **environment) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{process.returncode}\n{out}\n{err}"
        assert PASSWORD not in out + err
        return out, err


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def target(dovecot_factory: DovecotFactory) -> Dovecot:
    """A second server."""
    return dovecot_factory(store="mdbox")


def at(server: Dovecot, user: str) -> str:
    return f"imap://{user}@127.0.0.1:{server.port}"


def mail(number: int, size_bytes: int = 500) -> bytes:
    head = f"From: a@contoso.com\r\nSubject: Drawings {number}\r\nMessage-ID: <{number}@contoso.com>\r\n\r\n".encode()
    return head + b"x" * 70 + b"\r\n" + (b"y" * 78 + b"\r\n") * (size_bytes // 80)


@pytest.fixture
def terry(dovecot: Dovecot, target: Dovecot, fresh_user: str) -> str:
    """A user on both servers, with mail in three folders on the first."""
    dovecot.user(fresh_user, PASSWORD)
    target.user(fresh_user, PASSWORD)
    fill(
        dovecot,
        fresh_user,
        {
            "INBOX": [Message(mail(n), ("\\Seen",)) for n in range(30)],
            "Sent": [Message(mail(100 + n)) for n in range(10)],
            "Clients/2024": [Message(mail(200 + n), ("\\Flagged",)) for n in range(20)],
        },
    )
    return fresh_user


def assert_arrived(source: Dovecot, target: Dovecot, user: str) -> None:
    """Every folder of the source is on the target, with just its mail; folders that only hold others may differ."""
    there, here = contents(snapshot(source, user)), contents(snapshot(target, user))
    assert {name: here.get(name) for name in there} == there
    assert all(not mail for name, mail in here.items() if name not in there)


def read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    assert isinstance(found, dict)
    return found


def test_a_copy_then_nothing_new_then_a_message_more(cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str) -> None:
    words = ("copy", "--report", "report.json", at(dovecot, terry), at(target, terry))
    out, err = cli.run(*words)
    assert "Done" in out
    assert "Clients/2024: 20 messages copied" in err
    assert read(cli.folder / "report.json")["totals"]["copied"] == 60
    assert_arrived(dovecot, target, terry)

    out, _ = cli.run(*words)
    assert "Nothing was new" in out
    totals = read(cli.folder / "report.json")["totals"]
    assert (totals["copied"], totals["already_there"], totals["found"]) == (0, 60, 60)

    fill(dovecot, terry, {"Sent": [Message(mail(999))]})
    cli.run(*words)
    assert read(cli.folder / "report.json")["totals"]["copied"] == 1
    assert_arrived(dovecot, target, terry)


def test_to_a_maildir_and_verified(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    places = (at(dovecot, terry), "maildir:./mailboxes/terry")
    cli.run("copy", "--quiet", *places)
    assert len(list((cli.folder / "mailboxes/terry/cur").iterdir())) == 30
    out, _ = cli.run("verify", "--report", "verify.json", *places)
    assert "Complete" in out
    found = read(cli.folder / "verify.json")
    assert (found["complete"], found["totals"]["equal"]) == (True, 60)

    lost = next((cli.folder / "mailboxes/terry/.Sent/cur").iterdir())
    lost.unlink()
    out, _ = cli.run("verify", "--repair", *places, code=43)
    assert "The next copy sends 1 message again." in out
    cli.run("copy", "--quiet", *places)
    cli.run("verify", "--quiet", *places)


@pytest.mark.parametrize("side", ["source", "target"])
def test_verify_goes_on_after_a_broken_connection(
    cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str, side: str
) -> None:
    write_maildir(dovecot.accounts[terry], "Many", [Message(mail(n, 2_000)) for n in range(400)])
    cli.run("copy", "--quiet", at(dovecot, terry), at(target, terry))
    broken = dovecot if side == "source" else target
    with Proxy(broken.port).in_thread() as proxy:
        fault = proxy.on("to_client", AtByte(300_000), Cut(), connection=1)
        place = f"imap://{terry}@127.0.0.1:{proxy.port}"
        places = (place, at(target, terry)) if side == "source" else (at(dovecot, terry), place)
        out, err = cli.run("verify", "--report", "r.json", *places)
        assert (fault.count, proxy.connections) == (1, 2)
    assert "Complete" in out
    assert err.count("Trying again in") == 1
    assert read(cli.folder / "r.json")["totals"]["equal"] == 460


def test_quiet_says_nothing_when_all_is_well(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    assert cli.run("copy", "-q", at(dovecot, terry), "maildir:box") == ("", "")


def test_skipped_messages_are_told_and_have_their_own_exit_code(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    write_maildir(dovecot.accounts[terry], "Large", [Message(mail(1, 60_000)), Message(mail(2))])
    words = ("copy", "--max-message-size", "50K", "--report", "r.json", at(dovecot, terry), "maildir:box")
    for _ in range(2):  # the second time nothing is new, and the message is still not there
        out, _ = cli.run(*words, code=40)
        assert "1 message skipped" in out
        assert "larger than 50.0 KB" in out
        assert "--max-message-size" in out
        found = read(cli.folder / "r.json")
        assert (found["exit_code"], found["totals"]["skipped"], found["totals"]["found"]) == (40, 1, 62)
        assert [(m["folder"], m["subject"], m["code"]) for m in found["messages"]] == [
            ("Large", "Drawings 1", "too-large")
        ]


def test_a_dry_run_touches_nothing(cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str) -> None:
    before = snapshot(target, terry)
    out, _ = cli.run("copy", "--dry-run", "--exclude-folders", "Sent", at(dovecot, terry), at(target, terry))
    assert "Sent: excluded by 'Sent'" in out
    assert "Clients/2024" in out
    assert snapshot(target, terry) == before
    cli.run("copy", "--dry-run", "--report", "plan.json", "-q", at(dovecot, terry), "maildir:box")
    assert [path.name for path in cli.folder.iterdir()] == ["plan.json"]
    plan = read(cli.folder / "plan.json")
    assert {f["source"]: f["to_copy"] for f in plan["folders"]} == {"INBOX": 30, "Sent": 10, "Clients/2024": 20}
    assert plan["target_exists"] is False


def test_a_dry_run_knows_what_was_copied(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    places = (at(dovecot, terry), "maildir:box")
    cli.run("copy", "-q", *places)
    fill(dovecot, terry, {"Sent": [Message(mail(999))]})
    cli.run("copy", "-q", "--dry-run", "--report", "plan.json", *places)
    plan = read(cli.folder / "plan.json")
    assert {f["source"]: f["to_copy"] for f in plan["folders"]} == {"INBOX": 0, "Sent": 1, "Clients/2024": 0}


def test_a_dry_run_leaves_out_what_a_copy_would(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    dated = [Message(mail(300 + n), date=f"{n + 1:02d}-Feb-2025 00:00:00 +0000") for n in range(8)]
    fill(dovecot, terry, {"Sent": dated})
    places = ("--max-items", "5", "--report", "r.json", at(dovecot, terry), "maildir:box")
    plans = []
    for code in (42, 42):  # the second time the ledger knows what is left out
        out, _ = cli.run("copy", "--dry-run", *places)
        assert "63 messages would be left out" in out
        plans.append(read(cli.folder / "r.json"))
        cli.run("copy", *places, code=code)
    copied = read(cli.folder / "r.json")
    assert {f["source"]: f["over_limit"] for f in plans[0]["folders"]} == {
        f["source"]: f["skipped"] for f in copied["folders"]
    }
    assert [sum(f["to_copy"] for f in plan["folders"]) for plan in plans] == [5, 0]
    cli.run("copy", "--dry-run", "--max-items", "7", *places[2:])
    assert sum(f["to_copy"] for f in read(cli.folder / "r.json")["folders"]) == 2


def test_a_raised_limit_brings_older_mail_between_newer_uids(
    cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str
) -> None:
    dated = [Message(mail(300 + n), date=f"{n * 7 % 20 + 1:02d}-Feb-2030 00:00:00 +0000") for n in range(20)]
    fill(dovecot, terry, {"Archive": dated})
    places = (at(dovecot, terry), at(target, terry))
    for limit, copied in ((4, 4), (9, 5)):
        options = ("--max-items", str(limit), "--report", "r.json")
        for to_copy in (copied, 0):
            cli.run("copy", "--dry-run", *options, *places)
            plan = {f["source"]: f for f in read(cli.folder / "r.json")["folders"]}["Archive"]
            assert (plan["to_copy"], plan["over_limit"]) == (to_copy, 20 - limit)
            cli.run("copy", *options, *places, code=42)
        cli.run("verify", "--report", "v.json", *places)
        totals = read(cli.folder / "v.json")["totals"]
        assert (totals["equal"], totals["missing"], totals["skipped"]) == (limit, 0, 80 - limit)
    cli.run("copy", *places)
    cli.run("verify", *places)


def test_only_mail_of_a_range_is_copied_until_the_range_is_wider(
    cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str
) -> None:
    dated = [Message(mail(300 + n), date=f"{n % 10 + 1:02d}-Feb-2019 23:59:59 +0000") for n in range(20)]
    fill(dovecot, terry, {"Archive": dated})
    places = ("--report", "r.json", at(dovecot, terry), at(target, terry))
    days = ("--received-after", "2019-02-03T23:59:59", "--received-before", "2019-02-05T23:59:59Z")
    out, _ = cli.run("copy", "--dry-run", *days, *places)
    assert "76 messages would be left out" in out
    assert {f["source"]: f["to_copy"] for f in read(cli.folder / "r.json")["folders"]}["Archive"] == 4
    for copied, bodies in ((4, ["3:4,13:14"]), (0, [])):
        cli.run("copy", "--debug-wire", f"wire{copied}", *days, *places)
        totals = read(cli.folder / "r.json")["totals"]
        assert (totals["copied"], totals["left_out"], totals["skipped"]) == (copied, 76, 0)
        wire = (cli.folder / f"wire{copied}").read_text()
        assert re.findall(r"UID FETCH (\S+) .*BODY\.PEEK\[\]", wire) == bodies
    assert Counter(m.date for m in snapshot(target, terry)[("Archive",)]) == {1_549_238_399: 2, 1_549_324_799: 2}
    assert "every message received in the range is on the target" in cli.run("verify", *days, *places)[0]
    cli.run("copy", *days, *places, code=12, MAILFERRY_SOURCE_PASSWORD="not it")
    assert read(cli.folder / "r.json")["messages"] == []
    plan = cli.run("copy", "--dry-run", "--received-before", "2019-02-05T23:59:59Z", *places)[0]
    assert "72 messages would be left out" in plan
    cli.run("copy", *places)
    assert_arrived(dovecot, target, terry)
    cli.run("verify", *places)


@pytest.mark.parametrize("how", ["--quiet", "--json", "--verbose"])
def test_an_included_folder_that_is_not_there_is_told_at_once(cli: Cli, dovecot: Dovecot, terry: str, how: str) -> None:
    words = ("--include-folders", "INBOX,Clinets/*", at(dovecot, terry), "maildir:box")
    out, err = cli.run("copy", how, *words)
    told = out if how == "--json" else err
    assert told.count("no folder of the source matches --include-folders 'Clinets/*'") == 1
    assert len(list((cli.folder / "box/cur").iterdir())) == 30


def test_a_run_that_finds_none_of_its_folders_fails(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    places = (at(dovecot, terry), "maildir:box")
    words = ("--include-folders", "Clinets/*", "--report", "r.json", *places)
    for command in (("copy",), ("copy", "--dry-run"), ("copy", "--quiet"), ("verify",), ("verify", "--quiet")):
        if command == ("verify",):
            cli.run("copy", "-q", *places)
        out, _ = cli.run(*command, *words, code=45)
        assert "No folder was chosen" in out
        assert read(cli.folder / "r.json").get("exit_code", 45) == 45
    assert len(list((cli.folder / "box/cur").iterdir())) == 30


def test_deletions_are_mirrored_if_asked_for(cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str) -> None:
    words = ("--report", "r.json", at(dovecot, terry), at(target, terry))
    cli.run("copy", *words)
    with connect(dovecot, terry) as client:
        client.command(b"SELECT INBOX")
        client.command(b"UID STORE 3:5 +FLAGS (\\Deleted)")
        client.command(b"EXPUNGE")
    cli.run("copy", *words)
    assert len(snapshot(target, terry)[("INBOX",)]) == 30
    out, _ = cli.run("copy", "--mirror-deletions", *words)
    assert "Removed" in out
    totals = read(cli.folder / "r.json")["totals"]
    assert (totals["removed"], totals["copied"], totals["found"], totals["already_there"]) == (3, 0, 57, 57)
    assert_arrived(dovecot, target, terry)


def test_events_as_json(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    out, err = cli.run("copy", "--json", at(dovecot, terry), "maildir:box")
    events = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert (events[0]["event"], events[-1]["event"]) == ("started", "finished")
    assert {e["folder"]: e["copied"] for e in events if e["event"] == "folder-synced"} == {
        "INBOX": 30,
        "Sent": 10,
        "Clients/2024": 20,
    }
    assert (events[-1]["exit_code"], events[-1]["totals"]["copied"]) == (0, 60)


@pytest.mark.parametrize(("side", "code"), [("SOURCE", 12), ("TARGET", 22)])
def test_a_refused_login_names_the_side(
    cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str, side: str, code: int
) -> None:
    wrong = {f"MAILFERRY_{side}_PASSWORD": "not it"}
    out, err = cli.run("copy", at(dovecot, terry), at(target, terry), code=code, **wrong)
    server = dovecot if side == "SOURCE" else target
    assert out == ""
    assert f"mailferry: {side.lower()} 127.0.0.1:{server.port}: The server refused the login." in err
    assert "Check the user name" in err
    assert "not it" not in err


def test_a_certificate_that_is_not_trusted(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    source = f"imaps://{terry}@localhost:{dovecot.tls_port}"
    _, err = cli.run("copy", source, "maildir:box", code=11)
    assert "--accept-untrusted-certificates" in err
    cli.run("copy", "-q", "--ca-file", str(dovecot.ca_file), source, "maildir:box")
    cli.run("copy", "-q", "--source-accept-untrusted-certificates", source, "maildir:box")


def test_an_administrator_copies_for_a_user(cli: Cli, dovecot: Dovecot, terry: str) -> None:
    password = cli.folder / "admin.txt"
    password.write_text("secret\r\n")
    password.chmod(0o600)
    source = f"imap://mailadmin@127.0.0.1:{dovecot.port}"
    words = ("--source-password-file", str(password), "--authzid", terry, "--auth", "PLAIN", "-q")
    assert cli.run("copy", *words, source, "maildir:box") == ("", "")
    assert len(list((cli.folder / "box/.Clients.2024/cur").iterdir())) == 20


def test_one_target_has_one_writer(cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str) -> None:
    location = Location("imap", host="localhost", port=target.port, user=f"{terry.upper()}*mailadmin")
    with TargetLock(mailbox_lock_name(location), cli.folder / "state" / "mailferry" / "locks"):
        _, err = cli.run("copy", "--state", "other.db", at(dovecot, terry), at(target, terry), code=51)
    assert "Another run is writing to the same target mailbox." in err
    assert f"process {os.getpid()}" in err
    cli.run("copy", "-q", "--state", "other.db", at(dovecot, terry), at(target, terry))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_copy_goes_on_where_it_was(
    cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str, number: int, code: int
) -> None:
    write_maildir(dovecot.accounts[terry], "Many", [Message(mail(n)) for n in range(5000)])
    words = ("--report", "r.json", at(dovecot, terry), at(target, terry))
    with cli.start("copy", "--json", *words) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "folders-mapped":
                break
        process.send_signal(number)
        rest, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    finished = json.loads(rest.splitlines()[-1])
    assert (finished["event"], finished["exit_code"]) == ("finished", code)
    assert read(cli.folder / "r.json")["exit_code"] == code
    cli.run("copy", *words)
    assert_arrived(dovecot, target, terry)


def test_the_wire_trace_has_no_secret_and_no_mail(cli: Cli, dovecot: Dovecot, target: Dovecot, terry: str) -> None:
    fill(target, terry, {"INBOX": [Message(mail(n)) for n in range(5)]})  # so that headers are asked for
    cli.run("copy", "-q", "--debug-wire", "wire.txt", at(dovecot, terry), at(target, terry))
    trace = (cli.folder / "wire.txt").read_text()
    assert (cli.folder / "wire.txt").stat().st_mode & 0o077 == 0
    assert "source C: " in trace
    assert "target S: " in trace
    assert PASSWORD not in trace
    assert "Drawings" not in trace
    assert "yyyyyy" not in trace
