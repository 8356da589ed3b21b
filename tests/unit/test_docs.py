"""The documentation tells the truth: links, names of files and tests, options, errors, commands."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from mailferry.cli import exitcodes
from mailferry.cli.arguments import make_parser
from mailferry.errors import MailferryError

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "mailferry"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^    (?:\.venv/bin/)?mailferry (\w+)((?:.*\\\n)*.*)$", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as they are made of their text."""
    heads = re.findall(r"^#+ (.+)$", CODE_BLOCK.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def broken_links(page: Path) -> list[str]:
    """Give the relative links of a page that lead nowhere."""
    found = []
    for link in LINK.findall(CODE_BLOCK.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            found.append(link)
    return found


def tool(file: str) -> dict[str, Callable[..., str]]:
    """Load a script of tools/ without running it."""
    return runpy.run_path(str(ROOT / "tools" / file))


def defined_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {
        test for file in files for test in re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }


def test_there_are_pages() -> None:
    names = {name(page) for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md", "docs/rfc.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A head\n[a](page.md) [b](#a-head) [c](gone.md) [d](page.md#gone) [e](https://example.org/x)\n")
    assert broken_links(page) == ["gone.md", "page.md#gone"]


def test_every_page_can_be_found() -> None:
    """From the README, by following links."""
    seen: set[Path] = set()
    ahead = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    while ahead:
        page = ahead.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = LINK.findall(CODE_BLOCK.sub("", page.read_text()))
        ahead += [
            (page.parent / link.partition("#")[0]).resolve() for link in links if not re.match(r"[a-z]+:|#", link)
        ]
    assert [name(page) for page in PAGES if page not in seen] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_tests_and_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    tests = set(re.findall(r"`(test_\w+)`", text))
    assert tests - defined_tests() == set()
    files = set(re.findall(r"`((?:[a-z_]+/)+\w+\.(?:py|txt|md|json|sh))`", text))
    assert {file for file in files if not (ROOT / file).exists() and not (SOURCE / file).exists()} == set()


def test_every_file_of_the_table_of_standards_exists() -> None:
    rows = [line for line in (ROOT / "docs/rfc.md").read_text().splitlines() if line.startswith("| RFC")]
    assert len(rows) > 30
    for row in rows:
        files = re.findall(r"`([\w/]+\.py)`", row.split("|")[3])
        assert files, row
        assert [file for file in files if not (SOURCE / file).exists()] == [], row


def test_every_standard_that_the_code_cites_is_in_the_table() -> None:
    cited = {number for file in SOURCE.rglob("*.py") for number in re.findall(r"RFC (\d+)", file.read_text())}
    table = set(re.findall(r"RFC (\d+)", (ROOT / "docs/rfc.md").read_text()))
    # Of these only the name of a capability is known.
    assert cited - table <= {"4469", "5182"}


def test_every_rule_that_the_code_cites_is_on_a_page() -> None:
    files = [*SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    cited = {int(number) for file in files for number in re.findall(r"\b[Rr]ule (\d+)", file.read_text())}
    pages = (ROOT / "docs/internals/exactly-once.md", ROOT / "docs/internals/deltas-and-flags.md")
    written = [int(n) for page in pages for n in re.findall(r"^##+ Rule (\d+):", page.read_text(), re.MULTILINE)]
    assert written == list(range(1, 27))
    assert cited <= set(written)


def test_each_rule_names_a_test() -> None:
    text = (ROOT / "docs/internals/exactly-once.md").read_text()
    for rule in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        assert "`test_" in rule.split("\n## ")[0], rule.splitlines()[0]


@pytest.mark.parametrize("kind", exitcodes.error_classes(), ids=lambda kind: kind.code)
def test_every_error_is_documented(kind: type[MailferryError]) -> None:
    text = (ROOT / "docs/internals/errors.md").read_text()
    assert f"## {kind.code}\n\n{kind.summary()}\n" in text
    assert kind.advice in text


def test_the_page_of_errors_is_up_to_date() -> None:
    assert (ROOT / "docs/internals/errors.md").read_text() == tool("errors_page.py")["page"]()


@pytest.mark.parametrize("command", ["copy", "verify", "migrate", "serve", "token"])
def test_the_pages_of_commands_are_up_to_date(command: str) -> None:
    assert (ROOT / f"docs/{command}.md").read_text() == tool("command_pages.py")["page"](command)


@pytest.mark.parametrize("command", ["copy", "verify"])
def test_every_option_is_documented(command: str) -> None:
    text = (ROOT / f"docs/{command}.md").read_text()
    parser = tool("command_pages.py")["subparser"](command)
    options = set(re.findall(r"--[a-z-]+", parser.format_help()))  # type: ignore[attr-defined]  # a parser
    assert "--source-password-file" in options
    assert {option for option in options if option not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    used = set(re.findall(r"`make ([a-z]+)", text)) | set(re.findall(r"^    make ([a-z]+)", text, re.MULTILINE))
    assert used - targets == set()


def test_the_readme_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "\n    make demo\n" in text
    assert "\n    make test\n" in text


def example_lines() -> list[str]:
    """Give the command lines of the README."""
    found = COMMAND.findall((ROOT / "README.md").read_text())
    return [f"{command} {rest}".replace("\\\n", " ") for command, rest in found]


@pytest.mark.parametrize("line", example_lines())
def test_examples_of_the_readme_are_understood(line: str) -> None:
    words = shlex.split(line)
    arguments = make_parser().parse_args(words)
    assert arguments.command == words[0]


def test_the_readme_has_examples() -> None:
    assert len(example_lines()) >= 5


def test_the_readme_tells_the_exit_codes() -> None:
    """Each number of the table is named there, or lies in a range that is."""
    text = (ROOT / "README.md").read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+)(?: to (\d+))? \|", text, re.MULTILINE)
    told = {number for first, last in rows for number in range(int(first), int(last or first) + 1)}
    left = {line.number for line in exitcodes.table()} - told
    assert left == {exitcodes.UNEXPECTED, 129, 143}
