"""Which date a message is given on the target.

Servers refuse dates that can't be, or store the moment of arrival instead, which puts old mail on top of every
list. So a date is sent only if it is one that every server takes, and is replaced by what the message says itself.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from mailferry.sync.identity import field_value

FIRST_DATE: Final = 0
"""1970-01-01 00:00:00 UTC; earlier dates are negative in many programs."""

LAST_DATE: Final = 2_145_916_799
"""2037-12-31 23:59:59 UTC; 32 bits end a few days later."""

NO_DATE: Final = 86_400
"""What a message without any usable date gets: 1970-01-02 00:00:00 UTC. A constant, so that a second attempt sends
the same; not 0, which many programs read as `unset`, and in no time zone a day of 1969."""

FARTHEST_ZONE: Final = 14 * 60
"""Minutes. The zone of Kiritimati; none lies farther from UTC."""

_DAY: Final = 86_400
_LONGEST_TEXT: Final = 200
_NOISE: Final = re.compile(r"\([^()]*\)|\b(?:GMT|UTC)(?=[+-]\d)")


def sendable(date: int | None, zone: int, header: bytes, now: int) -> tuple[int, int, bool]:
    """The date to send, its zone, and whether the date had to be replaced.

    A date from 1970 to 2037 stays as it is. Else it is the date of the topmost Received field, else the Date field,
    if that lies between 1970 and tomorrow, else `NO_DATE`. `date` and `now` are seconds since 1970, `zone` is minutes
    east of UTC; a zone that doesn't exist becomes 0, which changes how the date is written, not the moment.
    `header` may be the whole message or the start of one.
    """
    if date is not None and FIRST_DATE <= date <= LAST_DATE:
        return date, _written_in(date, zone), False
    received = field_value(header, b"received")
    for text in (received.rpartition(b";")[2], field_value(header, b"date")):
        found = parse_date(text)
        if found is not None and FIRST_DATE <= found[0] <= min(now + _DAY, LAST_DATE):
            return found[0], _written_in(*found), True
    return NO_DATE, 0, True


def parse_date(text: bytes) -> tuple[int, int] | None:
    """Read a date as mail has it (RFC 5322, 3.3 and 4.3) or as ISO 8601 has it: seconds since 1970 and zone in minutes.

    None if it means nothing, also if a number in it is out of range (30 February). Without a zone it is UTC.
    A zone that doesn't exist becomes 0. Never raises.
    """
    line = " ".join(text[:_LONGEST_TEXT].decode("latin-1").replace("\0", "").split())
    if not line:
        return None
    moment = _parse_mail(line) or _parse_iso(line)
    if moment is None:
        return None
    offset = moment.utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    try:
        seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    except OverflowError:
        return None
    return seconds, minutes if abs(minutes) <= FARTHEST_ZONE else 0


def _written_in(date: int, zone: int) -> int:
    """The zone to write this date in: its own, if it exists and the year remains one from 1970 to 2037."""
    if abs(zone) <= FARTHEST_ZONE and FIRST_DATE <= date + zone * 60 <= LAST_DATE:
        return zone
    return 0


def _parse_mail(line: str) -> datetime | None:
    from email.utils import parsedate_tz  # slow to import, and only broken dates need it

    try:
        parts = parsedate_tz(_NOISE.sub(" ", line))
    except (ValueError, TypeError, IndexError, AttributeError):  # it wasn't made for everything mail brings
        return None
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts[:6]
    offset = parts[9] or 0
    try:
        zone = timezone(timedelta(seconds=offset))
    except ValueError:
        zone = UTC
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)  # 60 is a leap second
    except (ValueError, OverflowError, TypeError):
        return None


def _parse_iso(line: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(line.replace(" +", "+").replace(" -", "-"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
