"""Cells of CSV that no spreadsheet takes for formulas, and how they become what they were.

Names of folders, subjects and errors come from strangers; a cell that begins with one of = + - @ would be run.
"""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = re.compile(r"(^|[;\t\r\n])(\s*)('*)(?=[=+\-@＝＋－＠])")
_GUARDED: Final = re.compile(r"(^|[;\t\r\n])(\s*)'('*)(?=[=+\-@＝＋－＠])")
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff]")


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run, also in one that splits cells at semicolons.

    What stands behind apostrophes already gets one more, so that `unguarded` gives back any text. Half of a surrogate
    pair, which no file can hold, becomes the replacement character.
    """
    return _FORMULA.sub(r"\1\2'\3", _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text))


def unguarded(text: str) -> str:
    """Take away the apostrophes that `guarded` put in."""
    return _GUARDED.sub(r"\1\2\3", text)
