"""What a cmdlet is given when it runs, and what sends objects through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from mailferry.cmdlets.bind import Bound
from mailferry.cmdlets.client import Client
from mailferry.cmdlets.errors import CommandError, Span
from mailferry.cmdlets.host import Host
from mailferry.cmdlets.spec_model import Cmdlet, Parameter
from mailferry.cmdlets.tree import ScriptBlock

Input = Iterator[object] | None
"""The objects of a pipeline; None: the cmdlet stands first, so there is no pipeline in front of it."""


class Runtime(Protocol):
    """What a session offers to the cmdlets."""

    host: Host
    folder: Path

    @property
    def client(self) -> Client:
        """The connection to the service. Raises CommandError if there is none."""
        ...

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        ...

    def run_block(self, block: ScriptBlock, item: object) -> list[object]:
        """Run a script block with `$_` set, and give what it gives."""
        ...

    def converted(self, value: object, parameter: Parameter) -> object:
        """Turn a value into the type of a parameter."""
        ...

    def variable(self, name: str) -> object:
        """Give the value of a variable, $null if it is not set."""
        ...

    def report(self, error: CommandError, invocation: Invocation) -> None:
        """Deal with an error that does not end the pipeline, as -ErrorAction says. May raise it."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One cmdlet in one pipeline, with its parameters bound. `span`: its place in the text; `places`: those of the
    parameters, by their whole names.
    """

    runtime: Runtime
    bound: Bound
    span: Span | None = None
    places: Mapping[str, Span] = field(default_factory=dict)

    @property
    def cmdlet(self) -> Cmdlet:
        """Which cmdlet it is."""
        return self.bound.cmdlet

    def get(self, name: str) -> object:
        """Give the value of a parameter, None if it was not given."""
        return self.bound.values.get(name)

    def text(self, name: str, otherwise: str = "") -> str:
        """Give a parameter that is a text."""
        value = self.get(name)
        return value if isinstance(value, str) else otherwise

    def texts(self, name: str) -> list[str]:
        """Give a parameter that is a list of texts; empty if it was not given."""
        value = self.get(name)
        return [str(item) for item in value] if isinstance(value, list) else []

    def number(self, name: str) -> int | None:
        """Give a parameter that is a number."""
        value = self.get(name)
        return value if isinstance(value, int) else None

    def flag(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return self.bound.flag(name)

    def warn(self, text: str) -> None:
        """Show a warning, unless -WarningAction says not to."""
        if self.text("WarningAction", "Continue") == "Continue":
            self.runtime.host.warn(text)


Runner = Callable[[Invocation, Input], Iterator[object]]
"""Runs a cmdlet: takes objects, gives objects."""
