"""Turns what was given into the type of a parameter, or says which values it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Final

from mailferry.cmdlets import files
from mailferry.cmdlets.calculated import Table, wanted_of
from mailferry.cmdlets.dates import date_time, time_span
from mailferry.cmdlets.differences import HASH_TABLES
from mailferry.cmdlets.errors import BindingError
from mailferry.cmdlets.records import ByteSize, Record
from mailferry.cmdlets.spec_model import Parameter, ValueType
from mailferry.cmdlets.tree import ScriptBlock
from mailferry.cmdlets.words import number
from mailferry.imap.values import Secret

T = ValueType


class Unlimited(Enum):
    """The value Unlimited of a number."""

    UNLIMITED = "Unlimited"

    def __str__(self) -> str:
        return self.value


UNLIMITED: Final = Unlimited.UNLIMITED

_CLEARED: Final = ("$null", "none")
"""How $null is written where it is no value: in a shell."""
_FQDN: Final = re.compile(r"(?=.{1,253}\Z)[^\s/@:\\]+|\[?[0-9A-Fa-f:.]+\]?")


def convert(value: object, parameter: Parameter, folder: Path) -> object:
    """Give a value as the parameter takes it. Raises BindingError, and FileProblem where a file is named.

    `folder`: paths are seen from here.
    """
    if parameter.type is T.PROPERTIES:
        return [
            wanted_of(item, parameter.name) or _checked(_text(item, parameter), parameter) for item in flattened(value)
        ]
    if any(isinstance(item, Table) for item in flattened(value)):
        missing = f"Cannot bind parameter '{parameter.name}'. It takes no table @{{ }}."
        raise BindingError(missing, advice=HASH_TABLES.instead, error_id="CannotConvertArgument")
    if parameter.type is T.BYTES:
        return _bytes(value, parameter, folder)
    if parameter.type is T.STRINGS:
        return [_checked(_text(item, parameter), parameter) for item in flattened(value)]
    if parameter.clearable and (value is None or value in _CLEARED):
        return None
    if value is None and parameter.type is T.STRING and parameter.may_be_empty:
        return ""
    if value is None and parameter.type is not T.OBJECT:
        raise BindingError(f"Cannot bind argument to parameter '{parameter.name}' because it is null.")
    if isinstance(value, (list, tuple)) and len(value) == 1 and parameter.type is not T.OBJECT:
        value = value[0]
    return _checked(_CONVERTERS[parameter.type](value, parameter), parameter)


def flattened(value: object) -> list[object]:
    """Give the items of a list, a single value as one of them, $null as none."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def text_of(value: object) -> str:
    """Give a value as a text, an object by what names it. Raises BindingError for what is no text in any way."""
    if isinstance(value, Record):
        named = value.get(value.named_by, value.get("Identity"))
        return "" if named is None else text_of(named)
    if value is None:
        return ""
    if isinstance(value, (str, int, float, datetime, timedelta, Enum)):
        return str(value)
    name = "SecureString" if isinstance(value, Secret) else type(value).__name__
    raise BindingError(f"A value of type {name} cannot be used as a text.", error_id="CannotConvertArgument")


def _cannot(value: object, parameter: Parameter, allowed: str = "") -> BindingError:
    try:
        shown = text_of(value)[:200]
    except BindingError:
        shown = type(value).__name__
    of = f'Cannot convert value "{shown}" to type "{_type(parameter)}".'
    message = f"Cannot bind parameter '{parameter.name}'. {of} {allowed}".rstrip()
    return BindingError(message, error_id="CannotConvertArgument")


def _type(parameter: Parameter) -> str:
    return parameter.name if parameter.type is T.CHOICE else parameter.type.value


def _checked(value: object, parameter: Parameter) -> object:
    """Hold a value against the bounds of the parameter."""
    size: object = len(value) if isinstance(value, str) and not isinstance(value, Unlimited) else value
    if not isinstance(size, (int, float)) or isinstance(value, bool):
        return value
    unit = " characters" if isinstance(value, str) else ""
    low, high = parameter.least, parameter.most
    if (low is not None and size < low) or (high is not None and size > high):
        if high is None:
            bounds = f"at least {low}{unit}"
        elif low is None:
            bounds = f"at most {high}{unit}"
        else:
            bounds = f"{low} to {high}{unit}"
        raise BindingError(
            f"Cannot validate argument on parameter '{parameter.name}'. The value has {size}{unit}, and {bounds} are "
            "allowed."
            if unit
            else f"Cannot validate argument on parameter '{parameter.name}'. {size} is not allowed; {bounds} is.",
            error_id="ParameterArgumentValidationError",
        )
    return value


def _text(value: object, parameter: Parameter) -> str:
    if isinstance(value, ScriptBlock) and parameter.type is T.STRING:
        value = value.text  # as PowerShell does; filters are often written so
    if isinstance(value, (list, tuple, ScriptBlock)):
        raise _cannot("a list" if not isinstance(value, ScriptBlock) else "a script block", parameter)
    text = text_of(value)
    # A name or a filter that is empty would mean all.
    if not text and not parameter.may_be_empty and not parameter.without_effect:
        raise BindingError(f"Cannot bind argument to parameter '{parameter.name}' because it is an empty string.")
    return text


def _fqdn(value: object, parameter: Parameter) -> str:
    text = _text(value, parameter).strip()
    if not _FQDN.fullmatch(text):
        raise _cannot(value, parameter, "Give a host name such as imap.contoso.com.")
    return text


def _flag(value: object, parameter: Parameter) -> bool:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    text = text_of(value).lower() if not isinstance(value, (list, tuple, ScriptBlock)) else ""
    if text in ("true", "false"):
        return text == "true"
    raise _cannot(value, parameter, "Boolean parameters take $true, $false, 1 or 0.")


def _whole(value: object, parameter: Parameter) -> int:
    found = value if isinstance(value, (int, float)) else number(text_of(value).strip())
    if found is None or found != int(found) or abs(found) > 2**63:
        raise _cannot(value, parameter, "Give a whole number.")
    return int(found)


def _unlimited(value: object, parameter: Parameter) -> object:
    if value is UNLIMITED or (isinstance(value, str) and value.strip().lower() == "unlimited"):
        return UNLIMITED
    try:
        return _whole(value, parameter)
    except BindingError:
        raise _cannot(value, parameter, "Give a whole number or Unlimited.") from None


def _choice(value: object, parameter: Parameter) -> str:
    text = text_of(value).strip().lower()
    for name, reason, instead in parameter.refused:
        if text == name.lower():
            message = f"Cannot bind parameter '{parameter.name}'. {reason}"
            raise BindingError(message, advice=instead, error_id="CannotConvertArgument")
    exact = [choice for choice in parameter.choices if choice.lower() == text]
    begun = [choice for choice in parameter.choices if text and choice.lower().startswith(text)]
    if len(found := exact or begun) == 1:
        return found[0]
    raise _cannot(value, parameter, f"Specify one of the following values: {', '.join(parameter.choices)}.")


def _moment(value: object, parameter: Parameter) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return date_time(text_of(value))
    except ValueError:
        raise _cannot(value, parameter, "Write a moment as 2026-12-01T18:00Z or 12/1/2026 6:00 PM.") from None


def _duration(value: object, parameter: Parameter) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return time_span(text_of(value))
    except ValueError:
        raise _cannot(
            value, parameter, "Write a duration as 12:00:00 or 1.00:00:00 (days.hours:minutes:seconds)."
        ) from None


def _size(value: object, parameter: Parameter) -> ByteSize:
    return ByteSize(_whole(value.replace(" ", "") if isinstance(value, str) else value, parameter))


def _secret(value: object, parameter: Parameter) -> Secret:
    if isinstance(value, Secret):
        return value
    # What was given may well be the password: it is not repeated.
    raise BindingError(
        f"Cannot bind parameter '{parameter.name}'. Cannot convert the text to type \"SecureString\".",
        advice="Use (Read-Host -AsSecureString), or ConvertTo-SecureString with -AsPlainText.",
        error_id="CannotConvertArgument",
    )


def _script(value: object, parameter: Parameter) -> ScriptBlock:
    if isinstance(value, ScriptBlock):
        return value
    raise _cannot(value, parameter, 'Write a condition in braces, such as { $_.Status -eq "Failed" }.')


def _bytes(value: object, parameter: Parameter, folder: Path) -> bytes:
    """Give bytes, those of a file that is named, or those of a text of several lines, which can be no name."""
    if isinstance(value, bytes):
        return value
    items = flattened(value)
    if items and all(isinstance(item, int) and 0 <= item < 256 for item in items):
        return bytes(item for item in items if isinstance(item, int))
    texts = [item for item in items if isinstance(item, str)]
    if texts and len(texts) == len(items):
        text = "\n".join(texts)
        if "\n" in text:
            return text.encode("utf-8", "surrogatepass")
        if text:
            return files.read_bytes(text, folder)
    # What was given may be rows with passwords: it is not repeated.
    raise BindingError(
        f"Cannot bind parameter '{parameter.name}'. Cannot convert the value to type \"{parameter.type.value}\". "
        'Give the bytes of a file, ([System.IO.File]::ReadAllBytes("users.csv")), or its name.',
        error_id="CannotConvertArgument",
    )


_CONVERTERS: Final[Mapping[ValueType, Callable[[object, Parameter], object]]] = {
    T.STRING: _text,
    T.FQDN: _fqdn,
    T.SWITCH: _flag,
    T.BOOLEAN: _flag,
    T.INT: _whole,
    T.UNLIMITED: _unlimited,
    T.CHOICE: _choice,
    T.DATE_TIME: _moment,
    T.TIME_SPAN: _duration,
    T.SIZE: _size,
    T.SECURE_STRING: _secret,
    T.SCRIPT_BLOCK: _script,
    T.OBJECT: lambda value, _parameter: value,
}
