"""What a batch came to: the summary, the CSV to fix and submit again, the exit code."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from mailferry.cli import exitcodes, wording
from mailferry.cli.jsonlines import JsonLines
from mailferry.cli.migrate_display import as_fields
from mailferry.cli.migrate_request import MigrateRequest
from mailferry.cli.service_arguments import DEFAULT_DATA
from mailferry.errors import BadUsage
from mailferry.migration.failures import FailedRow, failures_csv
from mailferry.migration.model import User
from mailferry.service.passresults import received_range
from mailferry.service.views import BatchView, RowErrorView

SHOWN = 20
WIDEST = 120
LONGEST_NAME = 40
MARGIN = "  "


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended. `stopped_by`: a signal, 0 for none. `had`: messages of earlier runs, None if this was the first."""

    view: BatchView
    failed: Sequence[User]
    row_errors: Sequence[RowErrorView]
    seconds: float
    stopped_by: int = 0
    had: int | None = None

    @property
    def new_messages(self) -> int:
        """How many came to the target in this run."""
        return max(0, self.view.items_synced - (self.had or 0))

    @property
    def is_all_synced(self) -> bool:
        """True if every mailbox is."""
        return self.view.synced + self.view.finalized == self.view.total

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
        more = {"new_messages": result.new_messages, "exit_code": result.exit_code, "failures": failures}
        json.write("finished", {**as_fields(result.view), **more})
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
    from rich.text import Text

    batch = result.view.batch
    console = Console(highlight=False)
    width = min(console.width, WIDEST) - len(MARGIN) if console.is_terminal else 0

    def line(text: str = "", style: str = "") -> None:
        # Lines are cut in this module and nowhere else: a pipe gets each as one, and a command can be copied as one.
        console.print(Text(f"{MARGIN}{text}" if text else "", style), soft_wrap=True)

    def prose(text: str, style: str = "") -> None:
        for part in textwrap.wrap(text, width, break_on_hyphens=False) if width else [text]:
            line(part, style)

    line()
    prose(*_headline(result))
    prose(f"{batch.source_endpoint} → {batch.target_endpoint}", "dim")
    line()
    rows = _figures(result)
    names, values = (max(len(row[place]) for row in rows) for place in (0, 1))
    for name, value in rows:
        line(f"{name:<{names}}  {value:>{values}}")
    reasons = _reasons(result)
    if reasons:
        line()
        longest = min(LONGEST_NAME, max(len(who) for who, _ in reasons[:SHOWN]))
        for who, why in reasons[:SHOWN]:
            for first, text in _beside(who, why, longest, width):
                console.print(MARGIN, Text(first), Text(text, "red"), sep="", soft_wrap=True, end="\n")
        if len(reasons) > SHOWN:
            line(f"and {wording.number(len(reasons) - SHOWN)} more", "dim")
    line()
    for text in _next_steps(request, result, written):
        (line if text.startswith(MARGIN) else prose)(text)
    line()


def _figures(result: Result) -> list[tuple[str, str]]:
    view, number = result.view, wording.number
    consistency = view.consistency if result.is_all_synced else f"{view.consistency} so far"
    return [
        (name, value)
        for name, value, shown in (
            ("Mailboxes", number(view.total), True),
            ("Synced", number(view.synced + view.finalized), view.total > 0),
            ("Not yet", number(view.active), view.active > 0),
            ("Failed", number(view.failed), view.failed > 0),
            ("Stopped", number(view.stopped), view.stopped > 0),
            ("Rows of the CSV left out", number(len(result.row_errors)), bool(result.row_errors)),
            ("Only mail received", str(received_range(view.batch)), not received_range(view.batch).is_open),
            ("Messages found", number(view.items_found), view.total > 0),
            ("Messages on the target", number(view.items_synced), view.total > 0),
            ("New messages", number(result.new_messages), result.had is not None),
            ("Messages not copied", number(view.items_skipped), view.items_skipped > 0),
            ("Data", wording.size(view.bytes_synced), view.total > 0),
            ("Data consistency", consistency, bool(view.consistency)),
            ("Time", wording.duration(result.seconds), True),
        )
        if shown
    ]


def _reasons(result: Result) -> list[tuple[str, str]]:
    found = [(f"line {error.line}", error.message) for error in result.row_errors]
    found += [(user.email_address, f"{user.failure.text} {user.failure.advice}") for user in result.failed]
    return [(wording.printable(who), wording.printable(why)) for who, why in found]


def _beside(who: str, why: str, longest: int, width: int) -> list[tuple[str, str]]:
    """Put a name, cut if it is too long, beside a text in as many lines as it needs; `width` 0: in one line."""
    if not width:
        return [(f"{who}: ", why)]
    name = who if len(who) <= longest else f"{who[: longest - 1]}…"
    texts = textwrap.wrap(why, max(20, width - longest - 2)) or [""]
    return [(f"{first:<{longest}}  ", text) for first, text in zip_longest([name], texts, fillvalue="")]


def _headline(result: Result) -> tuple[str, str]:
    view = result.view
    if result.stopped_by:
        return "Stopped; run the same command again to go on from here", "bold yellow"
    if result.exit_code == exitcodes.COMPLETE:
        whole = received_range(view.batch).is_open
        return f"Synced: every message of {'every mailbox' if whole else 'the range'} is on the target", "bold green"
    if result.exit_code == exitcodes.SKIPPED:
        return "Synced, but some messages were not copied", "bold yellow"
    lost = [
        f"{wording.plural(count, 'mailbox', 'mailboxes')} {word}"
        for count, word in ((view.failed, "failed"), (view.stopped, "stopped"))
        if count
    ]
    if result.row_errors:
        lost.append(f"{wording.plural(len(result.row_errors), 'row')} of the CSV left out")
    return ", ".join(lost), "bold red"


def _next_steps(request: MigrateRequest, result: Result, written: int) -> list[str]:
    """Say what can be done now; a command stands on an indented line."""
    data = "" if str(request.data) == DEFAULT_DATA else f" --data {shlex.quote(str(request.data))}"
    steps = []
    if not result.view.total:
        steps.append(f"Nothing was begun. The rows with their reasons: {request.failures} (it holds their passwords).")
    elif written:
        steps.append(f"To fix and submit again: {request.failures} (it holds the passwords of these rows), with")
        steps.append(f"{MARGIN}{request.resubmission}")
    if result.view.items_skipped:
        steps.append(f"The messages that were not copied: mailferry serve{data}, then the report of each user.")
    if result.view.total:
        steps.append(f"Again, for new mail: the same command. Every day by itself: --watch, or mailferry serve{data}.")
    return steps
