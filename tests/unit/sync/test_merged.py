"""A target that keeps equal messages once (rule 7): nothing is sent again, and what was merged is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.backends.base import INBOX
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.backends.memory_steps import How, Killed, Steps
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.run import PassResult, run_pass
from mailferry.sync.verify import VerifyOptions, VerifyReport, verify
from tests.unit.sync.test_pass import FAST, Rig, mail

DEDUPES = MemoryOptions(dedupes=True)


def rig(tmp_path: Path) -> Rig:
    """Make a source with twins, and a target which merges them."""
    made = Rig(tmp_path / "ledger.db", DEDUPES)
    for number in (1, 2, 1, 3, 2):
        made.source.add_mail(INBOX, mail(number), date=1_700_000_000 + number)
    return made


def merged(result: PassResult) -> list[tuple[int, str]]:
    """Give what was told: UID on the source, and the words."""
    assert {(row.kind, row.code) for row in result.exceptions} <= {("merged", "merged")}
    return [(row.uid, row.server_text) for row in result.exceptions]


async def verified(of: Rig) -> VerifyReport:
    """Compare, with the ledger."""
    ledger = SqliteLedger(of.state)
    await ledger.open_pair("s", "t", 60)
    known = {row.source_raw: row.target_path for row in await ledger.folders()}
    source, target = MemoryMailbox(of.source, side=Side.SOURCE), MemoryMailbox(of.target)
    try:
        return await verify(source, target, VerifyOptions(), known_map=known, rows=ledger)
    finally:
        await ledger.close()


async def test_what_was_merged_is_told_once_and_stays_so(tmp_path: Path) -> None:
    at = rig(tmp_path)
    result = await at.run()
    assert [m.data for m in at.target.mails(INBOX)] == [mail(1), mail(2), mail(3)]
    assert merged(result) == [(3, "merged by the server with UID 1"), (5, "merged by the server with UID 2")]
    assert result.clean
    at.source.add_mail(INBOX, mail(1), date=9)
    result = await at.run()
    assert [uid for uid, _ in merged(result)] == [3, 5, 6]
    assert (await at.run()).stats.total("copied") == 0
    assert len(at.target.mails(INBOX)) == 3
    assert (await verified(at)).ok


async def test_mail_of_the_user_that_stands_for_ours_is_told(tmp_path: Path) -> None:
    at = Rig(tmp_path / "ledger.db", DEDUPES)
    at.source.add_mail(INBOX, mail(1), date=1)
    await at.run()
    at.target.add_mail(INBOX, mail(7), date=99)
    at.source.add_mail(INBOX, mail(7), date=7)
    assert merged(await at.run()) == [(2, "merged by the server with UID 2")]
    assert len(at.target.mails(INBOX)) == 2


async def interrupted(folder: Path, steps: Steps) -> Rig:
    """Copy, add mail that is to be merged, and copy again with these steps, dead or alive."""
    folder.mkdir()
    at = rig(folder)
    at.target.add_mail(INBOX, mail(90), date=1)
    await at.run()
    for number in (4, 90, 1, 4):
        at.source.add_mail(INBOX, mail(number), date=1_700_000_000 + number)
    try:
        await stepped(at, steps)
    except Killed:
        pass
    return at


async def stepped(at: Rig, steps: Steps) -> PassResult:
    """Run a pass, like a process of its own, whose steps can fail."""
    ledger = SqliteLedger(at.state, steps=steps.reach)

    async def open_source() -> MemoryMailbox:
        return MemoryMailbox(at.source, side=Side.SOURCE, steps=steps)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(at.target, side=Side.TARGET, steps=steps)

    try:
        return await steps.run(run_pass(open_source, open_target, ledger, ("s", "t"), FAST))
    finally:
        await ledger.close()


@pytest.mark.parametrize("how", list(How))
async def test_a_stop_at_any_step_leaves_each_message_once(tmp_path: Path, how: How) -> None:
    whole = Steps()
    await interrupted(tmp_path / "whole", whole)
    for k in range(1, whole.total + 1):
        at = await interrupted(tmp_path / str(k), Steps(k, how))
        result = await at.run()
        where = f"step {k}: {whole.names[k - 1]}"
        assert sorted(m.data for m in at.target.mails(INBOX)) == sorted(mail(n) for n in (90, 1, 2, 3, 4)), where
        assert [uid for uid, _ in merged(result)] == [3, 5, 7, 8, 9], where
        assert (await at.run()).stats.total("copied") == 0, where


async def test_an_unknown_outcome_is_looked_up_in_the_whole_folder(tmp_path: Path) -> None:
    at, steps = rig(tmp_path), Steps()
    await at.run()
    at.source.add_mail(INBOX, mail(1), date=1_700_000_001)
    await stepped(at, steps)
    at.source.add_mail(INBOX, mail(2), date=1_700_000_002)
    steps = Steps(steps.names.index("target answer") + 1, How.CUT_BEFORE)
    result = await stepped(at, steps)
    assert steps.names.count("target commit") == 1  # it is known to be there, without being sent once more
    assert [uid for uid, _ in merged(result)] == [3, 5, 6, 7]
