"""`mailferry copy --dry-run` as a command: make the plan, tell it."""

from __future__ import annotations

import asyncio
import os
import sys

from mailferry.cli import report
from mailferry.cli.dryrun import Plan, make_plan
from mailferry.cli.exitcodes import COMPLETE, FOLDERS_FAILED, NOTHING_CHOSEN, SIGNAL_BASE
from mailferry.cli.jsonlines import JsonLines
from mailferry.cli.requests import Request
from mailferry.cli.stopping import Finished, until_signal
from mailferry.cli.wiretrace import wire_trace
from mailferry.sync.options import Options


def plan(request: Request, options: Options) -> int:
    """Plan, tell, and give the exit code. Raises MailferryError."""
    with wire_trace(request.output.wire) as loggers:

        async def work() -> Plan | int:
            outcome = await until_signal(make_plan(request, options, loggers), lambda: None)
            if isinstance(outcome, Finished):
                return outcome.value
            if not outcome.clean:
                os._exit(SIGNAL_BASE + outcome.signal)
            return SIGNAL_BASE + outcome.signal

        made = asyncio.run(work())
    if isinstance(made, int):
        return made
    _tell(made, request)
    if made.chose_nothing:
        return NOTHING_CHOSEN
    return FOLDERS_FAILED if any(folder.error for folder in made.folders) else COMPLETE


def _tell(made: Plan, request: Request) -> None:
    output = request.output
    fields = {**report.head("plan", request.source, request.target), **made.to_dict()}
    if output.report is not None:
        report.write(output.report, fields)
    if output.json:
        JsonLines().write("plan", fields)
        return
    if request.output.quiet:
        return
    from mailferry.cli.plantable import print_plan

    print_plan(made, source=str(request.source), target=str(request.target))
    sys.stdout.flush()
