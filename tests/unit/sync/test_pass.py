"""Whole passes on the memory backend: deltas, flags, adoption, changed UIDs, limits, refusals."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mailferry import errors
from mailferry.backends.base import INBOX, Flags, FolderPath
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.backends.memory_server import MemoryServer
from mailferry.backends.memory_steps import Killed, Steps
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Clock, Options
from mailferry.sync.packed import RowOutcome
from mailferry.sync.run import PassResult, run_pass

SENT = FolderPath(("Sent",))


async def no_wait(seconds: float) -> None:
    """Let other tasks run; nothing waits."""
    await asyncio.sleep(0)


FAST = Options(clock=Clock(sleep=no_wait), chunk_messages=5, single_messages=3)


def mail(number: int, body: bytes = b"hello\r\n") -> bytes:
    """Make a tidy message."""
    return b"Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\n%s" % (number, number, body)


class Rig:
    """A source, a target and a ledger."""

    def __init__(self, state: Path, target: MemoryOptions | None = None, source: MemoryOptions | None = None) -> None:
        self.source = MemoryServer(source)
        self.target = MemoryServer(target)
        self.state = state

    async def run(self, options: Options = FAST) -> PassResult:
        """Run one pass."""
        ledger = SqliteLedger(self.state)

        async def open_source() -> MemoryMailbox:
            return MemoryMailbox(self.source, side=Side.SOURCE)

        async def open_target() -> MemoryMailbox:
            return MemoryMailbox(self.target, side=Side.TARGET)

        try:
            return await run_pass(open_source, open_target, ledger, ("s", "t"), options)
        finally:
            await ledger.close()

    def content(self, server: MemoryServer) -> Counter[tuple[FolderPath, bytes, Flags]]:
        """What a server holds."""
        return Counter(
            (folder.path, m.data, frozenset(m.flags))
            for folder in server.folders
            if folder.selectable
            for m in server.mails(folder.path)
        )

    def same(self) -> bool:
        """Say whether both hold the same."""
        return self.content(self.source) == self.content(self.target)


@pytest.fixture(params=["multi", "single", "no uidplus", "no condstore"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """A pair of servers with a dozen messages."""
    target = {
        "multi": MemoryOptions(),
        "single": MemoryOptions(multi_append=False),
        "no uidplus": MemoryOptions(reports_new_ids=False),
        "no condstore": MemoryOptions(condstore=False),
    }[request.param]
    source = MemoryOptions(condstore=request.param != "no condstore")
    made = Rig(tmp_path / "ledger.db", target, source)
    made.source.add_folder(SENT)
    for number in range(12):
        made.source.add_mail(INBOX, mail(number), {"\\Seen"} if number % 3 else set(), date=1_700_000_000 + number)
    made.source.add_mail(SENT, mail(50), {"Work"}, date=1_700_000_100)
    return made


async def test_new_mail_follows(rig: Rig) -> None:
    await rig.run()
    assert rig.same()
    for number in range(100, 107):
        rig.source.add_mail(INBOX, mail(number), date=1_700_001_000)
    rig.source.add_mail(SENT, mail(200), date=1_700_001_000)
    result = await rig.run()
    assert result.stats.total("copied") == 8
    assert rig.same()


async def test_flag_changes_follow_and_the_users_own_survive(rig: Rig) -> None:
    await rig.run()
    rig.source.set_flags(INBOX, 1, {"\\Seen", "\\Flagged"})
    rig.source.set_flags(INBOX, 2, set())
    there = rig.target.mails(INBOX)
    rig.target.set_flags(INBOX, there[0].uid, {"\\Answered"})
    rig.target.set_flags(INBOX, there[2].uid, {"\\Draft"})
    result = await rig.run()
    there = rig.target.mails(INBOX)
    assert there[0].flags == {"\\Seen", "\\Flagged", "\\Answered"}
    assert there[1].flags == set()
    assert there[2].flags == {"\\Draft"}
    assert result.stats.total("flags_changed") == 2
    assert (await rig.run()).stats.total("flags_changed") == 0


async def test_what_the_user_deleted_on_the_target_stays_deleted(rig: Rig) -> None:
    await rig.run()
    rig.target.expunge(INBOX, [rig.target.mails(INBOX)[3].uid])
    rig.source.add_mail(INBOX, mail(300), date=1)
    await rig.run()
    assert len(rig.target.mails(INBOX)) == 12


async def test_deletions_on_the_source_are_not_followed(rig: Rig) -> None:
    await rig.run()
    rig.source.expunge(INBOX, [1, 2])
    await rig.run()
    assert len(rig.target.mails(INBOX)) == 12


async def test_a_target_that_is_filled_already_gets_no_duplicate(rig: Rig) -> None:
    for m in rig.source.mails(INBOX)[:7]:
        rig.target.add_mail(INBOX, m.data, m.flags, date=m.date)
    rig.target.add_mail(INBOX, mail(999), date=5)
    result = await rig.run()
    assert result.stats.total("adopted") == 7
    assert result.stats.total("copied") == 6
    assert len(rig.target.mails(INBOX)) == 13


async def test_a_lost_ledger_costs_no_duplicate(rig: Rig) -> None:
    await rig.run()
    rig.state.unlink()
    result = await rig.run()
    assert result.stats.total("copied") == 0
    assert rig.same()


async def test_twins_are_counted(rig: Rig) -> None:
    twin = mail(777)
    for _ in range(3):
        rig.source.add_mail(INBOX, twin, date=9)
    rig.target.add_mail(INBOX, twin, date=9)
    await rig.run()
    assert sum(m.data == twin for m in rig.target.mails(INBOX)) == 3


@pytest.mark.parametrize("side", ["source", "target"])
async def test_new_uids_are_matched_not_copied(rig: Rig, side: str) -> None:
    await rig.run()
    getattr(rig, side).renew_uid_validity(INBOX)
    rig.source.add_mail(INBOX, mail(400), date=77)
    result = await rig.run()
    assert result.stats.total("copied") == 1
    assert rig.same()
    rig.source.set_flags(INBOX, rig.source.mails(INBOX)[0].uid, {"\\Flagged"})
    await rig.run()
    assert rig.same()


async def test_a_message_over_the_limit_is_listed_not_sent(rig: Rig) -> None:
    rig.source.add_mail(INBOX, mail(500, b"x" * 200_000), date=3)
    rig.source.add_mail(INBOX, mail(501), date=4)
    result = await rig.run(replace(FAST, max_message_bytes=100_000))
    assert [(row.kind, row.subject) for row in result.exceptions] == [("skipped", "500")]
    assert len(rig.target.mails(INBOX)) == 13
    assert not result.clean
    assert (await rig.run(replace(FAST, max_message_bytes=100_000))).stats.total("copied") == 0


async def test_one_refused_message_never_stops_a_mailbox(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "contains a virus") if b"virus" in data else None

    rig = Rig(tmp_path / "l.db", MemoryOptions(refuse=refuse))
    for number in range(20):
        rig.source.add_mail(INBOX, mail(number, b"virus\r\n" if number == 9 else b"fine\r\n"), date=number)
    result = await rig.run()
    assert len(rig.target.mails(INBOX)) == 19
    assert [(r.kind, r.uid, r.subject, r.server_text) for r in result.exceptions if r.kind == "skipped"] == [
        ("skipped", 10, "9", "contains a virus")
    ]
    assert (await rig.run()).stats.total("copied") == 0


async def test_line_ends_are_repaired_after_a_refusal_only(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "bare newlines") if b"\n" in data.replace(b"\r\n", b"") else None

    rig = Rig(tmp_path / "l.db", MemoryOptions(refuse=refuse))
    rig.source.add_mail(INBOX, b"Message-ID: <1@x>\nSubject: a\n\nbody\n", date=1)
    rig.source.add_mail(INBOX, mail(2), date=2)
    result = await rig.run()
    assert sorted(m.data for m in rig.target.mails(INBOX)) == sorted(
        [b"Message-ID: <1@x>\r\nSubject: a\r\n\r\nbody\r\n", mail(2)]
    )
    assert [row.kind for row in result.exceptions] == ["repaired"]
    assert (await rig.run()).stats.total("copied") == 0


async def test_a_full_mailbox_ends_the_pass_and_loses_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "l.db", MemoryOptions(quota_bytes=900))
    for number in range(40):
        rig.source.add_mail(INBOX, mail(number), date=number)
    with pytest.raises(errors.OverQuota):
        await rig.run()
    full = MemoryServer(replace(rig.target.options, quota_bytes=None))
    for m in rig.target.mails(INBOX):
        full.add_mail(INBOX, m.data, m.flags, date=m.date)
    rig.target.options = full.options
    await rig.run()
    assert rig.same()


async def test_bad_for_one_message_ends_in_its_own_verdict(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("BAD", "", "Command Argument Error. 11") if b"poison" in data else None

    rig = Rig(tmp_path / "l.db", MemoryOptions(refuse=refuse))
    for number in range(9):
        rig.source.add_mail(INBOX, mail(number, b"poison\r\n" if number == 4 else b"fine\r\n"), date=number)
    result = await rig.run()
    assert len(rig.target.mails(INBOX)) == 8
    assert [row.uid for row in result.exceptions if row.kind == "skipped"] == [5]


async def test_an_empty_message_is_not_lost_in_silence(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "l.db")
    rig.source.add_mail(INBOX, b"", date=1)
    rig.source.add_mail(INBOX, mail(1), date=1)
    result = await rig.run()
    assert len(rig.target.mails(INBOX)) == 1
    assert [row.kind for row in result.exceptions] == ["skipped"]


async def test_what_was_to_be_sent_again_survives_new_uids(rig: Rig) -> None:
    await rig.run()
    ledger = SqliteLedger(rig.state)
    await ledger.open_pair("s", "t", 60)
    (row, *_) = [r for r in await ledger.folders() if r.source_path == INBOX]
    (chunk, *_) = await ledger.chunks(row.id)
    chunk.columns.outcomes[0] = RowOutcome.LOST
    rig.target.expunge(INBOX, [rig.target.mails(INBOX)[0].uid])
    await ledger.settle_chunk(chunk.id, chunk.columns)
    await ledger.close()
    rig.target.renew_uid_validity(INBOX)
    await rig.run()
    assert rig.same()


async def test_the_newest_are_taken_and_new_mail_always_passes(rig: Rig) -> None:
    few = replace(FAST, max_items=5)
    result = await rig.run(few)
    assert sorted(m.date or 0 for m in rig.target.mails(INBOX)) == [1_700_000_000 + n for n in range(8, 12)]
    assert len(rig.target.mails(SENT)) == 1
    assert [(row.kind, row.server_text) for row in result.exceptions] == [
        ("over-limit", "8 messages are older than the newest 5")
    ]
    assert not result.clean
    rig.source.add_mail(INBOX, mail(600), date=1)
    result = await rig.run(few)
    assert result.stats.total("copied") == 1


async def test_a_raised_limit_brings_the_large_message_over(rig: Rig) -> None:
    rig.source.add_mail(INBOX, mail(500, b"x" * 2_000), date=3)
    await rig.run(replace(FAST, max_message_bytes=1_000))
    assert not rig.same()
    result = await rig.run()
    assert rig.same()
    assert result.clean
    assert (await rig.run()).stats.total("copied") == 0


async def test_a_refused_message_is_tried_again_in_the_next_pass(tmp_path: Path) -> None:
    ill = [True]

    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "contains a virus") if b"virus" in data and ill[0] else None

    rig = Rig(tmp_path / "l.db", MemoryOptions(refuse=refuse))
    for number in range(4):
        rig.source.add_mail(INBOX, mail(number, b"virus\r\n" if number == 1 else b"fine\r\n"), date=number)
    assert not (await rig.run()).clean
    assert not (await rig.run()).clean
    ill[0] = False
    assert (await rig.run()).clean
    assert rig.same()


async def test_a_renamed_folder_is_the_same_folder(rig: Rig) -> None:
    await rig.run()
    rig.source.rename_folder(SENT, FolderPath(("Sent 2024",)))
    rig.source.add_mail(FolderPath(("Sent 2024",)), mail(700), date=8)
    result = await rig.run()
    assert result.stats.total("copied") == 1
    assert len(rig.target.mails(SENT)) == 2
    assert any("Sent 2024" in line for line in result.warnings)


@pytest.mark.parametrize("multi", [True, False])
async def test_a_folder_that_takes_nothing_is_not_five_hundred_skipped_messages(tmp_path: Path, multi: bool) -> None:
    sick = [True]

    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "no way") if sick[0] else None

    rig = Rig(tmp_path / "l.db", MemoryOptions(refuse=refuse, multi_append=multi))
    for number in range(60):
        rig.source.add_mail(INBOX, mail(number), date=number)
    result = await rig.run()
    assert list(result.failed_folders) == ["INBOX"]
    assert len([row for row in result.exceptions if row.kind == "skipped"]) <= 6
    sick[0] = False
    assert (await rig.run()).clean
    assert rig.same()


async def test_many_bad_messages_are_skipped_when_the_folder_takes_good_ones(tmp_path: Path) -> None:
    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "contains a virus") if b"virus" in data else None

    rig = Rig(tmp_path / "l.db", MemoryOptions(refuse=refuse))
    for number in range(30):
        rig.source.add_mail(INBOX, mail(number, b"virus\r\n" if number < 15 else b"fine\r\n"), date=number)
    result = await rig.run()
    assert len(rig.target.mails(INBOX)) == 15
    assert len([row for row in result.exceptions if row.kind == "skipped"]) == 15
    assert not result.failed_folders


async def test_newest_first_goes_in_blocks_that_ascend_inside(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "l.db")
    for number in range(1_150):
        rig.source.add_mail(INBOX, mail(number), date=number)
    await rig.run(replace(FAST, newest_first=True, chunk_messages=200))
    dates = [m.date or 0 for m in rig.target.mails(INBOX)]
    assert sorted(dates) == list(range(1_150))
    assert dates[:150] == list(range(1_000, 1_150))
    assert dates[150:650] == list(range(500, 1_000))
    assert dates[650:] == list(range(500))
    assert (await rig.run(replace(FAST, newest_first=True))).stats.total("copied") == 0


@pytest.mark.parametrize("k", range(25, 75, 5))
async def test_newest_first_survives_a_kill(tmp_path: Path, k: int) -> None:
    rig = Rig(tmp_path / "l.db")
    for number in range(1_100):
        rig.source.add_mail(INBOX, mail(number), date=number)
    options = replace(FAST, newest_first=True, chunk_messages=100)
    steps = Steps(stop_at=k)
    ledger = SqliteLedger(rig.state, steps=steps.reach)

    async def open_source() -> MemoryMailbox:
        return MemoryMailbox(rig.source, side=Side.SOURCE, steps=steps)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(rig.target, side=Side.TARGET, steps=steps)

    try:
        await steps.run(run_pass(open_source, open_target, ledger, ("s", "t"), options))
    except Killed:
        pass
    await ledger.close()
    await rig.run(options)
    assert rig.same()


async def test_a_raised_limit_of_items_brings_the_older_ones_over(rig: Rig) -> None:
    result = await rig.run(replace(FAST, max_items=5))
    assert result.stats.total("had") == 0
    assert result.stats.total("skipped") == 8
    result = await rig.run(replace(FAST, max_items=9))
    assert result.stats.total("copied") == 4
    assert sorted(m.date or 0 for m in rig.target.mails(INBOX))[0] == 1_700_000_004
    result = await rig.run()
    assert rig.same()
    assert result.clean


async def test_the_newest_by_date_are_taken_whatever_their_uids(rig: Rig) -> None:
    rig.source.add_mail(INBOX, mail(900), date=5)
    rig.source.add_mail(INBOX, mail(901), date=1_800_000_000)
    rig.source.add_mail(INBOX, mail(902), date=6)
    await rig.run(replace(FAST, max_items=3))
    dates = sorted(m.date or 0 for m in [*rig.target.mails(INBOX), *rig.target.mails(SENT)])
    assert dates == [1_700_000_011, 1_700_000_100, 1_800_000_000]
