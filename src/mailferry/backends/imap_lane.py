"""The target side of the fast lane: APPEND, as many messages a command and as many commands ahead as the server takes.

Mail must never run as commands: after a BAD a server reads the bodies that are already on the wire as commands. So an
argument travels with `{n+}` only once this server has taken it with a synchronising literal (or in a command without
a body): the folder's name, the form of dates and system flags, each keyword.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection

from mailferry import errors
from mailferry.backends.base import Flags, FolderPath, Mail, Mode
from mailferry.backends.imap_chunks import ImapChunk, MultiChunk, SingleChunk
from mailferry.backends.imap_errors import translate
from mailferry.backends.imap_session import Session
from mailferry.imap import commands
from mailferry.imap.capability import LiteralMode
from mailferry.imap.client import ImapClient
from mailferry.imap.errors import ImapError
from mailferry.imap.exchange import Exchange
from mailferry.imap.outgoing import Gate
from mailferry.imap.values import DateCodec
from mailferry.records import dataclass, field

HIGH_BYTES = 1 << 20
_SYNC_ABOVE = 8 << 20  # a server that refuses the size must swallow the bytes or drop the line


@dataclass(slots=True)
class Proof:
    """Arguments that the server is known to take, so that they may travel with `{n+}`."""

    folders: set[bytes] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    form: bool = False  # the form of dates and of system flags
    broken: bool = False  # something was answered with BAD: synchronising literals only from now on


class ImapLane:
    """One writer connection."""

    def __init__(self, session: Session, proof: Proof, closed: Callable[[], Awaitable[None]]) -> None:
        self.session = session
        self.shared = proof
        # What this connection shows counts for this connection: another one must not rely on a gate that is closed.
        self._mine = Proof(flags=set(proof.flags), form=proof.form)
        self._closed = closed
        self.dates = DateCodec()
        self._flag_lists: dict[Flags, bytes] = {}
        self._proven_flags: dict[Flags, bytes] = {}
        self._proven_folder = b""
        mode = session.client.capabilities.literal_mode
        self._plus_bytes = {LiteralMode.PLUS: _SYNC_ABOVE, LiteralMode.MINUS: 4096}.get(mode, -1)
        self._awaited: Flags = frozenset()
        self._entered = b""
        self._line: deque[ImapChunk] = deque()  # chunks that have not pushed all of theirs; the first may
        self._moved: asyncio.Future[None] | None = None

    @property
    def client(self) -> ImapClient:
        """The connection."""
        return self.session.client

    @property
    def modes(self) -> Collection[Mode]:
        """What the server takes."""
        caps = self.client.capabilities
        if self.shared.broken:
            return (Mode.SYNC,)
        if caps.has("MULTIAPPEND"):
            return (Mode.MULTI, Mode.SINGLE, Mode.SYNC)
        return (Mode.SINGLE, Mode.SYNC)

    # chunks, one after the other

    def chunk(self, path: FolderPath, mode: Mode, key: str) -> ImapChunk:
        """Begin a chunk; `key` is of no use to IMAP."""
        if self._line:
            self._line[-1].seal()
        raw = self.session.names.raw(path)
        chunk = MultiChunk(self, raw, mode) if mode is Mode.MULTI else SingleChunk(self, raw, mode)
        self._line.append(chunk)
        if self._line[0] is chunk:
            chunk.take_turn()
        return chunk

    def enter(self, raw: bytes) -> None:
        """SELECT the folder that single messages go to: a server that has it open need not open it for each (Dovecot
        2.3 takes two thirds of the time). Nobody waits for the answer; a refusal changes nothing.
        """
        if raw != self._entered:
            self._entered = raw
            self.client.submit(commands.select(raw, read_only=False), tolerant=True)

    def passed(self, chunk: ImapChunk) -> None:
        """Say that a chunk has pushed its last byte, or never will push one; the next one may."""
        if chunk not in self._line:
            return
        first = self._line[0] is chunk
        self._line.remove(chunk)
        self._wake()
        if first and self._line:
            self._line[0].take_turn()

    def _wake(self) -> None:
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)

    # what the server is known to take

    def head(self, raw: bytes, mail: Mail, flags: Flags, date: int, zone: int, mode: Mode) -> tuple[bytes, bool]:
        """Spell the head of one message; the flag says whether to wait for the server before the body."""
        spelt = self._flag_lists.get(flags)
        if spelt is None:
            spelt = self._flag_lists[flags] = commands.flag_list(flags)
        wait = self._waits_always(mode) or not self._is_proven(raw, flags)
        wait = wait or not self.client.capabilities.literal_allows(mail.size)
        if mail.size > _SYNC_ABOVE and self.client.capabilities.append_limit is None:
            wait = True
        return commands.append_message(spelt, self.dates.format(date, zone), mail.size, synchronising=wait), wait

    @property
    def plus_bytes(self) -> int:
        """Size up to which a body may follow its head at once."""
        return self._plus_bytes

    def _waits_always(self, mode: Mode) -> bool:
        return mode is Mode.SYNC or self.shared.broken or self._plus_bytes < 0

    def _is_proven(self, raw: bytes, flags: Flags) -> bool:
        mine = self._mine
        if not mine.form or (raw not in mine.folders and raw not in self.shared.folders):
            return False
        return all(flag in mine.flags for flag in flags - commands.SETTABLE)

    def proven(self, raw: bytes, flags: Flags) -> bytes | None:
        """Spell flags that the server is known to take, for a folder and in a form that it is known to take."""
        if self.shared.broken:
            return None
        spelt = self._proven_flags.get(flags) if raw is self._proven_folder else None
        if spelt is None and self._is_proven(raw, flags):
            self._proven_folder = raw
            spelt = self._proven_flags[flags] = commands.flag_list(flags)
        return spelt

    def await_keywords(self, keywords: Flags) -> None:
        """Take note that the server has been asked about these keywords on this connection."""
        self._awaited = keywords

    def keywords_answered(self, proven: Flags) -> None:
        """Take note of those that the server takes; what waited for its answer may go on."""
        self._awaited = frozenset()
        self._mine.flags |= proven
        if self._line:
            self._line[0].go_on()
        self._wake()

    def is_awaited(self, flags: Flags) -> bool:
        """Say whether it pays to wait for the answer about these flags: a message that goes first shows the server the
        form of date and flags anyway, and the answer comes with the one to that. Else each keyword costs a round trip.
        """
        if not self._awaited or not self._mine.form:
            return False
        return any(flag in self._awaited and flag not in self._mine.flags for flag in flags)

    def prove(self, exchange: Exchange, raw: bytes, flags: Flags, mode: Mode) -> Gate | None:
        """Put a gate before the body; give it if what follows relies on what is before. A refusal in place of the `+`
        takes it back; other commands must wait until the gate is open.
        """
        gate = self.client.hold(exchange, for_server=True)
        if self._waits_always(mode) or self._is_proven(raw, flags):
            return None
        gate.proves = True
        mine, form = self._mine, self._mine.form
        fresh_flags = set(flags) - mine.flags
        fresh_folder = raw not in mine.folders

        def take_back() -> None:
            mine.form = form
            mine.flags -= fresh_flags
            if fresh_folder:
                mine.folders.discard(raw)
            self._proven_flags.clear()
            self._proven_folder = b""

        gate.on_refused = take_back
        mine.form = True
        mine.folders.add(raw)
        mine.flags |= flags
        return gate

    # waiting

    @property
    def queued_bytes(self) -> int:
        """Bytes not yet handed to the operating system."""
        return self.client.queued_bytes + sum(chunk.held_bytes for chunk in self._line)

    async def drain(self) -> None:
        """Wait until there is room."""
        try:
            await self.client.drain(HIGH_BYTES)
            # A chunk that streams waits for those before it, which wait for the ledger or the server: not for us.
            while self._line and self._line[-1].held_bytes > HIGH_BYTES and self._is_held() and not self.client.error:
                self._moved = asyncio.get_running_loop().create_future()
                await self._moved
                await self.client.drain(HIGH_BYTES)
        except ImapError as error:
            raise self.lost(error) from error

    def _is_held(self) -> bool:
        return len(self._line) > 1 or bool(self._awaited)

    def lost(self, error: BaseException) -> errors.MailferryError:
        """Say in the user's words why the connection ended."""
        translated = translate(error, self.session.side, self.session.settings.where)
        return translated or errors.ConnectionLost(str(error), side=self.session.side)

    async def close(self) -> None:
        """Log out, unless the connection is the target's own."""
        await self._closed()
