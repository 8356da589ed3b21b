"""Flag changes and removals in a Maildir folder. Blocking; called in threads."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from mailferry.backends.base import FlagChange, Flags
from mailferry.backends.maildir_keywords import FORWARDED, SYSTEM_FLAGS, Keywords, add_keywords
from mailferry.backends.maildir_names import letters_of, with_letters
from mailferry.backends.maildir_stream import FolderView
from mailferry.backends.maildir_uids import sync_directory


def permanent_flags(keywords: Keywords) -> tuple[Flags, bool]:
    """Flags that the folder can store, and whether a further keyword has a place."""
    return frozenset(SYSTEM_FLAGS) | {FORWARDED} | frozenset(keywords.names.values()), not keywords.full


def change_flags(view: FolderView, changes: Sequence[FlagChange], keyword_lock: threading.Lock) -> None:
    """Rename files so that they carry the changed flags, durably. A message that is gone is passed over."""
    added = {flag for change in changes for flag in change.add}
    with keyword_lock:
        if view.keywords.missing(added):
            view.keywords = add_keywords(view.folder, added)
    now: dict[int, bytes] = {}  # where a message is after an earlier change
    for change in changes:
        for uid, name in _files(view, change.uids, now):
            current = name
            for _ in range(2):
                letters = view.keywords.changed(letters_of(current), change.add, change.remove)
                # With flags a message is not new any more; `cur` is where flags are seen.
                target = b"cur/" + with_letters(current[4:], letters)
                if target == current or _rename(view.folder, current, target):
                    now[uid] = target
                    break
                found = view.locate(current)
                if found is None:
                    break
                current = found
    if now:
        _sync(view.folder)


def remove_messages(view: FolderView, uids: Sequence[int]) -> None:
    """Remove files, durably. One that is gone already counts as removed."""
    for _, name in _files(view, uids, {}):
        for _ in range(2):
            try:
                os.unlink(os.path.join(view.folder, name))
                break
            except FileNotFoundError:
                found = view.locate(name)
                if found is None:
                    break
                name = found
    if uids:
        _sync(view.folder)


def _files(view: FolderView, uids: Sequence[int], now: dict[int, bytes]) -> Iterator[tuple[int, bytes]]:
    known = view.snapshot.uids
    for uid in uids:
        at = bisect_left(known, uid)
        if at < len(known) and known[at] == uid:
            yield uid, now.get(uid) or view.snapshot.name(at)


def _rename(folder: bytes, name: bytes, target: bytes) -> bool:
    try:
        os.rename(os.path.join(folder, name), os.path.join(folder, target))
    except FileNotFoundError:
        return False
    return True


def _sync(folder: bytes) -> None:
    for name in (b"cur", b"new"):
        sync_directory(os.path.join(folder, name))
