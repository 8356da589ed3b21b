"""Names in a Maildir++: of message files, of their flags, and of folders. Pure.

A message file is called `unique[,S=size][,W=size][:2,flags]` (the Maildir page of qmail; `S` and `W` are
Courier's and Dovecot's additions: the size as stored, and with CRLF line ends). The unique part never
changes; flags change by renaming.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from mailferry.backends.base import INBOX, FolderPath
from mailferry.imap import utf7

DIRECTORY_NAME_BYTES = 255
INFO = b":2,"

_OWN = re.compile(rb"[0-9]+\.M([0-9]+)P([0-9a-f]{16})\.mailferry(?=[,:]|\Z)")
_SIZES = re.compile(rb",[SW]=[0-9]+")
_VIRTUAL_SIZE = re.compile(rb",W=([0-9]+)")
_ARRIVAL = re.compile(rb"([0-9]{1,12})(?:\.M([0-9]{1,12}))?")


def source_stamp(key: str) -> str:
    """Condense the identity of a source folder into 16 hexadecimal digits for use in file names."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def own_unique(date: int, uid: int, stamp: str) -> str:
    """Name the copy of a source message; the same message always gets the same name.

    The form is one that Dovecot sorts by date and then by `uid` when it numbers files that it has not
    seen before.
    """
    return f"{max(date, 0)}.M{uid}P{stamp}.mailferry"


def own_source(name: bytes) -> tuple[bytes, int] | None:
    """Say which source (stamp and UID) one of our own files is the copy of; None for other files."""
    own = _OWN.match(name)
    return (own[2], int(own[1])) if own else None


def is_own(name: bytes) -> bool:
    """Say whether we wrote this file. Its bytes are then the message as it was received, line ends included."""
    return _OWN.match(name) is not None


def unique_part(name: bytes) -> bytes:
    """The part of a file name that never changes. It holds no line feed (one is spelled `/n`)."""
    base = name.partition(b":")[0]
    if b"," in base:
        base = _SIZES.sub(b"", base)
    return base.replace(b"\n", b"/n") if b"\n" in base else base


def letters_of(name: bytes) -> bytes:
    """The flag letters at the end of a file name."""
    return name.rpartition(INFO)[2] if INFO in name else b""


def with_letters(name: bytes, letters: bytes) -> bytes:
    """The file name with these flag letters in place of its own."""
    return (name.rpartition(INFO)[0] if INFO in name else name) + INFO + letters


def virtual_size(name: bytes) -> int | None:
    """The size with CRLF line ends if the name tells it."""
    size = _VIRTUAL_SIZE.search(name.partition(b":")[0])
    return int(size[1]) if size else None


def arrival(unique: bytes) -> tuple[int, int] | None:
    """When the message arrived, as its name says: seconds since 1970, then an order within the second."""
    found = _ARRIVAL.match(unique)
    return (int(found[1]), int(found[2] or 0)) if found else None


def directory_of(path: FolderPath) -> bytes:
    """The directory of a folder, relative to the root: empty for the inbox, else `.A.B`.

    Raises ValueError with the reason for a name that a Maildir++ cannot hold, or Dovecot cannot serve.
    """
    if path == INBOX:
        return b""
    parts = [_encoded(part) for part in path.parts]
    if parts[0].upper() == b"INBOX" and path.parts[0] != INBOX.parts[0]:
        raise ValueError("INBOX in another spelling is the inbox itself")
    if parts[0].startswith(b"~"):
        raise ValueError("a name cannot begin with '~' here")
    directory = b"." + b".".join(parts)
    if len(directory) > DIRECTORY_NAME_BYTES:
        raise ValueError(f"the name has {len(directory)} bytes, {DIRECTORY_NAME_BYTES} are possible")
    return directory


def path_of(directory: bytes) -> FolderPath:
    """The folder that a directory `.A.B` stands for, however its name is spelled. Never raises."""
    parts = directory[1:].split(b".")
    if not all(parts):
        parts = [directory[1:] or directory]
    return FolderPath(tuple(utf7.decode(part) for part in parts))


def raw_name_of(directory: bytes) -> bytes:
    """The folder's name as an IMAP server shows it."""
    return directory[1:] or b"INBOX"


def _encoded(part: str) -> bytes:
    for character in "./":
        if character in part:
            raise ValueError(f"a name cannot contain {character!r} here")
    return utf7.encode(part)
