"""`mailferry completion SHELL`: prints a script that makes the shell complete the commands of mailferry."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Final

from mailferry.cli.cmdlet_connection import connect, place_of
from mailferry.cli.cmdlet_words import FORMATS, NAMES, NOUNS, SHELLS
from mailferry.errors import BadUsage

GENERAL: Final[Mapping[str, tuple[str, ...]]] = {
    "--data": (),
    "--url": (),
    "--token-file": (),
    "--output": FORMATS,
}
NAMES_SECONDS: Final = 1.0
"""How long somebody who presses Tab waits for the service."""

FAILED: Final = 1
_OPTION: Final = re.compile(r"^  +(?:-\w[\w-]*(?: \S+)?, )*(--[a-z][a-z-]*)(?: (\{[^}]*\}|[A-Z][\w|]*))?", re.MULTILINE)
_ACTIONS: Final = re.compile(r"^actions:\n(?:  .*\n)+", re.MULTILINE)
_ACTION: Final = re.compile(r"^    ([a-z]+)  ", re.MULTILINE)


def completion(arguments: argparse.Namespace) -> int:
    """Print the script; or the names that its functions ask for."""
    if arguments.shell == NAMES:
        return _names(arguments)
    from mailferry.cmdlets.complete_shell import script, words_of

    print(script(arguments.shell, words_of(GENERAL, words_of_commands(arguments.commands))), end="")
    return 0


def _names(arguments: argparse.Namespace) -> int:
    """Print the names of a collection that begin with a text. Whatever goes wrong, nothing is said: somebody types."""
    from mailferry.cmdlets.complete_names import COLLECTIONS, KnownNames

    collection = arguments.of.replace("-", " ")
    try:
        client = connect(place_of(arguments), warn=lambda _text: None, timeout_seconds=NAMES_SECONDS)
    except BadUsage:
        return FAILED
    if client is None or collection not in COLLECTIONS:
        return FAILED
    with client:
        for name in KnownNames(client)(collection, arguments.begun):
            if name.isprintable():
                print(name)
    return 0


def words_of_commands(commands: Mapping[str, argparse.ArgumentParser]) -> dict[str, tuple[str, ...]]:
    """Give the table for the commands that are no cmdlets, read from what their --help says."""
    from mailferry.cli.arguments import HELP_TOPICS

    plain = {name: parser for name, parser in commands.items() if name not in NOUNS}
    found: dict[str, tuple[str, ...]] = {"": (*plain, "--version", "--help")}
    behind = {"completion": SHELLS, "help": HELP_TOPICS}
    for name, parser in plain.items():
        text = parser.format_help()
        options = _OPTION.findall(text)
        actions = [action for part in _ACTIONS.findall(text) for action in _ACTION.findall(part)]
        found[name] = (*behind.get(name, ()), *actions, *dict.fromkeys(spelt for spelt, _ in options))
        found |= {f"{name} {spelt}": _choices(value) for spelt, value in options if value}
    return found


def _choices(value: str) -> tuple[str, ...]:
    return tuple(value.strip("{}").split(",")) if value.startswith("{") else ()
