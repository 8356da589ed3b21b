"""The operators. Comparisons are PowerShell's: without regard to case, the right side taken as the type of the left."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

from mailferry.cmdlets import arithmetic
from mailferry.cmdlets.composite import composed
from mailferry.cmdlets.convert import flattened, text_of
from mailferry.cmdlets.dates import date_time, time_span
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.records import Record
from mailferry.cmdlets.words import number

LONGEST_PATTERN: Final = 1_000
_ORDERS: Final = ("eq", "ne", "gt", "ge", "lt", "le")


def truth(value: object) -> bool:
    """Tell whether a value counts as true: not $null, $false, 0, '', nor an empty list."""
    if isinstance(value, (list, tuple)):
        return truth(value[0]) if len(value) == 1 else bool(value)
    if isinstance(value, (Record, datetime, timedelta)):
        return True
    return bool(value)


def binary(operator: str, left: object, right: object) -> object:
    """Work out `left -operator right`. With a list on the left a comparison gives the items for which it holds."""
    if operator in ("*", "/", "%"):
        return arithmetic.product(operator, left, right)
    if operator in ("+", "-"):
        return arithmetic.total(operator, left, right)
    if operator == "f":
        return composed(_whole(left), flattened(right))
    if operator in ("and", "or", "xor"):
        return truth(left) != truth(right) if operator == "xor" else truth(right)
    sensitive = operator[0] == "c" and operator[1:] in _COMPARISONS
    name = operator[1:] if operator not in _COMPARISONS and operator[0] in "ci" else operator
    compare = _COMPARISONS[name]
    if isinstance(left, (list, tuple)) and name not in ("contains", "notcontains", "in", "notin"):
        return [item for item in left if compare(item, _fitting(name, item, right), sensitive)]
    return compare(left, _fitting(name, left, right), sensitive)


def _fitting(name: str, left: object, right: object) -> object:
    """Give the right side of a comparison. Raises CommandError for a text that is no date where one is compared."""
    if name not in _ORDERS or not isinstance(right, str) or not right.strip():
        return right
    try:
        if isinstance(left, datetime):
            return date_time(right)
        if isinstance(left, timedelta):
            return time_span(right)
    except ValueError:
        kind, form = ("date", "2026-12-01T18:00Z") if isinstance(left, datetime) else ("duration", "1.12:00:00")
        raise CommandError(
            f"Cannot compare '{value_text(left)}' with '{right}', which is no {kind}.",
            advice=f"Write a {kind} as {form}.",
            error_id="ComparisonFailure",
        ) from None
    return right


def sort_key(value: object) -> tuple[int, Any]:
    """Give a key by which any values can be put in order: nothing, numbers, moments, durations, texts."""
    if value is None:
        return (0, 0)
    if isinstance(value, (bool, int, float)):
        return (1, value)
    if isinstance(value, datetime):
        return (2, value.astimezone(UTC))
    if isinstance(value, timedelta):
        return (3, value)
    return (4, value_text(value).casefold())


def same(left: object, right: object, sensitive: bool = False) -> bool:
    """Tell whether two values are equal as -eq sees them."""
    if left is None or right is None:
        return left is right
    first, second = _comparable(left, right)
    if isinstance(first, str) and isinstance(second, str):
        return first == second if sensitive else first.casefold() == second.casefold()
    return bool(first == second)


def _comparable(left: object, right: object) -> tuple[Any, Any]:
    """Bring the right side to the type of the left one; both to texts where that cannot be."""
    if isinstance(left, bool):
        return left, truth(right) if not isinstance(right, str) else right.strip().lower() in ("true", "1")
    if isinstance(left, (int, float)):
        found = right if isinstance(right, (int, float)) else number(text_of(right).strip())
        return (left, found) if found is not None else (value_text(left), text_of(right))
    try:
        if isinstance(left, datetime):
            return left, right if isinstance(right, datetime) else date_time(text_of(right))
        if isinstance(left, timedelta):
            return left, right if isinstance(right, timedelta) else time_span(text_of(right))
    except ValueError:
        return value_text(left), value_text(right)
    if isinstance(left, str) and isinstance(right, (int, float)) and not isinstance(right, bool):
        return left, value_text(right)
    return (left if isinstance(left, str) else value_text(left)), (
        right if isinstance(right, str) else value_text(right)
    )


def _ordered(left: object, right: object, sensitive: bool) -> int:
    if left is None or right is None:
        return (left is not None) - (right is not None)
    first, second = _comparable(left, right)
    if isinstance(first, str) and isinstance(second, str) and not sensitive:
        first, second = first.casefold(), second.casefold()
    try:
        return int(first > second) - int(first < second)
    except TypeError:
        raise CommandError(f"Cannot compare '{value_text(left)}' with '{value_text(right)}'.") from None


@lru_cache(maxsize=64)
def _pattern(text: str, wildcard: bool, sensitive: bool) -> re.Pattern[str]:
    if len(text) > LONGEST_PATTERN:
        raise CommandError(f"A pattern has at most {LONGEST_PATTERN} characters.")
    try:
        return re.compile(translate(text) if wildcard else text, 0 if sensitive else re.IGNORECASE)
    except (re.error, RecursionError, OverflowError):
        raise CommandError(f"'{text}' is not a pattern that can be matched.") from None


def _like(left: object, right: object, sensitive: bool) -> bool:
    return _pattern(value_text(right), True, sensitive).match(_whole(left)) is not None


def _match(left: object, right: object, sensitive: bool) -> bool:
    return _pattern(value_text(right), False, sensitive).search(_whole(left)) is not None


def _whole(value: object) -> str:
    return value if isinstance(value, str) else value_text(value)


def _in(left: object, right: object, sensitive: bool) -> bool:
    return any(same(item, left, sensitive) for item in flattened(right))


_COMPARISONS: Final[Mapping[str, Callable[[object, object, bool], bool]]] = {
    "eq": same,
    "ne": lambda a, b, s: not same(a, b, s),
    "gt": lambda a, b, s: _ordered(a, b, s) > 0,
    "ge": lambda a, b, s: _ordered(a, b, s) >= 0,
    "lt": lambda a, b, s: _ordered(a, b, s) < 0,
    "le": lambda a, b, s: _ordered(a, b, s) <= 0,
    "like": _like,
    "notlike": lambda a, b, s: not _like(a, b, s),
    "match": _match,
    "notmatch": lambda a, b, s: not _match(a, b, s),
    "in": _in,
    "notin": lambda a, b, s: not _in(a, b, s),
    "contains": lambda a, b, s: _in(b, a, s),
    "notcontains": lambda a, b, s: not _in(b, a, s),
}
