"""`mailferry console`: the cmdlets at a terminal, from a script, or from standard input."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final

from mailferry.cli.cmdlet_connection import Place, connect, no_service, place_of
from mailferry.cli.cmdlet_options import checked_word
from mailferry.errors import BadUsage

if TYPE_CHECKING:
    from mailferry.cmdlets.client import Client
    from mailferry.cmdlets.console_host import StreamHost

FAILED: Final = 1
_HISTORY: Final = "console-history"


def console(arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> int:
    """Run what `mailferry console` asks for. Raises BadUsage."""
    from mailferry.cmdlets.console_host import StreamHost, TerminalAsking

    place = place_of(arguments)
    text = _script(arguments)
    is_terminal = bool(sys.stdin and sys.stdin.isatty())
    host = StreamHost(sys.stdout, sys.stderr, asking=TerminalAsking() if is_terminal else None, environment=environment)
    client = connect(place, environment, warn=host.warn)
    if text is None and is_terminal:
        return _interactive(place, client, host, environment)
    from mailferry.cmdlets.console_scripts import run_script
    from mailferry.cmdlets.evaluate import Session

    session = Session(client, host, environment=environment, no_service=no_service(place))
    try:
        return run_script(session, host, _standard_input() if text is None else text)
    finally:
        if client is not None:
            client.close()


def history_file(environment: Mapping[str, str]) -> Path:
    """Give the file of the history (XDG Base Directory Specification)."""
    state = environment.get("XDG_STATE_HOME", "")
    folder = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return folder / "mailferry" / _HISTORY


def _script(arguments: argparse.Namespace) -> str | None:
    """Give the text that is to be run; None: there is none on the command line."""
    if arguments.text is not None:
        return checked_word(str(arguments.text))
    if arguments.file is None:
        return None
    if arguments.file == "-":
        return _standard_input()
    from mailferry.cmdlets.files import FileProblem, read_text

    try:
        return read_text(arguments.file, Path.cwd())
    except FileProblem as error:
        raise BadUsage(error.message) from None


def _standard_input() -> str:
    if sys.stdin is None:
        return ""
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadUsage("Standard input is no text in UTF-8.") from None


def _interactive(place: Place, client: Client | None, host: StreamHost, environment: Mapping[str, str]) -> int:
    """Talk with a person. A service that does not answer is told at once, not at the first command."""
    from mailferry.cmdlets.errors import ServiceError

    if client is None:
        print(f"mailferry: {no_service(place)}", file=sys.stderr)
        return FAILED
    with client:
        try:
            _greet(client)
        except ServiceError as error:
            host.error(error, "")
            return FAILED
        from mailferry.cmdlets.complete_names import KnownNames
        from mailferry.cmdlets.console import Console
        from mailferry.cmdlets.evaluate import Session

        host.write(welcome(client.base_url, host.width))
        session = Session(client, host, environment=environment)
        return Console(session, KnownNames(client), history=history_file(environment)).run()


def welcome(url: str, width: int) -> str:
    """Give what a person is told first, without a line that is broken inside a word."""
    from mailferry import __version__

    text = f"Mailferry {__version__} at {url}. Get-Help lists the cmdlets, exit leaves."
    return fill(text, width, break_long_words=False, break_on_hyphens=False)


def _greet(client: Client) -> None:
    """See whether the service answers and knows the token. Raises ServiceError."""
    from mailferry.cmdlets.request import PREFIX, Request
    from mailferry.cmdlets.spec_model import Answer

    client.send(Request("GET", f"{PREFIX}/config", Answer.ONE))
