"""The operators + - * / %, as PowerShell has them: $null counts as 0, a text that is a number as that number."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

from mailferry.cmdlets.convert import flattened
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.words import number

_BIGGEST: Final = 2**63
"""Greater whole numbers go on as fractions, so that no chain of products grows without bound."""


def total(operator: str, left: object, right: object) -> object:
    """Work out `left + right` or `left - right`; + also joins texts and lists. Raises CommandError."""
    sign = 1 if operator == "+" else -1
    if left is None and _is_number(right):
        left = 0
    try:
        if isinstance(left, datetime):
            if isinstance(right, timedelta):
                return left + sign * right
            if isinstance(right, datetime) and sign < 0:
                return left - right
        elif isinstance(left, timedelta) and isinstance(right, timedelta):
            return left + sign * right
        elif isinstance(left, (int, float)) or (sign < 0 and isinstance(left, str)):
            first, second = _number_of(left), _number_of(right)
            if first is not None and second is not None:
                return _bounded(first + sign * second)
        elif isinstance(left, (list, tuple)) and sign > 0:
            return [*left, *flattened(right)]
        elif sign > 0:
            return ("" if left is None else _whole(left)) + _whole(right)
    except OverflowError:
        raise _too_big() from None
    raise _refused(operator, left, right)


def product(operator: str, left: object, right: object) -> object:
    """Work out `left * right`, `left / right` or the rest of a division, `left % right`. Raises CommandError.

    A division that comes out even gives a whole number. The rest has the sign of the left side.
    """
    first, second = _number_of(left), _number_of(right)
    # PowerShell would repeat a text that stands left of *.
    if first is None or second is None or (operator == "*" and isinstance(left, str)):
        raise _refused(operator, left, right)
    if operator != "*" and second == 0:
        raise CommandError("Attempted to divide by zero.", error_id="RuntimeException")
    try:
        if operator == "*":
            return _bounded(first * second)
        whole = isinstance(first, int) and isinstance(second, int)
        if operator == "%":
            rest = abs(first) % abs(second) if whole else math.fmod(first, second)
            return -rest if whole and first < 0 else rest
        return first // second if whole and first % second == 0 else _bounded(first / second)
    except OverflowError:
        raise _too_big() from None


def rounded(name: str, arguments: list[object]) -> object:
    """Work out a function of [math]: round (half to even, to so many places), floor, ceiling, truncate, abs.

    Raises CommandError.
    """
    value = _number_of(arguments[0])
    places = _number_of(arguments[1]) if len(arguments) > 1 else 0
    if value is None or not isinstance(places, int) or not 0 <= places <= 15:
        raise CommandError(f"[math]::{name} takes a number, and Round also how many places, 0 to 15.")
    found: int | float
    match name.lower():
        case "round":
            found = round(value, places)
        case "floor":
            found = math.floor(value)
        case "ceiling":
            found = math.ceil(value)
        case "truncate":
            found = math.trunc(value)
        case _:
            found = abs(value)
    return found


def _number_of(value: object) -> int | float | None:
    """Give a number as a plain one, and what stands for one; None: it stands for none."""
    if value is None:
        return 0
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, float):
        return value
    return number(value.strip()) if isinstance(value, str) else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _bounded(value: int | float) -> int | float:
    found = float(value) if abs(value) >= _BIGGEST else value
    if not math.isfinite(found):
        raise OverflowError
    return found


def _whole(value: object) -> str:
    return value if isinstance(value, str) else value_text(value)


def _too_big() -> CommandError:
    return CommandError("The result lies outside what can be shown.")


def _refused(operator: str, left: object, right: object) -> CommandError:
    return CommandError(f"'{operator}' does not work on '{value_text(left)}' and '{value_text(right)}'.")
