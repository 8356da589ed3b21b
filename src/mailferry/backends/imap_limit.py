"""Servers on which one command may touch only so many messages (MESSAGELIMIT, RFC 9738; Yahoo: 1,000).

What is over the limit is left out of the answer, and the command ends in OK all the same. A FETCH of a range of UIDs
would give the newest messages of it and no hint that there are others, but for a code that is easily passed over. So
ranges are cut into parts that hold few enough, going by a list of the UIDs that exist.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from mailferry.backends.base import UidRange
from mailferry.imap.responses import Tagged


def parts(ranges: Iterable[UidRange], uids: Sequence[int], limit: int) -> Iterator[list[UidRange]]:
    """Cut `ranges`, which ascend, into lists of ranges with at most `limit` of the messages `uids`, which ascend too.

    Together they cover what `ranges` cover. What is beyond the last of `uids` is a part of its own: mail may have come.
    """
    part: list[UidRange] = []
    room = limit
    for first, last in ranges:
        at, end = bisect_left(uids, first), bisect_right(uids, last)
        while at < end:
            if not room:
                yield part
                part, room = [], limit
            taken = min(room, end - at)
            at, room = at + taken, room - taken
            part.append((first, uids[at - 1]))
            first = uids[at - 1] + 1
        if first <= last:
            if uids and first <= uids[-1]:  # nothing is there
                part.append((first, last))
                continue
            if part:
                yield part
            yield [(first, last)]
            part, room = [], limit
    if part:
        yield part


def groups(uids: Sequence[int], limit: int) -> list[Sequence[int]]:
    """Cut a list of UIDs into lists of at most `limit`; 0 means that there is no limit."""
    return [uids[at : at + limit] for at in range(0, len(uids), limit)] if limit else [uids]


def lowest_processed(reply: Tagged) -> int:
    """Give the UID down to which a command that met the limit has done its work; 0 if it has done all."""
    if reply.code is None or reply.code.name != "MESSAGELIMIT":
        return 0
    told = reply.code.message_limit()
    return told[1] or 0 if told is not None else 0
