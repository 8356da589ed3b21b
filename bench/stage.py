"""Where the runs take place: two private servers, the mailboxes to copy, and a relay that adds distance."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import CpuClock, process_cpu_seconds
from bench.sources import take_away
from tests.servers.base import PASSWORD
from tests.servers.client import ImapClient, quoted
from tests.servers.dovecot import Dovecot

_COUNT = re.compile(rb"\(MESSAGES (\d+)\)")


@dataclass(slots=True)
class Mailbox:
    """A made-up mailbox on the source server; `added` messages came later."""

    user: str
    profile: str
    messages: int
    size_bytes: int
    added: int = 0


@dataclass(slots=True)
class Stage:
    """The servers of a run and the ports to reach them by, which may be a relay's. `scratch` is an ordinary folder."""

    source: Dovecot
    target: Dovecot
    scratch: Path
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    ports: tuple[int, int] = (0, 0)
    clocks: dict[str, CpuClock] = field(default_factory=dict)
    _users: int = 0

    def __post_init__(self) -> None:
        self.ports = self.source.port, self.target.port
        self.clocks = {"source": self.source.cpu_seconds, "target": self.target.cpu_seconds}

    def mailbox(self, profile: str, messages: int) -> Mailbox:
        """Give the mailbox of this kind and size, made on first use."""
        user = f"{profile}{messages}"
        if user not in self.mailboxes:
            size_bytes = make(profile, messages, self.source.user(user).home)
            self.mailboxes[user] = Mailbox(user, profile, messages, size_bytes)
        return self.mailboxes[user]

    def add(self, mailbox: Mailbox, messages: int) -> None:
        """Let new messages arrive at the source."""
        make(mailbox.profile, messages, self.source.home(mailbox.user), 1_000_000)
        mailbox.added = messages
        count(self.source, mailbox.user)

    def reset(self, mailbox: Mailbox) -> None:
        """Bring the source back to what it was when the mailbox was made, and its indexes to one known state."""
        home = self.source.home(mailbox.user)
        take_away(home)
        mailbox.added = 0
        for path in home.rglob("dovecot*index*"):
            path.unlink()
        found = count(self.source, mailbox.user)
        if found != mailbox.messages:
            raise RuntimeError(f"the source shows {found} messages, {mailbox.messages} were made")

    @contextmanager
    def fresh_user(self) -> Iterator[str]:
        """Give a user with an empty mailbox on the target, and delete the mail afterwards."""
        self._users += 1
        account = self.target.user(f"copy{self._users}")
        try:
            yield account.name
        finally:
            shutil.rmtree(account.home, ignore_errors=True)

    @contextmanager
    def distance(self, round_trip_seconds: float) -> Iterator[None]:
        """Put both servers so far away while the block runs; 0 changes nothing."""
        if not round_trip_seconds:
            yield
            return
        direct = self.source.port, self.target.port
        command = [sys.executable, "-m", "bench.relay", str(round_trip_seconds / 2), *map(str, direct)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as relay:
            assert relay.stdout is not None
            assert relay.stdin is not None
            source, target = map(int, relay.stdout.readline().split())
            self.ports = source, target
            self.clocks["relay"] = lambda: process_cpu_seconds(relay.pid)
            try:
                yield
            finally:
                self.ports = direct
                del self.clocks["relay"]
                relay.stdin.close()


def make(profile: str, messages: int, home: Path, first: int = 0) -> int:
    """Write a mailbox in a process of its own, so that ours stays small; give its size in bytes."""
    command = [sys.executable, "-m", "bench.sources", profile, str(messages), str(home), str(first)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def count(server: Dovecot, user: str) -> int:
    """Messages in all folders of the user, as the server tells."""
    with ImapClient(server.port) as client:
        client.login(user, PASSWORD)
        names = [name for attributes, _, name in client.names() if not attributes & {"\\noselect", "\\nonexistent"}]
        replies = (client.command(b"STATUS " + quoted(name) + b" (MESSAGES)") for name in names)
        found = [_COUNT.search(reply.named(b"STATUS")[0]) for reply in replies]
        return sum(int(match[1]) for match in found if match)


def files_below(folder: Path) -> int:
    """Messages of a Maildir on disk."""
    return sum(1 for part in ("cur", "new") for _ in folder.rglob(f"{part}/*"))


def describe(mailboxes: Mapping[str, Mailbox]) -> list[str]:
    """One line for each mailbox."""
    return [
        f"{box.profile.upper()}: {box.messages:,} messages, {box.size_bytes / 1e6:,.1f} MB,"
        f" mean {box.size_bytes / box.messages / 1000:,.1f} KB"
        for box in mailboxes.values()
    ]
