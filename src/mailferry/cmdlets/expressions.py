"""Works out expressions: `$x.Status`, `"a $x"`, `$_.Count -gt 5`, `([System.IO.File]::ReadAllBytes("x"))`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from mailferry.cmdlets import members, operators, tree
from mailferry.cmdlets.calculated import Table
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.format import value_text


class Scope(Protocol):
    """What an expression can see."""

    folder: Path

    def now(self) -> datetime:
        """Tell the time."""
        ...

    def variable(self, name: str) -> object:
        """Give the value of a variable, $null if it is not set."""
        ...

    def objects(self, node: tree.Node) -> Iterator[object]:
        """Run a statement and give the objects that it gives."""
        ...


def value_of(node: tree.Node, scope: Scope) -> object:
    """Give the value of an expression. Raises CommandError with the place."""
    try:
        return _value(node, scope)
    except CommandError as error:
        raise error.placed(node.span) from None


def items_of(value: object) -> Iterator[object]:
    """Give a value as the objects of a pipeline: the items of a list one by one, nothing for $null."""
    if value is None:
        return iter(())
    return iter(value) if isinstance(value, (list, tuple)) else iter((value,))


def collapsed(found: list[object]) -> object:
    """Give the objects of a pipeline as a value: $null for none, one as itself, several as a list."""
    if not found:
        return None
    return found[0] if len(found) == 1 else found


def _value(node: tree.Node, scope: Scope) -> object:
    match node:
        case tree.Literal():
            return node.value
        case tree.Variable(name=name):
            return scope.variable(name)
        case tree.ScriptBlock():
            return node
        case tree.Expandable(parts=parts):
            return "".join(part if isinstance(part, str) else _in_text(value_of(part, scope)) for part in parts)
        case tree.ListOf(items=items):
            return [value_of(item, scope) for item in items]
        case tree.Pipeline(parts=(only,)) if not isinstance(only, tree.Command):
            return value_of(only, scope)
        case tree.Pipeline():
            return collapsed(list(scope.objects(node)))
        case tree.Block(statements=statements, as_list=as_list):
            found = [item for statement in statements for item in scope.objects(statement)]
            return found if as_list else collapsed(found)
        case tree.Unary(operator=operator, operand=operand):
            value = value_of(operand, scope)
            return not operators.truth(value) if operator == "not" else operators.binary("-", 0, value)
        case tree.Binary():
            return _binary(node, scope)
        case tree.HashTable(keys=keys, values=values):
            return Table(tuple(zip(keys, (value_of(value, scope) for value in values), strict=True)))
        case _:
            return _member_value(node, scope)


def _member_value(node: tree.Node, scope: Scope) -> object:
    match node:
        case tree.Member(target=target, name=name):
            return members.member(value_of(target, scope), name)
        case tree.MemberCall(target=target, name=name, arguments=arguments):
            return members.call(value_of(target, scope), name, [value_of(argument, scope) for argument in arguments])
        case tree.Index(target=target, index=index):
            return members.index(value_of(target, scope), value_of(index, scope))
        case tree.Cast(type=type_, operand=operand):
            return members.cast(type_, value_of(operand, scope))
        case tree.Static(type=type_, name=name, arguments=given):
            values = None if given is None else [value_of(argument, scope) for argument in given]
            return members.static(type_, name, values, scope.now(), scope.folder)
    raise CommandError("That cannot be worked out here.", span=node.span)


def _binary(node: tree.Binary, scope: Scope) -> object:
    first = value_of(node.left, scope)
    known = operators.truth(first)
    if (node.operator == "and" and not known) or (node.operator == "or" and known):
        return node.operator == "or"
    return operators.binary(node.operator, first, value_of(node.right, scope))


def _in_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(_in_text(item) for item in value)
    return value if isinstance(value, str) else value_text(value)
