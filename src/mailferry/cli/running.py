"""One pass: run it, show it, and tell what came of it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from mailferry.cli import closing, displays, failures, report
from mailferry.cli.ending import Ending, Message
from mailferry.cli.jsonlines import JsonLines
from mailferry.cli.meter import Meter
from mailferry.cli.requests import Request
from mailferry.cli.stopping import Finished, until_signal
from mailferry.errors import MailferryError
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.leftout import about_messages
from mailferry.sync.options import Event, Options, Stats
from mailferry.sync.run import OpenReader, OpenTarget, PassResult, run_pass

if TYPE_CHECKING:
    from mailferry.sync.ledger import Ledger


class Run:
    """One run of `mailferry copy`."""

    def __init__(self, request: Request, options: Options, source: OpenReader, target: OpenTarget) -> None:
        output = request.output
        self._request = request
        self._options = options
        self._open = (source, target)
        self._ledger = SqliteLedger(request.state)
        self._stats = Stats()
        self._json = JsonLines() if output.json else None
        self._display = displays.choose(json=self._json, quiet=output.quiet, verbose=output.verbose)
        self._warned = False

    async def run(self) -> int:
        """Do the pass, tell, and give the exit code. Never raises MailferryError for what ended the pass."""
        request = self._request
        if self._json is not None:
            self._json.write("started", report.head("copy", request.source, request.target))
        started_at, begun = time.time(), time.monotonic()
        showing = asyncio.create_task(self._display.run(Meter(self._stats)))
        result: PassResult | None = None
        error: MailferryError | None = None
        stopped_by, clean = 0, True
        try:
            outcome = await until_signal(self._pass(), self._stopping)
        except MailferryError as raised:
            error = raised
        else:
            if isinstance(outcome, Finished):
                result = outcome.value
            else:
                stopped_by, clean = outcome.signal, outcome.clean
        finally:
            showing.cancel()
            with suppress(asyncio.CancelledError):
                await showing
        ending = Ending(self._stats, started_at, time.monotonic() - begun, error=error, stopped_by=stopped_by)
        await self._fill(ending, result, readable=clean)
        if clean:
            await self._ledger.close()
        self._tell(ending)
        if not clean:
            _leave(ending.exit_code)
        return ending.exit_code

    async def _pass(self) -> PassResult:
        request = self._request
        return await run_pass(
            *self._open,
            self._ledger,
            request.keys,
            self._options,
            stats=self._stats,
            listen=self._event,
        )

    def _event(self, event: Event) -> None:
        self._display.event(event)
        if event.name == "folders mapped" and not self._warned:  # at once: it may be a slip of the pen
            self._warned = True
            for pattern in cast("list[str]", event.fields["unmatched"]):
                text = f"warning: no folder of the source matches --include-folders {pattern!r}"
                if self._request.output.quiet:
                    print(f"mailferry: {text}", file=sys.stderr)
                else:
                    self._display.note(text)

    def _stopping(self) -> None:
        self._display.note("Stopping: closing the connections ...")

    async def _fill(self, ending: Ending, result: PassResult | None, *, readable: bool) -> None:
        """Add what the pass gave; of one that was broken off, what the ledger has."""
        if result is not None:
            ending.messages = [Message(result.folder_names.get(row.folder_id, ""), row) for row in result.exceptions]
            ending.left_out = result.map.left_out
            ending.failed_folders = dict(result.failed_folders)
            ending.warnings = list(result.warnings)
            ending.gone_from_target = result.gone_from_target
            ending.note_unfinished()
        elif readable:
            with suppress(MailferryError, RuntimeError):  # the ledger may be what failed, or not opened yet
                ending.messages = await _noted(self._ledger)

    def _tell(self, ending: Ending) -> None:
        request, output = self._request, self._request.output
        unwritten: MailferryError | None = None
        if output.report is not None:
            try:
                report.write(output.report, report.of_pass(ending, request.source, request.target))
            except MailferryError as error:  # the disk is full: what was done is told all the same
                unwritten = error
        if self._json is not None:
            self._json.write("finished", report.summary(ending))
        elif not output.quiet or (ending.whole and ending.exit_code):
            self._summary(ending)
        if ending.error is not None:
            for line in failures.lines(ending.error, request):
                print(line, file=sys.stderr)
        elif ending.stopped_by and not output.json:
            print("mailferry: stopped; running the same command again goes on from here", file=sys.stderr)
        if unwritten is not None:
            raise unwritten

    def _summary(self, ending: Ending) -> None:
        if not ending.stats.folders and ending.error is not None:
            return  # it ended before there was anything to count
        request = self._request
        source, target, file = str(request.source), str(request.target), str(request.output.report or "")
        with suppress(BrokenPipeError):
            if closing.is_short(ending) and not sys.stdout.isatty():
                print("\n".join(closing.short(ending, source=source, target=target, report=file)))
                return
            from mailferry.cli.summary import print_summary

            print_summary(ending, source=source, target=target, report=file)


async def _noted(ledger: Ledger) -> list[Message]:
    names = {row.id: str(row.source_path) for row in await ledger.folders()}
    return [Message(names.get(row.folder_id, ""), row) for row in about_messages(await ledger.exceptions())]


def _leave(code: int) -> None:
    """End the process without waiting for connections or threads that do not end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
