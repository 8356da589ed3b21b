"""Mail outside the range of received dates that a copy is limited to: left out, and remembered.

The dates of what is new are listed before its bodies are asked for. What lies outside gets rows of its own, with the
date, so that the next pass need not look again, and another range can be applied to them without listing the folder.
One note for each folder says how many there are and for which range they were left out.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from mailferry.backends.base import Reader, Want
from mailferry.errors import FolderGone, Side
from mailferry.sync.ledger import ExceptionKind, ExceptionRow, FolderRow, Ledger
from mailferry.sync.leftrows import RECEIVED, covers_of, is_in, left_out_rows, new_rows
from mailferry.sync.limit import says_none
from mailferry.sync.packed import Columns, RowOutcome
from mailferry.sync.plan import LAST_UID, FolderPlan, subtract_ranges, within
from mailferry.sync.received import ReceivedRange

_NOTE_UID = 0  # the note is about the folder


class Admitted(NamedTuple):
    """What is left of a plan. `last_uid`: later messages were not looked at; 0: there is no such bound. `left_out`
    messages of the folder are outside the range, those of earlier passes included.
    """

    plan: FolderPlan
    last_uid: int
    left_out: int


def left_out(exceptions: Iterable[ExceptionRow], folders: Iterable[FolderRow]) -> dict[int, int]:
    """Give the number of messages that the range leaves out, by folder id."""
    validities = {folder.id: folder.source_uid_validity for folder in folders}
    return {
        note.folder_id: int(json.loads(note.detail)["messages"])
        for note in exceptions
        if _is_note(note) and validities.get(note.folder_id) == note.source_uid_validity
    }


def about_messages(exceptions: Iterable[ExceptionRow]) -> list[ExceptionRow]:
    """Give those that the report lists; the notes about folders are not, but for what is over the limit of items."""
    return [row for row in exceptions if not _is_note(row) and not says_none(row)]


async def apply_range(source: Reader, ledger: Ledger, folders: Sequence[FolderRow], wanted: ReceivedRange) -> None:
    """Decide anew on what another range left out: what is taken now is to be sent, and what was to be sent is left
    out if it is outside now. Costs nothing where the range is as it was. Safe to be stopped and done again.
    """
    notes = {(note.folder_id, note.source_uid_validity): note for note in await ledger.exceptions() if _is_note(note)}
    for folder in folders:
        note = notes.get((folder.id, folder.source_uid_validity))
        if note is not None and _range_of(note) != wanted:
            await _decide_again(source, ledger, folder, wanted)


async def _decide_again(source: Reader, ledger: Ledger, folder: FolderRow, wanted: ReceivedRange) -> None:
    present = (await source.listing(folder.source_path, Want(0))).uids
    lost = await ledger.lost_uids(folder.id)
    changed: list[tuple[int, Columns]] = []
    count = 0
    for chunk in await left_out_rows(ledger, folder, RECEIVED):
        columns = chunk.columns
        before = bytes(columns.outcomes)
        for i, uid in enumerate(columns.uids):
            taken = wanted.admits(columns.dates[i])
            if taken and columns.outcomes[i] == RowOutcome.LEFT_OUT:
                there = is_in(uid, present)
                columns.outcomes[i] = RowOutcome.LOST if there else RowOutcome.GONE_AT_SOURCE
            elif not taken and columns.outcomes[i] == RowOutcome.LOST and uid in lost:
                columns.outcomes[i] = RowOutcome.LEFT_OUT
        count += columns.outcomes.count(RowOutcome.LEFT_OUT)
        if columns.outcomes != before:
            changed.append((chunk.id, columns))
    await ledger.settle_many(changed)
    # The note comes last, and stays when it is about none: while it names the old range, all this is done once more.
    await ledger.add_exceptions([_note(folder, wanted, count)])


async def admitted(
    source: Reader, ledger: Ledger, folder: FolderRow, plan: FolderPlan, wanted: ReceivedRange, *, known: int
) -> Admitted:
    """Take from a plan what is outside the range, and make rows of it. `known` messages have some already.

    Raises FolderGone if the UIDs changed.
    """
    if not plan.ranges and not plan.resend:
        return Admitted(plan, 0, known)
    first = plan.ranges[0][0] if plan.ranges else plan.resend[0]
    older = [uid for uid in plan.resend if uid < first]
    listing = await source.listing(folder.source_path, Want.DATE, first_uid=first, also=older)
    validity = folder.source_uid_validity
    if validity and listing.status.uid_validity and listing.status.uid_validity != validity:
        raise FolderGone(f"{folder.source_path}: the UIDs changed meanwhile", side=Side.SOURCE)
    outside = [i for i, date in enumerate(listing.dates) if not wanted.admits(date)]
    outside_uids = array("I", (listing.uids[i] for i in outside))
    fresh = [i for i in outside if within(listing.uids[i], plan.ranges)]
    for row in new_rows(folder, listing, fresh, RECEIVED):
        known += len(row.columns)
        await ledger.open_chunk(row, [_note(folder, wanted, known)])
    last_uid = max(listing.status.uid_next - 1, listing.uids[-1] if listing.uids else 0)
    ranges = subtract_ranges(plan.ranges, [*covers_of(listing, fresh), (last_uid + 1, LAST_UID)])
    resend = tuple(uid for uid in plan.resend if not is_in(uid, outside_uids))
    return Admitted(replace(plan, ranges=tuple(ranges), resend=resend), last_uid, known)


def _note(folder: FolderRow, wanted: ReceivedRange, count: int) -> ExceptionRow:
    detail = json.dumps({"messages": count, "start": wanted.start, "end": wanted.end})
    text = f"{count} messages are outside the range of received dates: {wanted}"
    return ExceptionRow(
        folder.id, folder.source_uid_validity, _NOTE_UID, ExceptionKind.LEFT_OUT, RECEIVED, text, detail=detail
    )


def _is_note(row: ExceptionRow) -> bool:
    return row.kind == ExceptionKind.LEFT_OUT


def _range_of(note: ExceptionRow) -> ReceivedRange:
    detail = json.loads(note.detail)
    return ReceivedRange(detail["start"], detail["end"])
