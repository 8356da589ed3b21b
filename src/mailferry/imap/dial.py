"""Connections that are begun before there is an event loop: while Python loads the rest of the program, packets travel.

Each is made in a thread of its own, because to look up a name may take long.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future

_begun: dict[tuple[str, int], list[Future[socket.socket]]] = {}


def begin(host: str, port: int) -> None:
    """Begin to connect. Whoever connects next to the same host and port is given this connection."""
    connected: Future[socket.socket] = Future()
    _begun.setdefault((host, port), []).append(connected)
    threading.Thread(target=_connect, args=(host, port, connected), daemon=True).start()


def take(host: str, port: int) -> Future[socket.socket] | None:
    """Give a connection that was begun, or what became of it (OSError); None if there is none."""
    begun = _begun.get((host, port))
    return begun.pop(0) if begun else None


def drop() -> None:
    """Close what was begun and never taken."""
    for begun in _begun.values():
        for connected in begun:
            connected.add_done_callback(_close)
    _begun.clear()


def _connect(host: str, port: int, connected: Future[socket.socket]) -> None:
    connected.set_running_or_notify_cancel()
    try:
        connected.set_result(socket.create_connection((host, port)))
    except OSError as error:
        connected.set_exception(error)


def _close(connected: Future[socket.socket]) -> None:
    if connected.exception() is None:
        connected.result().close()
