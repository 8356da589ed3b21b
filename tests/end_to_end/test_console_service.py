"""The console and the single commands against `mailferry serve`: scripts, questions, exit codes, formats, tokens."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.console_terminal import ConsoleTerminal
from tests.end_to_end.serving import Serving, until
from tests.servers.base import free_ports
from tests.servers.pki import Pki

CSV = "EmailAddress,UserName,Password\nterrya@contoso.edu,terry.adams,1091990\nannb@contoso.edu,ann.beebe,2111991\n"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service with a source of which only the name is known, and a batch that was not started."""
    with Serving(tmp_path_factory.mktemp("console")) as serving:
        body = {"name": "E", "type": "IMAP", "remote_server": "localhost", "port": free_ports(1)[0]}
        serving.post("/endpoints", {**body, "security": "None", "skip_verification": True})
        yield serving


@pytest.fixture
def batch(serving: Serving, request: pytest.FixtureRequest) -> Iterator[str]:
    """A batch of two, which is gone after the test."""
    name = re.sub(r"\W", "-", str(request.node.name))[:60]
    serving.batch(name, CSV.encode(), "E", auto_start=False)
    yield name
    serving.client.delete(f"/batches/{name}")


def mailferry(
    *words: str, folder: Path, text: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILFERRY_")}
    return subprocess.run(
        [sys.executable, "-m", "mailferry", *words],
        cwd=folder,
        env={**kept, "XDG_STATE_HOME": str(folder / "state"), **environment},
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        capture_output=True,
        text=True,
        timeout=60,
    )


# scripts


def test_a_command_a_file_and_standard_input(serving: Serving, batch: str, tmp_path: Path) -> None:
    script = f"$b = Get-MigrationBatch {batch}\n$b.TotalCount\nGet-MigrationUser -BatchId {batch} |\n  % Identity\n"
    (tmp_path / "script.ps1").write_text(script)
    data = ("--data", str(serving.data))
    wanted = (0, "2\nterrya@contoso.edu\nannb@contoso.edu\n", "")
    for words, text in ((("-Command", script), None), (("-File", "script.ps1"), None), ((), script)):
        done = mailferry("console", *words, *data, folder=tmp_path, text=text)
        assert (done.returncode, done.stdout, done.stderr) == wanted


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("Get-MigrationBatch nowhere; Write-Host on", 1, "couldn't be found"),
        ("New-MigrationBatch -Name X", 1, "SourceEndpoint, CSVData"),
        ("Get-MigrationBatch (nope", 2, "Missing closing ')'"),
        ("Remove-MigrationEndpoint E", 1, "-Confirm:$false"),
        ("Remove-MigrationEndpoint E -WhatIf", 0, ""),
        ("exit 7", 7, ""),
    ],
)
def test_exit_codes(serving: Serving, tmp_path: Path, text: str, code: int, told: str) -> None:
    done = mailferry("console", "-Command", text, "--data", str(serving.data), folder=tmp_path)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "on\n" not in done.stdout


def test_a_script_that_is_not_there(serving: Serving, tmp_path: Path) -> None:
    done = mailferry("console", "-File", "gone.ps1", "--data", str(serving.data), folder=tmp_path)
    assert done.returncode == 2
    assert "gone.ps1" in done.stderr


def test_help_needs_no_service(tmp_path: Path) -> None:
    done = mailferry("console", "-Command", "Get-Help New-MigrationBatch -Examples", folder=tmp_path)
    assert done.returncode == 0
    assert "ReadAllBytes" in done.stdout


@pytest.mark.parametrize("words", [["console", "-Command", "Get-MigrationBatch"], ["batch", "get"]])
def test_without_a_service_it_says_what_to_start(tmp_path: Path, words: list[str]) -> None:
    done = mailferry(*words, folder=tmp_path)
    assert done.returncode == 1
    assert "mailferry serve" in done.stderr
    done = mailferry(*words, "--data", "elsewhere", folder=tmp_path)
    assert "mailferry serve --data elsewhere" in done.stderr


@pytest.mark.parametrize("words", [["console", "-Command", "Get-MigrationBatch"], ["batch", "get"]])
def test_a_service_that_is_gone(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "address").write_text(f"http://127.0.0.1:{free_ports(1)[0]}\n")
    (tmp_path / "d" / "token").write_text("t\n")
    (tmp_path / "d" / "token").chmod(0o600)
    done = mailferry(*words, "--data", "d", folder=tmp_path)
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "mailferry serve" in done.stderr


# where the service is, and the token


def test_a_url_and_a_token_of_a_viewer(serving: Serving, tmp_path: Path) -> None:
    token = serving.post("/tokens", {"name": "looker", "role": "viewer"})["token"]
    file = tmp_path / "token.txt"
    file.touch(mode=0o600)
    file.write_text(f"{token}\n")
    url = (serving.data / "address").read_text().strip()
    place = ("--url", url, "--token-file", str(file))
    assert mailferry(*place, "endpoint", "get", "E", folder=tmp_path).returncode == 0
    assert mailferry("endpoint", "get", "E", "--url", url, folder=tmp_path, MAILFERRY_TOKEN_FILE=str(file)).stdout
    done = mailferry("endpoint", "remove", "E", "--no-confirm", *place, folder=tmp_path)
    assert done.returncode == 1
    assert token not in done.stdout + done.stderr
    file.write_text("another\n")
    done = mailferry("endpoint", "get", *place, folder=tmp_path)
    assert done.returncode == 1
    assert "token" in done.stderr
    file.chmod(0o644)
    assert "chmod 600" in mailferry("endpoint", "get", *place, folder=tmp_path).stderr


def test_a_service_with_a_certificate_of_its_own_authority(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "tls")
    made = pki.certificate()
    command = ["serve", "--data", "d", "--port", "0", "--tls-certificate", str(made.certificate)]
    with (tmp_path / "serve.log").open("wb") as log:
        service = subprocess.Popen(
            [sys.executable, "-m", "mailferry", *command, "--tls-key", str(made.key)],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    words = ["endpoint", "get", "--data", "d", "--output", "json"]
    try:
        until((tmp_path / "d" / "address").exists, (tmp_path / "serve.log").read_text)
        until(lambda: "CERTIFICATE_VERIFY_FAILED" in mailferry(*words, folder=tmp_path).stderr)
        done = mailferry(*words, folder=tmp_path, SSL_CERT_FILE=str(pki.ca_file))
        assert [endpoint["Identity"] for endpoint in json.loads(done.stdout)] == ["Mailboxes"]
    finally:
        service.terminate()
        service.wait(30)


def test_standard_input_that_is_no_text(serving: Serving, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailferry", "console", "--data", str(serving.data)],
        input=b"Get-MigrationBatch \xff",
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert b"UTF-8" in done.stderr


# single commands


def test_both_spellings_of_one_command(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "my users.csv").write_text(CSV)
    data = f"--data={serving.data}"
    spelt = (
        ["new-migrationbatch", "-name", "Ground floor", "-source", "E", "-csv", "my users.csv", data],
        [data, "batch", "new", "--name=Ground floor", "--source-endpoint", "E", "--csv-data", "my users.csv"],
    )
    shown = []
    for words in spelt:
        done = mailferry(*words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        shown.append(done.stdout)
        assert serving.get("/batches/Ground floor")["total"] == 2
        assert mailferry("batch", "remove", "Ground floor", "--no-confirm", data, folder=tmp_path).stdout == ""
        until(lambda: serving.client.get("/batches/Ground floor").status_code == 404)
    assert shown[0] == shown[1]
    assert "Ground floor" in shown[0]


def test_formats(serving: Serving, batch: str, tmp_path: Path) -> None:
    def output(form: str, *words: str) -> str:
        done = mailferry("user", "get", *words, "--output", form, "--data", str(serving.data), folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    wanted = ["terrya@contoso.edu", "annb@contoso.edu"]
    listed = json.loads(output("json", "--batch-id", batch))
    assert [user["Identity"] for user in listed] == wanted
    one = json.loads(output("json", "--batch-id", batch, "--result-size", "1"))
    assert [user["Identity"] for user in one] == wanted[:1]
    assert json.loads(output("json", "--batch-id", batch, "--status", "Failed")) == []
    assert json.loads(output("json", listed[0]["Guid"]))["Identity"] == wanted[0]
    rows = list(csv.DictReader(io.StringIO(output("csv", "--batch-id", batch))))
    assert [row["Identity"] for row in rows] == wanted
    one_batch = mailferry("batch", "get", batch, "--output", "csv", "--data", str(serving.data), folder=tmp_path)
    (row,) = csv.DictReader(io.StringIO(one_batch.stdout))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", row["CreationDateTime"])
    assert row["BytesTransferred"] == "0"
    assert re.findall(r"^Identity +: (.*)$", output("list", "--batch-id", batch), re.MULTILINE) == wanted
    table = output("table", "--batch-id", batch).split("\n")
    assert table[1].startswith("Identity")
    assert "..." not in "".join(table)


def test_completion_knows_the_names_of_the_service(serving: Serving, batch: str, tmp_path: Path) -> None:
    def offered(collection: str, begun: str, data: Path = serving.data) -> tuple[list[str], str]:
        words = ("completion", "names", f"--of={collection}", f"--begun={begun}", "--data", str(data))
        done = mailferry(*words, folder=tmp_path)
        return done.stdout.splitlines(), done.stderr

    assert offered("batches", batch[:6].upper()) == ([batch], "")
    assert offered("source-endpoints", "") == (["E"], "")
    assert offered("target-endpoints", "mail") == (["Mailboxes"], "")
    assert offered("nonsense", "") == ([], "")
    assert offered("batches", "", tmp_path / "nothing") == ([], "")
    (tmp_path / "address").write_text(f"http://127.0.0.1:{free_ports(1)[0]}")
    (tmp_path / "token").write_text("x")
    assert offered("batches", "", tmp_path) == ([], "")


def test_the_mail_server_of_the_reports_is_set(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("very secret\n")
    (tmp_path / "password").chmod(0o600)
    words = ["--smtp-server", "127.0.0.1", "--smtp-from", "ferry@contoso.com", "--smtp-user", "ferry"]
    data = ["--data", str(serving.data)]
    done = mailferry("config", "set", *words, "--smtp-password-file", "password", *data, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shown = mailferry("config", "get", "--output", "json", *data, folder=tmp_path).stdout
    assert (json.loads(shown)["SmtpServer"], json.loads(shown)["SmtpPort"]) == ("127.0.0.1", 587)
    assert "very secret" not in shown
    wrong = mailferry("config", "set", "--smtp-from", "nobody", *data, folder=tmp_path)
    assert wrong.returncode == 1
    assert "--smtp-from" in wrong.stderr
    done = mailferry("config", "set", "--smtp-server", "", "--smtp-user", "", *data, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_test_that_fails_is_a_failure_of_the_command(serving: Serving, tmp_path: Path) -> None:
    port = str(free_ports(1)[0])
    words = ["server", "test", "--remote-server", "localhost", "--port", port, "--security", "None"]
    done = mailferry(*words, "--data", str(serving.data), "--output", "json", folder=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["Result"] == "Failed"


def test_a_password_comes_from_a_file_only(serving: Serving, tmp_path: Path) -> None:
    file = tmp_path / "admin.txt"
    file.touch(mode=0o600)
    file.write_text("P@ss 'w\"ord\n")
    words = ["endpoint", "new", "--target", "T", "--remote-server", "localhost", "--skip-verification"]
    data = ("--data", str(serving.data))
    for refused in (["--admin-password", "x"], ["--admin-password=x"]):
        done = mailferry(*words, *refused, *data, folder=tmp_path)
        assert done.returncode == 2
        assert "--admin-password-file" in done.stderr
    done = mailferry(*words, "--admin-user", "mailadmin", "--admin-password-file", str(file), *data, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert serving.get("/endpoints/T")["admin_user"] == "mailadmin"
    assert "P@ss" not in done.stdout + done.stderr + serving.told()
    assert mailferry("Remove-MigrationEndpoint", "T", "-Confirm:false", *data, folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["batch", "frob"], "has new, get, set"),
        (["batch", "get", "--frob"], "--frob"),
        (["batch", "new"], "--name, --source-endpoint, --csv-data"),
        (["batch", "get", "--status", "Frobbed"], "Completed"),
        (["Get-MigrationBatches"], "did you mean Get-MigrationBatch?"),
        (["Remove-MigrationBatch", "B", "-Confirm:"], "-Confirm:false"),
        (["batch", "get", "--output", "xml"], "table, list, json"),
        (["batch", "get", "--url", "mail.contoso.com"], "--url"),
        (["batch", "get", "--url", "http://mail.contoso.com"], "without TLS"),
        (["batch", "get", "--url"], "needs a value"),
    ],
)
def test_wrong_usage(serving: Serving, tmp_path: Path, words: list[str], told: str) -> None:
    place = [] if "--url" in words else ["--data", str(serving.data)]
    done = mailferry(*place, *words, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ["batch", "--help"],
        ["batch", "new", "--help"],
        ["help", "batch"],
        ["help", "New-MigrationBatch"],
        ["New-MigrationBatch", "-?"],
        ["console", "--help"],
        ["completion", "--help"],
    ],
)
def test_help(tmp_path: Path, words: list[str]) -> None:
    done = mailferry(*words, folder=tmp_path)
    assert done.returncode == 0
    assert "xample" in done.stdout.lower()


# at a terminal


def test_a_person_at_a_terminal(serving: Serving, batch: str, tmp_path: Path) -> None:
    with ConsoleTerminal("--data", str(serving.data), folder=tmp_path) as console:
        assert "exit leaves" in console.screen
        before = console.text_length
        console.keys(f"Get-MigrationBatch {batch[:-3]}\t")
        console.until_shown(batch[-3:], before)
        assert batch in console.run(" | fl Identity"), "the name was completed"
        shown = console.run("Get-MigrationBatch nowhere")
        assert "\n+ ~~~~" in shown

        assert "Are you sure" in console.run(
            "Get-MigrationUser -BatchId " + batch + " | Remove-MigrationUser", "n", "L"
        )
        assert len(serving.users(batch)) == 2
        console.run("Get-MigrationUser -BatchId " + batch + " | Remove-MigrationUser", "?", "a")
        assert "Removing" in console.run(f"Get-MigrationUser -BatchId {batch}") or serving.users(batch) == {}

        (tmp_path / "one.csv").write_text(CSV.replace("contoso.edu", "contoso.example"))
        made = console.run("New-MigrationBatch", "Asked", "E", str(tmp_path / "one.csv"))
        assert "Asked" in made
        serving.client.delete("/batches/Asked")

        asked = console.text_length
        console.keys("New-MigrationBatch\n")
        console.until_shown("Name: ", asked)
        console.break_off()
        assert "exit" not in console.run('Write-Host "still" "here"')
        console.keys("exit 3\n")
        assert console.ended() == 3


def test_a_command_is_broken_off(serving: Serving, tmp_path: Path) -> None:
    """By Ctrl-C while the service tests a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        line = f"Test-MigrationServerAvailability -IMAP -RemoteServer 127.0.0.1 -Port {silent.getsockname()[1]}"
        with ConsoleTerminal("--data", str(serving.data), folder=tmp_path) as console:
            console.keys(line + " -Security None\n")
            with silent.accept()[0]:
                console.break_off()
            assert "E" in console.run("Get-MigrationEndpoint | % Identity")
            console.keys("\x04")
            assert console.ended() == 0


def test_a_terminal_without_a_service(tmp_path: Path) -> None:
    console = ConsoleTerminal(folder=tmp_path)
    with console.starting():
        assert console.ended() == 1
    assert "mailferry serve" in console.screen


def test_control_c_ends_a_single_command(serving: Serving, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        words = ["server", "test", "--remote-server", "127.0.0.1", "--port", str(silent.getsockname()[1])]
        process = subprocess.Popen(
            [sys.executable, "-m", "mailferry", *words, "--security", "None", "--data", str(serving.data)],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
        )
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            assert b"Traceback" not in process.communicate(timeout=60)[1]
        assert process.returncode == 130
