"""A cmdlet as one command of a shell: `mailferry New-MigrationBatch -Name B -AutoStart`.

The shell has taken the quotes away, so each word is a value as it stands; nothing is parsed as PowerShell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mailferry.cmdlets.bind import Argument, find_parameter
from mailferry.cmdlets.errors import BindingError, Span
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.cmdlets.unix import PasswordFile, value_of

_NAMED: Final = re.compile(r"[-–—]([A-Za-z][\w?]*)(:?)([\s\S]*)")
_FILE: Final = "file"
_NOWHERE: Final = Span(0, 0)


def read_cmdlet_words(cmdlet: Cmdlet, words: Sequence[str]) -> list[Argument]:
    """Turn the words of a shell behind the name of a cmdlet into arguments. Raises BindingError.

    Names may be shortened as in PowerShell. Lists are divided by commas. A value that begins with a dash and a letter
    is written `-Name:-value`. A password comes from a file, `-AdminPasswordFile FILE`; the value is `PasswordFile`.
    """
    found: list[Argument] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        match = _NAMED.fullmatch(word)
        if match is None:
            found.append(Argument(_NOWHERE, value=word))
            continue
        name, colon, value = match.groups()
        if secret := _password(cmdlet, name):
            found.append(Argument(_NOWHERE, secret.name, PasswordFile(value or _next(name, waiting))))
            continue
        parameter = find_parameter(cmdlet, name)
        if parameter.type is ValueType.SECURE_STRING:
            raise BindingError(
                "A password is not taken on the command line: every user of this machine can read it there. Use "
                f"-{parameter.name}File FILE, or the console."
            )
        found.append(Argument(_NOWHERE, parameter.name, _given(parameter, colon, value, waiting)))
    return found


def _given(parameter: Parameter, colon: str, value: str, waiting: list[str]) -> object:
    if parameter.type is ValueType.SWITCH:
        if colon and not value:
            raise BindingError(
                f"Nothing follows -{parameter.name}: because the shell took it for a variable of its own.",
                advice=f"Write -{parameter.name}:true or -{parameter.name}:false.",
            )
        return value_of(parameter, value) if colon else True
    text = value or _next(parameter.name, waiting)
    while parameter.type is ValueType.STRINGS and text.endswith(",") and waiting:
        text += waiting.pop(0)
    return value_of(parameter, text)


def _next(name: str, waiting: list[str]) -> str:
    if not waiting or _NAMED.fullmatch(waiting[0]):
        raise BindingError(f"Missing an argument for parameter '{name}'.", error_id="MissingArgument")
    return waiting.pop(0)


def _password(cmdlet: Cmdlet, name: str) -> Parameter | None:
    lower = name.lower()
    if not lower.endswith(_FILE):
        return None
    secrets = (p for p in cmdlet.parameters if p.type is ValueType.SECURE_STRING)
    return next((p for p in secrets if f"{p.name.lower()}{_FILE}" == lower), None)
