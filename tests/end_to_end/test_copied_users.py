"""Users go over to a new batch by the cmdlets, and go on there: their mail is on the target exactly once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.serving import Serving, csv_of
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, fill, write_maildir
from tests.servers.plugin import DovecotFactory

PASSWORD = "a 'secret', with comma"
MESSAGES = 12


def mail(user: str, number: int) -> Message:
    return Message(f"Message-ID: <{user}.{number}@contoso.com>\r\nSubject: {number}\r\n\r\nHello {user}\r\n".encode())


def row(name: str) -> dict[str, str]:
    return {"EmailAddress": f"{name}@contoso.com", "UserName": name, "Password": PASSWORD}


@pytest.fixture
def source(dovecot_factory: DovecotFactory) -> Dovecot:
    return dovecot_factory()


def mailferry(serving: Serving, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mailferry", *words, "--data", str(serving.data)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_target(serving: Serving, name: str) -> list[bytes]:
    """Give the Message-IDs of a mailbox, each as often as it is there."""
    folder = serving.data / "mailboxes" / f"{name}@contoso.com"
    files = [path for path in folder.rglob("*") if path.parent.name in ("cur", "new")]
    return sorted(path.read_bytes().partition(b"\r\n")[0] for path in files)


def ids(name: str, number: int) -> list[bytes]:
    return sorted(b"Message-ID: <%s.%d@contoso.com>" % (name.encode(), i) for i in range(number))


def test_failed_and_synced_users_go_on_in_a_new_batch(source: Dovecot, tmp_path: Path) -> None:
    write_maildir(source.user("good", PASSWORD), "INBOX", [mail("good", i) for i in range(MESSAGES)])
    write_maildir(source.user("stays", PASSWORD), "INBOX", [mail("stays", i) for i in range(MESSAGES)])
    with Serving(tmp_path) as serving:
        serving.source(source)
        serving.batch("first", csv_of([row("good"), row("stays"), row("late")]), exclude_folders=["Old"])
        serving.wait_for("first", "SyncedWithErrors")
        write_maildir(source.user("late", PASSWORD), "INBOX", [mail("late", i) for i in range(MESSAGES)])
        fill(source, "good", {"INBOX": [mail("good", MESSAGES)]})

        script = (
            "$f = Get-MigrationUser -BatchId first -Status Failed; $g = Get-MigrationUser good@contoso.com; "
            "New-MigrationBatch -Name Retry -Users $f,$g -DisableOnCopy -AutoStart | "
            "Format-List TotalCount,ExcludedFolders"
        )
        told = mailferry(serving, "console", "-Command", script)
        assert told.split() == ["TotalCount", ":", "2", "ExcludedFolders", ":", "{Old}"]
        done = serving.wait_for("Retry", "Synced")
        assert (done["synced"], done["items_synced"]) == (2, 2 * MESSAGES + 1)
        assert serving.wait_for("first", "Synced")["total"] == 1
        assert list(serving.users("first")) == ["stays@contoso.com"]
        lines = serving.get("/users/good@contoso.com/statistics", report=True)["report"]
        copied = [line["text"] for line in lines if line["text"].startswith("Done:")]
        assert [", 12 copied" in copied[0], ", 1 copied" in copied[1]] == [True, True], "the ledger went along"

        # once more by the spelling of a shell, and by a file
        words = ("--user-ids", "good@contoso.com", "--disable-on-copy", "--auto-start")
        mailferry(serving, "batch", "new", "Night", *words)
        serving.wait_for("Night", "Synced")
        rows = csv_of([row("good"), row("late"), row("stays")])
        serving.batch("Last", rows, adopt_preexisting=True, remove_on_copy=True)
        assert serving.wait_for("Last", "Synced")["synced"] == 3
        for name, number in (("good", MESSAGES + 1), ("late", MESSAGES), ("stays", MESSAGES)):
            assert on_target(serving, name) == ids(name, number), "exactly once"
        assert "with comma" not in serving.told()
