"""What follows from what a server announces."""

from __future__ import annotations

import pytest

from mailferry.imap.capability import KNOWN, Capabilities, LiteralMode


def caps(text: str) -> Capabilities:
    return Capabilities(text.split())


def test_names_come_in_any_case_as_bytes_or_text() -> None:
    assert Capabilities([b"imap4rev1", b"MultiAppend"]) == Capabilities(["IMAP4rev1", "MULTIAPPEND"])
    assert caps("IMAP4rev1 multiappend").has("MULTIAPPEND")
    assert caps("IMAP4rev1 MULTIAPPEND").has("multiappend")
    assert not caps("IMAP4rev1").has("MULTIAPPEND")


def test_nothing_announced_is_not_known() -> None:
    assert not Capabilities(()).known
    assert caps("IMAP4rev1").known


@pytest.mark.parametrize(
    ("text", "mode", "small", "large"),
    [
        ("IMAP4rev1", LiteralMode.SYNCHRONISING, False, False),
        ("IMAP4rev1 LITERAL-", LiteralMode.MINUS, True, False),
        ("IMAP4rev1 LITERAL+", LiteralMode.PLUS, True, True),
        ("IMAP4rev1 LITERAL+ LITERAL-", LiteralMode.PLUS, True, True),
        ("IMAP4rev1 LITERAL + ID", LiteralMode.PLUS, True, True),
        ("IMAP4rev1 LITERAL", LiteralMode.SYNCHRONISING, False, False),
        ("IMAP4rev2", LiteralMode.MINUS, True, False),
    ],
)
def test_literals_that_need_not_wait(text: str, mode: LiteralMode, small: bool, large: bool) -> None:
    capabilities = caps(text)
    assert capabilities.literal_mode is mode
    assert capabilities.literal_allows(4096) is small
    assert capabilities.literal_allows(4097) is large


def test_rev2_brings_its_base_but_not_all_of_binary() -> None:
    rev2 = caps("IMAP4rev2")
    for name in ("UIDPLUS", "NAMESPACE", "SPECIAL-USE", "LIST-STATUS", "ESEARCH", "MOVE", "STATUS=SIZE"):
        assert rev2.has(name)
    for name in ("BINARY", "MULTIAPPEND", "CONDSTORE", "LITERAL+", "ID"):
        assert not rev2.has(name)
    assert "UIDPLUS" not in rev2.names


def test_qresync_implies_condstore() -> None:
    assert caps("IMAP4rev1 QRESYNC").has("CONDSTORE")
    assert not caps("IMAP4rev1 CONDSTORE").has("QRESYNC")


def test_logins() -> None:
    capabilities = caps("IMAP4rev1 AUTH=plain AUTH=XOAUTH2 AUTH= LOGINDISABLED")
    assert capabilities.auth_mechanisms == {"PLAIN", "XOAUTH2"}
    assert capabilities.login_disabled
    assert not caps("AUTH=PLAIN").login_disabled


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("APPENDLIMIT=35651584", 35_651_584),
        ("APPENDLIMIT", None),
        ("APPENDLIMIT=", None),
        ("APPENDLIMIT=x", None),
        ("APPENDLIMIT=-1", None),
        ("APPENDLIMIT=5 APPENDLIMIT=3", 3),
        ("APPENDLIMIT=\N{ARABIC-INDIC DIGIT FIVE}", None),
        ("IMAP4rev1", None),
    ],
)
def test_the_limit_of_an_append(text: str, limit: int | None) -> None:
    assert caps(text).append_limit == limit


def test_the_limit_of_messages() -> None:
    assert caps("MESSAGELIMIT=1000").message_limit == 1000
    assert caps("IMAP4rev1").message_limit is None


def test_each_known_capability_says_where_it_is_defined() -> None:
    assert all(name == name.upper() and source for name, source in KNOWN.items())
