"""The pages of docs/cmdlets are what the table gives, are complete, and lead somewhere."""

from __future__ import annotations

import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mailferry.cmdlets import unix
from mailferry.cmdlets.bind import bind
from mailferry.cmdlets.differences import NOT_THERE
from mailferry.cmdlets.parse import parse
from mailferry.cmdlets.spec import ALL_CMDLETS, CMDLETS, find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet
from mailferry.cmdlets.spec_objects import object_kind
from mailferry.cmdlets.tree import Command, commands

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "cmdlets"
INDEX = FOLDER / "README.md"
MODULE_PAGE = ROOT / "clients" / "powershell" / "MailFerry" / "README.md"
REWRITE = "run .venv/bin/python tools/cmdlet_pages.py"

TOOL: Mapping[str, Any] = runpy.run_path(str(ROOT / "tools" / "cmdlet_pages.py"))
PAGES: Mapping[str, str] = TOOL["pages"]()


def name_of(cmdlet: Cmdlet) -> str:
    return cmdlet.name


def text_of(cmdlet: Cmdlet) -> str:
    return (FOLDER / f"{cmdlet.name}.md").read_text(encoding="utf-8")


def code_lines(text: str) -> list[str]:
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE)


def commands_of(line: str) -> list[Command]:
    return list(commands(parse(line).block))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_pages_are_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], REWRITE


def test_there_is_a_page_for_each_cmdlet_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"README.md", *(f"{cmdlet.name}.md" for cmdlet in CMDLETS)}
    assert TOOL["stale"]() == []


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=name_of)
def test_a_page_tells_all_of_a_cmdlet(cmdlet: Cmdlet) -> None:
    text = text_of(cmdlet)
    assert {f"`-{p.name}`" for p in cmdlet.parameters if f"`-{p.name}`" not in text} == set()
    for parameter in cmdlet.parameters:
        row = next((line for line in text.splitlines() if line.startswith(f"| `-{parameter.name}` |")), "")
        assert bool(row) != parameter.without_effect
        assert ("required" in row) == (parameter.mandatory and bool(row))
        assert {choice for choice in parameter.choices if f"`{choice}`" not in row} == set()
    assert {each.code for each in cmdlet.examples} <= set(code_lines(text))
    assert len(re.findall(rf"^    {cmdlet.name} .*<CommonParameters>\]$", text, re.MULTILINE)) == len(
        cmdlet.sets or "1"
    )
    for call in cmdlet.calls:
        assert f"`{call.method} /api/v1{call.path}`" in text
    if cmdlet.kind:
        properties = object_kind(cmdlet.kind).properties
        assert [each.name for each in properties] == re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


@pytest.mark.parametrize("page", [*sorted(FOLDER.glob("*.md")), MODULE_PAGE], ids=lambda path: path.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)(?:#[\w-]+)?\)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_leads_to_everything() -> None:
    text = INDEX.read_text(encoding="utf-8")
    assert [c.name for c in CMDLETS if f"[{c.name}]({c.name}.md)" not in text] == []
    assert [c.name for c in ALL_CMDLETS if c.name not in text] == []
    assert [each.instead for each in NOT_THERE if TOOL["prose"](each.instead) not in text] == []
    assert "<!--" not in text
    assert "## Parameters of all cmdlets\n" in text


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=name_of)
def test_the_usage_in_a_shell_is_understood(cmdlet: Cmdlet) -> None:
    (line,) = (line for line in code_lines(text_of(cmdlet)) if line.startswith("mailferry "))
    noun, verb, *words = re.sub(r"\[[\w-]+\]", "", line).split()[1:]
    assert unix.find(noun, verb) is cmdlet
    bound = bind(cmdlet, unix.read_words(cmdlet, words), lambda value, _parameter: value)
    assert bound.set_name == (cmdlet.sets[0] if cmdlet.sets else "")


@pytest.mark.parametrize("page", [INDEX, MODULE_PAGE], ids=lambda path: path.parent.name)
def test_commands_that_are_shown_are_cmdlets(page: Path) -> None:
    names = set()
    for line in code_lines(page.read_text(encoding="utf-8")):
        if not line.startswith(("mailferry ", "Import-Module", "Connect-MailFerry")):
            names |= {command.name for command in commands_of(line)}
        elif match := re.match(r"mailferry ([A-Z]\w+-\w+ .*)", line):
            names |= {command.name for command in commands_of(match[1])}
    assert names
    assert {name for name in names if find_cmdlet(name) is None} == set()


def test_both_spellings_on_the_index_are_one_command() -> None:
    found = [line.removeprefix("mailferry ") for line in code_lines(INDEX.read_text(encoding="utf-8"))]
    (first,) = (line for line in found if line.startswith("New-MigrationBatch "))
    (second,) = (line for line in found if line.startswith("batch new "))
    cmdlet = find_cmdlet("New-MigrationBatch")
    assert cmdlet is not None
    (command,) = commands_of(first)
    written = re.findall(r"-(\w+)(?: ([^-]\S*))?", first.removeprefix(command.name))
    given = {name: value or True for name, value in written}
    words = second.split()[2:]
    assert bind(cmdlet, unix.read_words(cmdlet, words), lambda value, _parameter: value).values == given
