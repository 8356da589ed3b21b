"""What is known of the targets: accepted domains, and mailboxes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mailferry.api.auth import with_token
from mailferry.api.fields import Identity
from mailferry.api.target_answers import DomainAnswer, MailboxAnswer, MailboxesAnswer, NewDomain
from mailferry.api.wired import AfterName, Name, PageLimit, Search, Wired
from mailferry.migration.opath import MOST_CHARACTERS

router = APIRouter(prefix="/api/v1", tags=["targets"], dependencies=[with_token])

Filter = Annotated[
    str,
    Query(
        min_length=1,
        max_length=MOST_CHARACTERS,
        pattern=r"^[^\x00]*$",
        description="A condition, such as `PrimarySmtpAddress -like '*@contoso.com'`.",
    ),
]


@router.get("/accepted-domains")
async def list_domains(service: Wired) -> list[DomainAnswer]:
    """All accepted domains by name."""
    return [DomainAnswer.of(domain) for domain in await service.domains.all()]


@router.post("/accepted-domains", status_code=201)
async def create_domain(service: Wired, given: NewDomain) -> DomainAnswer:
    """Add an accepted domain. With a list, rows of other domains are left out of new batches."""
    return DomainAnswer.of(await service.domains.create(given.name, given.domain_name, given.domain_type))


@router.get("/accepted-domains/{identity}")
async def get_domain(service: Wired, identity: Identity) -> DomainAnswer:
    """One accepted domain, by its name or the domain itself."""
    return DomainAnswer.of(await service.domains.get(identity))


@router.delete("/accepted-domains/{identity}", status_code=204, response_class=Response)
async def remove_domain(service: Wired, identity: Identity) -> None:
    """Remove an accepted domain. Users who are in batches stay as they are."""
    await service.domains.remove(identity)


@router.get("/mailboxes")
async def list_mailboxes(
    service: Wired,
    endpoint: Name = "",
    search: Search = "",
    filter: Filter = "",  # noqa: A002 - the name of the parameter in a request
    after: AfterName = "",
    limit: PageLimit = 1_000,
) -> MailboxesAnswer:
    """Mailboxes of a target, as far as it can tell: folders of an archive, and users who are in batches."""
    found = await service.mailboxes.page(endpoint=endpoint, search=search, wanted=filter, after=after, limit=limit)
    items = [MailboxAnswer.of(mailbox) for mailbox in found]
    return MailboxesAnswer(items=items, next=items[-1].email_address if len(items) == limit else None)


@router.get("/mailboxes/{identity}")
async def get_mailbox(service: Wired, identity: Identity, endpoint: Name = "") -> MailboxAnswer:
    """One mailbox of a target, by its address."""
    return MailboxAnswer.of(await service.mailboxes.get(identity, endpoint=endpoint))
