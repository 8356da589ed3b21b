"""Writing to a mailbox over IMAP: folders, flags, and the lanes that append."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from mailferry import errors
from mailferry.backends.base import (
    INBOX,
    Created,
    FlagChange,
    Flags,
    FolderPath,
    Lane,
    SpecialUse,
)
from mailferry.backends.imap import ImapReader, canonical_flags
from mailferry.backends.imap_errors import translated
from mailferry.backends.imap_lane import ImapLane, Proof
from mailferry.backends.imap_limit import groups
from mailferry.backends.imap_session import ImapSettings, Session
from mailferry.errors import Side
from mailferry.imap import commands
from mailferry.imap.errors import ImapError
from mailferry.imap.exchange import Exchange
from mailferry.imap.quirks import Refusal, classify
from mailferry.imap.responses import FlagsEntry, Status, Tagged
from mailferry.imap.values import MAX_UID, split_uid_set

_LAST_ANSWERS_SECONDS = 5.0


class ImapTarget(ImapReader):
    """A mailbox that is written to. The first lane shares the connection that listed the folders."""

    def __init__(self, session: Session, proof: Proof | None = None) -> None:
        super().__init__(session)
        self._proof = proof if proof is not None else Proof()
        self._lane: ImapLane | None = None
        self._selected: dict[FolderPath, Exchange] = {}  # SELECTs that went out ahead of the question
        self._subscribed: list[Exchange] = []
        self._awaited: Flags = frozenset()  # keywords that the server has been asked about

    @classmethod
    async def open(
        cls,
        settings: ImapSettings,
        side: Side = Side.TARGET,
        log: logging.Logger | None = None,
        *,
        proof: Proof | None = None,
    ) -> ImapTarget:
        """Connect and log in. `proof` is what earlier connections to the same server showed."""
        return cls(await Session.open(settings, side, log, listing=True), proof)

    async def create_folders(
        self, folders: Sequence[tuple[FolderPath, SpecialUse | None]], *, then: Sequence[FolderPath] = ()
    ) -> list[Created]:
        """CREATE, pipelined, and SELECT of `then` behind it. A refusal is looked at again by STATUS: what is there
        counts as done.
        """
        session = self.session
        with translated(session.side, session.settings.where):
            special = session.client.capabilities.has("CREATE-SPECIAL-USE")
            asked: list[tuple[FolderPath, bytes, Exchange | None]] = []
            for path, use in folders:
                raw = session.names.raw(path)
                if path == INBOX or self._divides(path):
                    asked.append((path, raw, None))
                    continue
                command = commands.create(raw, use.value if use and special else None)
                asked.append((path, raw, session.client.submit(command, tolerant=True)))
            self._selected = {path: session.select(path, read_only=False) for path in then if not self._divides(path)}
            result: list[Created] = []
            for path, raw, exchange in asked:
                if exchange is None:
                    result.append(Created(path, raw, error="" if path == INBOX else "a name holds the separator"))
                    continue
                reply = await exchange.reply
                session.names._seen.setdefault(path, raw)
                code = reply.code.name if reply.code else ""
                if reply.status == "OK":
                    self._proof.folders.add(raw)
                    result.append(Created(path, raw, made=True))
                elif classify(reply.text, code) is Refusal.ALREADY_EXISTS or await self._exists(raw):
                    result.append(Created(path, raw))
                else:
                    result.append(Created(path, raw, error=reply.text or reply.status))
            return result

    def _divides(self, path: FolderPath) -> bool:
        """Say whether the server would take the path for a longer one."""
        delimiter = self.session.names.delimiter
        return delimiter is not None and any(delimiter in part for part in path.parts)

    async def _exists(self, raw: bytes) -> bool:
        exchange = self.session.client.submit(commands.status(raw, b"MESSAGES"), tolerant=True)
        return (await exchange.reply).status == "OK"

    async def subscribe(self, paths: Sequence[FolderPath]) -> None:
        """SUBSCRIBE, pipelined; nobody waits for the answers but `close`."""
        for path in paths:
            command = commands.subscribe(self.session.names.raw(path))
            self._subscribed.append(self.session.client.submit(command, tolerant=True))

    async def permanent_flags(self, path: FolderPath) -> tuple[Flags, bool]:
        """SELECT the folder: EXAMINE shows no permanent flags. Raises FolderGone, ReadOnly."""
        session = self.session
        raw = session.names.raw(path)
        with translated(session.side, session.settings.where):
            exchange = self._selected.pop(path, None) or session.select(path, read_only=False)
            reply = await exchange.reply
        if reply.status != "OK":
            raise errors.FolderGone(f"{path}: {reply.text}", side=session.side)
        if reply.code is not None and reply.code.name == "READ-ONLY":
            raise errors.ReadOnly(str(path), side=session.side)
        self._proof.folders.add(raw)
        permanent: Flags | None = None
        anything = False
        listed: Flags = frozenset()
        for response in exchange.untagged:
            if isinstance(response, Status) and response.code and response.code.name == "PERMANENTFLAGS":
                words = response.code.arguments.strip(b"()")
                anything = b"\\*" in words.split()
                permanent = frozenset(canonical_flags(words))
            elif isinstance(response, FlagsEntry):
                listed = frozenset(canonical_flags(" ".join(response.flags).encode()))
        if permanent is None:  # a missing line means that all can be stored (RFC 3501, 6.3.1)
            return listed | commands.SETTABLE, True
        return permanent, anything

    def expect_keywords(self, path: FolderPath, keywords: Flags) -> None:
        """Let the server see the keywords in a STORE for a message that is not there: a BAD does no harm in a command
        without a body, and an OK proves that they may travel with `{n+}`.
        """
        words = frozenset(word for word in keywords if commands.is_keyword(word))
        if not words:
            return
        never = b"%d" % MAX_UID
        exchange = self.session.client.submit(commands.uid_store(never, "+FLAGS.SILENT", words), tolerant=True)
        self._awaited = words
        if self._lane is not None:
            self._lane.await_keywords(words)

        def answered(reply: asyncio.Future[Tagged]) -> None:
            self._awaited = frozenset()
            proven = words if reply.exception() is None and reply.result().status == "OK" else frozenset()
            self._proof.flags |= proven
            if self._lane is not None:
                self._lane.keywords_answered(proven)

        exchange.reply.add_done_callback(answered)

    async def open_lane(self) -> Lane:
        """The first lane takes this connection, each further one its own."""
        if self._lane is None:
            self._lane = ImapLane(self.session, self._proof, self._lane_closed)
            self._lane.await_keywords(self._awaited)
            return self._lane
        session = await Session.open(self.session.settings, self.session.side, self.session.log)
        session.names = self.session.names
        return ImapLane(session, self._proof, session.close)

    async def _lane_closed(self) -> None:
        self._lane = None

    async def change_flags(self, path: FolderPath, changes: Sequence[FlagChange]) -> None:
        """UID STORE, pipelined."""
        session = self.session
        with translated(session.side, session.settings.where):
            asked = [session.select(path, read_only=False, tolerant=False)]
            for change in changes:
                for uid_set in self._sets(change.uids):
                    for action, flags in (("+FLAGS.SILENT", change.add), ("-FLAGS.SILENT", change.remove)):
                        if flags:
                            asked.append(session.client.submit(commands.uid_store(uid_set, action, flags)))
            for exchange in asked:
                await exchange.wait()

    def _sets(self, uids: Sequence[int]) -> list[bytes]:
        most = self.session.quirks.max_command_bytes - 300
        return [uid_set for group in groups(uids, self.session.message_limit) for uid_set in split_uid_set(group, most)]

    async def close(self) -> None:
        """Log out, once the server has answered what nobody waited for."""
        with suppress(ImapError, TimeoutError):
            async with asyncio.timeout(_LAST_ANSWERS_SECONDS):
                for exchange in self._subscribed:
                    await exchange.reply
        await super().close()

    async def remove(self, path: FolderPath, uids: Sequence[int]) -> None:
        """Mark and UID EXPUNGE (RFC 4315); without UIDPLUS nothing is removed."""
        session = self.session
        if not self.features.uid_expunge or not uids:
            return
        with translated(session.side, session.settings.where):
            asked = [session.select(path, read_only=False, tolerant=False)]
            for uid_set in self._sets(uids):
                asked.append(session.client.submit(commands.uid_store(uid_set, "+FLAGS.SILENT", {"\\Deleted"})))
                asked.append(session.client.submit(commands.uid_expunge(uid_set)))
            for exchange in asked:
                await exchange.wait()
