"""What can be wrong with a whole CSV file. What is wrong with a single row is in `csvrows`."""

from __future__ import annotations

from enum import Enum

from mailferry.errors import MailferryError, Retry, Side


class CsvProblem(Enum):
    """Each problem of a file: its stable code, and what to do."""

    FILE_TYPE = "csv-file-type", "Save the list as comma-separated values, in a file that ends in .csv or .txt."
    TOO_LARGE = "csv-too-large", "Split the users into smaller batches, for example of 2,500 users each."
    TOO_MANY_ROWS = "csv-too-many-rows", "Split the users into smaller batches, for example of 2,500 users each."
    EMPTY = "csv-empty", "Write the header EmailAddress,UserName,Password and one row for each user."
    NO_ROWS = "csv-no-rows", "Write one row for each user below the header."
    ENCODING = "csv-encoding", "Save the file as UTF-8; spreadsheets call it CSV UTF-8."
    NUL = "csv-nul", "Save the file as UTF-8, and remove the NUL character."
    SEPARATOR = "csv-separator", "Separate names and values by commas; spreadsheets have a setting for it."
    COLUMN_MISSING = "csv-column-missing", "The first line must name EmailAddress, UserName and Password, exactly so."
    COLUMN_UNKNOWN = (
        "csv-column-unknown",
        "Remove or rename the column, or allow unknown columns; they are ignored then.",
    )
    COLUMN_MISSPELT = "csv-column-misspelt", "Names of columns are one word each and are written exactly as shown."
    COLUMN_TWICE = "csv-column-twice", "Name each column once."
    TOO_MANY_COLUMNS = "csv-too-many-columns", "Remove the columns that are not about the migration."
    ROW_LENGTH = "csv-row-length", "Give each row as many values as the header; quote values that contain commas."
    QUOTE_OPEN = "csv-quote-open", 'Close the quoted value, or write "" for each quote inside it.'
    QUOTE_INSIDE = "csv-quote-inside", 'Put the whole value in quotes, and write "" for each quote inside it.'
    VALUE_TOO_LONG = "csv-value-too-long", "Shorten the value."

    def __init__(self, code: str, advice: str) -> None:
        self.code = code
        self.advice = advice


class CsvFileError(MailferryError):
    """The CSV file cannot be used."""

    code = "csv-file"
    retry = Retry.NEVER
    advice = "Mend the file and submit it again; nothing of it was taken."

    def __init__(
        self,
        detail: str = "",
        problem: CsvProblem | None = None,
        *,
        line: int = 0,
        column: str = "",
        position: int = 0,
        side: Side = Side.LOCAL,
        wait_seconds: float = 0.0,
    ) -> None:
        """`code` and `advice` are the problem's.

        `line` counts from 1 and `position` from 1 within the line, in characters (in bytes for `ENCODING`); 0 means
        that there is no such place. `column` is a name of the header, or empty. Values are never quoted: a file whose
        columns are mixed up has its passwords anywhere.
        """
        super().__init__(detail, side=side, wait_seconds=wait_seconds)
        self.problem = problem
        self.line = line
        self.column = column
        self.position = position
        if problem is not None:
            self.code = problem.code
            self.advice = problem.advice
