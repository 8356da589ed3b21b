"""The plan of a dry run, for people."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mailferry.cli import wording
from mailferry.cli.dryrun import Plan, PlannedFolder, totals


def print_plan(plan: Plan, *, source: str, target: str, console: Console | None = None) -> None:
    """Print it to standard output, as wide as the terminal, at most 120 columns."""
    if console is None:
        console = Console(highlight=False)
        console.width = min(console.width, 120) if console.is_terminal else 100
    console.print()
    _line(console, "Dry run: nothing was changed", "bold green")
    _line(console, Text.assemble(wording.printable(source), (" → ", "dim"), wording.printable(target)))
    if not plan.target_exists:
        _line(console, "The target is not there yet; a copy makes it.", "dim")
    console.print()
    console.print(Padding(_table(plan), (0, 0, 0, 2), expand=False))
    out = [f"{name}: {why}" for name, why in plan.left_out]
    _list(console, f"{wording.plural(len(out), 'folder')} left out", out)
    errors = [f"{folder.source}: {folder.error}" for folder in plan.folders if folder.error]
    _list(console, f"{wording.plural(len(errors), 'folder')} cannot be read", errors)
    _list(console, "Warnings", plan.warnings)
    _closing(console, plan)


def _table(plan: Plan) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", show_footer=True)
    table.show_edge = False
    sums = totals(plan)
    named = any(folder.source != folder.target for folder in plan.folders)
    table.add_column("Folder", wording.plural(len(plan.folders), "folder"), overflow="fold", min_width=8)
    if named:
        table.add_column("On the target", overflow="fold", min_width=8)
    table.add_column("Found", wording.number(sums["found"]), justify="right", no_wrap=True)
    table.add_column("To copy", wording.number(sums["to_copy"]), justify="right", no_wrap=True)
    table.add_column("Size", wording.size(sums["size_bytes"]), justify="right", no_wrap=True)
    table.add_column("Note", overflow="fold", min_width=8, style="dim")
    for folder in plan.folders:
        cells = [wording.printable(folder.source)]
        cells += [wording.printable(folder.target)] if named else []
        cells += [wording.number(folder.found), wording.number(folder.to_copy)]
        cells += [wording.size(folder.size_bytes) if folder.to_copy else "", "; ".join(_notes(folder))]
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _notes(folder: PlannedFolder) -> list[str]:
    notes = ["cannot be read"] if folder.error else []
    notes += [] if folder.exists else ["new"]
    notes += [wording.printable(folder.reason)] if folder.reason not in ("same name", "stored", "") else []
    notes += [f"{wording.number(folder.there)} there already, matched first"] if folder.there else []
    notes += [f"{wording.number(folder.too_large)} too large"] if folder.too_large else []
    notes += [f"{wording.number(folder.over_limit)} older ones over the limit"] if folder.over_limit else []
    notes += [f"{wording.number(folder.left_out)} not received in the range"] if folder.left_out else []
    return notes


def _closing(console: Console, plan: Plan) -> None:
    sums = totals(plan)
    console.print()
    if sums["too_large"]:
        large = wording.plural(sums["too_large"], "message")
        _line(console, f"{large} would be skipped: larger than --max-message-size or than the target takes.", "yellow")
    if sums["over_limit"]:
        older = wording.plural(sums["over_limit"], "message")
        _line(console, f"{older} would be left out, the oldest: there are more than --max-items.", "yellow")
    if sums["left_out"]:
        _line(console, f"{wording.plural(sums['left_out'], 'message')} would be left out: not received in the range.")
    if plan.chose_nothing:
        _line(console, "No folder was chosen: check --include-folders and --exclude-folders.", "yellow")
    else:
        _line(console, "Run the same command without --dry-run to copy.")
    console.print()


def _list(console: Console, title: str, lines: list[str]) -> None:
    if not lines:
        return
    console.print()
    _line(console, title, "bold")
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(overflow="fold")
    for text in lines:
        table.add_row("-", Text(wording.printable(text)))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _line(console: Console, text: str | Text, style: str = "") -> None:
    console.print(Padding(text if isinstance(text, Text) else Text(text, style), (0, 0, 0, 2), expand=False))
