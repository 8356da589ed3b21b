"""The engine of one machine, with real worker processes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailferry.jobs.local import LocalEngine
from mailferry.jobs.process import worker_environment
from tests.unit.jobs.conftest import COMMAND, Bench, alive, job, until

PARENT = """
import asyncio, sys
from mailferry.jobs.local import LocalEngine
from tests.unit.jobs.conftest import job

async def main():
    engine = LocalEngine(sys.argv[2:], 1, settings={"folder": sys.argv[1]})
    await engine.open(lambda job, lost: None)
    await engine.run(job(1))
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_jobs_run_and_end(bench: Bench) -> None:
    async with bench.engine() as engine:
        for user_id in range(1, 6):
            await engine.run(job(user_id))
        await until(lambda: len(bench.ended) == 5)
        assert sorted(bench.ended) == [(user_id, False) for user_id in range(1, 6)]
        assert engine.free() == 50
    assert [note[:4] for note in bench.notes("begin 1")] == [["begin", "1", "initial", "1"]]
    assert bench.notes()[-1] == ["closed"]


async def test_jobs_are_spread_and_no_worker_gets_more_than_its_share(bench: Bench) -> None:
    async with bench.engine(workers=2, per_worker=2) as engine:
        for user_id in range(1, 7):
            bench.word(user_id, "long")
            await engine.run(job(user_id))
        assert engine.free() == 0
        await until(lambda: len(bench.begun()) == 4)
        by_process = [note[4] for note in bench.notes("begin")]
        assert sorted(map(by_process.count, set(by_process))) == [2, 2]
        await engine.stop(1)
        await until(lambda: len(bench.begun()) == 5)
        assert bench.begun()[4] == 5


async def test_a_stop_reaches_a_running_pass_and_one_that_waits(bench: Bench) -> None:
    async with bench.engine(per_worker=1) as engine:
        bench.word(1, "long")
        await engine.run(job(1))
        await engine.run(job(2))
        await until(lambda: bench.begun() == [1])
        await engine.stop(2)
        await engine.stop(3)
        assert bench.ended == [(2, False)]
        await engine.stop(1)
        await until(lambda: (1, False) in bench.ended)
        assert bench.notes("stopped") == [["stopped", "1", "asked"]]
    assert bench.begun() == [1]


async def test_closing_hands_back_what_runs(bench: Bench) -> None:
    bench.word(1, "long")
    async with bench.engine(per_worker=1) as engine:
        await engine.run(job(1))
        await engine.run(job(2))
        await until(lambda: bench.begun() == [1])
        processes = engine.process_ids()
    assert sorted(bench.ended) == [(1, False), (2, False)]
    assert bench.notes("stopped") == [["stopped", "1", "shutdown"]]
    assert not any(map(alive, processes))


async def test_closing_kills_what_does_not_end(bench: Bench) -> None:
    bench.word(1, "deaf")
    async with bench.engine(grace_seconds=0.2) as engine:
        await engine.run(job(1))
        await until(lambda: bench.begun() == [1])
        processes = engine.process_ids()
    assert bench.ended == [(1, True)]
    assert not any(map(alive, processes))


async def test_closing_before_the_workers_are_there(bench: Bench) -> None:
    engine = LocalEngine(COMMAND, 2, settings={"folder": str(bench.folder)})
    await engine.open(bench.note_end)
    await engine.run(job(1))
    await engine.close()
    assert bench.ended == [(1, False)]
    assert bench.begun() == []


async def test_a_killed_worker_loses_its_jobs_and_is_replaced(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async with bench.engine() as engine:
        bench.word(1, "long")
        await engine.run(job(1))
        await until(lambda: bench.begun() == [1])
        (process,) = engine.process_ids()
        os.kill(process, signal.SIGKILL)
        await until(lambda: bench.ended == [(1, True)])
        await until(lambda: engine.free() == 50)
        assert engine.process_ids() != [process]
        await engine.run(job(2))
        await until(lambda: (2, False) in bench.ended)
    (record,) = [record for record in caplog.records if record.message == "worker ended unexpectedly"]
    assert vars(record)["status"] == -signal.SIGKILL


async def test_a_worker_that_is_told_to_end_hands_its_jobs_back(bench: Bench) -> None:
    bench.word(1, "long")
    async with bench.engine() as engine:
        await engine.run(job(1))
        await until(lambda: bench.begun() == [1])
        (process,) = engine.process_ids()
        os.kill(process, signal.SIGINT)  # Ctrl-C is for the service
        os.kill(process, signal.SIGTERM)
        await until(lambda: bench.ended == [(1, False)])
        await until(lambda: engine.process_ids() not in ([], [process]))
    assert bench.notes("stopped") == [["stopped", "1", "shutdown"]]


async def test_a_worker_that_stands_still_is_killed(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async with bench.engine(ping_seconds=0.5) as engine:
        bench.word(1, "hang")
        await engine.run(job(1))
        await until(lambda: bench.ended == [(1, True)])
    assert "worker does not answer" in [record.message for record in caplog.records]


async def test_code_that_fails_is_a_loss_and_is_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench.word(1, "raise")
    async with bench.engine() as engine:
        await engine.run(job(1))
        await until(lambda: bench.ended == [(1, True)])
        await until(lambda: "ValueError: no such pass" in [vars(record).get("line") for record in caplog.records])
    assert {vars(record)["worker"] for record in caplog.records if record.message == "worker says"} == {1}


async def test_what_a_pass_prints_is_logged_and_harms_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench.word(1, "print")
    async with bench.engine() as engine:
        await engine.run(job(1))
        await until(lambda: bench.ended == [(1, False)])
    said = {record.levelno: vars(record)["line"] for record in caplog.records if record.message == "worker says"}
    assert said == {
        logging.INFO: "this is not a message of the protocol",
        logging.ERROR: {"level": "error", "event": "a line of a log in JSON"},
    }


async def test_suspects_are_kept_apart(bench: Bench) -> None:
    async with bench.engine(workers=2) as engine:
        for user_id in range(1, 6):
            bench.word(user_id, "long")
            await engine.run(job(user_id, losses=2 if user_id <= 3 else 1))
        await until(lambda: len(bench.begun()) == 4)
        assert sorted(bench.begun()) == [1, 2, 4, 5]
        assert len({note[4] for note in bench.notes("begin") if note[1] in "12"}) == 2
        await engine.stop(2)
        await until(lambda: 3 in bench.begun())


async def test_a_command_that_does_not_exist_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    engine = LocalEngine(["/nonexistent/worker"], 1, first_delay_seconds=0.01)
    await engine.open(lambda job, lost: None)
    await until(lambda: [record.message for record in caplog.records].count("worker could not be started") >= 2)
    assert engine.free() == 0
    await engine.close()


async def test_a_worker_that_talks_nonsense_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    engine = LocalEngine([sys.executable, "-c", "print('hello'); input(); input()"], 1, first_delay_seconds=0.01)
    await engine.open(lambda job, lost: None)
    await until(lambda: [record.message for record in caplog.records].count("worker said what is not a message") >= 2)
    await engine.close()


async def test_the_workers_vanish_with_their_parent(bench: Bench) -> None:
    bench.word(1, "long")
    command = [sys.executable, "-c", PARENT, str(bench.folder), *COMMAND]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root) as parent:
        try:
            await until(lambda: bench.begun() == [1])
            worker = int(bench.notes("begin")[0][4])
            assert alive(worker)
        finally:
            parent.kill()
    await until(lambda: not alive(worker))
    assert bench.notes("end") == []


async def test_settings_are_in_no_process_list(bench: Bench) -> None:
    async with bench.engine() as engine:
        (process,) = engine.process_ids()
        seen = await asyncio.to_thread(
            lambda: Path(f"/proc/{process}/cmdline").read_bytes() + Path(f"/proc/{process}/environ").read_bytes()
        )
        assert str(bench.folder).encode() not in seen


def test_a_worker_gets_a_part_of_the_environment() -> None:
    given = {"PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "src"}
    assert worker_environment({**given, "MAILFERRY_TOKEN": "secret", "PGPASSWORD": "secret"}) == given
