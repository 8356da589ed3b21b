"""What goes wrong in the command language, said as PowerShell says it: what, where, and what to type instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailferry.cmdlets.secret_lines import may_hold_secret
from mailferry.errors import MailferryError

_LONGEST: Final = 160
"""How much of a line an error shows, around its place."""

_CUT: Final = "..."
_CATEGORIES: Final[Mapping[str, str]] = {
    "ManagementObjectNotFound": "ObjectNotFound",
    "CommandNotFoundException": "ObjectNotFound",
    "HelpNotFound": "ObjectNotFound",
    "FileNotFound": "ObjectNotFound",
    "ObjectAlreadyExists": "ResourceExists",
    "ObjectInUse": "ResourceBusy",
    "MigrationStateInvalid": "InvalidOperation",
    "InvalidValue": "InvalidArgument",
    "AccessDenied": "PermissionDenied",
    "NotConnected": "ConnectionError",
    "ServiceUnreachable": "ConnectionError",
    "MigrationServerConnectionFailed": "ConnectionError",
    "ServiceTimeout": "OperationTimeout",
}
"""The category of an error by its id (System.Management.Automation.ErrorCategory)."""


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
    category = "NotSpecified"
    exception = "CommandException"

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
    category = "ParserError"
    exception = "ParseException"

    def __init__(self, message: str, *, span: Span, unfinished: bool = False, advice: str = "") -> None:
        super().__init__(message, span=span, advice=advice)
        self.unfinished = unfinished


class BindingError(CommandError):
    """What was given does not fit the parameters of the cmdlet."""

    code = "parameter-binding"
    error_id = "ParameterBindingFailed"
    category = "InvalidArgument"
    exception = "ParameterBindingException"


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
    exception = "ServiceException"

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
    """Print an error as PowerShell does: the message, the place with a line of carets, what to do, then the kind.

    `text` is what the span belongs to, '' if the command was not typed in the language. Control characters of servers
    do not reach a terminal.
    """
    head = f"{error.command} : " if error.command else ""
    lines = [head + printable(error.message)]
    if error.span is not None and text:
        lines += _place(text, error.span)
    if error.advice:
        lines.append(f"    + Advice                : {printable(error.advice)}")
    name = f",{error.command}" if error.command else ""
    category = _CATEGORIES.get(error.error_id, error.category)
    lines.append(f"    + CategoryInfo          : {category}: (:) [{error.command}], {error.exception}")
    lines.append(f"    + FullyQualifiedErrorId : {error.error_id}{name}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Give a text without control characters, line ends apart."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _place(text: str, span: Span) -> list[str]:
    start = min(span.start, len(text))
    line, column = line_and_column(text, start)
    lines = text.split("\n")
    if may_hold_secret(" ".join(lines[max(0, line - 2) : line])):  # also of a line that goes on
        return [f"At line:{line} char:{column}"]
    whole = lines[line - 1].rstrip("\r").replace("\t", " ")
    cut = max(0, column - _LONGEST // 2) if len(whole) > _LONGEST else 0
    before, behind = _CUT if cut else "", _CUT if len(whole) > cut + _LONGEST else ""
    shown, at = whole[cut : cut + _LONGEST], column - 1 - cut
    width = max(1, min(span.end - start, len(shown) - at))
    return [
        f"At line:{line} char:{column}",
        f"+ {before}{printable(shown)}{behind}",
        f"+ {' ' * (len(before) + at)}{'~' * width}",
    ]
