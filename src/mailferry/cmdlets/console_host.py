"""A session's face on a terminal or on streams: what is shown, what is asked."""

from __future__ import annotations

import getpass
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Final, Protocol, TextIO

from mailferry.cmdlets.errors import CommandError, ParseError, printable, render
from mailferry.cmdlets.host import NobodyToAsk, Reply
from mailferry.imap.values import Secret

USUAL_WIDTH: Final = 120
"""Of what is shown where there is no terminal, as with PowerShell."""

UNASKED: Final = "-Confirm:$false"
"""What keeps a command from asking, in the command language."""

_RED, _YELLOW, _PLAIN = "\x1b[91m", "\x1b[93m", "\x1b[0m"
_REPLIES: Final[Mapping[str, Reply]] = {
    **dict.fromkeys(("", "y", "yes"), Reply.YES),
    **dict.fromkeys(("a", "yes to all"), Reply.YES_TO_ALL),
    **dict.fromkeys(("n", "no"), Reply.NO),
    **dict.fromkeys(("l", "no to all"), Reply.NO_TO_ALL),
}
_CHOICES: Final = '[Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is "Y"): '
_HEAD: Final = re.compile(r" *\+ \w+ +: ")
_EXPLAINED: Final = """\
Y - Do it.
A - Do it, and the same for all other objects of this command.
N - Do not do it, and go on with the next object.
L - Do it neither for this nor for any other object."""


class Asking(Protocol):
    """A person at a terminal. Both raise EOFError when nothing more will come."""

    def line(self, prompt: str) -> str:
        """Ask for a line."""
        ...

    def secret(self, prompt: str) -> str:
        """Ask for a line without showing it."""
        ...


@dataclass(frozen=True, slots=True)
class TerminalAsking:
    """Asks at the terminal of the process."""

    def line(self, prompt: str) -> str:
        """Ask for a line."""
        return input(prompt)

    def secret(self, prompt: str) -> str:
        """Ask for a line without showing it."""
        return getpass.getpass(prompt)


class StreamHost:
    """Writes objects to one stream and errors to another. Counts the errors that it shows.

    `asking` None: there is nobody. `told`: how an error is put into words; as PowerShell does, unless told otherwise.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        *,
        asking: Asking | None = None,
        environment: Mapping[str, str] | None = None,
        told: Callable[[CommandError, str], str] = render,
    ) -> None:
        environment = os.environ if environment is None else environment
        self._out = out
        self._err = err
        self._asking = asking
        self._told = told
        self._colour = err.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        self._columns = environment.get("COLUMNS", "")
        self.errors = 0
        self.parse_errors = 0

    @property
    def width(self) -> int:
        """Columns of the terminal, or the usual ones where there is none."""
        if self._columns.isdecimal() and int(self._columns) >= 20:
            return int(self._columns)
        if not self._out.isatty():
            return USUAL_WIDTH
        return max(20, shutil.get_terminal_size((USUAL_WIDTH, 25)).columns)

    def write(self, text: str) -> None:
        """Show a text on the first stream."""
        print(text, file=self._out, flush=True)

    def warn(self, text: str) -> None:
        """Show a warning on the other stream."""
        self._tell(f"WARNING: {printable(text)}", _YELLOW)

    def verbose(self, text: str) -> None:
        """Show a remark on the other stream."""
        self._tell(f"VERBOSE: {printable(text)}", _YELLOW)

    def error(self, error: CommandError, text: str) -> None:
        """Show an error on the other stream, with its place in the text."""
        self.errors += 1
        self.parse_errors += isinstance(error, ParseError)
        self._tell(self._told(error, text), _RED)

    def confirm(self, message: str) -> Reply:
        """Ask until one of the answers was given. Raises NobodyToAsk."""
        if self._asking is None:
            raise NobodyToAsk(
                f"{message} This is asked for a confirmation, and there is nobody to give it.",
                advice=f"Give {UNASKED} to do it without a question.",
            )
        self._tell(f"\nConfirm\nAre you sure you want to perform this action?\n{printable(message)}", "")
        while True:
            answer = self._line(_CHOICES).strip().lower()
            if answer in _REPLIES:
                return _REPLIES[answer]
            self._tell(_EXPLAINED, "")

    def ask(self, prompt: str) -> str:
        """Ask for a line. Raises NobodyToAsk."""
        return self._line(f"{printable(prompt)}: ")

    def ask_secret(self, prompt: str) -> Secret:
        """Ask for a password. Raises NobodyToAsk."""
        if self._asking is None:
            raise _nobody(prompt)
        try:
            return Secret(self._asking.secret(f"{printable(prompt)}: "))
        except EOFError:
            raise _nobody(prompt) from None

    def _line(self, prompt: str) -> str:
        if self._asking is None:
            raise _nobody(prompt)
        try:
            return self._asking.line(prompt)
        except EOFError:
            raise _nobody(prompt) from None

    def _tell(self, text: str, colour: str) -> None:
        self._out.flush()
        if self._err.isatty():
            text = "\n".join(_wrapped(line, self.width) for line in text.split("\n"))
        shown = f"{colour}{text}{_PLAIN}" if self._colour and colour else text
        print(shown, file=self._err, flush=True)


def _wrapped(line: str, width: int) -> str:
    """Break a line between words, under its own text; what was typed stays as it is, or its carets would not fit."""
    if len(line) <= width or line.startswith("+ "):
        return line
    head = _HEAD.match(line)
    indent = " " * (len(head[0]) if head else len(line) - len(line.lstrip()))
    return fill(line, width, subsequent_indent=indent, break_on_hyphens=False)


def _nobody(prompt: str) -> NobodyToAsk:
    return NobodyToAsk(f"There is nobody to answer '{prompt.rstrip(': ')}'.")
