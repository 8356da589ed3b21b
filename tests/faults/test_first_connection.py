"""`mailferry copy` against a server that takes the very first connection and cuts it, as one does that is starting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailferry import errors
from mailferry.backends.imap import ImapReader
from mailferry.backends.imap_session import ImapSettings
from mailferry.backends.imap_target import ImapTarget
from mailferry.cli.copy import Early
from mailferry.errors import Side
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.run import PassResult, run_pass
from tests.faults.actions import Direction
from tests.faults.proxy import Cut, Proxy
from tests.faults.support import QUICK, crlf, differences, settings
from tests.faults.wire import AtByte, AtPattern, Place
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, fill, snapshot
from tests.servers.plugin import DovecotFactory

GREETING = AtPattern(rb"\* OK [^\n]*\n")
LOGIN = AtPattern(rb"AUTHENTICATE PLAIN ")
PLACES: dict[str, tuple[str, Direction, Place]] = {
    "accepted": ("none", "to_client", AtByte(0)),
    "greeting": ("none", "to_client", GREETING),
    "login": ("none", "to_server", LOGIN),
    "accepted, TLS": ("ssl", "to_client", AtByte(0)),
    "handshake": ("ssl", "to_client", AtByte(200)),
}


class Route:
    """A user with mail on one of two servers, and a ledger."""

    def __init__(self, source: Dovecot, target: Dovecot, user: str, state: Path) -> None:
        self.servers = {Side.SOURCE: source, Side.TARGET: target}
        self.user = user
        self._state = state / "ledger.db"
        for server in self.servers.values():
            server.user(user)
        fill(source, user, {"INBOX": [Message(crlf(b"Subject: %d\n\nhello\n" % n)) for n in range(9)]})

    def settings(self, side: Side, security: str = "none", port: int = 0) -> ImapSettings:
        server = self.servers[side]
        there = server.tls_port if security == "ssl" else server.port
        return replace(settings(port or there, self.user), security=security, accept_untrusted=True)

    async def copy(self, source: ImapSettings, target: ImapSettings) -> PassResult:
        """As the command does it, but without waiting long."""
        ledger = SqliteLedger(self._state)
        opened = Early(lambda: ImapReader.open(source, Side.SOURCE)), Early(lambda: ImapTarget.open(target))
        try:
            return await run_pass(*opened, ledger, ("source", "target"), QUICK)
        finally:
            for early in opened:
                await early.drop()
            await ledger.close()

    def wrong(self) -> list[str]:
        """Say what differs."""
        there, here = (snapshot(server, self.user) for server in self.servers.values())
        return differences({("INBOX",): there[("INBOX",)]}, {("INBOX",): here[("INBOX",)]})


@pytest.fixture
def route(dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path) -> Route:
    """Between two Dovecots."""
    return Route(dovecot, dovecot_factory(store="mdbox"), fresh_user, tmp_path)


@pytest.mark.parametrize("client", ["fin", "rst"])
@pytest.mark.parametrize("side", [Side.SOURCE, Side.TARGET], ids=str)
@pytest.mark.parametrize("place", PLACES)
async def test_a_first_connection_that_is_cut_is_made_again(route: Route, place: str, side: Side, client: str) -> None:
    security, direction, at = PLACES[place]
    there = route.settings(side, security)
    async with Proxy(there.port) as proxy:
        fault = proxy.on(direction, at, Cut(client=client), connection=1)  # type: ignore[arg-type]  # "fin" or "rst"
        ends = {other: route.settings(other) for other in route.servers}
        ends[side] = route.settings(side, security, proxy.port)
        result = await route.copy(ends[Side.SOURCE], ends[Side.TARGET])
        assert fault.count == 1
    assert (result.clean, result.stats.retries) == (True, 1)
    assert route.wrong() == []


async def test_both_first_connections_may_be_cut(route: Route) -> None:
    ports = [route.settings(side).port for side in route.servers]
    async with Proxy(ports[0]) as source, Proxy(ports[1]) as target:
        for proxy in (source, target):
            proxy.on("to_client", GREETING, Cut(), connection=1)
        ends = [route.settings(side, port=p.port) for side, p in zip(route.servers, (source, target), strict=True)]
        result = await route.copy(*ends)
    assert result.clean
    assert route.wrong() == []


async def test_a_server_that_cuts_each_connection_is_given_up(route: Route) -> None:
    ends = [route.settings(side) for side in route.servers]
    async with Proxy(ends[0].port) as proxy:
        proxy.on("to_client", GREETING, Cut(), times=None)
        with pytest.raises(errors.ConnectionLost) as caught:
            await route.copy(route.settings(Side.SOURCE, port=proxy.port), ends[1])
        assert proxy.connections > 2
    assert caught.value.side is Side.SOURCE


async def test_a_port_that_takes_nothing_is_not_tried_again(route: Route) -> None:
    ends = [route.settings(side) for side in route.servers]
    async with Proxy(ends[0].port) as proxy:
        port = proxy.port  # closed by now
    with pytest.raises(errors.ConnectFailed) as caught:
        await route.copy(route.settings(Side.SOURCE, port=port), ends[1])
    assert caught.value.retry is errors.Retry.AFTER_REPAIR
