"""The cmdlets of batches. See `spec.py`."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets import spec_batch_users as of_users
from mailferry.cmdlets.spec_batch_settings import FIELDS, FILTER, FOLDERS, NEW_FILTER, NEW_TIMES, REPORTS, TIMES
from mailferry.cmdlets.spec_batch_texts import ADD_USERS, ALLOW_UNKNOWN, CSV_DATA, NO_APPROVAL, PRIORITY
from mailferry.cmdlets.spec_common import DIAGNOSTIC_INFO, PARTITION, RESULT_SIZE, UNUSED_FORCE, identity
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Detail, Example, Parameter, ValueType
from mailferry.migration.states import BatchStatus

T = ValueType
KIND = "MigrationBatch"
STATUSES = tuple(status.value for status in BatchStatus)

_REPORT = (Detail("IncludeReport", "/batches/{guid}/row-errors", "row_error_list"),)


def _unused(*names: str, text: str = "it has no meaning for IMAP.") -> tuple[Parameter, ...]:
    text = f"Taken, without effect: {text}"
    return tuple(Parameter(name, T.SWITCH, text, without_effect=True) for name in names)


NEW_BATCH = Cmdlet(
    "New",
    "MigrationBatch",
    "Makes a batch: the users of a CSV, or of other batches, who are migrated together.",
    "The CSV has the columns EmailAddress, UserName, Password, and UserRoot where it is needed. Rows in error are left "
    "out and counted in ValidationWarningCount; Get-MigrationBatch -IncludeReport lists them. The batch starts at "
    "once with -AutoStart, else by Start-MigrationBatch." + of_users.DESCRIPTION,
    (
        Parameter("Name", T.STRING, "The name of the batch.", position=0, mandatory=True, most=64),
        Parameter(
            "SourceEndpoint",
            T.STRING,
            "The endpoint that mail is fetched from.",
            mandatory=True,
            optional_in=of_users.OF_USERS,
        ),
        Parameter(
            "TargetEndpoint", T.STRING, "The endpoint that mail is brought to.", default="the default target", ours=True
        ),
        Parameter("CSVData", T.BYTES, CSV_DATA, mandatory=True, sets=(of_users.ONBOARDING,)),
        Parameter("AutoStart", T.SWITCH, "Start the batch at once."),
        Parameter("AllowUnknownColumnsInCsv", T.BOOLEAN, ALLOW_UNKNOWN, default="False", sets=(of_users.ONBOARDING,)),
        *of_users.PARAMETERS,
        *FOLDERS,
        *FILTER,
        *TIMES,
        *REPORTS,
        Parameter("SkipReports", T.SWITCH, "Send no reports."),
        Parameter("Priority", T.INT, PRIORITY, default="0", ours=True),
        *_unused("SkipMerging"),
        *_unused("AutoComplete", text="give -CompleteAfter (Get-Date) instead, or run Complete-MigrationBatch later."),
        PARTITION,
    ),
    (
        Call(
            "POST",
            "/batches",
            Answer.ONE,
            KIND,
            body={
                "Name": "name",
                "SourceEndpoint": "source_endpoint",
                "TargetEndpoint": "target_endpoint",
                "CSVData": "csv_data",
                "AutoStart": "auto_start",
                "AllowUnknownColumnsInCsv": "allow_unknown_columns",
            }
            | of_users.BODY
            | FIELDS,
            files={"CSVData": "file_name"},
        ),
    ),
    KIND,
    of_users.SETS,
    examples=(
        Example(
            "New-MigrationBatch -Name IMAPBatch1 -SourceEndpoint IMAPEndpoint "
            '-CSVData ([System.IO.File]::ReadAllBytes("C:\\Users\\Administrator\\Desktop\\IMAPmigration_1.csv")) '
            "-AutoStart",
            "Makes a batch of the users in a file and starts it.",
        ),
        Example(
            "New-MigrationBatch -Name IMAPBatch2 -SourceEndpoint IMAPEndpoint -CSVData users.csv "
            "-ExcludeFolders '[Gmail]','Public Folders/*' -CompleteAfter 2026-12-01T18:00Z",
            "Makes a batch without some folders that completes by itself. The name of a file does for its bytes.",
        ),
        Example(
            "New-MigrationBatch -Name IMAPBatch3 -SourceEndpoint IMAPEndpoint -CSVData users.csv "
            "-ContentFilter \"Received -ge '2025-01-01' -and Received -lt '2026-01-01'\"",
            "Makes a batch that brings over the mail of one year. Nothing is deleted when the filter is changed later.",
        ),
        *of_users.EXAMPLES,
    ),
    differs=(
        "-CSVData also takes the name of a file.",
        "-TargetEndpoint and -Priority are ours.",
        "-ContentFilter knows Received alone; a date without a zone is UTC.",
        *of_users.DIFFERS,
    ),
    changes=True,
    operation="Creating the migration batch",
    not_there=of_users.NOT_THERE,
)

GET_BATCH = Cmdlet(
    "Get",
    "MigrationBatch",
    "Shows batches.",
    "Shows one batch, or all of them by name. Times are UTC.",
    (
        identity("batch", mandatory=False, sets=("Identity",)),
        Parameter("Endpoint", T.STRING, "Those of this endpoint only.", sets=("List",)),
        Parameter("Status", T.CHOICE, "Those in this state only.", STATUSES, sets=("List",)),
        Parameter("IncludeReport", T.SWITCH, "Show in Report which rows of the CSV were left out, and why."),
        RESULT_SIZE,
        DIAGNOSTIC_INFO,
        PARTITION,
    ),
    (
        Call("GET", "/batches/{Identity}", Answer.ONE, KIND, given=("Identity",), details=_REPORT),
        Call(
            "GET",
            "/batches",
            Answer.PAGES,
            KIND,
            query={"Endpoint": "endpoint", "Status": "status"},
            absent=("Identity",),
            details=_REPORT,
        ),
    ),
    KIND,
    ("Identity", "List"),
    (
        Example("Get-MigrationBatch -Identity IMAPBatch1 | Format-List", "Shows all about a batch."),
        Example("Get-MigrationBatch -Identity IMAPBatch1 | Format-List Status", "Shows the state of a batch."),
        Example("Get-MigrationBatch -Status SyncedWithErrors", "Shows the batches in which somebody failed."),
    ),
    ("An Identity that does not exist is an error; Exchange Online shows all batches then.",),
)

SET_BATCH = Cmdlet(
    "Set",
    "MigrationBatch",
    "Changes a batch, adds users to it, or syncs it now.",
    "Settings of a user go before those of the batch. With -CSVData the new users of the file are added; rows of users "
    "who failed give them another login. -SyncNow begins the incremental sync of all synced users; do it after the MX "
    "record was changed.",
    (
        identity("batch"),
        Parameter("CSVData", T.BYTES, CSV_DATA),
        Parameter("AddUsers", T.SWITCH, ADD_USERS, needs=("CSVData",)),
        Parameter("AllowUnknownColumnsInCsv", T.BOOLEAN, ALLOW_UNKNOWN, needs=("CSVData",)),
        Parameter(
            "SyncNow",
            T.SWITCH,
            "Begin the incremental sync of all synced users now, and compare all flags. Failed ones stay as they are.",
        ),
        *FOLDERS,
        *NEW_FILTER,
        *NEW_TIMES,
        *REPORTS,
        Parameter("SkipReports", T.BOOLEAN, "Send no reports."),
        Parameter("Priority", T.INT, PRIORITY, ours=True),
        Parameter("ApproveSkippedItems", T.SWITCH, NO_APPROVAL, without_effect=True),
        Parameter("Update", T.SWITCH, "Taken, without effect: changes hold at once.", without_effect=True, quiet=True),
        *_unused("SkipMerging"),
        PARTITION,
    ),
    (
        Call("PATCH", "/batches/{Identity}", Answer.NOTHING, KIND, body=FIELDS, given=tuple(FIELDS)),
        Call(
            "POST",
            "/batches/{Identity}/users",
            Answer.ONE,
            KIND,
            body={"CSVData": "csv_data", "AllowUnknownColumnsInCsv": "allow_unknown_columns"},
            files={"CSVData": "file_name"},
            given=("CSVData",),
        ),
        Call("POST", "/batches/{Identity}/sync-now", Answer.NOTHING, KIND, given=("SyncNow",)),
    ),
    examples=(
        Example("Set-MigrationBatch IMAPBatch1 -SyncNow", "Fetches what is new, now."),
        Example(
            "Set-MigrationBatch IMAPBatch1 -AddUsers -CSVData more.csv", "Adds the new users of a file to a batch."
        ),
        Example("Set-MigrationBatch IMAPBatch1 -CompleteAfter (Get-Date).AddDays(2)", "Completes a batch in two days."),
    ),
    differs=("Skipped items need no approval; -ApproveSkippedItems and -Update are taken, without effect.",),
    changes=True,
    operation="Changing the migration batch",
)


def _action(
    verb: str,
    synopsis: str,
    description: str,
    operation: str,
    differs: tuple[str, ...],
    *more: Parameter,
    route: str,
    first: tuple[Call, ...] = (),
) -> Cmdlet:
    return Cmdlet(
        verb,
        "MigrationBatch",
        synopsis,
        description,
        (identity("batch"), *more, PARTITION),
        (*first, Call("POST", "/batches/{Identity}/" + route, Answer.NOTHING, KIND)),
        examples=(Example(f"{verb}-MigrationBatch IMAPBatch1", synopsis),),
        differs=differs,
        changes=True,
        operation=operation,
    )


START_BATCH = _action(
    "Start",
    "Starts a batch, goes on with a stopped one, or tries its failed users again.",
    "It may be called at any time: users who are at work are not disturbed.",
    "Starting the migration batch",
    (),
    *_unused("Validate", text="the batch is started; Test-MigrationServerAvailability tests its endpoint."),
    route="start",
)

STOP_BATCH = _action(
    "Stop",
    "Stops a batch.",
    "Passes that run end within seconds, and nothing runs until Start-MigrationBatch. What was copied stays.",
    "Stopping the migration batch",
    ("Identity must be given; Exchange Online takes the current batch without it.",),
    route="stop",
)

_ALL_SYNCED = Call(
    "GET", "/batches/{Identity}", Answer.ONE, KIND, given=("SyncAndComplete",), zero=("failed", "stopped")
)
COMPLETE_BATCH = _action(
    "Complete",
    "Does the last sync of each synced user, then freezes them.",
    "Completed users are not synced any more. Failed and stopped users stay as they are. A user's own CompleteAfter "
    "goes before this.",
    "Completing the migration batch",
    ("A last sync is always part of it; -SyncAndComplete only makes sure that nobody is left behind.",),
    Parameter("SyncAndComplete", T.SWITCH, "Refuse if users have failed or are stopped. The last sync is always done."),
    route="complete",
    first=(_ALL_SYNCED,),
)

REMOVE_BATCH = Cmdlet(
    "Remove",
    "MigrationBatch",
    "Removes a batch with its users and their passwords.",
    "Mail on the target stays. The batch is in state Removing until all is gone; then Get-MigrationBatch cannot find "
    "it any more, and its name is free.",
    (
        identity("batch"),
        UNUSED_FORCE,
        PARTITION,
    ),
    (Call("DELETE", "/batches/{Identity}", Answer.NOTHING, KIND),),
    examples=(
        Example("Remove-MigrationBatch -Identity IMAPBatch1", "Removes a batch after a question."),
        Example("Remove-MigrationBatch IMAPBatch1 -Confirm:$false", "Removes a batch without a question."),
    ),
    differs=("Nothing is left over, so -Force changes nothing.",),
    changes=True,
    asks=True,
    operation="Removing the migration batch",
)

BATCH_CMDLETS: Final = (NEW_BATCH, GET_BATCH, SET_BATCH, START_BATCH, STOP_BATCH, COMPLETE_BATCH, REMOVE_BATCH)
