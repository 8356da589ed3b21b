"""A report as a mail: headers that nothing can be slipped into, the text, and the files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses

from mailferry.migration.csvrows import is_smtp_address
from mailferry.migration.mailtext import MailFacts, subject, text


def sender_of(value: str) -> Address | None:
    """Read `smtp_from`: an address, or `Name <address>`. None: it is neither."""
    if not value.isprintable():
        return None
    found = getaddresses([value])
    return _address(found[0][1], found[0][0]) if len(found) == 1 and is_smtp_address(found[0][1]) else None


def compose(
    facts: MailFacts,
    sender: Address,
    recipients: Sequence[str],
    files: Mapping[str, bytes],
    *,
    number: int,
    now: float,
) -> EmailMessage:
    """Make a mail. `files`: CSV by name. `recipients` are checked addresses.

    Attempts with the same `number` have the same Message-ID: if one was taken and we do not know of it, mail systems
    that look out for doubles show one.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject(facts)
    message["From"] = sender
    message["To"] = [_address(each) for each in recipients]
    message["Date"] = datetime.fromtimestamp(int(now), UTC)
    domain = sender.domain if sender.domain.isascii() else "localhost"
    message["Message-ID"] = f"<{facts.batch.guid}.{number}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice is to answer it
    message.set_content(text(facts))
    for name, content in files.items():
        message.add_attachment(
            content, maintype="text", subtype="csv", filename=name, params={"charset": "utf-8", "header": "present"}
        )
    return message


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)
