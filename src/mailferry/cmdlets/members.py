"""Properties and methods of values, and the few types that commands may name."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final

from mailferry.cmdlets import arithmetic, files
from mailferry.cmdlets.convert import text_of
from mailferry.cmdlets.dates import date_time, time_span
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.format import moment_text, value_text
from mailferry.cmdlets.moments import formatted
from mailferry.cmdlets.operators import truth
from mailferry.cmdlets.records import ByteSize, Record
from mailferry.cmdlets.words import number


class Encoding(Enum):
    """How a text becomes bytes."""

    UTF8 = "utf8"
    UNICODE = "unicode"
    ASCII = "ascii"


CODECS: Final[Mapping[Encoding, str]] = {
    Encoding.UTF8: "utf-8",
    Encoding.UNICODE: "utf-16-le",
    Encoding.ASCII: "ascii",
}
_DATE_PARTS: Final = ("Year", "Month", "Day", "Hour", "Minute", "Second")
_DATE_STEPS: Final[Mapping[str, str]] = {
    "adddays": "days",
    "addhours": "hours",
    "addminutes": "minutes",
    "addseconds": "seconds",
}
_SPAN_PARTS: Final[Mapping[str, float]] = {
    "totaldays": 86_400,
    "totalhours": 3_600,
    "totalminutes": 60,
    "totalseconds": 1,
}


def member(target: object, name: str) -> object:
    """Give a property of a value, of each of a list; $null if there is none of that name."""
    lower = name.lower()
    if isinstance(target, Record):
        if lower == "count" and name not in target:
            return 1
        return target.get(name)
    if isinstance(target, (list, tuple, bytes)) and lower in ("count", "length"):
        return len(target)
    if isinstance(target, (list, tuple)):
        found = [value for item in target if (value := member(item, name)) is not None]
        return found[0] if len(found) == 1 else found or None
    if lower == "count":
        return 0 if target is None else 1
    if isinstance(target, str) and lower == "length":
        return len(target)
    if isinstance(target, datetime):
        return _date_member(target, lower)
    if isinstance(target, timedelta) and lower in _SPAN_PARTS:
        return target.total_seconds() / _SPAN_PARTS[lower]
    return None


def index(target: object, at: object) -> object:
    """Give an item of a list by its number from 0, or from the end by -1; $null if there is none."""
    position = at if isinstance(at, int) else number(value_text(at))
    items: Sequence[object] = target if isinstance(target, (list, tuple, str)) else [target]
    if target is None or not isinstance(position, int) or not -len(items) <= position < len(items):
        return None
    return items[position]


def call(target: object, name: str, arguments: Sequence[object]) -> object:
    """Call a method. Raises CommandError if there is none of that name."""
    lower = name.lower()
    if lower == "tostring" and len(arguments) <= 1:
        return _to_string(target, arguments)
    if isinstance(target, datetime) and len(arguments) <= 1:
        if lower in ("touniversaltime", "tolocaltime") and not arguments:
            return target  # all moments are in UTC, which is also what stands for local here
        if lower in _DATE_STEPS and arguments:
            return _moved(target, _DATE_STEPS[lower], arguments[0])
        if lower in ("addmonths", "addyears") and arguments:
            return _months_later(target, arguments[0], 1 if lower == "addmonths" else 12)
        if lower in ("add", "subtract") and arguments:
            return arithmetic.total("+" if lower == "add" else "-", target, arguments[0])
    if isinstance(target, ByteSize) and lower in _SIZES and not arguments:
        return int(target) >> 10 * _SIZES.index(lower)
    if isinstance(target, Encoding) and lower == "getbytes" and len(arguments) == 1:
        return text_of(arguments[0]).encode(CODECS[target], "replace")
    if isinstance(target, str) and lower in _TEXT_METHODS:
        return _TEXT_METHODS[lower](target, [text_of(argument) for argument in arguments])
    raise CommandError(
        f"Method invocation failed because [{_type_name(target)}] does not contain a method named '{name}'.",
        error_id="MethodNotFound",
    )


def _to_string(target: object, arguments: Sequence[object]) -> str:
    form = text_of(arguments[0]) if arguments else ""
    if form and not isinstance(target, datetime):
        raise CommandError(
            f"ToString takes a format only for dates, and this is a value of type {_type_name(target)}.",
            error_id="FormatException",
        )
    return formatted(target, form) if form and isinstance(target, datetime) else value_text(target)


def static(type_name: str, name: str, arguments: Sequence[object] | None, now: datetime, folder: Path) -> object:
    """Give `[type]::name` or `[type]::name(arguments)`. Raises CommandError."""
    kind, lower = _plain_type(type_name), name.lower()
    if arguments is None:
        if kind == "datetime" and lower in ("now", "utcnow", "today"):
            return now if lower != "today" else _date_member(now, "date")
        if kind == "text.encoding" and lower.upper() in Encoding.__members__:
            return Encoding(lower)
    elif kind == "math" and lower in _MATH and len(arguments) in (1, 1 + (lower == "round")):
        return arithmetic.rounded(name, list(arguments))
    elif len(arguments) == 1:
        if kind == "io.file" and lower in _FILE_CALLS:
            return _FILE_CALLS[lower](text_of(arguments[0]), folder)
        if kind in ("datetime", "timespan") and lower == "parse":
            return cast(kind, arguments[0])
        if kind == "timespan" and lower in _SPAN_MAKERS:
            return _span_of(_SPAN_MAKERS[lower], arguments[0])
    raise CommandError(
        f"[{type_name}] does not contain a member named '{name}' here.",
        error_id="MemberNotFound",
        advice="There are [System.IO.File]::ReadAllBytes, ReadAllText, ReadAllLines and Exists, [DateTime]::UtcNow, "
        "Today and Parse, [TimeSpan]::FromDays, FromHours, FromMinutes and FromSeconds, "
        "[math]::Round, Floor, Ceiling, Truncate and Abs, and [System.Text.Encoding]::UTF8.GetBytes.",
    )


def cast(type_name: str, value: object) -> object:
    """Give `[type]value`. Raises CommandError."""
    plain = _plain_type(type_name)
    try:
        if plain == "datetime":
            return value if isinstance(value, datetime) else date_time(text_of(value))
        if plain == "timespan":
            return value if isinstance(value, timedelta) else time_span(text_of(value))
        if plain in ("int", "int32", "long", "int64", "double"):
            found = value if isinstance(value, (int, float)) else number(text_of(value).strip())
            if found is None:
                raise ValueError
            return float(found) if plain == "double" else round(found)
        if plain == "string":
            return value_text(value) if not isinstance(value, str) else value
        if plain in ("bool", "boolean"):
            return truth(value)
        if plain == "byte[]" and isinstance(value, (bytes, list)):
            return value if isinstance(value, bytes) else bytes(value)
        if plain == "string[]":
            return [text_of(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
        if plain in ("void", "object"):
            return None if plain == "void" else value
    except (ValueError, TypeError, OverflowError):
        raise CommandError(
            f'Cannot convert value "{value_text(value)}" to type "{type_name}".', error_id="InvalidCast"
        ) from None
    raise CommandError(
        f"Unable to find type [{type_name}].",
        error_id="TypeNotFound",
        advice="Here are datetime, timespan, int, double, string and bool.",
    )


def _plain_type(name: str) -> str:
    return name.lower().removeprefix("system.")


def _type_name(value: object) -> str:
    if isinstance(value, Record):
        return value.kind or "Object"
    return {"str": "String", "int": "Int32", "datetime": "DateTime", "NoneType": "null"}.get(
        type(value).__name__, type(value).__name__
    )


def _date_member(target: datetime, lower: str) -> object:
    if lower == "dayofweek":
        return formatted(target, "dddd")
    if lower == "dayofyear":
        return target.timetuple().tm_yday
    if lower == "timeofday":
        return target - _midnight(target)
    if lower == "date":
        return _midnight(target)
    if lower in [part.lower() for part in _DATE_PARTS]:
        return getattr(target, lower)
    return moment_text(target) if lower == "datetime" else None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _moved(target: datetime, unit: str, amount: object) -> datetime:
    try:
        return target + _span_of(unit, amount)
    except OverflowError:
        raise CommandError("The result lies outside the calendar.") from None


def _months_later(target: datetime, amount: object, each: int) -> datetime:
    """Move to the same day of another month, or to its last day (`DateTime.AddMonths`)."""
    found = amount if isinstance(amount, int) else number(text_of(amount).strip())
    if not isinstance(found, int):
        raise CommandError(f"'{value_text(amount)}' is not a whole number.")
    year, month = divmod(target.year * 12 + target.month - 1 + found * each, 12)
    if not 1 <= year <= 9999:
        raise CommandError("The result lies outside the calendar.")
    return target.replace(year=year, month=month + 1, day=min(target.day, monthrange(year, month + 1)[1]))


def _span_of(unit: str, amount: object) -> timedelta:
    found = amount if isinstance(amount, (int, float)) else number(text_of(amount).strip())
    try:
        if found is None:
            raise OverflowError
        return timedelta(**{unit: float(found)})
    except OverflowError:
        raise CommandError(f"'{value_text(amount)}' is not a number of {unit}.") from None


_MATH: Final = ("round", "floor", "ceiling", "truncate", "abs")
_SIZES: Final = ("tobytes", "tokb", "tomb", "togb", "totb")
"""The methods of a size in Exchange; each is 1,024 of the one before, as a whole number."""

_FILE_CALLS: Final[Mapping[str, Callable[[str, Path], object]]] = {
    "readallbytes": files.read_bytes,
    "readalltext": files.read_text,
    "readalllines": lambda path, folder: files.read_text(path, folder).splitlines(),
    "exists": lambda path, folder: files.resolve(path, folder).is_file(),
}
_SPAN_MAKERS: Final[Mapping[str, str]] = {
    "fromdays": "days",
    "fromhours": "hours",
    "fromminutes": "minutes",
    "fromseconds": "seconds",
}
_TEXT_METHODS: Final[Mapping[str, Callable[[str, list[str]], Any]]] = {
    "toupper": lambda text, _: text.upper(),
    "tolower": lambda text, _: text.lower(),
    "trim": lambda text, _: text.strip(),
    "startswith": lambda text, given: text.startswith("".join(given[:1])),
    "endswith": lambda text, given: text.endswith("".join(given[:1])),
    "contains": lambda text, given: "".join(given[:1]) in text,
    "replace": lambda text, given: text.replace(given[0], given[1]) if len(given) == 2 and given[0] else text,
    "split": lambda text, given: text.split(given[0]) if given and given[0] else text.split(),
}
