"""The sample mailboxes of the demo: made by rule, so the same every time. Names and addresses are fictitious."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NamedTuple

STAFF = (
    Address("Terry Adams", "terry", "contoso.example"),
    Address("Ann Beebe", "ann", "contoso.example"),
    Address("Paul Cannon", "paul", "contoso.example"),
    Address("Sanjay Patel", "sanjay", "contoso.example"),
    Address("Amélie Garner", "amelie", "contoso.example"),
)
"""Whose mailboxes there are."""

PEOPLE = (
    *STAFF,
    Address("Zoë Müller", "zoe", "fabrikam.example"),
    Address("Сергей Иванов", "sergey", "fabrikam.example"),
)
SUBJECTS = (
    "Minutes of Monday's meeting",
    "Offer for the new warehouse",
    "Re: Offer for the new warehouse",
    "Lunch on Friday?",
    "Grüße aus München",
    "Счёт за март",
    "Photos of the opening",
    "Contract, second draft",
    "Your parcel is on its way",
    "Holiday plan",
)
START = datetime(2024, 1, 8, 9, 0, tzinfo=UTC)


class Sample(NamedTuple):
    """One message for one folder. `folder` is the name as people read it."""

    folder: str
    data: bytes
    flags: str
    date: datetime


def samples(owner: Address) -> Iterator[Sample]:
    """Give the messages of one of the staff, folder by folder."""
    more = 9 * STAFF.index(owner)
    plan = {
        "INBOX": 40 + more,
        "Sent": 18 + more // 2,
        "Drafts": 2,
        "Clients": 6,
        "Clients/Contoso": 12,
        "Reisekosten & Spesen": 7,
        "写真": 5,
    }
    number = 0
    for folder, count in plan.items():
        for k in range(count):
            number += 1
            when = START + timedelta(hours=7 * number)
            flags = "\\Seen" if k % 4 else ""
            flags += " \\Flagged" if k % 9 == 5 else ""
            flags += " \\Answered" if k % 5 == 2 else ""
            flags = "\\Draft" if folder == "Drafts" else flags.strip()
            yield Sample(folder, message(owner, number, when, outgoing=folder in ("Sent", "Drafts")), flags, when)


def message(owner: Address, number: int, when: datetime, *, outgoing: bool = False) -> bytes:
    """Give one message, to its owner or from."""
    others = [person for person in PEOPLE if person is not owner]
    other = others[number % len(others)]
    mail = EmailMessage()
    mail["Date"] = format_datetime(when)
    mail["From"], mail["To"] = (owner, other) if outgoing else (other, owner)
    mail["Subject"] = SUBJECTS[number % len(SUBJECTS)]
    if number % 11:  # some mail has no Message-ID
        mail["Message-ID"] = f"<{number}.{owner.username}@contoso.example>"
    mail.set_content(f"Hello,\n\nthis is message number {number} of the sample mailbox.\n\nBest wishes\n")
    if number % 7 == 3:
        picture = base64.b64decode(_PIXEL) + b"\0" * (3000 * (number % 5 + 1))
        mail.add_attachment(picture, maintype="image", subtype="png", filename=f"picture-{number}.png")
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
