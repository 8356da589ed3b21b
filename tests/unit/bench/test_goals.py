"""Judging results, and the tables of the report."""

from __future__ import annotations

import pytest

from bench.__main__ import NAMES, parse
from bench.goals import above_interpreter, goals, times_as_fast
from bench.report import goal_table, markdown, ratio_table, table
from bench.results import Result
from bench.runs import Sizes, copies


def result(tool: str, wall_seconds: float, run: str = "small", step: str = "copy", **more: object) -> Result:
    fields = {"moved": 100, "moved_bytes": 400_000, "wanted": 100, "found": 100, **more}
    return Result(run, step, tool, 0, wall_seconds=wall_seconds, **fields)  # type: ignore[arg-type]  # named above


def verdict(results: list[Result], work: str, measure: str) -> str:
    (goal,) = (goal for goal in goals() if (goal.work, goal.measure) == (work, measure))
    return goal.verdict(results)


def test_speed_is_compared_by_the_median_of_the_rounds() -> None:
    own = [result("mailferry", seconds) for seconds in (1.0, 2.0, 9.0)]
    assert times_as_fast([*own, result("mbsync", 8.0)], "small", "copy", ["mbsync"]) == 4.0


def test_the_best_rounds_can_be_compared() -> None:
    found = [result("mailferry", seconds) for seconds in (2.0, 1.0)] + [
        result("pump", seconds) for seconds in (3.0, 9.0)
    ]
    assert times_as_fast(found, "small", "copy", ["pump"], min) == 3.0


def test_the_fastest_of_several_counts() -> None:
    found = [result("mailferry", 1.0), result("mbsync", 8.0), result("interimap", 3.0)]
    assert times_as_fast(found, "small", "copy", ["mbsync", "interimap", "imapsync"]) == 3.0


@pytest.mark.parametrize(("wall", "said"), [(6.9, "below"), (7.0, "ok"), (7.1, "ok")])
def test_a_goal_that_wants_at_least(wall: float, said: str) -> None:
    assert verdict([result("mailferry", 1.0), result("mbsync", wall)], "small: copy", "speed / mbsync") == said


@pytest.mark.parametrize(("mib", "said"), [(73, "ok"), (74, "ok"), (75, "below")])
def test_a_goal_that_wants_at_most(mib: int, said: str) -> None:
    bare = result("python", 0.1, "memory", "interpreter", peak_rss_bytes=10 << 20)
    own = result("mailferry", 1.0, "memory", "one pass BULK", peak_rss_bytes=mib << 20)
    assert above_interpreter([bare, own], "one pass BULK") == mib - 10
    assert verdict([bare, own], "memory: one pass BULK", "MiB above the interpreter") == said


def test_without_a_peer_there_is_no_verdict() -> None:
    assert verdict([result("mailferry", 1.0)], "small: copy", "speed / imapsync") == "-"


def test_start_and_end_are_not_counted_as_work_on_messages() -> None:
    busy = result("mailferry", 1.0, cpu_seconds={"tool": 0.5})
    idle = result("mailferry", 1.0, step="no change", cpu_seconds={"tool": 0.4975})
    (goal,) = (goal for goal in goals() if goal.measure.startswith("tool CPU µs"))
    assert goal.value([busy, idle]) == pytest.approx(25.0)


def test_a_wrong_count_shows() -> None:
    lost = result("mailferry", 1.0, found=99)
    assert not lost.right
    text = markdown([lost, result("pump", 1.0)], ["two processors"])
    assert "WRONG" in text
    assert "small: copy, mailferry: 99 of 100" in text
    assert not result("mailferry", 1.0, exit_code=1).right


def test_the_report_compares_with_every_other_tool() -> None:
    text = ratio_table([result("mailferry", 2.0), result("pump", 1.0), result("mbsync", 5.0)])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    assert rows == [["small: copy", "pump", "0.50", "0.50"], ["small: copy", "mbsync", "2.50", "2.50"]]


def test_columns_line_up() -> None:
    lines = table(("a", "long head"), [("x" * 9, "1")]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(goal_table([]).splitlines()) == len(goals()) + 2


def test_every_goal_names_a_run_that_exists() -> None:
    assert {goal.work.partition(":")[0] for goal in goals()} <= set(NAMES)
    assert {what.name for what in copies(Sizes())} <= set(NAMES)


def test_the_command_line() -> None:
    assert parse([]).rounds == 2
    assert parse(["--quick"]).rounds == 1
    assert parse(["--only", "bulk", "--only", "memory"]).only == ["bulk", "memory"]
