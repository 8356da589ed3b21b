"""Moments in a format of .NET: `Get-Date -Format 'yyyy-MM-dd'`, `(Get-Date).ToString("yyyy-MM-dd")`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from mailferry.cmdlets.errors import CommandError

_TOKEN: Final = re.compile(r"'([^']*)'|\"([^\"]*)\"|\\(.)|%(?=[A-Za-z])|([A-Za-z])\4*|[\s\S]")
_STANDARD: Final[Mapping[str, str]] = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "U": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    **dict.fromkeys("mM", "MMMM d"),
    **dict.fromkeys("yY", "MMMM yyyy"),
    **dict.fromkeys("oO", "yyyy-MM-ddTHH:mm:ss.fffffffK"),
    **dict.fromkeys("rR", "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
    "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "FileDate": "yyyyMMdd",
    "FileDateUniversal": "yyyyMMdd'Z'",
    "FileDateTime": "yyyyMMddTHHmmssffff",
    "FileDateTimeUniversal": "yyyyMMddTHHmmssffff'Z'",
}
"""The formats of one letter, as in the United States, and those that Get-Date adds."""

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _fraction(digits: int, *, shortest: bool = False) -> Callable[[datetime], str]:
    def given(at: datetime) -> str:
        text = f"{at.microsecond:06}0"[:digits]
        return text.rstrip("0") if shortest else text

    return given


_PARTS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "yyyy": lambda at: f"{at.year:04}",
    "yyy": lambda at: f"{at.year:03}",
    "yy": lambda at: f"{at.year % 100:02}",
    "y": lambda at: str(at.year % 100),
    **dict.fromkeys(("g", "gg"), lambda _at: "A.D."),
    "MMMM": lambda at: _MONTHS[at.month - 1],
    "MMM": lambda at: _MONTHS[at.month - 1][:3],
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: str(at.month),
    "dddd": lambda at: _DAYS[at.weekday()],
    "ddd": lambda at: _DAYS[at.weekday()][:3],
    "dd": lambda at: f"{at.day:02}",
    "d": lambda at: str(at.day),
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{at.hour % 12 or 12:02}",
    "h": lambda at: str(at.hour % 12 or 12),
    "mm": lambda at: f"{at.minute:02}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02}",
    "s": lambda at: str(at.second),
    **{"f" * digits: _fraction(digits) for digits in range(1, 8)},
    **{"F" * digits: _fraction(digits, shortest=True) for digits in range(1, 8)},
    "tt": lambda at: "AM" if at.hour < 12 else "PM",
    "t": lambda at: "A" if at.hour < 12 else "P",
    "K": lambda _at: "Z",
    "zzz": lambda _at: "+00:00",
    "zz": lambda _at: "+00",
    "z": lambda _at: "+0",
}
_RESERVED: Final = frozenset("dfFghHKmMstyz")


def formatted(moment: datetime, form: str) -> str:
    """Give a moment, which is in UTC, in a format of .NET. Letters that mean nothing there stand for themselves.

    Raises CommandError for what is not known here.
    """
    if len(form) == 1 and form not in _STANDARD:
        raise _unknown(form)
    return "".join(_part(match, moment) for match in _TOKEN.finditer(_standard(form)))


def _standard(form: str) -> str:
    """Give what a standard format stands for; those of one letter mind the case, names do not."""
    if len(form) == 1:
        return _STANDARD[form]
    return next((text for name, text in _STANDARD.items() if len(name) > 1 and name.lower() == form.lower()), form)


def _part(match: re.Match[str], moment: datetime) -> str:
    single, double, escaped, letter = match.groups()
    for literal in (single, double, escaped):
        if literal is not None:
            return str(literal)
    if match[0] == "%":  # it makes a format of one letter, such as %d, one that is no standard format
        return ""
    if letter is None or letter not in _RESERVED:
        return match[0]
    if match[0] not in _PARTS:
        raise _unknown(match[0])
    return _PARTS[match[0]](moment)


def _unknown(part: str) -> CommandError:
    return CommandError(
        f"'{part}' is not a format of a date here.",
        advice="There are yyyy, MM, dd, HH, mm, ss and the like: yyyy-MM-dd HH:mm:ss.",
        error_id="FormatException",
    )
