"""Tables of texts that fit a width: the first column stays readable, the last ones may be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap as wrap_text
from typing import Final

from rich.cells import cell_len, chop_cells, set_cell_size

_NARROWEST: Final = 10
"""A column of texts is not cut below this, or the length of its label."""

_FIRST_SHARE: Final = 0.6
"""Of the width, what the first column takes at most while there are others; longer values go on in the next line."""


@dataclass(frozen=True)
class Column:
    """A label, and a cell for each row. `whole`: half of a value would mislead, as of a number or a moment.

    `stays`: other columns are left out before this one.
    """

    label: str
    cells: tuple[str, ...]
    to_right: bool = False
    whole: bool = False
    stays: bool = False

    @cached_property
    def natural(self) -> int:
        """The width that everything fits in."""
        return max(cell_len(text) for text in (self.label, *self.cells))

    @cached_property
    def least(self) -> int:
        """The width below which the column is left out."""
        return self.natural if self.whole else min(self.natural, max(_NARROWEST, cell_len(self.label)))


def fitted_table(columns: Sequence[Column], width: int, *, wrap: bool = False, headers: bool = True) -> str:
    """Give a table of at most `width` cells a line, without empty lines around it.

    The first column is never cut: its values go on in the next line if need be. The other columns of texts are cut, or
    wrapped if `wrap`; those at the end for which there is no room are left out, and named below the table, those that
    stay only when no other is left.
    """
    shown = list(columns)
    while len(shown) > 1 and _first_width(shown, width) + sum(column.least + 1 for column in shown[1:]) > width:
        del shown[max((i for i in range(1, len(shown)) if not shown[i].stays), default=len(shown) - 1)]
    widths = _widths(shown, width)
    rows = [[column.cells[i] for column in shown] for i in range(len(shown[0].cells))]
    lines: list[str] = []
    if headers:
        labels = [column.label for column in shown]
        lines += _lines(labels, shown, widths, wrap=False)
        lines += _lines(
            ["-" * min(cell_len(label), widths[i]) for i, label in enumerate(labels)], shown, widths, wrap=False
        )
    for row in rows:
        lines += _lines(row, shown, widths, wrap=wrap)
    if left_out := ", ".join(column.label for column in columns if not any(column is each for each in shown)):
        note = f"(no room for {left_out}; Format-List shows them)"
        lines.append("")
        lines += [piece for line in wrap_text(note, width, break_on_hyphens=False) for piece in _chopped(line, width)]
    return "\n".join(lines)


def _first_width(columns: Sequence[Column], width: int) -> int:
    """Give the width of the first column: all that it wants, as long as that leaves room for others."""
    return min(columns[0].natural, width if len(columns) == 1 else max(1, int(width * _FIRST_SHARE)))


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Share the width: take from the widest of the columns that may be cut until all fit, a blank between two."""
    widths = [_first_width(columns, width), *(column.natural for column in columns[1:])]
    spare = sum(widths) + len(widths) - 1 - width
    while spare > 0:
        above = [i for i in range(1, len(columns)) if widths[i] > columns[i].least]
        if not above:
            break
        widest = max(above, key=lambda i: widths[i])
        following = max([columns[widest].least, *(widths[i] for i in above if widths[i] < widths[widest])])
        take = min(spare, widths[widest] - following)
        widths[widest] -= take
        spare -= take
    if spare < 0 and widths[0] < columns[0].natural:
        widths[0] = min(columns[0].natural, widths[0] - spare)
    return widths


def _lines(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int], *, wrap: bool) -> list[str]:
    pieces = [_chopped(cell, widths[i]) if wrap or i == 0 else [_cut(cell, widths[i])] for i, cell in enumerate(row)]
    lines = []
    for line in range(max(len(parts) for parts in pieces)):
        cells = [parts[line] if line < len(parts) else "" for parts in pieces]
        lines.append(" ".join(_padded(cell, widths[i], columns[i]) for i, cell in enumerate(cells)).rstrip())
    return lines


def _chopped(text: str, width: int) -> list[str]:
    return chop_cells(text, width) if cell_len(text) > width else [text]


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 3)) + "." * min(3, width)


def _padded(text: str, width: int, column: Column) -> str:
    return " " * (width - cell_len(text)) + text if column.to_right else set_cell_size(text, width)
