"""A server that is full, that limits, that says BYE, or that restarts: nothing is lost, nothing arrives twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mailferry import errors
from tests.conformance import mails
from tests.faults.actions import Cut, Inject
from tests.faults.proxy import Proxy
from tests.faults.support import QUICK, Copy, differences, messages, settings
from tests.faults.wire import AtPattern
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, fill, snapshot
from tests.servers.plugin import DovecotFactory

MODES = {"multi": (), "single": ("MULTIAPPEND",), "sync": ("MULTIAPPEND", "LITERAL+")}
BIG = [mails.sized(number, 5_000) for number in range(30)]


def rig(source: Dovecot, target: Dovecot, user: str, state: Path, inbox: list[Message]) -> Copy:
    """A filled source and an empty target."""
    source.user(user)
    target.user(user)
    fill(source, user, {"INBOX": inbox, "Sent": messages(mails.tidy(5))})
    copy = Copy(settings(source.port, user), settings(target.port, user), state / "l.db")
    copy.options = replace(QUICK, chunk_messages=7, single_messages=4)
    return copy


@pytest.mark.parametrize("mode", MODES)
async def test_a_full_mailbox_ends_the_pass_and_nothing_arrives_twice(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, mode: str
) -> None:
    """Each run ends in OverQuota, and what arrived arrived once."""
    small = dovecot_factory(store="mdbox", quota_bytes=60_000, without=MODES[mode])
    copy = rig(dovecot, small, fresh_user, tmp_path, messages(BIG))
    with pytest.raises(errors.OverQuota) as caught:
        await copy.run()
    assert caught.value.side is errors.Side.TARGET
    there = snapshot(small, fresh_user)[("INBOX",)]
    assert len({m.data for m in there}) == len(there) < len(BIG)
    with pytest.raises(errors.OverQuota):
        await copy.run()
    again = snapshot(small, fresh_user)[("INBOX",)]
    assert len({m.data for m in again}) == len(again)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("place", [0, 4, 29])
async def test_a_message_too_large_for_the_server_is_listed(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, mode: str, place: int
) -> None:
    target = dovecot_factory(store="mdbox", max_message_bytes=20_000, without=MODES[mode])
    bodies = list(BIG)
    bodies[place] = mails.sized(99, 20_001)
    copy = rig(dovecot, target, fresh_user, tmp_path, messages(bodies))
    result = await copy.run()
    assert [(row.kind, row.uid) for row in result.exceptions] == [("skipped", place + 1)]
    assert len(snapshot(target, fresh_user)[("INBOX",)]) == len(BIG) - 1
    assert (await copy.run()).stats.total("copied") == 0


async def test_a_limit_of_connections_leaves_the_lanes_that_there_are(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path
) -> None:
    target = dovecot_factory(store="mdbox", max_connections=1, without=("MULTIAPPEND",))
    copy = rig(dovecot, target, fresh_user, tmp_path, messages(BIG))
    await copy.run()
    assert differences(snapshot(dovecot, fresh_user), snapshot(target, fresh_user)) == []


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("mode", MODES)
async def test_bye_in_the_middle(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, mode: str, side: str
) -> None:
    target = dovecot_factory(store="mdbox", without=MODES[mode])
    copy = rig(dovecot, target, fresh_user, tmp_path, messages(BIG))
    plain = getattr(copy, side)
    pattern = rb"\r\n\* \d+ FETCH" if side == "source" else rb"OK \[APPENDUID[^\r]*\r\n"
    before = side == "source"
    async with Proxy(plain.port) as proxy:
        place = AtPattern(pattern, before=before, number=2)
        proxy.on("to_client", place, Inject(b"\r\n* BYE going down" + (b"" if before else b"\r\n")), connection=1)
        proxy.on("to_client", place, Cut("fin", "fin"), connection=1)
        setattr(copy, side, replace(plain, port=proxy.port))
        await copy.run()
    assert differences(snapshot(dovecot, fresh_user), snapshot(target, fresh_user)) == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_restart_of_the_target_during_a_pass(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, mode: str
) -> None:
    target = dovecot_factory(store="mdbox", without=MODES[mode])
    copy = rig(
        dovecot, target, fresh_user, tmp_path, messages([*BIG, *(mails.sized(n, 9_000) for n in range(50, 250))])
    )
    copy.options = replace(copy.options, retries=8, retry_seconds=0.2)
    async with Proxy(target.port) as proxy:
        fault = proxy.on("to_client", AtPattern(rb" OK \[APPENDUID", number=3), Inject(b""))
        copy.target = replace(copy.target, port=proxy.port)
        task = asyncio.create_task(copy.run())
        await fault.wait()
        await asyncio.to_thread(target.kill)
        await asyncio.to_thread(target.start)
        await task
    assert differences(snapshot(dovecot, fresh_user), snapshot(target, fresh_user)) == []
