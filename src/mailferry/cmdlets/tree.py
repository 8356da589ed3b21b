"""What the parser makes of a text: a tree of frozen nodes, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mailferry.cmdlets.errors import Span


@dataclass(frozen=True, slots=True)
class Node:
    """The base of all. `span` is the place in the text."""

    span: Span


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A text or a number as it stands. `bare`: a word without quotes, which may turn out to be a number."""

    value: str | int | float
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Expandable(Node):
    """A text in which variables and expressions are put in; a part is a text or what gives one."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """`$name`, without the dollar sign."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """`a, b`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`target.Name`."""

    target: Node
    name: str


@dataclass(frozen=True, slots=True)
class MemberCall(Node):
    """`target.Name(a, b)`."""

    target: Node
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`target[i]`."""

    target: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Static(Node):
    """`[Type]::Name` (arguments None) or `[Type]::Name(a)`."""

    type: str
    name: str
    arguments: tuple[Node, ...] | None


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """`[type]operand`."""

    type: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-not x`, `-x`. The operator is `not` or `-`."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`x -eq y`, `x + y`. The operator is in lower case, without its dash: `eq`, `and`, `+`, `*`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    """`-Name` or `-Name:value`; without a value the next argument may be it, if the parameter takes one."""

    name: str
    value: Node | None = None


@dataclass(frozen=True, slots=True)
class Command(Node):
    """A cmdlet and its elements: parameters and arguments in their order."""

    name: str
    elements: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Pipeline(Node):
    """Commands; what each gives is the input of the next. The first may be an expression."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Assignment(Node):
    """`$name = ...`."""

    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class Block(Node):
    """Statements. `as_list`: what they give is a list even if it is one thing, as in `@(...)`."""

    statements: tuple[Node, ...]
    as_list: bool = False


@dataclass(frozen=True, slots=True)
class ScriptBlock(Node):
    """`{ ... }`, which is run by the cmdlet that it is given to. `text`: what stands between the braces."""

    block: Block
    text: str = ""


@dataclass(frozen=True, slots=True)
class HashTable(Node):
    """`@{ Name = 'Done'; Expression = { ... } }`: keys as they are written, and what gives the values."""

    keys: tuple[str, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A whole text."""

    text: str
    block: Block
    strays: tuple[Span, ...] = ()

    @property
    def statements(self) -> tuple[Node, ...]:
        """The statements in their order."""
        return self.block.statements


def commands(node: object) -> Iterator[Command]:
    """Give all commands of a tree, outer ones first."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Command):
            yield found
        if isinstance(found, tuple):
            waiting += reversed(found)
        elif isinstance(found, Node):
            waiting += [getattr(found, name) for cls in type(found).__mro__ for name in getattr(cls, "__slots__", ())]
