"""Rules of exactly-once that whole passes do not show: each test fails without the rule it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailferry.backends.base import INBOX, Flags
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.backends.memory_server import MemoryServer
from mailferry.backends.memory_steps import Steps
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.run import PassResult, run_pass
from tests.unit.sync.test_pass import FAST, Rig, mail


def filled(tmp_path: Path, target: MemoryOptions | None = None, count: int = 8) -> Rig:
    """Make a rig with a few messages."""
    rig = Rig(tmp_path / "ledger.db", target)
    for number in range(count):
        rig.source.add_mail(INBOX, mail(number), date=1_700_000_000 + number)
    return rig


async def run_with(rig: Rig, steps: Steps) -> PassResult:
    """Run one pass whose connections `steps` may cut."""
    ledger = SqliteLedger(rig.state)

    async def open_source() -> MemoryMailbox:
        return MemoryMailbox(rig.source, side=Side.SOURCE, steps=steps)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(rig.target, side=Side.TARGET, steps=steps)

    try:
        return await run_pass(open_source, open_target, ledger, ("s", "t"), FAST)
    finally:
        await ledger.close()


async def mark_in_doubt(rig: Rig) -> None:
    """Note in the ledger that the inbox had an unknown outcome."""
    ledger = SqliteLedger(rig.state)
    await ledger.open_pair("s", "t", 60)
    (row, *_) = [r for r in await ledger.folders() if r.source_path == INBOX]
    row.in_doubt, row.sweep_floor = True, 1
    await ledger.save_folder(row)
    await ledger.close()


async def test_rule_8_a_surplus_copy_is_removed_and_only_that(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run()
    ours = rig.target.mails(INBOX)[2]
    rig.target.add_mail(INBOX, ours.data, ours.flags, date=ours.date)  # what a late commit leaves
    rig.target.add_mail(INBOX, ours.data + b"edited by the user\r\n", ours.flags, date=ours.date)
    await mark_in_doubt(rig)
    result = await rig.run()
    assert len(rig.target.mails(INBOX)) == 9
    assert any(m.data.endswith(b"edited by the user\r\n") for m in rig.target.mails(INBOX))
    found = [(row.kind, row.code) for row in result.exceptions]
    assert found == [("duplicate-after-crash", "removed")] or sorted(found) == [("duplicate-after-crash", "left")]
    await rig.run()
    assert len(rig.target.mails(INBOX)) == 9


async def test_rule_13_a_message_that_breaks_the_connection_is_found_and_left_out(tmp_path: Path) -> None:
    steps = Steps()
    rig = filled(tmp_path, count=20)

    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        if b"killer" not in data:
            return None
        steps.cut()  # and nothing of the command is stored
        return Refusal("NO", "", "never heard")

    rig.target = MemoryServer(MemoryOptions(refuse=refuse))
    rig.source.add_mail(INBOX, mail(500, b"killer\r\n"), date=5)
    for number in range(30, 40):
        rig.source.add_mail(INBOX, mail(number), date=1_700_000_000 + number)
    result = await run_with(rig, steps)
    assert len([m for m in rig.target.mails(INBOX) if b"killer" not in m.data]) == 30
    assert [(row.kind, row.uid) for row in result.exceptions] == [("cannot-be-carried", 21)]


async def test_rule_16_an_empty_message_never_enters_a_command_with_others(tmp_path: Path) -> None:
    rig = filled(tmp_path, count=3)
    rig.source.add_mail(INBOX, b"", date=1)
    rig.source.add_mail(INBOX, mail(9), date=2)
    ledger = SqliteLedger(rig.state)
    await ledger.close()
    await rig.run()
    ledger = SqliteLedger(rig.state)
    await ledger.open_pair("s", "t", 60)
    (row, *_) = await ledger.folders()
    rows = [(c.mode, list(c.columns.uids)) for c in await ledger.chunks(row.id)]
    await ledger.close()
    assert all(uids == [4] for mode, uids in rows if 4 in uids)
    assert ("multi", [1, 2, 3]) in rows


async def test_rule_19_a_lost_keyword_is_reported(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "l.db", MemoryOptions(custom_keywords=False))
    rig.source.add_mail(INBOX, mail(1), {"\\Seen", "Work"}, date=1)
    rig.source.add_mail(INBOX, mail(2), {"Work"}, date=2)
    result = await rig.run()
    assert [(row.kind, row.code) for row in result.exceptions] == [("lost-keyword", "Work")]
    assert [m.flags for m in rig.target.mails(INBOX)] == [{"\\Seen"}, set()]
    assert result.clean


async def test_rule_20_an_unchanged_folder_is_not_opened(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run()
    steps = Steps()
    await run_with(rig, steps)
    assert not [name for name in steps.names if "listing" in name or "batch" in name or "select" in name], steps.names
    assert not [name for name in steps.names if name.startswith("target lane")]


@pytest.mark.parametrize("k", range(1, 40))
async def test_rule_21_a_flag_changed_during_an_interrupted_pass_is_not_missed(tmp_path: Path, k: int) -> None:
    rig = filled(tmp_path)
    await rig.run()
    rig.source.add_mail(INBOX, mail(100), date=9)
    rig.source.set_flags(INBOX, 2, {"\\Flagged"})
    steps = Steps(stop_at=k, how="cut-after")
    await run_with(rig, steps)
    rig.source.set_flags(INBOX, 3, {"\\Answered"})
    rig.source.add_mail(INBOX, mail(101), date=10)
    await rig.run()
    assert rig.same()


class Exchange:
    """A source without CONDSTORE, whose flags are looked at a few at a time, and a clock."""

    def __init__(self, tmp_path: Path) -> None:
        self.rig = Rig(tmp_path / "ledger.db", source=MemoryOptions(condstore=False))
        for number in range(10):
            flags = {"\\Flagged"} if number == 2 else set[str]()
            self.rig.source.add_mail(INBOX, mail(number), flags, date=1_700_000_000 + number)
        self.now = 1_800_000_000.0

    async def run(self, full_flags: bool | None = None) -> int:
        """Run a pass that looks at the three newest messages. Gives the number of messages whose flags followed."""
        clock = replace(FAST.clock, now=lambda: self.now)
        result = await self.rig.run(replace(FAST, clock=clock, newest_flags=3, full_flags=full_flags))
        return result.stats.total("flags_changed")

    def mark(self, uid: int, *flags: str) -> None:
        """Change the flags of a message at the source."""
        self.rig.source.set_flags(INBOX, uid, set(flags))


async def test_rule_24_flags_of_the_newest_and_of_what_was_flagged_follow_each_time(tmp_path: Path) -> None:
    at = Exchange(tmp_path)
    await at.run()
    at.mark(10, "\\Seen")
    at.mark(8, "\\Answered")
    at.mark(3)
    at.mark(7, "\\Seen")  # the fourth newest, never flagged
    assert await at.run() == 3
    assert [m.flags for m in at.rig.target.mails(INBOX)][6] == set()
    assert await at.run() == 0


@pytest.mark.parametrize("how", ["a week later", "at once, if asked for"])
async def test_rule_24_all_flags_are_compared(tmp_path: Path, how: str) -> None:
    at = Exchange(tmp_path)
    await at.run()
    at.mark(7, "\\Seen")
    at.now += 7 * 86_400 - 1
    assert await at.run() == 0
    if how == "a week later":
        at.now += 1
        assert await at.run() == 1
    else:
        assert await at.run(full_flags=True) == 1
    assert at.rig.same()
    at.mark(6, "\\Seen")
    at.now += 86_400
    assert await at.run() == 0  # the week begins anew


async def test_rule_24_new_mail_is_found_without_a_full_compare(tmp_path: Path) -> None:
    at = Exchange(tmp_path)
    await at.run()
    at.rig.source.add_mail(INBOX, mail(50), {"\\Seen"}, date=7)
    await at.run(full_flags=False)
    assert at.rig.same()


async def test_too_large_for_the_target_is_judged_by_the_bytes_that_came(tmp_path: Path) -> None:
    rig = filled(tmp_path, MemoryOptions(max_message_bytes=1_000))
    rig.source.add_mail(INBOX, mail(50, b"x" * 2_000), date=3)
    result = await rig.run(replace(FAST, max_message_bytes=10_000))
    assert [row.code for row in result.exceptions] == ["too-large"]
    assert len(rig.target.mails(INBOX)) == 8
