"""The command line up to the moment at which a mailbox would be opened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailferry import __version__
from mailferry.backends.registry import Location
from mailferry.cli import requests
from mailferry.cli.arguments import make_parser
from mailferry.cli.main import main
from mailferry.errors import BadUsage
from mailferry.sync.received import ReceivedRange

PLACES = ["imap://terry@127.0.0.1:1", "maildir:box"]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("MAILFERRY_SOURCE_PASSWORD", raising=False)
    monkeypatch.delenv("MAILFERRY_TARGET_PASSWORD", raising=False)
    monkeypatch.chdir(tmp_path)


def request_of(*words: str) -> requests.Request:
    arguments = make_parser().parse_args(["copy", *words])
    secrets = {"MAILFERRY_SOURCE_PASSWORD": "s1", "MAILFERRY_TARGET_PASSWORD": "s2"}
    return requests.make_request(arguments, secrets, ask=None, warn=lambda text: None)


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is said about a command that is refused as wrong usage."""
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("mailferry: ")
    assert "--help" in said.err
    return said.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"mailferry {__version__}\n"


@pytest.mark.parametrize("command", ["copy", "verify"])
def test_help_has_examples_and_fits_a_terminal(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["help", command])
    assert ended.value.code == 0
    page = capsys.readouterr().out
    for word in ("examples:", f"mailferry {command} imaps://", "locations:", "passwords:", "exit codes:", "127.0.0.1"):
        assert word in page
    epilog = page.partition("examples:")[2]
    assert [line for line in epilog.splitlines() if len(line) > 84] == []


def test_help_on_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "exit-codes"]) == 0
    assert "   12  Source: The server refused the login." in capsys.readouterr().out


def test_no_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "copy a mailbox" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["copy"], "SOURCE"),
        (["copy", *PLACES, "third"], "too many"),
        (["copy", *PLACES, "--max-message-size", "big"], "--max-message-size"),
        (["copy", *PLACES, "--max-items", "0"], "--max-items"),
        (["copy", *PLACES, "--connections", "x"], "--connections"),
        (["copy", *PLACES, "--received-after", "yesterday"], "--received-after must be a date"),
        (["verify", *PLACES, "--received-before", "2025-02-30"], "--received-before must be a date"),
        (["copy", *PLACES, "--received-after=2025-01-02", "--received-before=2025-01-02"], "must be later"),
        (["copy", *PLACES, "--connections", "33"], "at most 32"),
        (["copy", *PLACES, "--timeout", "0"], "--timeout"),
        (["copy", *PLACES, "--timeout", "nan"], "--timeout"),
        (["copy", *PLACES, "--include-folders", "a/*/b"], "only stand at the end"),
        (["copy", *PLACES, "--exclude-folders", "#Nonsense#"], "well-known"),
        (["copy", *PLACES, "--report", "no/such/folder.json"], "no folder"),
        (["copy", *PLACES, "--report", "."], "is a folder"),
        (["copy", *PLACES, "--report", "a" * 300], "cannot be written"),
        (["copy", *PLACES, "--dry-run", "--report", "/proc/report.json"], "cannot be written"),
        (["verify", *PLACES, "--report", "/proc/report.json"], "cannot be written"),
        (["copy", *PLACES, "--ca-file", "none.pem"], "none.pem"),
        (["copy", *PLACES, "--json", "--quiet"], "contradict"),
        (["copy", *PLACES, "--order", "random"], "oldest-first"),
        (["copy", PLACES[0], PLACES[0]], "same mailbox"),
        (["copy", *PLACES], "no terminal"),
        (["mvoe", *PLACES], "copy"),
        (["help", "nothing"], "exit-codes"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: list[str], hint: str) -> None:
    assert hint.lower() in refusal(capsys, *words).lower()


@pytest.mark.parametrize("option", ["--password", "--source-password", "--target-password", "--pasword"])
@pytest.mark.parametrize("form", ["{}=hunter2", "{} hunter2"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    capsys: pytest.CaptureFixture[str], option: str, form: str
) -> None:
    said = refusal(capsys, "copy", *PLACES, *form.format(option).split())
    assert "hunter2" not in said


def test_refused_usage_touches_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refusal(capsys, "copy", *PLACES)
    assert list(tmp_path.iterdir()) == []


def test_locations_take_the_options_of_their_side() -> None:
    request = request_of(
        "--source-user=Contoso/mailadmin/terry",
        "--authzid=terry",
        "--auth=plain",
        "--user-root=/users/terry",
        "--source-accept-untrusted-certificates",
        "--target-security=ssl",
        "--timeout=7",
        "imaps://imap.contoso.com",
        "imap://terry@mail.fabrikam.com",
    )
    source, target = request.source, request.target
    assert source == Location(
        "imap",
        host="imap.contoso.com",
        port=993,
        security="ssl",
        user="Contoso/mailadmin/terry",
        password=source.password,
        authzid="terry",
        mechanism="PLAIN",
        user_root="/users/terry",
        accept_untrusted=True,
        timeout_seconds=7.0,
    )
    assert (source.password.reveal(), target.password.reveal()) == ("s1", "s2")
    assert (target.security, target.port, target.accept_untrusted, target.user_root) == ("ssl", 993, False, "")


def test_secrets_are_not_in_what_is_printed() -> None:
    request = request_of("imaps://terry@imap.contoso.com", "imaps://terry@mail.fabrikam.com")
    assert "s1" not in repr(request)
    assert "s2" not in f"{request.source} {request.target}"


def test_options_reach_the_engine() -> None:
    words = ["--max-message-size=10M", "--max-items=1,000", "--order=newest-first", "--repair=all", "--connections=2"]
    folders = ["--include-folders", r"Clients/*,Miller\, Sons", "--exclude-folders", "#JunkEmail#"]
    options = requests.make_options(make_parser().parse_args(["copy", *words, *folders, *PLACES]))
    assert options.max_message_bytes == 10 << 20
    assert (options.max_items, options.lanes, options.newest_first, options.repair) == (1000, 2, True, "all")
    assert [p.text for p in options.filter.include] == ["Clients/*", "Miller, Sons"]
    assert [p.text for p in options.filter.exclude] == ["#JunkEmail#"]


def test_a_day_and_a_moment_without_a_zone_are_utc() -> None:
    words = ["--received-after", "2025-01-01", "--received-before", "2025-06-30T23:00:00-01:00"]
    options = requests.make_options(make_parser().parse_args(["copy", *words, *PLACES]))
    assert options.received == ReceivedRange(1_735_689_600, 1_751_328_000)
    assert str(options.received) == "from 2025-01-01T00:00:00Z to before 2025-07-01T00:00:00Z"


def test_defaults_are_those_of_the_engine() -> None:
    options = requests.make_options(make_parser().parse_args(["copy", *PLACES]))
    assert (options.max_message_bytes, options.max_items, options.lanes) == (36_700_160, 500_000, 4)
    assert (options.newest_first, options.repair) == (False, "line-ends")


def test_the_state_is_a_file() -> None:
    with pytest.raises(BadUsage, match="folder"):
        request_of("--state", ".", *PLACES)
    assert request_of("--state", "my.db", *PLACES).state == Path("my.db")


def test_a_server_that_is_not_there_is_told_once_with_advice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILFERRY_SOURCE_PASSWORD", "hunter2")
    assert main(["copy", "--json", *PLACES]) == 10
    said = capsys.readouterr()
    assert "source 127.0.0.1:1: The server could not be reached." in said.err
    assert "firewall" in said.err
    assert "hunter2" not in said.out + said.err
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["event"] for event in events] == ["started", "finished"]
    assert events[-1]["exit_code"] == 10
    assert events[-1]["error"]["code"] == "connect-failed"
    assert events[-1]["error"]["side"] == "source"


def test_the_place_of_the_report_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    old = tmp_path / "report.json"
    old.write_text("{}")
    assert request_of("--report", "report.json", *PLACES).output.report == Path("report.json")
    assert old.read_text() == "{}"
    assert list(tmp_path.iterdir()) == [old]


INTERRUPT = """
import os, signal, sys
wanted = sys.argv.pop(1)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            print("reached", flush=True)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from mailferry.__main__ import run
sys.exit(run())
"""


@pytest.mark.parametrize(
    "module",
    ["mailferry.cli.main", "argparse", "mailferry.cli.requests", "asyncio", "mailferry.cli.copy", "mailferry.sync.run"],
)
def test_ctrl_c_while_the_program_is_loaded_prints_no_traceback(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT, module, "copy", *PLACES],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MAILFERRY_SOURCE_PASSWORD": "x"},
    )
    assert done.stdout == "reached\n"
    assert done.returncode in (-signal.SIGINT, 130)
    assert "Traceback" not in done.stderr
    assert done.stderr.strip() in ("", "mailferry: stopped")


def test_the_start_loads_neither_rich_nor_the_engine() -> None:
    """What is needed for the first packet, and no more."""
    code = (
        "import sys\nfrom mailferry.cli.main import main\nimport mailferry.cli.copy\nmain(['copy', 'x', 'y'])\n"
        "print([m for m in ('rich', 'sqlite3', 'email.parser', 'mailferry.sync.run') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_engine_comes_without_what_only_new_mail_needs() -> None:
    """A pass that finds nothing new is to be short."""
    code = (
        "import sys\nimport mailferry.cli.running\nimport mailferry.backends.imap_target\n"
        "print([m for m in ('blake3', 'mailferry.sync.apply', 'mailferry.sync.matching') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
