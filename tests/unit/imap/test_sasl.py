"""SASL mechanisms, with the examples of their RFCs, and the choice among them."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest

from mailferry.imap.capability import Capabilities
from mailferry.imap.errors import LoginRefused, ProtocolError
from mailferry.imap.sasl import LOGIN_COMMAND, MECHANISMS, Credentials, ScramSha256, choose, saslprep
from mailferry.imap.values import Secret

TIM = Credentials("tim", Secret("tanstaafl"))
BEARER = Credentials("user@example.com", token=Secret("vF9dft4qmT"), host="server.example.com", port=143)
PENCIL = Credentials("user", Secret("pencil"))
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_plain() -> None:
    plain = MECHANISMS["PLAIN"](TIM)
    assert plain.initial() == b"\0tim\0tanstaafl"
    assert plain.finished
    assert (
        MECHANISMS["PLAIN"](replace(TIM, authzid="Ursel", user="Kürt")).initial() == "Ursel\0Kürt\0tanstaafl".encode()
    )
    with pytest.raises(ProtocolError):
        plain.respond(b"")
    with pytest.raises(ValueError, match="NUL"):
        MECHANISMS["PLAIN"](Credentials("a\0b", Secret("x")))


def test_login_answers_in_order_whatever_is_asked() -> None:
    login = MECHANISMS["LOGIN"](TIM)
    assert login.initial() is None
    assert login.respond(b"Username:") == b"tim"
    assert not login.finished
    assert login.respond(b"") == b"tanstaafl"
    assert login.finished
    with pytest.raises(ProtocolError):
        login.respond(b"Token:")


def test_xoauth2_answers_a_refusal_with_an_empty_line() -> None:
    mechanism = MECHANISMS["XOAUTH2"](BEARER)
    assert mechanism.initial() == b"user=user@example.com\x01auth=Bearer vF9dft4qmT\x01\x01"
    assert mechanism.finished
    assert mechanism.respond(b'{"status":"400"}') == b""
    assert not mechanism.finished


def test_oauthbearer_answers_a_refusal_with_a_separator() -> None:
    mechanism = MECHANISMS["OAUTHBEARER"](BEARER)
    expected = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmT\x01\x01"
    assert mechanism.initial() == expected
    assert mechanism.respond(b'{"status":"invalid_token"}') == b"\x01"
    assert not mechanism.finished
    odd = MECHANISMS["OAUTHBEARER"](Credentials("a=b,c", token=Secret("t"))).initial()
    assert odd == b"n,a=a=3Db=2Cc,\x01auth=Bearer t\x01\x01"


@pytest.mark.parametrize("name", ["XOAUTH2", "OAUTHBEARER"])
def test_a_name_cannot_smuggle_a_field_into_a_bearer_message(name: str) -> None:
    with pytest.raises(ValueError, match="control"):
        MECHANISMS[name](replace(BEARER, user="a\x01auth=Bearer stolen"))
    with pytest.raises(ValueError, match="token"):
        MECHANISMS[name](TIM)


def test_a_refusal_in_json_is_kept() -> None:
    mechanism = MECHANISMS["XOAUTH2"](BEARER)
    mechanism.respond(b"")
    assert not mechanism.finished


def scram(credentials: Credentials = PENCIL) -> ScramSha256:
    mechanism = ScramSha256(credentials, lambda: CLIENT_NONCE)
    mechanism.initial()
    return mechanism


def test_scram_as_in_rfc_7677() -> None:
    mechanism = ScramSha256(PENCIL, lambda: CLIENT_NONCE)
    assert mechanism.initial() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert mechanism.respond(SERVER_FIRST) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert not mechanism.finished
    assert mechanism.respond(SERVER_FINAL) == b""
    assert mechanism.finished
    with pytest.raises(ProtocolError):
        mechanism.respond(SERVER_FINAL)


def test_scram_with_another_mailbox_and_an_odd_name() -> None:
    mechanism = ScramSha256(replace(PENCIL, user="a,b=c", authzid="me,too"), lambda: "n")
    first = mechanism.initial()
    assert first == b"n,a=me=2Ctoo,n=a=2Cb=3Dc,r=n"
    server_first = b"r=nx,s=QUJD,i=4096"
    final = mechanism.respond(server_first)
    match = re.fullmatch(rb"(c=([^,]*),r=nx),p=([^,]*)", final)
    assert match is not None
    assert b64decode(match[2]) == b"n,a=me=2Ctoo,"
    # What a server does to check the proof (RFC 5802, 3).
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b"ABC", 4096)
    key = hmac.digest(salted, b"Client Key", "sha256")
    signed = b",".join((first.removeprefix(b"n,a=me=2Ctoo,"), server_first, match[1]))
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    assert bytes(a ^ b for a, b in zip(b64decode(match[3]), signature, strict=True)) == key
    server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
    mechanism.respond(b"v=" + b64encode(server))
    assert mechanism.finished


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"\xff",
        b"hello",
        SERVER_FIRST.replace(b"r=rO", b"r=xO"),
        SERVER_FIRST.replace(b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", b""),
        SERVER_FIRST.replace(b"i=4096", b"i=4095"),
        SERVER_FIRST.replace(b"i=4096", b"i=1000001"),
        SERVER_FIRST.replace(b"i=4096", b"i=" + b"9" * 5000),
        SERVER_FIRST.replace(b"i=4096", b"i=-5000"),
        SERVER_FIRST.replace(b"W22Z", b"!!!!"),
        SERVER_FIRST.replace(b"s=W22ZaJ0SNY7soEsUEjb6gQ==", b"s="),
        b"m=must," + SERVER_FIRST,
        SERVER_FINAL,
    ],
)
def test_scram_refuses_a_first_message_that_is_not_right(challenge: bytes) -> None:
    with pytest.raises(ProtocolError):
        scram().respond(challenge)


@pytest.mark.parametrize("challenge", [b"v=", b"", b"v=AAAA", b"x=1", SERVER_FINAL.replace(b"6rri", b"7rri")])
def test_scram_is_not_finished_by_a_server_that_does_not_know_the_password(challenge: bytes) -> None:
    mechanism = scram()
    mechanism.respond(SERVER_FIRST)
    with pytest.raises(ProtocolError):
        mechanism.respond(challenge)
    assert not mechanism.finished


def test_scram_says_why_it_was_refused() -> None:
    mechanism = scram()
    mechanism.respond(SERVER_FIRST)
    with pytest.raises(LoginRefused, match="invalid-proof"):
        mechanism.respond(b"e=invalid-proof")
    assert not mechanism.finished


def test_two_runs_do_not_share_a_nonce() -> None:
    assert ScramSha256(PENCIL).initial() != ScramSha256(PENCIL).initial()


@pytest.mark.parametrize(
    ("text", "prepared"),
    [("I\u00adX", "IX"), ("user", "user"), ("\u00aa", "a"), ("\u2168", "IX"), ("a\u00a0b", "a b"), ("\x07", "\x07")],
)
def test_saslprep_as_in_rfc_4013(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


ALL = "AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-256 AUTH=XOAUTH2 AUTH=OAUTHBEARER"
MASTER = replace(TIM, authzid="ursel")
DOMAIN = replace(TIM, user="corp\\tim")


@pytest.mark.parametrize(
    ("announced", "credentials", "encrypted", "chosen"),
    [
        (ALL, TIM, True, "PLAIN"),
        (ALL, TIM, False, "SCRAM-SHA-256"),
        (ALL, BEARER, True, "XOAUTH2"),
        ("AUTH=OAUTHBEARER", BEARER, True, "OAUTHBEARER"),
        ("AUTH=LOGIN", TIM, True, "LOGIN"),
        ("AUTH=LOGIN LOGINDISABLED", TIM, True, "LOGIN"),
        ("IMAP4rev1", TIM, True, LOGIN_COMMAND),
        ("", TIM, True, LOGIN_COMMAND),
        ("AUTH=CRAM-MD5", TIM, True, LOGIN_COMMAND),
        (ALL, MASTER, True, "PLAIN"),
        ("AUTH=SCRAM-SHA-256 AUTH=LOGIN", MASTER, True, "SCRAM-SHA-256"),
        (ALL, DOMAIN, True, LOGIN_COMMAND),
        (ALL + " LOGINDISABLED", DOMAIN, True, "PLAIN"),
    ],
)
def test_the_choice(announced: str, credentials: Credentials, encrypted: bool, chosen: str) -> None:
    assert choose(Capabilities(announced.split()), credentials, encrypted=encrypted) == chosen


@pytest.mark.parametrize(
    ("announced", "credentials"),
    [("AUTH=PLAIN", BEARER), ("AUTH=LOGIN", MASTER), ("LOGINDISABLED", TIM), ("AUTH=CRAM-MD5 LOGINDISABLED", DOMAIN)],
)
def test_nothing_to_choose(announced: str, credentials: Credentials) -> None:
    with pytest.raises(LoginRefused):
        choose(Capabilities(announced.split()), credentials)


def test_a_request_overrules_the_choice() -> None:
    assert choose(Capabilities(ALL.split()), TIM, requested="scram-sha-256") == "SCRAM-SHA-256"
    assert choose(Capabilities(["IMAP4rev1"]), TIM, requested="LOGIN") == LOGIN_COMMAND
    for requested, announced in (("PLAIN", "AUTH=LOGIN"), ("CRAM-MD5", "AUTH=CRAM-MD5"), ("LOGIN", "LOGINDISABLED")):
        with pytest.raises(LoginRefused):
            choose(Capabilities([announced]), TIM, requested=requested)


def test_secrets_do_not_show() -> None:
    assert "tanstaafl" not in f"{TIM} {TIM!r} {TIM.password} {TIM.password!r}"
    assert TIM.password == Secret("tanstaafl")
    assert TIM.password != Secret("other")
    assert not Secret("")
