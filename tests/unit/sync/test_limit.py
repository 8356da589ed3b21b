"""The limit of items: which messages are the newest, and what becomes of the others when the limit is raised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, Flags, FolderPath
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.backends.memory_steps import Killed, Steps
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState, ExceptionKind, ExceptionRow
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.leftrows import LIMIT
from mailferry.sync.options import Options
from mailferry.sync.packed import Columns, RowOutcome, merge_ranges
from mailferry.sync.received import ReceivedRange
from tests.unit.sync.test_pass import FAST, SENT, mail
from tests.unit.sync.test_received import BEGIN, DAY, RangeRig, filled, within

ARCHIVE = FolderPath(("Archive",))
OPEN = ReceivedRange()


def newest(count: int) -> Options:
    """Give the options of a copy of so many messages."""
    return replace(FAST, max_items=count)


async def opened(rig: RangeRig) -> SqliteLedger:
    ledger = SqliteLedger(rig.state)
    await ledger.open_pair("s", "t", 60.0)
    return ledger


async def as_an_earlier_version_wrote_it(rig: RangeRig) -> None:
    """Put ranges without messages in the place of the rows of what is over the limit, and a note under a UID."""
    ledger = await opened(rig)
    notes = {row.folder_id: row for row in await ledger.exceptions() if row.kind == ExceptionKind.OVER_LIMIT}
    for folder in await ledger.folders():
        chunks = await ledger.chunks(folder.id)
        marks = [chunk for chunk in chunks if chunk.mode == LIMIT]
        uids = sorted(
            uid
            for chunk in marks
            for uid, outcome in zip(chunk.columns.uids, chunk.columns.outcomes, strict=True)
            if outcome == RowOutcome.OVER_LIMIT
        )
        await ledger.clear_exceptions(folder.id, [0], kinds=[ExceptionKind.OVER_LIMIT])
        if not uids:
            continue
        validity = folder.source_uid_validity
        most = json.loads(notes[folder.id].detail)["max_items"]
        detail = {"messages": len(uids), "first_uid": uids[0], "last_uid": uids[-1], "max_items": most}
        ranges = merge_ranges((uid, uid) for uid in uids)
        settled = (ChunkState.SETTLED, ChunkKind.ADOPT, "over-limit", validity, 0, 0)
        old = [ChunkRow(0, folder.id, 0, *settled, cover, Columns()) for cover in ranges]
        await ledger.replace_chunks(folder.id, [*old, *(chunk for chunk in chunks if chunk not in marks)])
        await ledger.add_exceptions(
            [
                ExceptionRow(
                    folder.id,
                    validity,
                    uids[-1],
                    ExceptionKind.OVER_LIMIT,
                    "over-limit",
                    f"{len(uids)} messages are older than the newest {most}",
                    detail=json.dumps(detail),
                )
            ]
        )
    await ledger.close()


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


async def test_a_raised_limit_finds_older_mail_between_newer_uids(rig: RangeRig) -> None:
    for limit in (4, 9, 15):
        result = await rig.run(newest(limit))
        assert rig.dates() == list(range(20 - limit, 20))
        assert (result.stats.total("skipped"), result.clean) == (20 - limit, False)
        assert [row.server_text for row in result.exceptions] == [
            f"{20 - limit} messages are older than the newest {limit}"
        ]
    result = await rig.run()
    assert rig.same()
    assert (result.clean, result.exceptions, result.warnings) == (True, [], [])
    assert (await rig.run()).stats.total("copied") == 0


async def test_the_newest_are_exactly_so_many_however_many_share_a_date(tmp_path: Path) -> None:
    rig = RangeRig(tmp_path / "ledger.db")
    for number in range(17):
        rig.source.add_mail(INBOX, mail(number), date=BEGIN)
    await rig.run(newest(4))
    assert [m.data for m in rig.target.mails(INBOX)] == [mail(number) for number in range(13, 17)]
    await rig.run(newest(6))
    assert {m.data for m in rig.target.mails(INBOX)} == {mail(number) for number in range(11, 17)}
    await rig.run()
    assert rig.same()


async def test_messages_of_one_date_in_two_folders_are_chosen_by_uid(tmp_path: Path) -> None:
    rig = RangeRig(tmp_path / "ledger.db")
    rig.source.add_folder(SENT)
    for number in range(6):
        rig.source.add_mail(SENT if number % 2 else INBOX, mail(number), date=BEGIN)
    await rig.run(newest(3))
    there = [m.data for folder in (INBOX, SENT) for m in rig.target.mails(folder)]
    assert len(there) == 3
    assert {mail(4), mail(5)} <= set(there)


async def test_mail_without_a_date_is_the_oldest(tmp_path: Path) -> None:
    rig = RangeRig(tmp_path / "ledger.db")
    for number in range(4):
        rig.source.add_mail(INBOX, mail(number), date=BEGIN if number < 2 else None)
    await rig.run(newest(3))
    assert {m.data for m in rig.target.mails(INBOX)} == {mail(0), mail(1), mail(3)}


async def test_new_uids_on_the_target_do_not_lose_what_is_over_the_limit(rig: RangeRig) -> None:
    await rig.run(newest(4))
    for limit in (4, 9):
        rig.target.renew_uid_validity(INBOX)
        result = await rig.run(newest(limit))
        assert (rig.dates(), result.stats.total("skipped")) == (list(range(20 - limit, 20)), 20 - limit)
    await rig.run()
    assert rig.same()


async def test_new_uids_on_the_source_may_let_more_in_and_lose_nothing(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(newest(4))
    rig.source.renew_uid_validity(INBOX)
    result = await rig.run(newest(4))
    assert rig.same()
    assert (result.clean, result.stats.total("skipped")) == (True, 0)


async def test_verify_knows_each_message_that_is_over_the_limit(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(newest(4))
    found = await rig.verify(OPEN)
    assert (found.totals.missing, found.totals.skipped, found.totals.equal, found.complete) == (0, 16, 4, False)
    assert {finding.detail for finding in found.findings} == {"over the limit of items"}


async def test_new_mail_passes_whatever_its_date_and_a_lower_limit_removes_nothing(rig: RangeRig) -> None:
    await rig.run(newest(4))
    rig.source.add_mail(INBOX, mail(100), date=BEGIN)
    assert (await rig.run(newest(2))).stats.total("copied") == 1
    assert rig.dates() == [0, 16, 17, 18, 19]
    rig.source.add_mail(INBOX, mail(101), date=BEGIN)
    await rig.run(newest(6))
    assert rig.dates() == [0, 0, *range(14, 20)]
    assert rig.read != []
    await rig.run(newest(6))
    assert rig.read == []


async def test_what_is_over_the_limit_and_expunged_is_not_waited_for(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(newest(4))
    rig.source.expunge(INBOX, [m.uid for m in rig.source.mails(INBOX) if (m.date or 0) < BEGIN + 5 * DAY])
    result = await rig.run()
    assert rig.same()
    assert result.clean
    again = await rig.run()
    assert {folder.state for folder in again.stats.folders.values()} == {"unchanged"}


async def test_mail_over_the_limit_that_the_target_has_is_not_doubled(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    for m in rig.source.mails(INBOX)[:10]:
        rig.target.add_mail(INBOX, m.data, m.flags, date=m.date)
    result = await rig.run(newest(4))
    assert result.stats.total("adopted") == 10
    await rig.run()
    assert rig.same()


async def test_flags_and_deletions_follow_beside_what_is_over_the_limit(tmp_path: Path) -> None:
    rig = filled(tmp_path, MemoryOptions(condstore=False), MemoryOptions(condstore=False))
    daily = replace(newest(10), mirror_deletions=True, newest_flags=10, full_flags=False)
    await rig.run(daily)
    of_day = {((m.date or 0) - BEGIN) // DAY: m.uid for m in rig.source.mails(INBOX)}
    for day in (14, 3):  # a small UID: what is over the limit must not be among the newest
        rig.source.set_flags(INBOX, of_day[day], {"\\Flagged"})
    rig.source.expunge(INBOX, [of_day[19], of_day[2]])
    result = await rig.run(daily)
    assert rig.dates() == list(range(10, 19))
    assert result.stats.total("removed") == 1
    assert result.warnings == ["INBOX: 10 older messages are over the limit of 10"]
    assert ["\\Flagged" in m.flags for m in rig.target.mails(INBOX)].count(True) == 1


async def test_a_range_that_changes_is_chosen_from_anew(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(within(2, 12, max_items=4))
    assert rig.dates() == [8, 9, 10, 11]
    await rig.run(within(4, 7))  # without a limit, but not all of what was over it
    assert rig.dates() == [4, 5, 6, 8, 9, 10, 11]
    await rig.run()
    assert rig.same()


async def test_the_message_that_is_lost_and_expunged_is_asked_for_once(rig: RangeRig) -> None:
    await rig.run()
    ledger = await opened(rig)
    (row, *_) = await ledger.folders()
    (chunk, *_) = await ledger.chunks(row.id)
    chunk.columns.outcomes[0] = RowOutcome.LOST
    await ledger.settle_chunk(chunk.id, chunk.columns)
    await ledger.close()
    rig.source.expunge(INBOX, [chunk.columns.uids[0]])
    await rig.run()
    ledger = await opened(rig)
    assert await ledger.lost_uids(row.id) == set()
    assert (await ledger.counts())[row.id].lost == 0
    await ledger.close()
    assert (await rig.run()).clean


async def test_what_is_refused_stays_to_be_tried_again(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "contains a virus") if b"<1@" in data else None  # it is of the eighth day

    rig = filled(tmp_path, MemoryOptions(refuse=refuse))
    await rig.run(newest(4))
    result = await rig.run(newest(14))
    assert [row.kind for row in result.exceptions] == ["over-limit", "skipped"]
    result = await rig.run()
    assert [row.kind for row in result.exceptions] == ["skipped"]
    assert rig.dates() == [day for day in range(20) if day != 7]


async def test_what_is_too_large_is_not_read_again_after_the_limit_was_raised(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    rig.source.add_mail(INBOX, mail(100, b"x" * 2_000), date=BEGIN)
    small = replace(newest(4), max_message_bytes=1_000)
    await rig.run(small)
    rig.read.clear()
    small = replace(small, max_items=21)
    await rig.run(small)
    assert len(rig.read) == 17
    result = await rig.run(small)
    assert (rig.read, [row.code for row in result.exceptions]) == ([], ["too-large"])
    await rig.run()
    assert rig.same()


async def test_the_limit_costs_nothing_where_it_is_not_reached(tmp_path: Path) -> None:
    plain, limited = filled(tmp_path / "1"), filled(tmp_path / "2")
    trips = [(await rig.run(options)).stats.round_trips for rig, options in ((plain, FAST), (limited, newest(20)))]
    assert trips[0] == trips[1]
    ledger = await opened(limited)
    assert await ledger.exceptions() == []
    await ledger.close()


@pytest.mark.parametrize("limits", [(4, 9), (4, 21)])
async def test_a_ledger_of_an_earlier_version_loses_nothing(tmp_path: Path, limits: tuple[int, int]) -> None:
    rig = filled(tmp_path)
    await rig.run(newest(limits[0]))
    await as_an_earlier_version_wrote_it(rig)
    found = await rig.verify(OPEN)
    assert (found.totals.missing, found.totals.skipped) == (0, 16)
    rig.source.add_mail(INBOX, mail(100), date=BEGIN)
    result = await rig.run(newest(limits[0]))
    assert rig.dates() == [0, *range(16, 20)]
    assert [row.uid for row in result.exceptions] == [0]
    assert result.stats.total("skipped") == 16
    rig.target.renew_uid_validity(INBOX)
    for limit in limits:
        await rig.run(newest(limit))
        assert rig.dates() == [0, *range(max(0, 20 - limit), 20)]
    await rig.run()
    assert rig.same()


async def test_an_earlier_version_that_was_stopped_after_its_choice_is_gone_on_from(tmp_path: Path) -> None:
    def stop() -> None:
        raise Killed

    rig = filled(tmp_path)
    rig.begin = stop
    with pytest.raises(Killed):
        await rig.run(newest(4))
    rig.begin = lambda: None
    await as_an_earlier_version_wrote_it(rig)
    result = await rig.run(newest(4))
    assert (rig.dates(), result.stats.total("skipped")) == ([16, 17, 18, 19], 16)


async def test_what_an_earlier_version_lost_when_a_limit_was_raised_is_found(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(newest(9))
    ledger = await opened(rig)
    (folder,) = await ledger.folders()
    chunks = await ledger.chunks(folder.id)
    lost = [m.uid for m in rig.source.mails(INBOX) if (m.date or 0) == BEGIN + 12 * DAY]
    for chunk in chunks:  # its row is gone, but the range of another one holds it
        kept = [i for i, uid in enumerate(chunk.columns.uids) if uid not in lost]
        columns = Columns()
        old = chunk.columns
        columns.extend(
            [(old.uids[i], old.identities[i], old.dates[i], old.sizes[i], old.digest(i), old.flags[i]) for i in kept]
        )
        columns.outcomes[:] = bytes(old.outcomes[i] for i in kept)
        chunk.columns = columns
    await ledger.replace_chunks(folder.id, chunks)
    await ledger.close()
    rig.target.expunge(INBOX, [m.uid for m in rig.target.mails(INBOX) if (m.date or 0) == BEGIN + 12 * DAY])
    await as_an_earlier_version_wrote_it(rig)
    await rig.run(newest(9))
    assert rig.dates() == list(range(11, 20))


FOLDERS = (INBOX, SENT, ARCHIVE)
ARRIVALS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=14)
PASSES = st.lists(st.tuples(ARRIVALS, st.integers(1, 12), st.integers(0, 60)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(passes=PASSES, multi=st.booleans(), earlier=st.booleans(), renew=st.booleans())
def test_the_newest_are_there_and_in_the_end_each_message_once(
    passes: Sequence[tuple[list[tuple[int, int]], int, int]], multi: bool, earlier: bool, renew: bool
) -> None:
    """Each pass has new mail, raises the limit by some, and is stopped at some step (0: never) and run again."""

    async def run() -> None:
        with TemporaryDirectory() as place:
            rig = RangeRig(Path(place) / "ledger.db", MemoryOptions(multi_append=multi))
            for folder in FOLDERS[1:]:
                rig.source.add_folder(folder)
            known: set[bytes] = set()  # what a pass has seen
            there: set[bytes] = set()
            number = limit = 0
            for pass_no, (arrivals, more, stop) in enumerate(passes):
                for date, folder_no in arrivals:
                    number += 1
                    rig.source.add_mail(FOLDERS[folder_no], mail(number), date=BEGIN + date * DAY)
                limit += more
                steps = Steps(stop or ())
                try:
                    await rig.run(newest(limit), steps)
                except Killed:
                    await rig.run(newest(limit))
                everything = [
                    (m.date or 0, m.uid, -k, m.data) for k, path in enumerate(FOLDERS) for m in rig.source.mails(path)
                ]
                chosen = {entry[-1] for entry in sorted(everything, reverse=True)[:limit]}
                # The first pass chooses; what comes after it is taken in any case.
                fresh = {entry[-1] for entry in everything} - known if pass_no else set()
                held = [m.data for path in FOLDERS for m in rig.target.mails(path)]
                assert len(held) == len(set(held))
                assert set(held) == there | chosen | fresh
                there = set(held)
                known |= {entry[-1] for entry in everything}
                if renew:
                    rig.target.renew_uid_validity(INBOX)
                if earlier:
                    await as_an_earlier_version_wrote_it(rig)
            await rig.run()
            assert rig.same()

    asyncio.run(run())


@pytest.mark.parametrize("before", ["nothing", "a smaller limit", "an earlier version"])
async def test_a_stop_at_any_step_leaves_the_choice_as_it_would_be(tmp_path: Path, before: str) -> None:
    steps = Steps()
    stop = 0
    while stop == 0 or steps.killed:
        stop += 1
        place = tmp_path / str(stop)
        place.mkdir()
        rig = filled(place)
        rig.source.add_folder(SENT)
        for number in range(20, 30):
            rig.source.add_mail(SENT, mail(number), date=BEGIN + (number - 20) * DAY)
        if before != "nothing":
            await rig.run(newest(3))
        if before == "an earlier version":
            await as_an_earlier_version_wrote_it(rig)
        steps = Steps(stop)
        with suppress(Killed):
            await rig.run(newest(6), steps)
        result = await rig.run(newest(6))
        assert (rig.dates(), rig.target.mails(SENT)) == (list(range(14, 20)), []), stop
        assert result.stats.total("skipped") == 24, stop
        assert sorted(row.server_text for row in result.exceptions) == [
            "10 messages are older than the newest 6",
            "14 messages are older than the newest 6",
        ], stop
    assert stop > 20
