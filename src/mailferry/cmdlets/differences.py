"""What of PowerShell the command language does not have. The documentation and the errors take it from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is not there: what it is, and what to do in its place."""

    what: str
    instead: str


NOT_THERE: Final = (
    Missing("here-strings, @' '@ and @\" \"@", "A text in quotes may have several lines."),
    Missing("if, switch, for, foreach, while, do, try, throw, return", "Use Where-Object and ForEach-Object."),
    Missing("functions, filters, classes, param blocks, modules", "Put the commands into a script for -File."),
    Missing("hash tables, @{ }, and calculated properties", "Name the properties: Select-Object Identity,Status."),
    Missing("splatting, @name", "Write the parameters out."),
    Missing("redirection, > and >>", "Use Out-File or Export-Csv."),
    Missing("&&, || and the call operators & and .", "Write one command a line, or use ;."),
    Missing("+=, ++, *, /, %, -f, -as, -is, -split, -join, -replace", "Use + and -, and comparisons."),
    Missing("programs and other cmdlets than those that Get-Command lists", "Use the PowerShell module MailFerry."),
    Missing("types other than File, DateTime, TimeSpan and Encoding", "See the reference for what they offer."),
)
"""All that is missing."""

KEYWORDS: Final[Mapping[str, Missing]] = {
    word: missing
    for words, missing in (
        (
            "if else elseif switch for foreach while do until try catch finally throw return break continue",
            NOT_THERE[1],
        ),
        ("function filter class enum param begin process end using import-module", NOT_THERE[2]),
    )
    for word in words.split()
}
"""Words that begin what is not there, when they stand where a command would."""
