"""Files of the machine that the commands are typed on. A path is used as it is given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.records import FileBytes

_CODECS: Final = {
    "utf8": "utf-8",
    "utf8bom": "utf-8-sig",
    "unicode": "utf-16",
    "ascii": "ascii",
    "default": "utf-8",
}


class FileProblem(CommandError):
    """A file could not be read or written."""

    code = "file-problem"
    error_id = "FileProblem"


def resolve(path: str, folder: Path) -> Path:
    """Give the file that a path means, seen from a folder; `~` is the home folder."""
    if "\0" in path or not path:
        raise FileProblem("A path cannot be empty or hold a NUL character.")
    return folder / Path(path).expanduser()


def read_bytes(path: str, folder: Path) -> FileBytes:
    """Read a file. The bytes know its name, without the folder. Raises FileProblem, which names what was tried."""
    tried = resolve(path, folder)
    try:
        return FileBytes(tried.read_bytes(), path.replace("\\", "/").rpartition("/")[2])
    except OSError as error:
        raise _problem("read", path, tried, error) from None


def read_text(path: str, folder: Path, encoding: str = "Utf8") -> str:
    """Read a text; a byte order mark decides the encoding and is taken off. Raises FileProblem."""
    data = read_bytes(path, folder)
    codec = _CODECS[encoding.lower()]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec = "utf-16"
    elif codec == "utf-8":
        codec = "utf-8-sig"
    try:
        return data.decode(codec)
    except UnicodeError:
        raise FileProblem(f"The file '{path}' is not written in {codec}.") from None


def write_text(
    path: str,
    folder: Path,
    text: str,
    *,
    encoding: str = "Utf8",
    append: bool = False,
    no_clobber: bool = False,
    advice: str = "Leave out -NoClobber to replace it.",
) -> None:
    """Write a text to a file, or add it. `advice`: what helps if the file is there. Raises FileProblem."""
    tried = resolve(path, folder)
    codec = _CODECS[encoding.lower()]
    try:
        data = text.encode(codec if not append or codec != "utf-8-sig" else "utf-8")
        with tried.open("ab" if append else "xb" if no_clobber else "wb") as file:
            file.write(data)
    except UnicodeError:
        raise FileProblem(f"The text has characters that {encoding} does not have.") from None
    except FileExistsError:
        raise _there(path, advice) from None
    except OSError as error:
        raise _problem("write", path, tried, error) from None


def see_free(path: str, folder: Path, *, advice: str) -> None:
    """See that there is no such file yet. Raises FileProblem."""
    if os.path.lexists(resolve(path, folder)):
        raise _there(path, advice)


def _there(path: str, advice: str) -> FileProblem:
    return FileProblem(f"The file '{path}' already exists.", advice=advice)


def _problem(what: str, path: str, tried: Path, error: OSError) -> FileProblem:
    windows = os.name != "nt" and "\\" in path
    advice = "Write paths as this machine does: /folder/file." if windows else ""
    if isinstance(error, FileNotFoundError) and what == "read":
        return FileProblem(f"Could not find file '{tried.absolute()}'.", advice=advice, error_id="FileNotFound")
    reason = error.strerror or type(error).__name__
    return FileProblem(f"Cannot {what} file '{tried.absolute()}': {reason}.", advice=advice)
