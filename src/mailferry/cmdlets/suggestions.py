"""What may have been meant: cmdlets with similar names, arguments that a message is about, values in place of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Final

from mailferry.cmdlets import tree
from mailferry.cmdlets.bind import Argument, find_parameter
from mailferry.cmdlets.errors import BindingError, CommandError, Span
from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.spec import ALL_CMDLETS, all_parameters
from mailferry.cmdlets.spec_model import Cmdlet

UNNEEDED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("import-module", "install-module", "update-module"), "needs to be imported or installed"),
    **dict.fromkeys(("connect-exchangeonline", "disconnect-exchangeonline"), "needs to be connected"),
}
"""Commands, in lower case, that scripts for Exchange Online begin or end with, and what they do there."""

_INSTEAD: Final[Mapping[str, str]] = {
    "get-credential": "Leave out the password: the cmdlet asks for it. Or give (Read-Host -AsSecureString).",
    "out-gridview": "Use Format-Table, or Export-Csv for a spreadsheet.",
}
"""Commands, in lower case, for which something else is used here."""

_IN_PLACE_OF_INPUT: Final[Mapping[str, str]] = {
    "New-MigrationBatch": "Give the users by -Users: New-MigrationBatch -Users (Get-MigrationUser -Status Failed).",
}
"""What to write for a pipeline into a cmdlet that takes none."""

_ALIKE: Final = 0.75
_LIST_SHOWN: Final = 60


def unneeded(name: str) -> str:
    """Give what there is to say of a command that has nothing to do here, '' for all others."""
    reason = UNNEEDED.get(name.lower())
    return f"{name} has no effect: nothing {reason} here, the cmdlets are there." if reason else ""


def close_to(name: str) -> str:
    """Give the cmdlet that was probably meant, '' if there is none.

    One that asks before it acts is offered only if both its verb and its noun look like what was typed.
    """
    names = {cmdlet.name.lower(): cmdlet for cmdlet in ALL_CMDLETS}
    verb, _, noun = name.lower().partition("-")
    for found in get_close_matches(name.lower(), names, 3):
        cmdlet = names[found]
        if not cmdlet.asks or (_alike(verb, cmdlet.verb) and _alike(noun, cmdlet.noun)):
            return cmdlet.name
    return ""


def unknown(node: tree.Command) -> CommandError:
    """Give the error about a command that is none."""
    instead = _INSTEAD.get(node.name.lower(), "")
    meant = "" if instead else close_to(node.name)
    return CommandError(
        f"The term '{node.name}' is not recognized as the name of a cmdlet.",
        span=node.span,
        advice=f"Did you mean {meant}?" if meant else instead or "Get-Command lists the cmdlets.",
        error_id="CommandNotFoundException",
    )


def takes_no_input(cmdlet: Cmdlet) -> BindingError:
    """Give the error about a pipeline into a cmdlet that takes no objects."""
    advice = _IN_PLACE_OF_INPUT.get(cmdlet.name, "")
    return BindingError("The command takes no pipeline input.", error_id="InputObjectNotBound", advice=advice)


def places_of(cmdlet: Cmdlet, arguments: Sequence[Argument]) -> dict[str, Span]:
    """Give where each parameter was written, by its whole name; with its value where that follows."""
    found: dict[str, Span] = {}
    free: list[Argument] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if not argument.name:
            free.append(argument)
            continue
        try:
            parameter = find_parameter(cmdlet, argument.name)
        except CommandError:
            continue
        takes_next = not argument.has_value and parameter.type.value != "SwitchParameter"
        behind = waiting.pop(0).span if takes_next and waiting else argument.span
        found[parameter.name] = Span(argument.span.start, behind.end)
    by_position = sorted((p for p in all_parameters(cmdlet) if p.position is not None), key=lambda p: p.position or 0)
    names = [p.name for p in by_position if p.name not in found]
    return found | {name: argument.span for name, argument in zip(names, free, strict=False)}


def advised_of_list(error: BindingError, cmdlet: Cmdlet, arguments: Sequence[Argument]) -> BindingError:
    """Advise a pipeline where a list was given for one value of a cmdlet that takes objects; give the error back."""
    lists = [a.value for a in arguments if isinstance(a.value, (list, tuple)) and len(a.value) > 1]
    takes = next((p.name for p in cmdlet.parameters if p.pipeline), None)
    about = takes is not None and f"'{takes}'" in error.message and error.error_id == "CannotConvertArgument"
    if about and lists and not error.advice:
        listed = ",".join(f"'{value_text(item)}'" for item in lists[0])
        error.advice = f"For several, write {listed if len(listed) <= _LIST_SHOWN else 'the list'} | {cmdlet.name}."
    return error


def _alike(typed: str, there: str) -> bool:
    return SequenceMatcher(None, typed, there.lower()).ratio() >= _ALIKE
