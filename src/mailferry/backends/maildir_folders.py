"""The tree of a Maildir++: finding, making and subscribing folders. Blocking; called in threads."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mailferry.backends.base import INBOX, FolderPath
from mailferry.backends.maildir_names import directory_of, path_of, raw_name_of
from mailferry.backends.maildir_scan import disk_error, is_folder
from mailferry.backends.maildir_uids import sync_directory
from mailferry.errors import AlreadyRunning, RootNotFound, Side

LOCK_FILE = b"mailferry.lock"
SUBSCRIPTIONS = b"subscriptions"
_VERSION_2 = b"V\t2"


class Tree:
    """The folders below a root, and the directory of each."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self._directories: dict[FolderPath, bytes] = {}

    def read(self) -> list[tuple[FolderPath, bytes, bool]]:
        """List path, directory name and whether there is mail, the inbox first, then by name. Raises OSError.

        A parent that has no directory of its own, and a symbolic link, are listed as holding no mail.
        """
        found: dict[FolderPath, tuple[bytes, bool]] = {}
        with os.scandir(self.root) as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(b".") and entry.is_dir())
        for name in names:
            if name.strip(b"."):
                found[_unclaimed(path_of(name), found)] = (name, is_folder(os.path.join(self.root, name)))
        for path in list(found):
            parent = path.parent
            while parent is not None and parent not in found and parent != INBOX:
                found[parent] = (b"." + found[path][0][1:].rsplit(b".", len(path.parts) - len(parent.parts))[0], False)
                parent = parent.parent
        found.pop(INBOX, None)
        self._directories = {path: name for path, (name, _) in found.items()}
        listed = [(path, *entry) for path, entry in sorted(found.items())]
        return [(INBOX, b"", is_folder(self.root)), *listed]

    def directory(self, path: FolderPath) -> bytes:
        """The absolute path of a folder's directory, whether it is there or not. Raises ValueError."""
        name = self._directories.get(path)
        return self.absolute(directory_of(path) if name is None else name)

    def absolute(self, name: bytes) -> bytes:
        """The absolute path of a directory of the tree."""
        return os.path.join(self.root, name) if name else self.root

    def make(self, path: FolderPath) -> tuple[bytes, bool]:
        """Make a folder; its raw name, and whether it is new. Raises ValueError, OSError."""
        directory = self.directory(path)
        new = not is_folder(directory)
        make_maildir(directory, is_root=path == INBOX)
        return raw_name_of(b"" if path == INBOX else os.path.basename(directory)), new

    def subscribed(self) -> set[bytes]:
        """Raw names in the `subscriptions` file."""
        try:
            with open(os.path.join(self.root, SUBSCRIPTIONS), "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return set()
        if lines[0].startswith(_VERSION_2):
            lines = [line.replace(b"\t", b".") for line in lines[1:]]
        return {line for line in lines if line}

    def subscribe(self, paths: Iterable[FolderPath]) -> None:
        """Add folders to the `subscriptions` file, durably and all at once. Raises OSError."""
        names = [b"INBOX" if path == INBOX else os.path.basename(self.directory(path))[1:] for path in paths]
        known = self.subscribed()
        fresh = [name for name in dict.fromkeys(names) if name not in known]
        if not fresh:
            return
        target = os.path.join(self.root, SUBSCRIPTIONS)
        try:
            with open(target, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            content = _VERSION_2 + b"\n\n"
        if content.startswith(_VERSION_2):
            fresh = [name.replace(b".", b"\t") for name in fresh]
        staging = target + b".mailferry"
        with open(staging, "wb") as file:
            file.write(content + b"".join(name + b"\n" for name in fresh))
            file.flush()
            os.fsync(file.fileno())
        os.rename(staging, target)
        sync_directory(self.root)


def make_maildir(directory: bytes, *, is_root: bool) -> None:
    """Make a folder, or what is missing of it, durably. `cur` comes last: it makes the rest a folder."""
    if is_folder(directory) and all(os.path.isdir(os.path.join(directory, name)) for name in (b"tmp", b"new")):
        return
    os.makedirs(directory, 0o700, exist_ok=True)
    for name in (b"tmp", b"new"):
        os.makedirs(os.path.join(directory, name), 0o700, exist_ok=True)
    if not is_root:
        os.close(os.open(os.path.join(directory, b"maildirfolder"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    os.makedirs(os.path.join(directory, b"cur"), 0o700, exist_ok=True)
    sync_directory(directory)
    sync_directory(os.path.dirname(directory))


def lock_mailbox(root: bytes) -> int:
    """Lock the mailbox against other writers; closing the descriptor unlocks.

    Raises AlreadyRunning, and what `disk_error` makes of an OSError.
    """
    path = os.path.join(root, LOCK_FILE)
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise disk_error(error, root, Side.TARGET) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise AlreadyRunning(os.fsdecode(root), side=Side.TARGET) from error
    return lock


def checked_source(path: Path) -> bytes:
    """The real path of a Maildir that can be read. Raises RootNotFound."""
    root = os.fsencode(os.path.realpath(path))
    if not is_folder(root):
        raise RootNotFound(f"{os.fsdecode(root)} is not a Maildir: it has no directory 'cur'.", side=Side.SOURCE)
    try:
        os.listdir(os.path.join(root, b"cur"))
    except OSError as error:
        raise RootNotFound(f"{os.fsdecode(root)} cannot be read: {error.strerror}.", side=Side.SOURCE) from error
    return root


def prepared_target(path: Path) -> bytes:
    """The real path of a Maildir, which is made if it is not there. Raises what `disk_error` gives."""
    root = os.fsencode(os.path.realpath(path))
    try:
        make_maildir(root, is_root=True)
    except OSError as error:
        raise disk_error(error, root, Side.TARGET) from error
    return root


def _unclaimed(path: FolderPath, found: dict[FolderPath, tuple[bytes, bool]]) -> FolderPath:
    """The path, or the next free one if two spellings in the file system mean the same name."""
    number, wanted = 1, path
    while path in found or path == INBOX:
        number += 1
        path = replace(wanted, parts=(*wanted.parts[:-1], f"{wanted.parts[-1]} ({number})"))
    return path
