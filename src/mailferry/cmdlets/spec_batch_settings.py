"""The settings of a batch, which are given when it is made or changed, as parameters."""

from __future__ import annotations

from typing import Final

from mailferry.cmdlets.spec_batch_texts import (
    CLEARS,
    COMPLETE_AFTER,
    CONTENT_FILTER,
    CONTENT_LANGUAGE,
    EXCLUDE,
    INCLUDE,
    REPORT_INTERVAL,
    START_AFTER,
    TIME_ZONE,
)
from mailferry.cmdlets.spec_model import Parameter, ValueType

T = ValueType

FIELDS: Final = {
    "IncludeFolders": "include_folders",
    "ExcludeFolders": "exclude_folders",
    "ContentFilter": "content_filter",
    "ContentFilterLanguage": "content_filter_language",
    "NotificationEmails": "notification_emails",
    "ReportInterval": "report_interval_seconds",
    "SkipReports": "skip_reports",
    "TimeZone": "time_zone",
    "Priority": "priority",
    "StartAfter": "start_after",
    "CompleteAfter": "complete_after",
}
FOLDERS: Final = (Parameter("IncludeFolders", T.STRINGS, INCLUDE), Parameter("ExcludeFolders", T.STRINGS, EXCLUDE))
FILTER: Final = (
    Parameter("ContentFilter", T.STRING, CONTENT_FILTER),
    Parameter("ContentFilterLanguage", T.STRING, CONTENT_LANGUAGE, default="en-US"),
)
NEW_FILTER: Final = (
    Parameter("ContentFilter", T.STRING, CONTENT_FILTER + " Empty: all mail.", ours=True, may_be_empty=True),
    Parameter("ContentFilterLanguage", T.STRING, CONTENT_LANGUAGE, ours=True),
)
_ZONE = Parameter("TimeZone", T.STRING, TIME_ZONE, default="UTC")
TIMES: Final = (
    Parameter("StartAfter", T.DATE_TIME, START_AFTER),
    Parameter("CompleteAfter", T.DATE_TIME, COMPLETE_AFTER),
    _ZONE,
)
NEW_TIMES: Final = (
    Parameter("StartAfter", T.DATE_TIME, START_AFTER + CLEARS, clearable=True),
    Parameter("CompleteAfter", T.DATE_TIME, COMPLETE_AFTER + CLEARS, clearable=True),
    _ZONE,
)
REPORTS: Final = (
    Parameter("NotificationEmails", T.STRINGS, "Who gets the reports by mail; nobody: none is sent."),
    Parameter("ReportInterval", T.TIME_SPAN, REPORT_INTERVAL, default="1.00:00:00"),
)
