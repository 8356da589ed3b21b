"""Turns what Lark recognises into the nodes of `tree.py`."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from lark import Token, Transformer, v_args

from mailferry.cmdlets import tree, words
from mailferry.cmdlets.errors import Span
from mailferry.cmdlets.words import DASHES, Inner


@v_args(inline=True)
class Builder(Transformer[Token, tree.Node]):
    """One method for each rule of the grammar. `inner` parses expressions within quoted texts; `text`: the whole."""

    def __init__(self, inner: Inner, text: str) -> None:
        super().__init__()
        self._text = text
        self._inner = inner
        self.strays: list[Span] = []

    def start(self, block: tree.Block) -> tree.Block:
        """Give the statements of the text."""
        return block

    def block(self, *statements: tree.Node) -> tree.Block:
        """Statements in their order."""
        return tree.Block(_span(*statements), statements)

    def assignment(self, name: Token, value: tree.Node) -> tree.Node:
        """`$x = ...`."""
        return tree.Assignment(_span(name, value), _variable_name(name), value)

    def pipeline(self, *parts: tree.Node) -> tree.Node:
        """Parts joined by `|`."""
        return tree.Pipeline(_span(*parts), parts)

    def command(self, name: Token, *elements: Any) -> tree.Node:
        """A cmdlet with its elements."""
        if elements and isinstance(elements[-1], Token):
            self.strays.append(_of(elements[-1]))
            elements = elements[:-1]
        # The place of a command is its name: that is what an error about all of it points at.
        plain = "".join("-" if c in DASHES else c for c in name)
        return tree.Command(_of(name), plain, cast("tuple[tree.Node, ...]", elements))

    def parameter(self, token: Token) -> tree.Node:
        """`-Name`."""
        name = token.split()[0]
        return tree.Parameter(Span(_at(token), _at(token) + len(name)), name[1:])

    def named(self, token: Token, value: tree.Node) -> tree.Node:
        """`-Name:value`."""
        return tree.Parameter(_of(token), token[1:-1], value)

    def list(self, *items: tree.Node) -> tree.Node:
        """`a, b`."""
        return tree.ListOf(_span(*items), items)

    def word(self, token: Token) -> tree.Node:
        """A bare word."""
        return words.word(str(token), _at(token), self._inner)

    def factor_word(self, token: Token) -> tree.Node:
        """An operator where an argument stands: a word."""
        return tree.Literal(_of(token), token[0], bare=True)

    def entry(self, key: Token, value: tree.Node) -> tree.Node:
        """`Name = value` within a hash table."""
        return tree.Assignment(_span(key, value), key[1:-1] if key.type != "KEY" else str(key), value)

    def hash_table(self, opened: Token, *parts: tree.Assignment | Token) -> tree.Node:
        """`@{ ... }`."""
        entries = [part for part in parts if isinstance(part, tree.Assignment)]
        names, values = (tuple(entry.name for entry in entries), tuple(entry.value for entry in entries))
        return tree.HashTable(_span(opened, *entries), names, values)

    def number(self, token: Token) -> tree.Node:
        """A number in an expression."""
        value = words.number(str(token))
        return tree.Literal(_of(token), str(token) if value is None else value)

    def variable(self, token: Token) -> tree.Node:
        """`$name`."""
        return tree.Variable(_of(token), _variable_name(token))

    def single_quoted(self, token: Token) -> tree.Node:
        """A text as it is."""
        return tree.Literal(_of(token), words.single_quoted(str(token)))

    def double_quoted(self, token: Token) -> tree.Node:
        """A text with variables."""
        return words.double_quoted(str(token), _at(token), self._inner)

    def group(self, pipeline: tree.Node) -> tree.Node:
        """`( ... )`."""
        return pipeline

    def statements(self, block: tree.Block) -> tree.Node:
        """`$( ... )`."""
        return block

    def statements_list(self, block: tree.Block) -> tree.Node:
        """`@( ... )`."""
        return tree.Block(block.span, block.statements, as_list=True)

    def script_block(self, opened: Token, block: tree.Block, closed: Token) -> tree.Node:
        """`{ ... }`."""
        return tree.ScriptBlock(_span(opened, closed), block, self._text[_at(opened) + 1 : _at(closed)].strip())

    def static_member(self, type_: Token, name: Token) -> tree.Node:
        """`[Type]::Name`."""
        return tree.Static(_span(type_, name), type_[1:-1], name[2:], None)

    def static_call(self, type_: Token, name: Token, *arguments: tree.Node) -> tree.Node:
        """`[Type]::Name(...)`."""
        return tree.Static(_span(type_, name, *arguments), type_[1:-1], name[2:].partition("(")[0], arguments)

    def member(self, target: tree.Node, name: Token) -> tree.Node:
        """`x.Name`."""
        return tree.Member(_span(target, name), target, name[1:])

    def member_call(self, target: tree.Node, name: Token, *arguments: tree.Node) -> tree.Node:
        """`x.Name(...)`."""
        return tree.MemberCall(_span(target, name, *arguments), target, name[1:].partition("(")[0], arguments)

    def index(self, target: tree.Node, index: tree.Node) -> tree.Node:
        """`x[i]`."""
        return tree.Index(_span(target, index), target, index)

    def cast(self, type_: Token, operand: tree.Node) -> tree.Node:
        """`[type]x`."""
        return tree.Cast(_span(type_, operand), type_[1:-1], operand)

    def unary(self, operator: Token, operand: tree.Node) -> tree.Node:
        """`-not x`, `!x`, `-x`."""
        return tree.Unary(_span(operator, operand), "-" if operator in DASHES else "not", operand)

    def binary(self, left: tree.Node, operator: Token, right: tree.Node) -> tree.Node:
        """`x -eq y`, `x + y`."""
        name = _OPERATOR.findall(operator)[0].lower()
        if len(name) > 1:
            name = name[1:]
        return tree.Binary(_span(left, right), "-" if name in DASHES else name, left, right)


_OPERATOR: Final = re.compile(r"[+*/%]|[-–—]\w*")


def _at(token: Token) -> int:
    return cast("int", token.start_pos)


def _of(token: Token) -> Span:
    return Span(_at(token), _at(token) + len(token))


def _span(*parts: tree.Node | Token) -> Span:
    found = [_of(part) if isinstance(part, Token) else part.span for part in parts]
    return Span(found[0].start, found[-1].end) if found else Span(0, 0)


def _variable_name(token: Token) -> str:
    return token[2:-1] if token[1] == "{" else token[1:]
