"""Unknown outcomes and settled ones (rules 2, 5 and 9), as a crash or a user leaves them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mailferry.backends.base import INBOX, FolderPath, Mode
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.backends.memory_steps import How, Steps
from mailferry.errors import Side
from mailferry.sync.identity import digest, identity
from mailferry.sync.ledger import ChunkKind, ChunkRow, ChunkState
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.packed import Columns, RowOutcome
from mailferry.sync.run import PassResult, run_pass
from tests.unit.sync.test_pass import FAST, Rig, mail

DATE = 1_700_000_000


def rig(tmp_path: Path, target: MemoryOptions | None = None) -> Rig:
    """Make two servers, of which the target has a folder that is known to be empty."""
    return Rig(tmp_path / "ledger.db", target)


async def note_sent(of: Rig, *chunks: list[bytes], floor: int = 1) -> None:
    """Put messages into the source, and write the rows of chunks that were sent, with unknown outcome."""
    ledger = SqliteLedger(of.state)
    await ledger.open_pair("s", "t", 60)
    (row,) = await ledger.folders()
    for bodies in chunks:
        columns = Columns()
        for body in bodies:
            uid = of.source.add_mail(INBOX, body, date=DATE)
            columns.append(uid, identity(body), DATE, len(body), digest(body), row.flag_sets.index_of(frozenset()))
        state, validities = ChunkState.SENT, (row.source_uid_validity, row.target_uid_validity)
        cover = (columns.uids[0], columns.uids[-1])
        chunk = ChunkRow(0, row.id, 0, state, ChunkKind.COPY, Mode.MULTI.value, *validities, floor, cover, columns)
        await ledger.open_chunk(chunk, flag_sets=row.flag_sets)
    await ledger.close()


async def outcomes(of: Rig) -> Counter[str]:
    """Count what the rows say, the last word on each message."""
    ledger = SqliteLedger(of.state)
    await ledger.open_pair("s", "t", 60)
    (row,) = await ledger.folders()
    last = {
        uid: o for c in await ledger.chunks(row.id) for uid, o in zip(c.columns.uids, c.columns.outcomes, strict=True)
    }
    await ledger.close()
    return Counter(RowOutcome(value).name for value in last.values())


@pytest.mark.parametrize("arrived", range(5))
async def test_rule_5_equal_messages_of_several_chunks_share_what_arrived(tmp_path: Path, arrived: int) -> None:
    at = rig(tmp_path)
    await at.run()
    twin = mail(7)
    await note_sent(at, [twin, mail(1)], [twin], [mail(2), twin])
    for body in [twin, mail(1), twin, twin, mail(2)][:arrived]:
        at.target.add_mail(INBOX, body, date=DATE)
    result = await at.run()
    assert result.stats.total("copied") == 5 - arrived
    assert at.same()
    assert (await outcomes(at))["LOOKED_UP"] == arrived
    assert (await at.run()).stats.total("copied") == 0


async def test_rule_5_what_lies_below_the_smallest_floor_is_somebody_elses(tmp_path: Path) -> None:
    at = rig(tmp_path)
    await at.run()
    at.target.add_mail(INBOX, mail(7), date=DATE)
    await note_sent(at, [mail(7)], [mail(8)], floor=2)
    await at.run()
    assert Counter(m.data for m in at.target.mails(INBOX)) == {mail(7): 2, mail(8): 1}


async def test_rule_5_what_the_server_confirmed_without_naming_it_comes_first(tmp_path: Path) -> None:
    at = rig(tmp_path, MemoryOptions(reports_new_ids=False))
    at.source.add_mail(INBOX, mail(7), date=DATE)
    await at.run()  # counted: it is there, under a UID that nobody told
    await note_sent(at, [mail(7)])
    assert (await at.run()).stats.total("copied") == 1
    assert [m.data for m in at.target.mails(INBOX)] == [mail(7), mail(7)]


async def copied_and_deleted(tmp_path: Path, target: MemoryOptions | None = None) -> Rig:
    """Copy some messages; then the user deletes one of the copies and moves another."""
    at = rig(tmp_path, target)
    for number in range(6):
        at.source.add_mail(INBOX, mail(number), date=DATE + number)
    await at.run()
    at.target.add_folder(ELSEWHERE)
    at.target.move(INBOX, [at.target.mails(INBOX)[1].uid], ELSEWHERE)
    at.target.expunge(INBOX, [at.target.mails(INBOX)[3].uid])
    return at


ELSEWHERE = FolderPath(("Elsewhere",))
LEFT = [mail(0), mail(2), mail(3), mail(5)]


@pytest.mark.parametrize("uidplus", [True, False])
@pytest.mark.parametrize("event", ["nothing", "new mail", "flags", "source UIDs", "target UIDs", "doubt", "both UIDs"])
async def test_rule_9_what_was_confirmed_once_is_not_copied_again(tmp_path: Path, event: str, uidplus: bool) -> None:
    at = await copied_and_deleted(tmp_path, MemoryOptions(reports_new_ids=uidplus))
    more = []
    if event == "new mail":
        at.source.add_mail(INBOX, mail(90), date=1)
        more = [mail(90)]
    if event == "flags":
        for uid in range(1, 7):
            at.source.set_flags(INBOX, uid, {"\\Flagged"})
    if event in ("source UIDs", "both UIDs"):
        at.source.renew_uid_validity(INBOX)
    if event in ("target UIDs", "both UIDs"):
        at.target.renew_uid_validity(INBOX)
    if event == "doubt":
        await note_sent(at, [mail(91)])
        more = [mail(91)]
    for _ in range(2):
        await at.run()
        assert sorted(m.data for m in at.target.mails(INBOX)) == sorted([*LEFT, *more])
    assert [m.data for m in at.target.mails(ELSEWHERE)] == [mail(1)]


async def cut_at(of: Rig, step: str, number: int) -> PassResult | None:
    """Run a pass whose connections break after the effect of a step, the so-manieth of its name; None if there are
    fewer.
    """
    whole = Steps()
    probe = Rig(of.state.with_name(f"probe {step} {number}.db"), of.target.options)
    for server, copy in ((of.source, probe.source), (of.target, probe.target)):
        for m in server.mails(INBOX):
            copy.add_mail(INBOX, m.data, m.flags, date=m.date)
    await stepped(probe, whole)
    places = [at for at, name in enumerate(whole.names, 1) if name == step]
    return await stepped(of, Steps(places[number], How.CUT_AFTER)) if number < len(places) else None


async def stepped(of: Rig, steps: Steps) -> PassResult:
    """Run a pass whose steps can fail."""
    ledger = SqliteLedger(of.state)

    async def open_source() -> MemoryMailbox:
        return MemoryMailbox(of.source, side=Side.SOURCE, steps=steps)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(of.target, side=Side.TARGET, steps=steps)

    try:
        return await run_pass(open_source, open_target, ledger, ("s", "t"), FAST)
    finally:
        await ledger.close()


@pytest.mark.parametrize("multi", [True, False])
@pytest.mark.parametrize("number", range(3))
async def test_rule_2_what_arrived_is_found_from_the_floor_on(tmp_path: Path, multi: bool, number: int) -> None:
    at = rig(tmp_path, MemoryOptions(multi_append=multi))
    for body in (80, 81, 82):
        at.target.add_mail(INBOX, mail(body), date=DATE)
    for body in range(9):
        at.source.add_mail(INBOX, mail(body), date=DATE + body)
    at.source.add_mail(INBOX, mail(81), date=DATE)
    result = await cut_at(at, "target commit", number)
    if multi and number > 1:
        assert result is None  # two commands carry all
        return
    there = Counter(m.data for m in at.target.mails(INBOX))
    assert there == Counter(mail(body) for body in (*range(9), 80, 81, 82))
    assert (await at.run()).stats.total("copied") == 0


@pytest.mark.parametrize("late", [0, 1, 2, 3])
@pytest.mark.parametrize("multi", [True, False])
async def test_rule_4_nothing_is_sent_while_the_server_is_still_at_work(tmp_path: Path, multi: bool, late: int) -> None:
    """Nothing can be removed there, so a copy that is sent too early stays beside the one that comes late."""
    at = rig(tmp_path, MemoryOptions(multi_append=multi, late=late, uid_expunge=False))
    for body in range(9):
        at.source.add_mail(INBOX, mail(body), date=DATE + body)
    await cut_at(at, "target release", 0)
    assert at.same()


async def test_rule_10_uids_are_looked_up_anew_when_the_target_renumbers(tmp_path: Path) -> None:
    at = rig(tmp_path)
    for body in range(6):
        at.source.add_mail(INBOX, mail(body), date=DATE + body)
    await at.run()
    at.target.expunge(INBOX, [at.target.mails(INBOX)[0].uid])
    at.target.renew_uid_validity(INBOX)  # all UIDs are one less
    at.source.set_flags(INBOX, 4, {"\\Flagged"})
    await at.run()
    assert {m.data for m in at.target.mails(INBOX) if m.flags} == {mail(3)}


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("number", range(3))
async def test_rule_10_uids_that_change_in_the_middle_mix_nothing_up(tmp_path: Path, side: str, number: int) -> None:
    """The folder is made anew, with other mail under the same UIDs, while it is being copied."""
    at = rig(tmp_path, MemoryOptions(multi_append=number != 1))
    await at.run()
    for body in range(30):
        at.source.add_mail(INBOX, mail(body), date=DATE + body)
    seen = 0

    class Turning(Steps):
        """Makes the folder anew at one step."""

        def at(self, name: str) -> How | None:
            nonlocal seen
            if name == "target commit":
                seen += 1
                if seen == 2 + number:
                    server = at.source if side == "source" else at.target
                    server.renew_uid_validity(INBOX)
                    if side == "source":
                        server.expunge(INBOX, [1, 2])
            return super().at(name)

    await stepped(at, Turning())
    await at.run()
    assert seen > 2
    there, here = at.content(at.source), at.content(at.target)
    assert there <= here
    assert set(here.values()) == {1}
