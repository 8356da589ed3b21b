"""The examples of the table in Unix spelling: what is a single cmdlet with plain values can be said in both."""

from __future__ import annotations

from mailferry.cmdlets import tree
from mailferry.cmdlets.bind import find_parameter
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.parse import parse
from mailferry.cmdlets.spec import CMDLETS, find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, Example, Parameter, ValueType
from mailferry.cmdlets.unix import is_implied, noun_of, option

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,")


def unix_examples(cmdlet: Cmdlet) -> list[Example]:
    """Give the examples of a cmdlet that have a Unix spelling."""
    found = [(unix_line(example.code), example.text) for example in cmdlet.examples]
    return [Example(line, text) for line, text in found if line]


def unix_line(code: str) -> str:
    """Give a command line of the command language in Unix spelling, '' if it has none.

    A pipeline has one only if all it does is to choose how objects are shown.
    """
    try:
        statements = parse(code).statements
    except CommandError:
        return ""
    if len(statements) != 1 or not isinstance(statements[0], tree.Pipeline):
        return ""
    first, *rest = statements[0].parts
    output = _output(rest)
    if output is None or not isinstance(first, tree.Command):
        return ""
    cmdlet = find_cmdlet(first.name)
    if cmdlet is None or cmdlet not in CMDLETS:
        return ""
    try:
        words = _words(cmdlet, first)
    except CommandError:
        return ""
    if words is None:
        return ""
    return " ".join(["mailferry", noun_of(cmdlet), cmdlet.verb.lower(), *map(shell_word, words), *output])


def shell_word(text: str) -> str:
    """Quote a word for a shell, if need be."""
    return text if text and set(text) <= _PLAIN else "'" + text.replace("'", "'\\''") + "'"


def _output(parts: list[tree.Node]) -> list[str] | None:
    if not parts:
        return []
    only = parts[0]
    if len(parts) > 1 or not isinstance(only, tree.Command) or only.elements:
        return None
    cmdlet = find_cmdlet(only.name)
    shown = {"Format-List": "list", "Format-Table": "table", "ConvertTo-Json": "json", "ConvertTo-Csv": "csv"}
    return ["--output", shown[cmdlet.name]] if cmdlet is not None and cmdlet.name in shown else None


def _words(cmdlet: Cmdlet, command: tree.Command) -> list[str] | None:
    words: list[str] = []
    waiting = list(command.elements)
    while waiting:
        element = waiting.pop(0)
        if not isinstance(element, tree.Parameter):
            value = _value(element)
            if value is None:
                return None
            words.append(value)
            continue
        parameter = find_parameter(cmdlet, element.name)
        if parameter.type is ValueType.SWITCH:
            if not is_implied(parameter) or parameter.name == "Target":
                words.append(_switch(parameter, element))
            continue
        value = _value(element.value or (waiting.pop(0) if waiting else None))
        if parameter.type is ValueType.SECURE_STRING:
            value = "password.txt"
        if value is None:
            return None
        words += [option(parameter), value]
    return words


def _switch(parameter: Parameter, element: tree.Parameter) -> str:
    is_off = isinstance(element.value, tree.Variable) and element.value.name.lower() == "false"
    return option(parameter).replace("--", "--no-", 1) if is_off else option(parameter)


def _value(node: tree.Node | None) -> str | None:
    """Give what a word of a shell can say of a value."""
    match node:
        case tree.Literal(value=value):
            return str(value)
        case tree.Variable(name=name) if name.lower() in ("true", "false"):
            return name.lower()
        case tree.ListOf(items=items):
            found = [_value(item) for item in items]
            return None if None in found else ",".join(str(item).replace(",", "\\,") for item in found)
        case tree.Pipeline(parts=(tree.Static(name=name, arguments=(tree.Literal(value=path),)),)):
            if name.lower() == "readallbytes":
                return str(path).replace("\\", "/").rpartition("/")[2]
            return None
        case _:
            return None
