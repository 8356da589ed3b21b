"""One cmdlet as a command of a shell, in both spellings: `mailferry Get-MigrationBatch`, `mailferry batch get`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailferry.cli.cmdlet_connection import connect, no_service
from mailferry.cli.cmdlet_options import Options, read_options
from mailferry.cli.cmdlet_words import NOUNS
from mailferry.errors import BadUsage

if TYPE_CHECKING:
    from mailferry.cmdlets.bind import Argument
    from mailferry.cmdlets.spec_model import Cmdlet

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2

_HELP: Final = frozenset({"--help", "-h", "-?", "-Help", "-help"})


def run_cmdlet(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Run it and give the exit code: 0 done, 1 failed, 2 wrong usage. Raises BadUsage."""
    options = read_options(words)
    first, *rest = options.words
    if first == "help":
        first, *rest = *rest, "--help"
    if first in NOUNS:
        cmdlet = _of_noun(first, rest)
        if cmdlet is None:
            return DONE if _wants_help(rest) else USAGE
        rest = rest[1:]
    else:
        cmdlet = _of_name(first)
    if _wants_help(rest):
        _help(cmdlet, unix=first in NOUNS)
        return DONE
    return _run(cmdlet, rest, options, environment, unix=first in NOUNS)


def _run(cmdlet: Cmdlet, words: Sequence[str], options: Options, environment: Mapping[str, str], *, unix: bool) -> int:
    from mailferry.cmdlets.console_host import TerminalAsking
    from mailferry.cmdlets.errors import BindingError, CommandError
    from mailferry.cmdlets.evaluate import Session
    from mailferry.cmdlets.unix_host import CommandHost, Format, shown

    asking = TerminalAsking() if sys.stdin and sys.stdin.isatty() else None
    host = CommandHost(sys.stdout, sys.stderr, cmdlet, unix=unix, asking=asking, environment=environment)
    client = None
    try:
        arguments = _arguments(cmdlet, words, host.warn, unix=unix)
        client = connect(options.place, environment, warn=host.warn)
        session = Session(client, host, environment=environment, no_service=no_service(options.place))
        objects = list(session.call(cmdlet, arguments))
        one = _is_one(cmdlet, arguments)
    except CommandError as error:
        host.error(error, "")
        return USAGE if isinstance(error, BindingError) else FAILED
    finally:
        if client is not None:
            client.close()
    if objects or (cmdlet.kind and not one and not host.errors):
        form = Format(options.output)
        if text := shown(objects, form, host.width, one=one, is_terminal=sys.stdout.isatty()):
            host.write(text)
    return FAILED if host.errors or _is_bad_news(objects) else DONE


def _is_bad_news(objects: Sequence[object]) -> bool:
    """Tell whether a test has failed, which is no error to PowerShell but is to a shell."""
    from mailferry.cmdlets.records import Record
    from mailferry.cmdlets.spec_objects import AVAILABILITY

    return any(
        isinstance(item, Record) and item.kind == AVAILABILITY.name and item.get("Result") != "Success"
        for item in objects
    )


def _arguments(cmdlet: Cmdlet, words: Sequence[str], warn: Callable[[str], None], *, unix: bool) -> list[Argument]:
    """Read the words; passwords come from their files, the bytes of `-` from standard input.

    Raises BindingError, BadUsage.
    """
    from mailferry.cli.cmdlet_secrets import first_line
    from mailferry.cmdlets.unix import PasswordFile, read_words
    from mailferry.cmdlets.unix_cmdlet import read_cmdlet_words
    from mailferry.imap.values import Secret

    read = (read_words if unix else read_cmdlet_words)(cmdlet, words)
    read = [
        replace(argument, value=_standard_input()) if _is_standard_input(cmdlet, argument) else argument
        for argument in read
    ]
    return [
        replace(argument, value=Secret(first_line(Path(argument.value.path), "password", warn)))
        if isinstance(argument.value, PasswordFile)
        else argument
        for argument in read
    ]


def _is_standard_input(cmdlet: Cmdlet, argument: Argument) -> bool:
    from mailferry.cmdlets.spec_model import ValueType

    parameter = cmdlet.parameter(argument.name)
    return argument.value == "-" and parameter is not None and parameter.type is ValueType.BYTES


def _standard_input() -> bytes:
    return sys.stdin.buffer.read() if sys.stdin is not None else b""


def _is_one(cmdlet: Cmdlet, arguments: Sequence[Argument]) -> bool:
    """Tell whether the request asks for one object, and not for a list that may happen to have one."""
    from mailferry.cmdlets.bind import bind
    from mailferry.cmdlets.request import requests_of
    from mailferry.cmdlets.spec_model import Answer

    if not cmdlet.calls:
        return True
    requests = requests_of(cmdlet, bind(cmdlet, arguments, lambda value, _: value, piped=True).values)
    return not requests or requests[-1].answer in (Answer.ONE, Answer.NOTHING)


def _of_noun(noun: str, rest: Sequence[str]) -> Cmdlet | None:
    """Find the cmdlet, or print the help of the noun. Raises BadUsage."""
    from mailferry.cmdlets.unix import find, nouns
    from mailferry.cmdlets.unix_help import noun_help

    verb = rest[0] if rest else ""
    if not verb or verb in _HELP:
        print(noun_help(noun, _width()), end="")
        return None
    cmdlet = find(noun, verb.lower())
    if cmdlet is None:
        raise BadUsage(f"mailferry {noun} has {', '.join(nouns()[noun])}, and not {verb}.")
    return cmdlet


def _of_name(name: str) -> Cmdlet:
    from mailferry.cmdlets.spec import find_cmdlet
    from mailferry.cmdlets.suggestions import close_to, unneeded

    cmdlet = find_cmdlet(re.sub("[–—]", "-", name))
    if cmdlet is not None:
        return cmdlet
    if remark := unneeded(name):
        raise BadUsage(remark)
    close = close_to(name)
    meant = f"did you mean {close}?" if close else "mailferry Get-Command lists the cmdlets."
    raise BadUsage(f"'{name}' is not the name of a cmdlet; {meant}")


def _help(cmdlet: Cmdlet, *, unix: bool) -> None:
    from mailferry.cmdlets.helping import help_text
    from mailferry.cmdlets.unix_help import verb_help

    if unix:
        print(verb_help(cmdlet, _width()), end="")
    else:
        print(help_text(cmdlet, _width(), parameters=True, examples=True), end="")


def _wants_help(words: Sequence[str]) -> bool:
    ahead = words[: words.index("--")] if "--" in words else words
    return any(word in _HELP for word in ahead)


def _width() -> int:
    try:
        columns = os.get_terminal_size().columns
    except OSError:
        columns = 100
    return max(60, min(columns, 100))
