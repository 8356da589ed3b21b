"""How New-MigrationBatch takes users from other batches. See `spec.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailferry.cmdlets.spec_model import Example, Parameter, ValueType

T = ValueType

ONBOARDING: Final = "Onboarding"
OF_USERS: Final = ("Preexisting", "PreexistingUserIds")
SETS: Final = (ONBOARDING, *OF_USERS)

PARAMETERS: Final = (
    Parameter(
        "AdoptPreexisting",
        T.SWITCH,
        "Take users of the CSV over who are in other batches; else their rows are left out. The old batches have them "
        "no more.",
        sets=(ONBOARDING,),
    ),
    Parameter(
        "RemoveOnCopy",
        T.SWITCH,
        "Say that nothing of those users stays in their old batches, as is so without it.",
        sets=(ONBOARDING,),
        needs=("AdoptPreexisting",),
    ),
    Parameter(
        "Users",
        T.STRINGS,
        "In place of a CSV: users of other batches, as Get-MigrationUser gives them.",
        mandatory=True,
        sets=(OF_USERS[0],),
        objects=True,
    ),
    Parameter(
        "UserIds",
        T.STRINGS,
        "In place of a CSV: users of other batches, by address, or by GUID if an address is in several.",
        mandatory=True,
        sets=(OF_USERS[1],),
    ),
    Parameter(
        "DisableOnCopy",
        T.SWITCH,
        "Take users out of their old batches, too, who have not failed, stopped or completed there.",
        sets=OF_USERS,
    ),
)
BODY: Final = {
    "AdoptPreexisting": "adopt_preexisting",
    "RemoveOnCopy": "remove_on_copy",
    "Users": "user_ids",
    "UserIds": "user_ids",
    "DisableOnCopy": "disable_on_copy",
}
EXAMPLES: Final = (
    Example(
        "New-MigrationBatch -Name Retry -Users (Get-MigrationUser -BatchId IMAPBatch1 -Status Failed) -DisableOnCopy "
        "-AutoStart",
        "Gives the users of a batch who failed a batch of their own, and tries them again there.",
    ),
    Example(
        "New-MigrationBatch -Name Night -UserIds terrya@contoso.edu,ann@contoso.edu -DisableOnCopy",
        "Takes two users out of their batches into a new one.",
    ),
    Example(
        "New-MigrationBatch -Name IMAPBatch3 -SourceEndpoint IMAPEndpoint -CSVData users.csv -AdoptPreexisting "
        "-RemoveOnCopy",
        "Makes a batch of the users in a file, also of those who are in other batches.",
    ),
)
DESCRIPTION: Final = (
    " With -Users or -UserIds users of other batches make up the new one. They go over to it with their passwords and "
    "with what is known of their mail, so that the new batch goes on where the old one stopped and nothing is copied "
    "twice. Endpoints, folders and content filter are those of the old batch, unless folders or "
    "the filter are given. The old batch has the users no more; a started one whose users have all gone is stopped."
)
DIFFERS: Final = (
    "A user is in one batch only, so that two cannot copy the same mail: users are not copied to the new batch, they "
    "move to it, and nothing of them stays in the old one. -RemoveOnCopy is accepted, and is what happens anyway. "
    "-DisableOnCopy is the permission to take users who are at work in the old batch (all but failed, stopped and "
    "completed ones). Users in whom a pass runs do not move; stop them first.",
    "-SourceEndpoint may be given with -Users and -UserIds. It must be that of the users, and so must -TargetEndpoint; "
    "-AdoptPreexisting with a CSV moves users to other endpoints.",
    "-Analyze is not there; to see what would be copied use mailferry copy --dry-run for a mailbox, and "
    "Test-MigrationServerAvailability for the server.",
)
NOT_THERE: Final[Mapping[str, str]] = {
    "Analyze": "To see what would be copied use mailferry copy --dry-run for a mailbox, and "
    "Test-MigrationServerAvailability for the server.",
    "Daily": "It belongs to -Analyze, which is not there; use mailferry copy --dry-run.",
    "SkipDetails": "It belongs to -Analyze, which is not there; use mailferry copy --dry-run.",
}
