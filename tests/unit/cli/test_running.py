"""What is shown while a pass runs, and how it is stopped."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal

import pytest
from rich.console import Console

from mailferry import errors
from mailferry.backends.base import Reader
from mailferry.cli import displays
from mailferry.cli.copy import Early
from mailferry.cli.jsonlines import JsonLines, moment
from mailferry.cli.meter import Meter
from mailferry.cli.picture import draw
from mailferry.cli.stopping import Finished, Stopped, until_signal
from mailferry.errors import Retry, Side
from mailferry.sync.options import Event, FolderStats, Stats


def stats_of(*folders: FolderStats) -> Stats:
    return Stats({str(i).encode(): folder for i, folder in enumerate(folders)}, phase="copying")


def test_rates_and_time_left() -> None:
    folder = FolderStats("INBOX", "INBOX", found=1000, state="copying")
    meter = Meter(stats_of(folder))
    assert meter.read(100.0).left_seconds is None
    folder.copied, folder.size_bytes = 100, 5000
    first = meter.read(101.0)
    assert (first.messages_per_second, first.bytes_per_second, first.left_seconds) == (100.0, 5000.0, None)
    folder.copied, folder.size_bytes = 500, 25_000
    second = meter.read(105.0)
    assert (second.done, second.total, second.messages_per_second, second.left_seconds) == (500, 1000, 100.0, 5.0)


def test_rates_follow_the_last_seconds() -> None:
    folder = FolderStats("INBOX", "INBOX", found=10_000, state="copying")
    meter = Meter(stats_of(folder))
    for second in range(100):
        folder.copied = 10 * second if second < 50 else 500 + 100 * (second - 50)
        meter.read(float(second))
    assert meter.read(99.0).messages_per_second == pytest.approx(100.0)


def test_what_needs_no_work_counts_as_done() -> None:
    reading = Meter(
        stats_of(
            FolderStats("INBOX", "INBOX", found=10, had=10, state="unchanged"),
            FolderStats("Sent", "Sent", found=10, copied=5, adopted=2, skipped=2, left_out=1, state="copying"),
            FolderStats("Later", "Later", found=10, copied=1, state="copying"),
        )
    ).read(0.0)
    assert (reading.done, reading.total, reading.folders_done, reading.folders) == (21, 30, 2, 3)
    assert reading.current == "Later"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_picture_is_two_lines_in_any_terminal(width: int) -> None:
    name = "Clients/" + "a very long name of a folder, 会議室 " * 5
    stats = stats_of(*(FolderStats(name, name, found=100_000, copied=5, state="copying") for _ in range(900)))
    console = Console(width=width, file=io.StringIO(), force_terminal=True)
    with console.capture() as shown:
        console.print(draw(Meter(stats).read(0.0), 12.0))
    assert len(shown.get().splitlines()) <= (2 if width >= 80 else 3)


def test_lines_tell_of_folders_and_waiting() -> None:
    written: list[str] = []
    lines = displays.Lines(verbose=False, write=written.append)
    lines.event(Event("folder synced", {"folder": "a\x1bb", "copied": 1, "skipped": 2, "size_bytes": 2048}))
    lines.event(Event("retry", {"reason": "The server asked.", "code": "server-busy", "wait_seconds": 3.0}))
    lines.event(Event("outcome settled", {"folder": "a", "to_send_again": 0}))
    assert written == [
        "a\N{REPLACEMENT CHARACTER}b: 1 message copied, 2.0 KB, 2 skipped",
        "Trying again in 3.0 s: The server asked.",
    ]


def test_verbose_lines_tell_everything() -> None:
    written: list[str] = []
    displays.Lines(verbose=True, write=written.append).event(Event("folders mapped", {"folders": 3}))
    assert written == ["folders mapped folders=3"]


def test_json_events_are_one_a_line() -> None:
    stream = io.StringIO()
    display = displays.Json(JsonLines(stream))
    display.event(Event("folder synced", {"folder": "a\nb\udc80", "copied": 1}))
    assert stream.getvalue().count("\n") == 1
    event = json.loads(stream.getvalue())
    assert (event["event"], event["folder"], event["copied"]) == ("folder-synced", "a\nb\udc80", 1)
    assert event["at"].endswith("Z")


def test_a_reader_that_went_away_does_not_stop_the_copy() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    lines = JsonLines(stream)
    lines.write("one", {})
    lines.write("two", {})
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_moments() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(-1) is None
    assert moment(10**15) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_cancels_the_work_and_waits_for_its_end(number: int) -> None:
    done: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("closed")

    outcome = await until_signal(work(), lambda: done.append("told"))
    assert outcome == Stopped(number, clean=True)
    assert done == ["told", "closed"]


async def test_work_that_does_not_end_is_left() -> None:
    never = asyncio.Event()

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await never.wait()
        except asyncio.CancelledError:
            await never.wait()

    assert await until_signal(work(), lambda: None, grace_seconds=0.01) == Stopped(signal.SIGTERM, clean=False)
    never.set()


async def test_a_second_signal_ends_the_waiting() -> None:
    never = asyncio.Event()

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await never.wait()
        except asyncio.CancelledError:
            os.kill(os.getpid(), signal.SIGINT)
            await never.wait()

    outcome = await until_signal(work(), lambda: None, grace_seconds=200.0)
    assert outcome == Stopped(signal.SIGINT, clean=False)
    never.set()


async def test_without_a_signal_the_result_comes() -> None:
    async def work() -> int:
        return 7

    assert await until_signal(work(), lambda: None) == Finished(7)


async def test_errors_come_through() -> None:
    async def work() -> int:
        raise errors.OverQuota

    with pytest.raises(errors.OverQuota):
        await until_signal(work(), lambda: None)


class FakeReader:
    """Just what an opener needs."""

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


async def test_an_early_connection_is_handed_over_once() -> None:
    opened: list[FakeReader] = []

    async def opener() -> Reader:
        opened.append(FakeReader())
        return opened[-1]  # type: ignore[return-value]

    early = Early(opener)
    await asyncio.sleep(0)
    assert len(opened) == 1
    assert await early() is opened[0]  # type: ignore[comparison-overlap]
    assert await early() is opened[1]  # type: ignore[comparison-overlap]
    await early.drop()
    assert [reader.closed for reader in opened] == [False, False]


async def test_an_early_connection_that_nobody_wants_is_closed() -> None:
    reader = FakeReader()

    async def opener() -> Reader:
        return reader  # type: ignore[return-value]

    early = Early(opener)
    await asyncio.sleep(0)
    await early.drop()
    assert reader.closed


@pytest.mark.parametrize(
    ("kind", "retry"),
    [
        (errors.ConnectFailed, Retry.AFTER_REPAIR),
        (errors.ServerTimedOut, Retry.AFTER_REPAIR),
        (errors.ProtocolBroken, Retry.AFTER_REPAIR),
        (errors.ConnectionLost, Retry.SOON),
        (errors.ServerBusy, Retry.LATER),
    ],
)
async def test_only_the_first_failure_is_final(kind: type[errors.MailferryError], retry: Retry) -> None:
    async def opener() -> Reader:
        raise kind("no route", side=Side.SOURCE)

    early = Early(opener)
    with pytest.raises(kind) as first:
        await early()
    with pytest.raises(kind) as second:
        await early()
    assert (first.value.retry, second.value.retry) == (retry, kind.retry)
