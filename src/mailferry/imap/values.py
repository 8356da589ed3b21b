"""Values that cross the wire: UIDs and sets of them, internal dates, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from hmac import compare_digest
from typing import Final, NewType, TypeVar

from mailferry.imap.errors import ProtocolError

Uid = NewType("Uid", int)
SeqNum = NewType("SeqNum", int)
UidValidity = NewType("UidValidity", int)
ModSeq = NewType("ModSeq", int)

_K = TypeVar("_K")
_V = TypeVar("_V")

UidRange = tuple[int, int]
"""First and last UID, both included, the smaller one first."""

MAX_UID: Final = 4_294_967_295
MAX_COMMAND_BYTES: Final = 8_000

_RANGE: Final = re.compile(rb"(\d{1,10}|\*)(?::(\d{1,10}|\*))?")


class Secret:
    """A password or token. Printing it shows nothing; `reveal()` is for the wire only."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the secret itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (secret._value.encode("utf-8", "surrogatepass") for secret in (self, other))
        return compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


def collapse(uids: Iterable[int]) -> Iterator[UidRange]:
    """Join neighbours that ascend by one into ranges; the order stays as given."""
    first = last = -1
    for uid in uids:
        if uid == last + 1 and first >= 0:
            last = uid
            continue
        if first >= 0:
            yield first, last
        first = last = uid
    if first >= 0:
        yield first, last


def format_ranges(ranges: Iterable[UidRange]) -> bytes:
    """Write ranges as a set, `1:3,7`. MAX_UID stands as a number; `*` may match a message below the start."""
    return b",".join(b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in ranges)


def format_uid_set(uids: Iterable[int]) -> bytes:
    """Write UIDs (or sequence numbers) as a set; ascending neighbours become ranges."""
    return format_ranges(collapse(uids))


def split_ranges(ranges: Iterable[UidRange], max_bytes: int = MAX_COMMAND_BYTES) -> list[bytes]:
    """Write ranges as several sets of at most `max_bytes` each, in order."""
    sets: list[bytes] = []
    pieces: list[bytes] = []
    length = 0
    for piece in map(format_ranges, ([pair] for pair in ranges)):
        if pieces and length + len(piece) > max_bytes:
            sets.append(b",".join(pieces))
            pieces, length = [], 0
        pieces.append(piece)
        length += len(piece) + 1
    if pieces:
        sets.append(b",".join(pieces))
    return sets


def split_uid_set(uids: Iterable[int], max_bytes: int = MAX_COMMAND_BYTES) -> list[bytes]:
    """Write UIDs as several sets of at most `max_bytes` each, in order."""
    return split_ranges(collapse(uids), max_bytes)


def parse_ranges(data: bytes) -> tuple[UidRange, ...]:
    """Read a set as ranges in the order given; `5:3` is `3:5` (RFC 9051, seq-range), `*` is MAX_UID.

    Raises ProtocolError.
    """
    ranges: list[UidRange] = []
    for piece in data.split(b","):
        match = _RANGE.fullmatch(piece.strip(b" "))
        if match is None:
            raise ProtocolError(f"not a set of UIDs: {data[:60]!r}")
        first = _bound(match[1])
        last = first if match[2] is None else _bound(match[2])
        ranges.append((first, last) if first <= last else (last, first))
    return tuple(ranges)


def parse_uid_set(data: bytes, limit: int = 1_000_000) -> list[int]:
    """Read a set as single UIDs in the order given; a range always ascends.

    Raises ProtocolError if `data` is no set or stands for more than `limit` UIDs.
    """
    ranges = parse_ranges(data)
    if sum(last - first + 1 for first, last in ranges) > limit:
        raise ProtocolError(f"a set of more than {limit} UIDs")
    uids: list[int] = []
    for first, last in ranges:
        uids.extend(range(first, last + 1))
    return uids


def _bound(data: bytes) -> int:
    value = MAX_UID if data == b"*" else int(data)
    if value > MAX_UID:
        raise ProtocolError(f"UID out of range: {value}")
    return value


_MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DATE: Final = re.compile(
    rb"\s*(\d{1,2})-([A-Za-z]{3})-(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([+-])(\d{2}):?(\d{2}))?.*", re.DOTALL
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_CACHED_DAYS: Final = 16_384
_CACHED_ZONES: Final = 512
_LONGEST_DATE: Final = 80
_FARTHEST_ZONE: Final = 14 * 60


class DateCodec:
    """Reads and writes INTERNALDATE (RFC 3501, date-time), quickly: days and zones repeat, so they are remembered."""

    __slots__ = (
        "_day_seconds",
        "_day_texts",
        "_minute_seconds",
        "_minute_texts",
        "_second_texts",
        "_seconds",
        "_zone_texts",
        "_zones",
    )

    def __init__(self) -> None:
        self._minute_texts: list[bytes] = []  # these four are filled when the first date comes
        self._second_texts: list[bytes] = []
        self._minute_seconds: dict[bytes, int] = {}
        self._seconds: dict[bytes, int] = {}
        self._day_seconds: dict[bytes, int] = {}
        self._day_texts: dict[int, bytes] = {}
        self._zones: dict[bytes, int] = {}
        self._zone_texts: dict[int, bytes] = {}

    def _fill(self) -> None:
        self._minute_texts = [b"%02d:%02d:" % divmod(minute, 60) for minute in range(1440)]
        self._second_texts = [b"%02d" % second for second in range(60)]
        self._minute_seconds = {b" " + text: minute * 60 for minute, text in enumerate(self._minute_texts)}
        self._seconds = {text: second for second, text in enumerate(self._second_texts)}

    def parse(self, data: bytes) -> tuple[int, int] | None:
        """Read a date as (seconds since 1970, zone in minutes east of UTC), or None if it means nothing.

        Takes what servers send: a day of one digit with or without the blank, a year of two digits (RFC 5322,
        4.3), no seconds, no zone (then UTC), words after the zone. The zone of the result is always one that exists
        (0 if the given one does not), so that every server takes it back. Dates before 1970 are negative.
        """
        if len(data) == 26:
            try:
                zone = self._zones[data[20:]]
                return (
                    self._day_seconds[data[:11]]
                    + self._minute_seconds[data[11:18]]
                    + self._seconds[data[18:20]]
                    - zone * 60,
                    zone,
                )
            except KeyError:
                pass
        return self._parse_any(data)

    def format(self, epoch_seconds: int, zone_minutes: int) -> bytes:
        """Write a date, without quotes, in the one form that all servers take: a blank before a day of one digit.

        Raises ValueError outside the years 1 to 9999, and for a zone beyond 14 hours.
        """
        days, second = divmod(epoch_seconds + zone_minutes * 60, 86_400)
        minute, second = divmod(second, 60)
        try:
            day, zone = self._day_texts[days], self._zone_texts[zone_minutes]
        except KeyError:
            day, zone = self._day_text(days), self._zone_text(zone_minutes)
        return day + self._minute_texts[minute] + self._second_texts[second] + zone

    def _parse_any(self, data: bytes) -> tuple[int, int] | None:
        match = _DATE.fullmatch(data) if len(data) <= _LONGEST_DATE else None
        if match is None or match[2].capitalize() not in _MONTHS:
            return None
        day, month, year = int(match[1]), _MONTHS.index(match[2].capitalize()) + 1, int(match[3])
        if len(match[3]) < 4:
            year += 2000 if year < 50 else 1900
        hour, minute, second = int(match[4]), int(match[5]), int(match[6] or 0)
        if hour > 23 or minute > 59 or second > 60:
            return None
        try:
            midnight = (date(year, month, day).toordinal() - _EPOCH_DAY) * 86_400
        except ValueError:
            return None
        zone = int(match[8]) * 60 + int(match[9]) if match[7] else 0
        if match[7] == b"-":
            zone = -zone
        moment = midnight + hour * 3600 + minute * 60 + second
        if abs(zone) > _FARTHEST_ZONE:
            return moment, 0
        if len(data) == 26 and match.end(3) == 11 and match.start(7) == 21 and match.start(9) == 24:
            if not self._minute_texts:
                self._fill()
            _remember(self._day_seconds, data[:11], midnight, _CACHED_DAYS)
            _remember(self._zones, data[20:], zone, _CACHED_ZONES)
        return moment - zone * 60, zone

    def _day_text(self, days: int) -> bytes:
        if not self._minute_texts:
            self._fill()
        try:
            day = date.fromordinal(days + _EPOCH_DAY)
        except (ValueError, OverflowError):
            raise ValueError("no year from 1 to 9999") from None
        text = b"%2d-%b-%04d " % (day.day, _MONTHS[day.month - 1], day.year)
        _remember(self._day_texts, days, text, _CACHED_DAYS)
        return text

    def _zone_text(self, zone: int) -> bytes:
        if abs(zone) > _FARTHEST_ZONE:
            raise ValueError(f"no such zone: {zone} minutes")
        text = b" %c%02d%02d" % (b"-" if zone < 0 else b"+", *divmod(abs(zone), 60))
        _remember(self._zone_texts, zone, text, _CACHED_ZONES)
        return text


def _remember(cache: dict[_K, _V], key: _K, value: _V, limit: int) -> None:
    if len(cache) >= limit:
        cache.clear()
    cache[key] = value
