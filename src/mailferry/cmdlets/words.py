"""Quotes and escapes: what a quoted text or a bare word stands for, and how a text is quoted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mailferry.cmdlets.errors import ParseError, Span
from mailferry.cmdlets.tree import Expandable, Literal, Node, Variable

DOUBLE_QUOTES: Final = '"“”„'
SINGLE_QUOTES: Final = "'‘’‚‛"
DASHES: Final = "-–—"

_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_VARIABLE: Final = re.compile(r"\$(?:(\w+(?::\w+)?)|\{([^{}\r\n]+)\})")
_SIZE: Final = re.compile(r"(-?(?:\d+(?:\.\d+)?|\.\d+))([kmgt]b)?", re.IGNORECASE | re.ASCII)
_PLAIN: Final = re.compile(r"(?![-–—@])[\w.\\/:*+=~%!^@–—-]+")

Inner = Callable[[int, int], Node]
"""Parses the part of the text between two offsets, for `$( ... )`."""


def single_quoted(token: str) -> str:
    """Give what a text in single quotes stands for: a doubled quote is one."""
    inner, quotes = token[1:-1], SINGLE_QUOTES
    return re.sub(f"[{quotes}]([{quotes}])", r"\1", inner)


def number(token: str) -> int | float | None:
    """Read a number such as 25, -1.5 or 10MB (in powers of 1,024); None if it is none."""
    match = _SIZE.fullmatch(token)
    if match is None or len(token) > 30:
        return None
    text, unit = match.groups()
    value = float(text) if "." in text else int(text)
    if not unit:
        return value
    scaled = value * 1024 ** ("kmgt".index(unit[0].lower()) + 1)
    return int(scaled) if scaled == int(scaled) else scaled


def word(token: str, start: int, inner: Inner) -> Node:
    """Make a node of a bare word, which may hold quoted parts, escapes and variables."""
    span = Span(start, start + len(token))
    if not any(c in token for c in "`$\"'"):
        return Literal(span, token, bare=True)
    parts: list[str | Node] = []
    at = 0
    for match in re.finditer(r"""(?<!`)(?:"(?:[^"`]|`[\s\S]|"")*"|'(?:[^']|'')*')""", token):
        parts += _expanded(token, at, match.start(), start, inner)
        if match[0][0] == "'":
            parts.append(single_quoted(match[0]))
        else:
            parts += _expanded(token, match.start() + 1, match.end() - 1, start, inner)
        at = match.end()
    parts += _expanded(token, at, len(token), start, inner)
    return _joined(parts, span, bare=True)


def double_quoted(token: str, start: int, inner: Inner) -> Node:
    """Make a node of a text in double quotes."""
    parts = _expanded(token, 1, len(token) - 1, start, inner)
    return _joined(parts, Span(start, start + len(token)), bare=False)


def quote(text: str) -> str:
    """Give a text as an argument that stands for just it: a bare word where that is plain, else quoted."""
    if _PLAIN.fullmatch(text) and number(text) is None:
        return text
    return "'" + "".join(c * 2 if c in SINGLE_QUOTES else c for c in text) + "'"


def _joined(parts: list[str | Node], span: Span, *, bare: bool) -> Node:
    if all(isinstance(part, str) for part in parts):
        return Literal(span, "".join(str(part) for part in parts), bare)
    return Expandable(span, tuple(parts))


def _expanded(token: str, at: int, end: int, start: int, inner: Inner) -> list[str | Node]:
    """Take a piece of a token apart: escapes are resolved, variables and `$( )` become nodes."""
    parts: list[str | Node] = []
    plain: list[str] = []

    def add(node: Node) -> None:
        if plain:
            parts.append("".join(plain))
            plain.clear()
        parts.append(node)

    while at < end:
        c = token[at]
        if c == "`" and at + 1 < end:
            plain.append(_ESCAPES.get(token[at + 1], token[at + 1]))
            at += 2
        elif c in DOUBLE_QUOTES and at + 1 < end and token[at + 1] in DOUBLE_QUOTES:
            plain.append(token[at + 1])
            at += 2
        elif token.startswith("$(", at):
            closing = _closing(token, at + 2, end, start)
            add(inner(start + at + 2, start + closing))
            at = closing + 1
        elif c == "$" and (match := _VARIABLE.match(token, at, end)):
            add(Variable(Span(start + at, start + match.end()), match[1] or match[2]))
            at = match.end()
        else:
            plain.append(c)
            at += 1
    if plain:
        parts.append("".join(plain))
    return parts


def _closing(token: str, at: int, end: int, start: int) -> int:
    """Find the bracket that closes `$(`. Quotes within it are skipped; they cannot be double ones."""
    depth, first = 1, at
    while at < end:
        c = token[at]
        if c == "'":
            at = token.find("'", at + 1, end)
            if at < 0:
                break
        depth += (c == "(") - (c == ")")
        if not depth:
            return at
        at += 1
    raise ParseError("Missing closing ')' in subexpression.", span=Span(start + first - 2, start + end))
