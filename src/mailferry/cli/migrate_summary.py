"""What a batch came to: the summary, the CSV to fix and submit again, the exit code."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailferry.cli import exitcodes, wording
from mailferry.cli.jsonlines import JsonLines
from mailferry.cli.migrate_display import as_fields
from mailferry.cli.migrate_request import MigrateRequest
from mailferry.errors import BadUsage
from mailferry.migration.failures import FailedRow, failures_csv
from mailferry.migration.model import User
from mailferry.service.views import BatchView, RowErrorView

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended. `stopped_by`: a signal, 0 for none."""

    view: BatchView
    failed: Sequence[User]
    row_errors: Sequence[RowErrorView]
    seconds: float
    stopped_by: int

    @property
    def exit_code(self) -> int:
        """What the process tells its caller; the worst news wins."""
        if self.stopped_by:
            return exitcodes.SIGNAL_BASE + self.stopped_by
        if self.failed or self.row_errors or self.view.stopped:
            return exitcodes.MAILBOXES_FAILED
        return exitcodes.SKIPPED if self.view.items_skipped else exitcodes.COMPLETE


def tell(request: MigrateRequest, result: Result, json: JsonLines | None) -> None:
    """Print the summary and write the CSV of failures, if there are any. Raises BadUsage if that cannot be written."""
    written = _write_failures(request, result)
    if json is not None:
        failures = str(request.failures) if written else None
        json.write("finished", {**as_fields(result.view), "exit_code": result.exit_code, "failures": failures})
    elif not (request.quiet and result.exit_code == exitcodes.COMPLETE):
        _print(request, result, written)


def _write_failures(request: MigrateRequest, result: Result) -> int:
    """Write the rows that were not migrated as they were given, with the reason; passwords too, for the owner alone."""
    file = request.csv
    reasons = {user.email_address.casefold(): f"{user.failure.text} {user.failure.advice}" for user in result.failed}
    refused = {error.line: error.message for error in result.row_errors}
    bad = [(error.line, FailedRow.of(error)) for error in file.row_errors]
    for row in file.rows:
        reason = refused.get(row.line) or reasons.get(row.email_address.casefold())
        if reason:
            bad.append((row.line, FailedRow(file.cells(row), reason.strip())))
    if not bad:
        return 0
    text = failures_csv(file.columns, [row for _, row in sorted(bad, key=lambda entry: entry[0])], with_passwords=True)
    _write(request.failures, text)
    return len(bad)


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
    except OSError as error:
        raise BadUsage(f"The failures {path} cannot be written: {error.strerror}.") from None


def _print(request: MigrateRequest, result: Result, written: int) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    view = result.view
    console = Console(highlight=False)
    console.width = min(console.width, 120) if console.is_terminal else 100

    def line(text: str, style: str = "") -> None:
        console.print(Padding(Text(text, style), (0, 0, 0, 2), expand=False))

    console.print()
    line(*_headline(result))
    line(f"{view.batch.source_endpoint} → {view.batch.target_endpoint}", "dim")
    console.print()
    table = Table.grid(padding=(0, 0, 0, 2), expand=False)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    for name, value, always in (
        ("Mailboxes", wording.number(view.total), True),
        ("Synced", wording.number(view.synced + view.finalized), True),
        ("Not yet", wording.number(view.active), view.active > 0),
        ("Failed", wording.number(view.failed), view.failed > 0),
        ("Stopped", wording.number(view.stopped), view.stopped > 0),
        ("Rows of the CSV left out", wording.number(len(result.row_errors)), bool(result.row_errors)),
        ("Messages found", wording.number(view.items_found), True),
        ("Messages on the target", wording.number(view.items_synced), True),
        ("Messages not copied", wording.number(view.items_skipped), view.items_skipped > 0),
        ("Data", wording.size(view.bytes_synced), True),
        ("Data consistency", view.consistency, bool(view.consistency)),
        ("Time", wording.duration(result.seconds), True),
    ):
        if always:
            table.add_row(name, value)
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    reasons = [(f"line {error.line}", error.message) for error in result.row_errors]
    reasons += [(user.email_address, f"{user.failure.text} {user.failure.advice}") for user in result.failed]
    if reasons:
        console.print()
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
        grid.add_column(overflow="fold")
        for who, why in reasons[:SHOWN]:
            grid.add_row(Text(wording.printable(who)), Text(wording.printable(why), "red"))
        console.print(Padding(grid, (0, 0, 0, 2), expand=False))
        if len(reasons) > SHOWN:
            line(f"and {wording.number(len(reasons) - SHOWN)} more", "dim")
    console.print()
    for text in _next_steps(request, result, written):
        line(text)
    console.print()


def _headline(result: Result) -> tuple[str, str]:
    view = result.view
    if result.stopped_by:
        return "Stopped; run the same command again to go on from here", "bold yellow"
    if result.exit_code == exitcodes.COMPLETE:
        return "Synced: every message of every mailbox is on the target", "bold green"
    if result.exit_code == exitcodes.SKIPPED:
        return "Synced, but some messages were not copied", "bold yellow"
    lost = view.failed + view.stopped + len(result.row_errors)
    return f"{wording.plural(lost, 'mailbox', 'mailboxes')} not migrated", "bold red"


def _next_steps(request: MigrateRequest, result: Result, written: int) -> list[str]:
    data = "" if str(request.data) == "mailferry-data" else f" --data {shlex.quote(str(request.data))}"
    steps = []
    if written:
        again = f"mailferry migrate {shlex.quote(str(request.failures))} --name {shlex.quote(request.batch)} ..."
        steps.append(f"To fix and submit again: {request.failures} (it holds the passwords of these rows), with")
        steps.append(f"  {again}")
    if result.view.items_skipped:
        steps.append("The messages that were not copied: mailferry serve, then the report of each user.")
    steps.append(f"Again, for new mail: the same command. Every day by itself: --watch, or mailferry serve{data}.")
    return steps
