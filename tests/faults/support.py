"""Passes from one IMAP server to another, for tests: where from, where to, and one ledger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailferry.backends.imap import ImapReader
from mailferry.backends.imap_lane import Proof
from mailferry.backends.imap_session import ImapSettings
from mailferry.backends.imap_target import ImapTarget
from mailferry.errors import Side
from mailferry.imap.client import Timeouts
from mailferry.imap.values import Secret
from mailferry.sync.ledger_sqlite import SqliteLedger
from mailferry.sync.options import Event, Options
from mailferry.sync.run import PassResult, run_pass
from tests.faults.wire import Line
from tests.servers.base import HOST, PASSWORD
from tests.servers.mailboxes import MAIL_DATE, Message, Snapshot, Stored, contents, seconds

TIMEOUTS = Timeouts(connect=10, greeting=10, stall=20)
QUICK = Options(settle_seconds=0.3, half_open_seconds=3.0, retry_seconds=0.01)


class Boundaries:
    """A place that is never met: it notes where lines, terminators and literals begin and end, of each connection."""

    whole_lines = False

    def __init__(self) -> None:
        self.places: set[int] = set()

    def matcher(self) -> Boundaries:
        """One for all connections."""
        return self

    def seek(self, data: bytes, position: int, lines: list[Line]) -> int | None:
        """Note what is there."""
        for line in lines:
            self.places |= {line.start, line.end - 2, line.end}
            if line.literal_size:
                self.places |= {line.end + line.literal_size // 2, line.end + line.literal_size}
        return None


def settings(port: int, user: str, password: str = PASSWORD, **more: object) -> ImapSettings:
    """Plain text to a server of this machine, unless told otherwise."""
    made = ImapSettings(HOST, port, "none", user, Secret(password), timeouts=TIMEOUTS)
    return replace(made, **more)  # type: ignore[arg-type]  # the caller names fields


@dataclass
class Copy:
    """One source, one target, one ledger. `keys` stay the same when a proxy gives other ports."""

    source: ImapSettings
    target: ImapSettings
    state: Path
    options: Options = QUICK
    keys: tuple[str, str] = ("source", "target")
    proof: Callable[[], Proof] = Proof
    events: list[Event] = field(default_factory=list)

    async def run(self, options: Options | None = None) -> PassResult:
        """Run one pass, like a process of its own."""
        ledger = SqliteLedger(self.state)
        proof = self.proof()

        async def open_source() -> ImapReader:
            return await ImapReader.open(self.source, Side.SOURCE)

        async def open_target() -> ImapTarget:
            nonlocal proof
            fresh = self.proof()
            fresh.broken = proof.broken
            proof = fresh
            return await ImapTarget.open(self.target, proof=proof)

        try:
            chosen = options or self.options
            return await run_pass(open_source, open_target, ledger, self.keys, chosen, listen=self.events.append)
        finally:
            await ledger.close()


def crlf(data: bytes) -> bytes:
    """As Dovecot serves a message: every line ends in CRLF."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def messages(bodies: Iterable[bytes], flags: Sequence[Collection[str]] = ((),), first_day: int = 1) -> list[Message]:
    """Give bodies dates that differ and flags in turn."""
    made = []
    for number, body in enumerate(bodies):
        date = f"{number % 28 + first_day:2}-Jan-2020 {number % 24:02}:30:{number % 60:02} +0100"
        made.append(Message(body, tuple(flags[number % len(flags)]), date))
    return made


def stored(message: Message) -> Stored:
    """What Dovecot gives back for it."""
    return Stored(crlf(message.data), frozenset(message.flags), seconds(message.date or MAIL_DATE))


def differences(wanted: Snapshot, found: Snapshot) -> list[str]:
    """Say what is missing, surplus or altered, one line each. A parent that cannot be selected may become an empty
    folder.
    """
    lines = []
    ours, theirs = contents(wanted), contents(found)
    for folder in ours:
        for parent in (folder[:depth] for depth in range(1, len(folder))):
            if parent not in ours and not theirs.get(parent, 1):
                del theirs[parent]
    for folder in sorted(ours.keys() | theirs.keys()):
        if folder not in theirs or folder not in ours:
            lines.append(f"{folder}: {'missing' if folder in ours else 'surplus'}")
            continue
        lines += [f"{folder}: missing {_short(m)}" for m in (ours[folder] - theirs[folder]).elements()]
        lines += [f"{folder}: surplus {_short(m)}" for m in (theirs[folder] - ours[folder]).elements()]
    return lines


def _short(message: Stored) -> str:
    return f"{message.data[:90]!r} ({len(message.data)} bytes) {sorted(message.flags)} {message.date}"


def disordered(wanted: Snapshot, found: Snapshot) -> list[str]:
    """Name the folders in which messages stand in another order."""
    return [
        str(folder)
        for folder, there in wanted.items()
        if [m.data for m in there] != [m.data for m in found.get(folder, [])]
    ]
