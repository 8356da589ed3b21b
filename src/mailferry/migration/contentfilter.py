"""A filter on the received date, in the words of Exchange: `Received -gt '2025-01-01' -and Received -lt '2026-01-01'`.

Of the language (OPATH), this is what the service documents for IMAP and Gmail: `Received`, compared by -gt, -ge, -lt,
-le or -eq with a quoted date, joined by -and; parentheses may stand around each part. `contentdates` reads the dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final

from mailferry.migration.contentdates import DateError, culture_of, parse_date
from mailferry.sync.received import ReceivedRange

PROPERTY: Final = "Received"
COMPARISONS: Final = ("-gt", "-ge", "-lt", "-le", "-eq")
_SUPPORTED: Final = f"{PROPERTY} with -gt, -ge, -lt, -le or -eq and a date in quotes, joined by -and"
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<mark>[()])|(?P<quoted>'[^']*'|\"[^\"]*\")|(?P<open>['\"].*)|(?P<word>[^\s()'\"]+))", re.DOTALL
)
_DEEPEST: Final = 50


class ContentFilterError(ValueError):
    """The text is no filter that can be applied. `column` counts from 1; 0: it is about the whole."""

    def __init__(self, text: str, column: int = 0) -> None:
        super().__init__(f"At column {column}: {text}" if column else text)
        self.column = column


class NoMessageCanMeet(ContentFilterError):
    """The filter is understood, but its conditions rule each other out."""


class _Kind(Enum):
    MARK = auto()
    QUOTED = auto()
    WORD = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str
    column: int

    def __str__(self) -> str:
        return (
            "the end" if self.kind is _Kind.END else f"{self.text[:40]!r}" if self.text[0] not in "'\"" else self.text
        )


@dataclass(slots=True)
class _Bounds:
    """The range as far as it was read, in seconds since 1970."""

    start: int | None = None
    end: int | None = None

    def narrow(self, comparison: str, moment: datetime) -> None:
        """Put one comparison to those before. Messages have whole seconds, the moment may have a part of one."""
        seconds = int(moment.replace(microsecond=0).timestamp())
        at_least = seconds + 1 if moment.microsecond else seconds  # the first whole second that is not before
        start, end = {
            "-gt": (seconds + 1, None),
            "-ge": (at_least, None),
            "-lt": (None, at_least),
            "-le": (None, seconds + 1),
            "-eq": (at_least, seconds + 1),
        }[comparison]
        self.start = start if self.start is None else max(self.start, self.start if start is None else start)
        self.end = end if self.end is None else min(self.end, self.end if end is None else end)


def parse_content_filter(text: str, language: str = "") -> ReceivedRange:
    """Read a filter; an empty one takes every message. `language` is a culture such as de-DE; '' stands for en-US.

    Raises ContentFilterError, which says what is not understood and where, and NoMessageCanMeet.
    """
    try:
        culture = culture_of(language)
    except DateError as error:
        raise ContentFilterError(str(error)) from None
    if not text.strip():
        return ReceivedRange()
    bounds = _Reader(list(_tokens(text)), culture).read()
    try:
        return ReceivedRange(bounds.start, bounds.end)
    except ValueError:
        raise NoMessageCanMeet("No message can meet all conditions: the range ends before it begins.") from None


def content_filter_text(received: ReceivedRange) -> str:
    """Write a range as a filter that `parse_content_filter` reads as the same range; '' if it has no bound."""
    return " -and ".join(
        f"{PROPERTY} {comparison} '{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}'"
        for comparison, seconds in (("-ge", received.start), ("-lt", received.end))
        if seconds is not None
    )


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while (found := _TOKEN.match(text, at)) is not None:
        name = str(found.lastgroup)
        column = found.start(name) + 1
        if name == "open":
            raise ContentFilterError(f"the quote is not closed: {found[name][:40]}", column)
        yield _Token({"mark": _Kind.MARK, "quoted": _Kind.QUOTED, "word": _Kind.WORD}[name], found[name], column)
        at = found.end()
    yield _Token(_Kind.END, "", len(text.rstrip()) + 1)


class _Reader:
    """Reads the tokens from left to right."""

    def __init__(self, tokens: list[_Token], culture: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._culture = culture
        self._bounds = _Bounds()

    def read(self) -> _Bounds:
        self._all(0)
        if self._next.kind is not _Kind.END:
            raise self._error(self._next, f"-and or the end is expected, not {self._next}.")
        return self._bounds

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += token.kind is not _Kind.END
        return token

    def _all(self, depth: int) -> None:
        self._one(depth)
        while self._next.text.lower() == "-and":
            self._take()
            self._one(depth)

    def _one(self, depth: int) -> None:
        token = self._take()
        if token.text == "(":
            if depth == _DEEPEST:
                raise self._error(token, f"more than {_DEEPEST} parentheses in each other.")
            self._all(depth + 1)
            closing = self._take()
            if closing.text != ")":
                raise self._error(closing, f"-and or ) is expected, not {closing}.")
        else:
            self._comparison(token)

    def _comparison(self, name: _Token) -> None:
        if name.kind is not _Kind.WORD or name.text.lower() != PROPERTY.lower():
            raise self._error(name, f"{PROPERTY} is expected, not {name}.")
        comparison = self._take()
        if comparison.text.lower() not in COMPARISONS:
            raise self._error(comparison, f"{', '.join(COMPARISONS)} is expected, not {comparison}.")
        value = self._take()
        if value.kind is not _Kind.QUOTED:
            raise self._error(value, f"a date in quotes is expected, not {value}.")
        try:
            moment = parse_date(value.text[1:-1], self._culture)
        except DateError as error:
            raise ContentFilterError(str(error), value.column) from None
        self._bounds.narrow(comparison.text.lower(), moment)

    def _error(self, token: _Token, text: str) -> ContentFilterError:
        return ContentFilterError(f"{text} A filter is {_SUPPORTED}.", token.column)
