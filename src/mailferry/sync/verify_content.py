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
from mailferry.errors import CommandFailed, FolderGone, Side
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
        async for batch in self.reader.stream(lambda: jobs.pop() if jobs else None):
            for item in batch:
                if isinstance(item, Mail):
                    reading.begin(item)
                elif isinstance(item, bytes):
                    reading.go_on(item)
                elif isinstance(item, Opened):
                    self._check(item)
                elif isinstance(item, JobFailed):
                    raise CommandFailed(f"{self.path}: {item.reason}", side=self.side)
        uids = self.listing.uids
        return {k: reading.done[uids[k]] for k in indexes if uids[k] in reading.done}

    def _check(self, opened: Opened) -> None:
        if opened.status.uid_validity != self.listing.status.uid_validity:
            raise FolderGone(f"{self.path}: the UIDs changed meanwhile", side=self.side)


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
    """Wait for both at once; nothing goes on behind an error."""
    task = asyncio.create_task(first)
    try:
        result = await second
        return await task, result
    finally:
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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
        groups = self._groups(verdicts)
        batch: list[_Group] = []
        for group in groups:
            batch.append(group)
            if sum(len(each.mine) + len(each.theirs) for each in batch) >= self.window_messages:
                await self._regroup(batch, verdicts)
                batch = []
        await self._regroup(batch, verdicts)

    def _groups(self, verdicts: bytearray) -> Iterator[_Group]:
        """Messages without a partner of equal content, by identity, where another pairing may do better."""
        partner = self.pairing.partner
        groups: dict[int, _Group] = {}
        held = bytearray(len(self.target.listing.uids))
        for i, verdict in enumerate(verdicts):
            if verdict in (Verdict.UNPAIRED, Verdict.ALTERED):
                identity = self.source.listing.identities[i]
                groups.setdefault(identity, _Group(identity, [], [])).mine.append(i)
            elif partner[i] >= 0:
                held[partner[i]] = 1
        for j, identity in enumerate(self.target.listing.identities):
            if not held[j] and identity in groups:
                groups[identity].theirs.append(j)
        for group in groups.values():
            if group.theirs and [partner[i] for i in group.mine] != group.theirs:
                yield group
            elif len(group.mine) > 1 and group.theirs:
                yield group

    async def _regroup(self, batch: Sequence[_Group], verdicts: bytearray) -> None:
        if not batch:
            return
        mine, theirs = await both(
            self.source.read([i for group in batch for i in group.mine]),
            self.target.read([j for group in batch for j in group.theirs]),
        )
        for group in batch:
            self._settle(group, mine, theirs, verdicts)

    def _settle(
        self, group: _Group, mine: dict[int, Content], theirs: dict[int, Content], verdicts: bytearray
    ) -> None:
        partner, shared = self.pairing.partner, self.pairing.shared
        for column, verdict in ((0, Verdict.EQUAL), (1, Verdict.LINE_ENDS)):
            waiting: dict[bytes, deque[int]] = {}
            for j in group.theirs:
                if j in theirs:
                    waiting.setdefault(theirs[j][column], deque()).append(j)
            for i in list(group.mine):
                found = waiting.get(mine[i][column]) if i in mine else None
                if found:
                    partner[i], shared[i], verdicts[i] = found.popleft(), 0, verdict
                    group.mine.remove(i)
                    group.theirs.remove(partner[i])
        # The rest stays altered as it was, but one whose partner was given away takes what is left.
        left = set(group.theirs)
        orphans = []
        for i in group.mine:
            if partner[i] in left:
                left.discard(partner[i])
            elif not shared[i] and (partner[i] == NONE or partner[i] in group.all_theirs):
                orphans.append(i)
        spare = deque(sorted(left))
        for i in orphans:
            keep = bool(spare) and group.identity != NO_IDENTITY
            partner[i] = spare.popleft() if keep else NONE
            verdicts[i] = Verdict.ALTERED if keep else Verdict.UNPAIRED


def _judge(mine: Content | None, theirs: Content | None) -> Verdict:
    if mine is None or theirs is None:
        return Verdict.UNREADABLE
    if mine.digest == theirs.digest:
        return Verdict.EQUAL
    return Verdict.LINE_ENDS if mine.line_ends == theirs.line_ends else Verdict.ALTERED
