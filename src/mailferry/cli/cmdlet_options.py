"""The options that go with every cmdlet of a shell, before or behind it: where the service is, and the format."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.cli.cmdlet_connection import Place
from mailferry.cli.cmdlet_words import FORMATS, PLAIN_HTTP, split
from mailferry.errors import BadUsage
from mailferry.records import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """What was given, and the words that are left: the command and what belongs to it."""

    words: tuple[str, ...]
    place: Place
    output: str


def read_options(words: Sequence[str]) -> Options:
    """Take the options out of a command line. Raises BadUsage."""
    left, found = split(words)
    for name, value in found.items():
        if value is None or (not value and name != PLAIN_HTTP):
            raise BadUsage(f"{name} needs a value.")
    output = (found.get("--output") or "").lower()
    if output and output not in FORMATS:
        raise BadUsage(f"--output is one of {', '.join(FORMATS)}, and not {output}.")
    place = Place(
        found.get("--data") or "", found.get("--url") or "", found.get("--token-file") or "", PLAIN_HTTP in found
    )
    return Options(tuple(map(checked_word, left)), place, output)


def checked_word(word: str) -> str:
    """Give a word of the command line back if it is a text; a shell can pass any bytes. Raises BadUsage."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise BadUsage("A word of the command line is no text in UTF-8.") from None
    return word
