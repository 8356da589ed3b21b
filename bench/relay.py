"""A TCP relay that adds the same delay to each way, as distance does: no loss, no limit of throughput.

Run as `python -m bench.relay DELAY_SECONDS SERVER_PORT...`; prints one port for each, and ends with its input.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from tests.servers.base import HOST

_PIECE_BYTES = 1 << 18
_WINDOW_BYTES = 32 << 20


@dataclass(slots=True, eq=False)
class Way:
    """One direction of one connection: what came in, and when it may leave."""

    origin: socket.socket
    goal: socket.socket
    queue: deque[tuple[float, memoryview]] = field(default_factory=deque)
    queued_bytes: int = 0
    ended: bool = False
    blocked: bool = False


class Relay:
    """All connections of one relay. The client is let in at once, so the server hears of it when the third packet of
    the handshake would have come: its greeting takes the time of two round trips.
    """

    def __init__(self, delay_seconds: float, server_ports: list[int]) -> None:
        self._delay_seconds = delay_seconds
        self._selector = selectors.DefaultSelector()
        self._opening: deque[tuple[float, socket.socket, int]] = deque()
        self._ways: dict[socket.socket, Way] = {}  # by origin
        self.ports: list[int] = []
        for port in server_ports:
            listener = socket.create_server((HOST, 0), backlog=128)
            self.ports.append(listener.getsockname()[1])
            self._selector.register(listener, selectors.EVENT_READ, port)
        self._selector.register(sys.stdin, selectors.EVENT_READ, None)

    def run(self) -> None:
        """Serve until the standard input ends."""
        while True:
            for key, events in self._selector.select(self._patience()):
                if key.fileobj is sys.stdin:
                    return
                assert isinstance(key.fileobj, socket.socket)
                if isinstance(key.data, int):
                    accepted = key.fileobj.accept()[0]
                    self._opening.append((time.monotonic() + 3 * self._delay_seconds, accepted, key.data))
                    continue
                if events & selectors.EVENT_READ:
                    self._receive(self._ways[key.fileobj])
                if events & selectors.EVENT_WRITE and key.data in self._ways:
                    self._ways[key.data].blocked = False
            self._open_due()
            for way in list(self._ways.values()):
                if way.origin in self._ways:
                    self._send(way)
                self._watch(way.origin)

    def _patience(self) -> float | None:
        due = [way.queue[0][0] for way in self._ways.values() if way.queue and not way.blocked]
        if self._opening:
            due.append(self._opening[0][0])
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _open_due(self) -> None:
        while self._opening and self._opening[0][0] <= time.monotonic():
            _, client, port = self._opening.popleft()
            try:
                server = socket.create_connection((HOST, port))
            except OSError:
                client.close()
                continue
            for origin, goal in ((client, server), (server, client)):
                origin.setblocking(False)
                origin.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ways[origin] = Way(origin, goal)
                self._selector.register(origin, selectors.EVENT_READ, goal)

    def _receive(self, way: Way) -> None:
        try:
            data = way.origin.recv(_PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        way.ended = not data
        way.queue.append((time.monotonic() + self._delay_seconds, memoryview(data)))
        way.queued_bytes += len(data)

    def _send(self, way: Way) -> None:
        while way.queue and not way.blocked and way.queue[0][0] <= time.monotonic():
            due, data = way.queue.popleft()
            try:
                sent = way.goal.send(data) if data else 0
                if not data:
                    way.goal.shutdown(socket.SHUT_WR)
            except BlockingIOError:
                sent, way.blocked = 0, True
            except OSError:
                self._close(way)
                return
            way.queued_bytes -= sent
            if sent < len(data):
                way.queue.appendleft((due, data[sent:]))
                way.blocked = True
        back = self._ways.get(way.goal)
        if back is not None and way.ended and back.ended and not way.queue and not back.queue:
            self._close(way)

    def _watch(self, origin: socket.socket) -> None:
        """Ask for what the socket may do: read while there is room, write while something waits for it."""
        way = self._ways.get(origin)
        if way is None:
            return
        events = 0
        if not way.ended and way.queued_bytes < _WINDOW_BYTES:
            events |= selectors.EVENT_READ
        if self._ways[way.goal].blocked:
            events |= selectors.EVENT_WRITE
        key = self._selector.get_map().get(origin)
        if key is not None and not events:
            self._selector.unregister(origin)
        elif key is None and events:
            self._selector.register(origin, events, way.goal)
        elif key is not None and key.events != events:
            self._selector.modify(origin, events, way.goal)

    def _close(self, way: Way) -> None:
        for side in (way.origin, way.goal):
            if self._selector.get_map().get(side) is not None:
                self._selector.unregister(side)
            self._ways.pop(side, None)
            side.close()


if __name__ == "__main__":
    relay = Relay(float(sys.argv[1]), [int(port) for port in sys.argv[2:]])
    print(*relay.ports, flush=True)
    relay.run()
