"""Lists and tables of objects, in the width of the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from rich.cells import cell_len, chop_cells, set_cell_size

from mailferry.cmdlets.errors import printable
from mailferry.cmdlets.format import is_number, value_text
from mailferry.cmdlets.layout_table import Column, fitted_table
from mailferry.cmdlets.records import Lines, Record
from mailferry.cmdlets.spec_model import ObjectKind
from mailferry.cmdlets.spec_objects import OBJECT_KINDS

MOST_COLUMNS: Final = 4
"""Objects of no special kind with more properties than this are shown as lists."""

_STATE: Final = "status"
"""The property that tables are mostly read for, and whose values differ only at their ends."""

LONG_LIST: Final = 10_000


@dataclass(frozen=True, slots=True)
class View:
    """Objects that are to be shown in a certain way; what Format-List and Format-Table give.

    `names`: the properties; None: the usual ones.
    """

    objects: tuple[object, ...]
    as_table: bool
    names: tuple[str, ...] | None = None
    wrap: bool = False
    headers: bool = True


def show(objects: Iterable[object], width: int) -> str:
    """Give what a console shows of objects: '' for nothing. Neighbours of one kind share a table."""
    blocks = [_block(key, list(group), width) for key, group in groupby(objects, key=_kind_of)]
    return "\n".join(block for block in blocks if block is not None)


def _kind_of(item: object) -> tuple[str, str]:
    if isinstance(item, View):
        return ("view", str(id(item)))
    if isinstance(item, Record):
        return ("record", item.kind or "/".join(item.names))
    return ("text", "")


def _block(key: tuple[str, str], items: Sequence[object], width: int) -> str | None:
    if key[0] == "view":
        view = items[0]
        assert isinstance(view, View)
        return _view(view, width)
    if key[0] == "text":
        # A text of several lines stays as it is; None is an empty result and shows nothing.
        return (
            "\n".join(_plain(item) for item in items if item is not None) if any(i is not None for i in items) else None
        )
    records = [item for item in items if isinstance(item, Record)]
    columns = _usual_columns(records[0])
    if columns is None:
        return list_text(records, None, width)
    return table_text(records, columns, width)


def _plain(item: object) -> str:
    return printable(item) if isinstance(item, str) else value_text(item)


def _view(view: View, width: int) -> str:
    if not view.objects:
        return ""
    records = [item for item in view.objects if isinstance(item, Record)]
    if len(records) < len(view.objects):
        return "\n".join(_plain(item) for item in view.objects)
    if not view.as_table:
        return list_text(records, view.names, width)
    if view.names is None:
        columns = _usual_columns(records[0]) or [(name, name) for name in records[0].names]
    else:
        columns = [(name, name) for name in selected(records[0], view.names)]
    return table_text(records, columns, width, wrap=view.wrap, headers=view.headers)


def selected(record: Record, patterns: Sequence[str]) -> list[str]:
    """Give the properties that patterns name, each once; a plain name stands also for a property that is not there."""
    names: list[str] = []
    for pattern in patterns:
        found = record.matching(pattern)
        if not found and not any(c in pattern for c in "*?["):
            found = (pattern,)
        names += [name for name in found if name not in names]
    return names


def list_text(records: Sequence[Record], patterns: Sequence[str] | None, width: int) -> str:
    """Give objects as lists, `Name : value`, the names of each aligned. What an object does not have is left out."""
    blocks = []
    for record in records:
        names = list(record.names) if patterns is None else [n for n in selected(record, patterns) if n in record]
        if not names:
            continue
        longest = max(cell_len(name) for name in names)
        lines = [line for name in names for line in _list_lines(record, name, longest, width)]
        blocks.append("\n".join(lines))
    return "\n" + "\n\n".join(blocks) + "\n" if blocks else ""


def _list_lines(record: Record, name: str, longest: int, width: int) -> list[str]:
    value = record.get(name)
    if isinstance(value, Lines):
        texts = [value_text(item) for item in value] or [value_text([])]
    else:
        texts = [value_text(value, LONG_LIST) if value is not None else _missing(record, name)]
    room = max(20, width - longest - 3)
    pieces = [piece for text in texts for piece in _broken(text, room)]
    head = set_cell_size(printable(name), longest)
    return [f"{head} : {pieces[0]}".rstrip(), *((" " * (longest + 3) + piece).rstrip() for piece in pieces[1:])]


def _broken(text: str, room: int) -> list[str]:
    """Break a text into lines, between words where there are any that fit."""
    lines: list[str] = []
    while cell_len(text) > room:
        first = chop_cells(text, room)[0]
        at = len(first) if text[len(first) : len(first) + 1] == " " else first.rfind(" ")
        if at * 2 < len(first):  # a long word: a hole at the end of the line would be worse than a cut
            at = len(first)
        lines.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*lines, text] if text or not lines else lines


def table_text(
    records: Sequence[Record],
    columns: Sequence[tuple[str, str]],
    width: int,
    *,
    wrap: bool = False,
    headers: bool = True,
) -> str:
    """Give objects as a table of columns (label, property) that fits the width."""
    if not columns:
        return ""
    made = [_column(records, label, name) for label, name in columns]
    return "\n" + fitted_table(made, width, wrap=wrap, headers=headers) + "\n"


def _column(records: Sequence[Record], label: str, name: str) -> Column:
    values = [record.get(name) for record in records]
    there = [value for value in values if value is not None]
    cells = tuple(value_text(record.get(name)) or _missing(record, name) for record in records)
    numbers = bool(there) and all(is_number(value) for value in there)
    state = name.lower() == _STATE
    whole = state or numbers or (bool(there) and all(isinstance(value, (datetime, timedelta)) for value in there))
    return Column(printable(label), cells, to_right=numbers, whole=whole, stays=state)


def _usual_columns(record: Record) -> Sequence[tuple[str, str]] | None:
    kind = _kind(record)
    if kind is not None and kind.properties:
        return kind.columns or None
    return [(name, name) for name in record.names] if len(record.names) <= MOST_COLUMNS else None


def _missing(record: Record, name: str) -> str:
    kind = _kind(record)
    found = next((p for p in kind.properties if p.name.lower() == name.lower()), None) if kind is not None else None
    return found.missing if found is not None and record.get(name) is None else ""


def _kind(record: Record) -> ObjectKind | None:
    return next((kind for kind in OBJECT_KINDS if kind.name == record.kind), None) if record.kind else None
