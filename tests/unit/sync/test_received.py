"""Copies that are limited to mail received in a range: what is left out, and what becomes of it later."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, FetchJob, Flags, FolderPath, Item, Mail
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.backends.memory_server import MemoryServer
from mailferry.backends.memory_steps import Killed, Steps
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Options
from mailferry.sync.received import ReceivedRange
from mailferry.sync.run import PassResult, run_pass
from mailferry.sync.verify import FindingKind, VerifyOptions, VerifyReport, verify
from tests.unit.sync.test_pass import FAST, Rig, mail

CLIENTS = FolderPath(("Clients",))
DAY = 86_400
BEGIN = 1_735_689_600  # 2025-01-01
WHOLE_YEAR = ReceivedRange(BEGIN, BEGIN + 365 * DAY)


class Watching(MemoryMailbox):
    """Notes the UIDs of the messages whose bodies it hands over."""

    read: list[int]
    begin: Callable[[], object]

    async def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        self.begin()
        async for batch in super().stream(jobs):
            self.read += [item.uid for item in batch if isinstance(item, Mail)]
            yield batch


class RangeRig(Rig):
    """A rig that knows which bodies were read, and can be stopped."""

    def __init__(self, state: Path, target: MemoryOptions | None = None, source: MemoryOptions | None = None) -> None:
        super().__init__(state, target, source)
        self.read: list[int] = []
        self.begin: Callable[[], object] = lambda: None  # called before bodies are read

    async def run(self, options: Options = FAST, steps: Steps | None = None) -> PassResult:
        ledger = SqliteLedger(self.state) if steps is None else SqliteLedger(self.state, steps=steps.reach)

        async def open_source() -> MemoryMailbox:
            opened = Watching(self.source, side=Side.SOURCE, steps=steps)
            opened.read, opened.begin = self.read, self.begin
            return opened

        async def open_target() -> MemoryMailbox:
            return MemoryMailbox(self.target, side=Side.TARGET, steps=steps)

        self.read.clear()
        try:
            work = run_pass(open_source, open_target, ledger, ("s", "t"), options)
            return await (steps.run(work) if steps is not None else work)
        finally:
            await ledger.close()

    async def verify(self, received: ReceivedRange) -> VerifyReport:
        ledger = SqliteLedger(self.state)
        await ledger.open_pair("s", "t", 60.0)
        try:
            known = {row.source_raw: row.target_path for row in await ledger.folders()}
            sides = MemoryMailbox(self.source, side=Side.SOURCE), MemoryMailbox(self.target, side=Side.TARGET)
            return await verify(*sides, VerifyOptions(received=received), known_map=known, rows=ledger)
        finally:
            await ledger.close()

    def dates(self, folder: FolderPath = INBOX) -> list[int]:
        """Give the dates of what is on the target, in days since the beginning."""
        return sorted(((m.date or 0) - BEGIN) // DAY for m in self.target.mails(folder))


def within(*days: int, **changes: object) -> Options:
    """Give the options of a copy of mail received from one day on, and before another."""
    first, last = days
    return replace(FAST, received=ReceivedRange(BEGIN + first * DAY, BEGIN + last * DAY), **changes)  # type: ignore[arg-type]


@pytest.fixture(params=["multi", "single", "no uidplus", "no condstore"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> RangeRig:
    """Twenty messages, one of each day, which do not lie in the order of their dates."""
    target = {
        "multi": MemoryOptions(),
        "single": MemoryOptions(multi_append=False),
        "no uidplus": MemoryOptions(reports_new_ids=False),
        "no condstore": MemoryOptions(condstore=False),
    }[request.param]
    return filled(tmp_path, target, MemoryOptions(condstore=request.param != "no condstore"))


def filled(tmp_path: Path, target: MemoryOptions | None = None, source: MemoryOptions | None = None) -> RangeRig:
    made = RangeRig(tmp_path / "ledger.db", target, source)
    for number in range(20):
        made.source.add_mail(INBOX, mail(number), date=BEGIN + (number * 7 % 20) * DAY)
    return made


def uids_of(server: MemoryServer, *days: int) -> list[int]:
    """Give the UIDs of messages received from one day on, and before another."""
    first, last = days
    return [m.uid for m in server.mails(INBOX) if BEGIN + first * DAY <= (m.date or 0) < BEGIN + last * DAY]


async def test_only_the_range_is_copied_and_only_its_bodies_are_read(rig: RangeRig) -> None:
    result = await rig.run(within(5, 9))
    assert rig.dates() == [5, 6, 7, 8]
    assert sorted(rig.read) == uids_of(rig.source, 5, 9)
    assert (result.stats.total("copied"), result.stats.total("left_out"), result.stats.total("skipped")) == (4, 16, 0)
    assert (result.clean, result.exceptions) == (True, [])


async def test_the_range_ends_before_its_last_second(tmp_path: Path) -> None:
    rig = RangeRig(tmp_path / "ledger.db")
    for second in (-1, 0, 1, 59, 60, 61):
        rig.source.add_mail(INBOX, mail(second + 10), date=BEGIN + second)
    await rig.run(replace(FAST, received=ReceivedRange(BEGIN, BEGIN + 60)))
    assert [m.date for m in rig.target.mails(INBOX)] == [BEGIN, BEGIN + 1, BEGIN + 59]


async def test_mail_without_a_date_is_not_lost(tmp_path: Path) -> None:
    rig = RangeRig(tmp_path / "ledger.db")
    rig.source.add_mail(INBOX, mail(1), date=None)
    rig.source.add_mail(INBOX, mail(2), date=BEGIN + 30 * DAY)
    result = await rig.run(within(5, 9))
    assert [m.data for m in rig.target.mails(INBOX)] == [mail(1)]
    assert result.stats.total("left_out") == 1


async def test_the_next_passes_keep_to_the_range_and_flags_follow(rig: RangeRig) -> None:
    await rig.run(within(5, 9))
    again = await rig.run(within(5, 9))
    assert (rig.read, again.stats.total("copied"), again.stats.total("left_out")) == ([], 0, 16)
    assert again.stats.total("had") == 4
    rig.source.add_mail(INBOX, mail(100), date=BEGIN + 6 * DAY)
    rig.source.add_mail(INBOX, mail(101), date=BEGIN + 9 * DAY)
    rig.source.set_flags(INBOX, uids_of(rig.source, 5, 6)[0], {"\\Flagged"})
    rig.source.set_flags(INBOX, uids_of(rig.source, 1, 2)[0], {"\\Flagged"})
    third = await rig.run(within(5, 9))
    assert (len(rig.read), third.stats.total("left_out")) == (1, 17)
    assert rig.dates() == [5, 6, 6, 7, 8]
    assert ["\\Flagged" in m.flags for m in rig.target.mails(INBOX)].count(True) == 1


async def test_mail_that_comes_while_bodies_are_read_is_looked_at_by_the_next_pass(rig: RangeRig) -> None:
    def arrive() -> None:
        rig.source.add_mail(INBOX, mail(100), date=BEGIN + 6 * DAY)
        rig.source.add_mail(INBOX, mail(101), date=BEGIN + 10 * DAY)

    rig.begin = arrive
    await rig.run(within(5, 9))
    assert (len(rig.read), rig.dates()) == (4, [5, 6, 7, 8])
    rig.begin = lambda: None
    await rig.run(within(5, 9))
    assert (len(rig.read), rig.dates()) == (1, [5, 6, 6, 7, 8])


async def test_a_wider_range_brings_over_what_was_left_out(rig: RangeRig) -> None:
    await rig.run(within(5, 9))
    result = await rig.run(within(3, 12))
    assert rig.dates() == list(range(3, 12))
    assert sorted(rig.read) == sorted(uids_of(rig.source, 3, 5) + uids_of(rig.source, 9, 12))
    assert (result.stats.total("copied"), result.stats.total("left_out")) == (5, 11)
    assert (await rig.run(within(3, 12))).stats.total("copied") == 0
    await rig.run()
    assert rig.same()
    assert (await rig.run()).stats.total("left_out") == 0
    assert rig.read == []


async def test_a_narrower_range_removes_nothing(rig: RangeRig) -> None:
    await rig.run(within(3, 12))
    rig.source.add_mail(INBOX, mail(100), date=BEGIN + 4 * DAY)
    result = await rig.run(within(6, 8, mirror_deletions=True))
    assert rig.dates() == list(range(3, 12))
    assert result.stats.total("left_out") == 12
    await rig.run(within(3, 12))
    assert rig.dates() == [3, 4, *range(4, 12)]


async def test_what_was_refused_is_tried_again_only_if_it_is_in_the_range(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "contains a virus") if b"<1@" in data else None  # it is of the eighth day

    rig = filled(tmp_path, MemoryOptions(refuse=refuse))
    await rig.run(within(5, 9))
    assert rig.dates() == [5, 6, 8]
    await rig.run(within(5, 9))
    assert rig.read
    await rig.run(within(5, 7))
    assert rig.read == []


async def test_mail_that_is_left_out_is_not_among_the_newest_whose_flags_are_looked_at(tmp_path: Path) -> None:
    rig = filled(tmp_path, MemoryOptions(condstore=False), MemoryOptions(condstore=False))
    daily = within(5, 9, newest_flags=4, full_flags=False)
    await rig.run(daily)
    for number in range(5):
        rig.source.add_mail(INBOX, mail(100 + number), date=BEGIN + 15 * DAY)
    await rig.run(daily)
    rig.source.set_flags(INBOX, uids_of(rig.source, 5, 9)[0], {"\\Seen"})
    await rig.run(daily)
    assert ["\\Seen" in m.flags for m in rig.target.mails(INBOX)].count(True) == 1


async def test_what_was_expunged_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(within(5, 9))
    rig.source.expunge(INBOX, uids_of(rig.source, 0, 3))
    result = await rig.run()
    assert rig.same()
    assert result.clean
    again = await rig.run()
    assert again.stats.total("left_out") == 0
    assert {folder.state for folder in again.stats.folders.values()} == {"unchanged"}


async def test_followed_deletions_are_those_of_the_range(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    mirror = within(5, 15, mirror_deletions=True)
    await rig.run(mirror)
    rig.source.expunge(INBOX, [*uids_of(rig.source, 5, 6), *uids_of(rig.source, 0, 2)])
    result = await rig.run(mirror)
    assert (result.stats.total("removed"), result.warnings) == (1, [])
    assert rig.dates() == list(range(6, 15))
    assert (await rig.run(mirror)).stats.total("removed") == 0


async def test_mail_that_was_moved_and_is_left_out_there_stays_where_it_was(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    rig.source.add_folder(CLIENTS)
    mirror = within(5, 15, mirror_deletions=True)
    await rig.run(mirror)
    (uid,) = uids_of(rig.source, 7, 8)
    (moved,) = [m for m in rig.source.mails(INBOX) if m.uid == uid]
    rig.source.add_mail(CLIENTS, moved.data, date=BEGIN + 30 * DAY)  # a client that gives it a new date
    rig.source.expunge(INBOX, [uid])
    await rig.run(mirror)
    assert rig.dates() == list(range(5, 15))
    assert rig.dates(CLIENTS) == []


async def test_mail_that_is_there_already_is_matched_whatever_its_date(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    for m in rig.source.mails(INBOX)[:10]:
        rig.target.add_mail(INBOX, m.data, m.flags, date=m.date)
    result = await rig.run(within(0, 10))
    assert result.stats.total("adopted") == 10
    await rig.run()
    assert rig.same()


async def test_changed_uids_are_looked_at_anew(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(within(5, 9))
    rig.source.renew_uid_validity(INBOX)
    result = await rig.run(within(5, 9))
    assert (rig.dates(), result.stats.total("left_out")) == ([5, 6, 7, 8], 16)
    rig.target.renew_uid_validity(INBOX)
    await rig.run(within(3, 9))
    rig.target.renew_uid_validity(INBOX)
    await rig.run(within(3, 9))
    assert rig.dates() == [3, 4, 5, 6, 7, 8]
    await rig.run()
    assert rig.same()


async def test_the_limit_of_items_counts_mail_of_the_range(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    result = await rig.run(within(2, 12, max_items=4))
    assert rig.dates() == [8, 9, 10, 11]
    assert (result.stats.total("skipped"), result.stats.total("left_out")) == (6, 10)
    assert (await rig.run(within(2, 6, max_items=4))).warnings  # the older ones stay over the limit


async def test_a_range_of_old_mail_is_not_over_the_limit_of_items(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    result = await rig.run(within(0, 4, max_items=4))
    assert rig.dates() == [0, 1, 2, 3]
    assert result.clean


async def test_verify_with_the_range_misses_nothing(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(within(5, 9))
    found = await rig.verify(WHOLE_YEAR)
    assert (found.totals.missing, found.totals.skipped) == (0, 16)  # the ledger says why
    found = await rig.verify(within(5, 9).received)
    assert (found.ok, found.complete, found.totals.equal, found.totals.left_out) == (True, True, 4, 16)
    assert found.findings == []
    rig.target.expunge(INBOX, [1])
    found = await rig.verify(within(5, 9).received)
    assert (found.totals.missing, [x.kind for x in found.findings]) == (1, [FindingKind.MISSING])


async def test_of_two_twins_verify_wants_the_one_of_the_range(tmp_path: Path) -> None:
    rig = RangeRig(tmp_path / "ledger.db", MemoryOptions(keeps_internal_date=False))
    for day in (0, 6):
        rig.source.add_mail(INBOX, mail(1), date=BEGIN + day * DAY)
    rig.target.add_mail(INBOX, mail(1), date=BEGIN + 99 * DAY)
    found = await rig.verify(within(5, 9).received)
    assert (found.totals.equal, found.totals.left_out, found.totals.missing) == (1, 1, 0)


DATES = st.lists(st.integers(0, 9), max_size=12)
RANGES = st.tuples(st.integers(0, 9), st.integers(1, 10)).map(lambda x: (min(x[0], x[1] - 1), max(x[0] + 1, x[1])))
PASSES = st.lists(st.tuples(DATES, RANGES, st.integers(0, 60)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(passes=PASSES, multi=st.booleans())
def test_each_message_that_some_pass_wanted_is_there_once(
    passes: Sequence[tuple[list[int], tuple[int, int], int]], multi: bool
) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            rig = RangeRig(Path(folder) / "ledger.db", MemoryOptions(multi_append=multi))
            wanted: Counter[bytes] = Counter()
            number = 0
            for dates, days, stop in passes:
                for date in dates:
                    number += 1
                    rig.source.add_mail(INBOX, mail(number), date=BEGIN + date * DAY)
                steps = Steps(stop or ())
                try:
                    await rig.run(within(*days), steps)
                except Killed:
                    await rig.run(within(*days))
                here = [m for m in rig.source.mails(INBOX) if m.uid in uids_of(rig.source, *days)]
                wanted |= Counter(m.data for m in here)
                assert Counter(m.data for m in rig.target.mails(INBOX)) == wanted
            await rig.run()
            assert rig.same()

    asyncio.run(run())


def test_a_range_is_made_of_moments_with_a_zone() -> None:
    east = datetime(2025, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert ReceivedRange.between(east, None) == ReceivedRange(BEGIN, None)
    assert str(ReceivedRange.between(east, east + timedelta(1))) == (
        "from 2025-01-01T00:00:00Z to before 2025-01-02T00:00:00Z"
    )
    with pytest.raises(ValueError, match="time zone"):
        ReceivedRange.between(datetime(2025, 1, 1), None)  # noqa: DTZ001 - that is what is refused
    with pytest.raises(ValueError, match="ends before"):
        ReceivedRange.between(east, east)
    assert ReceivedRange.between(None, datetime(1, 1, 1, tzinfo=UTC)).admits(-(10**12))
