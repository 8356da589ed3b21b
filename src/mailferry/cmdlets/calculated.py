"""Properties that are worked out: `@{Name='Done'; Expression={ $_.SyncedCount }}` in place of the name of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailferry.cmdlets.errors import BindingError
from mailferry.cmdlets.tree import ScriptBlock

_KEYS: Final = ("name", "label", "expression", "descending", "ascending", "alignment", "width", "formatstring")
"""What a table may say. Alignment and Width mean nothing here: columns always fit."""


@dataclass(frozen=True, slots=True)
class Table:
    """A hash table as it was typed: keys and values."""

    items: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class Calculated:
    """A property that is worked out by a script block, or is another one under a new name.

    `name`: '' if only the value is wanted; `descending`: None if nothing is said.
    """

    name: str
    expression: ScriptBlock | str
    descending: bool | None = None


Wanted = str | Calculated


def wanted_of(value: object, parameter: str) -> Wanted | None:
    """Give what a table or a script block asks for; None: it is neither. Raises BindingError."""
    if isinstance(value, ScriptBlock):
        return Calculated("", value)
    if not isinstance(value, Table):
        return None
    found = _by_key(value, parameter)
    expression = found.get("expression")
    if not isinstance(expression, ScriptBlock) and not (isinstance(expression, str) and expression):
        raise _refused(parameter, "A table needs an Expression: a script block or the name of a property.")
    name = found.get("name", found.get("label", expression if isinstance(expression, str) else ""))
    if not isinstance(name, str):
        raise _refused(parameter, "The Name of a table is a text.")
    descending = found.get("descending")
    if descending is None and "ascending" in found:
        descending = not found["ascending"]
    return Calculated(name, expression, None if descending is None else bool(descending))


def _by_key(table: Table, parameter: str) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for key, value in table.items:
        name = next((each for each in _KEYS if key and each.startswith(key.lower())), "")
        if not name or name in found:
            raise _refused(parameter, f"The key '{key}' is {'given twice' if name else 'not known'}.")
        if name == "formatstring":
            raise _refused(
                parameter,
                "FormatString is not there.",
                advice="Format within the expression: { $_.At.ToString('yyyy-MM-dd') }, { [math]::Round($_.X, 1) }.",
            )
        found[name] = value
    return found


def _refused(
    parameter: str, reason: str, advice: str = "Write @{Name='Done'; Expression={ $_.SyncedCount }}."
) -> BindingError:
    message = f"Cannot bind parameter '{parameter}'. {reason}"
    return BindingError(message, advice=advice, error_id="DictionaryKeyIllegal")
