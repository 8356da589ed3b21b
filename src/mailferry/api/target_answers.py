"""What is known of the targets, as it is sent in and out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from mailferry.api.answers import Answer
from mailferry.api.fields import Text, moment
from mailferry.api.schemas import Sent
from mailferry.service.domains import AcceptedDomain, DomainType
from mailferry.service.mailboxes import Mailbox


class NewDomain(Sent):
    """An accepted domain to be added; `*.contoso.com` stands for all below it."""

    name: Text
    domain_name: Text
    domain_type: DomainType = DomainType.AUTHORITATIVE


class DomainAnswer(Answer):
    """An accepted domain."""

    name: str
    domain_name: str
    domain_type: DomainType
    is_default: bool
    created_at: datetime

    @classmethod
    def of(cls, domain: AcceptedDomain) -> DomainAnswer:
        """Show a domain."""
        return cls.model_validate({**asdict(domain), "created_at": moment(domain.created_at)})


class MailboxAnswer(Answer):
    """A mailbox of a target. `batch` and `status`: of its migration user, empty without one."""

    email_address: str
    name: str
    endpoint: str
    path: str
    batch: str
    status: str

    @classmethod
    def of(cls, mailbox: Mailbox) -> MailboxAnswer:
        """Show a mailbox."""
        return cls.model_validate(asdict(mailbox))


class MailboxesAnswer(Answer):
    """A page of mailboxes. `next`: what to give as `after` for the next page; null: this was the last one."""

    items: list[MailboxAnswer]
    next: str | None
