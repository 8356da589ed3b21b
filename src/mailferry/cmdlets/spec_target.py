"""The cmdlets of step 1, as far as the target of this service can answer. See `spec.py`."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_common import RESULT_SIZE, identity
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Example, Parameter, ValueType

T = ValueType
DOMAIN = "AcceptedDomain"
MAILBOX = "Mailbox"
DOMAIN_TYPES = ("Authoritative", "InternalRelay", "ExternalRelay")

_LIST_ONLY = (
    "The list is this service's own: with domains in it, rows of a CSV whose address is of another domain are left out."
)

GET_DOMAIN = Cmdlet(
    "Get",
    DOMAIN,
    "Shows the accepted domains.",
    _LIST_ONLY,
    (identity("domain", mandatory=False), RESULT_SIZE),
    (
        Call("GET", "/accepted-domains/{Identity}", Answer.ONE, DOMAIN, given=("Identity",)),
        Call("GET", "/accepted-domains", Answer.LIST, DOMAIN, absent=("Identity",)),
    ),
    DOMAIN,
    examples=(Example("Get-AcceptedDomain", "Shows all accepted domains."),),
    differs=(_LIST_ONLY,),
)

NEW_DOMAIN = Cmdlet(
    "New",
    DOMAIN,
    "Adds an accepted domain.",
    _LIST_ONLY,
    (
        Parameter("Name", T.STRING, "A name for the domain.", position=0, mandatory=True, most=256),
        Parameter("DomainName", T.STRING, "The domain; *.contoso.com has all below it.", mandatory=True, most=256),
        Parameter(
            "DomainType", T.CHOICE, "Kept as it is given; nothing depends on it.", DOMAIN_TYPES, default="Authoritative"
        ),
    ),
    (
        Call(
            "POST",
            "/accepted-domains",
            Answer.ONE,
            DOMAIN,
            body={"Name": "name", "DomainName": "domain_name", "DomainType": "domain_type"},
        ),
    ),
    DOMAIN,
    examples=(
        Example("New-AcceptedDomain -Name Contoso -DomainName contoso.edu", "Adds a domain before its users come."),
    ),
    differs=(
        _LIST_ONLY,
        "Exchange Online has no such cmdlet: there a domain is added in the admin center and proven by DNS.",
    ),
    changes=True,
    operation="Adding the accepted domain",
)

REMOVE_DOMAIN = Cmdlet(
    "Remove",
    DOMAIN,
    "Removes an accepted domain.",
    "Users who are in batches stay as they are.",
    (identity("domain"),),
    (Call("DELETE", "/accepted-domains/{Identity}", Answer.NOTHING, DOMAIN),),
    examples=(Example("Remove-AcceptedDomain Contoso -Confirm:$false", "Removes a domain from the list."),),
    changes=True,
    asks=True,
    operation="Removing the accepted domain",
)

GET_MAILBOX = Cmdlet(
    "Get",
    MAILBOX,
    "Shows the mailboxes of the target, as far as it can tell.",
    "A Maildir target lists its folders. An IMAP target cannot be asked for its users: of it, those are shown who are "
    "in batches.",
    (
        identity("mailbox", "The address of the mailbox.", mandatory=False),
        Parameter("Anr", T.STRING, "Those whose address holds this text, in any case."),
        Parameter(
            "Filter",
            T.STRING,
            "Those for which this holds: properties compared by -eq, -ne, -like or -notlike with texts in quotes, "
            "joined by -and, -or, -not and brackets.",
        ),
        Parameter("Endpoint", T.STRING, "The target endpoint.", default="the default target", ours=True),
        RESULT_SIZE,
        Parameter("RecipientTypeDetails", T.STRING, "Taken, without effect.", without_effect=True),
        Parameter("SortBy", T.STRING, "Taken, without effect: use Sort-Object.", without_effect=True),
    ),
    (
        Call("GET", "/mailboxes/{Identity}", Answer.ONE, MAILBOX, query={"Endpoint": "endpoint"}, given=("Identity",)),
        Call(
            "GET",
            "/mailboxes",
            Answer.PAGES,
            MAILBOX,
            query={"Anr": "search", "Filter": "filter", "Endpoint": "endpoint"},
            absent=("Identity",),
        ),
    ),
    MAILBOX,
    examples=(
        Example("Get-Mailbox -Anr contoso.edu", "Shows the mailboxes of a domain."),
        Example(
            """Get-Mailbox -Filter "PrimarySmtpAddress -like '*@contoso.edu' -and MigrationStatus -ne 'Completed'\"""",
            "Shows those whose migration is not complete.",
        ),
    ),
    differs=(
        "A filter names the properties that the cmdlet shows, and compares texts only. -and and -or bind alike, from "
        "left to right.",
        "Mailboxes are made by the target server, or by the first pass for a Maildir target.",
    ),
)

TARGET_CMDLETS: Final = (GET_DOMAIN, NEW_DOMAIN, REMOVE_DOMAIN, GET_MAILBOX)
