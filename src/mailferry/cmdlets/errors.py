"""What goes wrong in the command language, said as PowerShell says it: what, where, and what to type instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mailferry.errors import MailferryError

_SECRET: Final = re.compile(r"password|securestring", re.IGNORECASE)
"""A line with one of these words, and the next one, may hold a password, so errors do not repeat them."""


_LONGEST: Final = 160
"""How much of a line an error shows, around its place."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: characters `start` up to `end`, from 0."""

    start: int
    end: int


class CommandError(MailferryError):
    """A command could not be carried out.

    `message` is for people; `command` the cmdlet it came from, `error_id` a stable name as PowerShell gives them,
    `span` the place in the text, None where there is none. `ends_all`: no command behind it is run either.
    """

    code = "command-failed"
    error_id = "CommandFailed"

    def __init__(
        self, message: str, *, span: Span | None = None, command: str = "", error_id: str = "", advice: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.command = command
        self.error_id = error_id or type(self).error_id
        self.advice = advice or type(self).advice
        self.ends_all = False

    def __str__(self) -> str:
        return self.message

    def placed(self, span: Span | None, command: str = "") -> CommandError:
        """Add the place and the cmdlet if they are not known yet, and give itself back."""
        self.span = self.span or span
        self.command = self.command or command
        return self


class ParseError(CommandError):
    """The text is not of the command language.

    `unfinished`: more lines could make it whole (an open quote or bracket, a pipe at the end), so a console asks on.
    """

    code = "parse-error"
    error_id = "ParserError"

    def __init__(self, message: str, *, span: Span, unfinished: bool = False, advice: str = "") -> None:
        super().__init__(message, span=span, advice=advice)
        self.unfinished = unfinished


class BindingError(CommandError):
    """What was given does not fit the parameters of the cmdlet."""

    code = "parameter-binding"
    error_id = "ParameterBindingFailed"


class MissingParameters(BindingError):
    """Parameters that the cmdlet needs were not given. A console may ask for them (`names`)."""

    code = "missing-parameters"
    error_id = "MissingMandatoryParameter"

    def __init__(self, names: tuple[str, ...], *, span: Span | None = None, command: str = "") -> None:
        message = f"Cannot process command because of one or more missing mandatory parameters: {', '.join(names)}."
        super().__init__(message, span=span, command=command)
        self.names = names


class ServiceError(CommandError):
    """The service refused a request, or did not answer. `status` is that of HTTP, 0 if there was no answer."""

    code = "service-error"
    error_id = "ServiceError"

    def __init__(
        self, message: str, *, status: int = 0, problem: str = "", field: str = "", advice: str = "", error_id: str = ""
    ) -> None:
        super().__init__(message, advice=advice, error_id=error_id)
        self.status = status
        self.problem = problem
        self.field = field


class Exit(Exception):
    """Somebody typed `exit`."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Give the line and the column of a character, both from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def render(error: CommandError, text: str) -> str:
    """Print an error: the message, then the place with a line of carets, then the kind.

    `text` is what the span belongs to, '' if the command was not typed in the language. Control characters of servers
    do not reach a terminal.
    """
    head = f"{error.command} : " if error.command else ""
    lines = [head + printable(error.message)]
    if error.span is not None and text:
        lines += _place(text, error.span)
    if error.advice:
        lines.append(f"    + Advice        : {printable(error.advice)}")
    name = f",{error.command}" if error.command else ""
    lines.append(f"    + ErrorId       : {error.error_id}{name}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Give a text without control characters, line ends apart."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _place(text: str, span: Span) -> list[str]:
    start = min(span.start, len(text))
    line, column = line_and_column(text, start)
    lines = text.split("\n")
    if _SECRET.search(" ".join(lines[max(0, line - 2) : line])):
        return [f"At line:{line} char:{column}"]
    shown = lines[line - 1].rstrip("\r").replace("\t", " ")
    cut = max(0, column - _LONGEST // 2) if len(shown) > _LONGEST else 0
    shown, at = shown[cut : cut + _LONGEST], column - 1 - cut
    width = max(1, min(span.end - start, len(shown) - at))
    return [f"At line:{line} char:{column}", f"+ {printable(shown)}", f"+ {' ' * at}{'~' * width}"]
