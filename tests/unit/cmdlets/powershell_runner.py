"""Runs the blocks of a function of the module, as far as to tell which requests it would make.

Only what those functions are made of is understood; anything else is an error. The functions of the module that turn
values into fields are given by the test; they take their parameters by name, in lower case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from tree_sitter import Node

from tests.unit.cmdlets.powershell_tree import child, command_parts, nodes, text_of

Helper = Callable[..., object]

ONE_PART = frozenset(
    f"{name}{middle}expression"
    for name in ("logical", "bitwise", "comparison", "additive", "multiplicative", "format", "range")
    for middle in ("_", "_argument_")
) | {"array_literal_expression", "unary_expression", "pipeline", "pipeline_chain", "argument_expression"}
"""Nodes that only say how strong operators bind, as long as they have one part."""


class Returned(Exception):
    """The block came to `return`."""


@dataclass
class Run:
    """One run. `bound`: the parameters that are given. `asked`: what ShouldProcess was asked; `ran`: the other commands
    that stand alone, with their parameters.
    """

    bound: Mapping[str, object]
    helpers: Mapping[str, Helper]
    asked: list[tuple[object, ...]] = field(default_factory=list)
    ran: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    _variables: dict[str, Any] = field(default_factory=dict)

    def process(self, function: Node) -> None:
        """Run the begin and process blocks of a function."""
        self._variables = {name.lower(): value for name, value in self.bound.items()}
        self._variables |= {"psboundparameters": self.bound, "pscmdlet": None, "_": None, "null": None}
        self._variables |= {"true": True, "false": False}
        for found in nodes(function, "named_block"):
            assert text_of(child(found, "block_name")) in ("begin", "process")
            try:
                self._block(child(found, "statement_block"))
            except Returned:
                return

    def _block(self, block: Node) -> None:
        for statements in block.named_children:
            for statement in statements.named_children:
                self._statement(statement)

    def _statement(self, node: Node) -> None:
        if node.type == "if_statement":
            assert [each.type for each in node.named_children] == ["pipeline", "statement_block"]
            if truth(self._value(child(node, "pipeline"))):
                self._block(child(node, "statement_block"))
        elif node.type == "try_statement":
            self._block(child(node, "statement_block"))
        elif node.type == "flow_control_statement":
            assert text_of(node) == "return"
            raise Returned
        elif node.type == "pipeline" and node.named_children[0].type == "assignment_expression":
            self._assign(node.named_children[0])
        elif node.type == "pipeline":
            (command,) = nodes(node, "command")
            if (name := text_of(child(command, "command_name"))) in self.helpers:
                self._command(command)
            else:
                self.ran.append((name, self._arguments(command)))
        else:
            raise NotImplementedError(node.type)

    def _assign(self, node: Node) -> None:
        left, operator, right = node.named_children
        target, value = _core(left), self._value(right)
        if target.type == "element_access":
            holder, key = target.named_children
            self._value(holder)[self._value(key)] = value
            return
        name = text_of(target).removeprefix("$").lower()
        if text_of(operator) == "+=":
            # Adding a hash table to an array appends it; the array that was there stays as it was.
            value = [*self._variables[name], value]
        self._variables[name] = value

    def _value(self, node: Node) -> Any:
        node = _core(node)
        method = getattr(self, f"_{node.type}", None)
        if method is None:
            raise NotImplementedError(f"{node.type}: {text_of(node)}")
        return method(node)

    def _variable(self, node: Node) -> object:
        # A switch that is not given is off, anything else is null.
        return self._variables.get(text_of(node).removeprefix("$").lower())

    def _string_literal(self, node: Node) -> str:
        assert node.children[0].type == "verbatim_string_characters"
        return text_of(node)[1:-1].replace("''", "'")

    def _integer_literal(self, node: Node) -> int:
        return int(text_of(node))

    def _logical_expression(self, node: Node) -> bool:
        left, operator, right = node.children
        if text_of(operator) == "-and":
            return truth(self._value(left)) and truth(self._value(right))
        assert text_of(operator) == "-or"
        return truth(self._value(left)) or truth(self._value(right))

    def _comparison_expression(self, node: Node) -> bool:
        left, operator, right = node.children
        assert text_of(operator) == "-eq"
        return bool(self._value(left) == self._value(right))

    def _additive_expression(self, node: Node) -> str:
        left, operator, right = node.children
        assert text_of(operator) == "+"
        return cast("str", self._value(left)) + cast("str", self._value(right))

    def _expression_with_unary_operator(self, node: Node) -> object:
        first = node.children[0]
        if first.type == "cast_expression":
            kind, operand = first.named_children
            value = self._value(operand)
            return truth(value) if text_of(kind) == "[bool]" else {"[ordered]": dict}[text_of(kind)](value)
        assert text_of(first) == "-not"
        return not truth(self._value(node.children[1]))

    def _array_expression(self, node: Node) -> list[object]:
        if not node.named_children:
            return []
        (statements,) = node.named_children
        found = _core(statements.named_children[0])
        parts = found.named_children if found.type == "array_literal_expression" else [found]
        return [self._value(each) for each in parts]

    def _hash_literal_expression(self, node: Node) -> dict[str, object]:
        return {
            text_of(entry.named_children[0]): self._value(entry.named_children[1])
            for entry in nodes(node, "hash_entry")
        }

    def _parenthesized_expression(self, node: Node) -> object:
        return self._value(node.named_children[0])

    def _element_access(self, node: Node) -> object:
        holder, key = node.named_children
        return self._value(holder)[self._value(key)]

    def _member_access(self, node: Node) -> object:
        holder, member = node.named_children
        assert text_of(member) == "Count"
        return len(self._value(holder))

    def _invokation_expression(self, node: Node) -> object:
        holder, member, arguments = node.named_children
        values = tuple(self._value(each) for each in nodes(arguments, "argument_expression"))
        if text_of(member) == "ContainsKey":
            return values[0] in self._value(holder)
        assert (text_of(holder), text_of(member)) == ("$PSCmdlet", "ShouldProcess")
        self.asked.append(values)
        return True

    def _command(self, node: Node) -> object:
        arguments = {name.lower(): value for name, value in self._arguments(node).items()}
        return self.helpers[text_of(child(node, "command_name"))](**arguments)

    def _arguments(self, node: Node) -> dict[str, object]:
        """Give the parameters of a command; one without a value is a switch."""
        found: dict[str, object] = {}
        name = ""
        for part in command_parts(node):
            if part.type == "command_parameter":
                name = text_of(part).removeprefix("-")
                found[name] = True
            else:
                found[name] = self._value(part)
        return found


def truth(value: object) -> bool:
    """Tell whether PowerShell takes a value for true; only what these functions ask about is known."""
    assert value is None or isinstance(value, (bool, str)), value
    return bool(value)


def _core(node: Node) -> Node:
    """Leave out nodes that say nothing."""
    while node.type in {*ONE_PART, "left_assignment_expression", "key_expression"} and node.child_count == 1:
        node = node.children[0]
    return node
