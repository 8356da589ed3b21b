"""Deletions of the source on the target (rule 23): only if asked for, and then only what is certainly meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailferry.backends.base import INBOX, Flags, FolderPath
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions, Refusal
from mailferry.backends.memory_steps import How, Killed, Steps
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.run import PassResult, run_pass
from tests.unit.sync.test_pass import FAST, Rig, mail

MIRROR = replace(FAST, mirror_deletions=True)
CLIENTS = FolderPath(("Clients",))


def filled(tmp_path: Path, target: MemoryOptions | None = None, count: int = 20, **source: bool) -> Rig:
    """Make a rig with so many messages in the inbox and in another folder."""
    rig = Rig(tmp_path / "ledger.db", target, MemoryOptions(**source))  # type: ignore[arg-type]  # flags by name
    rig.source.add_folder(CLIENTS)
    for number in range(count):
        rig.source.add_mail(INBOX, mail(number), date=1_700_000_000 + number)
        rig.source.add_mail(CLIENTS, mail(1_000 + number), date=1_700_000_000 + number)
    return rig


def removed(result: PassResult) -> int:
    """Count what a pass removed."""
    return result.stats.total("removed")


@pytest.mark.parametrize("condstore", [True, False])
@pytest.mark.parametrize("multi", [True, False])
async def test_what_is_deleted_on_the_source_is_removed(tmp_path: Path, condstore: bool, multi: bool) -> None:
    rig = filled(tmp_path, MemoryOptions(multi_append=multi), condstore=condstore)
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, [2, 5])
    rig.source.add_mail(INBOX, mail(99), date=7)
    result = await rig.run(MIRROR)
    assert (removed(result), result.stats.total("copied")) == (2, 1)
    assert rig.same()
    again = await rig.run(MIRROR)
    assert (removed(again), again.stats.total("copied"), again.warnings) == (0, 0, [])
    assert rig.same()


async def test_it_is_off_unless_asked_for_and_makes_up_for_it_then(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run()
    rig.source.expunge(INBOX, [1, 2, 3])
    assert removed(await rig.run()) == 0
    assert len(rig.target.mails(INBOX)) == 20
    assert removed(await rig.run(MIRROR)) == 3
    assert rig.same()


async def test_mail_that_others_put_there_is_never_removed(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    for m in rig.source.mails(INBOX)[:2]:
        rig.target.add_mail(INBOX, m.data, m.flags, date=m.date)  # adopted
    rig.target.add_mail(INBOX, mail(500), date=5)
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, [1, 3])
    assert removed(await rig.run(MIRROR)) == 1
    there = [m.data for m in rig.target.mails(INBOX)]
    assert mail(0) in there
    assert mail(500) in there
    assert mail(2) not in there


async def test_more_than_a_fifth_is_taken_for_an_accident(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, range(1, 6))
    rig.source.expunge(CLIENTS, range(1, 5))
    result = await rig.run(MIRROR)
    assert removed(result) == 4
    assert len(rig.target.mails(INBOX)) == 20
    assert [line for line in result.warnings if "5 of 20 messages are gone" in line] != []
    assert len(rig.target.mails(CLIENTS)) == 16


async def test_a_folder_that_is_gone_keeps_its_mail(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    await rig.run(MIRROR)
    rig.source.remove_folder(CLIENTS)
    assert removed(await rig.run(MIRROR)) == 0
    assert len(rig.target.mails(CLIENTS)) == 20


@pytest.mark.parametrize("side", ["source", "target"])
async def test_nothing_is_removed_by_uids_that_changed(tmp_path: Path, side: str) -> None:
    rig = filled(tmp_path)
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, [1])
    getattr(rig, side).renew_uid_validity(INBOX)
    assert removed(await rig.run(MIRROR)) == 0
    assert len(rig.target.mails(INBOX)) == 20
    rig.source.expunge(INBOX, [rig.source.mails(INBOX)[0].uid])
    assert removed(await rig.run(MIRROR)) == 0  # these rows are matched ones for good
    rig.source.add_mail(INBOX, mail(77), date=3)
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, [rig.source.mails(INBOX)[-1].uid])
    assert removed(await rig.run(MIRROR)) == 1


async def test_nothing_is_removed_where_others_would_go_too(tmp_path: Path) -> None:
    rig = filled(tmp_path, MemoryOptions(uid_expunge=False))
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, [1])
    result = await rig.run(MIRROR)
    assert removed(result) == 0
    assert any("UIDPLUS" in line for line in result.warnings)


async def test_nothing_is_removed_when_a_folder_failed(tmp_path: Path) -> None:
    rig = filled(tmp_path, MemoryOptions(refuse_folder=lambda path: "no" if path.parts[0] == "New" else None))
    await rig.run(MIRROR)
    rig.source.add_folder(FolderPath(("New",)))
    rig.source.move(INBOX, [4], FolderPath(("New",)))
    result = await rig.run(MIRROR)
    assert list(result.failed_folders) == ["New"]
    assert removed(result) == 0
    assert len(rig.target.mails(INBOX)) == 20


@pytest.mark.parametrize("moved", [mail(3), b"Subject: no Message-ID here\r\n\r\nbody\r\n"])
async def test_a_moved_message_that_is_refused_at_its_new_place_stays_at_the_old(tmp_path: Path, moved: bytes) -> None:
    strict = [False]

    def refuse(data: bytes, flags: Flags) -> Refusal | None:
        return Refusal("NO", "", "contains a virus") if strict[0] and data == moved else None

    rig = filled(tmp_path, MemoryOptions(refuse=refuse))
    uid = rig.source.add_mail(INBOX, moved, date=8)
    await rig.run(MIRROR)
    strict[0] = True
    rig.source.move(INBOX, [uid], CLIENTS)
    rig.source.expunge(INBOX, [5])
    assert removed(await rig.run(MIRROR)) == 1
    assert moved in [m.data for m in rig.target.mails(INBOX)]


async def test_a_copy_that_stands_for_two_is_kept_for_the_other(tmp_path: Path) -> None:
    rig = filled(tmp_path, MemoryOptions(dedupes=True))
    rig.source.add_mail(INBOX, mail(3), date=1_700_000_003)
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, [4])
    await rig.run(MIRROR)
    assert mail(3) in [m.data for m in rig.target.mails(INBOX)]


async def interrupted(folder: Path, steps: Steps) -> Rig:
    """Copy, delete and move at the source, and copy again with these steps; once more after a kill."""
    folder.mkdir()
    rig = filled(folder, count=5)
    await rig.run(MIRROR)
    rig.source.expunge(INBOX, [2])
    rig.source.move(CLIENTS, [1], INBOX)
    ledger = SqliteLedger(rig.state, steps=steps.reach)

    async def open_source() -> MemoryMailbox:
        return MemoryMailbox(rig.source, side=Side.SOURCE, steps=steps)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(rig.target, side=Side.TARGET, steps=steps)

    try:
        await steps.run(run_pass(open_source, open_target, ledger, ("s", "t"), MIRROR))
    except Killed:
        await rig.run(MIRROR)
    finally:
        await ledger.close()
    return rig


@pytest.mark.parametrize("how", list(How))
async def test_a_stop_at_any_step_removes_neither_more_nor_less(tmp_path: Path, how: How) -> None:
    whole = Steps()
    await interrupted(tmp_path / "whole", whole)
    for k in range(1, whole.total + 1):
        rig = await interrupted(tmp_path / str(k), Steps(k, how))
        assert rig.same(), f"step {k}: {whole.names[k - 1]}"
