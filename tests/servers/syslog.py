"""Receives what daemons say to /dev/log, for servers that can log nowhere else."""

from __future__ import annotations

import socket
import threading
from pathlib import Path


class Syslog:
    """Listens on a datagram socket at `path` and appends each message as a line to `file`."""

    def __init__(self, path: Path, file: Path) -> None:
        self._file = file
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._thread = threading.Thread(target=self._receive, name="syslog", daemon=True)
        self._thread.start()

    def text(self) -> str:
        """All that has come so far."""
        return self._file.read_text(errors="replace") if self._file.exists() else ""

    def close(self) -> None:
        """Stop listening."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(5)
        self._socket.close()

    def _receive(self) -> None:
        with self._file.open("ab", buffering=0) as file:
            while message := self._socket.recv(1 << 16):
                file.write(message.rstrip(b"\0\n") + b"\n")
