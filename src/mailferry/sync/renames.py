"""Folders that were renamed on the source: their row of the map goes with them, so nothing is copied again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailferry.backends.base import Listed, Reader, Want
from mailferry.sync.ledger import FolderRow, Ledger, Load

_SHARE = 0.9


async def follow_renames(
    source: Reader, ledger: Ledger, rows: Mapping[bytes, FolderRow], listed: Sequence[Listed]
) -> list[str]:
    """Recognise renamed folders and store their new names. Gives a line for the user for each.

    A folder is the same if its MAILBOXID is (RFC 8474), whatever its UIDs, else if it has the same UIDVALIDITY and
    still holds nine tenths of the messages that we know. In doubt it is a new folder.
    """
    names = {folder.raw_name for folder in listed}
    for folder in listed:  # an earlier pass may not have asked for it
        if (known := rows.get(folder.raw_name)) is not None:
            known.mailbox_id = known.mailbox_id or folder.mailbox_id
    fresh = [f for f in listed if f.raw_name not in rows and f.selectable and f.status is not None]
    told: list[str] = []
    for row in [r for raw, r in rows.items() if raw not in names and r.source_uid_validity]:
        same = [f for f in fresh if f.status is not None and f.status.uid_validity == row.source_uid_validity]
        by_id = [f for f in fresh if row.mailbox_id and f.mailbox_id == row.mailbox_id]
        found = by_id or [f for f in same if await _holds_the_same(source, ledger, row, f)]
        if len(found) != 1:
            continue
        folder = found[0]
        fresh.remove(folder)
        told.append(f"{row.source_path} is now {folder.path} on the source; it stays {row.target_path} on the target")
        row.source_raw, row.source_path = folder.raw_name, folder.path
        await ledger.save_folder(row)
    return told


async def _holds_the_same(source: Reader, ledger: Ledger, row: FolderRow, folder: Listed) -> bool:
    known = {uid for c in await ledger.chunks(row.id, columns=Load.OUTCOMES) for uid in c.columns.uids}
    if not known:
        return False
    there = await source.listing(folder.path, Want(0))
    return len(known.intersection(there.uids)) >= _SHARE * len(known)
