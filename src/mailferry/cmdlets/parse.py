"""Parses the command language: any text gives a tree, or one ParseError that says where and why."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final, cast

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError

from mailferry.cmdlets import differences, tree
from mailferry.cmdlets.build import Builder
from mailferry.cmdlets.differences import KEYWORDS, Missing
from mailferry.cmdlets.errors import ParseError, Span
from mailferry.cmdlets.words import DASHES, DOUBLE_QUOTES, SINGLE_QUOTES

MOST_CHARACTERS: Final = 1_000_000
DEEPEST: Final = 60
"""How many brackets may be open at once."""

LONGEST_SHOWN: Final = 60

_CLOSED_BY: Final = {"_CLOSE": ")", "CLOSE_BLOCK": "}", "_CLOSE_INDEX": "]"}
_QUOTED: Final = re.compile(
    r"`.|<#(?:[\s\S]*?#>|[\s\S]*)|(?<![^\s(){};,|])#[^\r\n]*"
    r'|["“”„](?:[^"“”„`]|`[\s\S]|["“”„]{2})*(?:["“”„]|\Z)'
    r"|['‘’‚‛](?:[^'‘’‚‛]|['‘’‚‛]{2})*(?:['‘’‚‛]|\Z)"
)
"""What brackets within do not count. What is open to the end is taken whole, or looking for it would be quadratic."""

_PLACEHOLDER: Final = re.compile(r"<[^<>\r\n]{1,80}>")
_WORD: Final = re.compile(r"[A-Za-z_*?][\w.@*?-]{0,60}")
_COMPARED: Final = re.compile(r"[-–—][ci]?(?:eq|ne|gt|ge|lt|le|(?:not)?(?:like|match|in|contains))\s+\Z", re.IGNORECASE)
_FIRST_WORDS: Final = re.compile(r"(?:^|[;{}\r\n])[ \t]*([A-Za-z-]+)")


def parse(text: str) -> tree.Script:
    """Give the tree of a text. Raises ParseError, and nothing else, whatever the text is."""
    if len(text) > MOST_CHARACTERS:
        raise ParseError(f"A script has at most {MOST_CHARACTERS:,} characters.", span=Span(0, 0))
    _check_depth(text)
    script = _parse(text, text)
    for statement in script.statements:
        _check_keyword(statement)
    return script


def _parse(text: str, whole: str) -> tree.Script:
    def inner(start: int, end: int) -> tree.Node:
        # What stands before is blanked out, so that places in the inner text are places in the whole one.
        blank = "".join(c if c in "\r\n" else " " for c in whole[:start])
        return _parse(blank + whole[start:end], whole).block

    builder = Builder(inner, text)
    try:
        # Lark makes the tree of its rules while it parses; the builder's nodes replace them in a second walk.
        block = builder.transform(_grammar().parse(text))
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    except VisitError as error:
        if isinstance(error.orig_exc, ParseError):
            raise error.orig_exc from None
        if isinstance(error.orig_exc, RecursionError):
            raise _too_deep(text) from None
        raise
    except RecursionError:
        raise _too_deep(text) from None
    return tree.Script(text, cast("tree.Block", block), tuple(builder.strays))


@cache
def _grammar() -> Lark:
    text = resources.files("mailferry.cmdlets").joinpath("grammar.lark").read_text("utf-8")
    return Lark(text, parser="lalr", lexer="contextual", maybe_placeholders=False)


def _too_deep(text: str) -> ParseError:
    return ParseError("The text is nested too deeply.", span=Span(0, len(text)))


def _check_depth(text: str) -> None:
    """Refuse what would exhaust the stack: too many open brackets, or too long a chain of operators."""
    depth = 0
    for match in re.finditer(r"[(){}\[\]]", _QUOTED.sub(lambda m: " " * len(m[0]), text)):
        depth = depth + 1 if match[0] in "({[" else max(0, depth - 1)
        if depth > DEEPEST:
            message = f"More than {DEEPEST} brackets are open at once."
            raise ParseError(message, span=Span(match.start(), match.end()))


def _check_keyword(statement: tree.Node) -> None:
    """Refuse loops and functions even where they happen to look like a command with arguments."""
    for command in tree.commands(statement):
        missing = KEYWORDS.get(command.name.lower())
        first = isinstance(statement, tree.Pipeline) and statement.parts[0] is command
        if missing is not None and first:
            raise _not_there(missing, command.span, command.name)
    if isinstance(statement, tree.Pipeline):
        for part in statement.parts:
            for block in _blocks(part):
                for inner in block.statements:
                    _check_keyword(inner)


def _blocks(node: tree.Node) -> list[tree.Block]:
    """Give the script blocks that a command is given, also within lists and tables."""
    found: list[tree.Block] = []
    waiting = list(node.elements) if isinstance(node, tree.Command) else []
    while waiting:
        element = waiting.pop()
        if isinstance(element, tree.ScriptBlock):
            found.append(element.block)
        elif isinstance(element, tree.ListOf):
            waiting += element.items
        elif isinstance(element, tree.HashTable):
            waiting += element.values
    return found


def _not_there(missing: Missing, span: Span, found: str) -> ParseError:
    others = ", ".join(what for what in missing.what.split(", ") if what != found)
    return ParseError(
        f"'{found}' is not part of this command language; neither are {others}.",
        span=span,
        advice=missing.instead,
    )


def _explained(error: UnexpectedInput, text: str) -> ParseError:
    """Say what is wrong in the words of a person who types commands."""
    keyword = next((m for m in _FIRST_WORDS.finditer(text) if m[1].lower() in KEYWORDS), None)
    at = _position(error, text)
    if keyword is not None and keyword.start(1) <= at:
        return _not_there(KEYWORDS[keyword[1].lower()], Span(keyword.start(1), keyword.end(1)), keyword[1])
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return _ended(error, text)
    if isinstance(error, UnexpectedToken):
        token = error.token
        if text[max(0, at - 1) : at + 1] == "||":
            return _not_there(differences.CALL_OPERATORS, Span(at - 1, at + 1), "||")
        if token.type == "OPEN_TABLE":
            return _not_there(differences.HASH_TABLES, Span(at, at + 2), "@{")
        # Behind a variable the dash of -replace was taken for a minus.
        dash = at - (at > 0 and text[at - 1] in DASHES)
        if word := differences.OPERATOR_WORDS.match(text, dash):
            message = f"Unexpected token '{word[0]}' in expression or statement."
            return ParseError(message, span=Span(dash, word.end()), advice=differences.OPERATORS.instead)
        span = Span(at, at + max(1, len(token.rstrip())))
        advice = _meant(text, at, str(token))
        return ParseError(f"Unexpected token '{_shown(token)}' in expression or statement.", span=span, advice=advice)
    return _at_character(text, at)


def _meant(text: str, at: int, token: str) -> str:
    """Say what to type where an operator of another language stands, or a text without quotes; '' if that is open."""
    word = _WORD.match(text, at)
    if word is not None and _COMPARED.search(text, max(0, at - LONGEST_SHOWN), at):
        return f"Put texts in quotes: '{word[0]}'."
    if token[:1] == "=":
        return "Compare with -eq: $_.Status -eq 'Failed'. Only a variable is set by =, as in $name = 'B'."
    if token[:1] in tuple("+*/%"):
        return differences.OPERATORS.instead
    return ""


def _position(error: UnexpectedInput, text: str) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return len(text)
    found = error.token.start_pos if isinstance(error, UnexpectedToken) else error.pos_in_stream
    return len(text) if found is None else found


def _shown(token: Token) -> str:
    text = str(token).strip()
    return f"{text[:LONGEST_SHOWN]}..." if len(text) > LONGEST_SHOWN else text or "end of the line"


def _ended(error: UnexpectedToken, text: str) -> ParseError:
    """The text ended too early: more of it could make it whole."""
    at = max(0, len(text.rstrip()) - 1)
    wanted = set(error.accepts or error.expected)
    closing = next((sign for name, sign in _CLOSED_BY.items() if name in wanted), "")
    if closing:
        message = f"Missing closing '{closing}' in expression."
    elif text.rstrip().endswith("|"):
        message = "An empty pipe element is not allowed."
    else:
        message = "The command ends too early."
    return ParseError(message, span=Span(at, at + 1), unfinished=True)


def _at_character(text: str, at: int) -> ParseError:
    c, rest = text[at : at + 1], text[at:]
    span = Span(at, at + 1)
    if c in DOUBLE_QUOTES or c in SINGLE_QUOTES:
        return ParseError(f"The string is missing the terminator: {c}.", span=span, unfinished=True)
    if rest[:2] in ('@"', "@'"):
        return _not_there(differences.HERE_STRINGS, Span(at, at + 2), rest[:2])
    if rest[:2] == "@{":
        return _not_there(differences.HASH_TABLES, Span(at, at + 2), "@{")
    if c == "@":
        return _not_there(differences.SPLATTING, span, "@")
    if c in "<>":
        if rest.startswith("<#"):
            return ParseError("The terminator #> of a comment is missing.", span=Span(at, at + 2), unfinished=True)
        if placeholder := _PLACEHOLDER.match(rest):
            message = f"{placeholder[0]} stands for a value: write the value in its place."
            return ParseError(message, span=Span(at, at + placeholder.end()))
        return _not_there(differences.REDIRECTION, span, c)
    if c == "&":
        return _not_there(differences.CALL_OPERATORS, span, c)
    if c == "`" and not rest[1:].strip():
        return ParseError("The line goes on, but nothing follows.", span=span, unfinished=True)
    if c == "|":
        return ParseError("An empty pipe element is not allowed.", span=span)
    shown = c if c.isprintable() else f"U+{ord(c):04X}" if c else "end of the line"
    advice = _meant(text, at, c)
    return ParseError(f"Unexpected '{shown}' in expression or statement.", span=span, advice=advice)


def is_unfinished(text: str) -> bool:
    """Tell whether more lines could make a text whole that is not, so that a console goes on asking."""
    if text.rstrip(" \t").endswith("`"):
        return True
    try:
        parse(text)
    except ParseError as error:
        return error.unfinished
    return False
