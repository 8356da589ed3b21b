"""What is shown of a single command of a shell: errors in its own words, objects in the format that was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TextIO

from mailferry.cmdlets.console_host import UNASKED, Asking, StreamHost
from mailferry.cmdlets.errors import CommandError, MissingParameters, printable
from mailferry.cmdlets.host import NobodyToAsk
from mailferry.cmdlets.language_text import csv_text, exact_cell, json_text, plain
from mailferry.cmdlets.layout import View, show
from mailferry.cmdlets.records import Record
from mailferry.cmdlets.spec import all_parameters
from mailferry.cmdlets.spec_model import Cmdlet
from mailferry.cmdlets.unix import option

_WIDE = 100_000
"""Without a terminal nothing is cut: what is shown is read by a program."""


class Format(StrEnum):
    """How objects are shown."""

    USUAL = ""
    TABLE = "table"
    LIST = "list"
    JSON = "json"
    CSV = "csv"


class CommandHost(StreamHost):
    """Shows errors on one line and what to do on another. `unix`: parameters are spelt as options."""

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        cmdlet: Cmdlet,
        *,
        unix: bool,
        asking: Asking | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(out, err, asking=asking, environment=environment, told=self._told_shortly)
        self._cmdlet = cmdlet
        self._unix = unix

    def ask(self, prompt: str) -> str:
        """Ask for what is missing, as PowerShell does; programs with options do not ask for them."""
        if self._unix:
            raise NobodyToAsk(prompt)
        return super().ask(prompt)

    def _told_shortly(self, error: CommandError, _text: str) -> str:
        lines = [f"mailferry: {printable(self._worded(error))}"]
        if error.advice:
            lines.append(f"  {printable(self._spelt(error.advice))}")
        return "\n".join(lines)

    def _worded(self, error: CommandError) -> str:
        if self._unix and isinstance(error, MissingParameters):
            found = (self._cmdlet.parameter(name) for name in error.names)
            return f"These options are missing: {', '.join(option(p) for p in found if p is not None)}."
        return self._spelt(error.message)

    def _spelt(self, text: str) -> str:
        # A shell would take $false for a variable of its own.
        text = text.replace(UNASKED, "--no-confirm" if self._unix else "-Confirm:false")
        if not self._unix:
            return text
        for parameter in all_parameters(self._cmdlet):
            text = re.sub(rf"(?<![\w-])-{parameter.name}\b", option(parameter), text)
            text = re.sub(rf"parameter '{parameter.name}'", option(parameter), text)
        return text


def shown(objects: Sequence[object], form: Format, width: int, *, one: bool, is_terminal: bool) -> str:
    """Give what is printed of objects. `one`: they are one object by their nature, so its JSON is no array."""
    if form is Format.JSON:
        return json_text(objects) if one and len(objects) == 1 else _array(objects)
    if form is Format.CSV:
        text = csv_text(objects, cell=exact_cell).replace("\r\n", "\n").removesuffix("\n")
        return printable(text) if is_terminal else text
    width = width if is_terminal or not all(isinstance(item, Record) for item in objects) else _WIDE
    if form is Format.USUAL:
        return show(objects, width)
    return show([View(tuple(objects), as_table=form is Format.TABLE)], width)


def _array(objects: Sequence[object]) -> str:
    return json.dumps([plain(item) for item in objects], ensure_ascii=False, indent=2)
