"""What is shown while a pass runs: a live picture in a terminal, plain lines elsewhere, JSON, or nothing.

A display runs beside the pass and only reads its counts.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from mailferry.cli import wording
from mailferry.cli.jsonlines import JsonLines
from mailferry.cli.meter import Meter, Reading
from mailferry.sync.options import Event

LIVE_SECONDS = 0.2
LINE_SECONDS = 5.0
JSON_SECONDS = 1.0


class Display(Protocol):
    """Shows a pass."""

    def event(self, event: Event) -> None:
        """Something happened."""
        ...

    def note(self, text: str) -> None:
        """Say something to the user, at once."""
        ...

    async def run(self, meter: Meter) -> None:
        """Show the counts until cancelled."""
        ...


class Quiet:
    """Shows nothing."""

    def event(self, event: Event) -> None:
        """Pass it over."""

    def note(self, text: str) -> None:
        """Pass it over."""

    async def run(self, meter: Meter) -> None:
        """Do nothing."""


class Json:
    """Events and counts as JSON."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines

    def event(self, event: Event) -> None:
        """Write it."""
        self._lines.write(event.name.replace(" ", "-"), event.fields)

    def note(self, text: str) -> None:
        """Write it."""
        self._lines.write("note", {"text": text})

    async def run(self, meter: Meter) -> None:
        """Write the counts once a second."""
        while True:
            await asyncio.sleep(JSON_SECONDS)
            self._lines.write("progress", as_fields(meter.read(time.monotonic())))


class Lines:
    """Plain lines on standard error: for logs, cron and pipes."""

    def __init__(self, *, verbose: bool, write: Callable[[str], None] | None = None) -> None:
        self._verbose = verbose
        self._write = write or _to_stderr

    def event(self, event: Event) -> None:
        """Tell of finished folders and of waiting; of everything if verbose."""
        text = told(event)
        if text:
            self._write(text)
        elif self._verbose:
            self._write(verbatim(event))

    def note(self, text: str) -> None:
        """Write it."""
        self._write(text)

    async def run(self, meter: Meter) -> None:
        """Write the counts every few seconds."""
        while True:
            await asyncio.sleep(LINE_SECONDS)
            self._write(line(meter.read(time.monotonic())))


class Live:
    """A picture that is redrawn in place on standard error, and gone at the end."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._print: Callable[[str], None] = _to_stderr

    def event(self, event: Event) -> None:
        """Write what is worth a line above the picture."""
        if event.name == "retry" or self._verbose:
            self._print(told(event) or verbatim(event))

    def note(self, text: str) -> None:
        """Write it above the picture."""
        self._print(text)

    async def run(self, meter: Meter) -> None:
        """Draw. rich is loaded here: the connections are being made meanwhile."""
        await asyncio.sleep(LIVE_SECONDS / 2)
        from rich.console import Console
        from rich.live import Live as Picture

        from mailferry.cli.picture import draw

        console = Console(stderr=True, highlight=False)
        begun = time.monotonic()
        with Picture(console=console, auto_refresh=False, transient=True) as picture:
            self._print = lambda text: console.print(text, markup=False)
            try:
                while True:
                    now = time.monotonic()
                    picture.update(draw(meter.read(now), now - begun), refresh=True)
                    await asyncio.sleep(LIVE_SECONDS)
            finally:
                self._print = _to_stderr


def told(event: Event) -> str:
    """Give the sentence for an event that everybody is told, '' for others."""
    fields = event.fields
    if event.name == "retry":
        reason, wait = wording.printable(str(fields["reason"])), wording.duration(float(str(fields["wait_seconds"])))
        return f"Trying again in {wait}: {reason}"
    if event.name == "folder synced":
        copied, skipped = int(str(fields["copied"])), int(str(fields["skipped"]))
        if not copied and not skipped:
            return ""
        counts = [f"{wording.plural(copied, 'message')} copied, {wording.size(int(str(fields['size_bytes'])))}"]
        counts += [f"{wording.number(skipped)} skipped"] if skipped else []
        return f"{wording.printable(str(fields['folder']))}: {', '.join(counts)}"
    return ""


def verbatim(event: Event) -> str:
    """Give any event with its fields."""
    fields = " ".join(f"{name}={value}" for name, value in event.fields.items())
    return wording.printable(f"{event.name} {fields}".strip())


def line(reading: Reading) -> str:
    """Give the counts in one line."""
    if not reading.folders:
        return f"{reading.phase} ..."
    parts = [
        f"{reading.phase}: {wording.number(reading.done)} of {wording.plural(reading.total, 'message')}",
        f"folders {reading.folders_done}/{reading.folders}",
        wording.size(reading.size_bytes),
        f"{reading.messages_per_second:,.0f} messages/s",
        f"{wording.size(reading.bytes_per_second)}/s",
    ]
    if reading.left_seconds is not None:
        parts.append(f"{wording.duration(reading.left_seconds)} left")
    return ", ".join(parts)


def as_fields(reading: Reading) -> Mapping[str, object]:
    """Give the counts for JSON."""
    left = reading.left_seconds
    return {
        "phase": reading.phase,
        "folders_done": reading.folders_done,
        "folders": reading.folders,
        "messages_done": reading.done,
        "messages": reading.total,
        "copied": reading.copied,
        "size_bytes": reading.size_bytes,
        "messages_per_second": round(reading.messages_per_second, 1),
        "bytes_per_second": round(reading.bytes_per_second),
        "left_seconds": None if left is None else round(left, 1),
    }


def choose(*, json: JsonLines | None, quiet: bool, verbose: bool) -> Display:
    """Choose by what the user asked for and by what standard error is."""
    if json is not None:
        return Json(json)
    if quiet:
        return Quiet()
    return Live(verbose=verbose) if sys.stderr.isatty() else Lines(verbose=verbose)


def _to_stderr(text: str) -> None:
    with suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)
