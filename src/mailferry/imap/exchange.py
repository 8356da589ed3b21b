"""Commands under way, and the inbox that bodies come through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mailferry.imap.connection import Fetched
from mailferry.imap.errors import ImapError
from mailferry.imap.responses import Continuation, Response, Tagged

INBOX_BYTES = 2 << 20


class Exchange:
    """One command under way and its answer.

    `reply` is the tagged OK; a NO or BAD becomes CommandRefused, unless `tolerant`, when it is the result too.
    """

    __slots__ = (
        "dropped",
        "finished",
        "inbox",
        "name",
        "on_continuation",
        "on_untagged",
        "reply",
        "strict",
        "tag",
        "tolerant",
        "untagged",
    )

    def __init__(self, tag: bytes, name: str, reply: asyncio.Future[Tagged]) -> None:
        self.tag = tag
        self.name = name
        self.reply = reply
        self.untagged: list[Response] = []
        self.on_untagged: Callable[[Response], None] | None = None
        self.on_continuation: Callable[[Continuation], None] | None = None
        self.inbox: Inbox | None = None
        self.tolerant = False
        self.finished = False  # the final CRLF has been given to the queue
        self.dropped = False  # refused before it was sent whole: what is still given to it must not be sent
        self.strict = False  # after a BAD nothing more may be sent

    async def wait(self) -> list[Response]:
        """Wait for OK and give the untagged responses. Raises CommandRefused, ConnectionClosed."""
        await self.reply
        return self.untagged


class Inbox:
    """Bodies in the order in which they came, and the exchanges that ended between them.

    Too much unread stops the reading, so a slow target slows the source and fills no memory.
    """

    def __init__(self, limit_bytes: int = INBOX_BYTES) -> None:
        self._items: list[Fetched | bytes | Exchange] = []
        self._bytes = 0
        self._limit_bytes = limit_bytes
        self._error: ImapError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.pause: Callable[[], None] = lambda: None
        self.resume: Callable[[], None] = lambda: None

    def put(self, items: list[Fetched | bytes | Exchange], size_bytes: int) -> None:
        """Add what was received."""
        self._items += items
        self._bytes += size_bytes
        if self._bytes > self._limit_bytes:
            self.pause()
        self._wake()

    def fail(self, error: ImapError) -> None:
        """Say that nothing more will come."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> list[Fetched | bytes | Exchange]:
        """Give all that is there, at least one item. Raises what `fail` was given, after the last item."""
        while not self._items:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        items, self._items = self._items, []
        self._bytes = 0
        self.resume()
        return items
