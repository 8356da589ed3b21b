"""The cmdlets of users. See `spec.py`."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_batch_texts import CLEARS, COMPLETE_AFTER, NO_APPROVAL, PRIORITY, START_AFTER
from mailferry.cmdlets.spec_common import DIAGNOSTIC_INFO, PARTITION, RESULT_SIZE, UNUSED_FORCE, identity
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Example, Parameter, ValueType
from mailferry.migration.states import StatusSummary, UserStatus

T = ValueType
KIND = "MigrationUser"
STATISTICS = "MigrationUserStatistics"
MOST_SKIPPED = 10_000

_WHO = "The user: an address, or the GUID if the address is in several batches."
_ONE, _LIST = ("Identity", "EmailAddress", "MailboxGuid"), "List"
_FIELDS = {"StartAfter": "start_after", "CompleteAfter": "complete_after", "Priority": "priority"}

GET_USER = Cmdlet(
    "Get",
    "MigrationUser",
    "Shows users: one mailbox each.",
    "Shows one user, or those of a batch or a state, in the order in which they were added.",
    (
        identity("user", _WHO, mandatory=False, sets=("Identity",)),
        Parameter("EmailAddress", T.STRING, "The address of the user.", mandatory=True, sets=("EmailAddress",)),
        Parameter("MailboxGuid", T.STRING, "The GUID of the user.", mandatory=True, sets=("MailboxGuid",)),
        Parameter("BatchId", T.STRING, "Those of this batch only.", sets=(_LIST,)),
        Parameter("Status", T.CHOICE, "Those in this state only.", tuple(s.value for s in UserStatus), sets=(_LIST,)),
        Parameter(
            "StatusSummary",
            T.CHOICE,
            "Those of this group of states only.",
            tuple(s.value for s in StatusSummary),
            sets=(_LIST,),
        ),
        Parameter("Search", T.STRING, "Those whose address holds this text, in any case.", sets=(_LIST,), ours=True),
        RESULT_SIZE,
        Parameter("IncludeAssociatedUsers", T.SWITCH, "Taken, without effect.", without_effect=True),
        PARTITION,
    ),
    (
        Call("GET", "/users/{Identity}", Answer.ONE, KIND, given=("Identity",)),
        Call("GET", "/users/{EmailAddress}", Answer.ONE, KIND, given=("EmailAddress",)),
        Call("GET", "/users/{MailboxGuid}", Answer.ONE, KIND, given=("MailboxGuid",)),
        Call(
            "GET",
            "/users",
            Answer.PAGES,
            KIND,
            query={"BatchId": "batch", "Status": "status", "StatusSummary": "summary", "Search": "search"},
            absent=_ONE,
        ),
    ),
    KIND,
    (*_ONE, _LIST),
    (
        Example("Get-MigrationUser terrya@contoso.edu", "Shows one user."),
        Example("Get-MigrationUser -BatchId IMAPBatch1 -Status Failed", "Shows the users of a batch who failed."),
        Example(
            "Get-MigrationUser -BatchId IMAPBatch1 | Where-Object { $_.SkippedItemCount -gt 0 } | "
            "Get-MigrationUserStatistics -IncludeSkippedItems | Format-List Identity,SkippedItems",
            "Shows what was not copied.",
        ),
    ),
    (
        "An Identity that does not exist is an error; Exchange Online shows all users then.",
        "MailboxGuid is the GUID of the user in this service.",
    ),
)

SET_USER = Cmdlet(
    "Set",
    "MigrationUser",
    "Changes one user, or syncs it now.",
    "The settings go before those of the batch.",
    (
        identity("user", _WHO),
        Parameter("StartAfter", T.DATE_TIME, START_AFTER + CLEARS, clearable=True),
        Parameter("CompleteAfter", T.DATE_TIME, COMPLETE_AFTER + CLEARS, clearable=True),
        Parameter("Priority", T.INT, PRIORITY, ours=True),
        Parameter("SyncNow", T.SWITCH, "Begin the incremental sync now, and compare all flags."),
        Parameter("ApproveSkippedItems", T.SWITCH, NO_APPROVAL, without_effect=True),
        PARTITION,
    ),
    (
        Call("PATCH", "/users/{Identity}", Answer.NOTHING, KIND, body=_FIELDS, given=tuple(_FIELDS)),
        Call("POST", "/users/{Identity}/sync-now", Answer.NOTHING, KIND, given=("SyncNow",)),
    ),
    examples=(
        Example("Set-MigrationUser terrya@contoso.edu -SyncNow", "Fetches what is new for one user, now."),
        Example("Set-MigrationUser terrya@contoso.edu -CompleteAfter (Get-Date)", "Does the last sync of one user."),
    ),
    changes=True,
    operation="Changing the migration user",
)


def _action(verb: str, synopsis: str, operation: str) -> Cmdlet:
    return Cmdlet(
        verb,
        "MigrationUser",
        synopsis,
        "The other users of the batch go on.",
        (identity("user", _WHO), PARTITION),
        (Call("POST", "/users/{Identity}/" + verb.lower(), Answer.NOTHING, KIND),),
        examples=(
            Example(f"{verb}-MigrationUser terrya@contoso.edu", synopsis),
            Example(
                f"Get-MigrationUser -BatchId IMAPBatch1 -Search example.org | {verb}-MigrationUser",
                "The same for several users.",
            ),
        ),
        changes=True,
        operation=operation,
    )


START_USER = _action("Start", "Starts a stopped or failed user.", "Starting the migration user")
STOP_USER = _action("Stop", "Stops a user.", "Stopping the migration user")

REMOVE_USER = Cmdlet(
    "Remove",
    "MigrationUser",
    "Removes a user with the password.",
    "Mail on the target stays.",
    (
        identity("user", _WHO),
        UNUSED_FORCE,
        PARTITION,
    ),
    (Call("DELETE", "/users/{Identity}", Answer.NOTHING, KIND),),
    examples=(Example("Remove-MigrationUser terrya@contoso.edu -Confirm:$false", "Removes a user."),),
    changes=True,
    asks=True,
    operation="Removing the migration user",
)

GET_USER_STATISTICS = Cmdlet(
    "Get",
    "MigrationUserStatistics",
    "Shows all figures of a user.",
    "Items, bytes, rates and durations; with -IncludeReport what happened, and with -IncludeSkippedItems each message "
    "that was not copied as it was.",
    (
        identity("user", _WHO),
        Parameter("IncludeReport", T.SWITCH, "Show what happened."),
        Parameter("IncludeSkippedItems", T.SWITCH, "Show what was not copied."),
        Parameter(
            "LimitSkippedItemsTo", T.INT, "How many skipped items at most.", default="1000", least=1, most=MOST_SKIPPED
        ),
        Parameter("SkipSubscription", T.SWITCH, "Taken, without effect.", without_effect=True),
        Parameter("IncludeCopilotReport", T.SWITCH, "Taken, without effect.", without_effect=True),
        DIAGNOSTIC_INFO,
        PARTITION,
    ),
    (
        Call(
            "GET",
            "/users/{Identity}/statistics",
            Answer.ONE,
            STATISTICS,
            query={"IncludeReport": "report", "IncludeSkippedItems": "skipped_items", "LimitSkippedItemsTo": "limit"},
        ),
    ),
    STATISTICS,
    examples=(
        Example("Get-MigrationUserStatistics terrya@contoso.edu | Format-List", "Shows all figures of a user."),
        Example(
            "(Get-MigrationUserStatistics terrya@contoso.edu -IncludeSkippedItems).SkippedItems | "
            "Format-Table Subject,FolderName,Failure",
            "Shows what was not copied.",
        ),
    ),
    differs=("Without -IncludeSkippedItems the property SkippedItems says how to see them, instead of {}.",),
)

USER_CMDLETS: Final = (GET_USER, SET_USER, START_USER, STOP_USER, REMOVE_USER, GET_USER_STATISTICS)
