"""The text of a report by mail: what became of a batch, who must do what, and where to look."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailferry.migration.model import Batch, Progress, User
from mailferry.migration.report import moment, one_line, size
from mailferry.migration.states import Counts, StatusSummary

ERRORS_FILE: Final = "MigrationErrors.csv"
STATISTICS_FILE: Final = "MigrationStatistics.csv"
MOST_NAMED: Final = 50
"""Failed users, and rows that were left out, that the text names; the attached file has all of them."""

_IN_WORDS: Final = {
    StatusSummary.ACTIVE: "at work",
    StatusSummary.SYNCED: "synced",
    StatusSummary.COMPLETED: "completed",
    StatusSummary.STOPPED: "stopped",
    StatusSummary.FAILED: "failed",
}


class Occasion(StrEnum):
    """Why a mail is sent, in the words of its subject."""

    ENDED = "has finished"  # its initial sync
    COMPLETED = "has been completed"
    AT_WORK = "is syncing"
    FOLLOWING = "is synced"


@dataclass(frozen=True, slots=True)
class MailFacts:
    """All that a mail tells. `totals` adds up the users; `failed` and `left_out` (line of the CSV, reason) are the
    first `MOST_NAMED`, of `row_errors` rows in all; `too_large`: files that are not attached for that reason; `url`:
    the service, '' if it is not known.
    """

    batch: Batch
    occasion: Occasion
    counts: Counts
    totals: Progress
    percentage: int
    consistency: str
    row_errors: int
    failed: Sequence[User] = ()
    left_out: Sequence[tuple[int, str]] = ()
    attached: Sequence[str] = ()
    too_large: Sequence[str] = ()
    url: str = ""

    @property
    def failures(self) -> int:
        """Users who failed."""
        return self.counts.of(StatusSummary.FAILED)

    @property
    def has_errors(self) -> bool:
        """True if somebody has something to mend."""
        return bool(self.failures or self.row_errors)

    @property
    def figures(self) -> str:
        """What changes when there is something new to tell."""
        by_status = [f"{status.value}={number}" for status, number in sorted(self.counts.by_status.items())]
        totals = (self.totals.synced, self.totals.skipped, self.percentage, self.row_errors, self.consistency)
        return " ".join([*by_status, *map(str, totals)])


def subject(facts: MailFacts) -> str:
    """Give the subject, such as `E-mail migration batch "First floor" has finished - with errors`."""
    errors = " - with errors" if facts.has_errors else ""
    return f'E-mail migration batch "{one_line(facts.batch.name)}" {facts.occasion}{errors}'


def text(facts: MailFacts) -> str:
    """Give the whole text, plain, lines ended by a line feed."""
    parts = [[subject(facts)], list(_table(facts)), list(_failed(facts)), list(_left_out(facts))]
    parts += [list(_what_to_do(facts)), list(_files(facts)), list(_where(facts))]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _table(facts: MailFacts) -> Iterator[str]:
    batch, totals = facts.batch, facts.totals
    groups = [(words, facts.counts.of(summary)) for summary, words in _IN_WORDS.items()]
    by_group = ", ".join(f"{number:,} {words}" for words, number in groups if number)
    rows = [
        ("Status", batch.status.value),
        ("Mailboxes", f"{facts.counts.total:,}: {by_group}" if by_group else "none"),
        ("Done", f"{facts.percentage} %"),
        ("Messages", f"{totals.synced:,} of {totals.found:,} synced, {totals.skipped:,} not copied"),
        ("Data", size(totals.bytes_synced)),
        ("Data consistency", facts.consistency or "not known yet"),
        ("Rows left out", f"{facts.row_errors:,}" if facts.row_errors else ""),
        ("Started", moment(batch.started_at)),
        ("Initial sync ended", moment(batch.initial_synced_at)),
        ("Last synced", moment(batch.last_synced_at)),
        ("Completed", moment(batch.finalized_at)),
    ]
    width = max(len(name) for name, _ in rows)
    return (f"{name:<{width}}  {one_line(value)}" for name, value in rows if value)


def _failed(facts: MailFacts) -> Iterator[str]:
    if not facts.failures:
        return
    yield "Failed mailboxes"
    for user in facts.failed[:MOST_NAMED]:
        side = f" ({user.failure.side})" if user.failure.side else ""
        yield f"  {one_line(user.email_address)}: {one_line(user.failure.text) or 'The reason is not known.'}{side}"
        if user.failure.advice:
            yield f"    {one_line(user.failure.advice)}"
    yield from _more(facts.failures - len(facts.failed[:MOST_NAMED]))


def _left_out(facts: MailFacts) -> Iterator[str]:
    if not facts.row_errors:
        return
    yield "Rows of the CSV file that were left out"
    for line, reason in facts.left_out[:MOST_NAMED]:
        yield f"  line {line}: {one_line(reason)}"
    yield from _more(facts.row_errors - len(facts.left_out[:MOST_NAMED]))


def _more(number: int) -> Iterator[str]:
    if number > 0:
        yield f"  and {number:,} more"


def _what_to_do(facts: MailFacts) -> Iterator[str]:
    if facts.has_errors:
        yield "What to do"
        yield f"  Mend the rows of {ERRORS_FILE} and write their passwords, which are blank in it; then add the"
        yield "  file to the batch and start the batch again."


def _files(facts: MailFacts) -> Iterator[str]:
    if facts.attached:
        yield f"Attached: {', '.join(facts.attached)}"
    if facts.too_large:
        yield f"Too large for a mail: {', '.join(facts.too_large)}. Export-MigrationReport writes them."


def _where(facts: MailFacts) -> Iterator[str]:
    name = one_line(facts.batch.name)
    quoted = "'" + name.replace("'", "''") + "'"  # as PowerShell quotes
    failed = f"; Get-MigrationUser -BatchId {quoted} -Status Failed" if facts.failures else ""
    yield "Where to look"
    if facts.url:
        yield f"  {facts.url}"
    yield f"  mailferry batch get {shlex.quote(name)}"
    yield f"  Get-MigrationBatch {quoted}{failed}"
