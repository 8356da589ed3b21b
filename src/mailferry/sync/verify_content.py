"""Comparing the bytes of paired messages, for `verify`. Bodies stream through; only digests are kept, a window's worth.

With the digest that the ledger has of what was sent, the source is read only where the target differs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

from mailferry.backends.base import FetchJob, FolderPath, JobFailed, Listing, Mail, Opened, Reader
from mailferry.errors import CommandFailed, FolderGone, MailferryError, Side
from mailferry.sync.identity import NO_IDENTITY, Digester, LineEndDigester
from mailferry.sync.verify_match import NONE, Known, Pairing, uid_ranges

First = TypeVar("First")
Second = TypeVar("Second")


class Verdict(IntEnum):
    """What is known of a message of the source. A column of bytes holds these."""

    UNPAIRED = 0
    SAME_IDENTITY = 1  # paired, the bytes were not compared
    EQUAL = 2
    LINE_ENDS = 3
    ALTERED = 4
    UNREADABLE = 5


class Content(NamedTuple):
    """Digests of a message: of its bytes, and of its bytes whatever its lines end with."""

    digest: bytes
    line_ends: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to read messages of, with its listing."""

    reader: Reader
    path: FolderPath
    listing: Listing
    side: Side

    async def read(self, indexes: Collection[int]) -> dict[int, Content]:
        """Read messages whole, by index in the listing; those that are gone meanwhile are left out.

        Raises FolderGone if the UIDs changed, CommandFailed if the server refuses to hand messages over.
        """
        if not indexes:
            return {}
        jobs = [FetchJob(self.path, uid_ranges(self.listing.uids, indexes))]
        reading = _Reading()
        error: MailferryError | None = None
        async for batch in self.reader.stream(lambda: jobs.pop() if jobs else None):
            for item in batch:
                if isinstance(item, Mail):
                    reading.begin(item)
                elif isinstance(item, bytes):
                    reading.go_on(item)
                elif isinstance(item, Opened) and item.status.uid_validity != self.listing.status.uid_validity:
                    error = FolderGone(f"{self.path}: the UIDs changed meanwhile", side=self.side)
                elif isinstance(item, JobFailed):
                    error = error or CommandFailed(f"{self.path}: {item.reason}", side=self.side)
        if error is not None:  # not earlier: the connection is of use again once the stream has ended
            raise error
        uids = self.listing.uids
        return {k: reading.done[uids[k]] for k in indexes if uids[k] in reading.done}


class _Reading:
    """The messages of one stream; a message counts once all its bytes have come."""

    def __init__(self) -> None:
        self.done: dict[int, Content] = {}
        self._uid = self._left = 0
        self._exact, self._line_ends = Digester(), LineEndDigester()

    def begin(self, mail: Mail) -> None:
        self._uid, self._left = mail.uid, mail.size
        self._exact, self._line_ends = Digester(), LineEndDigester()
        self.go_on(mail.data)

    def go_on(self, data: bytes) -> None:
        self._exact.update(data)
        self._line_ends.update(data)
        self._left -= len(data)
        if not self._left:
            self.done[self._uid] = Content(self._exact.digest(), self._line_ends.digest())


async def both(first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]) -> tuple[First, Second]:
    """Wait for both at once. If one fails, the other comes to its end first, so that its connection stays of use."""
    task = asyncio.create_task(first)
    try:
        result = await second
    except BaseException as error:
        if not isinstance(error, MailferryError):
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    return await task, result


@dataclass(slots=True)
class Comparison:
    """Compares the contents of one folder's pairs. `repaired` are UIDs of the source that were not sent as they are.

    `step` is called with the number of messages done since the last call.
    """

    source: Place
    target: Place
    pairing: Pairing
    known: Known
    repaired: Collection[int]
    reread_source: bool
    window_messages: int
    step: Callable[[int], None]

    async def run(self) -> bytearray:
        """Give a Verdict for each message of the source; may change the pairing, by digest."""
        verdicts = bytearray(len(self.pairing.partner))
        paired = self.pairing.paired()
        for start in range(0, len(paired), self.window_messages):
            window = paired[start : start + self.window_messages]
            await self._compare(window, verdicts)
            self.step(len(window))
        await self._pair_by_digest(verdicts)
        return verdicts

    async def _compare(self, window: Sequence[int], verdicts: bytearray) -> None:
        partner = self.pairing.partner
        sent = {i: digest for i in window if (digest := self._sent(i)) is not None}
        mine, theirs = await both(
            self.source.read([i for i in window if i not in sent]), self.target.read([partner[i] for i in window])
        )
        differing = [i for i, digest in sent.items() if (there := theirs.get(partner[i])) and there.digest != digest]
        mine |= await self.source.read(differing)
        for i in window:
            there = theirs.get(partner[i])
            if there is not None and sent.get(i) == there.digest:
                verdicts[i] = Verdict.EQUAL
            else:
                verdicts[i] = _judge(mine.get(i), there)

    def _sent(self, i: int) -> bytes | None:
        """The digest that the target must have, if the source need not be read for it."""
        if self.reread_source and self.source.listing.uids[i] not in self.repaired:
            return None
        return self.known.digest(i)

    # --- pairs that the identity got wrong ---------------------------------------------------------------

    async def _pair_by_digest(self, verdicts: bytearray) -> None:
        """Of messages with one identity, or none, find the pairs with equal bytes among what is left."""
        batch: list[_Group] = []
        for group in self._groups(verdicts):
            batch.append(group)
            if sum(len(each.mine) + len(each.theirs) for each in batch) >= self.window_messages:
                await self._regroup(batch, verdicts)
                batch = []
        await self._regroup(batch, verdicts)
        self._find_homes(verdicts)

    def _groups(self, verdicts: bytearray) -> Iterator[_Group]:
        """Messages without a partner of equal content, by identity, where another pairing may do better."""
        partner, identities = self.pairing.partner, self.source.listing.identities
        left = [i for i, verdict in enumerate(verdicts) if verdict in (Verdict.UNPAIRED, Verdict.ALTERED)]
        if not left:
            return
        spare = {self.target.listing.identities[j] for j in self.pairing.free()}
        seen: set[int] = set()
        groups: dict[int, _Group] = {}
        for i in left:
            if identities[i] in spare or identities[i] in seen:
                groups[identities[i]] = _Group([], [])
            seen.add(identities[i])
        held = bytearray(len(self.target.listing.uids))
        for i, j in enumerate(partner):
            if verdicts[i] in (Verdict.UNPAIRED, Verdict.ALTERED):
                if identities[i] in groups:
                    groups[identities[i]].mine.append(i)
            elif j >= 0:
                held[j] = 1
        for j, identity in enumerate(self.target.listing.identities):
            if not held[j] and identity in groups:
                groups[identity].theirs.append(j)
        yield from (group for group in groups.values() if group.theirs)

    async def _regroup(self, batch: Sequence[_Group], verdicts: bytearray) -> None:
        if not batch:
            return
        mine, theirs = await both(
            self.source.read([i for group in batch for i in group.mine]),
            self.target.read([j for group in batch for j in group.theirs]),
        )
        for group in batch:
            for column, verdict in ((0, Verdict.EQUAL), (1, Verdict.LINE_ENDS)):
                for i, j in group.take_equal(mine, theirs, column):
                    self.pairing.partner[i], self.pairing.shared[i], verdicts[i] = j, 0, verdict

    def _find_homes(self, verdicts: bytearray) -> None:
        """A message whose partner turned out to be another's takes one that is left of its identity, or none."""
        partner, shared, identities = self.pairing.partner, self.pairing.shared, self.source.listing.identities
        held = bytearray(len(self.target.listing.uids))
        for i, j in enumerate(partner):
            if j >= 0 and verdicts[i] != Verdict.ALTERED:
                held[j] = 1
        homeless: dict[int, deque[int]] = {}
        for i, j in enumerate(partner):
            if j >= 0 and verdicts[i] == Verdict.ALTERED:
                if shared[i]:
                    shared[i] = held[j]  # one of two is kept only if that one is as it was
                elif held[j]:
                    partner[i], verdicts[i] = NONE, Verdict.UNPAIRED
                    homeless.setdefault(identities[i], deque()).append(i)
                held[j] = 1
        homeless.pop(NO_IDENTITY, None)
        for j, identity in enumerate(self.target.listing.identities if homeless else ()):
            if not held[j] and homeless.get(identity):
                i = homeless[identity].popleft()
                partner[i], verdicts[i] = j, Verdict.ALTERED


@dataclass(slots=True)
class _Group:
    """Messages of one identity that have no partner of equal content, as indexes."""

    mine: list[int]
    theirs: list[int]

    def take_equal(
        self, mine: dict[int, Content], theirs: dict[int, Content], column: int
    ) -> Sequence[tuple[int, int]]:
        """Pair what is equal in this column of Content, in order, and take it out of the group."""
        waiting: dict[bytes, deque[int]] = {}
        for j in self.theirs:
            if j in theirs:
                waiting.setdefault(theirs[j][column], deque()).append(j)
        pairs: dict[int, int] = {}
        for i in self.mine:
            found = waiting.get(mine[i][column]) if i in mine else None
            if found:
                pairs[i] = found.popleft()
        taken = set(pairs.values())
        self.mine = [i for i in self.mine if i not in pairs]
        self.theirs = [j for j in self.theirs if j not in taken]
        return list(pairs.items())


def _judge(mine: Content | None, theirs: Content | None) -> Verdict:
    if mine is None or theirs is None:
        return Verdict.UNREADABLE
    if mine.digest == theirs.digest:
        return Verdict.EQUAL
    return Verdict.LINE_ENDS if mine.line_ends == theirs.line_ends else Verdict.ALTERED
