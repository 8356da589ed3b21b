"""What is shown while a batch runs: a live table in a terminal, plain lines elsewhere, JSON, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from mailferry.cli import wording
from mailferry.cli.jsonlines import JsonLines
from mailferry.migration.model import User
from mailferry.migration.states import UserStatus
from mailferry.migration.statistics import user_percentage
from mailferry.service.views import BatchView

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

LINE_SECONDS = 10.0
MOST_ROWS = 15


class Display(Protocol):
    """Shows a batch; a context manager."""

    def __enter__(self) -> Display:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        ...

    def note(self, text: str) -> None:
        """Say something to the user, at once."""
        ...

    def changed(self, user: User, text: str) -> None:
        """A user has another status, or ended a pass; `text` tells of it, '' if it is not worth a line."""
        ...

    def show(self, view: BatchView, running: Sequence[User]) -> None:
        """Show where the batch stands."""
        ...


class Quiet:
    """Shows nothing."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def note(self, text: str) -> None:
        """Pass it over."""

    def changed(self, user: User, text: str) -> None:
        """Pass it over."""

    def show(self, view: BatchView, running: Sequence[User]) -> None:
        """Pass it over."""


class Json(Quiet):
    """One JSON object a line on standard output."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines

    def note(self, text: str) -> None:
        """Write it."""
        self._lines.write("note", {"text": text})

    def changed(self, user: User, text: str) -> None:
        """Write it."""
        fields: dict[str, object] = {"user": user.email_address, "status": user.status.value}
        fields |= {"items_synced": user.progress.synced, "items_found": user.progress.found}
        if user.failure:
            fields |= {"code": user.failure.code, "error": user.failure.text, "advice": user.failure.advice}
        self._lines.write("user", fields)

    def show(self, view: BatchView, running: Sequence[User]) -> None:
        """Write the counts."""
        self._lines.write("progress", as_fields(view))


class Lines(Quiet):
    """Plain lines on standard error: for logs, cron and pipes."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write or _to_stderr
        self._shown_at = time.monotonic()

    def note(self, text: str) -> None:
        """Write it."""
        self._write(text)

    def changed(self, user: User, text: str) -> None:
        """Write it if it is news."""
        if text:
            self._write(text)

    def show(self, view: BatchView, running: Sequence[User]) -> None:
        """Write a line every few seconds."""
        now = time.monotonic()
        if now - self._shown_at >= LINE_SECONDS:
            self._shown_at = now
            self._write(line(view))


class Live(Quiet):
    """A table that is redrawn in place on standard error, and gone at the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as Picture

        self._console = Console(stderr=True, highlight=False)
        self._picture = Picture(console=self._console, auto_refresh=False, transient=True)
        self._begun = time.monotonic()

    def __enter__(self) -> Live:
        self._picture.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._picture.stop()

    def note(self, text: str) -> None:
        """Write it above the table."""
        self._console.print(text, markup=False)

    def changed(self, user: User, text: str) -> None:
        """Write failures above the table; the rest is in it."""
        if text and user.failure and user.status is not UserStatus.QUEUED:
            self.note(text)

    def show(self, view: BatchView, running: Sequence[User]) -> None:
        """Draw."""
        rows = max(3, min(MOST_ROWS, self._console.height - 6))
        self._picture.update(draw(view, running, time.monotonic() - self._begun, rows), refresh=True)


def choose(*, json: JsonLines | None, quiet: bool) -> Display:
    """Choose by what the user asked for and by what standard error is."""
    if json is not None:
        return Json(json)
    if quiet:
        return Quiet()
    return Live() if sys.stderr.isatty() else Lines()


def line(view: BatchView) -> str:
    """Give the counts in one line."""
    parts = [
        f"{view.batch.status}: {view.synced + view.finalized} of {wording.plural(view.total, 'mailbox', 'mailboxes')}",
        f"{view.percentage} %",
        f"{wording.number(view.items_synced)} of {wording.plural(view.items_found, 'message')}",
        wording.size(view.bytes_synced),
    ]
    for count, text in ((view.active, "at work"), (view.failed, "failed"), (view.stopped, "stopped")):
        if count:
            parts.append(f"{wording.number(count)} {text}")
    return ", ".join(parts)


def as_fields(view: BatchView) -> dict[str, object]:
    """Give the counts for JSON."""
    return {
        "batch": view.batch.name,
        "status": view.batch.status.value,
        "total": view.total,
        **{summary.value.lower(): count for summary, count in view.by_summary.items()},
        "percentage": view.percentage,
        "content_filter": view.batch.content_filter,
        "items_found": view.items_found,
        "items_synced": view.items_synced,
        "items_skipped": view.items_skipped,
        "bytes_synced": view.bytes_synced,
        "row_errors": view.row_errors,
    }


def draw(view: BatchView, running: Sequence[User], seconds: float, rows: int) -> RenderableType:
    """Give the table: the batch, at most `rows` mailboxes that are at work, the sums."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Table.grid(padding=(0, 1))
    for _ in range(3):
        head.add_column(no_wrap=True, overflow="ellipsis")
    done = view.synced + view.finalized
    head.add_row(
        Text(view.batch.status.value, style="bold"),
        ProgressBar(100, view.percentage, width=30),
        f"{view.percentage} %  {done} of {wording.plural(view.total, 'mailbox', 'mailboxes')}",
    )
    table = Table.grid(padding=(0, 2))
    for place in range(5):  # where it is too narrow, only columns that may be wrapped give way: names, not numbers
        table.add_column(no_wrap=place >= 2, justify="left" if place < 2 else "right")
    for user in running[:rows]:
        progress = user.progress
        table.add_row(
            _name(user.email_address),
            _name(progress.folder or progress.phase, "dim"),
            f"{user_percentage(user)} %",
            f"{wording.number(progress.synced)} of {wording.number(progress.found)}",
            f"{wording.size(user.bytes_per_minute / 60)}/s" if user.bytes_per_minute else "",
        )
    parts = [f"{wording.number(view.items_synced)} messages", wording.size(view.bytes_synced)]
    waiting = view.active - len(running)
    for count, text in ((waiting, "waiting"), (view.failed, "failed"), (view.stopped, "stopped")):
        if count > 0:
            parts.append(f"{wording.number(count)} {text}")
    parts.append(wording.duration(seconds))
    more = len(running) - rows
    if more > 0:
        parts.insert(0, f"and {more} more at work")
    return Group(head, table, Text(" · ".join(parts), style="dim", no_wrap=True, overflow="ellipsis"))


def _name(text: str, style: str = "") -> Text:
    """Give a cell on one line, which ends in dots where there is no room."""
    from rich.text import Text

    return Text(wording.printable(text), style, no_wrap=True, overflow="ellipsis")


def _to_stderr(text: str) -> None:
    with suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)
