"""From the bytes of a CSV file to numbered records: encodings, line ends, quotes (RFC 4180).

No text but UTF-8 is taken without a byte order mark: a guess at an encoding would alter passwords.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from mailferry.migration.csverrors import CsvFileError, CsvProblem

MAX_BYTES: Final = 10_485_760

_MARKS: Final = (
    # UTF-32 first: its little-endian mark begins like that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # .xlsx and .ods; .xls
_LINE: Final = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PLAIN_VALUE: Final = re.compile(r"[^,\r\n]*")


def decode(data: bytes, filename: str = "") -> tuple[str, str]:
    """Give the text without its byte order mark, and the name of its encoding.

    Raises CsvFileError: FILE_TYPE, TOO_LARGE, EMPTY, ENCODING, NUL.
    """
    if data.startswith(_WORKBOOKS):
        raise CsvFileError("This is a spreadsheet, not a CSV file.", CsvProblem.FILE_TYPE)
    if filename and not filename.lower().endswith((".csv", ".txt")):
        raise CsvFileError("The name of the file must end in .csv or .txt.", CsvProblem.FILE_TYPE)
    if len(data) > MAX_BYTES:
        raise CsvFileError(f"The CSV file is larger than 10 MB ({MAX_BYTES:,} bytes).", CsvProblem.TOO_LARGE)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    if not mark:
        _refuse_unmarked(data)
    text = _decoded(data[len(mark) :], encoding)
    if not text or text.isspace():
        raise CsvFileError("Upload file can't be empty.", CsvProblem.EMPTY)
    nul = text.find("\0")
    if nul >= 0:
        line, position = _place(text, nul)
        detail = f"Line {line} has a NUL character at position {position}."
        raise CsvFileError(detail, CsvProblem.NUL, line=line, position=position)
    return text, encoding


def _refuse_unmarked(data: bytes) -> None:
    """A header is ASCII, so the NULs between its letters give UTF-16 and UTF-32 away."""
    head = data[:16]
    for width, name in ((4, "UTF-32"), (2, "UTF-16")):
        used = [any(head[start::width]) for start in range(width)]
        if len(head) >= 8 and used.count(True) == 1 and (used[0] or used[-1]):
            detail = f"This looks like {name} without a byte order mark: line 1, position 1."
            raise CsvFileError(detail, CsvProblem.ENCODING, line=1, position=1)


def _decoded(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        start = error.start
    # Raised out here, as the codec's error carries the whole file, passwords and all.
    before = body[:start].decode(encoding)
    line, characters = _place(before, len(before))
    position = len(before[len(before) - characters + 1 :].encode(encoding)) + 1
    detail = f"Line {line} is not {encoding.upper()}: byte {position} of the line does not fit."
    raise CsvFileError(detail, CsvProblem.ENCODING, line=line, position=position)


def _place(text: str, offset: int) -> tuple[int, int]:
    """Give line and character, both from 1."""
    line, start = 1, 0
    for end in _LINE_END.finditer(text, 0, offset):
        line, start = line + 1, end.end()
    return line, offset - start + 1


class Records:
    """The records of a text, each with the line at which it begins. Blank records are left out.

    Blank is a line of nothing but spaces, and a record of empty values only, which is how spreadsheets save an empty
    row. There are no comments: a line that begins with `#` is a record, since names of users may begin so (Mirapoint).
    Quotes are as in RFC 4180; one that is not at the beginning of a value stands for itself.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self.columns: Sequence[str] = ()
        """Set when the header is known, so that errors can name the column."""

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """Raises CsvFileError: QUOTE_OPEN, QUOTE_INSIDE, VALUE_TOO_LONG."""
        reader = csv.reader((match[0] for match in _LINE.finditer(self._text)), strict=True)
        line = 1
        try:
            for record in reader:
                if any(record) and (len(record) > 1 or not record[0].isspace()):
                    yield line, record
                line = reader.line_num + 1
        except csv.Error:
            raise self._problem(line) from None

    def place(self, first_line: int, cell: int) -> tuple[int, int]:
        """Give line and position, both from 1, at which a value begins. It counts from 0 in the record of this line."""
        text = self._text
        start = at = self._start_of(first_line)
        for _ in range(cell):
            if text.startswith('"', at):
                at = _end_of_quoted(text, at)
            at = text.index(",", at) + 1
        line, position = _place(text[start:at], at - start)
        return first_line + line - 1, position

    def _start_of(self, line: int) -> int:
        return next(islice(_LINE.finditer(self._text), line - 1, None)).start()

    def _problem(self, first_line: int) -> CsvFileError:
        """Say what is wrong with the record that begins at this line. The csv module says it in words only."""
        text = self._text
        start = at = self._start_of(first_line)
        cell = 0
        while True:
            if text.startswith('"', at):
                end = _end_of_quoted(text, at)
                if end < 0:
                    return self._quote(CsvProblem.QUOTE_OPEN, "is not closed", first_line, start, at, cell)
                if end < len(text) and text[end] not in ",\r\n":
                    what = "ends before the value does"
                    return self._quote(CsvProblem.QUOTE_INSIDE, what, first_line, start, at, cell)
                at = end
            else:
                at = _PLAIN_VALUE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if not text.startswith(",", at):
                detail = f"The row at line {first_line} has a value of more than {csv.field_size_limit():,} characters."
                return CsvFileError(detail, CsvProblem.VALUE_TOO_LONG, line=first_line)
            at += 1
            cell += 1

    def _quote(self, problem: CsvProblem, what: str, first_line: int, start: int, at: int, cell: int) -> CsvFileError:
        lines, position = _place(self._text[start:at], at - start)
        line = first_line + lines - 1
        column = self.columns[cell] if cell < len(self.columns) else ""
        where = f"line {line}, position {position}" + (f", column {column}" if column else "")
        detail = f"The quoted value that begins at {where} {what}."
        return CsvFileError(detail, problem, line=line, column=column, position=position)


def _end_of_quoted(text: str, at: int) -> int:
    """Give the offset behind the closing quote of the value that opens here, or -1."""
    while True:
        at = text.find('"', at + 1)
        if at < 0:
            return -1
        if not text.startswith('"', at + 1):
            return at + 1
        at += 1
