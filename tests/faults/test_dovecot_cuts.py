"""Cut the connection at every boundary of the protocol, on both sides, and find every message exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailferry.imap.client import Timeouts
from tests.conformance import mails
from tests.faults.actions import Cut, Direction, Late
from tests.faults.proxy import Proxy
from tests.faults.support import QUICK, Boundaries, Copy, differences, disordered, messages, settings
from tests.faults.wire import AtByte, InLiteral, Place
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Folder, Message, Snapshot, fill, snapshot
from tests.servers.plugin import DovecotFactory

AT_ONCE = 12
SMALL = replace(QUICK, chunk_messages=4, single_messages=3, lanes=2, retry_seconds=0.01)

TARGETS: dict[str, tuple[str, ...]] = {
    "multi": (),
    "multi, no UIDPLUS": ("UIDPLUS",),
    "single": ("MULTIAPPEND",),
    "single, no UIDPLUS": ("MULTIAPPEND", "UIDPLUS"),
    "sync": ("MULTIAPPEND", "LITERAL+"),
    "sync, no UIDPLUS": ("MULTIAPPEND", "LITERAL+", "UIDPLUS"),
}


def mailbox() -> dict[Folder, list[Message]]:
    """Small, with all that makes counting hard: twins, no Message-ID, one large message."""
    nameless = mails.untidy()["no Message-ID"]
    return {
        "INBOX": messages([*mails.tidy(4), mails.sized(9, 70_000)], ((), ("\\Seen",), ("Work",))),
        "Sent": [
            *(Message(data, ("\\Seen",)) for data in (*mails.twins(), *mails.twins()[:1])),
            *(Message(data) for data in (nameless, nameless, *mails.same_id())),
        ],
        "Empty": [],
    }


class Rounds:
    """Many passes from one source, each into a mailbox of its own, a dozen at a time."""

    def __init__(self, source: Dovecot, target: Dovecot, user: str, state: Path) -> None:
        self.source, self.target, self.user, self.state = source, target, user, state
        source.user(user)
        fill(source, user, mailbox())
        self.wanted: Snapshot = snapshot(source, user)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._count = 0
        self.struck = 0

    def copy(self) -> Copy:
        """A pass into a fresh mailbox."""
        self._count += 1
        name = f"{self.user}n{self._count}"
        self.target.user(name)
        copy = Copy(settings(self.source.port, self.user), settings(self.target.port, name), self.state / f"{name}.db")
        copy.options = SMALL
        return copy

    async def boundaries(self, side: str, direction: Direction) -> list[int]:
        """All places of one undisturbed pass, as numbers of bytes; only of the first connection."""
        copy, found = self.copy(), Boundaries()
        async with Proxy(getattr(copy, side).port) as proxy:
            proxy.on(direction, found, Cut(), connection=1)
            setattr(copy, side, replace(getattr(copy, side), port=proxy.port))
            await copy.run()
        assert await self.fault_in(copy) == ""
        return sorted(found.places)

    async def fault_in(self, copy: Copy) -> str:
        """What is wrong with the target's content; empty if nothing is."""
        there = await asyncio.to_thread(snapshot, self.target, copy.target.user)
        wrong = differences(self.wanted, there)
        return "; ".join(wrong or disordered({}, there))

    async def round(self, side: str, direction: Direction, place: Place, cut: Cut) -> str:
        """One pass that is cut, and one after it. What is wrong, or nothing."""
        async with self._places:
            copy = self.copy()
            plain = getattr(copy, side)
            async with Proxy(plain.port) as proxy:
                fault = proxy.on(direction, place, cut, connection=1)
                setattr(copy, side, replace(plain, port=proxy.port))
                await copy.run()
                self.struck += fault.count
            setattr(copy, side, plain)
            wrong = await self.fault_in(copy)
            again = await copy.run()
            if again.stats.total("copied"):
                wrong += "; copied again"
            wrong = wrong or await self.fault_in(copy)
            return f"{side} {direction} {place} {cut}: {wrong}" if wrong else ""


def cuts() -> Iterator[Cut]:
    """Ways of ending, in turn."""
    while True:
        yield Cut(client="rst", server="fin")
        yield Cut(client="fin", server="fin")
        yield Cut(client="rst", server="rst")


async def cut_everywhere(rounds: Rounds, side: str, direction: Direction, stride: int) -> None:
    """Cut at each `stride`-th boundary, every time into a fresh mailbox."""
    places = await rounds.boundaries(side, direction)
    chosen = places[::stride]
    tries = [rounds.round(side, direction, AtByte(at), cut) for at, cut in zip(chosen, cuts(), strict=False) if at]
    wrong = [text for text in await asyncio.gather(*tries) if text]
    assert not wrong, "\n".join(wrong)
    assert rounds.struck > len(chosen) // 2


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
@pytest.mark.parametrize("name", TARGETS)
async def test_cuts_on_the_targets_side(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, name: str, direction: Any
) -> None:
    target = dovecot_factory(store="mdbox", without=TARGETS[name])
    await cut_everywhere(Rounds(dovecot, target, fresh_user, tmp_path), "target", direction, 2 if "no" in name else 1)


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
async def test_cuts_on_the_sources_side(
    dovecot: Dovecot, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path, direction: Any
) -> None:
    await cut_everywhere(Rounds(dovecot, dovecot_mdbox, fresh_user, tmp_path), "source", direction, 1)


@pytest.mark.parametrize("name", TARGETS)
async def test_a_terminator_that_arrives_late(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, name: str
) -> None:
    """The client has gone for 2 seconds when the server gets what it had sent before."""
    target = dovecot_factory(store="mdbox", without=TARGETS[name])
    rounds = Rounds(dovecot, target, fresh_user, tmp_path)

    async def late(number: int) -> str:
        copy = rounds.copy()
        plain = copy.target
        async with Proxy(plain.port) as proxy:
            fault = proxy.on("to_server", InLiteral(number, b"APPEND", -1), Late(2.0), connection=1)
            copy.target = replace(plain, port=proxy.port, timeouts=Timeouts(5, 5, 1.0))
            await copy.run(replace(SMALL, settle_seconds=3.0))
            if fault.struck.is_set():  # with several lanes the first connection may carry fewer
                rounds.struck += 1
                await fault.wait()
        return await rounds.fault_in(copy)

    wrong = [text for text in await asyncio.gather(*map(late, (1, 2, 4, 6, 8))) if text]
    assert not wrong, "\n".join(wrong)
    assert rounds.struck > 1
