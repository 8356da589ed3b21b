"""The options that go with every cmdlet of a shell, before or behind it: where the service is, and the format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mailferry.cli.cmdlet_connection import Place
from mailferry.errors import BadUsage

FORMATS: Final = ("table", "list", "json", "csv")
_VALUED: Final = ("--data", "--url", "--token-file", "--output")
_PLAIN: Final = "--allow-plain-http"


@dataclass(frozen=True, slots=True)
class Options:
    """What was given, and the words that are left: the command and what belongs to it."""

    words: tuple[str, ...]
    place: Place
    output: str


def command_word(words: Sequence[str]) -> tuple[str, str]:
    """Give the first two words that are no such options and no values of them, '' where there is none."""
    left = _split(words)[0]
    return (left[0] if left else "", left[1] if len(left) > 1 else "")


def read_options(words: Sequence[str]) -> Options:
    """Take the options out of a command line, from anywhere before `--`. Raises BadUsage."""
    left, found = _split(words)
    for name, value in found.items():
        if value is None or (not value and name != _PLAIN):
            raise BadUsage(f"{name} needs a value.")
    output = found.get("--output") or ""
    if output and output.lower() not in FORMATS:
        raise BadUsage(f"--output is one of {', '.join(FORMATS)}, and not {output}.")
    place = Place(found.get("--data") or "", found.get("--url") or "", found.get("--token-file") or "", _PLAIN in found)
    return Options(tuple(left), place, output.lower())


def _split(words: Sequence[str]) -> tuple[list[str], dict[str, str | None]]:
    left: list[str] = []
    found: dict[str, str | None] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            left += [word, *waiting]
            break
        if word == _PLAIN:
            found[_PLAIN] = ""
        elif name not in _VALUED:
            left.append(word)
        elif equals:
            found[name] = value
        else:
            found[name] = waiting.pop(0) if waiting else None
    return left, found
