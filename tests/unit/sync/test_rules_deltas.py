"""Rules 3, 10, 18, 20, 21, 25 and 26 over whole passes: each test fails without the rule it names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mailferry.backends.base import INBOX, FolderPath
from mailferry.backends.memory import MemoryMailbox
from mailferry.backends.memory_options import MemoryOptions
from mailferry.backends.memory_steps import How, Steps
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Event
from mailferry.sync.run import PassResult, run_pass
from tests.unit.sync.test_pass import FAST, Rig, mail

CLIENTS = FolderPath(("Clients",))


def filled(tmp_path: Path, count: int = 12, target: MemoryOptions | None = None) -> Rig:
    """Make a rig with a few messages."""
    rig = Rig(tmp_path / "ledger.db", target)
    for number in range(count):
        rig.source.add_mail(INBOX, mail(number), date=1_700_000_000 + number)
    return rig


async def stepped(rig: Rig, steps: Steps, events: list[Event] | None = None) -> PassResult:
    """Run a pass, like a process of its own, whose steps can fail."""
    ledger = SqliteLedger(rig.state, steps=steps.reach)

    async def open_source() -> MemoryMailbox:
        return MemoryMailbox(rig.source, side=Side.SOURCE, steps=steps)

    async def open_target() -> MemoryMailbox:
        return MemoryMailbox(rig.target, side=Side.TARGET, steps=steps)

    listen = events.append if events is not None else lambda event: None
    try:
        return await steps.run(run_pass(open_source, open_target, ledger, ("s", "t"), FAST, listen=listen))
    finally:
        await ledger.close()


async def test_rule_3_a_folder_has_one_writer(tmp_path: Path) -> None:
    """Several connections, several folders, each in several windows: the order of UIDs stays."""
    rig = Rig(tmp_path / "ledger.db", MemoryOptions(multi_append=False, latency_turns=1))
    rig.source.add_folder(CLIENTS)
    for number in range(1_600):
        rig.source.add_mail(INBOX, mail(number), date=number)
    for number in range(40):
        rig.source.add_mail(CLIENTS, mail(number), date=number)
    await rig.run(replace(FAST, single_messages=20, lanes=3))
    assert [m.date for m in rig.target.mails(INBOX)] == list(range(1_600))
    assert [m.date for m in rig.target.mails(CLIENTS)] == list(range(40))


@pytest.mark.parametrize(("side", "step"), [("source", "target lane"), ("target", "target commit")])
async def test_rule_10_an_attempt_ends_when_uids_change_under_it(tmp_path: Path, side: str, step: str) -> None:
    rig = filled(tmp_path)
    await rig.run()
    for number in range(100, 130):
        rig.source.add_mail(INBOX, mail(number), date=number)

    class Turning(Steps):
        """Makes the folder anew at one step."""

        def at(self, name: str) -> How | None:
            if name == step and step not in self.names:
                getattr(rig, side).renew_uid_validity(INBOX)
            return super().at(name)

    events: list[Event] = []
    await stepped(rig, Turning(), events)
    assert [event.fields["code"] for event in events if event.name == "retry"] == ["folder-gone"]
    assert rig.same()


async def test_rule_18_a_date_that_no_server_takes_is_replaced_and_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "ledger.db")
    dated = b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    for number, date in enumerate((2_145_916_799, 2_145_916_800, -1, None)):
        rig.source.add_mail(INBOX, dated + mail(number), date=date)
    result = await rig.run()
    assert [m.date for m in rig.target.mails(INBOX)] == [2_145_916_799, *[1_700_000_000] * 3]
    assert [(row.kind, row.uid) for row in result.exceptions] == [("date-replaced", uid) for uid in (2, 3, 4)]


async def test_rule_20_without_a_mod_sequence_a_folder_is_never_unchanged(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    rig.source.options = replace(rig.source.options, condstore=False)
    await rig.run()
    rig.source.set_flags(INBOX, 3, {"\\Seen"})
    assert (await rig.run()).stats.total("flags_changed") == 1


async def test_rule_21_a_flag_changed_during_a_pass_is_not_missed(tmp_path: Path) -> None:
    whole = Steps()
    (tmp_path / "whole").mkdir()
    await stepped(filled(tmp_path / "whole"), whole)
    for k in range(1, whole.total + 1, 2):
        folder = tmp_path / str(k)
        folder.mkdir()
        rig = filled(folder)

        class Meanwhile(Steps):
            """Changes a flag at one step."""

            def at(self, name: str, rig: Rig = rig, k: int = k) -> How | None:
                if len(self.names) == k:
                    rig.source.set_flags(INBOX, 1, {"\\Flagged"})
                return super().at(name)

        await stepped(rig, Meanwhile())
        await rig.run()
        assert rig.same(), f"step {k}: {whole.names[k - 1]}"


async def test_rule_25_mail_that_reaches_both_sides_later_is_not_taken_for_a_copy(tmp_path: Path) -> None:
    rig = filled(tmp_path)
    rig.target.add_mail(INBOX, mail(3), date=1_700_000_003)
    assert (await rig.run()).stats.total("adopted") == 1
    for server in (rig.source, rig.target):  # both have it from outside, while the MX record changes
        server.add_mail(INBOX, mail(200), date=1_700_000_200)
    result = await rig.run()
    assert (result.stats.total("adopted"), result.stats.total("copied")) == (0, 1)
    assert Counter(m.data for m in rig.target.mails(INBOX))[mail(200)] == 2


@pytest.mark.parametrize(("left", "same"), [(20, True), (18, True), (17, False)])
async def test_rule_26_a_folder_that_lost_much_of_its_mail_is_a_new_one(tmp_path: Path, left: int, same: bool) -> None:
    rig = Rig(tmp_path / "ledger.db")
    rig.source.add_folder(CLIENTS)
    for number in range(20):
        rig.source.add_mail(CLIENTS, mail(number), date=number)
    await rig.run()
    new = FolderPath(("Customers",))
    rig.source.rename_folder(CLIENTS, new)
    rig.source.folder(new).mailbox_id = ""
    rig.source.expunge(new, range(1, 21 - left))
    result = await rig.run()
    assert result.stats.total("copied") == (0 if same else left)
    assert (rig.target.find(new) is None) == same


async def test_rule_26_the_mailbox_id_counts_whatever_the_uids(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "ledger.db")
    rig.source.add_folder(CLIENTS)
    for number in range(20):
        rig.source.add_mail(CLIENTS, mail(number), date=number)
    await rig.run()
    new = FolderPath(("Customers",))
    rig.source.rename_folder(CLIENTS, new)
    rig.source.renew_uid_validity(new)
    rig.source.add_mail(new, mail(90), date=90)
    assert (await rig.run()).stats.total("copied") == 1
    assert len(rig.target.mails(CLIENTS)) == 21
