"""The closing summary of a pass, for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mailferry.cli import closing, wording
from mailferry.cli.ending import Ending, Message
from mailferry.cli.jsonlines import moment
from mailferry.sync.ledger import ExceptionKind

SHOWN = 20
"""Lines of a table; the report has all."""

_CHANGES = {
    ExceptionKind.REPAIRED: "repaired, since the target refused the message as it was",
    ExceptionKind.LOST_KEYWORD: "keywords that the target cannot store",
    ExceptionKind.DATE_REPLACED: "dates replaced, since no server can store them",
    ExceptionKind.DUPLICATE_AFTER_CRASH: "copies too many, after a connection broke",
    ExceptionKind.MERGED: "merged by the target with a message of the same content",
}


class Summary:
    """Prints an ending. `command` is what the user typed, for the advice."""

    def __init__(self, console: Console, ending: Ending, *, source: str, target: str, report: str) -> None:
        self._console = console
        self._ending = ending
        self._source = source
        self._target = target
        self._report = report

    def print(self) -> None:
        """Print all of it."""
        self._heading()
        self._counts()
        self._skipped()
        self._failed()
        self._changed()
        self._left_out()
        self._list("Warnings", self._ending.warnings)
        self._next()

    def _line(self, text: str | Text = "", style: str = "") -> None:
        self._console.print(Padding(text if isinstance(text, Text) else Text(text, style), (0, 0, 0, 2), expand=False))

    def _title(self, title: str, style: str = "bold") -> None:
        self._console.print()
        self._line(title, style)

    def _heading(self) -> None:
        text, colour = closing.headline(self._ending)
        self._console.print()
        self._line(text, f"bold {colour}")
        self._line(
            Text.assemble((wording.printable(self._source), ""), (" → ", "dim"), wording.printable(self._target))
        )
        self._console.print()

    def _counts(self) -> None:
        table = Table.grid(padding=(0, 0, 0, 2), expand=False)
        table.add_column()
        table.add_column(justify="right", no_wrap=True)
        table.add_column(style="dim")
        for name, value, note in closing.counts(self._ending):
            style = "yellow" if name == "Skipped" and value else ""
            table.add_row(Text(name, style), Text(wording.number(value), style), note)
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def _skipped(self) -> None:
        skipped = self._ending.skipped
        if not skipped:
            return
        self._title(f"{wording.plural(len(skipped), 'message')} skipped", "bold yellow")
        wide = self._console.width >= 100
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
        table.add_column("Folder", overflow="fold", min_width=8, max_width=28 if wide else 16)
        table.add_column("UID", justify="right", no_wrap=True)
        table.add_column("Date", no_wrap=True)
        table.add_column("Size", justify="right", no_wrap=True)
        table.add_column("Subject", overflow="ellipsis", no_wrap=True, max_width=32 if wide else 17)
        table.add_column("Reason", overflow="fold", min_width=16)
        for message in skipped[:SHOWN]:
            table.add_row(*_cells(message))
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))
        self._more(len(skipped))

    def _failed(self) -> None:
        failed = self._ending.failed_folders
        lines = [f"{wording.printable(name)}: {wording.printable(why)}" for name, why in sorted(failed.items())]
        self._list(f"{wording.plural(len(failed), 'folder')} failed", lines, "bold red")

    def _changed(self) -> None:
        counts = Counter(str(message.row.kind) for message in self._ending.changed)
        lines = [f"{wording.number(count)} {_CHANGES.get(ExceptionKind(kind), kind)}" for kind, count in counts.items()]
        self._list("Not just as on the source", lines)

    def _left_out(self) -> None:
        lines = closing.left_out(self._ending)
        self._list(f"{wording.plural(len(lines), 'folder')} left out", lines)

    def _list(self, title: str, lines: Sequence[str], style: str = "bold") -> None:
        if not lines:
            return
        self._title(title, style)
        table = Table.grid(padding=(0, 1))
        table.add_column()
        table.add_column(overflow="fold")
        for text in lines[:SHOWN]:
            table.add_row("-", Text(wording.printable(text)))
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))
        self._more(len(lines))

    def _more(self, count: int) -> None:
        if count > SHOWN:
            where = f"see {self._report}" if self._report else "--report FILE lists all of them"
            self._line(f"and {wording.number(count - SHOWN)} more: {where}", "dim")

    def _next(self) -> None:
        self._console.print()
        for text in closing.advice(self._ending, self._report):
            self._line(text)
        self._console.print()


def _cells(message: Message) -> tuple[Text, ...]:
    row = message.row
    date = moment(row.date)
    texts = (
        wording.printable(message.folder),
        str(row.uid) if row.uid else "",
        date[:10] if date else "",
        wording.size(row.size_bytes) if row.size_bytes else "",
        wording.printable(row.subject),
        reason(message),
    )
    return tuple(Text(text) for text in texts)


def reason(message: Message) -> str:
    """Give the reason for a table: the server's words, or ours."""
    row = message.row
    text = wording.printable(row.server_text) or row.code
    if row.code == "too-large" and (limit := re.search(r"(\d+)\D*$", text)):  # the words are ours
        return f"larger than {wording.size(int(limit[1]))}"
    code = row.code.upper() if row.code.isupper() else ""
    return f"[{code}] {text}" if code and code not in text.upper() else text


def print_summary(ending: Ending, *, source: str, target: str, report: str, console: Console | None = None) -> None:
    """Print the summary to standard output, as wide as the terminal, at most 120 columns."""
    if console is None:
        console = Console(highlight=False, soft_wrap=False)
        console.width = min(console.width, 120) if console.is_terminal else 100
    Summary(console, ending, source=source, target=target, report=report).print()
