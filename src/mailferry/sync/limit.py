"""The limit of items in a mailbox: the newest are taken, the rest gets rows that say so, announced first.

It is decided once, before the first message is copied. New mail always passes later: refusing it would be loss. With a
higher limit, or another range of received dates, what was left out is looked at again, and that alone. One note for
each folder says how many there are, and what was decided by.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from mailferry.backends.base import FolderStatus, Listing, Reader, Want
from mailferry.errors import FolderGone, Side
from mailferry.records import dataclass
from mailferry.sync.ledger import ChunkRow, ExceptionKind, ExceptionRow, FolderRow, Ledger, Load
from mailferry.sync.leftrows import LIMIT, is_in, left_out_rows, new_rows
from mailferry.sync.packed import RowOutcome
from mailferry.sync.plan import within
from mailferry.sync.received import ReceivedRange

CODE = "over-limit"

_NOTE_UID = 0  # the note is about the folder
_UNDECIDED = 0  # stands for the limit in a note that is stored before the rows, so that a stop in between is known
_ALL = (-(1 << 63), 0)

Folders = Sequence[tuple[FolderRow, FolderStatus]]


@dataclass(frozen=True, slots=True)
class Newest:
    """Which messages are taken: those of the range, from `first` on, which is a date and what decides between
    messages of one second. There the UID counts, then the folder.
    """

    first: tuple[int, int]
    received: ReceivedRange

    @classmethod
    def of(cls, listings: Iterable[tuple[FolderRow, Listing]], most: int, received: ReceivedRange) -> Newest:
        """Find the `most` newest messages. The listings need dates; an unknown date is the oldest."""
        listings = list(listings)
        dates: array[int] = array("q")
        for _, listing in listings:
            dates.extend(listing.dates if received.is_open else filter(received.admits, listing.dates))
        over = len(dates) - most
        if over <= 0:
            return cls(_ALL, received)
        ordered = sorted(dates)
        if not most:
            return cls((ordered[-1] + 1, 0), received)
        oldest = ordered[over]
        same = sorted(
            _rank(folder, uid)
            for folder, listing in listings
            for uid, date in zip(listing.uids, listing.dates, strict=True)
            if date == oldest
        )
        return cls((oldest, same[over - bisect_left(ordered, oldest)]), received)

    def takes(self, folder: FolderRow, uid: int, date: int) -> bool:
        """Say whether a message is one of them."""
        return self.received.admits(date) and (date, _rank(folder, uid)) >= self.first


def _rank(folder: FolderRow, uid: int) -> int:
    return uid << 32 | (0xFFFF_FFFF - folder.id)


async def must_choose(
    ledger: Ledger, folders: Folders, max_items: int, received: ReceivedRange, *, begun: bool
) -> bool:
    """Say whether the newest are to be chosen now: before anything is copied (not `begun`), or again."""
    notes = [note for notes in (await _notes(ledger, folders)).values() for note in notes]
    if any(_is_outdated(note, max_items, received) for note in notes):
        return True
    return not begun and not notes and sum(status.messages for _, status in folders) > max_items


def _is_outdated(note: ExceptionRow, max_items: int, received: ReceivedRange) -> bool:
    if note.uid != _NOTE_UID:
        return True  # an earlier version's
    detail = json.loads(note.detail)
    if detail["max_items"] == _UNDECIDED:
        return True
    changed = detail["max_items"] < max_items or ReceivedRange(detail["start"], detail["end"]) != received
    return bool(detail["messages"]) and changed


async def choose(
    source: Reader, ledger: Ledger, folders: Folders, max_items: int, received: ReceivedRange, *, begun: bool
) -> dict[int, int]:
    """Leave out all but the newest by INTERNALDATE, of those `received` in the range that is copied; of what was left
    out before, take what is one of them. Gives the number of those left out by folder id. Safe to be stopped and done
    again. Raises FolderGone if UIDs changed.
    """
    notes = await _notes(ledger, folders)
    rows = [row for row, status in folders if status.messages or row.id in notes]
    # A folder whose UIDs changed is matched anew later: its messages count, but nothing is known of them.
    known = {row.id for row, status in folders if not uids_changed(row, status)}
    undecided = {row.id for row in rows if not begun or any(map(_is_undecided, notes.get(row.id, ())))} & known
    await ledger.add_exceptions([_note(row, 0, _UNDECIDED, received) for row in rows if row.id in undecided])
    listings = [(row, await source.listing(row.source_path, Want.DATE)) for row in rows]
    newest = Newest.of(listings, max_items, received)
    counts: dict[int, int] = {}
    earlier: dict[int, list[int]] = {}  # UIDs of notes of an earlier version
    for row, listing in listings:
        if row.id not in known:
            continue
        if uids_changed(row, listing.status):
            raise FolderGone(f"{row.source_path}: the UIDs changed meanwhile", side=Side.SOURCE)
        if uids := [note.uid for note in notes.get(row.id, ()) if note.uid != _NOTE_UID]:
            earlier[row.id] = uids
            await _take_over(ledger, row, listing)
        counts[row.id] = await _decide(ledger, row, listing, newest, first=row.id in undecided)
    # The notes come last: while there is none of this decision, all this is done once more.
    await ledger.add_exceptions([_note(row, counts[row.id], max_items, received) for row in rows if row.id in counts])
    for folder_id, uids in earlier.items():
        await ledger.clear_exceptions(folder_id, uids, kinds=[ExceptionKind.OVER_LIMIT])
    return {folder_id: count for folder_id, count in counts.items() if count}


async def _notes(ledger: Ledger, folders: Folders) -> dict[int, list[ExceptionRow]]:
    """Give the notes by folder id: those of the present UIDs, and those of an earlier version."""
    validities = {row.id: row.source_uid_validity for row, _ in folders}
    found: dict[int, list[ExceptionRow]] = {}
    for note in filter(_is_note, await ledger.exceptions()):
        validity = validities.get(note.folder_id)
        if validity is not None and (note.source_uid_validity == validity or note.uid != _NOTE_UID):
            found.setdefault(note.folder_id, []).append(note)
    return found


async def _decide(ledger: Ledger, folder: FolderRow, listing: Listing, newest: Newest, *, first: bool) -> int:
    """Decide on one folder: on what its rows leave out, and if it is the `first` time on all that has no row. Gives
    the number of messages left out.
    """
    held: array[int] = array("I")
    changed: list[ChunkRow] = []
    count = 0
    for chunk in await left_out_rows(ledger, folder, LIMIT):
        columns = chunk.columns
        held.extend(columns.uids)
        before = bytes(columns.outcomes)
        for i in list(columns.indexes_of(RowOutcome.OVER_LIMIT)):
            uid = columns.uids[i]
            if not is_in(uid, listing.uids):
                columns.outcomes[i] = RowOutcome.OVER_LIMIT if listing.truncated else RowOutcome.GONE_AT_SOURCE
            elif newest.takes(folder, uid, columns.dates[i]):
                columns.outcomes[i] = RowOutcome.LOST
        count += columns.outcomes.count(RowOutcome.OVER_LIMIT)
        if columns.outcomes != before:
            changed.append(chunk)
    await ledger.settle_many([(chunk.id, chunk.columns) for chunk in changed])
    if not first or newest.first == _ALL:
        return count
    known = sorted(held)
    fresh = [
        i
        for i, (uid, date) in enumerate(zip(listing.uids, listing.dates, strict=True))
        if newest.received.admits(date) and not newest.takes(folder, uid, date) and not is_in(uid, known)
    ]
    for row in new_rows(folder, listing, fresh, LIMIT):
        await ledger.open_chunk(row)
    return count + len(fresh)


async def _take_over(ledger: Ledger, folder: FolderRow, listing: Listing) -> None:
    """Make rows of what an earlier version left out: it stored ranges without messages, and could lose them. So it is
    each message that is neither new nor in a row nor in the report.
    """
    known: array[int] = array("I")
    for exception in await ledger.exceptions():
        of_folder = (exception.folder_id, exception.source_uid_validity) == (folder.id, folder.source_uid_validity)
        if of_folder and not _is_note(exception):  # an earlier note has the UID of a message that was left out
            known.append(exception.uid)
    for chunk in await ledger.chunks(folder.id, columns=Load.OUTCOMES):
        known.extend(chunk.columns.uids)
    known = array("I", sorted(known))
    covers = await ledger.covers(folder.id, source_uid_validity=folder.source_uid_validity)
    out = [
        i
        for i, uid in enumerate(listing.uids)
        if (uid < folder.source_uid_next_done or within(uid, covers)) and not is_in(uid, known)
    ]
    kept = [chunk for chunk in await ledger.chunks(folder.id) if chunk.mode != CODE]
    await ledger.replace_chunks(folder.id, [*new_rows(folder, listing, out, LIMIT), *kept])


def over_limit(exceptions: Iterable[ExceptionRow], folders: Iterable[FolderRow]) -> dict[int, int]:
    """Give the number of messages left out, by folder id; folders without any are missing."""
    validities = {folder.id: folder.source_uid_validity for folder in folders}
    return {
        note.folder_id: count
        for note in exceptions
        if _is_note(note) and validities.get(note.folder_id) == note.source_uid_validity and (count := _messages(note))
    }


def says_none(row: ExceptionRow) -> bool:
    """Say whether this is a note of a folder from which the limit leaves nothing out: the report does not list it."""
    return _is_note(row) and not _messages(row)


def uids_changed(folder: FolderRow, status: FolderStatus) -> bool:
    """Say whether the UIDs of a folder on the source are others than those that are known."""
    return (
        bool(folder.source_uid_validity and status.uid_validity) and folder.source_uid_validity != status.uid_validity
    )


def _messages(note: ExceptionRow) -> int:
    return int(json.loads(note.detail)["messages"])


def _note(folder: FolderRow, count: int, max_items: int, received: ReceivedRange) -> ExceptionRow:
    detail = {"messages": count, "max_items": max_items, "start": received.start, "end": received.end}
    text = f"{count} messages are older than the newest {max_items}"
    return ExceptionRow(
        folder.id,
        folder.source_uid_validity,
        _NOTE_UID,
        ExceptionKind.OVER_LIMIT,
        CODE,
        text,
        detail=json.dumps(detail),
    )


def _is_note(row: ExceptionRow) -> bool:
    return row.kind == ExceptionKind.OVER_LIMIT


def _is_undecided(note: ExceptionRow) -> bool:
    return note.uid == _NOTE_UID and json.loads(note.detail)["max_items"] == _UNDECIDED
