"""Where commands are typed: who shows what they give, and answers what they ask."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from mailferry.cmdlets.errors import CommandError
from mailferry.imap.values import Secret


class Reply(Enum):
    """What a person says to a question."""

    YES = "Y"
    YES_TO_ALL = "A"
    NO = "N"
    NO_TO_ALL = "L"


class Host(Protocol):
    """The face of a session. One that has nobody to ask raises CommandError from the three that ask."""

    @property
    def width(self) -> int:
        """Characters in a line of what is shown."""
        ...

    def write(self, text: str) -> None:
        """Show a text, which may have several lines, and end the line."""

    def warn(self, text: str) -> None:
        """Show a warning."""

    def verbose(self, text: str) -> None:
        """Show what somebody who asked for -Verbose wants to know."""

    def error(self, error: CommandError, text: str) -> None:
        """Show an error. `text`: what was typed, which the place in the error belongs to."""

    def confirm(self, message: str) -> Reply:
        """Ask whether to go on."""
        ...

    def ask(self, prompt: str) -> str:
        """Ask for a line."""
        ...

    def ask_secret(self, prompt: str) -> Secret:
        """Ask for a password, without showing it."""
        ...


class NobodyToAsk(CommandError):
    """The command asks a question, and there is nobody to answer it."""

    code = "nobody-to-ask"
    error_id = "NonInteractive"
