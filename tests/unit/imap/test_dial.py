"""Connections that are begun ahead: given once, with what went wrong, and closed when nobody took them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from mailferry.backends.registry import Location, connecting
from mailferry.imap import dial
from mailferry.imap.transport import connect_socket


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A server that nobody speaks for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


def port_of(server: socket.socket) -> int:
    port = server.getsockname()[1]
    assert isinstance(port, int)
    return port


def test_whoever_connects_next_is_given_the_connection(listening: socket.socket) -> None:
    port = port_of(listening)
    with connecting(Location("imap", "127.0.0.1", port), Location("maildir", path="nowhere")):
        theirs, _ = listening.accept()
        with asyncio.run(connect_socket("127.0.0.1", port, 20)) as ours:
            assert ours.getsockname() == theirs.getpeername()
            assert not ours.getblocking()
            assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        theirs.close()
        with asyncio.run(connect_socket("127.0.0.1", port, 20)) as second:
            theirs, _ = listening.accept()
            assert second.getsockname() == theirs.getpeername()
            theirs.close()


def test_two_mailboxes_of_one_server_have_a_connection_each(listening: socket.socket) -> None:
    place = Location("imap", "127.0.0.1", port_of(listening))
    with connecting(place, place):
        accepted = [listening.accept()[0] for _ in range(2)]
        opened = [asyncio.run(connect_socket("127.0.0.1", place.port, 20)) for _ in range(2)]
    assert {one.getsockname() for one in opened} == {one.getpeername() for one in accepted}
    for one in (*opened, *accepted):
        one.close()


def test_what_nobody_takes_is_closed(listening: socket.socket) -> None:
    with connecting(Location("imap", "127.0.0.1", port_of(listening))):
        theirs, _ = listening.accept()
    with theirs:
        theirs.settimeout(20)
        assert theirs.recv(1) == b""
    assert dial.take("127.0.0.1", port_of(listening)) is None


def test_an_error_is_told_to_whoever_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = port_of(gone)
    with connecting(Location("imap", "127.0.0.1", port)), pytest.raises(ConnectionRefusedError):
        asyncio.run(connect_socket("127.0.0.1", port, 20))
