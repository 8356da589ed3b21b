"""The operator -f: puts values into a text with places such as {0} and {1:N2} (composite formatting of .NET)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.moments import formatted

_PLACE: Final = re.compile(r"{{|}}|{(?P<at>\d{1,3})(?:,(?P<width>-?\d{1,3}))?(?::(?P<form>[^{}]*))?}|[{}]", re.ASCII)
_NUMBER: Final = re.compile(r"(?P<kind>[nfpd])(?P<digits>\d{0,2})", re.IGNORECASE | re.ASCII)
_USUAL_DIGITS: Final = 2


def composed(template: str, values: Sequence[object]) -> str:
    """Put values into the places of a text. Numbers take N, F, P or D with a count of digits, moments what
    `Get-Date -Format` takes; {0,10} and {0,-10} fill up to a width, {{ is a brace. Raises CommandError.
    """

    def put(place: re.Match[str]) -> str:
        if place[0] in ("{{", "}}"):
            return place[0][0]
        if place["at"] is None:
            raise CommandError("Input string was not in a correct format: a brace stands alone.", advice=_PLACES)
        if (at := int(place["at"])) >= len(values):
            raise CommandError(f"{place[0]} has no value: -f was given {len(values)}, counted from 0.", advice=_PLACES)
        text = _formatted(values[at], place["form"] or "")
        width = int(place["width"] or 0)
        return text.rjust(width) if width > 0 else text.ljust(-width)

    return _PLACE.sub(put, template)


_PLACES: Final = "Write {0}, {1:N2} and so on for the values behind -f, and {{ for a brace."


def _formatted(value: object, form: str) -> str:
    if not form or isinstance(value, str) or value is None:
        return value if isinstance(value, str) else value_text(value)
    if isinstance(value, datetime):
        return formatted(value, form)
    found = _NUMBER.fullmatch(form)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value_text(value)
    if found is None:
        raise CommandError(
            f"'{form}' is not known as the form of a number.", advice="Use N, F, P or D, such as {0:N1}."
        )
    kind = found["kind"].lower()
    if kind == "d":
        if not isinstance(value, int):
            raise CommandError(f"'{form}' takes a whole number, not {value_text(value)}.", advice="Use N0 or F0.")
        sign = "-" if value < 0 else ""
        return sign + str(abs(int(value))).zfill(int(found["digits"] or 0))
    digits = int(found["digits"]) if found["digits"] else _USUAL_DIGITS
    # A size is a whole number that prints in words; its digits are wanted here.
    plain = int(value) if isinstance(value, int) else float(value)
    return format(plain, {"n": f",.{digits}f", "f": f".{digits}f", "p": f",.{digits}%"}[kind])
