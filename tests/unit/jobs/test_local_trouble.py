"""What the local engine says when no worker can be started."""

from __future__ import annotations

import sys
from pathlib import Path

from mailferry.jobs.engine import Job
from mailferry.jobs.local import LocalEngine
from tests.unit.jobs.conftest import COMMAND, until

UNLESS = """
import pathlib, runpy, sys
if not pathlib.Path(sys.argv[1]).exists():
    raise ValueError("the key does not fit")
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def nobody(job: Job, lost: bool) -> None:
    """No job ends here."""


async def test_a_failed_start_is_told_until_a_worker_is_ready(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    python, passes = COMMAND
    command = (python, "-c", UNLESS, str(allowed), passes)
    engine = LocalEngine(command, 1, settings={"folder": str(tmp_path)}, first_delay_seconds=0.05)
    assert engine.trouble() == ""
    await engine.open(nobody)
    try:
        await until(lambda: bool(engine.trouble()))
        assert engine.trouble() == "ValueError: the key does not fit"
        allowed.touch()
        await until(lambda: engine.free() > 0)
        assert engine.trouble() == ""
    finally:
        await engine.close()


async def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    engine = LocalEngine([str(tmp_path / "no-program")], 1)
    await engine.open(nobody)
    try:
        await until(lambda: bool(engine.trouble()))
        assert "no-program" in engine.trouble()
    finally:
        await engine.close()


async def test_an_end_without_a_word_has_its_status(tmp_path: Path) -> None:
    engine = LocalEngine([sys.executable, "-c", "raise SystemExit(7)"], 1)
    await engine.open(nobody)
    try:
        await until(lambda: bool(engine.trouble()))
        assert engine.trouble() == "the process ended with status 7"
    finally:
        await engine.close()
