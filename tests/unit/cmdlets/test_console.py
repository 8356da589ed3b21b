"""The console: reading lines, questions, history, scripts."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from mailferry.cli.console import welcome
from mailferry.cmdlets.console import Console, ShyHistory
from mailferry.cmdlets.console_host import USUAL_WIDTH, StreamHost
from mailferry.cmdlets.console_scripts import DONE, FAILED, NOT_PARSED, run_script
from mailferry.cmdlets.errors import CommandError, Span
from mailferry.cmdlets.evaluate import Session
from mailferry.cmdlets.host import NobodyToAsk, Reply
from tests.unit.cmdlets.scene import BATCH, NOW, Scene, page, problem, user


@dataclass
class Answers:
    """Somebody who answers from a list, then is gone."""

    lines: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def line(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    def secret(self, prompt: str) -> str:
        return self.line(prompt)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def host(asking: Answers | None = None, *, colour: bool = False) -> tuple[StreamHost, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), Terminal() if colour else io.StringIO()
    return StreamHost(out, err, asking=asking, environment={}), out, err


# the host


def test_objects_and_errors_go_to_different_streams() -> None:
    there, out, err = host()
    there.write("an object")
    there.warn("careful")
    there.verbose("GET /x")
    there.error(CommandError("It failed.", span=Span(4, 6), command="Get-X"), "abc de f")
    assert out.getvalue() == "an object\n"
    assert err.getvalue() == (
        "WARNING: careful\nVERBOSE: GET /x\nGet-X : It failed.\nAt line:1 char:5\n+ abc de f\n+     ~~\n"
        "    + CategoryInfo          : NotSpecified: (:) [Get-X], CommandException\n"
        "    + FullyQualifiedErrorId : CommandFailed,Get-X\n"
    )
    assert there.errors == 1


def test_errors_are_red_at_a_terminal_only() -> None:
    there, _, err = host(colour=True)
    there.error(CommandError("It failed."), "")
    assert err.getvalue().startswith("\x1b[91mIt failed.")
    assert err.getvalue().endswith("\x1b[0m\n")
    plain = Terminal()
    StreamHost(io.StringIO(), plain, environment={"NO_COLOR": "1"}).error(CommandError("It failed."), "")
    assert "\x1b" not in plain.getvalue()


def test_long_errors_are_broken_between_words_at_a_terminal() -> None:
    err = Terminal()
    there = StreamHost(io.StringIO(), err, environment={"COLUMNS": "40", "TERM": "dumb"})
    typed = "Get-MigrationBatch " + "x" * 60
    there.error(CommandError("A message of many words, " * 3, span=Span(0, 18), advice="Do this or that, " * 3), typed)
    lines = err.getvalue().splitlines()
    assert f"+ {typed}" in lines
    assert all(len(line) <= 40 for line in lines if not line.startswith("+ "))
    assert lines[lines.index("    + Advice                : Do this or") + 1].startswith(" " * 30 + "that")


def test_what_a_server_says_does_not_move_the_cursor() -> None:
    there, _, err = host(colour=True)
    there.warn("a\x1b[2Jb")
    assert "\x1b[2J" not in err.getvalue()


@pytest.mark.parametrize(("columns", "width"), [("77", 77), ("", USUAL_WIDTH), ("3", USUAL_WIDTH), ("x", USUAL_WIDTH)])
def test_the_width_without_a_terminal(columns: str, width: int) -> None:
    assert StreamHost(io.StringIO(), io.StringIO(), environment={"COLUMNS": columns}).width == width


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        ([""], Reply.YES),
        (["Y"], Reply.YES),
        (["yes"], Reply.YES),
        (["a"], Reply.YES_TO_ALL),
        (["N"], Reply.NO),
        (["L"], Reply.NO_TO_ALL),
        (["?", "what", " n "], Reply.NO),
    ],
)
def test_replies(lines: list[str], reply: Reply) -> None:
    asking = Answers(list(lines))
    there, _, err = host(asking)
    assert there.confirm("Removing X.") is reply
    assert "Removing X." in err.getvalue()
    assert len(asking.prompts) == len(lines)
    assert ("Do it" in err.getvalue()) is (len(lines) > 1)


def test_nobody_to_ask() -> None:
    there, _, _ = host()
    for ask in (there.confirm, there.ask, there.ask_secret):
        with pytest.raises(NobodyToAsk):
            ask("Name")
    gone, _, _ = host(Answers())
    for ask in (gone.confirm, gone.ask, gone.ask_secret):
        with pytest.raises(NobodyToAsk):
            ask("Name")


# scripts


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path).given("GET /batches", page([BATCH])).given("GET /batches/IMAPBatch1", dict(BATCH))
    scene.service.answers["GET /api/v1/batches/gone"] = problem(404, "not-found", "There is no gone.")
    scene.service.answers["DELETE /api/v1/batches/IMAPBatch1"] = (204, None)
    return scene


def script(scene: Scene, text: str, asking: Answers | None = None) -> tuple[int, str, str]:
    there, out, err = host(asking)
    session = Session(scene.client, there, folder=scene.folder, clock=lambda: NOW, environment={})
    return run_script(session, there, text), out.getvalue(), err.getvalue()


def test_a_script_runs_to_its_end(scene: Scene) -> None:
    code, out, err = script(scene, "$b = Get-MigrationBatch IMAPBatch1\n$b.Status\n$b.Identity\n")
    assert (code, out.split(), err) == (DONE, ["Syncing", "IMAPBatch1"], "")


def test_a_script_ends_at_the_first_error(scene: Scene) -> None:
    code, out, err = script(scene, "Get-MigrationBatch gone\nWrite-Host on\n")
    assert (code, out) == (FAILED, "")
    assert "couldn't be found" in err


@pytest.mark.parametrize(
    "text",
    [
        "Get-MigrationBatch gone -ErrorAction Continue\nWrite-Host on\n",
        '$ErrorActionPreference = "Continue"\nGet-MigrationBatch gone\nWrite-Host on\n',
    ],
)
def test_a_script_may_go_on(scene: Scene, text: str) -> None:
    code, out, err = script(scene, text)
    assert (code, out) == (FAILED, "on\n")
    assert "couldn't be found" in err


def test_an_error_that_nobody_is_to_see_is_none(scene: Scene) -> None:
    text = "Get-MigrationBatch gone -ErrorAction SilentlyContinue\nWrite-Host on\n"
    assert script(scene, text) == (DONE, "on\n", "")


def test_nothing_runs_of_what_cannot_be_parsed(scene: Scene) -> None:
    code, out, err = script(scene, "Write-Host on\nGet-MigrationBatch (\n")
    assert (code, out) == (NOT_PARSED, "")
    assert "At line:2" in err
    assert scene.sent == []


def test_exit_gives_its_code(scene: Scene) -> None:
    assert script(scene, "Write-Host on; exit 5; Write-Host off") == (5, "on\n", "")


def test_a_question_with_nobody_there_is_an_error(scene: Scene) -> None:
    code, _, err = script(scene, "Remove-MigrationBatch IMAPBatch1")
    assert code == FAILED
    assert "-Confirm:$false" in err
    assert scene.sent == []


def test_somebody_may_say_no(scene: Scene) -> None:
    asking = Answers(["n", "y"])
    assert script(scene, "Remove-MigrationBatch IMAPBatch1", asking)[0] == DONE
    assert scene.sent == []
    assert script(scene, "Remove-MigrationBatch IMAPBatch1", asking)[0] == DONE
    assert [request.line for request in scene.sent] == ["DELETE /api/v1/batches/IMAPBatch1"]


# at a terminal


@contextmanager
def typed(scene: Scene, history: Path | None = None) -> Iterator[tuple[Console, PipeInput, io.StringIO, io.StringIO]]:
    """A console whose keys come from a pipe."""
    there, out, err = host(Answers())
    session = Session(scene.client, there, folder=scene.folder, clock=lambda: NOW, environment={})
    with create_pipe_input() as keys:
        yield (
            Console(session, lambda *_: [], history=history, terminal_input=keys, terminal_output=DummyOutput()),
            keys,
            out,
            err,
        )


def test_lines_are_run_until_exit(scene: Scene) -> None:
    with typed(scene) as (console, keys, out, _):
        keys.send_text("Write-Host one\r\r  \rWrite-Host two\rexit 4\r")
        assert console.run() == 4
    assert out.getvalue() == "one\ntwo\n"


def test_control_d_leaves(scene: Scene) -> None:
    with typed(scene) as (console, keys, _, _):
        keys.send_text("\x04")
        assert console.run() == 0


def test_control_c_forgets_the_line(scene: Scene) -> None:
    with typed(scene) as (console, keys, out, _):
        keys.send_text("Write-Host one\x03Write-Host two\r\x04")
        assert console.run() == 0
    assert out.getvalue() == "two\n"


def test_a_command_that_fails_does_not_end_it(scene: Scene) -> None:
    with typed(scene) as (console, keys, out, err):
        keys.send_text("Get-MigrationBatch gone; Write-Host one\rWrite-Host two\r\x04")
        assert console.run() == 0
    assert out.getvalue() == "one\ntwo\n"
    assert "couldn't be found" in err.getvalue()


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("Write-Host `\rone\r", "one\n"),
        ("Write-Host (\r'one'\r)\r", "one\n"),
        ('Write-Host "one\rtwo"\r', "one\ntwo\n"),
        ("Write-Output a,b | ForEach-Object {\rWrite-Host $_\r}\r", "a\nb\n"),
        ("Write-Host one |\rOut-Null\r", "one\n"),
        ("Write-Host (\r\rWrite-Host two\r", "two\n"),
    ],
)
def test_what_is_not_whole_goes_on_until_an_empty_line(scene: Scene, lines: str, shown: str) -> None:
    with typed(scene) as (console, keys, out, _):
        keys.send_text(lines + "\x04")
        assert console.run() == 0
    assert out.getvalue() == shown


def test_a_line_that_is_broken_behind_a_parameter(scene: Scene) -> None:
    with typed(scene) as (console, keys, _, err):
        keys.send_text("Get-MigrationBatch -ResultSize\r1\r\x04")
        assert console.run() == 0
    assert err.getvalue() == ""
    assert scene.last.query == {"limit": "1"}


def test_the_history_is_kept_without_passwords(scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "state" / "history"
    secret = "ConvertTo-SecureString 'tell nobody' -AsPlainText"
    with typed(scene, file) as (console, keys, _, _):
        keys.send_text(f"Write-Host one\r{secret}\r\x04")
        console.run()
    assert "Write-Host one" in file.read_text()
    assert "tell nobody" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with typed(scene, file) as (console, keys, out, _):
        keys.send_text("\x1b[A\r\x04")
        console.run()
    assert out.getvalue() == "one\n"


def test_a_history_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = ShyHistory(tmp_path / "file" / "history")
    history.store_string("Write-Host one")
    assert list(history.load_history_strings()) == []


# what a script does about errors


def two_users(scene: Scene) -> Scene:
    gone, terry = user("gone@contoso.edu"), user("terrya@contoso.edu")
    scene.given("GET /users", page([gone, terry]))
    scene.service.answers[f"POST /api/v1/users/{gone['guid']}/start"] = problem(409, "wrong-state", "It is done.")
    return scene.given(f"POST /users/{terry['guid']}/start", terry)


def test_one_refused_object_does_not_end_the_pipeline_of_a_script(scene: Scene) -> None:
    code, out, err = script(two_users(scene), "Get-MigrationUser | Start-MigrationUser -Confirm:$false\nWrite-Host on")
    assert (code, out) == (FAILED, "")
    assert err.count("CategoryInfo") == 1
    assert scene.last.path == f"/api/v1/users/{user('terrya@contoso.edu')['guid']}/start"


def test_a_block_ends_for_the_refused_object_only(scene: Scene) -> None:
    text = "Get-MigrationUser | ForEach-Object { Start-MigrationUser $_ -Confirm:$false; Write-Host $_.Identity }\n'on'"
    code, out, _ = script(two_users(scene), text)
    assert (code, out) == (FAILED, "terrya@contoso.edu\n")


def test_an_argument_that_is_refused_ends_the_command(scene: Scene) -> None:
    code, _, err = script(scene, "Set-MigrationBatch IMAPBatch1 -ExcludeFolders (Get-MigrationBatch gone).Identity")
    assert (code, err.count("CategoryInfo")) == (FAILED, 1)
    assert [sent.method for sent in scene.sent] == ["GET"]


def test_what_exchange_scripts_begin_with_is_only_a_remark(scene: Scene) -> None:
    text = "Import-Module ExchangeOnlineManagement\nConnect-ExchangeOnline -UserPrincipalName a@b.c\nWrite-Host on"
    code, out, err = script(scene, text)
    assert (code, out) == (DONE, "on\n")
    assert err.splitlines() == [
        "WARNING: Import-Module has no effect: nothing needs to be imported or installed here, the cmdlets are there.",
        "WARNING: Connect-ExchangeOnline has no effect: nothing needs to be connected here, the cmdlets are there.",
    ]


@pytest.mark.parametrize("line", ["New-MigrationEndpoint -AdminPass hunter2", "$pwd = 'hunter2'", "x -admin 'hunter2'"])
def test_shortened_passwords_are_not_kept_either(tmp_path: Path, line: str) -> None:
    history = ShyHistory(tmp_path / "history")
    history.store_string("Write-Host -AdminUser")
    history.store_string(line)
    assert list(history.load_history_strings()) == ["Write-Host -AdminUser"]


def test_what_is_told_first_is_broken_between_words() -> None:
    first, second = welcome("https://migration.contoso.com:8380", 80).splitlines()
    assert len(first) <= 80
    assert f"{first} {second}" == welcome("https://migration.contoso.com:8380", 200)
