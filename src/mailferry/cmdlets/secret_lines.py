"""Which lines may hold a password, so that neither a history nor an error repeats them."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from mailferry.cmdlets.spec import ALL_CMDLETS
from mailferry.cmdlets.spec_model import ValueType

_WORDS: Final = r"pass|ps?wd|securestring|token|secret|credential"
_SHORTEST: Final = 5
"""Letters of a parameter's name: fewer could mean anything."""


def may_hold_secret(text: str) -> bool:
    """Tell whether a text has a word for a secret, or a parameter that takes one, also shortened: `-AdminPass x`."""
    return _pattern().search(text) is not None


@cache
def _pattern() -> re.Pattern[str]:
    names = {
        parameter.name
        for cmdlet in ALL_CMDLETS
        for parameter in cmdlet.parameters
        if parameter.type is ValueType.SECURE_STRING
    }
    begun = sorted({name[:length] for name in names for length in range(_SHORTEST, len(name) + 1)})
    return re.compile(rf"{_WORDS}|[-–—](?:{'|'.join(map(re.escape, begun))})(?![a-z])", re.IGNORECASE)
