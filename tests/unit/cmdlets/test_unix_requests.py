"""Round trips: for every row of the table, all three spellings make the same requests."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cmdlets.bind import Argument
from mailferry.cmdlets.client import Client
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.evaluate import Session
from mailferry.cmdlets.spec import CMDLETS, find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.cmdlets.unix import PasswordFile, find, is_implied, kebab, noun_of, nouns, option, options, read_words
from mailferry.cmdlets.unix_cmdlet import read_cmdlet_words
from mailferry.cmdlets.unix_examples import shell_word, unix_line
from mailferry.cmdlets.words import quote
from mailferry.imap.values import Secret
from tests.unit.cmdlets.scene import BASE, NOW, Screen

T = ValueType
PASSWORD = "P@ss 'w\"ord"
Sent = list[tuple[str, str, dict[str, Any] | None]]


@dataclass
class Wire:
    """A service that keeps requests and answers all of them with an empty page that is also an empty object."""

    sent: Sent

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.sent.append((request.method, str(request.url), body))
        return httpx.Response(200, json={"items": [], "next": None, "name": "x", "guid": "g"})


def session(folder: Path) -> tuple[Session, Wire, Screen]:
    wire, screen = Wire([]), Screen()
    client = Client(BASE, Secret("token"), transport=httpx.MockTransport(wire.answer))
    return Session(client, screen, folder=folder, clock=lambda: NOW, environment={}), wire, screen


def without_new_files(folder: Path, run: Callable[[], object]) -> None:
    """Run something, and remove the files that it writes: the next spelling writes them again."""
    before = set(folder.iterdir())
    run()
    for written in set(folder.iterdir()) - before:
        written.unlink()


def sent(folder: Path, run: Callable[[Session], object]) -> Sent:
    """Run something, and give the requests that it made; nothing may go wrong."""
    there, wire, screen = session(folder)
    there.variables["password"] = Secret(PASSWORD)
    without_new_files(folder, lambda: run(there))
    # The answers are no real objects, so what is made of them is not looked at.
    assert [m for m in screen.messages if "not understood" not in m] == []
    assert wire.sent
    return wire.sent


def by_words(cmdlet: Cmdlet, words: list[str], *, unix: bool) -> Callable[[Session], object]:
    """As the shell would run it."""
    read = (read_words if unix else read_cmdlet_words)(cmdlet, words)
    arguments = [
        Argument(a.span, a.name, Secret(PASSWORD) if isinstance(a.value, PasswordFile) else a.value, a.has_value)
        for a in read
    ]
    return lambda there: list(there.call(cmdlet, arguments))


# what is given to a parameter, in three spellings

VALUES: dict[ValueType, tuple[str, str]] = {
    T.STRING: ("a name", "'a name'"),
    T.STRINGS: ("Clients/*,[Gmail],a\\,b", "'Clients/*','[Gmail]','a,b'"),
    T.BOOLEAN: ("true", "$true"),
    T.INT: ("7", "7"),
    T.UNLIMITED: ("12", "12"),
    T.FQDN: ("imap.contoso.com", "imap.contoso.com"),
    T.DATE_TIME: ("2026-12-01T18:00Z", "2026-12-01T18:00Z"),
    T.TIME_SPAN: ("1.02:03:04", "1.02:03:04"),
    T.SIZE: ("35MB", "35MB"),
    T.BYTES: ("users.csv", '([System.IO.File]::ReadAllBytes("users.csv"))'),
    T.SECURE_STRING: ("password.txt", "$password"),
}
"""Of each type: as a word of a shell, and in the command language."""


@dataclass(frozen=True)
class Given:
    """One parameter with its value."""

    parameter: Parameter

    @property
    def value(self) -> tuple[str, str]:
        if self.parameter.choices:
            return self.parameter.choices[-1], self.parameter.choices[-1]
        return VALUES[self.parameter.type]

    def typed(self) -> str:
        name = f"-{self.parameter.name}"
        return name if self.parameter.type is T.SWITCH else f"{name} {self.value[1]}"

    def words(self) -> list[str]:
        if self.parameter.type is T.SWITCH:
            return [f"-{self.parameter.name}"]
        ending = "File" if self.parameter.type is T.SECURE_STRING else ""
        return [f"-{self.parameter.name}{ending}", self.value[0]]

    def options(self, *, joined: bool) -> list[str]:
        name = option(self.parameter)
        if self.parameter.type is T.SWITCH:
            # A source and a target of the kind IMAP differ in nothing else.
            return [] if joined and is_implied(self.parameter) and name != "--target" else [name]
        return [f"{name}={self.value[0]}"] if joined else [name, self.value[0]]


def selections() -> Iterator[tuple[Cmdlet, str, list[Parameter]]]:
    """For each parameter set of each cmdlet: what is needed; with each other parameter; and with all of them."""
    for cmdlet in CMDLETS:
        for name in cmdlet.sets or ("",):
            members = [p for p in cmdlet.parameters if not p.sets or name in p.sets]
            needed = [p for p in members if p.mandatory]
            others = [p for p in members if not p.mandatory and not p.without_effect]
            label = f"{cmdlet.name}{'-' if name else ''}{name}"
            if name in ("", cmdlet.sets[0] if cmdlet.sets else "") or needed:
                yield cmdlet, label, needed
            for other in others:
                more = [p for p in others if p.name in other.needs]
                yield cmdlet, f"{label}-{other.name}", [*needed, other, *more]
            yield cmdlet, f"{label}-all", [*needed, *others]


ROWS = [(cmdlet, chosen) for cmdlet, _, chosen in selections()]
LABELS = [label for _, label, _ in selections()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "users.csv").write_bytes(b"EmailAddress,UserName,Password\r\na@b.c,a,\xc3\xa4\r\n")
    return tmp_path


@pytest.mark.parametrize(("cmdlet", "chosen"), ROWS, ids=LABELS)
def test_three_spellings_of_one_request(folder: Path, cmdlet: Cmdlet, chosen: list[Parameter]) -> None:
    given = [Given(p) for p in chosen]
    typed = " ".join([cmdlet.name, *(g.typed() for g in given), *(["-Confirm:$false"] if cmdlet.asks else [])])
    there, wire, _ = session(folder)
    there.variables["password"] = Secret(PASSWORD)
    without_new_files(folder, lambda: there.run(typed))
    wanted = wire.sent
    words = [word for g in given for word in g.words()] + (["-Confirm:false"] if cmdlet.asks else [])
    changes_nothing = bool(cmdlet.calls) and not wanted
    assert not changes_nothing or cmdlet.verb == "Set"
    if changes_nothing:
        return
    assert sent(folder, by_words(cmdlet, words, unix=False)) == wanted
    for joined in (False, True):
        spelt = [word for g in given for word in g.options(joined=joined)] + (["--no-confirm"] if cmdlet.asks else [])
        assert find(noun_of(cmdlet), cmdlet.verb.lower()) is cmdlet
        assert sent(folder, by_words(cmdlet, spelt, unix=True)) == wanted


POSITIONAL = [c for c in CMDLETS if any(p.position == 0 for p in c.parameters) and c.verb != "Set"]


@pytest.mark.parametrize("cmdlet", POSITIONAL, ids=lambda c: c.name)
def test_what_has_a_position_needs_no_name(folder: Path, cmdlet: Cmdlet) -> None:
    first = next(p for p in cmdlet.parameters if p.position == 0)
    more = [Given(p) for p in cmdlet.parameters if p.mandatory and p is not first and p.position is None]
    usual = first.sets[0] if first.sets else (cmdlet.sets[0] if cmdlet.sets else "")
    more = [g for g in more if not g.parameter.sets or usual in g.parameter.sets]
    no, off = (["--no-confirm"], " -Confirm:$false") if cmdlet.asks else ([], "")
    typed = f"{cmdlet.name} 'the name' {' '.join(g.typed() for g in more)}{off}"
    wanted = sent(folder, lambda there: there.run(typed))
    unix = ["the name", *(word for g in more for word in g.options(joined=False)), *no]
    assert sent(folder, by_words(cmdlet, unix, unix=True)) == wanted
    behind = [*(word for g in more for word in g.options(joined=True)), *no, "--", "the name"]
    assert sent(folder, by_words(cmdlet, behind, unix=True)) == wanted


EXAMPLES = [(c, e.code) for c in CMDLETS for e in c.examples if unix_line(e.code) and "SecureString" not in e.code]


@pytest.mark.parametrize(("cmdlet", "code"), EXAMPLES, ids=[code for _, code in EXAMPLES])
def test_an_example_asks_the_same_in_unix_spelling(tmp_path: Path, cmdlet: Cmdlet, code: str) -> None:
    for name in ("users.csv", "more.csv", "IMAPmigration_1.csv"):
        (tmp_path / name).write_bytes(b"EmailAddress\r\n")
    code = code.replace("C:\\Users\\Administrator\\Desktop\\", "")
    off = "" if "Confirm" in code or not cmdlet.asks else " -Confirm:$false"
    no = "" if "Confirm" in code or not cmdlet.asks else " --no-confirm"
    program, noun, verb, *words = shlex.split(unix_line(code) + no)
    assert (program, find(noun, verb)) == ("mailferry", cmdlet)
    if "--output" in words:
        del words[words.index("--output") : words.index("--output") + 2]
    wanted = sent(tmp_path, lambda there: there.run(code.partition(" | ")[0] + off))
    assert sent(tmp_path, by_words(cmdlet, words, unix=True)) == wanted


@given(st.text(min_size=1, max_size=40))
def test_any_word_is_the_value_that_it_is(text: str) -> None:
    """Whatever the shell passes reaches the service; in the command language the same value is quoted."""
    name = text.replace("\x00", "")
    cmdlet = find("batch", "get")
    assert cmdlet is not None
    if not name:
        return
    [unix] = read_words(cmdlet, ["--endpoint", name])
    [powershell] = read_cmdlet_words(cmdlet, [f"-Endpoint:{name}"])
    assert (unix.value, powershell.value) == (name, name)
    there, _, _ = session(Path())
    assert there.evaluate(f"Write-Output {quote(name)}") == [name]


def test_every_cmdlet_has_one_spelling_of_its_own() -> None:
    found = [(noun, verb) for noun, verbs in nouns().items() for verb in verbs]
    assert len(found) == len(set(found)) == len(CMDLETS)


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=lambda c: c.name)
def test_no_two_parameters_share_an_option(cmdlet: Cmdlet) -> None:
    spelt = [name for p in cmdlet.parameters for name in options(p)]
    assert len(spelt) == len(set(spelt))
    assert not set(spelt) & {"--data", "--url", "--token-file", "--output", "--allow-plain-http", "--help"}


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("CSVData", "csv-data"),
        ("IMAP", "imap"),
        ("AllowUnknownColumnsInCsv", "allow-unknown-columns-in-csv"),
        ("MaxConcurrentMigrations", "max-concurrent-migrations"),
        ("Anr", "anr"),
    ],
)
def test_names_of_options(name: str, spelt: str) -> None:
    assert kebab(name) == spelt


@pytest.mark.parametrize(("text", "word"), [("a-b_1", "a-b_1"), ("it's", "'it'\\''s'"), ("", "''"), ("$x", "'$x'")])
def test_words_are_quoted_for_a_shell(text: str, word: str) -> None:
    assert shell_word(text) == word


@pytest.mark.parametrize(
    ("name", "unix", "words"),
    [
        ("Get-MigrationUser", True, ["--batch-id", ""]),
        ("Get-MigrationUser", True, ["--search="]),
        ("Get-MigrationUser", False, ["-BatchId", ""]),
        ("Get-MigrationBatch", True, ["--endpoint", ""]),
        ("Get-Mailbox", True, ["--anr", ""]),
    ],
)
def test_an_empty_word_does_not_mean_all(folder: Path, name: str, unix: bool, words: list[str]) -> None:
    cmdlet = find_cmdlet(name)
    assert cmdlet is not None
    there, wire, _ = session(folder)
    with pytest.raises(CommandError, match="empty string"):
        by_words(cmdlet, words, unix=unix)(there)
    assert wire.sent == []


@pytest.mark.parametrize(
    ("unix", "words"), [(True, ["B", "--complete-after", "none"]), (False, ["B", "-CompleteAfter", "$null"])]
)
def test_a_moment_is_taken_away(folder: Path, unix: bool, words: list[str]) -> None:
    cmdlet = find_cmdlet("Set-MigrationBatch")
    assert cmdlet is not None
    ((method, _, body),) = sent(folder, by_words(cmdlet, words, unix=unix))
    assert (method, body) == ("PATCH", {"complete_after": None})
