"""A listing of messages over IMAP: what is asked for, and the rows that come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mailferry.backends.base import Flags, FolderStatus, Identify, Listing, Want
from mailferry.backends.imap_limit import groups
from mailferry.imap import commands
from mailferry.imap.exchange import Exchange
from mailferry.imap.responses import Fetch, Response
from mailferry.imap.values import MAX_UID, split_uid_set

if TYPE_CHECKING:
    from mailferry.backends.imap import ImapReader

_IDENTITY = b"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM TO SUBJECT)]"


class Question:
    """One call of `Reader.listing`. `sets` are the sets of UIDs to ask for, each in a FETCH of its own."""

    def __init__(
        self,
        reader: ImapReader,
        want: Want,
        first_uid: int,
        also: Sequence[int],
        identify: Identify | None,
        changed_since: int,
    ) -> None:
        self.first_uid = first_uid
        self._reader = reader
        self._want = want
        self._identify = identify if want & Want.IDENTITY else None
        self._older = frozenset(also)
        self._items = b"UID"
        self._items += b" FLAGS" if want & Want.FLAGS else b""
        self._items += b" INTERNALDATE" if want & Want.DATE else b""
        self._items += b" RFC822.SIZE" if want & Want.SIZE else b""
        self._items += b" " + _IDENTITY if want & Want.IDENTITY else b""
        self._modifiers = b"CHANGEDSINCE %d" % changed_since if changed_since else b""
        self._rows: dict[int, tuple[Flags, int, int, int]] = {}
        self.sets = [*self._sets_of(also), b"%d:%d" % (first_uid, MAX_UID)]

    def _sets_of(self, uids: Sequence[int]) -> Iterator[bytes]:
        session = self._reader.session
        for group in groups(uids, session.message_limit):
            if group:
                yield from split_uid_set(group, session.quirks.max_command_bytes - 300)

    def ask(self, uid_set: bytes, *, tolerant: bool = False) -> Exchange:
        """Send one FETCH."""
        client = self._reader.session.client
        exchange = client.begin("FETCH")
        exchange.tolerant = tolerant
        exchange.on_untagged = self._take
        client.push_parts(exchange, commands.uid_fetch(uid_set, self._items, self._modifiers).parts)
        client.finish(exchange)
        return exchange

    def answered(self, status: FolderStatus) -> Listing:
        """Give what has come, by UID."""
        listing, want = Listing(status), self._want
        for uid in sorted(self._rows):
            flags, date, size, identity = self._rows[uid]
            listing.uids.append(uid)
            if want & Want.FLAGS:
                listing.flags.append(flags)
            if want & Want.DATE:
                listing.dates.append(date)
            if want & Want.SIZE:
                listing.sizes.append(size)
            if want & Want.IDENTITY:
                listing.identities.append(identity)
        return listing

    def _take(self, response: Response) -> None:
        if not isinstance(response, Fetch) or (uid := response.uid) is None:
            return
        if uid < self.first_uid and uid not in self._older:
            return
        if uid in self._rows and response.internal_date is None and response.size is None:
            return  # an unsolicited flag update for a message that we have
        date = self._reader.dates.parse(response.internal_date) if response.internal_date else None
        header = next(iter(response.sections.values()), None) if response.sections else None
        identity = self._identify(header or b"") if self._identify is not None else 0
        self._rows[uid] = (
            self._reader.flags(response.raw_flags),
            date[0] if date else -1,
            response.size or 0,
            identity,
        )
