"""`python -m bench`: run all measurements, print the tables, and keep them in bench/out."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from bench import report, runs
from bench.csv50000 import csv_round
from bench.results import Result
from bench.stage import Stage, describe
from bench.tools import Tool, tools
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import DovecotOptions

OUT = Path(__file__).parent / "out"
NAMES = ("startup", "small", "bulk", "delay40", "delay160", "single", "maildir", "adoption", "memory", "csv50000")
Store = Literal["maildir", "mdbox", "sdbox"]


@dataclass(slots=True)
class Servers:
    """Starts the source and the targets that are asked for."""

    store: Store
    closing: ExitStack
    _running: dict[str, Dovecot] = field(default_factory=dict)
    _stages: dict[bool, Stage] = field(default_factory=dict)

    def stage(self, multiappend: bool = True) -> Stage:
        """Give the source beside a target with or without MULTIAPPEND."""
        if multiappend not in self._stages:
            missing = () if multiappend else ("MULTIAPPEND",)
            source, target = self._server("source", "maildir"), self._server(f"target {missing}", self.store, missing)
            first = next(iter(self._stages.values()), None)
            made = Stage(source, target, OUT, first.mailboxes if first else {})
            self._stages[multiappend] = made
        return self._stages[multiappend]

    def _server(self, name: str, store: Store, without: tuple[str, ...] = ()) -> Dovecot:
        if name not in self._running:
            options = DovecotOptions(store=store, without=without, fsync="optimized", max_connections=1000)
            self._running[name] = self.closing.enter_context(Dovecot(options))
        return self._running[name]

    def described(self) -> list[str]:
        """The mailboxes that were made."""
        return describe(next(iter(self._stages.values())).mailboxes) if self._stages else []


def rounds_of(
    name: str, servers: Servers, sizes: runs.Sizes, there: dict[str, Tool]
) -> Callable[[int], Iterator[Result]]:
    """Give what does one round of the run of this name."""
    for what in runs.copies(sizes):
        if what.name == name:
            return lambda number: runs.copy_round(servers.stage(what.multiappend), what, there, number)
    others: dict[str, Callable[[int], Iterator[Result]]] = {
        "startup": lambda number: runs.start_round(there, number),
        "maildir": lambda number: runs.maildir_round(servers.stage(), sizes, number),
        "adoption": lambda number: runs.adoption_round(servers.stage(), sizes, there, number),
        "memory": lambda number: runs.memory_round(servers.stage(), sizes, number),
        "csv50000": lambda number: csv_round(sizes.csv_rows, number),
    }
    return others[name]


def measure(names: Sequence[str], servers: Servers, arguments: argparse.Namespace) -> list[Result]:
    """Do the runs; print each figure as it comes, and the table of a run when it is complete."""
    sizes, there = runs.QUICK if arguments.quick else runs.Sizes(), tools()
    results: list[Result] = []
    for name in names:
        one_round = rounds_of(name, servers, sizes, there)
        for number in range(arguments.rounds):
            for result in one_round(number):
                results.append(result)
                print(progress(result), file=sys.stderr, flush=True)
        for step in dict.fromkeys(result.step for result in results if result.run == name):
            print(f"\n{name}: {step}\n{report.run_table(results, name, step)}\n", flush=True)
    return results


def progress(result: Result) -> str:
    """One line for a run that has ended."""
    ending = "" if result.right else f"  WRONG: {result.found} of {result.wanted}, exit {result.exit_code}"
    return f"  {result.run}: {result.step}, {result.tool}: {result.wall_seconds:.2f} s{ending}"


def circumstances(arguments: argparse.Namespace, servers: Servers, seconds: float) -> list[str]:
    """What a reader must know to judge the figures."""
    return [
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} processors, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}; {arguments.rounds} rounds, {seconds:.0f} s in all",
        f"Two Dovecot 2.3 servers on this machine, mail in memory, source Maildir, target {arguments.store}",
        *servers.described(),
        "Medians of the rounds; only ratios within one run and processor time say much about another machine",
        "delay40 and delay160: round trip in milliseconds to both servers; single: a target without MULTIAPPEND, 40 ms",
    ]


def keep(results: Sequence[Result], text: str) -> None:
    """Write what was measured to bench/out."""
    data = json.dumps([result.as_json() for result in results], indent=1)
    (OUT / "results.json").write_text(data)
    (OUT / "report.md").write_text(text)
    print(f"Kept in {OUT}/report.md and results.json")


def parse(line: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed side by side with other tools.")
    parser.add_argument("--only", action="append", choices=NAMES, help="this run; may be given more than once")
    parser.add_argument("--rounds", type=int, help="how often every tool runs (default 2, with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="small mailboxes: to see that it works")
    parser.add_argument("--store", choices=("maildir", "mdbox", "sdbox"), default="maildir", help="of the target")
    arguments = parser.parse_args(line)
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 2)
    return arguments


def main(line: Sequence[str] | None = None) -> int:
    """Give 0, or 1 if a count was wrong. Time decides nothing."""
    arguments = parse(line)
    OUT.mkdir(exist_ok=True)
    begun = time.monotonic()
    with ExitStack() as closing:
        servers = Servers(cast(Store, arguments.store), closing)
        results = measure(arguments.only or NAMES, servers, arguments)
        text = report.markdown(results, circumstances(arguments, servers, time.monotonic() - begun))
    print(f"Compared\n{report.ratio_table(results)}\n\nGoals\n{report.goal_table(results)}\n")
    keep(results, text)
    return 0 if all(result.right for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
