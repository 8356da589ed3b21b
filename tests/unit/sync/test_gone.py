"""Folders that are renamed or removed on the source while a pass is under way, between its LIST and its EXAMINE."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mailferry import errors
from mailferry.backends.base import FetchJob, FolderPath, Item, Listed, Listing, Mail
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.cli.ending import Ending, Totals
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Options
from mailferry.sync.run import PassResult, run_pass
from tests.unit.sync.test_pass import FAST, Rig, mail

A, B, C, B9 = (FolderPath((name,)) for name in ("A", "B", "C", "B9"))


class _Watched(MemoryMailbox):
    """A source on which somebody acts: at once after a LIST, or after the first message was read."""

    rig: GoneRig

    async def listing(self, path: FolderPath, *args: Any, **more: Any) -> Listing:
        if path in self.rig.refused:
            raise self.rig.refused[path]
        return await super().listing(path, *args, **more)

    async def list_folders(self, *, status: bool = True) -> list[Listed]:
        listed = await super().list_folders(status=status)
        if status and self.rig.after_list:
            self.rig.after_list.pop(0)()
        return listed

    async def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        async for batch in super().stream(jobs):
            yield batch
            if self.rig.after_mail and any(isinstance(item, Mail) for item in batch):
                self.rig.after_mail.pop(0)()


class GoneRig(Rig):
    """Four folders that were copied once. What is in `after_list` and `after_mail` is done once each, in order.
    Folders in `refused` cannot be opened to list their messages.
    """

    def __init__(self, state: Path, source: MemoryOptions | None = None) -> None:
        super().__init__(state, None, source)
        self.after_list: list[Callable[[], object]] = []
        self.after_mail: list[Callable[[], object]] = []
        self.refused: dict[FolderPath, errors.MailferryError] = {}
        for number, path in enumerate((A, B, C)):
            self.source.add_folder(path)
            self.source.add_mail(path, mail(number), date=1_700_000_000)

    async def run(self, options: Options = FAST) -> PassResult:
        """Run one pass."""
        ledger = SqliteLedger(self.state)

        async def open_source() -> MemoryMailbox:
            made = _Watched(self.source, side=Side.SOURCE)
            made.rig = self
            return made

        async def open_target() -> MemoryMailbox:
            return MemoryMailbox(self.target, side=Side.TARGET)

        try:
            return await run_pass(open_source, open_target, ledger, ("s", "t"), options)
        finally:
            await ledger.close()

    def rename(self) -> None:
        """What somebody does: B becomes B9."""
        self.source.rename_folder(B, B9)

    def remove(self) -> None:
        """What somebody does: B is deleted."""
        self.source.remove_folder(B)

    def new_mail(self) -> None:
        """One more in each folder: B is then noticed by the copier."""
        for number, path in enumerate((A, B, C), 10):
            self.source.add_mail(path, mail(number), date=1_700_000_100)

    def new_flags(self) -> None:
        """Another flag in each folder, and new mail in one: B is then noticed when flags are followed."""
        for path in (A, B, C):
            self.source.set_flags(path, self.source.mails(path)[0].uid, {"\\Flagged"})
        self.source.add_mail(A, mail(10), date=1_700_000_100)


@pytest.fixture(params=["condstore", "no condstore"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> GoneRig:
    """A mailbox that was copied."""
    made = GoneRig(tmp_path / "ledger.db", MemoryOptions(condstore=request.param == "condstore"))
    assert (await made.run()).clean
    return made


def ended(result: PassResult) -> tuple[int, Totals]:
    """Give the exit code and the figures of `mailferry copy`."""
    ending = Ending(result.stats, 0.0, 1.0, failed_folders=dict(result.failed_folders))
    ending.note_unfinished()
    return ending.exit_code, ending.totals


def adds_up(totals: Totals) -> bool:
    """Say whether each message that was found is accounted for, once."""
    known = totals.copied + totals.already_there + totals.adopted + totals.skipped + totals.left_out
    return totals.found == known


@pytest.mark.parametrize("change", [GoneRig.new_mail, GoneRig.new_flags])
async def test_a_folder_renamed_under_a_pass_is_followed_by_it(rig: GoneRig, change: Callable[[GoneRig], None]) -> None:
    change(rig)
    rig.after_list = [rig.rename]
    result = await rig.run()
    code, totals = ended(result)
    assert code == 0
    assert result.clean
    assert [f.source for f in result.stats.folders.values()] == ["INBOX", "A", "C", "B9"]
    assert {f.state for f in result.stats.folders.values()} <= {"done", "unchanged"}
    assert totals.found == sum(len(rig.source.mails(f.path)) for f in rig.source.folders)
    assert adds_up(totals)
    assert [line for line in result.warnings if "B9" in line] == ["B is now B9 on the source; it stays B on the target"]
    at_b = {(m.data, frozenset(m.flags)) for m in rig.target.mails(B)}
    assert at_b == {(m.data, frozenset(m.flags)) for m in rig.source.mails(B9)}


@pytest.mark.parametrize("change", [GoneRig.new_mail, GoneRig.new_flags])
async def test_a_folder_removed_under_a_pass_is_told_and_is_no_failure(
    rig: GoneRig, change: Callable[[GoneRig], None]
) -> None:
    change(rig)
    rig.after_list = [rig.remove]
    result = await rig.run()
    code, totals = ended(result)
    assert code == 0
    assert result.clean
    assert [f.source for f in result.stats.folders.values()] == ["INBOX", "A", "C"]
    assert totals.found == sum(len(rig.source.mails(f.path)) for f in rig.source.folders)
    assert adds_up(totals)
    assert [line for line in result.warnings if line.startswith("B ")] == [
        "B was removed or renamed on the source during the pass; what was copied of it stays in B on the target"
    ]
    assert len(rig.target.mails(B)) == 1


@pytest.mark.parametrize(("act", "found"), [(GoneRig.rename, 10), (GoneRig.remove, 5)])
async def test_what_was_copied_of_a_folder_before_it_went_is_counted(
    tmp_path: Path, act: Callable[[GoneRig], None], found: int
) -> None:
    rig = GoneRig(tmp_path / "ledger.db", MemoryOptions(batch_messages=2))
    for path in (A, C):
        rig.source.remove_folder(path)
    for number in range(20, 29):
        rig.source.add_mail(B, mail(number), date=1_700_000_100)
    rig.after_mail = [lambda: None, lambda: act(rig)]
    result = await rig.run()
    code, totals = ended(result)
    assert code == 0
    assert totals.copied == len(rig.target.mails(B))
    assert adds_up(totals)
    if act is GoneRig.rename:
        assert totals.found == totals.copied == 10
        assert [f.source for f in result.stats.folders.values()] == ["INBOX", "B9"]
    else:
        assert 0 < totals.copied < 10


async def test_each_attempt_tells_what_the_ones_before_it_saw(rig: GoneRig) -> None:
    rig.new_mail()
    rig.after_list = [rig.rename, lambda: rig.source.remove_folder(B9)]
    result = await rig.run()
    assert ended(result)[0] == 0
    assert result.stats.retries == 2
    assert [line.split(" on the source")[0] for line in result.warnings if line.startswith("B")] == [
        "B is now B9",
        "B9 was removed or renamed",
    ]


async def test_a_folder_that_cannot_be_read_is_a_failure_as_long_as_it_is_listed(rig: GoneRig) -> None:
    class Deaf(_Watched):
        async def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
            rig.source.remove_folder(B)  # its EXAMINE fails, and LIST shows it still
            async for batch in super().stream(jobs):
                yield batch
            rig.source.add_folder(B)

    rig.new_mail()
    ledger = SqliteLedger(rig.state)

    async def open_source() -> MemoryMailbox:
        made = Deaf(rig.source, side=Side.SOURCE)
        made.rig = rig
        return made

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(rig.target, side=Side.TARGET)

    try:
        result = await run_pass(open_source, open_target, ledger, ("s", "t"), FAST)
    finally:
        await ledger.close()
    assert list(result.failed_folders) == ["B"]
    assert result.stats.retries == 0
    assert ended(result)[0] == 41


@pytest.mark.parametrize(
    "error", [errors.FolderGone("B: Permission denied"), errors.CommandFailed("Permission denied")]
)
async def test_a_folder_that_refuses_to_tell_its_flags_fails_alone(rig: GoneRig, error: errors.MailferryError) -> None:
    rig.new_flags()
    rig.refused = {B: error}
    result = await rig.run()
    assert (result.failed_folders, result.stats.retries) == ({"B": "Permission denied"}, 0)
    code, totals = ended(result)
    assert code == 41
    assert adds_up(totals)
    assert {f.source: f.state for f in result.stats.folders.values() if f.source in "ABC"} == {
        "A": "done",
        "B": "failed",
        "C": "done",
    }
    assert [m.flags for path in (A, B, C) for m in rig.target.mails(path)[:1]] == [{"\\Flagged"}, set(), {"\\Flagged"}]
    rig.refused = {}
    assert ended(await rig.run())[0] == 0
    assert rig.same()


async def test_a_source_that_does_not_answer_is_no_fault_of_a_folder(rig: GoneRig) -> None:
    rig.new_flags()
    rig.refused = {B: errors.ServerBusy("come back later", side=Side.SOURCE)}
    with pytest.raises(errors.ServerBusy):
        await rig.run()


async def test_folders_that_never_hold_still_end_the_pass(rig: GoneRig) -> None:
    names = [B, *(FolderPath((f"B{number}",)) for number in range(20))]
    rig.new_mail()
    rig.after_list = [partial(rig.source.rename_folder, old, new) for old, new in pairwise(names)]
    with pytest.raises(errors.FolderGone):
        await rig.run()
    assert len(rig.after_list) > 10
