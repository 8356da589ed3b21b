"""Quoting: a text that is quoted and parsed is the same text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cmdlets import tree
from mailferry.cmdlets.parse import parse
from mailferry.cmdlets.words import number, quote


@given(st.text())
def test_quoted_texts_come_back(text: str) -> None:
    (statement,) = parse(f"X {quote(text)}").statements
    assert isinstance(statement, tree.Pipeline)
    (command,) = statement.parts
    assert isinstance(command, tree.Command)
    (only,) = command.elements
    assert isinstance(only, tree.Literal)
    assert only.value == text


@given(st.lists(st.text(), min_size=2))
def test_quoted_lists_come_back(texts: list[str]) -> None:
    (statement,) = parse("X " + ",".join(map(quote, texts))).statements
    assert isinstance(statement, tree.Pipeline)
    (command,) = statement.parts
    assert isinstance(command, tree.Command)
    (only,) = command.elements
    assert isinstance(only, tree.ListOf)
    assert [item.value for item in only.items if isinstance(item, tree.Literal)] == texts


def test_plain_words_are_not_quoted() -> None:
    for text in ("IMAPBatch1", "imap.contoso.com", "C:\\x\\y.csv", "/srv/mail", "a*"):
        assert quote(text) == text
    for text in ("", "a b", "-x", "25", "@x", "a,b", "it's", "$x", "a;b", "#x"):
        assert quote(text).startswith("'")


@pytest.mark.parametrize(
    ("token", "value"),
    [("25", 25), ("-1.5", -1.5), (".5", 0.5), ("10MB", 10 * 1024**2), ("1.5kb", 1536), ("x", None), ("1x", None),
     ("", None), ("1" * 40, None)],
)  # fmt: skip
def test_numbers(token: str, value: float | None) -> None:
    assert number(token) == value
