"""What of PowerShell the command language does not have. The documentation and the errors take it from here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is not there: what it is, and what to do in its place."""

    what: str
    instead: str


HERE_STRINGS: Final = Missing("here-strings, @' '@ and @\" \"@", "A text in quotes may have several lines.")
KEYWORD_BLOCKS: Final = Missing(
    "if, switch, for, foreach, while, do, try, throw, return", "Use Where-Object and ForEach-Object."
)
FUNCTIONS: Final = Missing(
    "functions, filters, classes, param blocks, modules of one's own", "Put the commands into a script for -File."
)
HASH_TABLES: Final = Missing(
    "hash tables, @{ }, but as properties that are worked out, @{Name='Mailbox';Expression={$_.Identity}}",
    "Behind Select-Object, Format-Table, Format-List and Sort-Object they are there; else use variables.",
)
SPLATTING: Final = Missing("splatting, @name", "Write the parameters out.")
REDIRECTION: Final = Missing("redirection, >, >>", "Use Out-File or Export-Csv.")
CALL_OPERATORS: Final = Missing("&&, ||, the call operators & and .", "Write one command a line, or use ;.")
OPERATORS: Final = Missing(
    "+=, ++, -as, -is, -split, -join, -replace",
    "Use + - * / %, -f and the comparisons, and the methods of texts: 'a-b'.Replace('-', '+'), 'a b'.Split(' ').",
)
OPERATOR_WORDS: Final = re.compile(
    r"[-–—](?:as|is|isnot|[ci]?(?:split|replace)|join|bnot|band|bor|bxor|shl|shr)(?!\w)", re.IGNORECASE
)
"""The operators among them that are words."""

NESTED_QUOTES: Final = Missing("double quotes within $( ) within double quotes", "Use single quotes inside.")
PROGRAMS: Final = Missing(
    "programs, and other cmdlets than those that Get-Command lists", "Use the PowerShell module MailFerry."
)
RANGES: Final = Missing("ranges, 1..3", "Write the numbers out: 1,2,3.")
ERROR_VARIABLES: Final = Missing(
    "-ErrorVariable, -OutVariable, -WarningVariable and $Error",
    "Assign what a command gives, $found = Get-MigrationBatch; $? tells whether the command before succeeded.",
)
GROUPS: Final = Missing("Format-Table -GroupBy", "Sort-Object Status | Format-Table Status,Identity, or Group-Object.")
DATE_FORMATS: Final = Missing("Get-Date -UFormat", "Get-Date -Format 'yyyy-MM-dd HH:mm:ss'.")
TYPES: Final = Missing(
    "types other than File, DateTime, TimeSpan, Encoding, numbers and String",
    "The error about one says which members there are.",
)

NOT_THERE: Final = (
    *(HERE_STRINGS, KEYWORD_BLOCKS, FUNCTIONS, HASH_TABLES, SPLATTING, REDIRECTION, CALL_OPERATORS, OPERATORS),
    *(NESTED_QUOTES, RANGES, ERROR_VARIABLES, DATE_FORMATS, GROUPS, PROGRAMS, TYPES),
)
"""All that is missing."""

KEYWORDS: Final[Mapping[str, Missing]] = {
    word: missing
    for words, missing in (
        (
            "if else elseif switch for foreach while do until try catch finally throw return break continue",
            KEYWORD_BLOCKS,
        ),
        ("function filter class enum param begin process end using", FUNCTIONS),
    )
    for word in words.split()
}
"""Words that begin what is not there, when they stand where a command would."""
