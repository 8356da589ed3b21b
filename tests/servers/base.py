"""What all private servers share: a short folder, ports, users, start, stop, and the wait for a greeting."""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.servers.errors import ServerFailed
from tests.servers.namespace import Namespace, cpu_seconds
from tests.servers.packages import package_tree
from tests.servers.pki import CertificateKind, Pki

HOST = "127.0.0.1"
PASSWORD = "secret"
_START_SECONDS = 30.0
_START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Account:
    """A login of a test server. `home` is a folder on this machine that the caller may read and write."""

    name: str
    password: str
    home: Path


def memory_folder() -> Path:
    """Where mail lies in memory if this machine has such a place, so that the disk does not decide a test's time."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody listens on, below the range that outgoing connections take theirs from."""
    ports: set[int] = set()
    while len(ports) < count:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        ports.add(port)
    return tuple(ports)


def greeting(port: int, timeout_seconds: float = 5.0) -> bytes:
    """Connect and read the first line; empty if the connection ends first. Raises OSError."""
    with socket.create_connection((HOST, port), timeout_seconds) as connection:
        line = b""
        while not line.endswith(b"\n"):
            piece = connection.recv(4096)
            if not piece:
                return b""
            line += piece
        return line


def _sweep(folder: Path) -> None:
    """Delete what a test run that was killed has left."""
    for left in folder.glob("mf-*-*-*"):
        owner = left.name.split("-")[2]
        if owner.isdigit() and not Path("/proc", owner).exists() and left.stat().st_uid == os.geteuid():
            shutil.rmtree(left, ignore_errors=True)


class PrivateServer(ABC):
    """A mail server of its own on 127.0.0.1; a context manager that starts and removes it.

    `port` speaks plain text (with STARTTLS), `tls_port` TLS from the first byte; `ca_file` proves both.
    """

    kind: str
    host = HOST

    def __init__(self, *, certificate: CertificateKind = "good", private_dev: bool = False) -> None:
        tree = package_tree(self.kind)
        _sweep(memory_folder())
        self.folder = Path(tempfile.mkdtemp(prefix=f"mf-{self.kind[:3]}-{os.getpid()}-", dir=memory_folder()))
        for name in ("mail", "log"):
            self.folder.joinpath(name).mkdir()
        self.pki = Pki(self.folder / "tls")
        self.certificate = self.pki.certificate(certificate)
        self.ca_file = self.pki.ca_file
        device_log = self.folder / "devlog" if private_dev else None
        self.namespace = Namespace(tree, self.folder / "ns", device_log=device_log)
        self.port, self.tls_port = free_ports(2)
        self.accounts: dict[str, Account] = {}

    @abstractmethod
    def user(self, name: str, password: str = PASSWORD) -> Account:
        """Make a user, or change the password of one."""

    @abstractmethod
    def log_text(self) -> str:
        """Everything the server has logged since it was made."""

    @abstractmethod
    def _launch(self) -> None:
        """Write the configuration for the present ports and start the daemon."""

    @property
    def pid(self) -> int | None:
        """The ancestor of all processes of the server, or None."""
        return self.namespace.pid

    def home(self, name: str) -> Path:
        """The folder that holds the user's mail."""
        return self.accounts[name].home

    def cpu_seconds(self) -> float:
        """Processor time used since the start, all processes of the server together; 0 when stopped."""
        return cpu_seconds(self.pid) if self.pid else 0.0

    def start(self) -> Self:
        """Start (again); returns when a greeting was read. Raises ServerUnavailable, ServerFailed."""
        for attempt in range(_START_ATTEMPTS):
            if attempt:
                self.port, self.tls_port = free_ports(2)  # another process was faster to take one
            self._launch()
            if self._ready():
                return self
            ended = self.namespace.exited()
            self.namespace.kill()
            if not ended:
                break
        raise ServerFailed(f"{self.kind} does not start:\n{self._complaints()[-3000:]}")

    def stop(self) -> None:
        """End the server in an orderly way; the mail stays, and start() brings it back on the same ports."""
        self.namespace.stop()

    def kill(self) -> None:
        """End every process of the server at once, as a power failure would; start() brings it back."""
        self.namespace.kill()

    def remove(self) -> None:
        """End the server and delete all it had."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and not self.namespace.exited():
            try:
                if greeting(self.port).startswith(b"* OK"):
                    return True
            except OSError:
                pass
            time.sleep(0.02)
        return False

    def _complaints(self) -> str:
        errors = self.folder / "ns" / "stderr"
        return (errors.read_text(errors="replace") if errors.exists() else "") + self.log_text()
