"""The CSV file of the users that failed: mend it, and submit it again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mailferry.imap.values import Secret
from mailferry.migration.csvheader import ERROR_MESSAGE, SECRET
from mailferry.migration.csvrows import Cells, RowError

MAX_MESSAGE_CHARACTERS: Final = 1_000
NO_REASON: Final = "The reason is not known."
"""Stands for an empty message: a row without any value would be skipped when it is read."""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]+")
_FORMULA: Final = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row with the reason why it failed. `cells`: in the order of the input's columns (`CsvFile.cells`)."""

    cells: Cells = field(repr=False)
    message: str

    @classmethod
    def of(cls, error: RowError) -> FailedRow:
        """Take a row that was left out when the file was read."""
        return cls(error.cells, error.message)


def failures_csv(columns: Sequence[str], entries: Iterable[FailedRow], *, with_passwords: bool = False) -> str:
    """Write rows with the input's own columns in its order, and the column `ErrorMessage` behind them.

    Passwords are left blank unless `with_passwords`, which is for a file beside the administrator's own input only. A
    column `ErrorMessage` of the input, from an earlier round, is replaced. `parse` takes the result as it took the
    input; for a spreadsheet, save it as UTF-8 with a byte order mark.

    Raises ValueError if a row does not have a value for each column.
    """
    kept = [place for place, name in enumerate(columns) if name != ERROR_MESSAGE]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*(columns[place] for place in kept), ERROR_MESSAGE])
    for entry in entries:
        if len(entry.cells) != len(columns):
            raise ValueError(f"a row of {len(entry.cells)} values for {len(columns)} columns")
        values = [_value(columns[place], entry.cells[place], with_passwords) for place in kept]
        writer.writerow([*values, harmless(entry.message) or NO_REASON])
    return text.getvalue()


def harmless(message: str) -> str:
    """Put a message on one line that no spreadsheet takes for a formula, also one that splits at semicolons.

    Messages hold text of servers, so anyone may have written them. Only they are altered in a file to submit again: a
    user's name that begins with `+` has to come back as it was.
    """
    line = _UNPRINTABLE.sub(" ", message).strip()
    if len(line) > MAX_MESSAGE_CHARACTERS:
        line = line[: MAX_MESSAGE_CHARACTERS - 1] + "…"
    return _FORMULA.sub(r"\1\2'", line)


def _value(column: str, cell: str | Secret, with_passwords: bool) -> str:
    if column in SECRET and not with_passwords:
        return ""
    return cell.reveal() if isinstance(cell, Secret) else cell
