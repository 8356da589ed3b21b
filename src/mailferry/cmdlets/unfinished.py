"""Whether a text wants more lines, for consoles that read line by line."""

from __future__ import annotations

from mailferry.cmdlets import tree
from mailferry.cmdlets.bind import find_parameter
from mailferry.cmdlets.errors import BindingError, ParseError
from mailferry.cmdlets.parse import is_unfinished, parse
from mailferry.cmdlets.spec import find_cmdlet
from mailferry.cmdlets.spec_model import ValueType


def wants_more(text: str) -> bool:
    """Tell whether to ask for another line: something is open, or the last parameter has no value yet.

    A line that is printed on two lines may be cut behind a parameter: `-MaxConcurrentMigrations`, then `50`.
    """
    if is_unfinished(text):
        return True
    try:
        found = list(tree.commands(parse(text).block))
    except ParseError:
        return False
    return bool(found) and _lacks_value(found[-1], text)


def _lacks_value(command: tree.Command, text: str) -> bool:
    cmdlet = find_cmdlet(command.name)
    last = command.elements[-1] if command.elements else None
    if cmdlet is None or not isinstance(last, tree.Parameter) or last.value is not None:
        return False
    if text[last.span.end :].strip():
        return False
    try:
        return find_parameter(cmdlet, last.name).type is not ValueType.SWITCH
    except BindingError:
        return False
