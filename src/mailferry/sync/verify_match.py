"""Which message of the target is which of the source, for `verify`: what the ledger says, then what both sides list.

Columns by index in the source's listing; no object per message.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mailferry.backends.base import Listing, UidRange
from mailferry.sync.ledger import ChunkRow, ExceptionRow, FolderRow, Load
from mailferry.sync.limit import CODE
from mailferry.sync.matching import Purpose, Rule, entries, match
from mailferry.sync.packed import CONFIRMED, DIGEST_BYTES, NO_DIGEST, RowOutcome

NONE: Final = -1
"""In a column of indexes: no message."""

NO_ROW: Final = 255
"""In a column of outcomes: the ledger does not know the message."""

_RULE: Final = Rule(Purpose.EXACT, keeps_bytes=False)
"""The identity alone is the last resort on every target: the bytes are compared afterwards."""


class Rows(Protocol):
    """What is read of the ledger; every `Ledger` can do it."""

    async def folders(self) -> list[FolderRow]:
        """Give the folder map."""
        ...

    async def chunks(self, folder_id: int, *, columns: Load = Load.ALL) -> list[ChunkRow]:
        """Give the chunks of a folder in order of `seq`."""
        ...

    async def exceptions(self) -> list[ExceptionRow]:
        """Give all exceptions of the pair."""
        ...


class Known:
    """What the ledger says of each message of the source's listing. UIDs of another UIDVALIDITY say nothing.

    `outcomes` holds values of RowOutcome or NO_ROW, `target_uids` 0 where no UID is known that still means
    something, `dates` the date as it was sent, or the listed one where there is no row. `last_seq` is that of the
    folder's last chunk.
    """

    __slots__ = ("_digests", "dates", "last_seq", "outcomes", "target_uids")

    def __init__(self, source: Listing) -> None:
        count = len(source.uids)
        self.outcomes = bytearray([NO_ROW]) * count
        self.target_uids = array("I", [0]) * count
        self.dates = array("q", source.dates)
        self.last_seq = 0
        self._digests = bytearray(DIGEST_BYTES * count)

    def digest(self, i: int) -> bytes | None:
        """The digest of what was sent; None if it is not known."""
        digest = bytes(self._digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES])
        return digest if digest != NO_DIGEST else None

    def is_confirmed(self, i: int) -> bool:
        """Whether the message was on the target once."""
        return self.outcomes[i] in CONFIRMED

    def take(self, chunk: ChunkRow, source: Listing, is_pair: Callable[[int], bool]) -> None:
        """Enter one chunk; a later one overrules those before it. `is_pair` says by place which pairs to believe."""
        columns = chunk.columns
        for k, uid in enumerate(columns.uids):
            i = index_of(source.uids, uid)
            if i < 0:
                continue
            self.outcomes[i] = columns.outcomes[k]
            self.target_uids[i] = columns.target_uids[k] if columns.confirmed(k) and is_pair(k) else 0
            if columns.dates[k] >= 0:
                self.dates[i] = columns.dates[k]
            self._digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES] = columns.digest(k)

    def leave_out(self, cover: UidRange, source: Listing) -> None:
        """Enter a range without messages, by which an earlier version marked what is over the limit of items."""
        for i in range(bisect_left(source.uids, cover[0]), bisect_right(source.uids, cover[1])):
            if self.outcomes[i] == NO_ROW:
                self.outcomes[i] = RowOutcome.OVER_LIMIT


async def read_known(rows: Rows | None, row: FolderRow | None, source: Listing, target: Listing) -> Known:
    """Read what the ledger knows of these messages."""
    known = Known(source)
    if rows is None or row is None:
        return known
    for chunk in await rows.chunks(row.id):
        known.last_seq = chunk.seq
        if chunk.source_uid_validity != source.status.uid_validity:
            continue
        # The first chunks of a folder that we made were opened before anybody knew its UIDVALIDITY.
        validity = chunk.target_uid_validity or row.target_uid_validity
        known.take(chunk, source, _believe(chunk, validity, target))
        if chunk.mode == CODE:
            known.leave_out(chunk.cover, source)
    return known


def _believe(chunk: ChunkRow, validity: int, target: Listing) -> Callable[[int], bool]:
    """Which UIDs on the target still mean what they meant. Where nobody told the UIDVALIDITY, the identity says it."""
    if validity:
        return lambda k: validity == target.status.uid_validity
    uids, identities = chunk.columns.target_uids, chunk.columns.identities

    def has_its_identity(k: int) -> bool:
        j = index_of(target.uids, uids[k])
        return j < 0 or target.identities[j] == identities[k]

    return has_its_identity


@dataclass(slots=True)
class Pairing:
    """Pairs as indexes: `partner` has for each message of the source that of the target, or NONE.

    `shared` marks messages whose rows name one message of the target: the server keeps one of two.
    """

    source: Listing
    target: Listing
    partner: array[int]
    shared: bytearray

    def paired(self) -> array[int]:
        """Indexes of the source's messages that have a partner."""
        return array("I", (i for i, j in enumerate(self.partner) if j >= 0))

    def free(self) -> array[int]:
        """Indexes of the target's messages that are nobody's partner."""
        held = bytearray(len(self.target.uids))
        for j in self.partner:
            if j >= 0:
                held[j] = 1
        return array("I", (j for j, is_held in enumerate(held) if not is_held))


def pair(source: Listing, target: Listing, known: Known, *, last: Sequence[int]) -> Pairing:
    """Pair by the ledger's UIDs, then as multisets by identity with date and size, with one of them, and alone.

    What the ledger confirms goes first: of two equal messages it has the better claim to the one that is there. What
    need not be there, with 1 in the column `last`, has the least.
    """
    count = len(source.uids)
    pairing = Pairing(source, target, array("i", [NONE]) * count, bytearray(count))
    first = array("i", [NONE]) * len(target.uids)
    for i, uid in enumerate(known.target_uids):
        j = index_of(target.uids, uid) if uid else NONE
        if j >= 0:
            pairing.partner[i] = j
            if first[j] >= 0:
                pairing.shared[i] = pairing.shared[first[j]] = 1
            else:
                first[j] = i
    left = [i for i, j in enumerate(pairing.partner) if j < 0]
    for confirmed in (True, False):
        _pair_by_identity(pairing, known, [i for i in left if known.is_confirmed(i) is confirmed and not last[i]])
    _pair_by_identity(pairing, known, [i for i in left if last[i]])
    return pairing


def _pair_by_identity(pairing: Pairing, known: Known, left: Sequence[int]) -> None:
    if not left:
        return
    free = pairing.free()
    wanted = entries(pairing.source, left)
    wanted.dates = array("q", (known.dates[i] for i in left))
    for at, found in match(wanted, entries(pairing.target, free), _RULE).pairs():
        pairing.partner[left[at]] = free[found]


def index_of(uids: array[int], uid: int) -> int:
    """The index of a UID in an ascending column, or NONE."""
    at = bisect_left(uids, uid)
    return at if at < len(uids) and uids[at] == uid else NONE


def uid_ranges(uids: array[int], indexes: Iterable[int]) -> tuple[UidRange, ...]:
    """Ranges that hold these messages of a complete ascending column of UIDs, and none of the others."""
    ranges: list[UidRange] = []
    last = NONE
    for k in sorted(set(indexes)):
        # Neighbours in the listing are one range: a UID between them that isn't there never will be.
        if ranges and k == last + 1:
            ranges[-1] = (ranges[-1][0], uids[k])
        else:
            ranges.append((uids[k], uids[k]))
        last = k
    return tuple(ranges)
