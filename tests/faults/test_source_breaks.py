"""A source that breaks inside a message (rule 12): it is taken up at the same byte or given up, never mixed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.proxy import Cut, Proxy
from tests.faults.support import QUICK, Copy, differences, settings
from tests.faults.wire import AtByte
from tests.servers.client import ImapClient
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, connect, fill, snapshot
from tests.servers.plugin import DovecotFactory

LARGE_BYTES = 400_000


def large(letter: str) -> Message:
    """Make a message whose bytes tell which it is, all the way."""
    head = f"Message-ID: <{letter}@example.org>\r\nSubject: {letter}\r\n\r\n".encode()
    return Message(head + (letter.encode() * 78 + b"\r\n") * (LARGE_BYTES // 80))


class Surprise(Proxy):
    """Does something to the mailbox before the second connection comes to the server."""

    def __init__(self, server_port: int, act: Callable[[], None]) -> None:
        super().__init__(server_port)
        self._act = act

    def _accept(self) -> asyncio.Protocol:
        if self.connections == 1:
            self._act()
        return super()._accept()


class Broken:
    """A folder with a large message between two small ones, and a connection that breaks inside the large one."""

    def __init__(self, source: Dovecot, target: Dovecot, user: str, state: Path) -> None:
        for server in (source, target):
            server.user(user)
        self.source, self.target, self.user = source, target, user
        fill(source, user, {"Big": [Message(b"Subject: a\r\n\r\n"), large("x"), Message(b"Subject: b\r\n\r\n")]})
        self.copy = Copy(settings(source.port, user), settings(target.port, user), state / "ledger.db")
        self.copy.options = replace(QUICK, filter=QUICK.filter.parse(["Big"]))

    def as_owner(self) -> ImapClient:
        """Give another connection of the user."""
        return connect(self.source, self.user)

    async def run(self, act: Callable[[], None]) -> tuple[int, int]:
        """Copy; `act` before the reconnection. Gives the number of connections, and of attempts begun anew."""
        async with Surprise(self.source.port, act) as proxy:
            fault = proxy.on("to_client", AtByte(LARGE_BYTES // 2), Cut(client="fin"), connection=1)
            self.copy.source = replace(self.copy.source, port=proxy.port)
            result = await self.copy.run()
            assert fault.count == 1
            return proxy.connections, result.stats.retries

    def wrong(self) -> list[str]:
        """Say what differs now."""
        there, here = snapshot(self.source, self.user), snapshot(self.target, self.user)
        return differences({("Big",): there[("Big",)]}, {("Big",): here[("Big",)]})


@pytest.fixture(params=["multi", "single"])
def broken(
    request: pytest.FixtureRequest, dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path
) -> Broken:
    """The case, for two ways of sending."""
    target = dovecot_factory(store="mdbox", without=() if request.param == "multi" else ("MULTIAPPEND",))
    return Broken(dovecot, target, fresh_user, tmp_path)


async def test_it_goes_on_at_the_same_byte(broken: Broken) -> None:
    assert await broken.run(lambda: None) == (2, 0)
    assert broken.wrong() == []


async def test_uids_that_changed_meanwhile_are_not_believed(broken: Broken) -> None:
    def renew() -> None:
        with broken.as_owner() as client:
            client.command(b"DELETE Big")
        fill(broken.source, broken.user, {"Big": [Message(b"Subject: c\r\n\r\n"), large("y"), large("z")]})

    connections, retries = await broken.run(renew)
    assert (connections, retries) == (3, 1)
    there, here = snapshot(broken.source, broken.user)[("Big",)], snapshot(broken.target, broken.user)[("Big",)]
    assert [m for m in there if m not in here] == []
    assert [m for m in here if m.data not in {m.data for m in there} and len(m.data) > 100] == []


async def test_a_message_that_is_gone_meanwhile_leaves_nothing(broken: Broken) -> None:
    def expunge() -> None:
        with broken.as_owner() as client:
            client.command(b"SELECT Big")
            client.command(b"UID STORE 2 +FLAGS (\\Deleted)")
            client.command(b"EXPUNGE")

    connections, retries = await broken.run(expunge)
    assert (connections, retries) == (3, 1)
    assert broken.wrong() == []
