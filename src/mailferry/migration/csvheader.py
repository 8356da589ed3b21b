"""The first line of a CSV file: which columns there are, and where.

Names are taken only as documented, letter by letter, as Exchange Online takes them: a file means the same in both. A
name that is nearly right is never ignored, even where unknown columns are: without its `UserRoot` a row would stand for
another mailbox.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mailferry.migration.csverrors import CsvFileError, CsvProblem

EMAIL_ADDRESS: Final = "EmailAddress"
USER_NAME: Final = "UserName"
PASSWORD: Final = "Password"  # noqa: S105  # the name of a column
USER_ROOT: Final = "UserRoot"
TARGET_USER_NAME: Final = "TargetUserName"
TARGET_PASSWORD: Final = "TargetPassword"  # noqa: S105  # the name of a column
ERROR_MESSAGE: Final = "ErrorMessage"

REQUIRED: Final = (EMAIL_ADDRESS, USER_NAME, PASSWORD)
KNOWN: Final = (*REQUIRED, USER_ROOT, TARGET_USER_NAME, TARGET_PASSWORD)
MAX_COLUMNS: Final = 1_000
SECRET: Final = frozenset({PASSWORD, TARGET_PASSWORD})

_NOT_IN_NAMES: Final = re.compile(r"[\s_\-.\ufeff]+")
_OTHER_SEPARATORS: Final = ";\t|"
_SHOWN_CHARACTERS: Final = 40


def _loose(name: str) -> str:
    return _NOT_IN_NAMES.sub("", name).casefold()


_BY_LOOSE: Mapping[str, str] = MappingProxyType({_loose(name): name for name in (*KNOWN, ERROR_MESSAGE)})


@dataclass(frozen=True, slots=True)
class Header:
    """`columns`: all names in the order of the file; `index`: places of the known; `ignored`: places of the rest."""

    columns: tuple[str, ...]
    index: Mapping[str, int]
    ignored: tuple[int, ...]


def read_header(line: int, names: Sequence[str], *, allow_unknown_columns: bool) -> Header:
    """Check the names of the columns. `ErrorMessage` is ignored always: it is our own, in a file to resubmit.

    Raises CsvFileError: SEPARATOR, COLUMN_MISSING, COLUMN_TWICE, COLUMN_MISSPELT, COLUMN_UNKNOWN, TOO_MANY_COLUMNS.
    """
    if len(names) > MAX_COLUMNS:
        detail = f"The CSV file contains more than {MAX_COLUMNS:,} columns."
        raise CsvFileError(detail, CsvProblem.TOO_MANY_COLUMNS, line=line)
    _check_separator(line, names)
    _check_required(line, names)
    seen: set[str] = set()
    for place, name in enumerate(names):
        if name and name in seen:
            raise CsvFileError(
                f"Column {_shown(name)} is in the header twice.", CsvProblem.COLUMN_TWICE, line=line, column=name
            )
        seen.add(name)
        if name in KNOWN or name == ERROR_MESSAGE:
            continue
        right = _BY_LOOSE.get(_loose(name))
        if right is not None:
            detail = f"Column {_shown(name)} is misspelt: write {right}."
            raise CsvFileError(detail, CsvProblem.COLUMN_MISSPELT, line=line, column=name)
        if not allow_unknown_columns:
            what = f"Column {_shown(name)} is not known." if name else f"Column {place + 1} of the header has no name."
            raise CsvFileError(what, CsvProblem.COLUMN_UNKNOWN, line=line, column=name)
    index = {name: place for place, name in enumerate(names) if name in KNOWN}
    ignored = tuple(place for place, name in enumerate(names) if name not in KNOWN)
    return Header(tuple(names), MappingProxyType(index), ignored)


def _check_separator(line: int, names: Sequence[str]) -> None:
    if names[0].lower().startswith("sep="):
        detail = "The first line is a note to a spreadsheet: remove it."
        raise CsvFileError(detail, CsvProblem.SEPARATOR, line=line, position=1)
    if len(names) > 1:
        return
    for separator in _OTHER_SEPARATORS:
        if any(_loose(part) in _BY_LOOSE for part in names[0].split(separator)[1:]):
            shown = "a tab" if separator == "\t" else f'"{separator}"'
            position = names[0].index(separator) + 1
            detail = f"The values are separated by {shown}, not by commas: line {line}, position {position}."
            raise CsvFileError(detail, CsvProblem.SEPARATOR, line=line, position=position)


def _check_required(line: int, names: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if not missing:
        return
    detail = " ".join(f'Column "{name}" is missing from the CSV file.' for name in missing)
    near = [(name, _BY_LOOSE[_loose(name)]) for name in names if _BY_LOOSE.get(_loose(name)) in missing]
    if near:
        detail += "".join(f" Write {right} instead of {_shown(name)}." for name, right in near)
    elif not any(name in KNOWN for name in names):
        # Then it is a row, with a password in it, and is not to be quoted.
        detail += f" Line {line} is not a header."
    raise CsvFileError(detail, CsvProblem.COLUMN_MISSING, line=line, column=missing[0])


def _shown(name: str) -> str:
    """Quote a name of the header on one line, with what cannot be seen as escapes."""
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return f'"{text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"}"'
