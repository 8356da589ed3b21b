"""The CSV file that lists the users of a batch: bytes in, rows and errors out.

The format is that of Exchange Online's IMAP migration: a header with `EmailAddress`, `UserName` and `Password`, and
`UserRoot` where the source shares one tree among its users. Two columns are our own, for targets that want a login of
each user: `TargetUserName`, `TargetPassword`. The order of the values is that of the header.

A fault of the file (CsvFileError) means that nothing of it is used; a fault of a row (RowError) leaves out that row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailferry.imap.values import Secret
from mailferry.migration.csverrors import CsvFileError, CsvProblem
from mailferry.migration.csvheader import (
    EMAIL_ADDRESS,
    KNOWN,
    PASSWORD,
    TARGET_PASSWORD,
    TARGET_USER_NAME,
    USER_NAME,
    USER_ROOT,
    Header,
    read_header,
)
from mailferry.migration.csvrows import Cells, CsvRow, RowError, RowReader, address_key, is_smtp_address
from mailferry.migration.csvtext import MAX_BYTES, Records, decode

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "Cells",
    "CsvFile",
    "CsvFileError",
    "CsvProblem",
    "CsvRow",
    "RowError",
    "address_key",
    "is_smtp_address",
    "parse",
]

MAX_ROWS: Final = 50_000

_EXPORT_CSV_NOTE: Final = "#TYPE "
"""How Windows PowerShell's Export-Csv begins a file, unless it is told not to."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """What a file says.

    `columns`: the header, all of it, in its order; `ignored_columns`: those of them that were not read. `encoding`: of
    the file, as Python names it.
    """

    rows: list[CsvRow]
    row_errors: list[RowError]
    columns: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    encoding: str

    def cells(self, row: CsvRow) -> Cells:
        """Give the values of a row of this file as they were, in the order of `columns`."""
        known: dict[str, str | Secret] = {
            EMAIL_ADDRESS: row.email_address,
            USER_NAME: row.user_name,
            PASSWORD: row.password,
            USER_ROOT: row.user_root,
            TARGET_USER_NAME: row.target_user_name,
            TARGET_PASSWORD: row.target_password or Secret(""),
        }
        ignored = iter(row.ignored)
        return tuple(known[name] if name in known else next(ignored) for name in self.columns)


def parse(data: bytes, *, allow_unknown_columns: bool = False, filename: str = "") -> CsvFile:
    """Read a file of at most MAX_BYTES and MAX_ROWS.

    UTF-8, with or without a byte order mark; UTF-16 and UTF-32 with one. Lines end in CRLF, LF or CR; blank ones are
    skipped. Values may be quoted (RFC 4180) and keep their spaces. With `filename` its ending is checked. An address
    or a source mailbox that is in the file twice is an error of the second row.

    Raises CsvFileError.
    """
    text, encoding = decode(data, filename)
    records = Records(text)
    header: Header | None = None
    taken: list[tuple[int, list[str]]] = []
    for line, record in records:
        if header is None:
            if line == 1 and record[0].startswith(_EXPORT_CSV_NOTE):
                continue
            header = read_header(line, record, allow_unknown_columns=allow_unknown_columns)
            records.columns = header.columns
            continue
        if len(record) != len(header.columns):
            raise _wrong_length(line, len(record), header, records)
        if len(taken) >= MAX_ROWS:
            detail = f"The CSV file contains more than {MAX_ROWS:,} rows."
            raise CsvFileError(detail, CsvProblem.TOO_MANY_ROWS, line=line)
        taken.append((line, record))
    if header is None:
        raise CsvFileError("Upload file can't be empty.", CsvProblem.EMPTY)
    if not taken:
        raise CsvFileError("The CSV file has a header, and no rows.", CsvProblem.NO_ROWS)
    reader = RowReader(header, (record for _, record in taken))
    rows: list[CsvRow] = []
    errors: list[RowError] = []
    for line, record in taken:
        row = reader.read(line, record)
        if isinstance(row, CsvRow):
            rows.append(row)
        else:
            errors.append(row)
    ignored = tuple(header.columns[place] for place in header.ignored)
    return CsvFile(rows, errors, header.columns, ignored, encoding)


def _wrong_length(line: int, values: int, header: Header, records: Records) -> CsvFileError:
    """Name the first column that has no value, or the place of the first value that has no column."""
    expected = len(header.columns)
    # A row's number is the line at which it begins: the one number that every editor shows.
    detail = f"Row {line} has the wrong number of columns. Expected number: {expected}. Actual number: {values}."
    if values < expected:
        column = header.columns[values]
        detail += f' There is no value for "{column}".' if column in KNOWN else ""
        return CsvFileError(detail, CsvProblem.ROW_LENGTH, line=line, column=column)
    at_line, position = records.place(line, expected)
    detail += f" The first value too many begins at line {at_line}, position {position}."
    return CsvFileError(detail, CsvProblem.ROW_LENGTH, line=at_line, position=position)
