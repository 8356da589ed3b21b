"""Modified UTF-7 (RFC 3501, 5.1.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.imap import utf7
from mailferry.imap.grammar import is_quotable

NAMES = st.text(st.characters(exclude_categories=["Cs"]))
AMPERSANDS = st.text(st.sampled_from("&-+,/Aäé日\U0001f4e7\x00\x1f\x7f~ "))


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("", b""),
        ("INBOX", b"INBOX"),
        ("A&B", b"A&-B"),
        ("&", b"&-"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("Entwürfe", b"Entw&APw-rfe"),
        ("é&é", b"&AOk-&-&AOk-"),
        ("\U0001f4e7", b"&2D3c5w-"),
        ("\x00\r\n", b"&AAAADQAK-"),
        ("a\x7f", b"a&AH8-"),
    ],
)
def test_names_of_the_rfc_and_others(name: str, raw: bytes) -> None:
    assert utf7.encode(name) == raw
    assert utf7.decode(raw) == name
    assert utf7.is_canonical(raw)


@given(NAMES | AMPERSANDS)
def test_every_name_comes_back(name: str) -> None:
    raw = utf7.encode(name)
    assert utf7.decode(raw) == name
    assert utf7.is_canonical(raw)
    assert is_quotable(raw)
    assert raw.isascii()
    assert raw.decode().isprintable()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Entwürfe".encode(), "Entwürfe"),
        ("Entwürfe".encode("latin-1"), "Entwürfe"),
        (b"R&D", "R&D"),
        (b"R&D-x", "R&D-x"),
        (b"a&", "a&"),
        (b"&AOk", "é"),
        (b"&AOk&AOk-", "éé"),
        (b"&A!k-", "&A!k-"),
        (b"&2D0-", "&2D0-"),
        (b"&3uc-", "&3uc-"),
        (b"&AEEAQg-", "AB"),
        (b"&&-", "&&"),
    ],
)
def test_broken_names_give_something_to_read(raw: bytes, name: str) -> None:
    assert utf7.decode(raw) == name
    assert not utf7.is_canonical(raw)


@given(st.binary() | st.text(st.sampled_from("&-AQk,2D3c!"), max_size=30).map(str.encode))
def test_any_bytes_give_text_without_surrogates(raw: bytes) -> None:
    name = utf7.decode(raw)
    assert utf7.decode(utf7.encode(name)) == name
    name.encode("utf-8")


def test_a_lone_surrogate_has_no_encoding() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        utf7.encode("\ud800")
