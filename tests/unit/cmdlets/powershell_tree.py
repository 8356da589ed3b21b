"""Reads PowerShell with the grammar tree-sitter-powershell: what is no PowerShell, and what a function declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

MODULE = Path(__file__).resolve().parents[3] / "clients" / "powershell" / "MailFerry"
SCRIPTS = ("*.psm1", "*.psd1", "*/*.ps1")


def script_files() -> list[Path]:
    """Give all files of the module that are written in PowerShell."""
    return sorted(path for pattern in SCRIPTS for path in MODULE.glob(pattern))


def tree_of(text: str) -> Node:
    """Parse a text."""
    return Parser(Language(tree_sitter_powershell.language())).parse(text.encode()).root_node


def text_of(node: Node) -> str:
    """Give the text of a node."""
    assert node.text is not None
    return node.text.decode()


def nodes(node: Node, kind: str) -> Iterator[Node]:
    """Give all nodes of a kind, in order."""
    if node.type == kind:
        yield node
    for child in node.children:
        yield from nodes(child, kind)


def child(node: Node, kind: str) -> Node:
    """Give the only child of a kind."""
    (found,) = (each for each in node.children if each.type == kind)
    return found


def mistakes(text: str) -> list[str]:
    """Give the places where a text is no PowerShell: line and what stands there."""
    return [f"{node.start_point.row + 1}: {text_of(node)[:60]}" for node in _all(tree_of(text)) if _is_wrong(node)]


def functions(text: str) -> dict[str, Node]:
    """Give the functions of a text by name."""
    found = nodes(tree_of(text), "function_statement")
    return {text_of(child(node, "function_name")): node for node in found}


def declared_parameters(function: Node) -> dict[str, tuple[tuple[str, ...], str]]:
    """Give the parameters of a function by name: their attributes as they are written, and their types."""
    declared = {}
    for node in nodes(function, "script_parameter"):
        name = next(text_of(each) for each in node.children if each.type == "variable")
        *attributes, kind = (text_of(each) for each in nodes(node, "attribute"))
        declared[name.removeprefix("$")] = (tuple(attributes), kind)
    return declared


def commands(text: str) -> set[str]:
    """Give the names of all commands that a text calls."""
    return {text_of(child(node, "command_name")) for node in nodes(tree_of(text), "command") if _has_name(node)}


def strange_variables(function: Node) -> set[str]:
    """Give the variables that a function reads, and neither takes as parameters nor sets, in lower case."""
    known = {name.lower() for name in declared_parameters(function)}
    for kind in ("left_assignment_expression", "foreach_statement"):
        for node in nodes(function, kind):
            first = next(nodes(node, "variable"), None)
            known |= set() if first is None else {text_of(first).removeprefix("$").lower()}
    read = {text_of(node).lstrip("$@").lower() for node in nodes(function, "variable")}
    return {name for name in read - known if not name.startswith("script:")}


def command_parts(command: Node) -> list[Node]:
    """Give the names of parameters and the arguments of a command, in order."""
    elements = [each for each in command.children if each.type == "command_elements"]
    return [part for each in elements for part in each.named_children if part.type != "command_argument_sep"]


def _has_name(node: Node) -> bool:
    return any(each.type == "command_name" for each in node.children)


def _is_wrong(node: Node) -> bool:
    return node.is_error or node.is_missing


def _all(node: Node) -> Iterator[Node]:
    yield node
    for each in node.children:
        yield from _all(each)
