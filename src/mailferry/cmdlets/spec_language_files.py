"""The cmdlets of the command language that read and write files. See `spec_language.py`."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_model import Cmdlet, Example, Parameter, ValueType

T = ValueType
READABLE: Final = ("Utf8", "Utf8BOM", "Unicode", "Ascii", "Default", "Byte")
WRITABLE: Final = ("Utf8", "Utf8BOM", "Unicode", "Ascii", "Default")

INPUT: Final = Parameter("InputObject", T.OBJECT, "The objects; usually those of the pipeline.", pipeline=True)
_PATH = Parameter("Path", T.STRING, "The file.", position=0, mandatory=True, aliases=("FilePath", "LiteralPath"))
_ENCODING = Parameter("Encoding", T.CHOICE, "How characters are written as bytes.", WRITABLE, default="Utf8")
_DELIMITER = Parameter("Delimiter", T.STRING, "What stands between two cells.", default=",", most=1)
_TYPE = Parameter(
    "NoTypeInformation",
    T.SWITCH,
    "Taken, without effect: there is never such a line.",
    aliases=("NTI",),
    without_effect=True,
)
_FORMULAS = Parameter(
    "AllowFormulas",
    T.SWITCH,
    "Write texts as they are. Else those that begin with = + - or @ get an apostrophe in front, as spreadsheets would "
    "run them; Import-Csv takes it away.",
    ours=True,
)
_APPEND = Parameter("Append", T.SWITCH, "Add to the file.")
_NO_CLOBBER = Parameter("NoClobber", T.SWITCH, "It is an error if the file is there already.")
_FORCE = Parameter("Force", T.SWITCH, "Taken, without effect.", without_effect=True)


def _file(
    verb: str, noun: str, synopsis: str, *parameters: Parameter, example: str, aliases: tuple[str, ...] = ()
) -> Cmdlet:
    return Cmdlet(verb, noun, synopsis, synopsis, parameters, aliases=aliases, examples=(Example(example, synopsis),))


FILE_CMDLETS: Final = (
    _file(
        "ConvertTo",
        "Csv",
        "Makes lines of CSV of objects.",
        INPUT,
        _DELIMITER,
        _TYPE,
        _FORMULAS,
        example="Get-MigrationUser | Select-Object Identity,Status | ConvertTo-Csv",
    ),
    _file(
        "Export",
        "Csv",
        "Writes objects to a CSV file.",
        _PATH,
        INPUT,
        _DELIMITER,
        _ENCODING,
        _TYPE,
        _FORMULAS,
        _APPEND,
        _NO_CLOBBER,
        _FORCE,
        aliases=("epcsv",),
        example="Get-MigrationUser | Export-Csv users.csv",
    ),
    _file(
        "Import",
        "Csv",
        "Reads objects from a CSV file.",
        _PATH,
        _DELIMITER,
        aliases=("ipcsv",),
        example="Import-Csv users.csv | Select-Object EmailAddress",
    ),
    _file(
        "Out",
        "File",
        "Writes to a file what would be shown.",
        _PATH,
        INPUT,
        _ENCODING,
        _APPEND,
        _NO_CLOBBER,
        _FORCE,
        Parameter("Width", T.INT, "The width of a line.", default="120", least=20, most=10_000),
        example="Get-MigrationBatch | Format-List | Out-File batches.txt",
    ),
    _file(
        "Out",
        "String",
        "Gives as a text what would be shown.",
        INPUT,
        Parameter("Width", T.INT, "The width of a line.", default="120", least=20, most=10_000),
        example="Get-MigrationBatch | Out-String",
    ),
    _file("Out", "Null", "Shows nothing.", INPUT, example="Get-MigrationBatch | Out-Null"),
    _file(
        "Get",
        "Content",
        "Reads a file: its lines, its text, or its bytes.",
        Parameter("Path", T.STRING, "The file.", position=0, mandatory=True, aliases=("LiteralPath",), pipeline=True),
        Parameter(
            "Encoding", T.CHOICE, "How bytes are read as characters; Byte: not at all.", READABLE, default="Utf8"
        ),
        Parameter("Raw", T.SWITCH, "One text in place of lines."),
        Parameter("AsByteStream", T.SWITCH, "The bytes."),
        Parameter("ReadCount", T.INT, "Taken, without effect.", without_effect=True),
        aliases=("gc", "cat", "type"),
        example="New-MigrationBatch -Name B -SourceEndpoint E -CSVData (Get-Content users.csv -Encoding Byte)",
    ),
)
