"""A dry run says what the next run then does: with a limit of items, whatever was copied before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, FolderPath
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.cli.dryrun import Plan, Planner
from mailferry.cli.ledgers import snapshot
from mailferry.errors import Side
from mailferry.sync.folderfilter import FolderFilter
from mailferry.sync.options import Options
from mailferry.sync.received import ReceivedRange
from tests.unit.sync.test_pass import FAST, SENT, mail
from tests.unit.sync.test_received import BEGIN, DAY, RangeRig, filled

ARCHIVE = FolderPath(("Archive",))
FOLDERS = (INBOX, SENT, ARCHIVE)

Figures = dict[str, tuple[int, int, int]]
"""By folder, without those of which nothing is to be told: copied, over the limit, not received in the range."""


def newest(count: int, **more: object) -> Options:
    """Give the options of a copy of so many messages."""
    return replace(FAST, max_items=count, **more)  # type: ignore[arg-type]  # the caller names fields


async def plan(rig: RangeRig, options: Options) -> Plan:
    """Make the plan that `mailferry copy --dry-run` prints."""
    async with snapshot(rig.state, ("s", "t")) as ledger:
        source, target = MemoryMailbox(rig.source, side=Side.SOURCE), MemoryMailbox(rig.target, side=Side.TARGET)
        return await Planner(source, target, target.features, ledger, options).plan()


async def planned(rig: RangeRig, options: Options) -> Figures:
    """Say what the plan promises."""
    folders = (await plan(rig, options)).folders
    return {f.source: told for f in folders if any(told := (f.to_copy, f.over_limit, f.left_out))}


async def done(rig: RangeRig, options: Options) -> Figures:
    """Run it, and say what it did."""
    folders = (await rig.run(options)).stats.folders.values()
    return {f.source: told for f in folders if any(told := (f.copied, f.skipped, f.left_out))}


@pytest.fixture(params=["condstore", "no condstore"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> RangeRig:
    """Twenty messages, one of each day, which do not lie in the order of their dates."""
    return filled(tmp_path, None, MemoryOptions(condstore=request.param == "condstore"))


async def test_nothing_copied_yet(rig: RangeRig) -> None:
    assert await planned(rig, newest(4)) == await done(rig, newest(4)) == {"INBOX": (4, 16, 0)}


async def test_the_same_limit_as_before(rig: RangeRig) -> None:
    await rig.run(newest(4))
    assert await planned(rig, newest(4)) == await done(rig, newest(4)) == {"INBOX": (0, 16, 0)}


@pytest.mark.parametrize(("limit", "copied"), [(2, 0), (9, 5), (20, 16), (500_000, 16)])
async def test_another_limit_than_before(rig: RangeRig, limit: int, copied: int) -> None:
    await rig.run(newest(4))
    wanted = {} if (copied, 16 - copied) == (0, 0) else {"INBOX": (copied, 16 - copied, 0)}
    assert await planned(rig, newest(limit)) == await done(rig, newest(limit)) == wanted


@pytest.mark.parametrize(("limit", "figures"), [(4, (2, 16, 0)), (2, (2, 16, 0)), (9, (6, 12, 0))])
async def test_new_mail_since(rig: RangeRig, limit: int, figures: tuple[int, int, int]) -> None:
    await rig.run(newest(4))
    rig.source.add_mail(INBOX, mail(100), date=BEGIN)
    rig.source.add_mail(INBOX, mail(101), date=BEGIN + 30 * DAY)
    assert await planned(rig, newest(limit)) == await done(rig, newest(limit)) == {"INBOX": figures}


async def test_new_mail_in_a_new_folder_counts_among_the_newest(rig: RangeRig) -> None:
    await rig.run(newest(4))
    rig.source.add_folder(SENT)
    for number in range(100, 103):
        rig.source.add_mail(SENT, mail(number), date=BEGIN + 30 * DAY)
    wanted = {"INBOX": (2, 14, 0), "Sent": (3, 0, 0)}
    assert await planned(rig, newest(9)) == await done(rig, newest(9)) == wanted


async def test_a_limit_that_comes_after_everything_was_copied(rig: RangeRig) -> None:
    await rig.run()
    rig.source.add_mail(INBOX, mail(100), date=BEGIN)
    assert await planned(rig, newest(4)) == await done(rig, newest(4)) == {"INBOX": (1, 0, 0)}


async def test_new_uids_on_the_source_are_not_said_to_be_over_the_limit(rig: RangeRig) -> None:
    await rig.run(newest(4))
    rig.source.renew_uid_validity(INBOX)
    told = (await plan(rig, newest(4))).folders
    assert [folder.over_limit for folder in told] == [0]
    assert (await rig.run(newest(4))).stats.total("skipped") == 0


ARRIVALS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=12)
RANGES = st.sampled_from([*[ReceivedRange()] * 3, ReceivedRange(BEGIN + 2 * DAY, BEGIN + 6 * DAY)])
PASSES = st.lists(
    st.tuples(ARRIVALS, st.one_of(st.integers(1, 30), st.just(500_000)), st.booleans(), RANGES),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(passes=PASSES, condstore=st.booleans())
def test_the_plan_is_what_the_next_run_does(
    passes: Sequence[tuple[list[tuple[int, int]], int, bool, ReceivedRange]], condstore: bool
) -> None:
    """Each pass has new mail, perhaps in a new folder, any limit and range, and perhaps leaves one folder out."""

    async def run() -> None:
        with TemporaryDirectory() as place:
            rig = RangeRig(Path(place) / "ledger.db", None, MemoryOptions(condstore=condstore))
            number = 0
            for arrivals, limit, narrow, received in passes:
                for date, folder_no in arrivals:
                    number += 1
                    rig.source.add_folder(FOLDERS[folder_no])
                    rig.source.add_mail(FOLDERS[folder_no], mail(number), date=BEGIN + date * DAY)
                chosen = FolderFilter.parse((), ("Sent",) if narrow else ())
                options = newest(limit, filter=chosen, received=received)
                assert await planned(rig, options) == await done(rig, options)

    asyncio.run(run())
