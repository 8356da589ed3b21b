"""Message files as mail: line ends, sizes, headers. Blocking; called in threads.

A file that we wrote holds the message as it was received and is read as it is. Any other file is read as an
IMAP server would serve it: a bare LF becomes CRLF, a CRLF stays.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from io import IncrementalNewlineDecoder

from mailferry.backends.base import PREFIX_BYTES, Item, Mail
from mailferry.backends.maildir_keywords import Keywords
from mailferry.backends.maildir_names import is_own, letters_of, virtual_size
from mailferry.errors import ConnectionLost, Side

PIECE_BYTES = 262_144
HEADER_BYTES = 16_384
LARGEST_HEADER_BYTES = 1 << 20

# A mode that never hangs on a pipe and never follows a link out of the Maildir.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_VANISHED = {errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ESTALE}


def bare_line_feeds(data: bytes) -> int:
    """Count line feeds without a carriage return before them."""
    return data.count(b"\n") - data.count(b"\r\n") if _has_bare_line_feed(data) else 0


def to_crlf(data: bytes) -> bytes:
    """Give every bare line feed its carriage return."""
    if not _has_bare_line_feed(data):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _has_bare_line_feed(data: bytes) -> bool:
    # Most mail has none. The decoder behind text files looks in half the time that counting takes.
    decoder = IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(data.decode("latin-1"), final=True)
    kinds = decoder.newlines
    return "\n" in kinds if isinstance(kinds, tuple) else kinds == "\n"


class LineEnds:
    """`to_crlf` and `bare_line_feeds` for data that comes in pieces."""

    def __init__(self) -> None:
        self._after_return = False

    def convert(self, data: bytes) -> bytes:
        """Convert the next piece."""
        joined = self._after_return and data.startswith(b"\n")
        self._after_return = data.endswith(b"\r") if data else self._after_return
        return b"\n" + to_crlf(data[1:]) if joined else to_crlf(data)

    def count(self, data: bytes) -> int:
        """Count the bare line feeds of the next piece."""
        joined = self._after_return and data.startswith(b"\n")
        self._after_return = data.endswith(b"\r") if data else self._after_return
        return bare_line_feeds(data) - joined


def open_message(path: bytes) -> tuple[int, os.stat_result] | None:
    """Open a message file for reading; None if there is no such file, or it is no regular file."""
    try:
        file = os.open(path, _READ)
    except OSError as error:
        if error.errno in _VANISHED:
            return None
        raise
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode):
        return file, found
    os.close(file)
    return None


Locate = Callable[[bytes], bytes | None]
"""Where a file that is not under this name any more is now; None if it is gone."""


def read_messages(
    folder: bytes, messages: Iterable[tuple[int, bytes]], keywords: Keywords, locate: Locate, failures: list[str]
) -> Generator[Item, None, None]:
    """Read these files (UID and path relative to the folder). One that vanished is passed over.

    A file that cannot be opened is noted in `failures`. Raises ConnectionLost if one cannot be read to its end.
    """
    for uid, name in messages:
        try:
            opened = open_message(os.path.join(folder, name))
            if opened is None:
                name = locate(name) or b""
                opened = open_message(os.path.join(folder, name)) if name else None
        except OSError as error:
            failures.append(f"{os.fsdecode(name)}: {error.strerror}")
            continue
        if opened is None:
            continue
        file, found = opened
        flags = keywords.flags(letters_of(name))
        try:
            date = int(found.st_mtime_ns // 1_000_000_000)
            if found.st_size <= PREFIX_BYTES:
                data = _read_small(file, name)
                yield Mail(uid, flags, date, 0, len(data), data[:PREFIX_BYTES])
                if len(data) > PREFIX_BYTES:
                    yield data[PREFIX_BYTES:]
            else:
                size = found.st_size + (0 if is_own(name[4:]) else _count_bare(file))
                pieces = _pieces(file, name, size)
                yield Mail(uid, flags, date, 0, size, next(pieces))
                yield from pieces
        except OSError as error:
            raise ConnectionLost(f"{os.fsdecode(name)}: {error.strerror}", side=Side.SOURCE) from error
        finally:
            os.close(file)


def message_size(folder: bytes, name: bytes, stored_bytes: int) -> int:
    """Size of the message as it is read, from the file's name if that tells it."""
    if is_own(name[4:]):
        return stored_bytes
    told = virtual_size(name)
    if told is not None:
        return told
    opened = open_message(os.path.join(folder, name))
    if opened is None:
        return stored_bytes
    try:
        return opened[1].st_size + _count_bare(opened[0])
    finally:
        os.close(opened[0])


def read_header(folder: bytes, name: bytes) -> bytes:
    """The header with CRLF line ends and the empty line after it; empty if the file vanished."""
    opened = open_message(os.path.join(folder, name))
    if opened is None:
        return b""
    file = opened[0]
    try:
        data = b""
        while len(data) < LARGEST_HEADER_BYTES:
            piece = os.pread(file, max(HEADER_BYTES, len(data)), len(data))
            data += piece
            end = _header_end(data)
            if end or not piece:
                return to_crlf(data[: end or len(data)])
        return to_crlf(data)
    finally:
        os.close(file)


def _header_end(data: bytes) -> int:
    ends = [at + len(mark) for mark in (b"\n\n", b"\n\r\n") if (at := data.find(mark)) >= 0]
    return min(ends, default=0)


def _read_small(file: int, name: bytes) -> bytes:
    data = os.read(file, PREFIX_BYTES + 1)
    while len(data) > PREFIX_BYTES or not data:  # it grew since fstat, or is empty
        piece = os.read(file, PIECE_BYTES)
        if not piece:
            break
        data += piece
    return data if is_own(name[4:]) else to_crlf(data)


def _count_bare(file: int) -> int:
    ends = LineEnds()
    offset = bare = 0
    while data := os.pread(file, PIECE_BYTES, offset):
        bare += ends.count(data)
        offset += len(data)
    return bare


def _pieces(file: int, name: bytes, size: int) -> Iterator[bytes]:
    """The message in pieces: first the prefix, then what the file gives at a time, `size` bytes in all."""
    exact, ends = is_own(name[4:]), LineEnds()
    waiting, sent, prefix_due = b"", 0, True
    while sent < size:
        data = os.read(file, PIECE_BYTES)
        if not data:
            raise ConnectionLost("A file became shorter while it was read.", side=Side.SOURCE)
        waiting += data if exact else ends.convert(data)
        waiting = waiting[: size - sent]
        if prefix_due:
            if len(waiting) < PREFIX_BYTES:
                continue
            yield waiting[:PREFIX_BYTES]
            waiting, sent, prefix_due = waiting[PREFIX_BYTES:], PREFIX_BYTES, False
        if waiting:
            yield waiting
            sent, waiting = sent + len(waiting), b""
