"""The bytes of commands: what may travel, and in which spelling."""

from __future__ import annotations

import pytest

from mailferry.imap import commands
from mailferry.imap.commands import Literal, Part


@pytest.mark.parametrize(("value", "spelt"), [
    (b"INBOX", b"INBOX"),
    (b"Sent Items", b'"Sent Items"'),
    (b"[Gmail", b"[Gmail"),
    (b"[Gmail]", b'"[Gmail]"'),
    (b'a"b\\c', b'"a\\"b\\\\c"'),
    (b"", b'""'),
    (b"nil", b'"nil"'),
    (b"Gr\xc3\xbcn", Literal(b"Gr\xc3\xbcn")),
    (b"a\r\nb", Literal(b"a\r\nb")),
    (b" " * 1001, Literal(b" " * 1001)),
])  # fmt: skip
def test_a_string_takes_the_shortest_safe_spelling(value: bytes, spelt: Part) -> None:
    assert commands.astring(value) == spelt


def test_a_list_pattern_is_never_an_atom_and_never_runs_over() -> None:
    assert commands.list_(b"*").parts == (b"LIST", b" ", b'""', b" ", b'"*"')
    assert commands.list_(b"a\r\nA1 LOGOUT").parts[-1] == Literal(b"a\r\nA1 LOGOUT")


@pytest.mark.parametrize("flag", ["$Forwarded", "NonJunk", "a" * 64])
def test_keywords_may_travel(flag: str) -> None:
    assert commands.is_keyword(flag)
    assert commands.flag_list({flag, "\\Seen"}) in (f"({flag} \\Seen)".encode(), f"(\\Seen {flag})".encode())


@pytest.mark.parametrize("flag", ["", "\\Recent", "a b", "a" * 65, "a[", "a]", "grün", "a\r\n", "nil"])
def test_other_flags_may_not_travel(flag: str) -> None:
    with pytest.raises(ValueError, match="may not be sent"):
        commands.flag_list({flag})
