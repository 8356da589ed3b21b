"""Which message of one side is which of the other: multisets, never sets (two equal messages are two).

Messages come as columns and leave as columns: half a million of them cost one dict of integers and three arrays.
A message is never matched by its size alone or its date alone; both only decide between messages of one identity.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from mailferry.backends.base import Features, Listing
from mailferry.records import dataclass, field
from mailferry.sync.identity import NO_IDENTITY
from mailferry.sync.packed import Columns

NONE: Final = -1
"""In a column of indexes: no message. In a column of dates: no date."""


@dataclass(slots=True)
class Entries:
    """Messages as parallel columns. `dates` and `sizes` may be empty (not known); `uids` is the caller's own.

    `dates` holds -1 where there is none. Of messages to be sent, these are the dates as they are sent.
    """

    identities: array[int] = field(default_factory=lambda: array("Q"))
    dates: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    uids: array[int] = field(default_factory=lambda: array("I"))


def entries(columns: Listing | Columns, indexes: Sequence[int]) -> Entries:
    """Take these messages of a listing or of ledger rows, for matching; all columns but the flags must be there."""
    return Entries(
        array("Q", (columns.identities[k] for k in indexes)),
        array("q", (columns.dates[k] for k in indexes)),
        array("Q", (columns.sizes[k] for k in indexes)),
        array("I", (columns.uids[k] for k in indexes)),
    )


class Purpose(Enum):
    """Why messages are matched."""

    EXACT = auto()
    """Mail that both sides had before (adoption, verify): identity with date, else with size, else alone if the
    target doesn't keep bytes."""

    RECOVERY = auto()
    """What arrived of what was sent (rule 7): identity and date as sent; digests decide what is not clear."""

    DIGEST = auto()
    """New mail against mail that others put there: each pair of one identity is left to the digests."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How to match, and what can be relied on: the two flags are those of the target's features."""

    purpose: Purpose
    keeps_bytes: bool = True
    keeps_dates: bool = True


def exact(features: Features) -> Rule:
    """Give the rule for mail that both sides had before, where `features` are those of the target."""
    return Rule(Purpose.EXACT, features.keeps_bytes, features.keeps_internal_date)


class Ambiguous(NamedTuple):
    """Messages that only their digests can tell apart, as indexes in ascending order."""

    wanted: tuple[int, ...]
    present: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The result. `partner` has for each wanted message the index of the present one, or -1.

    No present message is the partner of two. Messages in `ambiguous` have no partner yet.
    """

    partner: array[int]
    ambiguous: list[Ambiguous] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """(index in wanted, index in present), in the order of wanted."""
        return ((i, j) for i, j in enumerate(self.partner) if j >= 0)

    def settle(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Enter what digests decided."""
        for i, j in pairs:
            self.partner[i] = j
        self.ambiguous.clear()

    def missing(self) -> array[int]:
        """Indexes of the wanted messages without a partner, ambiguous ones included."""
        return array("i", (i for i, j in enumerate(self.partner) if j < 0))

    def surplus(self, present_count: int) -> array[int]:
        """Indexes of the present messages (of so many) that are nobody's partner, ambiguous ones included."""
        free = bytearray(b"\1") * present_count
        for j in self.partner:
            if j >= 0:
                free[j] = 0
        return array("i", (j for j, is_free in enumerate(free) if is_free))


def match(wanted: Entries, present: Entries, rule: Rule) -> Match:
    """Find for each wanted message the present one that it is. Each is used once; ties go by order. O(n)."""
    result = Match(array("i", [NONE]) * len(wanted.identities))
    grouped = _exact if rule.purpose is Purpose.EXACT else _by_digest if rule.purpose is Purpose.DIGEST else _recovery
    clear = _alone_is_clear(wanted, present, rule)
    partner = result.partner
    next_wanted, first_wanted, next_present = _chains(wanted.identities, present.identities)
    anonymous = present.identities.index(NO_IDENTITY) if NO_IDENTITY in present.identities else NONE
    for j, i in enumerate(first_wanted):
        if i < 0:
            continue
        if next_wanted[i] < 0 and next_present[j] < 0 and j != anonymous and clear(i, j):
            partner[i] = j
        else:
            grouped(_Group(wanted, present, _chain(i, next_wanted), _chain(j, next_present)), rule, result)
    return result


def decide_by_digest(
    groups: Sequence[Ambiguous],
    wanted_digest: Callable[[int], bytes | None],
    present_digest: Callable[[int], bytes | None],
) -> list[tuple[int, int]]:
    """Pair the messages of each group whose digests are equal; each is used once, ties by order.

    The digests are asked for by index; None stands for one that can't be had, which equals nothing.
    """
    pairs: list[tuple[int, int]] = []
    for group in groups:
        waiting: dict[bytes, deque[int]] = {}
        for j in group.present:
            digest = present_digest(j)
            if digest is not None:
                waiting.setdefault(digest, deque()).append(j)
        for i in group.wanted:
            digest = wanted_digest(i)
            candidates = waiting.get(digest) if digest is not None else None
            if candidates:
                pairs.append((i, candidates.popleft()))
    return pairs


def _chains(wanted: array[int], present: array[int]) -> tuple[array[int], array[int], array[int]]:
    """Link the messages of each identity: next of a wanted one, first wanted for the first present one, next present.

    Only the first present message of an identity has a `first wanted`; chains ascend.
    """
    next_present = array("i", [NONE]) * len(present)
    first_present: dict[int, int] = {}
    for j in range(len(present) - 1, -1, -1):
        identity = present[j]
        if identity in first_present:
            next_present[j] = first_present[identity]
        first_present[identity] = j
    next_wanted = array("i", [NONE]) * len(wanted)
    first_wanted = array("i", [NONE]) * len(present)
    find = first_present.get
    for i in range(len(wanted) - 1, -1, -1):
        head = find(wanted[i])
        if head is not None:
            next_wanted[i] = first_wanted[head]
            first_wanted[head] = i
    return next_wanted, first_wanted, next_present


def _chain(index: int, following: array[int]) -> list[int]:
    indexes: list[int] = []
    while index >= 0:
        indexes.append(index)
        index = following[index]
    return indexes


@dataclass(slots=True)
class _Group:
    """The messages of one identity on both sides."""

    wanted: Entries
    present: Entries
    wanted_indexes: list[int]
    present_indexes: list[int]

    @property
    def is_anonymous(self) -> bool:
        return self.wanted.identities[self.wanted_indexes[0]] == NO_IDENTITY


def _alone_is_clear(wanted: Entries, present: Entries, rule: Rule) -> Callable[[int, int], bool]:
    """The test for the usual case: one message on each side of an identity.

    True only where the full way would pair them too; it exists because it takes a tenth of the time.
    """
    dates, sizes, other_dates, other_sizes = wanted.dates, wanted.sizes, present.dates, present.sizes
    has_dates, has_sizes = bool(dates and other_dates), bool(sizes and other_sizes)
    if rule.purpose is Purpose.DIGEST:
        return lambda i, j: False
    if rule.purpose is Purpose.EXACT:
        if not rule.keeps_bytes:
            return lambda i, j: True
        if has_dates and has_sizes:
            return lambda i, j: dates[i] == other_dates[j] >= 0 or sizes[i] == other_sizes[j]
        return lambda i, j: (
            (has_dates and dates[i] == other_dates[j] >= 0) or (has_sizes and sizes[i] == other_sizes[j])
        )
    by_date = rule.keeps_dates and has_dates
    by_size = rule.keeps_bytes and has_sizes
    return lambda i, j: (
        not (by_date and not dates[i] == other_dates[j] >= 0) and not (by_size and sizes[i] != other_sizes[j])
    )


def _exact(group: _Group, rule: Rule, result: Match) -> None:
    has_dates = bool(group.wanted.dates and group.present.dates)
    has_sizes = bool(group.wanted.sizes and group.present.sizes)
    stages: list[tuple[bool, bool]] = []  # date, size
    if has_dates and has_sizes:
        stages.append((True, True))
    if not group.is_anonymous:
        stages += [(True, False)] if has_dates else []
        stages += [(False, True)] if has_sizes else []
        stages += [(False, False)] if not rule.keeps_bytes else []
    for by_date, by_size in stages:
        _pair_equal(group, result.partner, by_date, by_size)


def _pair_equal(group: _Group, partner: array[int], by_date: bool, by_size: bool) -> None:
    """Pair in order what is equal in date and size, as far as asked for, and take it out of the group."""
    waiting: dict[Hashable, deque[int]] = {}
    for j in group.present_indexes:
        key = _key(group.present, j, by_date, by_size)
        if key is not None:
            waiting.setdefault(key, deque()).append(j)
    used: set[int] = set()
    left: list[int] = []
    for i in group.wanted_indexes:
        candidates = waiting.get(_key(group.wanted, i, by_date, by_size))
        if candidates:
            partner[i] = candidates.popleft()
            used.add(partner[i])
        else:
            left.append(i)
    group.wanted_indexes = left
    group.present_indexes = [j for j in group.present_indexes if j not in used]


def _key(entries: Entries, index: int, by_date: bool, by_size: bool) -> tuple[int, int] | None:
    if by_date and entries.dates[index] < 0:
        return None
    return entries.dates[index] if by_date else 0, entries.sizes[index] if by_size else 0


def _by_digest(group: _Group, rule: Rule, result: Match) -> None:
    result.ambiguous.append(Ambiguous(tuple(group.wanted_indexes), tuple(group.present_indexes)))


def _recovery(group: _Group, rule: Rule, result: Match) -> None:
    by_date = rule.keeps_dates and bool(group.wanted.dates and group.present.dates)
    parts: dict[tuple[int, int] | None, tuple[list[int], list[int]]] = {}
    for i in group.wanted_indexes:
        parts.setdefault(_key(group.wanted, i, by_date, False), ([], []))[0].append(i)
    for j in group.present_indexes:
        part = parts.get(_key(group.present, j, by_date, False))
        if part is not None:
            part[1].append(j)
    for key, (mine, theirs) in parts.items():
        if key is None or not theirs:
            continue
        if rule.keeps_bytes and not _is_clear(group, mine, theirs):
            result.ambiguous.append(Ambiguous(tuple(mine), tuple(theirs)))
            continue
        for i, j in zip(mine, theirs, strict=False):
            result.partner[i] = j


def _is_clear(group: _Group, mine: list[int], theirs: list[int]) -> bool:
    """Whether the order may decide: as many on both sides, and all of one size as far as sizes are known."""
    if len(mine) != len(theirs):
        return False
    sizes = {group.wanted.sizes[i] for i in mine} if group.wanted.sizes else set()
    if group.present.sizes:
        sizes |= {group.present.sizes[j] for j in theirs}
    return len(sizes) <= 1
