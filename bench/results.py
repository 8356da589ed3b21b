"""What was measured: one `Result` for each run of a tool, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from bench.measure import Usage


@dataclass(frozen=True, slots=True)
class Result:
    """One tool at one step of a run. `moved` messages of together `moved_bytes` were to be copied;
    `wanted` and `found` are counts of the target afterwards.
    """

    run: str
    step: str
    tool: str
    round: int
    moved: int
    moved_bytes: int
    wanted: int
    found: int
    wall_seconds: float
    peak_rss_bytes: int = 0
    load: float = 0.0
    exit_code: int = 0
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    complaint: str = ""

    @property
    def right(self) -> bool:
        """True if everything arrived and the tool said so."""
        return self.found == self.wanted and self.exit_code == 0

    @property
    def messages_per_second(self) -> float:
        """Of what was to be copied."""
        return self.moved / self.wall_seconds

    @property
    def tool_microseconds(self) -> float:
        """Processor time of the tool for one message."""
        return self.cpu_seconds.get("tool", 0.0) / max(self.moved, 1) * 1e6

    def as_json(self) -> dict[str, object]:
        """All fields and the rates, for a file."""
        return {**asdict(self), "messages_per_second": round(self.messages_per_second, 1), "right": self.right}


def of_usage(usage: Usage) -> dict[str, object]:
    """The fields of a Result that come from a run of a program."""
    return {
        "wall_seconds": round(usage.wall_seconds, 4),
        "peak_rss_bytes": usage.peak_rss_bytes,
        "load": round(usage.load, 2),
        "exit_code": usage.exit_code,
        "cpu_seconds": {name: round(seconds, 3) for name, seconds in usage.cpu_seconds.items()},
        "complaint": usage.output[-400:] if usage.exit_code else "",
    }


def select(results: Iterable[Result], run: str, step: str, tool: str) -> list[Result]:
    """Those of all rounds."""
    return [result for result in results if (result.run, result.step, result.tool) == (run, step, tool)]


def middle(results: Sequence[Result], value: Callable[[Result], float]) -> float | None:
    """The median over the rounds, or None if there is none."""
    return median(map(value, results)) if results else None


def steps(results: Iterable[Result]) -> list[tuple[str, str]]:
    """Each (run, step) once, in the order of the first result."""
    return list(dict.fromkeys((result.run, result.step) for result in results))
