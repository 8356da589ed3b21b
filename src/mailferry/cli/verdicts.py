"""What `mailferry verify` found, for people."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mailferry.cli import wording
from mailferry.cli.jsonlines import moment
from mailferry.cli.requests import Request
from mailferry.sync.verify import ComparedBy, Counts, Finding, FindingKind, FolderReport, VerifyReport

SHOWN = 20
_WORST = (FindingKind.MISSING, FindingKind.ALTERED, FindingKind.UNREADABLE, FindingKind.SKIPPED)


def print_verdict(found: VerifyReport, marked: int, request: Request, console: Console | None = None) -> None:
    """Print it to standard output, as wide as the terminal, at most 120 columns."""
    if console is None:
        console = Console(highlight=False)
        console.width = min(console.width, 120) if console.is_terminal else 100
    console.print()
    _line(console, *_headline(found))
    _line(console, Text.assemble(wording.printable(str(request.source)), (" → ", "dim"), str(request.target)))
    console.print()
    console.print(Padding(_counts(found.totals), (0, 0, 0, 2), expand=False))
    broken = [folder for folder in found.folders if not folder.ok and (folder.error or not folder.target_exists)]
    if broken:
        console.print()
        _line(console, f"{wording.plural(len(broken), 'folder')} could not be compared", "bold red")
        for folder in broken[:SHOWN]:
            _line(console, f"- {wording.printable(folder.folder)}: {_why(folder)}")
    _findings(console, found, str(request.output.report or ""))
    _closing(console, found, marked)


def _headline(found: VerifyReport) -> tuple[str, str]:
    if not found.folders and found.left_out:
        return "No folder was chosen: nothing was compared", "bold yellow"
    if found.complete:
        by_identity = any(folder.compared_by is ComparedBy.IDENTITY for folder in found.folders)
        how = "compared by Message-ID and date" if by_identity else "compared byte for byte"
        what = "message received in the range" if found.totals.left_out else "message of the source"
        return f"Complete: every {what} is on the target, {how}", "bold green"
    if found.ok:
        return "Nothing is lost, but not everything is on the target", "bold yellow"
    return "Messages are missing or altered", "bold red"


def _counts(totals: Counts) -> Table:
    rows = [
        ("On the source", totals.source, True),
        ("On the target", totals.target, True),
        ("Equal", totals.equal, True),
        ("Equal but for line ends", totals.line_ends, False),
        ("Missing", totals.missing, True),
        ("of these in another folder", totals.elsewhere, False),
        ("Altered", totals.altered, True),
        ("Unreadable", totals.unreadable, False),
        ("Skipped by the copy", totals.skipped, False),
        ("Not yet copied", totals.not_yet, False),
        ("Not received in the range", totals.left_out, False),
        ("Only on the target", totals.extra, False),
        ("Other flags", totals.flag_differences, False),
        ("Other dates", totals.date_differences, False),
    ]
    table = Table.grid(padding=(0, 0, 0, 2), expand=False)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    for name, value, always in rows:
        if value or always:
            bad = name in ("Missing", "Altered", "Unreadable") and value
            table.add_row(Text(name, "red" if bad else ""), Text(wording.number(value), "red" if bad else ""))
    return table


def _why(folder: FolderReport) -> str:
    return wording.printable(folder.error) or f"{wording.printable(folder.target_folder)} is not on the target"


def _findings(console: Console, found: VerifyReport, report: str) -> None:
    chosen = sorted((f for f in found.findings if f.kind in _WORST), key=lambda f: _WORST.index(f.kind))
    if not chosen:
        return
    console.print()
    wide = console.width >= 100
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("Folder", overflow="fold", min_width=8, max_width=28 if wide else 16)
    table.add_column("UID", justify="right", no_wrap=True)
    table.add_column("Date", no_wrap=True)
    table.add_column("Subject", overflow="ellipsis", no_wrap=True, max_width=36 if wide else 20)
    table.add_column("What", overflow="fold", min_width=16)
    for finding in chosen[:SHOWN]:
        table.add_row(*_cells(finding))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    rest = len(chosen) - SHOWN
    if rest > 0:
        where = f"see {report}" if report else "--report FILE lists all of them"
        _line(console, f"and {wording.number(rest)} more: {where}", "dim")


def _cells(finding: Finding) -> tuple[Text, ...]:
    date = moment(finding.date)
    what = str(finding.kind.value)
    if finding.elsewhere:
        what += f", but in {wording.printable(finding.elsewhere)}"
    if finding.detail:
        detail = wording.printable(finding.detail)
        what = detail if detail.startswith(what) else f"{what}: {detail}"
    uid = finding.source_uid or finding.target_uid
    texts = (finding.folder, str(uid) if uid else "", date[:10] if date else "", finding.subject, what)
    return tuple(Text(wording.printable(text)) for text in texts)


def _closing(console: Console, found: VerifyReport, marked: int) -> None:
    if marked or found.totals.missing or found.totals.not_yet:
        console.print()
    if marked:
        _line(console, f"The next copy sends {wording.plural(marked, 'message')} again.")
    elif found.totals.missing:
        _line(console, "mailferry verify --repair lets the next copy send what is missing again.")
    if found.totals.not_yet:
        _line(console, "Run mailferry copy to bring over what is newer than the last copy.")
    console.print()


def _line(console: Console, text: str | Text, style: str = "") -> None:
    console.print(Padding(text if isinstance(text, Text) else Text(text, style), (0, 0, 0, 2), expand=False))
