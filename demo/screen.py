"""What the demo shows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from demo.client import Client

LOOK_SECONDS = 0.2
AT_REST = ("Synced", "SyncedWithErrors", "Completed", "CompletedWithErrors", "Failed")


class Screen:
    """Prints to a terminal or a file, in colours or without."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = 0
        if not console.is_terminal:
            console.width = 100

    def line(self, text: str, style: str = "") -> None:
        """Print one line."""
        self._console.print(Text(text, style))

    def step(self, title: str, request: str) -> None:
        """Begin a step: what it does, and how it is asked for."""
        self._steps += 1
        self._console.print()
        self.line(f"{self._steps}. {title}", "bold")
        self.line(f"   {request}", "dim")

    def tested(self, found: Mapping[str, Any]) -> None:
        """Show the steps of the test of a server."""
        for step in found["steps"]:
            mark, style = {"passed": ("✓", "green"), "warning": ("!", "yellow"), "skipped": ("-", "dim")}.get(
                step["state"], ("✗", "red")
            )
            told = Text.assemble((mark, style), f" {step['name']}: {step['text']}")
            self._console.print(Padding(told, (0, 0, 0, 3)))

    def follow(self, client: Client, batch: str, *, items: int = 0, status: str = "") -> None:
        """Show a batch until it rests: with so many messages, or in this state, if one is named."""
        columns = (TextColumn("   {task.description}"), BarColumn(30), MofNCompleteColumn(), TextColumn("messages"))
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("Starting", total=None)
            while True:
                view = client.get(f"/batches/{batch}")
                found = view["items_found"] or None
                progress.update(task, description=view["status"], completed=view["items_synced"], total=found)
                wanted = view["status"] == status if status else view["items_synced"] >= items
                if wanted and view["status"] in AT_REST and not view["active"]:
                    break
                time.sleep(LOOK_SECONDS)
        self.line(f"   {view['status']}: {view['synced'] + view['finalized']} of {view['total']} mailboxes")

    def users(self, users: Sequence[Mapping[str, Any]]) -> None:
        """Show a line for each mailbox."""
        table = Table(box=SIMPLE_HEAD, padding=(0, 1), header_style="dim", show_edge=False)
        for title in ("Mailbox", "Status", "Messages", "Not copied", "Data", "Consistency"):
            table.add_column(title, justify="right" if title in ("Messages", "Not copied", "Data") else "left")
        for user in users:
            table.add_row(
                user["email_address"],
                user["status"],
                str(user["items_synced"]),
                str(user["items_skipped"]),
                f"{user['bytes_synced'] / 1024:.0f} KB",
                user["consistency"],
            )
        self._console.print(table)

    def verified(self, name: str, complete: bool, told: str) -> None:
        """Show what the verification of one mailbox found."""
        mark = ("✓", "green") if complete else ("✗", "red")
        self._console.print(Text.assemble("   ", mark, f" {name}: ", "complete" if complete else "not complete"))
        if not complete:
            self.line(told)
            raise SystemExit("demo: the verification found differences")

    def done(self, data: Path) -> None:
        """Say where to look next."""
        self._console.print()
        self.line("Done.", "bold green")
        self.line(f"The mailboxes lie in {data}/mailboxes as Maildir: Dovecot and mail programs read them.")
        self.line("To do it with your own server:")
        self.line("  .venv/bin/mailferry serve")
        self.line("or, without a service, a whole CSV in one command, or a single mailbox:")
        self.line("  .venv/bin/mailferry migrate --help")
        self.line("  .venv/bin/mailferry copy --help")
