"""Folders that are renamed or removed on the source while a pass is under way: the next attempt maps them anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mailferry.backends.base import Reader
from mailferry.errors import FolderGone, MailferryError, Scope, Side
from mailferry.sync.foldermap import FolderMap
from mailferry.sync.ledger import FolderRow
from mailferry.sync.options import Stats
from mailferry.sync.work import FolderWork


def follow_folders(stats: Stats, rows: Mapping[bytes, FolderRow], folder_map: FolderMap) -> None:
    """Bring the counts of earlier attempts in line with the map of this one.

    `rows` go by the raw name that the folder had before. What a renamed folder came to so far stays with it. Of one
    that is gone nothing is left but what was copied, and a notice.
    """
    renamed = {raw: row for raw, row in rows.items() if raw != row.source_raw and raw in stats.folders}
    moved = {row.source_raw: stats.folders.pop(raw) for raw, row in renamed.items()}
    for row in renamed.values():
        moved[row.source_raw].source = str(row.source_path)
    stats.folders.update(moved)
    mapped = {entry.source.raw_name for entry in folder_map.entries}
    for raw in [raw for raw in stats.folders if raw not in mapped]:
        folder = stats.folders[raw]
        notice = (
            f"{folder.source} was removed or renamed on the source during the pass;"
            f" what was copied of it stays in {folder.target} on the target"
        )
        if notice not in stats.notices:
            stats.notices.append(notice)
        folder.found = folder.copied + folder.adopted + folder.skipped
        folder.had = folder.left_out = 0
        folder.state, folder.note = "done", "no longer on the source"
        if not folder.found:
            del stats.folders[raw]


@contextmanager
def failing_alone(work: FolderWork) -> Iterator[None]:
    """Let a folder that the source refuses fail alone, as it does where bodies are read: the others go on."""
    try:
        yield
    except MailferryError as error:
        if error.scope is not Scope.FOLDER:
            raise
        reason = error.detail.removeprefix(str(work.row.source_path)).removeprefix(": ")
        work.failed = reason or "the folder cannot be read"


async def look_for_failed(source: Reader, folder_map: FolderMap, failed: Mapping[str, str]) -> None:
    """Ask whether the folders that failed are on the source still. Raises FolderGone for one that is not.

    That they fail says nothing: a server may refuse a folder that it lists.
    """
    names = {entry.source.raw_name: str(entry.source.path) for entry in folder_map.entries}
    names = {raw: name for raw, name in names.items() if name in failed}
    if not names:
        return
    listed = {folder.raw_name for folder in await source.list_folders(status=False)}
    for raw, name in names.items():
        if raw not in listed:
            raise FolderGone(f"{name}: {failed[name]}", side=Side.SOURCE)
