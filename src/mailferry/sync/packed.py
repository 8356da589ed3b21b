"""Per-message columns of one ledger row, packed: 47 bytes a message on disk, no object per message.

Also the folder's table of flag sets, and ranges of UIDs.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import compress
from typing import ClassVar, NamedTuple

from mailferry.backends.base import Flags, UidRange

DIGEST_BYTES = 16
NO_DIGEST = bytes(DIGEST_BYTES)
"""Stands for a message whose bytes were not read (adopted mail)."""


class RowOutcome(IntEnum):
    """What is known of one message of a row. The numbers are stored: never change them."""

    UNKNOWN = 0  # may be stored or not: to be looked up
    APPENDUID = 1  # the target named the new UID
    LOOKED_UP = 2  # found on the target after an unknown outcome
    COUNTED = 3  # stored, the UID is unknown
    ADOPTED = 4  # was there before us
    REFUSED = 5
    GONE_AT_SOURCE = 6  # expunged before it could be read
    MERGED = 7  # the target keeps it as one with another message
    GONE_FROM_TARGET = 8  # was confirmed, is no longer there
    LOST = 9  # proven not to be stored: to be sent again
    LEFT_OUT = 10  # not wanted, going by the date on which it was received
    OVER_LIMIT = 11  # not wanted, because there are too many that are newer


_HELD = (RowOutcome.APPENDUID, RowOutcome.LOOKED_UP, RowOutcome.COUNTED, RowOutcome.ADOPTED, RowOutcome.MERGED)
CONFIRMED = frozenset({*_HELD, RowOutcome.GONE_FROM_TARGET})
"""Settled for good: never copied again by an ordinary pass."""

REVISABLE = (RowOutcome.REFUSED, RowOutcome.GONE_AT_SOURCE, RowOutcome.GONE_FROM_TARGET, RowOutcome.LOST)
"""Outcomes after which the message may stand once more in a later row."""

_CONFIRMED_TABLE = bytes(value in CONFIRMED for value in range(256))


class Blobs(NamedTuple):
    """Columns as stored, little-endian on every machine. Empty: not loaded.

    `sizes` has 4 bytes a message if all sizes fit, else 8.
    """

    uids: bytes
    target_uids: bytes
    outcomes: bytes
    flags: bytes = b""
    dates: bytes = b""
    sizes: bytes = b""
    identities: bytes = b""
    digests: bytes = b""


class Tally(NamedTuple):
    """Numbers of one row. `size_bytes` adds up the confirmed messages; `revisable` includes refused and lost."""

    confirmed: int = 0
    refused: int = 0
    lost: int = 0
    revisable: int = 0
    size_bytes: int = 0


Row = tuple[int, int, int, int, bytes, int]
"""UID, identity, date, size, digest and index of the flags of one message."""


class Columns:
    """Parallel columns of the messages of one chunk, in sending order.

    `uids` and `target_uids` (0: unknown) are 32 bits wide, `identities` and `sizes` 64, `dates` are seconds since
    1970 as they were sent (-1: unknown), `digests` has 16 bytes a message, `flags` holds indexes into the
    folder's FlagTable, `outcomes` values of RowOutcome. Columns that were not loaded are empty.
    """

    __slots__ = ("dates", "digests", "flags", "identities", "outcomes", "sizes", "target_uids", "uids")

    def __init__(self) -> None:
        self.uids: array[int] = array("I")
        self.target_uids: array[int] = array("I")
        self.outcomes = bytearray()
        self.flags: array[int] = array("H")
        self.dates: array[int] = array("q")
        self.sizes: array[int] = array("Q")
        self.identities: array[int] = array("Q")
        self.digests = bytearray()

    def extend(self, rows: Sequence[Row]) -> None:
        """Add messages whose outcomes and target UIDs are unknown. Raises OverflowError for a number too large."""
        if not rows:
            return
        uids, identities, dates, sizes, digests, flag_indexes = zip(*rows, strict=True)
        packed = b"".join(digests)
        if len(packed) != DIGEST_BYTES * len(rows):
            raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
        self.uids.extend(uids)
        self.target_uids.frombytes(bytes(self.target_uids.itemsize * len(rows)))
        self.outcomes += bytes(len(rows))
        self.flags.extend(flag_indexes)
        self.dates.extend(dates)
        self.sizes.extend(sizes)
        self.identities.extend(identities)
        self.digests += packed

    def append(self, uid: int, identity: int, date: int, size: int, digest: bytes, flag_index: int) -> None:
        """Add one message whose outcome and target UID are unknown. Raises OverflowError for a number too large."""
        self.extend([(uid, identity, date, size, digest, flag_index)])

    def __len__(self) -> int:
        return len(self.uids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Columns):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Columns({len(self)} messages)"

    @property
    def size_bytes(self) -> int:
        """Bytes of all messages together."""
        return sum(self.sizes)

    def confirmed(self, i: int) -> bool:
        """Say whether message `i` is settled for good (see CONFIRMED)."""
        return _CONFIRMED_TABLE[self.outcomes[i]] == 1

    def confirmed_mask(self) -> bytes:
        """Give one byte a message: 1 if it is confirmed, else 0."""
        return bytes(self.outcomes.translate(_CONFIRMED_TABLE))

    def digest(self, i: int) -> bytes:
        """Give the digest of message `i`."""
        return bytes(self.digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES])

    def indexes_of(self, outcome: RowOutcome) -> Iterator[int]:
        """Give the places of the messages with this outcome, in order."""
        i = self.outcomes.find(outcome)
        while i >= 0:
            yield i
            i = self.outcomes.find(outcome, i + 1)

    def tally(self) -> Tally:
        """Count outcomes."""
        mask = self.confirmed_mask()
        confirmed = mask.count(1)
        size_bytes = sum(self.sizes if confirmed == len(mask) else compress(self.sizes, mask))
        count = self.outcomes.count
        revisable = sum(count(outcome) for outcome in REVISABLE)
        return Tally(confirmed, count(RowOutcome.REFUSED), count(RowOutcome.LOST), revisable, size_bytes)

    def to_blobs(self) -> Blobs:
        """Pack for storing. Raises ValueError if a column is not loaded or has another length."""
        n = len(self.uids)
        if not (
            n == len(self.target_uids) == len(self.outcomes) == len(self.flags) == len(self.dates)
            and n == len(self.sizes) == len(self.identities)
            and n * DIGEST_BYTES == len(self.digests)
        ):
            raise ValueError("columns of different lengths, or not all loaded, cannot be stored")
        return Blobs(
            pack(self.uids),
            pack(self.target_uids),
            bytes(self.outcomes),
            pack(self.flags),
            pack(self.dates),
            _pack_sizes(self.sizes),
            pack(self.identities),
            bytes(self.digests),
        )

    @classmethod
    def from_blobs(cls, blobs: Blobs) -> Columns:
        """Unpack what `to_blobs` made; a column that is empty there stays empty. Raises ValueError if damaged."""
        columns = cls()
        n = len(blobs.outcomes)
        _unpack(columns.uids, blobs.uids, n)
        _unpack(columns.target_uids, blobs.target_uids, n)
        columns.outcomes += blobs.outcomes
        _unpack(columns.flags, blobs.flags, n)
        _unpack(columns.dates, blobs.dates, n)
        if blobs.sizes and len(blobs.sizes) == 4 * n:
            narrow: array[int] = array("I")
            _unpack(narrow, blobs.sizes, n)
            columns.sizes = array("Q", narrow)
        else:
            _unpack(columns.sizes, blobs.sizes, n)
        _unpack(columns.identities, blobs.identities, n)
        if len(blobs.digests) not in (0, DIGEST_BYTES * n):
            raise ValueError("a packed column is damaged")
        columns.digests += blobs.digests
        return columns


def pack(column: array[int]) -> bytes:
    """Give the column's bytes, little-endian."""
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _pack_sizes(sizes: array[int]) -> bytes:
    if sizes and max(sizes) >= 1 << 32:
        return pack(sizes)
    return pack(array("I", sizes))


def _unpack(column: array[int], blob: bytes, n: int) -> None:
    """Fill an empty column with `n` numbers, or leave it empty if the blob is."""
    if len(blob) not in (0, n * column.itemsize):
        raise ValueError("a packed column is damaged")
    column.frombytes(blob)
    if sys.byteorder == "big":
        column.byteswap()


class FlagTable:
    """Sets of flags of one folder, numbered in the order of their first use; only ever grows.

    At most 65,535 sets. Beyond that `index_of` gives OTHER, "some set", for which `flags_of` gives None, as for an
    index that the table does not have: the last agreed flags are unknown, which calls for a full comparison.
    """

    OTHER: ClassVar[int] = 0xFFFF

    __slots__ = ("_index", "_sets")

    def __init__(self, sets: Iterable[Flags] = ()) -> None:
        self._sets: list[Flags] = list(sets)
        self._index = {flags: i for i, flags in enumerate(self._sets)}
        if len(self._sets) != len(self._index) or len(self._sets) > self.OTHER:
            raise ValueError("a flag table holds at most 65,535 different sets")

    def index_of(self, flags: Flags) -> int:
        """Give the set's number, adding the set if it is new; OTHER if the table is full."""
        index = self._index.get(flags)
        if index is None:
            index = len(self._sets)
            if index >= self.OTHER:
                return self.OTHER
            self._sets.append(flags)
            self._index[flags] = index
        return index

    def flags_of(self, index: int) -> Flags | None:
        """Give the set with this number; None for OTHER and for a number never given."""
        return self._sets[index] if 0 <= index < len(self._sets) else None

    def __len__(self) -> int:
        return len(self._sets)

    def __eq__(self, other: object) -> bool:
        return self._sets == other._sets if isinstance(other, FlagTable) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable

    def to_json(self) -> str:
        """Give a list of sorted lists."""
        return json.dumps([sorted(flags) for flags in self._sets], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> FlagTable:
        """Read what `to_json` wrote. Raises ValueError."""
        return cls(frozenset(flags) for flags in json.loads(text))


def merge_ranges(ranges: Iterable[UidRange]) -> list[UidRange]:
    """Sort ranges and join those that overlap or touch. Empty ones (last < first, or (0, 0)) are left out."""
    merged: list[UidRange] = []
    for lo, hi in sorted(ranges):
        if hi < max(lo, 1):
            continue
        if merged and lo <= merged[-1][1] + 1:
            if hi > merged[-1][1]:
                merged[-1] = (merged[-1][0], hi)
        else:
            merged.append((lo, hi))
    return merged
