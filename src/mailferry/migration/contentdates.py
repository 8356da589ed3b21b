"""Dates as people write them in a filter: ISO 8601, in the order of a culture, or with the English name of the month.

Without a zone they are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

USUAL_CULTURE: Final = "en-US"

YEARS: Final = range(1900, 3000)
"""A date of another year is a slip of the pen."""

_DAY_FIRST: Final = "dmy"
_ORDERS: Final[Mapping[str, str]] = {
    "en-us": "mdy",
    "en-ph": "mdy",
    "es-us": "mdy",
    "en-ca": "ymd",
    "fr-ca": "ymd",
    "en-za": "ymd",
    "en": _DAY_FIRST,
    **dict.fromkeys(("hu", "ja", "ko", "lt", "sv", "zh"), "ymd"),
    **dict.fromkeys(
        ("ar", "bg", "ca", "cs", "da", "de", "el", "es", "et", "fi", "fr", "he", "hi", "hr", "id", "is", "it", "lv"),
        _DAY_FIRST,
    ),
    **dict.fromkeys(
        ("ms", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "th", "tr", "uk", "vi"), _DAY_FIRST
    ),
}
"""Where day, month and year stand in a short date, by culture, else by language. As .NET has them."""

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?(Z|[+-]\d\d:?\d\d))?)?", re.ASCII)
_TIME: Final = r"(?:,? +(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?: ?([AaPp])\.?[Mm]\.?)?)?"
_NUMBERS: Final = re.compile(r"(\d{1,4})([/.-]) ?(\d{1,2})\2 ?(\d{1,4})\.?" + _TIME, re.ASCII)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ENGLISH: Final = "en"
_MONTH: Final = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DAY_AND_MONTH: Final = re.compile(rf"(\d{{1,2}})[ -]{_MONTH},?[ -](\d{{4}}){_TIME}", re.ASCII | re.IGNORECASE)
_MONTH_AND_DAY: Final = re.compile(rf"{_MONTH} (\d{{1,2}}),? (\d{{4}}){_TIME}", re.ASCII | re.IGNORECASE)


class DateError(ValueError):
    """The text is no date, or the culture is not known."""


def culture_of(name: str) -> str:
    """Give the culture that is meant; '' stands for en-US. Raises DateError if its order of dates is not known."""
    name = name.strip() or USUAL_CULTURE
    if _order(name) is None:
        raise DateError(f"the culture {name[:40]!r} is not known; write one such as en-US, en-GB, de-DE or fr-FR.")
    return name


def parse_date(text: str, culture: str) -> datetime:
    """Read a day or a moment, aware. Raises DateError."""
    text = text.strip()
    try:
        if _ISO.fullmatch(text):
            moment = datetime.fromisoformat(re.sub(r" (?=[Z+-])", "", text))
            return _checked(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
        if (found := _NUMBERS.fullmatch(text)) is not None:
            return _checked(_of_numbers(found, _order(culture) or _DAY_FIRST))
        if culture.lower().startswith(_ENGLISH) and (named := _with_month(text)) is not None:
            return _checked(named)
    except ValueError:
        pass
    raise DateError(f"{text[:40]!r} is no date: write 2025-01-31, 2025-01-31T08:00:00Z, or it as {culture} has it.")


def same_culture(one: str, other: str) -> bool:
    """Tell whether two names mean the same culture; '' stands for en-US."""
    first, second = ((name.strip() or USUAL_CULTURE).lower().replace("_", "-") for name in (one, other))
    return first == second


def _order(culture: str) -> str | None:
    name = culture.lower().replace("_", "-")
    if not re.fullmatch(r"[a-z]{2}(-[a-z0-9]{2,8})*", name):
        return None
    return _ORDERS.get(name) or _ORDERS.get(name[:2])


def _checked(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError("no mail is from then")
    return moment


def _of_numbers(found: re.Match[str], order: str) -> datetime:
    parts = {"mdy": (2, 0, 1), "dmy": (2, 1, 0), "ymd": (0, 1, 2)}[order]
    written = (found[1], found[3], found[4])
    year, month, day = (written[at] for at in parts)
    if len(year) != 4 or len(day) > 2:
        raise ValueError("a year has four digits")
    return _moment(int(year), int(month), int(day), found.groups()[4:])


def _with_month(text: str) -> datetime | None:
    """Read `5 Oct 2024` and `October 5, 2024`; None if it is neither. Raises ValueError for a day that is none."""
    if (found := _DAY_AND_MONTH.fullmatch(text)) is not None:
        day, month = found[1], found[2]
    elif (found := _MONTH_AND_DAY.fullmatch(text)) is not None:
        month, day = found[1], found[2]
    else:
        return None
    return _moment(int(found[3]), _MONTHS.index(month[:3].lower()) + 1, int(day), found.groups()[3:])


def _moment(year: int, month: int, day: int, time: Sequence[str | None]) -> datetime:
    """Put a day and a time of the day together: hour, minute, second, and A or P for the half of the day."""
    hour, minute, second = (int(part or 0) for part in time[:3])
    if half := (time[3] or "").lower():
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if half == "p" else 0)
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
