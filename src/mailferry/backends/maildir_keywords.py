"""Flags as letters in file names: five system flags, and 26 keywords named in `dovecot-keywords`.

Capital letters are those of the Maildir convention. `P` (passed on) is kept by Dovecot but not shown, so
`$Forwarded` is stored as a keyword, and as `P` only when all 26 are taken; read, either means `$Forwarded`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping

from mailferry.backends.base import Flags
from mailferry.backends.maildir_uids import sync_directory

KEYWORDS = 26
FORWARDED = "$Forwarded"
FILE = "dovecot-keywords"
LOCK = "dovecot-keywords.lock"
STAGING = "keywords-"
"""Begin of the name in `tmp/` of a keyword file being written; the lock is a second link to it."""

LOCK_WAIT_SECONDS = 10.0
LOCK_STALE_SECONDS = 120.0

SYSTEM_FLAGS: Mapping[str, str] = {
    "\\Draft": "D",
    "\\Flagged": "F",
    "\\Answered": "R",
    "\\Seen": "S",
    "\\Deleted": "T",
}
_BY_LETTER = {letter: flag for flag, letter in SYSTEM_FLAGS.items()}
_STORABLE = re.compile(r"[!-\[\]-~][!-~]*")


class Keywords:
    """The keyword table of one folder, and the translation both ways."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = dict(names)
        self._index = {name.casefold(): index for index, name in sorted(self.names.items(), reverse=True)}
        self._flags: dict[bytes, Flags] = {}
        self._letters: dict[Flags, bytes] = {}

    def flags(self, letters: bytes) -> Flags:
        """Translate the letters of a file name; unknown ones mean nothing."""
        flags = self._flags.get(letters)
        if flags is None:
            flags = self._flags[letters] = frozenset(filter(None, map(self._flag, letters.decode("latin-1"))))
        return flags

    def letters(self, flags: Flags) -> bytes:
        """Translate flags; a keyword that has no letter is left out."""
        letters = self._letters.get(flags)
        if letters is None:
            letters = self._letters[flags] = "".join(sorted(set(map(self._letter, flags)))).encode("ascii")
        return letters

    def changed(self, letters: bytes, add: Flags, remove: Flags) -> bytes:
        """The letters after a change; letters that mean nothing to us stay."""
        gone = set(self.letters(remove)) | (set(b"P") if FORWARDED in remove else set())
        return bytes(sorted((set(letters) - gone) | set(self.letters(add))))

    def missing(self, flags: Iterable[str]) -> list[str]:
        """Keywords among these flags that have no letter but could have one, each once, in order."""
        wanted = sorted(flag for flag in flags if flag not in SYSTEM_FLAGS and _STORABLE.fullmatch(flag))
        fresh = {flag.casefold(): flag for flag in reversed(wanted) if flag.casefold() not in self._index}
        return sorted(fresh.values())[: KEYWORDS - len(self.names)]

    @property
    def full(self) -> bool:
        """Whether no new keyword can be stored."""
        return len(self.names) >= KEYWORDS

    def _flag(self, letter: str) -> str | None:
        if "a" <= letter <= "z":
            return self.names.get(ord(letter) - ord("a"))
        return FORWARDED if letter == "P" else _BY_LETTER.get(letter)

    def _letter(self, flag: str) -> str:
        if flag in SYSTEM_FLAGS:
            return SYSTEM_FLAGS[flag]
        index = self._index.get(flag.casefold())
        if index is None:
            return "P" if flag.casefold() == FORWARDED.casefold() else ""
        return chr(ord("a") + index)


def read_keywords(folder: bytes) -> Keywords:
    """Read the folder's `dovecot-keywords`; a folder without one has no keywords."""
    try:
        with open(os.path.join(folder, FILE.encode()), "rb") as file:
            return Keywords(_parsed(file.read()))
    except FileNotFoundError:
        return Keywords({})


def add_keywords(folder: bytes, wanted: Iterable[str]) -> Keywords:
    """Give letters to these keywords as far as there are any, durably, and return the new table.

    Takes the lock that Dovecot takes, and replaces the file as Dovecot does: by renaming the lock.
    Raises OSError, TimeoutError if another program holds the lock.
    """
    lock, staging = os.path.join(folder, LOCK.encode()), _staging(folder)
    file = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _take_lock(staging, lock)
        keywords = read_keywords(folder)
        names = dict(keywords.names)
        free = (index for index in range(KEYWORDS) if index not in names)
        names.update(zip(free, keywords.missing(wanted), strict=False))
        lines = "".join(f"{index} {name}\n" for index, name in sorted(names.items()))
        content = lines.encode("utf-8", "surrogateescape")
        if os.write(file, content) != len(content):
            raise OSError("short write")
        os.fsync(file)
        os.rename(lock, os.path.join(folder, FILE.encode()))
    except Exception:
        _drop(staging, lock)
        raise
    finally:
        os.close(file)
    _drop(staging, lock)
    sync_directory(folder)
    return Keywords(names)


def drop_stale_lock(folder: bytes) -> None:
    """Remove locks and staging files of ours, left by a crash. Another program's lock is not touched."""
    for name in os.listdir(os.path.join(folder, b"tmp")):
        if name.startswith(STAGING.encode()) and name.endswith(b".mailferry"):
            _drop(os.path.join(folder, b"tmp", name), os.path.join(folder, LOCK.encode()))


def _staging(folder: bytes) -> bytes:
    return os.path.join(folder, f"tmp/{STAGING}{os.urandom(8).hex()}.mailferry".encode())


def _drop(staging: bytes, lock: bytes) -> None:
    try:
        if os.path.samefile(staging, lock):
            os.unlink(lock)
    except FileNotFoundError:
        pass  # there is no lock
    try:
        os.unlink(staging)
    except OSError:
        pass  # the next writer that opens the folder tries again


def _take_lock(staging: bytes, lock: bytes) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            return os.link(staging, lock)
        except FileExistsError:
            _break_if_stale(lock)
        if time.monotonic() > deadline:
            raise TimeoutError("another program keeps dovecot-keywords locked")
        time.sleep(0.02)


def _break_if_stale(lock: bytes) -> None:
    try:
        if time.time() - os.stat(lock).st_mtime > LOCK_STALE_SECONDS:
            os.unlink(lock)
    except FileNotFoundError:
        pass


def _parsed(content: bytes) -> dict[int, str]:
    names: dict[int, str] = {}
    for line in content.decode("utf-8", "surrogateescape").split("\n"):
        index, _, name = line.partition(" ")
        if name and index.isascii() and index.isdigit() and int(index) < KEYWORDS:
            names[int(index)] = name
    return names
