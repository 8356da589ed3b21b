"""Reports as mails: what is in the headers, and what cannot get into them."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8, default

import pytest

from mailferry.migration.mailtext import Occasion
from mailferry.service.mailmessage import compose, sender_of
from tests.servers.smtp import files_of, text_of
from tests.unit.migration.test_mailtext import BATCH, facts

SENDER = Address("Mailferry", "mailferry", "contoso.com")


def sent(name: str = "b", to: tuple[str, ...] = ("admin@contoso.com",), sender: Address = SENDER) -> EmailMessage:
    """Compose a mail, and read what would cross the network."""
    told = replace(facts(Occasion.ENDED), batch=replace(BATCH, name=name))
    mail = compose(told, sender, to, {"a.csv": "x,ü\r\n".encode("utf-8-sig")}, number=3, now=1_800_000_000.9)
    return message_from_bytes(mail.as_bytes(policy=SMTPUTF8), EmailMessage, policy=default)


def test_the_headers() -> None:
    mail = sent(to=("admin@contoso.com", "boss@contoso.com"))
    assert str(mail["From"]) == "Mailferry <mailferry@contoso.com>"
    assert str(mail["To"]) == "admin@contoso.com, boss@contoso.com"
    assert str(mail["Message-ID"]) == f"<{BATCH.guid}.3@contoso.com>"
    assert str(mail["Date"]) == "Fri, 15 Jan 2027 08:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["MIME-Version"] == "1.0"
    assert files_of(mail) == {"a.csv": "x,ü\r\n"}
    assert "Status" in text_of(mail)


@pytest.mark.parametrize("name", ["Größe 東京 🚢" * 4, 'a "b" <c@d>', "a\r\nBcc: thief@example.com"])
def test_a_name_stays_in_its_header(name: str) -> None:
    mail = sent(name)
    assert mail["Bcc"] is None
    assert mail.defects == []
    shown = name.replace("\r\n", "  ")
    assert str(mail["Subject"]) == f'E-mail migration batch "{shown}" has finished'


@pytest.mark.parametrize("address", ["a,b@contoso.com", "a\r\nBcc: c@d.e@contoso.com", "a <x@y>@contoso.com"])
def test_an_address_cannot_be_two(address: str) -> None:
    try:
        mail = sent(to=(address,))
    except ValueError:
        return
    assert mail["Bcc"] is None
    assert len(mail["To"].addresses) == 1
    assert mail["To"].addresses[0].domain == "contoso.com"


def test_other_scripts() -> None:
    sender = sender_of("Jörg Müller <jörg@bücher.example>")
    assert sender is not None
    mail = sent(to=("admin@contoso.com",), sender=sender)
    assert str(mail["Message-ID"]).endswith("@localhost>"), "a Message-ID is ASCII"
    plain = sender_of("Jörg Müller <joerg@contoso.com>")
    assert plain is not None
    assert str(sent(sender=plain)["From"]) == "Jörg Müller <joerg@contoso.com>"


@pytest.mark.parametrize(
    "value",
    ["", "nobody", "a@b@c", "a@contoso.com\r\nBcc: c@d", "a@contoso.com, b@contoso.com", "<>", "Name <a b@c.d>"],
)
def test_what_is_no_sender(value: str) -> None:
    assert sender_of(value) is None


def test_senders() -> None:
    assert sender_of("a@contoso.com") == Address("", "a", "contoso.com")
    assert sender_of('"B, A" <a@contoso.com>') == Address("B, A", "a", "contoso.com")
