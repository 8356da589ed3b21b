"""Completion of the shells: bash runs its script, zsh and fish theirs where they are; PowerShell's is parsed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from mailferry.cli.arguments import make_parser
from mailferry.cli.cmdlet_completion import GENERAL, words_of_commands
from mailferry.cli.cmdlet_words import NOUNS, SHELLS
from mailferry.cmdlets.complete_shell import script, words_of
from mailferry.cmdlets.spec import CMDLETS
from mailferry.cmdlets.unix import nouns

_ZSH = """
compdef() { : }
source "$1"
compadd() {
    while [[ $1 != -- ]]; do shift; done; shift
    for w in "$@"; do [[ ${(L)w} == ${(L)words[CURRENT]}* ]] && print -r -- "$w"; done
}
_files() { print -r -- FILES }
shift
words=("$@"); CURRENT=$#; _mailferry
"""
_BASH = """
compopt() { echo FILES; }
source "$1"
shift
COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _mailferry
printf '%s\\n' "${COMPREPLY[@]}"
"""


@cache
def table() -> dict[str, tuple[str, ...]]:
    commands = make_parser().parse_args(["token", "list"]).commands
    return dict(words_of(GENERAL, words_of_commands(commands)))


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    for shell in SHELLS:
        (tmp_path / shell).write_text(script(shell, table()))
    return tmp_path


def by_bash(scripts: Path, *words: str) -> list[str]:
    return run(["bash", "--norc", "-c", _BASH, "bash", str(scripts / "bash"), *words])


def by_zsh(scripts: Path, *words: str) -> list[str]:
    return run(["zsh", "-f", "-c", _ZSH, "zsh", str(scripts / "zsh"), *words])


def by_fish(scripts: Path, *words: str) -> list[str]:
    line = " ".join(words)
    found = run(["fish", "--no-config", "-c", f"source {scripts / 'fish'}; complete -C '{line}'"])
    return ["FILES"] if any(word.startswith("/") for word in found) else found


def run(command: list[str]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


Shell = Callable[..., list[str]]
# bash is wherever the tests run; the others are tried where somebody has them.
INSTALLED = [by_bash, *([by_zsh] if shutil.which("zsh") else []), *([by_fish] if shutil.which("fish") else [])]


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["ba"], ["batch"]),
        (["New-MigrationB"], ["New-MigrationBatch"]),
        (["batch", ""], ["new", "get", "set", "start", "stop", "complete", "remove"]),
        (["batch", "new", "--so"], ["--source-endpoint"]),
        (["batch", "new", "--name", "get", "--so"], ["--source-endpoint"]),
        (["--data", "batch", "endpoint", "n"], ["new"]),
        (["batch", "get", "--status", "Comp"], ["Completing", "Completed", "CompletedWithErrors"]),
        (["endpoint", "new", "--security", ""], ["None", "Ssl", "Tls"]),
        (["endpoint", "new", "--default-target", ""], ["true", "false"]),
        (["New-MigrationEndpoint", "-Security", "T"], ["Tls"]),
        (["New-MigrationEndpoint", "-MaxConc"], ["-MaxConcurrentMigrations", "-MaxConcurrentIncrementalSyncs"]),
        (["batch", "remove", "B", "--no"], ["--no-confirm"]),
        (["--output", ""], ["table", "list", "json", "csv"]),
        (["batch", "get", "--output", "j"], ["json"]),
        (["token", ""], ["new", "list", "remove"]),
        (["copy", "--or"], ["--order"]),
        (["copy", "--order", "n"], ["newest-first"]),
        (["serve", "--log-format", ""], ["text", "json"]),
        (["completion", ""], list(SHELLS)),
        (["console", "--fi"], ["--file"]),
        (["nonsense", "--x", "batch", "g"], ["get"]),
    ],
)
def test_what_a_shell_offers(scripts: Path, shell: Shell, words: list[str], wanted: list[str]) -> None:
    assert sorted(shell(scripts, "mailferry", *words)) == sorted(wanted)


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize("words", [["batch", "new", "--csv-data"], ["console", "--file"], ["migrate"], ["copy"]])
def test_files_are_offered_where_nothing_else_is_known(scripts: Path, shell: Shell, words: list[str]) -> None:
    current = f"{scripts}/" if shell is by_fish else ""
    assert shell(scripts, "mailferry", *words, current) == ["FILES"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_word_is_in_every_script(shell: str) -> None:
    text = script(shell, table()).lower()  # fish has the commands in small letters
    words = set(re.findall(r"@?[\w-]+", text))
    for key, values in table().items():
        assert {word.lower() for word in (*key.split(), *values)} <= words


def test_the_table_has_all_commands() -> None:
    assert {*NOUNS, *(cmdlet.name for cmdlet in CMDLETS)} <= set(table()[""])
    assert all(f"{noun} {verb}" in table() for noun, verbs in nouns().items() for verb in verbs)


def test_the_words_need_no_quotes() -> None:
    assert [
        w for key, values in table().items() for w in (*key.split(), *values) if not re.fullmatch(r"@?[\w-]+", w)
    ] == []


def test_keys_that_differ_in_case_only_would_be_one_to_powershell() -> None:
    keys = [key.lower() for key in table()]
    assert len(keys) == len(set(keys))


def test_powershell_parses_its_script(scripts: Path) -> None:
    import tree_sitter_powershell
    from tree_sitter import Language, Parser

    tree = Parser(Language(tree_sitter_powershell.language())).parse((scripts / "powershell").read_bytes())
    assert not tree.root_node.has_error


def test_the_nouns_of_the_help_are_those_of_the_table() -> None:
    assert set(NOUNS) == set(nouns())
    for noun, text in NOUNS.items():
        assert sorted(text.rpartition("; " if "; " in text else ": ")[2].split(", ")) == sorted(nouns()[noun])


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["get-migrationb"], ["Get-MigrationBatch"]),
        (["BATCH", "ne"], ["new"]),
        (["get-migrationbatch", "-ident"], ["-Identity"]),
        (["new-migrationendpoint", "-security", "t"], ["Tls"]),
    ],
)
def test_a_shell_completes_in_any_case(scripts: Path, shell: Shell, words: list[str], wanted: list[str]) -> None:
    assert shell(scripts, "mailferry", *words) == wanted


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that knows two names, and writes down how it was asked."""
    made = tmp_path / "bin" / "mailferry"
    made.parent.mkdir()
    made.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nprintf "Ground floor\\nGroup2\\n"\n')
    made.chmod(0o755)
    return made


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["batch", "get", "gro"], "completion names --of=batches --begun=gro"),
        (["New-MigrationBatch", "-SourceEndpoint", "gro"], "completion names --of=source-endpoints --begun=gro"),
        (
            ["--data", "/srv/ferry", "user", "get", "--batch-id", "gro"],
            "completion names --of=batches --begun=gro --data /srv/ferry",
        ),
    ],
)
def test_names_are_asked_of_the_service(
    scripts: Path, program: Path, shell: Shell, words: list[str], asked: str
) -> None:
    found = shell(scripts, str(program), *words)
    assert [name.replace("\\", "") for name in found] == ["Ground floor", "Group2"]
    assert set((scripts / "asked").read_text().splitlines()) == {asked}


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize("words", [["batch", "new", "gro"], ["batch", "get", "B", "gro"], ["batch", "get", "--gro"]])
def test_nothing_is_asked_where_no_name_stands(scripts: Path, program: Path, shell: Shell, words: list[str]) -> None:
    shell(scripts, str(program), *words)
    assert not (scripts / "asked").exists()


@pytest.mark.parametrize("shell", INSTALLED)
def test_without_a_service_no_name_is_offered(scripts: Path, program: Path, shell: Shell) -> None:
    program.write_text("#!/bin/sh\necho trouble >&2\nexit 1\n")
    assert shell(scripts, str(program), "batch", "get", "") == []


def test_bash_keeps_its_own_case(scripts: Path) -> None:
    probe = 'source "$1"; COMP_WORDS=(mailferry get-); COMP_CWORD=1; _mailferry; [[ a == A ]] || echo kept'
    assert run(["bash", "--norc", "-c", probe, "bash", str(scripts / "bash")]) == ["kept"]
