"""Tables of what was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from bench.goals import goals, times_as_fast
from bench.results import Result, middle, select, steps
from bench.tools import OWN

_HEAD = (
    "tool",
    "runs",
    "wall s",
    "best s",
    "messages/s",
    "MB/s",
    "tool CPU s",
    "µs/message",
    "source CPU s",
    "target CPU s",
    "CPU of others s",
    "load",
    "peak MiB",
    "counts",
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a Markdown table whose columns are aligned as text too; all but the first lean to the right."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]

    def shown(line: Sequence[str]) -> str:
        cells = [
            text.ljust(width) if not at else text.rjust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = "|".join(
        ["", *("-" * (width + 2) if not at else "-" * (width + 1) + ":" for at, width in enumerate(widths)), ""]
    )
    return "\n".join([shown(lines[0]), rule, *map(shown, lines[1:])])


def run_table(results: Sequence[Result], run: str, step: str) -> str:
    """The medians of each tool at this step, in the order in which they ran."""
    tools = dict.fromkeys(result.tool for result in results if (result.run, result.step) == (run, step))
    return table(_HEAD, (_row(select(results, run, step, tool)) for tool in tools))


def _row(rounds: Sequence[Result]) -> list[str]:
    first = rounds[0]

    def mid(value: Callable[[Result], float]) -> float:
        return middle(rounds, value) or 0.0

    def cpu(who: str) -> str:
        known = who in first.cpu_seconds
        return f"{mid(lambda result: result.cpu_seconds[who]):.2f}" if known else ""

    wall = mid(lambda result: result.wall_seconds)
    moved, measured = bool(first.moved), bool(first.cpu_seconds)
    return [
        first.tool,
        str(len(rounds)),
        f"{wall:.2f}",
        f"{min(result.wall_seconds for result in rounds):.2f}",
        f"{first.moved / wall:,.0f}" if moved else "",
        f"{first.moved_bytes / 1e6 / wall:,.1f}" if moved else "",
        cpu("tool"),
        f"{mid(lambda result: result.tool_microseconds):,.0f}" if moved and measured else "",
        cpu("source"),
        cpu("target"),
        cpu("others"),
        f"{mid(lambda result: result.load):.1f}" if measured else "",
        f"{mid(lambda result: result.peak_rss_bytes) / (1 << 20):,.0f}" if first.peak_rss_bytes else "",
        "right" if all(result.right for result in rounds) else "WRONG",
    ]


def ratio_table(results: Sequence[Result]) -> str:
    """How many times as fast as each other tool our program was, at each step."""
    rows = []
    for run, step in steps(results):
        tools = dict.fromkeys(result.tool for result in results if (result.run, result.step) == (run, step))
        for other in tools:
            ratio = times_as_fast(results, run, step, [other])
            if other != OWN and ratio is not None:
                best = times_as_fast(results, run, step, [other], min) or 0.0
                rows.append([f"{run}: {step}", other, f"{ratio:.2f}", f"{best:.2f}"])
    return table(("work", "compared with", "times as fast", "by the best rounds"), rows)


def goal_table(results: Sequence[Result]) -> str:
    """Every goal, what was measured, and whether it was reached."""
    rows = []
    for goal in goals():
        value = goal.value(results)
        bound = f"{'at least' if goal.at_least else 'at most'} {goal.bound:g}"
        rows.append(
            [goal.work, goal.measure, f"{value:.2f}" if value is not None else "", bound, goal.verdict(results)]
        )
    return table(("work", "measure", "measured", "goal", "verdict"), rows)


def markdown(results: Sequence[Result], circumstances: Sequence[str]) -> str:
    """The whole report."""
    parts = ["# Speed\n", *(f"* {line}" for line in circumstances), ""]
    for run, step in steps(results):
        parts += [f"\n## {run}: {step}\n", run_table(results, run, step)]
    wrong = [result for result in results if not result.right]
    parts += ["\n## Compared\n", ratio_table(results), "\n## Goals\n", goal_table(results)]
    if wrong:
        parts += ["\n## Wrong\n"]
        parts += [
            f"* {r.run}: {r.step}, {r.tool}: {r.found} of {r.wanted}, exit {r.exit_code} {r.complaint}" for r in wrong
        ]
    return "\n".join(parts) + "\n"
