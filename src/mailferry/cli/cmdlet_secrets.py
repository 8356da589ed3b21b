"""Secrets of the cmdlets that are in files: a token, an administrator's password."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mailferry.errors import BadUsage

_LONGEST_BYTES: Final = 65_536


def first_line(path: Path, what: str, warn: Callable[[str], None]) -> str:
    """Give the first line of a file without its end. Raises BadUsage; warns if others can read the file."""
    try:
        with path.expanduser().open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            line = file.readline(_LONGEST_BYTES + 1)
    except OSError as error:
        raise BadUsage(f"The {what} file {path} cannot be read: {error.strerror}.") from None
    if len(line) > _LONGEST_BYTES:
        raise BadUsage(f"The first line of the {what} file {path} is too long.")
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(f"the {what} file {path} can be read by other users: chmod 600 {path}")
    try:
        found = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadUsage(f"The {what} file {path} is not UTF-8.") from None
    if not found or "\0" in found:
        raise BadUsage(f"The first line of the {what} file {path} holds no {what}.")
    return found
