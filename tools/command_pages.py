"""Write the pages of the commands in docs/ from the command line's grammar.

Usage: .venv/bin/python tools/command_pages.py
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mailferry.cli.arguments import make_parser

DOCS = Path(__file__).resolve().parents[1] / "docs"
ONE_MAILBOX = "See also: [folders](folders.md), [errors and exit codes](internals/errors.md), [reports](report.md)."
SERVICE = (
    "See also: [the service](service.md), [the CSV](csv.md), [folders](folders.md), "
    "[errors and exit codes](internals/errors.md)."
)
COMMANDS = {"copy": ONE_MAILBOX, "verify": ONE_MAILBOX, "migrate": SERVICE, "serve": SERVICE, "token": SERVICE}


def subparser(name: str) -> argparse.ArgumentParser:
    """Give the parser of one command."""
    for action in make_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = action.choices[name]
            assert isinstance(found, argparse.ArgumentParser)
            return found
    raise LookupError(name)


def options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[argparse.Action]]]:
    """Give the groups of a command with those of their options that are shown."""
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        if shown:
            yield group.title or "", shown


def page(name: str) -> str:
    """Give the text of a command's page."""
    parser = subparser(name)
    parts = [
        f"# mailferry {name}\n",
        "Made by `tools/command_pages.py` from the command line's grammar; do not edit.\n",
        f"    {parser.usage}\n",
        f"{parser.description}\n",
    ]
    for title, actions in options(parser):
        if not isinstance(actions[0], argparse._SubParsersAction):
            parts.append(f"## {title.capitalize()}\n\n{_table(actions)}")
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parts += subcommands(action)
    for block in re.split(r"\n\n(?=\w[\w ]*:\n)", (parser.epilog or "").strip("\n")):
        title, _, text = block.partition("\n")
        parts.append(f"## {title.rstrip(':').capitalize()}\n\n" + "".join(f"    {line}\n" for line in _cut(text)))
    return "\n".join([*parts, COMMANDS[name] + "\n"])


def subcommands(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> Iterator[str]:
    """Give a section for each action of a command, with what it takes."""
    about = {choice.dest: choice.help for choice in actions._choices_actions}
    for name, parser in actions.choices.items():
        usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
        taken = [action for _, group in options(parser) for action in group if action.dest != "help"]
        parts = [f"## {parser.prog}\n", f"    {usage}\n", f"{(about[name] or '').capitalize()}.\n", _table(taken)]
        yield "\n".join(parts)


def _table(actions: Iterable[argparse.Action]) -> str:
    rows = "".join(f"| {_name(action)} | {_meaning(action)} |\n" for action in actions)
    return f"| option | meaning |\n| --- | --- |\n{rows}"


def _cut(text: str) -> list[str]:
    return [line.removeprefix("  ") for line in text.splitlines()]


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar}`"
    value = ""
    if action.choices:
        value = " " + "\\|".join(action.choices)
    elif action.metavar:
        value = f" {action.metavar}"
    return ", ".join(f"`{option}`" for option in action.option_strings) + (f" {value.strip()}" if value else "")


def _meaning(action: argparse.Action) -> str:
    return (action.help or "").replace("|", "\\|")


if __name__ == "__main__":
    for command in COMMANDS:
        (DOCS / f"{command}.md").write_text(page(command), encoding="utf-8")
