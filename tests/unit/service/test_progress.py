"""What is told of a pass while it runs: numbers that never fall, rates, lines that are stored once."""

from __future__ import annotations

import asyncio
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.jobs.engine import Job
from mailferry.migration.model import Progress, ReportLine
from mailferry.migration.states import PassKind, UserStatus
from mailferry.service.progress import ProgressWriter, Watched
from mailferry.store import claims, reports
from mailferry.store.errors import StoreUnavailable
from mailferry.sync.options import FolderStats, Stats
from tests.unit.service.scene import NOW, Scene

JOB = Job(1, 1, PassKind.INITIAL)
counts = st.integers(0, 50)


@given(
    before=st.builds(Progress, found=counts, synced=counts, skipped=counts, bytes_found=counts, bytes_synced=counts),
    steps=st.lists(st.tuples(st.integers(0, 2), counts, counts, counts, counts), max_size=12),
)
def test_numbers_never_fall_while_a_mailbox_is_looked_at_again(
    before: Progress, steps: list[tuple[int, int, int, int, int]]
) -> None:
    before = Progress(max(before.found, before.synced), before.synced, before.skipped, 0, *astuple(before)[4:6])
    stats = Stats()
    watched = Watched(JOB, stats, before, lambda: None)
    last = watched.progress()
    assert astuple(last)[:3] >= astuple(before)[:3]
    for place, found, copied, had, size_bytes in steps:
        name = b"%d" % place
        folder = stats.folders.setdefault(name, FolderStats(str(place), str(place)))
        folder.found += found
        folder.copied += copied
        folder.had += had
        folder.size_bytes += size_bytes
        now = watched.progress()
        names = ("found", "synced", "skipped", "bytes_synced")
        assert all(getattr(now, name) >= getattr(last, name) for name in names)
        assert now.bytes_found >= before.bytes_found, "an estimate may fall, but not behind where it began"
        assert now.synced <= now.found or not now.found
        last = now


def test_where_a_pass_is() -> None:
    done, current, next_one = (
        FolderStats("INBOX", "INBOX", state="done"),
        FolderStats("Sent", "Sent", state="copying"),
        None,
    )
    stats = Stats({b"1": done, b"2": current, b"3": FolderStats("Old", "Old")}, phase="copying")
    progress = Watched(JOB, stats, Progress(), lambda: next_one).progress()
    assert (progress.folder, progress.folders, progress.folders_done, progress.phase) == ("Sent", 3, 1, "copying")


def test_the_rate_follows_smoothly() -> None:
    watched = Watched(JOB, Stats(), Progress(), lambda: None)
    watched.measure(NOW, 1_000)
    assert watched.rate == 0
    watched.measure(NOW + 1, 2_000)
    assert watched.rate == 60_000
    watched.measure(NOW + 2, 2_000)
    assert watched.rate == pytest.approx(42_000)
    watched.measure(NOW + 2, 9_000)
    assert watched.rate == pytest.approx(42_000), "no time has gone by"


class Rig:
    """A user with a pass, and how often it was cancelled."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.writer = ProgressWriter(scene.database, scene.clock)
        self.cancelled = 0

    async def watch(self) -> Watched:
        await self.scene.places()
        await self.scene.batch("ann")
        source = await self.scene.endpoints.get("source")
        async with self.scene.database.begin() as connection:
            (claim,) = await claims.claim(connection, source, "w/", NOW, most=1)
        watched = Watched(Job(claim.user_id, claim.fence, claim.kind), Stats(), Progress(), self.cancel)
        self.writer.watch(watched)
        return watched

    def cancel(self) -> None:
        self.cancelled += 1

    async def lines(self) -> list[str]:
        async with self.scene.database.connect() as connection:
            return [line.text for line in await reports.lines(connection, 1)]


async def test_progress_and_lines_are_stored(scene: Scene) -> None:
    rig = Rig(scene)
    watched = await rig.watch()
    watched.stats.folders[b"1"] = FolderStats("INBOX", "INBOX", found=9, copied=4, size_bytes=100)
    watched.lines.append(ReportLine(NOW, "info", "one"))
    await rig.writer.write()
    await rig.writer.write()
    ann = (await scene.people())["ann"]
    assert (ann.progress.found, ann.progress.synced, ann.progress.bytes_synced) == (9, 4, 100)
    assert await rig.lines() == ["one"]
    assert rig.cancelled == 0


async def test_who_stops_or_is_fenced_is_cancelled_once(scene: Scene) -> None:
    rig = Rig(scene)
    watched = await rig.watch()
    await scene.users.stop("ann@contoso.com")
    await rig.writer.write()
    await rig.writer.write()
    assert rig.cancelled == 1
    rig.writer.forget(watched.job)
    fenced = Watched(Job(1, 0, PassKind.INITIAL), Stats(), Progress(), rig.cancel, [ReportLine(NOW, "info", "late")])
    rig.writer.watch(fenced)
    rig.writer.forget(watched.job)
    await rig.writer.write()
    assert rig.cancelled == 2, "the end of one pass does not end the watch over the next one"
    assert await rig.lines() == []


async def test_a_pass_that_ends_while_progress_is_written_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(scene)
    watched = await rig.watch()
    await scene.users.stop("ann@contoso.com")
    real = claims.progress

    async def and_meanwhile(*given: object, **more: object) -> UserStatus | None:
        status = await real(*given, **more)  # type: ignore[arg-type] # passed on as it came
        rig.writer.forget(watched.job)
        return status

    monkeypatch.setattr(claims, "progress", and_meanwhile)
    await rig.writer.write()
    assert rig.cancelled == 0


async def test_a_store_that_fails_loses_no_line(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(scene)
    rig.writer = ProgressWriter(scene.database, scene.clock, interval_seconds=0.001)
    watched = await rig.watch()
    watched.lines.append(ReportLine(NOW, "info", "one"))
    real, failures = reports.add_lines, 3

    async def fail(*given: object) -> None:
        nonlocal failures
        await real(*given)  # type: ignore[arg-type] # passed on as it came
        failures -= 1
        if failures >= 0:
            raise StoreUnavailable("The disk is full.")

    monkeypatch.setattr(reports, "add_lines", fail)
    telling = asyncio.create_task(rig.writer.run())
    async with asyncio.timeout(30):
        while await rig.lines() != ["one"]:
            await asyncio.sleep(0.01)
    assert not telling.done()
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
