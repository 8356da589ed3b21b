"""How PowerShell spells things: texts, lists, hash tables, indented lines. Only what its grammar has no doubt about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Final

INDENT: Final = "    "
WIDTH: Final = 116

MADE: Final = "Made by tools/powershell_module.py from the table of cmdlets; do not edit."


def quoted(text: str) -> str:
    """Give a text in single quotes. Typographic quotes end a text too, so all of them are doubled."""
    return "'" + "".join(c * 2 if c in _QUOTES else c for c in text) + "'"


def constant(value: str | bool | int) -> str:
    """Give a value as a literal."""
    if isinstance(value, bool):
        return "$true" if value else "$false"
    return str(value) if isinstance(value, int) else quoted(value)


def array(values: Iterable[str]) -> str:
    """Give an array of texts."""
    return f"@({', '.join(quoted(value) for value in values)})"


def indented(lines: Iterable[str], depth: int = 1) -> list[str]:
    """Move lines to the right; empty ones stay empty."""
    return [INDENT * depth + line if line else "" for line in lines]


def block(head: str, lines: Sequence[str]) -> list[str]:
    """Give `head {`, the lines, `}`."""
    return [f"{head} {{", *indented(lines), "}"]


def table(head: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    """Give a hash table, a row a line; the values are expressions."""
    return [f"{head}@{{", *indented(f"{name} = {value}" for name, value in rows), "}"]


def paragraph(text: str) -> list[str]:
    """Break a text into lines of help."""
    # A line of help that begins with a dot would be taken for a keyword.
    return [line if not line.startswith(".") else f" {line}" for line in wrap(text, WIDTH, break_on_hyphens=False)]


def joined(lines: Iterable[str]) -> str:
    """Give the text of a file."""
    return "\n".join(lines) + "\n"


_QUOTES: Final = "'\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{SINGLE LOW-9 QUOTATION MARK}" + (
    "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}"
)
