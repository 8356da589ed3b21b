"""Deletions that are followed, if the user asks for it (rule 23): what was expunged from the source since it was copied
is removed from the target.

Nothing is removed that another client put there, nothing whose UIDs changed on either side, nothing of a folder that is
gone or failed, and nothing at all of a folder of which more than a fifth would go: that looks like an accident.
Nothing either that is in another folder now and left out there, by its date or because it was refused.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mailferry.backends.base import Reader, Target, Want
from mailferry.sync.identity import NO_IDENTITY, identity
from mailferry.sync.ledger import ChunkKind, ChunkRow, ExceptionKind, ExceptionRow, FolderRow, Ledger
from mailferry.sync.leftout import left_out
from mailferry.sync.leftrows import RECEIVED, left_out_rows
from mailferry.sync.limit import over_limit
from mailferry.sync.options import Event, FolderStats, Listener
from mailferry.sync.packed import Columns, RowOutcome

LARGEST_SHARE = 0.2
_LEFT_OUT = frozenset((ExceptionKind.SKIPPED, ExceptionKind.CANNOT_BE_CARRIED))
_OURS = frozenset((RowOutcome.APPENDUID, RowOutcome.LOOKED_UP))


async def follow_deletions(
    source: Reader,
    target: Target,
    ledger: Ledger,
    folders: Mapping[bytes, FolderStats],
    listen: Listener,
) -> list[str]:
    """Remove from the target what is gone from these folders, by raw name on the source. Gives warnings.

    Must come when everything else is done: a message that was moved is on the target under its new name then. Safe to
    be stopped at any moment; what was removed without a note is removed once more, which does nothing.
    """
    if not target.features.uid_expunge:
        return ["the target cannot remove single messages (UIDPLUS), so deletions are not followed"]
    counts, exceptions = await ledger.counts(), await ledger.exceptions()
    rows = await ledger.folders()
    over, outside = over_limit(exceptions, rows), left_out(exceptions, rows)
    skipped: dict[int, set[int]] = {}
    for row in exceptions:
        if row.kind in _LEFT_OUT:
            skipped.setdefault(row.folder_id, set()).add(row.uid)
    sparing = _Sparing(source, ledger, exceptions, [row for row in rows if outside.get(row.id)])
    warnings: list[str] = []
    for folder in rows:
        stats, known = folders.get(folder.source_raw), counts.get(folder.id)
        if stats is None or known is None:
            continue
        not_copied = max(known.refused, len(skipped.get(folder.id, ()))) + over.get(folder.id, 0)
        not_copied += outside.get(folder.id, 0)
        if folder.source_messages >= known.confirmed + not_copied:
            continue  # nothing that we know was expunged
        warning = await _follow(source, target, ledger, folder, stats, sparing)
        warnings += [warning] if warning else []
        if stats.removed:
            listen(Event("deletions followed", {"folder": stats.source, "removed": stats.removed}))
    return warnings


async def _follow(
    source: Reader, target: Target, ledger: Ledger, row: FolderRow, stats: FolderStats, sparing: _Sparing
) -> str:
    """Do one folder. Gives a warning if there is something to remove and it is not removed."""
    listing = await source.listing(row.source_path, Want(0))
    if listing.status.uid_validity != row.source_uid_validity or len(listing.uids) != listing.status.messages:
        return ""  # it is changing: the next pass sees what became of it
    (there,) = await target.status([row.target_path])
    if there is None or there.uid_validity != row.target_uid_validity:
        return ""
    chunks = await ledger.chunks(row.id)
    known = sum(chunk.columns.confirmed(i) for chunk in chunks for i in range(len(chunk.columns)))
    gone: list[tuple[ChunkRow, list[int]]] = []
    for chunk in chunks:
        if places := _gone(chunk, row, listing.uids):
            spared = await sparing.spared()
            gone.append((chunk, [i for i in places if not spared.holds(chunk.columns, i)]))
    count = sum(len(places) for _, places in gone)
    if count > LARGEST_SHARE * known:
        return (
            f"{row.source_path}: {count} of {known} messages are gone from the source; because that is more than a"
            f" fifth, nothing was removed from {row.target_path}"
        )
    if not count:
        return ""
    uids = {chunk.columns.target_uids[i] for chunk, places in gone for i in places}
    if target.features.is_gmail:  # it has one message for several rows
        uids -= _owned(chunks, listing.uids)
    await target.remove(row.target_path, sorted(uids))
    for chunk, places in gone:
        for i in places:
            chunk.columns.outcomes[i] = RowOutcome.GONE_AT_SOURCE
    await ledger.settle_many([(chunk.id, chunk.columns) for chunk, _ in gone])
    stats.removed += count
    return ""


def _gone(chunk: ChunkRow, row: FolderRow, present: Sequence[int]) -> list[int]:
    """Give the places in a chunk of what we appended and the source has no more.

    Rows that were matched, because mail was there before or UIDs changed, are of another kind.
    """
    if chunk.kind is not ChunkKind.COPY or chunk.source_uid_validity != row.source_uid_validity:
        return []
    columns = chunk.columns
    return [
        i
        for i, uid in enumerate(columns.uids)
        if columns.outcomes[i] in _OURS and columns.target_uids[i] and not _holds(present, uid)
    ]


def _owned(chunks: Sequence[ChunkRow], present: Sequence[int]) -> set[int]:
    """Give the UIDs on the target of what the source still has."""
    return {
        chunk.columns.target_uids[i]
        for chunk in chunks
        for i, uid in enumerate(chunk.columns.uids)
        if chunk.columns.confirmed(i) and _holds(present, uid)
    }


def _holds(uids: Sequence[int], uid: int) -> bool:
    """Say whether a UID is among these, which ascend. No set: a folder may have half a million messages."""
    at = bisect_left(uids, uid)
    return at < len(uids) and uids[at] == uid


class _Spared(NamedTuple):
    """Messages that were left out: what was moved to another folder, and refused there, is kept where it was. Known by
    identity, or by size if they have no Message-ID.
    """

    identities: frozenset[int]
    sizes: frozenset[int]

    def holds(self, columns: Columns, i: int) -> bool:
        """Say whether a message of a row may be one of them."""
        return columns.identities[i] in self.identities or columns.sizes[i] in self.sizes

    @classmethod
    def of(cls, exceptions: Iterable[ExceptionRow]) -> _Spared:
        """Take them from the report."""
        out = [x for x in exceptions if x.kind in _LEFT_OUT]
        named = (identity(b"Message-ID: %s\r\n\r\n" % x.message_id.encode()) for x in out if x.message_id)
        return cls(frozenset(named), frozenset(x.size_bytes for x in out if not x.message_id))


class _Sparing:
    """What is spared: it is looked for once, and only when something was deleted. Of the messages that are left out by
    their date, in `folders`, the rows do not have what they are known by.
    """

    def __init__(
        self, source: Reader, ledger: Ledger, exceptions: Iterable[ExceptionRow], folders: Sequence[FolderRow]
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._exceptions = exceptions
        self._folders = folders
        self._found: _Spared | None = None

    async def spared(self) -> _Spared:
        """Give it."""
        if self._found is None:
            refused = _Spared.of(self._exceptions)
            identities, sizes = set(refused.identities), set(refused.sizes)
            for folder in self._folders:
                await self._look(folder, identities, sizes)
            self._found = _Spared(frozenset(identities), frozenset(sizes))
        return self._found

    async def _look(self, folder: FolderRow, identities: set[int], sizes: set[int]) -> None:
        uids = {
            uid
            for chunk in await left_out_rows(self._ledger, folder, RECEIVED)
            for uid, outcome in zip(chunk.columns.uids, chunk.columns.outcomes, strict=True)
            if outcome == RowOutcome.LEFT_OUT
        }
        if not uids:
            return
        columns = Want.SIZE | Want.IDENTITY
        listing = await self._source.listing(folder.source_path, columns, first_uid=min(uids), identify=identity)
        for uid, known_by, size in zip(listing.uids, listing.identities, listing.sizes, strict=True):
            if uid in uids and known_by != NO_IDENTITY:
                identities.add(known_by)
            elif uid in uids:
                sizes.add(size)
