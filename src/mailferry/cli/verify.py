"""`mailferry verify`: compare a copy with its source, and tell every difference."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial

from mailferry.backends.registry import Location, mailbox_lock_name, open_reader
from mailferry.cli import exitcodes, report, wording
from mailferry.cli.jsonlines import JsonLines
from mailferry.cli.ledgers import snapshot
from mailferry.cli.requests import Request
from mailferry.cli.stopping import Finished, until_signal
from mailferry.cli.verdicts import print_verdict
from mailferry.cli.wiretrace import Loggers, wire_trace
from mailferry.errors import MailferryError, Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.lock import TargetLock
from mailferry.sync.run import LEASE_SECONDS
from mailferry.sync.steady import SteadyReader
from mailferry.sync.verify import VerifyOptions, VerifyProgress, VerifyReport, mark_for_resend
from mailferry.sync.verify import verify as compare


def verify(request: Request, options: VerifyOptions, *, resend: bool) -> int:
    """Compare, tell, and give the exit code. `resend`: the next copy sends what is missing again.

    Raises MailferryError.
    """
    with ExitStack() as stack:
        if resend:
            stack.enter_context(TargetLock(mailbox_lock_name(request.target)))
        loggers = stack.enter_context(wire_trace(request.output.wire))
        made = asyncio.run(_Verify(request, options, resend=resend).run(loggers))
    if isinstance(made, int):
        return made
    found, marked = made
    code = _exit_code(found)
    _tell(found, marked, request, code)
    return code


def _exit_code(found: VerifyReport) -> int:
    if not found.folders and found.left_out:
        return exitcodes.NOTHING_CHOSEN
    return exitcodes.COMPLETE if found.ok else exitcodes.DIFFERENT


class _Verify:
    """One run of the command."""

    def __init__(self, request: Request, options: VerifyOptions, *, resend: bool) -> None:
        self._request = request
        self._options = options
        self._resend = resend
        self._shown = ""
        self._json = JsonLines() if request.output.json else None

    async def run(self, loggers: Loggers) -> tuple[VerifyReport, int] | int:
        if self._json is not None:
            self._json.write("started", report.head("verify", self._request.source, self._request.target))
        outcome = await until_signal(self._compare(loggers), lambda: None)
        self._wipe()
        if isinstance(outcome, Finished):
            return outcome.value
        print("mailferry: stopped; nothing was changed", file=sys.stderr)
        if not outcome.clean:
            os._exit(exitcodes.SIGNAL_BASE + outcome.signal)
        return exitcodes.SIGNAL_BASE + outcome.signal

    async def _compare(self, loggers: Loggers) -> tuple[VerifyReport, int]:
        request = self._request
        async with self._ledger() as ledger:
            source = await self._open(request.source, Side.SOURCE, loggers[0])
            try:
                target = await self._open(request.target, Side.TARGET, loggers[1])
                try:
                    known = {row.source_raw: row.target_path for row in await ledger.folders()}
                    rows = ledger if known else None
                    found = await compare(
                        source, target, self._options, known_map=known, rows=rows, progress=self._progress
                    )
                finally:
                    await target.close()
            finally:
                await source.close()
            marked = await mark_for_resend(ledger, found) if self._resend and rows is not None else 0
            return found, marked

    async def _open(self, location: Location, side: Side, logger: logging.Logger | None) -> SteadyReader:
        """Open a mailbox; its connection is made anew when it breaks later."""
        opener = partial(open_reader, location, side, logger)
        return SteadyReader(await opener(), opener, told=self._trying_again)

    def _trying_again(self, error: MailferryError, seconds: float) -> None:
        if self._json is not None:
            wait = round(seconds, 1)
            self._json.write("retry", {"code": error.code, "reason": str(error), "wait_seconds": wait})
        elif not self._request.output.quiet:
            self._wipe()
            text = f"Trying again in {wording.duration(seconds)}: {wording.printable(str(error))}"
            print(text, file=sys.stderr, flush=True)

    @asynccontextmanager
    async def _ledger(self) -> AsyncIterator[SqliteLedger]:
        request = self._request
        if not self._resend:
            async with snapshot(request.state, request.keys) as copy:
                yield copy
            return
        ledger = SqliteLedger(request.state)
        keeper: asyncio.Task[None] | None = None
        try:
            await ledger.open_pair(*request.keys, LEASE_SECONDS)
            keeper = asyncio.create_task(_keep_lease(ledger))
            yield ledger
        finally:
            if keeper is not None:
                keeper.cancel()
            await ledger.close()

    def _progress(self, progress: VerifyProgress) -> None:
        if self._json is not None:
            self._json.write(
                "progress",
                {
                    "folder": progress.folder,
                    "folders_done": progress.folders_done,
                    "folders": progress.folders,
                    "messages_done": progress.messages_done,
                    "messages": progress.messages,
                },
            )
        elif sys.stderr.isatty() and not self._request.output.quiet:
            done, total = wording.number(progress.messages_done), wording.plural(progress.messages, "message")
            text = f"{done} of {total} compared, {wording.printable(progress.folder)}"[:76]
            print(f"\r{text:<{len(self._shown)}}", end="", file=sys.stderr, flush=True)
            self._shown = text

    def _wipe(self) -> None:
        if self._shown:
            print(f"\r{'':<{len(self._shown) + 4}}\r", end="", file=sys.stderr, flush=True)


async def _keep_lease(ledger: SqliteLedger) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        await ledger.renew_lease()


def _tell(found: VerifyReport, marked: int, request: Request, code: int) -> None:
    output = request.output
    fields = {
        **report.head("verify", request.source, request.target),
        "to_send_again": marked,
        "exit_code": code,
        **found.to_dict(),
    }
    if output.report is not None:
        report.write(output.report, fields)
    if output.json:
        JsonLines().write("finished", {name: value for name, value in fields.items() if name != "findings"})
    elif not output.quiet or code:
        with suppress(BrokenPipeError):
            print_verdict(found, marked, request)
