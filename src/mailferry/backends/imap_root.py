"""Finding the user root: the folder in which a mailbox begins that an administrator reads with a login of its own."""

from __future__ import annotations

from collections.abc import Sequence

from mailferry import errors
from mailferry.backends.imap_errors import from_response
from mailferry.backends.imap_names import NameCodec, Namespace, root_candidates
from mailferry.errors import Side
from mailferry.imap import commands
from mailferry.imap.client import ImapClient
from mailferry.imap.exchange import Exchange
from mailferry.imap.quirks import Refusal, classify
from mailferry.imap.responses import ListEntry, Tagged
from mailferry.imap.utf7 import decode

_NOT_FOR_EVER = (Refusal.BUSY, Refusal.LIMIT, Refusal.SERVER_BUG)


class RootFinder:
    """Asks one server for one user root. `own` and `foreign` are its namespaces as `root_candidates` takes them."""

    def __init__(
        self, client: ImapClient, own: Sequence[Namespace], foreign: Sequence[Namespace], side: Side, where: str
    ) -> None:
        self._client = client
        self._own = own
        self._foreign = foreign
        self._side = side
        self._where = where
        self._user_root = ""

    async def find(self, user_root: str) -> NameCodec:
        """Find the root with the server's own separator and spelling, and see that its inbox can be read.

        Raises RootNotFound with the reason, also if several folders fit; ServerBusy.
        """
        self._user_root = user_root
        candidates = root_candidates(user_root, self._own, self._foreign)
        asked = [(name, mark, self._list(name), self._list(_inbox(name, mark))) for name, mark in candidates]
        found: list[tuple[bytes, str, bytes]] = []
        closed: list[str] = []
        for name, mark, exact, child in asked:
            there = await self._listed(exact, name)
            below = await self._listed(child, _inbox(name, mark))
            # Where the root opens it is the inbox itself, and INBOX below it a folder like others.
            if there and _selectable(there):
                found.append((name, mark, name))
            elif below and _selectable(below):
                found.append((name, mark, _inbox(name, mark)))
            elif there or below:
                closed.append(_shown(name))
        if len(found) > 1:
            names = ", ".join(_shown(name) for name, _, _ in found)
            raise self._not_found(f"several folders fit: {names}; give the one that is meant as the server spells it")
        if not found and closed:
            raise self._not_found(f"{', '.join(closed)} is there, but holds no mail of its own, or may not be opened")
        if not found:
            tried = ", ".join(_shown(name) for name, _ in candidates[:3]) or "nothing"
            raise self._not_found(f"there is no such folder, or it may not be seen (looked for {tried})")
        name, mark, inbox = found[0]
        await self._open(inbox)
        return NameCodec(name + mark.encode(), mark, inbox=inbox)

    def _list(self, name: bytes) -> Exchange:
        return self._client.submit(commands.list_(name), tolerant=True)

    async def _listed(self, exchange: Exchange, name: bytes) -> ListEntry | None:
        self._patient(await exchange.reply)
        return next((e for e in exchange.untagged if isinstance(e, ListEntry) and e.raw_name == name), None)

    async def _open(self, inbox: bytes) -> None:
        """A folder may be seen and yet not be read (RFC 4314, rights l and r)."""
        reply = await self._client.submit(commands.select(inbox, read_only=True), tolerant=True).reply
        self._patient(reply)
        if reply.status != "OK":
            raise self._not_found(f"{_shown(inbox)} cannot be opened: {reply.text}")

    def _patient(self, reply: Tagged) -> None:
        code = reply.code.name if reply.code else ""
        if reply.status != "OK" and classify(reply.text, code) in _NOT_FOR_EVER:
            raise from_response(code, f"{self._where}: {reply.text}", self._side)

    def _not_found(self, reason: str) -> errors.RootNotFound:
        return errors.RootNotFound(f"{self._user_root!r} on {self._where}: {reason}", side=self._side)


def _inbox(name: bytes, mark: str) -> bytes:
    return name + mark.encode() + b"INBOX"


def _shown(name: bytes) -> str:
    return f"'{decode(name)}'"


def _selectable(entry: ListEntry) -> bool:
    return not {attribute.lower() for attribute in entry.attributes} & {"\\noselect", "\\nonexistent"}
