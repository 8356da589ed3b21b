"""Filters in the language of Exchange's -Filter (OPATH): `PrimarySmtpAddress -like '*@contoso.com' -and Name -ne 'a'`.

Comparisons of a property with a text by -eq, -ne, -like and -notlike, joined by -and, -or, -not and brackets; texts are
compared without regard to case. -and and -or bind alike, from left to right, as in PowerShell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from typing import Final

Filter = Callable[[Mapping[str, str]], bool]
"""Tells whether an object, its properties by their names in lower case, is among those that are wanted."""

MOST_CHARACTERS: Final = 4_000
_DEEPEST: Final = 50
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"[^"]*")|(?P<sign>[()!])|(?P<operator>[-–—][A-Za-z]+)|(?P<word>[^\s()'"!]+))"""
)
_COMPARISONS: Final = ("eq", "ne", "like", "notlike")


class WrongFilter(ValueError):
    """A filter that is not understood. The text says why."""


def parse_filter(text: str, properties: Sequence[str]) -> Filter:
    """Read a filter over objects with these properties. Raises WrongFilter."""
    if len(text) > MOST_CHARACTERS:
        raise WrongFilter(f"A filter has at most {MOST_CHARACTERS:,} characters.")
    reader = _Reader(text, {name.lower(): name for name in properties})
    found = reader.joined(0)
    reader.expect_end()
    return found


class _Reader:
    """Reads tokens from the left; each method gives the filter of what it has read."""

    def __init__(self, text: str, properties: Mapping[str, str]) -> None:
        self._tokens = _tokens(text)
        self._properties = properties

    def joined(self, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise WrongFilter("Too many brackets are open at once.")
        parts = [self._term(depth)]
        joins: list[str] = []
        while self._operator() in ("and", "or"):
            joins.append(self._operator())
            self._next()
            parts.append(self._term(depth))

        def holds(found: Mapping[str, str]) -> bool:
            result = parts[0](found)
            for join, part in zip(joins, parts[1:], strict=True):
                result = (result and part(found)) if join == "and" else (result or part(found))
            return result

        return holds

    def expect_end(self) -> None:
        if self._tokens:
            raise WrongFilter(f"{self._tokens[0][1]} stands where -and, -or or the end would.")

    def _term(self, depth: int) -> Filter:
        kind, mark = self._next()
        if mark == "!" or (kind == "operator" and mark[1:].lower() == "not"):
            if depth > _DEEPEST:
                raise WrongFilter("Too many -not stand behind each other.")
            inner = self._term(depth + 1)
            return lambda found: not inner(found)
        if mark == "(":
            held = self.joined(depth + 1)
            if self._next()[1] != ")":
                raise WrongFilter("A closing bracket is missing.")
            return held
        if kind != "word":
            raise WrongFilter(f"{mark} stands where a property would.")
        return self._comparison(mark)

    def _comparison(self, name: str) -> Filter:
        key = name.lower()
        if key not in self._properties:
            raise WrongFilter(f"There is no property {name}; there are {', '.join(self._properties.values())}.")
        operator = self._operator()
        if operator not in _COMPARISONS:
            raise WrongFilter(f"Behind {name} stands one of {', '.join(f'-{each}' for each in _COMPARISONS)}.")
        self._next()
        kind, mark = self._next()
        if kind not in ("text", "word"):
            raise WrongFilter(f"{mark} stands where a text in quotes would.")
        value = _value(kind, mark)
        wanted = not operator.startswith("n")
        if operator.endswith("like"):
            pattern = re.compile(translate(value.replace("[", "[[]")), re.IGNORECASE)
            return lambda found: (pattern.match(found[key]) is not None) is wanted
        return lambda found: (found[key].casefold() == value.casefold()) is wanted

    def _operator(self) -> str:
        kind, mark = self._tokens[0] if self._tokens else ("", "")
        return mark[1:].lower() if kind == "operator" else ""

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise WrongFilter("The filter ends too early.")
        return self._tokens.pop(0)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise WrongFilter("A quote is not closed.")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return found


def _value(kind: str, mark: str) -> str:
    """Give the text that a mark stands for: $null is one without characters."""
    if kind == "text":
        return mark[1:-1].replace("''", "'") if mark[0] == "'" else mark[1:-1]
    return "" if mark.lower() == "$null" else mark
