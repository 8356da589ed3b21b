"""No folder name, flag or date can put anything else on the wire than itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.imap import commands
from mailferry.imap.commands import Command, Literal
from mailferry.imap.parse import tokenise
from mailferry.imap.values import DateCodec, Secret

BYTES = st.binary(max_size=60) | st.text('ab {}()"\\%*&\r\n\0~+5]é', max_size=30).map(str.encode)
TEXT = st.text(max_size=30) | st.text('ab {}()"\\%*&\r\n\0~+5]é', max_size=20)


def spelled(command: Command) -> list[bytes]:
    """Text, literal, text, as a server reads the command; checks that no text holds a line end."""
    texts: list[bytes] = [b""]
    for part in command.parts:
        if isinstance(part, Literal):
            texts += [part.data, b""]
        else:
            texts[-1] += part
    for text in texts[::2]:
        assert b"\r" not in text
        assert b"\n" not in text
        assert b"\0" not in text
        assert not re.search(rb"\{\d+\+?\}\Z", text)
    return texts


@given(BYTES)
@pytest.mark.parametrize(
    "make",
    [
        lambda name: commands.select(name, read_only=True),
        lambda name: commands.create(name),
        lambda name: commands.subscribe(name),
        lambda name: commands.status(name, b"MESSAGES"),
    ],
    ids=["EXAMINE", "CREATE", "SUBSCRIBE", "STATUS"],
)
def test_a_name_reads_back_as_itself(make: object, name: bytes) -> None:
    assert callable(make)
    words = tokenise(spelled(make(name)))
    assert words[1] == name or (name.upper() == b"NIL" and words[1] is not None)


@given(TEXT, TEXT)
def test_login_reads_back(user: str, password: str) -> None:
    words = tokenise(spelled(commands.login(user, Secret(password))))
    assert words == [b"LOGIN", user.encode(), password.encode()]


@given(st.lists(TEXT | st.sampled_from(sorted(commands.SETTABLE)), max_size=4))
def test_flags_are_atoms_or_refused(flags: list[str]) -> None:
    try:
        spelt = commands.flag_list(flags)
    except ValueError:
        return
    assert re.fullmatch(rb"\(([\\!#-'+-Z^-z|}]+( [\\!#-'+-Z^-z|}]+)*)?\)", spelt), spelt
    assert sorted(spelt[1:-1].split()) == sorted(flag.encode() for flag in flags)


@pytest.mark.parametrize(
    "flag", ["\\Recent", "\\*", "\\Unheard", "a b", "a)", 'a"', "", "a\r\n", "ü", "x" * 65, "a{1}", "a]"]
)
def test_other_flags_are_refused(flag: str) -> None:
    with pytest.raises(ValueError, match="flag"):
        commands.flag_list([flag])


@given(st.binary(max_size=30))
def test_other_dates_are_refused(date: bytes) -> None:
    with pytest.raises(ValueError, match="date"):
        commands.append_message(b"()", date, 5, synchronising=True)


@given(st.integers(0, 2**33), st.integers(-840, 840), st.integers(0, 10**9), st.booleans())
def test_our_own_dates_pass(moment: int, zone: int, size: int, wait: bool) -> None:
    date = DateCodec().format(moment, zone)
    head = commands.append_message(b"(\\Seen)", date, size, synchronising=wait)
    assert head == b' (\\Seen) "%s" {%d%s}\r\n' % (date, size, b"" if wait else b"+")
    if not wait:
        assert commands.append_proven(b"(\\Seen)", date, size) == head


@pytest.mark.parametrize("name", ["NOOP\r\nx", "", "A B", "A1"])
def test_a_simple_command_is_one_word(name: str) -> None:
    with pytest.raises(ValueError, match="command name"):
        commands.simple(name)


@given(BYTES)
def test_a_list_pattern_reads_back(pattern: bytes) -> None:
    try:
        words = tokenise(spelled(commands.list_(pattern)))
    except ValueError:
        return
    assert words == [b"LIST", b"", pattern]
