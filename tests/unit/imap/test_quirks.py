"""Who a server is, and what its refusals mean."""

from __future__ import annotations

import pytest

from mailferry.imap.capability import Capabilities
from mailferry.imap.parse import ResponseCode
from mailferry.imap.quirks import Quirks, Refusal, backoff_seconds, classify, detect, is_throttled


@pytest.mark.parametrize(
    ("greeting", "name"),
    [
        ("Courier-IMAP ready. Copyright 1998-2018 Double Precision, Inc.", "Courier"),
        ("mail.example.com Cyrus IMAP 3.6.1 server ready", "Cyrus"),
        ("Domino IMAP4 Server Release 9.0.1 ready Tue, 15 Nov 2016 10:11:12 +0100", "Domino"),
        ("Dovecot (Debian) ready.", "Dovecot"),
        ("The Microsoft Exchange IMAP4 service is ready. [QgBMADAAUABS]", "Exchange"),
        ("Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (mail) ready.", "Exchange"),
        ("Gimap ready for requests from 192.0.2.7 a1mb123", "Gmail"),
        ("IMAPrev1", "hMailServer"),
        ("mail SmarterMail", "SmarterMail"),
        ("Yandex IMAP4rev1 at imap.example:993 ready to talk", "Yandex"),
        ("IMAP4 Server (Zoho Mail IMAP4rev1 Server version 1.0)", "Zoho"),
        ("QQMail XMIMAP4Server ready", "QQMail"),
        ("Coremail System IMap Server Ready(163com[10774b2])", "NetEase"),
        ("mail.example.com Zimbra IMAP4rev1 server ready", "Zimbra"),
        ("iSCREAM ready to rumble (1B20:x) st11p00", "iCloud"),
        ("IMAP4rev1 DavMail 5.5.1 server ready", "DavMail"),
        ("localhost IMAP4rev1 2007f.404 at Thu, 1 Jan 2015 00:00:00 +0100 (CET)", "UW IMAP"),
        ("mail.example.com IceWarp 12 IMAP4rev1 server ready", "IceWarp"),
        ("Stalwart IMAP4rev2 at your service.", "Stalwart"),
        ("Proton Mail Bridge 03.00 - gluon session ID 1", "Proton Bridge"),
        ("Welcome", "IMAP server"),
        ("", "IMAP server"),
    ],
)
def test_a_greeting_names_the_server(greeting: str, name: str) -> None:
    assert detect(greeting).name == name


def test_an_id_names_a_server_with_a_silent_greeting() -> None:
    quirks = detect("ready", {"name": "GImap", "vendor": "Google, Inc.", "version": "1"})
    assert quirks.is_gmail
    assert quirks.version == "1"
    assert detect("ready", {"name": "Microsoft.Exchange.Imap4.Imap4Server"}).is_exchange
    assert detect("Dovecot ready.", {"name": "GImap"}).name == "Dovecot"


def test_a_capability_names_a_server_that_says_nothing_else() -> None:
    assert detect("Hello", {}, Capabilities(["IMAP4rev1", "XYMHIGHESTMODSEQ"])).name == "Yahoo"
    assert detect("Hello", {}, Capabilities(["X-GM-EXT-1"])).is_gmail
    assert detect("Hello", {"name": "Dovecot"}, Capabilities(["X-GM-EXT-1"])).name == "Dovecot"


@pytest.mark.parametrize(
    ("greeting", "max_bytes"),
    [
        ("IMAP4rev1 2007f.404 at Thu, 1 Jan 2015", 1_000),
        ("Yahoo", 1_000),
        ("unknown", 8_000),
        ("Gimap ready", 16_000),
        ("Courier-IMAP ready.", 16_000),
        ("Dovecot ready.", 64_000),
    ],
)
def test_how_long_a_command_may_be(greeting: str, max_bytes: int) -> None:
    assert detect(greeting).max_command_bytes == max_bytes


def test_what_follows_from_who_it_is() -> None:
    exchange = detect("The Microsoft Exchange IMAP4 service is ready.")
    assert exchange.is_exchange
    assert exchange.drop_mdn_sent
    assert exchange.case_insensitive_folders
    assert not exchange.keeps_bytes
    assert detect("Coremail System").id_before_select
    assert detect("QQMail").id_before_select
    assert detect("Courier-IMAP ready.").is_courier
    assert detect("Courier-IMAP ready.").unstable_uid_validity
    assert detect("Proton Mail Bridge").broken_special_use_return
    assert detect("strato mail").broken_special_use_return
    assert detect("iSCREAM").broken_qresync
    assert detect("Yahoo").message_limit == 1_000
    assert detect("Yahoo").permuted_copy_uid
    assert detect("who knows") == Quirks()


@pytest.mark.parametrize(
    ("code", "text", "refusal"),
    [
        ("OVERQUOTA", "Quota exceeded", Refusal.QUOTA),
        ("", "Quota limit will be exceeded", Refusal.QUOTA),
        ("", "The mailbox is full", Refusal.QUOTA),
        ("", "Server Unavailable. 15", Refusal.QUOTA),
        ("LIMIT", "", Refusal.LIMIT),
        ("ALERT", "Too many simultaneous connections. (Failure)", Refusal.LIMIT),
        ("UNAVAILABLE", "Temporary authentication failure.", Refusal.BUSY),
        ("", "Temporary authentication failure", Refusal.BUSY),
        ("INUSE", "Mailbox is in use", Refusal.BUSY),
        ("SERVERBUG", "Internal error occurred.", Refusal.SERVER_BUG),
        ("CONTACTADMIN", "", Refusal.SERVER_BUG),
        ("", "Server shutting down, try again later", Refusal.BUSY),
        ("", "Session expired, please login again.", Refusal.BUSY),
        ("THROTTLED", "Success", Refusal.BUSY),
        ("OVERQUOTA", "Account exceeded command or bandwidth limits. (Failure)", Refusal.BUSY),
        ("", "Request is throttled. Suggested Backoff Time: 1500 milliseconds", Refusal.BUSY),
        ("TRYCREATE", "Mailbox doesn't exist: x", Refusal.TRYCREATE),
        ("TOOBIG", "", Refusal.TOO_BIG),
        ("", "Maximum size of appendable message has been exceeded.", Refusal.TOO_BIG),
        ("", "maximum message size exceeded", Refusal.TOO_BIG),
        ("", "literal size too large", Refusal.TOO_BIG),
        ("LIMIT", "Message size is too large", Refusal.TOO_BIG),
        ("", "The message contains a virus", Refusal.CONTENT),
        ("", "Message contains NUL characters", Refusal.CONTENT),
        ("", "Message contains invalid header", Refusal.CONTENT),
        ("", "header limit reached", Refusal.CONTENT),
        ("AUTHENTICATIONFAILED", "Invalid credentials", Refusal.AUTH),
        ("AUTHORIZATIONFAILED", "", Refusal.AUTH),
        ("EXPIRED", "", Refusal.AUTH),
        ("", "AUTHENTICATE failed. AccessTokenExpired", Refusal.AUTH),
        ("", "User is authenticated but not connected.", Refusal.AUTH),
        ("", "SELECT Unsafe Login. Please contact your provider for help", Refusal.AUTH),
        ("ALREADYEXISTS", "Mailbox contains a virus", Refusal.ALREADY_EXISTS),
        ("", "Mailbox already exists", Refusal.ALREADY_EXISTS),
        ("", "Duplicate folder name Trash (Failure)", Refusal.ALREADY_EXISTS),
        ("NONEXISTENT", "Unknown Mailbox: x (Failure)", Refusal.NONEXISTENT),
        ("", "Mailbox does not exist", Refusal.NONEXISTENT),
        ("NOPERM", "Permission denied", Refusal.PERMISSION),
        ("CLIENTBUG", "Additional arguments found", Refusal.OTHER),
        ("CANNOT", "Excess whitespace", Refusal.OTHER),
        ("", "Command Argument Error. 11", Refusal.OTHER),
        ("", "", Refusal.OTHER),
    ],
)
def test_what_a_refusal_is_about(code: str, text: str, refusal: Refusal) -> None:
    assert classify(text, code) is refusal
    assert classify(text.upper(), ResponseCode(code.upper())) is refusal


def test_the_wait_that_exchange_asks_for() -> None:
    assert backoff_seconds("Request is throttled. Suggested Backoff Time: 299961 milliseconds") == 299.961
    assert backoff_seconds("Request is throttled.") is None
    assert backoff_seconds("Suggested Backoff Time: 99999999999999999999 milliseconds") is None


def test_an_ok_can_ask_to_slow_down() -> None:
    assert is_throttled(ResponseCode("THROTTLED"), "Success")
    assert is_throttled(None, "Suggested Backoff Time: 5 milliseconds")
    assert not is_throttled(ResponseCode("APPENDUID", b"1 2"), "Success")
    assert not is_throttled(None, "")
