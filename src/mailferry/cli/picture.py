"""The live picture in a terminal: one bar and one line, whatever the number of folders."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mailferry.cli import wording
from mailferry.cli.meter import Reading

_BAR_CELLS = 30


def draw(reading: Reading, seconds: float) -> RenderableType:
    """Draw the counts. `seconds` since the beginning."""
    if not reading.folders:
        return Text(f"{reading.phase.capitalize()} ... {wording.duration(seconds)}", style="dim")
    return Group(_bar(reading), _details(reading, seconds))


def _bar(reading: Reading) -> RenderableType:
    total = max(reading.total, 1)
    share = 100 * reading.done // total if reading.total else 100
    row = Table.grid(padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(width=_BAR_CELLS)
    row.add_column(no_wrap=True, justify="right", width=5)
    row.add_column(no_wrap=True, overflow="ellipsis")
    done = f"{wording.number(reading.done)} of {wording.plural(reading.total, 'message')}"
    bar = ProgressBar(total, reading.done if reading.total else 1, width=_BAR_CELLS)
    row.add_row(Text(reading.phase.capitalize(), style="bold"), bar, f"{share} %", done)
    return row


def _details(reading: Reading, seconds: float) -> RenderableType:
    parts = [f"{wording.number(reading.folders_done)} of {wording.plural(reading.folders, 'folder')}"]
    if reading.size_bytes:
        parts.append(wording.size(reading.size_bytes))
    if reading.messages_per_second >= 0.5:
        parts.append(f"{reading.messages_per_second:,.0f} messages/s")
        parts.append(f"{wording.size(reading.bytes_per_second)}/s")
    if reading.left_seconds is not None:
        parts.append(f"{wording.duration(reading.left_seconds)} left")
    else:
        parts.append(wording.duration(seconds))
    if reading.current:
        parts.append(wording.printable(reading.current))
    return Text(" · ".join(parts), style="dim", no_wrap=True, overflow="ellipsis")
