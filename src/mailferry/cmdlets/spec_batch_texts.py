"""Help texts that several cmdlets of batches and users share."""

from __future__ import annotations

from typing import Final

CSV_DATA: Final = (
    "The CSV file: its bytes, or its name. Columns: EmailAddress, UserName, Password, and if need be UserRoot, "
    "TargetUserName, TargetPassword."
)
ALLOW_UNKNOWN: Final = "Ignore columns that are not known; else they are an error."
ADD_USERS: Final = "Add the users of the CSV that are not in the batch yet. -CSVData alone does the same."
INCLUDE: Final = (
    "Copy these folders only. Names are relative to the root of the mailbox and in any case; Folder/* is a folder with "
    "those below it; #Inbox# is the inbox whatever its name."
)
EXCLUDE: Final = "Do not copy these folders; named as for IncludeFolders."
CONTENT_FILTER: Final = (
    "Copy only mail received in a range: Received with -gt, -ge, -lt, -le or -eq and a date in quotes, joined by -and."
)
CONTENT_LANGUAGE: Final = "The culture in which the dates of ContentFilter are written, such as en-GB or de-DE."
START_AFTER: Final = "Not before this moment. Without a zone it is UTC."
CLEARS: Final = " $null (in a shell: none) takes it away."
COMPLETE_AFTER: Final = "Complete by itself when this moment has come. Without a zone it is UTC."
TIME_ZONE: Final = "The time zone in which reports show times."
REPORT_INTERVAL: Final = "Time from one report to the next, such as 1.00:00:00 for a day; 0: none."
PRIORITY: Final = "Users with a higher number go first."
NO_APPROVAL: Final = "Taken, without effect: skipped items need no approval."
