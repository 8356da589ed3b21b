"""What fast means: the bounds that every measurement is held against. They are printed, and decide nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results import Result, middle, select
from bench.tools import OWN, PUMP

_MIB = 1 << 20
Summary = Callable[[Sequence[float]], float]
PEERS = ("interimap", "mbsync", "imapsync")
BARE_LOOP = "bare loop"


@dataclass(frozen=True, slots=True)
class Goal:
    """One bound. `value` gives None when what it needs was not measured."""

    work: str
    measure: str
    bound: float
    at_least: bool
    value: Callable[[Sequence[Result]], float | None]

    def verdict(self, results: Sequence[Result]) -> str:
        """Give `ok`, `below` (the goal is missed), or `-` where there is nothing to compare."""
        value = self.value(results)
        if value is None:
            return "-"
        return "ok" if (value >= self.bound) == self.at_least or value == self.bound else "below"


def times_as_fast(
    results: Sequence[Result], run: str, step: str, others: Sequence[str], of: Summary = median
) -> float | None:
    """How many times as fast our program is as the fastest of the others, by the medians of wall time over the rounds;
    `min` compares the best rounds, where others on the machine disturbed least.
    """

    def wall(tool: str) -> float | None:
        walls = [result.wall_seconds for result in select(results, run, step, tool)]
        return of(walls) if walls else None

    own, walls = wall(OWN), [wall(other) for other in others]
    there = [seconds for seconds in walls if seconds is not None]
    return min(there) / own if own and there else None


def _faster(run: str, step: str, bound: float, *others: str) -> Goal:
    than = "the fastest peer" if len(others) > 1 else others[0]
    return Goal(f"{run}: {step}", f"speed / {than}", bound, True, lambda found: times_as_fast(found, run, step, others))


def _own(results: Sequence[Result], run: str, step: str, value: Callable[[Result], float]) -> float | None:
    return middle(select(results, run, step, OWN), value)


def _tool_cpu(result: Result) -> float:
    return result.cpu_seconds.get("tool", 0.0)


def _message_microseconds(results: Sequence[Result]) -> float | None:
    """Without start and end, which a pass with nothing to do has too."""
    copied = select(results, "small", "copy", OWN)
    all_of_it, idle = _own(results, "small", "copy", _tool_cpu), _own(results, "small", "no change", _tool_cpu)
    return (all_of_it - idle) / copied[0].moved * 1e6 if all_of_it is not None and idle is not None else None


def _cpu_to_pump(results: Sequence[Result]) -> float | None:
    own, pump = (middle(select(results, "bulk", "copy", tool), _tool_cpu) for tool in (OWN, PUMP))
    return own / pump if own and pump else None


def above_interpreter(results: Sequence[Result], step: str) -> float | None:
    """Peak memory of the passes beyond that of an interpreter that does nothing, in MiB."""
    own = _own(results, "memory", step, lambda result: result.peak_rss_bytes)
    bare = middle(select(results, "memory", "interpreter", "python"), lambda result: result.peak_rss_bytes)
    return (own - bare) / _MIB if own is not None and bare is not None else None


def _memory(step: str, bound_mib: float) -> Goal:
    return Goal(f"memory: {step}", "MiB above the interpreter", bound_mib, False, lambda r: above_interpreter(r, step))


def _seconds(run: str, step: str, bound: float) -> Goal:
    return Goal(f"{run}: {step}", "seconds", bound, False, lambda r: _own(r, run, step, lambda one: one.wall_seconds))


def goals() -> tuple[Goal, ...]:
    """All of them."""
    copies = (
        ("small", "copy", 0.85, PUMP),
        ("small", "copy", 2.0, "interimap"),
        ("small", "copy", 7.0, "mbsync"),
        ("small", "copy", 40.0, "imapsync"),
        ("bulk", "copy", 0.85, PUMP),
        ("bulk", "copy", 2.0, "interimap"),
        ("bulk", "copy", 2.0, "mbsync"),
        ("delay40", "copy", 0.8, PUMP),
        ("delay160", "copy", 0.8, PUMP),
        ("small", "no change", 1.0, "mbsync"),
        ("small", "100 new", 1.0, "mbsync"),
        ("single", "copy", 3.0, "mbsync"),
        ("maildir", "copy", 0.8, BARE_LOOP),
    )
    return (
        *(_faster(run, step, bound, other) for run, step, bound, other in copies),
        _faster("delay40", "copy", 3.0, *PEERS),
        _faster("delay160", "copy", 4.5, *PEERS),
        Goal("small: copy", "tool CPU µs a message, without start and end", 30.0, False, _message_microseconds),
        Goal("bulk: copy", "tool CPU / pump", 2.0, False, _cpu_to_pump),
        _memory("one pass SMALL", 64.0),
        _memory("one pass BULK", 64.0),
        _memory("50 passes", 512.0),
        _seconds("csv50000", "check and queue", 10.0),
        _seconds("csv50000", "first page", 0.1),
    )
