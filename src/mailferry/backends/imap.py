"""Reading a mailbox over IMAP. Here a *mailbox* of the RFC becomes a folder, and nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from mailferry import errors
from mailferry.backends.base import (
    INBOX,
    FetchJob,
    Flags,
    FolderPath,
    FolderStatus,
    Identify,
    Item,
    Listed,
    Listing,
    SpecialUse,
    Want,
)
from mailferry.backends.imap_errors import translated
from mailferry.backends.imap_limit import lowest_processed
from mailferry.backends.imap_listing import Question
from mailferry.backends.imap_session import ImapSettings, Session
from mailferry.errors import Side
from mailferry.imap import commands
from mailferry.imap.errors import CommandRefused
from mailferry.imap.exchange import Exchange
from mailferry.imap.responses import Exists, FlagsEntry, ListEntry, Response, Status, StatusEntry, Tagged
from mailferry.imap.values import DateCodec

if TYPE_CHECKING:
    from mailferry.backends.imap_stream import BodyStream

_SPECIAL = {use.value.lower(): use for use in SpecialUse} | {"\\spam": SpecialUse.JUNK, "\\allmail": SpecialUse.ALL}
_HIDDEN = {"\\noselect", "\\nonexistent"}


class ImapReader:
    """A logged-in mailbox. Folders are only ever EXAMINEd here, so reading changes nothing."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.key = session.settings.key
        self.features = session.features()
        self.dates = DateCodec()
        self._flags: dict[bytes, Flags] = {}
        self._opening = asyncio.Lock()  # what a FETCH asks for is of the folder that was opened last
        self._ahead: BodyStream | None = None  # asked for its first bodies; nobody reads them yet

    @classmethod
    async def open(cls, settings: ImapSettings, side: Side, log: logging.Logger | None = None) -> ImapReader:
        """Connect and log in."""
        return cls(await Session.open(settings, side, log, listing=True))

    # folders

    async def list_folders(self, *, status: bool = True) -> list[Listed]:
        """LIST with everything in one round trip where the server can (RFC 5258, RFC 5819), else three."""
        await self._drop_ahead()
        with translated(self.session.side, self.session.settings.where):
            self.session.unselect()
            listed: list[Listed] | None = None
            if self.session.lists_at_once and status:
                try:
                    listed = await self._list_extended()
                except CommandRefused:
                    pass
            if listed is None:
                listed = await self._list_plain(status=status)
            if not self.session.settings.user_root and all(folder.path != INBOX for folder in listed):
                await self._add_inbox(listed)
            return listed

    async def _add_inbox(self, listed: list[Listed]) -> None:
        """INBOX is to be listed if there is one (RFC 3501, 6.3.8). A server that lists nothing beside an INBOX may hide
        other folders too: Cyrus 3.6 with dots as separators lists nothing to a user whose name has a dot.
        """
        names = self.session.names
        inbox = (await self.status([INBOX]))[0]
        if inbox is None:
            return
        if not listed:
            where = self.session.settings.where
            raise errors.ProtocolBroken(
                f"{where}: there is an INBOX, but LIST shows no folders", side=self.session.side
            )
        names.path(b"INBOX")
        listed.insert(0, Listed(INBOX, names.raw(INBOX), selectable=True, subscribed=True, status=inbox))

    async def _list_extended(self) -> list[Listed]:
        asked = [self.session.ask_for_list(pattern) for pattern in self._patterns()]
        # Not together with the counts: Cyrus 3.6.1 then gives random bytes for MAILBOXID.
        ids = [commands.list_(pattern, returns=b"(STATUS (MAILBOXID))") for pattern in self._patterns()]
        client = self.session.client
        named = [client.submit(c, tolerant=True) for c in ids] if client.capabilities.has("OBJECTID") else []
        responses = [r for exchange in asked for r in await exchange.wait()]
        stats = {e.raw_name: e for e in responses if isinstance(e, StatusEntry)}
        listed = [e for e in responses if isinstance(e, ListEntry)]
        for exchange in named:
            await exchange.reply
            told = {e.raw_name: e.mailbox_id for e in exchange.untagged if isinstance(e, StatusEntry)}
            stats |= {raw: StatusEntry(raw, stats[raw].items, known) for raw, known in told.items() if raw in stats}
        return self._listed(listed, {e.raw_name for e in listed if _has(e, "\\subscribed")}, stats)

    async def _list_plain(self, *, status: bool) -> list[Listed]:
        client = self.session.client
        caps = client.capabilities
        verb = "XLIST" if caps.has("XLIST") and not caps.has("SPECIAL-USE") else "LIST"
        lists = [client.submit(commands.list_(p, verb=verb)) for p in self._patterns()]
        subs = [client.submit(commands.list_(p, verb="LSUB"), tolerant=True) for p in self._patterns()]
        listed = [r for x in lists for r in await x.wait() if isinstance(r, ListEntry)]
        subscribed: set[bytes] = set()
        for exchange in subs:
            await exchange.reply
            subscribed |= {r.raw_name for r in exchange.untagged if isinstance(r, ListEntry)}
        stats: dict[bytes, StatusEntry] = {}
        if status:
            open_ = [e for e in listed if not _hidden(e) and self.session.names.path(e.raw_name)]
            asked = [(e, self._ask_status(e.raw_name)) for e in open_]
            for entry, exchange in asked:
                await exchange.reply
                for response in exchange.untagged:
                    if isinstance(response, StatusEntry):
                        stats[entry.raw_name] = response
        return self._listed(listed, subscribed, stats)

    def _patterns(self) -> list[bytes]:
        settings, names = self.session.settings, self.session.names
        if not settings.user_root:
            return [b"*"]
        return [names.inbox, names.root + b"*"] if names.root else [names.inbox]

    def _listed(
        self, entries: Sequence[ListEntry], subscribed: set[bytes], stats: dict[bytes, StatusEntry]
    ) -> list[Listed]:
        found: dict[FolderPath, Listed] = {}
        for entry in entries:
            path = self.session.names.path(entry.raw_name)
            if path is None:
                continue
            before = found.get(path)
            if before is not None and (before.selectable or _hidden(entry)):
                continue
            uses = (_SPECIAL.get(a.lower()) for a in sorted(entry.attributes))
            stat = stats.get(entry.raw_name)
            found[path] = Listed(
                path,
                entry.raw_name,
                selectable=not _hidden(entry),
                subscribed=entry.raw_name in subscribed,
                special_use=next((use for use in uses if use), None),
                mailbox_id=stat.mailbox_id if stat else "",
                status=_trusted(stat) if stat else None,
            )
        return list(found.values())

    def _ask_status(self, raw: bytes) -> Exchange:
        return self.session.client.submit(commands.status(raw, self.session.status_items), tolerant=True)

    async def status(self, paths: Sequence[FolderPath]) -> list[FolderStatus | None]:
        """STATUS of each folder, pipelined."""
        await self._drop_ahead()
        with translated(self.session.side, self.session.settings.where):
            self.session.unselect()
            asked = [self._ask_status(self.session.names.raw(path)) for path in paths]
            result: list[FolderStatus | None] = []
            for exchange in asked:
                reply = await exchange.reply
                entries = [r for r in exchange.untagged if isinstance(r, StatusEntry)]
                result.append(_status(entries[-1]) if entries and reply.status == "OK" else None)
            for at, status in enumerate(result):
                if status is not None and not status.uid_validity:
                    result[at] = await self._examined_or_none(paths[at])
            return result

    async def _examined_or_none(self, path: FolderPath) -> FolderStatus | None:
        try:
            return await self.examine(path)
        except errors.FolderGone:
            return None

    # messages

    async def examine(self, path: FolderPath) -> FolderStatus:
        """Open a folder for reading. Raises FolderGone."""
        await self._drop_ahead()
        exchange = self.session.select(path, read_only=True, condstore=self.features.condstore)
        return self._examined(path, exchange, await exchange.reply)

    def _examined(self, path: FolderPath, exchange: Exchange, reply: Tagged) -> FolderStatus:
        if reply.status != "OK":
            raise errors.FolderGone(f"{path}: {reply.text}", side=self.session.side)
        return selected_status(exchange.untagged)

    async def listing(
        self,
        path: FolderPath,
        want: Want,
        *,
        first_uid: int = 1,
        also: Sequence[int] = (),
        identify: Identify | None = None,
        changed_since: int = 0,
    ) -> Listing:
        """EXAMINE, one UID FETCH for all columns, and one more for each line full of `also`."""
        await self._drop_ahead()
        question = Question(self, want, first_uid, also, identify, changed_since)
        with translated(self.session.side, self.session.settings.where):
            if changed_since and not also:
                return await self._changes(path, question)
            async with self._opening:
                return await self._listing(path, question)

    async def _listing(self, path: FolderPath, question: Question) -> Listing:
        status = await self.examine(path)
        sets = deque(question.sets if status.messages else [])
        while sets:
            lowest = lowest_processed(await question.ask(sets.popleft()).reply)
            if lowest > question.first_uid:
                sets.append(b"%d:%d" % (question.first_uid, lowest - 1))
        return question.answered(status)

    async def _changes(self, path: FolderPath, question: Question) -> Listing:
        """Ask behind the EXAMINE, with the first step of this coroutine: folders that are asked for together take one
        round trip. What one FETCH cannot tell is asked for in the ordinary way.
        """
        async with self._opening:
            exchange = self.session.select(path, read_only=True, condstore=self.features.condstore)
            asked = question.ask(question.sets[0], tolerant=True)
        status = self._examined(path, exchange, await exchange.reply)
        reply = await asked.reply
        if status.messages and (reply.status != "OK" or lowest_processed(reply)):
            async with self._opening:
                return await self._listing(path, question)
        return question.answered(status)

    def keywords(self, paths: Sequence[FolderPath]) -> Awaitable[Flags]:
        """EXAMINE each, pipelined, and read FLAGS."""
        return self._keywords(paths, None if self._ahead is not None else self._opened(paths))

    def _opened(self, paths: Sequence[FolderPath]) -> list[Exchange]:
        return [self.session.select(path, read_only=True) for path in paths]

    async def _keywords(self, paths: Sequence[FolderPath], asked: list[Exchange] | None) -> Flags:
        if asked is None:
            await self._drop_ahead()
            asked = self._opened(paths)
        with translated(self.session.side, self.session.settings.where):
            found: set[str] = set()
            for exchange in asked:
                await exchange.reply
                for response in exchange.untagged:
                    if isinstance(response, FlagsEntry):
                        found |= {flag for flag in response.flags if not flag.startswith("\\")}
            return frozenset(found)

    def flags(self, raw: bytes) -> Flags:
        """Turn the inside of a FLAGS list into flags; equal lists give the same object."""
        known = self._flags.get(raw)
        if known is None:
            if len(self._flags) > 10_000:
                self._flags.clear()
            known = self._flags[raw] = frozenset(canonical_flags(raw))
        return known

    def expect(self, job: FetchJob) -> None:
        """EXAMINE and FETCH; the bodies wait, the first 2 MiB of them here, until `stream` asks for the same job."""
        if self._ahead is None and not self.session.message_limit:
            self._ahead = self._body_stream()
            self._ahead.expect(job)

    def stream(self, jobs: Callable[[], FetchJob | None]) -> AsyncIterator[list[Item]]:
        """Read bodies; see Reader."""
        stream, self._ahead = self._ahead or self._body_stream(), None
        return stream.run(jobs)

    def _body_stream(self) -> BodyStream:
        from mailferry.backends.imap_stream import BodyStream  # a pass that finds nothing new reads no bodies

        return BodyStream(self)

    async def _drop_ahead(self) -> None:
        """Give up bodies that nobody will read: only the end of the connection stops them."""
        if self._ahead is not None:
            self._ahead = None
            await self.reopen()

    async def reopen(self) -> None:
        """Log in again: the connection broke, or what comes over it is of no use."""
        session = self.session
        session.client.abort()
        fresh = await Session.open(session.settings, session.side, session.log)
        for path in list(session.names._seen):
            fresh.names._seen.setdefault(path, session.names.raw(path))
        self.session = fresh

    async def close(self) -> None:
        """Log out."""
        await self.session.close()


def canonical_flags(raw: bytes) -> list[str]:
    """Spell system flags as the RFC does; leave out \\Recent, \\* and system flags that nobody knows."""
    flags: list[str] = []
    for word in raw.decode("utf-8", "replace").split():
        if word.startswith("\\"):
            spelt = "\\" + word[1:].capitalize()
            if spelt in commands.SETTABLE:
                flags.append(spelt)
        else:
            flags.append(word.strip('"'))
    return flags


def selected_status(untagged: Sequence[Response]) -> FolderStatus:
    """Read what SELECT or EXAMINE said."""
    messages = uid_validity = uid_next = modseq = 0
    for response in untagged:
        if isinstance(response, Exists):
            messages = response.count
        elif isinstance(response, Status) and response.code is not None:
            value = response.code.number()
            match response.code.name:
                case "UIDVALIDITY":
                    uid_validity = value or 0
                case "UIDNEXT":
                    uid_next = value or 0
                case "HIGHESTMODSEQ":
                    modseq = value or 0
    return FolderStatus(uid_validity, uid_next, messages, max(modseq, 0))


def _status(entry: StatusEntry) -> FolderStatus:
    items = entry.items
    size = items.get("SIZE")
    return FolderStatus(
        items.get("UIDVALIDITY", 0),
        items.get("UIDNEXT", 0),
        items.get("MESSAGES", 0),
        max(items.get("HIGHESTMODSEQ", 0), 0),
        size,
    )


def _trusted(entry: StatusEntry) -> FolderStatus | None:
    """Take counts from a listing only with a UIDVALIDITY, which is never 0 (RFC 3501, 2.3.1.1): while Dovecot 2.3
    indexes a folder for the first time, its LIST-STATUS may call it empty, with UIDVALIDITY 0.
    """
    status = _status(entry)
    return status if status.uid_validity else None


def _has(entry: ListEntry, attribute: str) -> bool:
    return attribute in {a.lower() for a in entry.attributes}


def _hidden(entry: ListEntry) -> bool:
    return bool({a.lower() for a in entry.attributes} & _HIDDEN)
