"""What is asked for before the folders are made is what the copy begins with."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, FetchJob, FolderPath, Item
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.backends.memory_server import MemoryServer
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Clock, Options
from mailferry.sync.plan import LAST_UID
from mailferry.sync.received import ReceivedRange
from mailferry.sync.run import run_pass

WORK, PLAY = FolderPath(("Work",)), FolderPath(("Play",))
EVERYTHING = ((1, LAST_UID),)
Counts = Mapping[FolderPath, int]


class Told(MemoryMailbox):
    """A source that notes what it was told to expect, and what it was asked for first."""

    def __init__(self, server: MemoryServer) -> None:
        super().__init__(server, side=Side.SOURCE)
        self.expected: list[FetchJob] = []
        self.first: FetchJob | None = None

    def expect(self, job: FetchJob) -> None:
        """Note the job."""
        self.expected.append(job)

    def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """Note the first job."""

        def noted() -> FetchJob | None:
            job = jobs()
            self.first = self.first or job
            return job

        return super().stream(noted)


def filled(counts: Counts, options: MemoryOptions | None = None) -> MemoryServer:
    """Make a server with so many messages in each folder."""
    server = MemoryServer(options)
    for path, count in counts.items():
        if path != INBOX:
            server.add_folder(path)
        for number in range(count):
            server.add_mail(path, b"Message-ID: <%d@%s>\r\n\r\n" % (number, str(path).encode()), set())
    return server


def copied(source: MemoryServer, target: MemoryServer, options: Options, state: Path) -> Told:
    """Run a pass and give its source."""

    async def run() -> Told:
        told = Told(source)
        ledger = SqliteLedger(state)

        async def open_source() -> MemoryMailbox:
            return told

        async def open_target() -> MemoryMailbox:
            return MemoryMailbox(target, side=Side.TARGET)

        try:
            await run_pass(open_source, open_target, ledger, ("s", "t"), options)
        finally:
            await ledger.close()
        return told

    return asyncio.run(run())


def test_a_new_mailbox(tmp_path: Path) -> None:
    source, target = filled({INBOX: 0, WORK: 3, PLAY: 2}), filled({})
    told = copied(source, target, Options(), tmp_path / "ledger")
    assert [(job.path, job.ranges) for job in told.expected] == [(PLAY, EVERYTHING)]
    source.add_mail(INBOX, b"Subject: new\r\n\r\n", set())
    assert not copied(source, target, Options(), tmp_path / "ledger").expected, "rows say what is new"


@pytest.mark.parametrize(
    ("counts", "there", "options"),
    [
        pytest.param({INBOX: 0}, {}, Options(), id="no mail"),
        pytest.param({INBOX: 3}, {INBOX: 1}, Options(), id="the target holds mail"),
        pytest.param({INBOX: 3, WORK: 1}, {WORK: 1}, Options(), id="another folder of the target holds mail"),
        pytest.param({INBOX: 3, WORK: 3}, {}, Options(max_items=5), id="more than the limit"),
        pytest.param({INBOX: 3}, {}, Options(received=ReceivedRange(start=5)), id="a range of dates"),
    ],
)
def test_more_must_be_looked_at_before(tmp_path: Path, counts: Counts, there: Counts, options: Options) -> None:
    assert not copied(filled(counts), filled(there), options, tmp_path / "ledger").expected


@pytest.mark.parametrize(("counts", "expected"), [({INBOX: 3}, True), ({INBOX: 3, WORK: 1}, False)])
def test_with_several_lanes_the_first_window_is_not_known(tmp_path: Path, counts: Counts, expected: bool) -> None:
    target = filled({}, MemoryOptions(multi_append=False))
    assert bool(copied(filled(counts), target, Options(), tmp_path / "ledger").expected) is expected


_COUNTS = st.dictionaries(st.sampled_from([INBOX, WORK, PLAY]), st.integers(0, 3))


@given(
    counts=_COUNTS,
    there=_COUNTS,
    multi=st.booleans(),
    max_items=st.integers(0, 6),
    newest_first=st.booleans(),
    lanes=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_what_was_expected_is_what_comes_first(
    counts: Counts, there: Counts, multi: bool, max_items: int, newest_first: bool, lanes: int
) -> None:
    options = Options(max_items=max_items, newest_first=newest_first, lanes=lanes)
    options = replace(options, clock=Clock(sleep=lambda seconds: asyncio.sleep(0)))
    with tempfile.TemporaryDirectory() as folder:
        target = filled(there, MemoryOptions(multi_append=multi))
        told = copied(filled(counts), target, options, Path(folder) / "ledger")
    for job in told.expected:
        assert told.first is not None
        assert (job.path, job.ranges) == (told.first.path, told.first.ranges)
