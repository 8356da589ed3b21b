"""Commands that nobody types: `-Command`, `-File`, standard input."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.console_host import StreamHost
from mailferry.cmdlets.errors import Exit, ParseError
from mailferry.cmdlets.evaluate import Session
from mailferry.cmdlets.parse import parse

DONE: Final = 0
FAILED: Final = 1
NOT_PARSED: Final = 2
"""The exit codes."""


def run_script(session: Session, host: StreamHost, text: str) -> int:
    """Run a whole text and give the exit code; `exit n` gives its own.

    Nothing is run if it cannot be parsed. Unlike at a console, the first error ends it, unless the command that
    fails, or $ErrorActionPreference, says Continue: what follows mostly builds on what went before. An object that
    is refused does not keep the pipeline from the others; the script ends behind it.
    """
    session.ends_at_errors = True
    shown = host.errors
    try:
        parse(text)
    except ParseError as error:
        host.error(error, text)
        return NOT_PARSED
    try:
        session.run(text)
    except Exit as ended:
        return ended.status
    return FAILED if host.errors > shown else DONE
