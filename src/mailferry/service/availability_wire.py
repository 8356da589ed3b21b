"""One connection of an availability test: bytes as they come, and TLS whose failure can be explained afterwards.

The client's own transport gives no certificate, and not what a server said in place of a handshake; here both are the
point, and speed is not.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

from mailferry.imap import commands
from mailferry.imap.connection import Connection, Event, Limits
from mailferry.imap.errors import ProtocolError
from mailferry.imap.responses import Capability, Status, Tagged

_RECEIVE_BYTES = 65_536
_SEEN_BYTES = 1024
_MOST_BYTES = 1 << 20
_LIMITS = Limits(line_bytes=_RECEIVE_BYTES, literal_bytes=_RECEIVE_BYTES)


class Wire:
    """A connected, non-blocking socket. `seen` is the beginning of what the server sent since the last `secure`."""

    def __init__(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._received = 0
        self.tls: ssl.SSLObject | None = None
        self.seen = b""

    @property
    def address(self) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
        """Where it leads, for a second connection to the same machine."""
        return self._sock.family, self._sock.getpeername()

    async def receive(self) -> bytes:
        """Give the next bytes, b'' at the end. Raises OSError, ProtocolError if the server never stops."""
        while self.tls is not None:
            try:
                return self.tls.read(_RECEIVE_BYTES)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._read()
                if not data:
                    return b""
                self._in.write(data)
        return await self._read()

    async def _read(self) -> bytes:
        data = await self._loop.sock_recv(self._sock, _RECEIVE_BYTES)
        self.seen = (self.seen + data)[:_SEEN_BYTES]
        self._received += len(data)
        if self._received > _MOST_BYTES:
            raise ProtocolError("the server sends without end")
        return data

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises OSError."""
        if self.tls is None:
            await self._loop.sock_sendall(self._sock, data)
        else:
            self.tls.write(data)
            await self._flush()

    async def _flush(self) -> None:
        if self._out.pending:
            await self._loop.sock_sendall(self._sock, self._out.read())

    async def secure(self, context: ssl.SSLContext, server_name: str) -> ssl.SSLObject:
        """Begin TLS. Raises ssl.SSLError, OSError, ValueError for a name that cannot be one."""
        tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        self.seen = b""
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError:
                await self._flush()  # the alert
                raise
            else:
                await self._flush()
                self.tls = tls
                return tls
            data = await self._read()
            if not data:
                raise ConnectionResetError("the server closed the connection during the TLS handshake")
            self._in.write(data)

    def close(self) -> None:
        """Close at once."""
        self._sock.close()


@dataclass(slots=True)
class Answer:
    """What came for a command. `surplus`: more came behind the tagged line."""

    tagged: Tagged
    untagged: list[Event] = field(default_factory=list)
    surplus: bool = False

    def capabilities(self) -> tuple[str, ...] | None:
        """What the server announced in it, or None."""
        return next((event.names for event in self.untagged if isinstance(event, Capability)), None)


class Dialogue:
    """IMAP on a wire, one command at a time. `first_bytes` is the beginning of the greeting, whatever it is."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.first_bytes = b""
        self._connection = Connection(_LIMITS)
        self._events: list[Event] = []
        self._serial = 0

    async def greeting(self) -> Status | None:
        """Read the first response; None if what comes is not IMAP, or the connection ends first.

        `first_bytes` tells the two apart. Raises OSError, ProtocolError.
        """
        while not self._events:
            data = await self.wire.receive()
            if not data:
                return None
            self.first_bytes = (self.first_bytes + data)[:_SEEN_BYTES]
            self._events += self._connection.receive(data)
            begun = self.first_bytes.lstrip(b"\0\r\n ")
            if not self._events and len(begun) > 4 and not begun.startswith(b"*"):
                return None  # a banner that has no line end, such as a TLS alert
        first_event = self._events.pop(0)
        return first_event if isinstance(first_event, Status) else None

    async def command(self, name: str) -> Answer | None:
        """Send a command without arguments; None if the connection ends first. Raises OSError, ProtocolError."""
        self._serial += 1
        tag = b"T%d" % self._serial
        parts = [part for part in commands.simple(name).parts if isinstance(part, bytes)]
        await self.wire.send(tag + b" " + b"".join(parts) + b"\r\n")
        untagged: list[Event] = []
        while True:
            while self._events:
                event = self._events.pop(0)
                if isinstance(event, Tagged) and event.tag == tag:
                    return Answer(event, untagged, bool(self._events) or self._connection.pending_bytes > 0)
                untagged.append(event)
            data = await self.wire.receive()
            if not data:
                return None
            self._events += self._connection.receive(data)

    def restart(self) -> None:
        """Forget what came before TLS (RFC 9051, 6.2.1)."""
        self._connection = Connection(_LIMITS)
        self._events.clear()
