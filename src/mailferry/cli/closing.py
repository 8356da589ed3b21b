"""What the closing summary of a pass says in every form, and the short form: plain lines, without tables.

The short form is for a pass of which nothing but numbers is to be told, when no terminal is there. Loading `rich` for
it would take longer than such a pass.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.cli import wording
from mailferry.cli.ending import Ending
from mailferry.sync.ledger import ExceptionKind


def headline(ending: Ending) -> tuple[str, str]:
    """Give the first line and the colour of its news."""
    if ending.stopped_by:
        return "Stopped", "yellow"
    if ending.error is not None:
        return "Failed", "red"
    if ending.failed_folders or ending.skipped:
        return "Done, but not everything could be copied", "yellow"
    if not ending.stats.folders:
        return "No folder was chosen", "yellow"
    totals = ending.totals
    return ("Done" if totals.copied or totals.flags_changed or totals.removed else "Nothing was new"), "green"


def counts(ending: Ending) -> list[tuple[str, int, str]]:
    """Give the numbers: name, number, note."""
    totals = ending.totals
    folders = len(ending.stats.folders)
    rows = [
        ("Found", totals.found, f"in {wording.plural(folders, 'folder')}"),
        ("Copied", totals.copied, _speed(ending)),
        ("Already there", totals.already_there, "copied by an earlier run" if totals.already_there else ""),
        ("Matched", totals.adopted, "were on the target before Mailferry came" if totals.adopted else ""),
        ("Flags changed", totals.flags_changed, ""),
        ("Skipped", totals.skipped, "see below" if ending.skipped else ""),
    ]
    if totals.left_out:
        rows.append(("Left out", totals.left_out, "were not received in the range"))
    if totals.removed:
        rows.append(("Removed", totals.removed, "were deleted on the source"))
    if totals.gone_from_target:
        rows.append(("Gone", totals.gone_from_target, "were copied once, and removed from the target since"))
    return rows


def _speed(ending: Ending) -> str:
    totals = ending.totals
    took = f"in {wording.duration(ending.seconds)}"
    if not totals.copied:
        return took
    per_second = wording.rate(totals.copied, ending.seconds)
    volume = wording.size(wording.rate(totals.size_bytes, ending.seconds))
    return f"{wording.size(totals.size_bytes)} {took}: {per_second:,.0f} messages/s, {volume}/s"


def advice(ending: Ending, report: str) -> Iterator[str]:
    """Say what to do next. `report` names the file with the whole list, if there is one."""
    if not ending.whole:
        yield "Run the same command again to go on from here: nothing is copied twice."
        return
    codes = {message.row.code for message in ending.skipped}
    if "too-large" in codes:
        yield "To take larger messages along, raise --max-message-size; the target's own limit stays."
    if any(message.row.kind == ExceptionKind.OVER_LIMIT for message in ending.skipped):
        yield "To take more messages along, raise --max-items."
    if codes - {"too-large"} and not report:
        yield "--report FILE writes the whole list with the servers' reasons."
    if ending.failed_folders:
        yield "Run the same command again when the cause is mended: only the rest is copied."
    if ending.chose_nothing:
        yield "Check --include-folders and --exclude-folders: nothing was copied."
    if ending.exit_code == 0:
        yield "Run the same command again to bring new mail over; mailferry verify proves that all is there."


def left_out(ending: Ending) -> list[str]:
    """Say which folders are not copied, and why."""
    out = [o for o in ending.left_out if o.code.value != "not-selectable"]
    return [f"{wording.printable(str(o.source.path))}: {wording.printable(o.text)}" for o in out]


def is_short(ending: Ending) -> bool:
    """Say whether there is nothing to tell but the numbers."""
    return not (ending.messages or ending.failed_folders or ending.warnings or left_out(ending))


def short(ending: Ending, *, source: str, target: str, report: str) -> Iterator[str]:
    """Give the lines of the short form."""
    yield ""
    yield f"  {headline(ending)[0]}"
    yield f"  {wording.printable(source)} → {wording.printable(target)}"
    yield ""
    rows = [(name, wording.number(value), note) for name, value, note in counts(ending)]
    names, numbers = (max(len(row[at]) for row in rows) for at in (0, 1))
    for name, value, note in rows:
        yield f"  {name:<{names}}  {value:>{numbers}}  {note}".rstrip()
    yield ""
    for text in advice(ending, report):
        yield f"  {text}"
    yield ""
