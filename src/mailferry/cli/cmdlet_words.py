"""What the command line knows of the cmdlets without loading their table: nouns, and the options that all have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

NOUNS: Final[Mapping[str, str]] = {
    "endpoint": "endpoints: servers and folders; new, get, set, remove",
    "batch": "batches of mailboxes: new, get, set, start, stop, complete, remove",
    "user": "mailboxes: get, set, start, stop, remove",
    "user-statistics": "figures and reports of a mailbox: get",
    "statistics": "totals of the service: get",
    "config": "settings of the service: get, set",
    "server": "test a server: test",
    "report": "a line for each mailbox of a batch: export",
    "accepted-domain": "domains that mail may be brought to: get, new, remove",
    "mailbox": "mailboxes of a target: get",
}
"""The nouns of the Unix spelling, as `mailferry --help` lists them."""

FORMATS: Final = ("table", "list", "json", "csv")
SHELLS: Final = ("bash", "zsh", "fish", "powershell")
NAMES: Final = "names"
"""Asked of `mailferry completion` in place of a shell: names that a service knows."""

PLAIN_HTTP: Final = "--allow-plain-http"
_VALUED: Final = ("--data", "--url", "--token-file", "--output")
_CMDLET: Final = re.compile(r"[A-Za-z]+[-–—][A-Za-z]+")
_EXIT_CODES: Final = "exit-codes"
"""A topic of `mailferry help` that looks like a cmdlet."""


def is_cmdlet(words: Sequence[str]) -> bool:
    """Tell whether the words of a command line are a cmdlet in one of the spellings, or ask for help on one."""
    left, _ = split(words)
    first, second = [*left, "", ""][:2]
    if first == "help":
        return second in NOUNS or (bool(_CMDLET.fullmatch(second)) and second != _EXIT_CODES)
    return first in NOUNS or bool(_CMDLET.fullmatch(first))


def split(words: Sequence[str]) -> tuple[list[str], dict[str, str | None]]:
    """Take the options that go with every cmdlet out of a command line, from anywhere before `--`.

    Gives the words that are left, and the options; None: the value is missing.
    """
    left: list[str] = []
    found: dict[str, str | None] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            left += [word, *waiting]
            break
        if word == PLAIN_HTTP:
            found[PLAIN_HTTP] = ""
        elif name not in _VALUED:
            left.append(word)
        elif equals:
            found[name] = value
        else:
            found[name] = waiting.pop(0) if waiting else None
    return left, found
