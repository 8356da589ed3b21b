"""Each cmdlet of the table, as it is typed, and the request it makes."""

from __future__ import annotations

from typing import Any

import pytest

from mailferry.cmdlets.host import Reply
from mailferry.cmdlets.spec import CMDLETS
from tests.unit.cmdlets.scene import BATCH, Scene, encoded, page

Case = tuple[str, str, dict[str, str], Any]

CASES: list[Case] = [
    (
        "Test-MigrationServerAvailability -IMAP -RemoteServer h -Port 143 -Security Tls -AcceptUntrustedCertificates",
        "POST /availability",
        {},
        {"remote_server": "h", "port": 143, "security": "Tls", "accept_untrusted_certificates": True},
    ),
    ("Test-MigrationServerAvailability -Endpoint E", "POST /endpoints/E/test", {}, None),
    ("Get-MigrationStatistics", "GET /statistics", {}, None),
    ("Get-MigrationConfig", "GET /config", {}, None),
    (
        "Set-MigrationConfig -MaxNumberOfBatches 50 -IncrementalSyncInterval 12:00:00 -MaxMessageSize 150MB "
        "-Repair all",
        "PATCH /config",
        {},
        {
            "max_number_of_batches": 50,
            "incremental_interval_seconds": 43200.0,
            "max_message_bytes": 150 * 1024**2,
            "repair": "all",
        },
    ),
    (
        "Set-MigrationConfig -SmtpServer smtp.contoso.com -SmtpPort 465 -SmtpSecurity Ssl -SmtpUser ferry "
        "-SmtpPassword (ConvertTo-SecureString 'p w' -AsPlainText) -SmtpFrom 'Ferry <ferry@contoso.com>' "
        "-SmtpCaFile ''",
        "PATCH /config",
        {},
        {
            "smtp_server": "smtp.contoso.com",
            "smtp_port": 465,
            "smtp_security": "Ssl",
            "smtp_user": "ferry",
            "smtp_password": "p w",
            "smtp_from": "Ferry <ferry@contoso.com>",
            "smtp_ca_file": "",
        },
    ),
    ("Export-MigrationReport B", "GET /batches/B/report.csv", {}, None),
    ("Export-MigrationReport B -Failed", "GET /batches/B/errors.csv", {}, None),
    (
        "New-MigrationEndpoint -IMAP -Target T -RemoteServer h -AdminUser a -UserTemplate '{user}*a' "
        "-AdminPassword (ConvertTo-SecureString 'p w' -AsPlainText -Force) -DefaultTarget $true -SkipVerification",
        "POST /endpoints",
        {},
        {
            "type": "IMAP",
            "role": "Target",
            "name": "T",
            "remote_server": "h",
            "admin_user": "a",
            "user_template": "{user}*a",
            "password": "p w",
            "is_default": True,
            "skip_verification": True,
        },
    ),
    (
        "New-MigrationEndpoint -Maildir Archive -Path /srv/mail",
        "POST /endpoints",
        {},
        {"type": "Maildir", "role": "Target", "name": "Archive", "path": "/srv/mail"},
    ),
    ("Get-MigrationEndpoint -Role Target -Type Maildir", "GET /endpoints", {"role": "Target", "type": "Maildir"}, None),
    ("Get-MigrationEndpoint 'a/b'", "GET /endpoints/a%2Fb", {}, None),
    (
        "Set-MigrationEndpoint E -MaxConcurrentMigrations Unlimited -AcceptUntrustedCertificates $false",
        "PATCH /endpoints/E",
        {},
        {"max_concurrent_migrations": 300, "accept_untrusted_certificates": False},
    ),
    ("Remove-MigrationEndpoint E", "DELETE /endpoints/E", {}, None),
    (
        "New-MigrationBatch B -SourceEndpoint E -TargetEndpoint T -CSVData users.csv -AllowUnknownColumnsInCsv $true "
        "-ExcludeFolders '[Gmail]','Public Folders/*' -IncludeFolders '#Inbox#' -NotificationEmails a@b.c "
        "-StartAfter '12/1/2026 6:00 PM' -CompleteAfter 2026-12-08T18:00:00+01:00 -TimeZone 'Tokyo Standard Time' "
        "-ReportInterval 0 -SkipReports -Priority 5",
        "POST /batches",
        {},
        {
            "name": "B",
            "source_endpoint": "E",
            "target_endpoint": "T",
            "csv_data": encoded(b"x"),
            "file_name": "users.csv",
            "allow_unknown_columns": True,
            "exclude_folders": ["[Gmail]", "Public Folders/*"],
            "include_folders": ["#Inbox#"],
            "notification_emails": ["a@b.c"],
            "start_after": "2026-12-01T18:00:00Z",
            "complete_after": "2026-12-08T17:00:00Z",
            "time_zone": "Tokyo Standard Time",
            "report_interval_seconds": 0.0,
            "skip_reports": True,
            "priority": 5,
        },
    ),
    ("New-MigrationBatch B -Source E -CSV (Get-Content users.csv -Encoding Byte)", "POST /batches", {},
     {"name": "B", "source_endpoint": "E", "csv_data": encoded(b"x"), "file_name": "users.csv"}),
    ("Get-MigrationBatch -Status SyncedWithErrors -Endpoint E -ResultSize 10", "GET /batches",
     {"status": "SyncedWithErrors", "endpoint": "E", "limit": "10"}, None),
    ("Get-MigrationBatch B", "GET /batches/B", {}, None),
    ("Set-MigrationBatch B -SyncNow", "POST /batches/B/sync-now", {}, None),
    ("Set-MigrationBatch B -ExcludeFolders $null -SkipReports $false", "PATCH /batches/B", {},
     {"exclude_folders": [], "skip_reports": False}),
    (
        "New-MigrationBatch B -SourceEndpoint E -CSVData users.csv "
        "-ContentFilter \"Received -gt '01.02.2025' -and Received -lt '2026-01-01'\" -ContentFilterLanguage de-DE",
        "POST /batches",
        {},
        {
            "name": "B",
            "source_endpoint": "E",
            "csv_data": encoded(b"x"),
            "file_name": "users.csv",
            "content_filter": "Received -gt '01.02.2025' -and Received -lt '2026-01-01'",
            "content_filter_language": "de-DE",
        },
    ),
    ("New-MigrationBatch B -UserIds a@b.c,d@e.f -DisableOnCopy", "POST /batches", {},
     {"name": "B", "user_ids": ["a@b.c", "d@e.f"], "disable_on_copy": True}),
    ("New-MigrationBatch B -SourceEndpoint E -Users a@b.c", "POST /batches", {},
     {"name": "B", "source_endpoint": "E", "user_ids": ["a@b.c"]}),
    ("New-MigrationBatch B -SourceEndpoint E -CSVData users.csv -AdoptPreexisting -RemoveOnCopy", "POST /batches", {},
     {"name": "B", "source_endpoint": "E", "csv_data": encoded(b"x"), "file_name": "users.csv",
      "adopt_preexisting": True, "remove_on_copy": True}),
    ("Set-MigrationBatch B -AddUsers -CSVData users.csv", "POST /batches/B/users", {},
     {"csv_data": encoded(b"x"), "file_name": "users.csv"}),
    ("Set-MigrationBatch B -CompleteAfter (Get-Date).AddDays(2)", "PATCH /batches/B", {},
     {"complete_after": "2026-11-23T07:06:54Z"}),
    ("Start-MigrationBatch B", "POST /batches/B/start", {}, None),
    ("Stop-MigrationBatch B", "POST /batches/B/stop", {}, None),
    ("Complete-MigrationBatch B -SyncAndComplete:$false", "POST /batches/B/complete", {}, None),
    ("Remove-MigrationBatch B -Force", "DELETE /batches/B", {}, None),
    ("Get-MigrationUser u@x", "GET /users/u%40x", {}, None),
    ("Get-MigrationUser -EmailAddress u@x", "GET /users/u%40x", {}, None),
    ("Get-MigrationUser -MailboxGuid g-1", "GET /users/g-1", {}, None),
    ("Get-MigrationUser -BatchId B -StatusSummary Failed -Search x", "GET /users",
     {"batch": "B", "summary": "Failed", "search": "x", "limit": "1000"}, None),
    ("Set-MigrationUser u@x -Priority -3", "PATCH /users/u%40x", {}, {"priority": -3}),
    ("Set-MigrationUser u@x -SyncNow", "POST /users/u%40x/sync-now", {}, None),
    ("Start-MigrationUser u@x", "POST /users/u%40x/start", {}, None),
    ("Stop-MigrationUser u@x", "POST /users/u%40x/stop", {}, None),
    ("Remove-MigrationUser u@x", "DELETE /users/u%40x", {}, None),
    ("Get-MigrationUserStatistics u@x -IncludeReport -IncludeSkippedItems -LimitSkippedItemsTo 5",
     "GET /users/u%40x/statistics", {"report": "true", "skipped_items": "true", "limit": "5"}, None),
    ("Get-AcceptedDomain", "GET /accepted-domains", {}, None),
    ("Get-AcceptedDomain Contoso", "GET /accepted-domains/Contoso", {}, None),
    ("New-AcceptedDomain -Name Contoso -DomainName contoso.edu", "POST /accepted-domains", {},
     {"name": "Contoso", "domain_name": "contoso.edu"}),
    ("Remove-AcceptedDomain Contoso", "DELETE /accepted-domains/Contoso", {}, None),
    ("Get-Mailbox -Anr x -Endpoint T", "GET /mailboxes", {"search": "x", "endpoint": "T", "limit": "1000"}, None),
    (
        "Get-Mailbox -Filter \"PrimarySmtpAddress -like '*@contoso.com'\"",
        "GET /mailboxes",
        {"filter": "PrimarySmtpAddress -like '*@contoso.com'", "limit": "1000"},
        None,
    ),
    ("Get-Mailbox u@x", "GET /mailboxes/u%40x", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "query", "body"), CASES, ids=[case[0][:60] for case in CASES])
def test_a_cmdlet_makes_its_request(scene: Scene, text: str, line: str, query: dict[str, str], body: Any) -> None:
    (scene.folder / "users.csv").write_bytes(b"x")
    scene.screen.replies = [Reply.YES]
    pages = line.startswith("GET") and line.rpartition("/")[2] in ("batches", "users", "mailboxes")
    scene.given(line, page([]) if pages else [] if line.startswith("GET") else {})
    if line.endswith(".csv"):
        scene.given(line, "EmailAddress\r\n")
    scene.session.evaluate(text)
    method, _, path = line.partition(" ")
    (sent,) = scene.sent
    assert (sent.line, sent.query) == (f"{method} /api/v1{path}", query)
    if body is not None or method == "GET":
        assert sent.body == body
    else:
        assert not sent.body


def test_each_cmdlet_is_here() -> None:
    assert {case[0].split()[0] for case in CASES} == {cmdlet.name for cmdlet in CMDLETS}


def test_several_changes_are_several_requests_in_their_order(scene: Scene) -> None:
    (scene.folder / "more.csv").write_bytes(b"y")
    for line in ("PATCH /batches/B", "POST /batches/B/users", "POST /batches/B/sync-now"):
        scene.given(line, BATCH)
    assert scene.run("Set-MigrationBatch B -SyncNow -CSVData more.csv -Priority 1")
    assert [sent.line for sent in scene.sent] == [
        "PATCH /api/v1/batches/B",
        "POST /api/v1/batches/B/users",
        "POST /api/v1/batches/B/sync-now",
    ]
    assert scene.screen.text == ""


def test_nothing_to_change_is_said(scene: Scene) -> None:
    assert scene.run("Set-MigrationBatch B; Set-MigrationBatch B -SyncNow:$false; Set-MigrationBatch B -Update")
    assert scene.screen.warnings == ["Set-MigrationBatch was given nothing to change."] * 2
    assert scene.sent == []


def test_verbose_shows_the_requests(scene: Scene) -> None:
    scene.given("GET /config", {"repair": "all"})
    scene.run("Get-MigrationConfig -Verbose | Out-Null")
    assert scene.screen.out == ["VERBOSE: GET /api/v1/config"]


def test_rows_that_were_left_out_are_told_and_can_be_seen(scene: Scene) -> None:
    (scene.folder / "users.csv").write_bytes(b"x")
    scene.given("POST /batches", dict(BATCH, row_errors=1), 201).given(
        "GET /batches/IMAPBatch1", dict(BATCH, row_errors=1)
    )
    errors = [{"line": 3, "column": "Password", "code": "empty", "message": "The password is empty.", "cells": {}}]
    scene.given(f"GET /batches/{BATCH['guid']}/row-errors", errors)
    scene.run("New-MigrationBatch IMAPBatch1 -SourceEndpoint E -CSVData users.csv")
    assert scene.screen.warnings == [
        "1 row of the CSV was left out. Get-MigrationBatch IMAPBatch1 -IncludeReport | Format-List Report shows why."
    ]
    scene.screen.out.clear()
    scene.run("Get-MigrationBatch IMAPBatch1 -IncludeReport | Format-List Report")
    assert scene.screen.text == "\nReport : line 3: The password is empty.\n"


REPORT = "EmailAddress,Status\r\na@x,Synced\r\nb@x,Failed\r\nc@x,Synced\r\n"


def test_a_report_gives_rows(scene: Scene) -> None:
    scene.given("GET /batches/B/report.csv", REPORT)
    assert scene.values("(Export-MigrationReport B).EmailAddress") == ["a@x", "b@x", "c@x"]
    assert scene.values("(Export-MigrationReport B -StartingRowIndex 1 -RowCount 1).EmailAddress") == ["b@x"]


def test_a_report_goes_to_a_file(scene: Scene) -> None:
    scene.given("GET /batches/B/report.csv", REPORT)
    assert scene.values("Export-MigrationReport B -CsvStream r.csv") == []
    assert (scene.folder / "r.csv").read_bytes() == REPORT.encode()


def test_a_report_replaces_no_file(scene: Scene) -> None:
    (scene.folder / "r.csv").write_text("precious")
    scene.given("GET /batches/B/report.csv", REPORT)
    scene.run("Export-MigrationReport B -CsvStream r.csv")
    assert scene.screen.messages == ["The file 'r.csv' already exists."]
    assert "-Force" in scene.screen.errors[0].advice
    assert (scene.sent, (scene.folder / "r.csv").read_text()) == ([], "precious")
    scene.run("Export-MigrationReport B -CsvStream r.csv -Force")
    assert (scene.folder / "r.csv").read_bytes() == REPORT.encode()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('Get-MigrationUser -BatchId "$typo" | Remove-MigrationUser -Confirm:$false', "BatchId"),
        ("Get-MigrationUser -BatchId IMAPBatch1 -Search '' | Remove-MigrationUser -Confirm:$false", "Search"),
        ("Get-MigrationBatch -Endpoint '' | Remove-MigrationBatch -Confirm:$false", "Endpoint"),
        ("Get-Mailbox -Anr ''", "Anr"),
        ("Set-MigrationBatch B -IncludeFolders a,''", "IncludeFolders"),
    ],
)
def test_an_empty_filter_does_not_mean_all(scene: Scene, text: str, name: str) -> None:
    scene.run(text)
    assert scene.screen.messages == [f"Cannot bind argument to parameter '{name}' because it is an empty string."]
    assert scene.sent == []


def test_what_may_be_empty_is_cleared(scene: Scene) -> None:
    scene.given("PATCH /batches/B", None, 204).given("PATCH /endpoints/E", None, 204).given("PATCH /users/u", None, 204)
    for text, body in (
        ("Set-MigrationBatch B -IncludeFolders @()", {"include_folders": []}),
        ("Set-MigrationBatch B -NotificationEmails $null", {"notification_emails": []}),
        ("Set-MigrationBatch B -CompleteAfter $null -StartAfter none", {"complete_after": None, "start_after": None}),
        ("Set-MigrationUser u -CompleteAfter $null", {"complete_after": None}),
        ("Set-MigrationBatch B -ContentFilter ''", {"content_filter": ""}),
        ("Set-MigrationEndpoint E -AdminUser ''", {"admin_user": ""}),
    ):
        scene.run(text)
        assert (scene.screen.messages, scene.last.body) == ([], body)


def test_only_what_is_there_can_be_cleared(scene: Scene) -> None:
    (scene.folder / "users.csv").write_bytes(b"x")
    scene.run("New-MigrationBatch B -SourceEndpoint E -CSVData users.csv -CompleteAfter $null")
    assert "because it is null" in scene.screen.messages[0]
    assert scene.sent == []


def test_a_batch_is_not_completed_over_users_who_failed(scene: Scene) -> None:
    scene.given("GET /batches/B", dict(BATCH, name="B", failed=2, stopped=1)).given("POST /batches/B/complete", None)
    scene.run("Complete-MigrationBatch B -SyncAndComplete")
    assert scene.screen.messages == ["Nothing was done: the batch 'B' has 2 failed and 1 stopped users."]
    assert [sent.method for sent in scene.sent] == ["GET"]
    scene.given("GET /batches/B", dict(BATCH, name="B", row_errors=3))
    scene.run("Complete-MigrationBatch B -SyncAndComplete")
    assert [sent.method for sent in scene.sent] == ["GET", "GET", "POST"]
    assert scene.screen.warnings == []


def test_what_has_no_effect_is_told_once(scene: Scene) -> None:
    scene.given("POST /batches/B/start", None).given("DELETE /batches/B", None)
    scene.run("'B','B' | Start-MigrationBatch -Validate")
    (warning,) = scene.screen.warnings
    assert warning.startswith("-Validate has no effect: ")
    scene.run("Start-MigrationBatch B -Validate -WarningAction Ignore")
    scene.run("Start-MigrationBatch B -Validate:$false -Partition x")
    scene.run("Remove-MigrationBatch B -Force -Confirm:$false")
    assert len(scene.screen.warnings) == 1
    assert len(scene.sent) == 5


def test_rows_that_earlier_files_left_out_are_not_told_again(scene: Scene) -> None:
    (scene.folder / "users.csv").write_bytes(b"x")
    answer = dict(BATCH, row_errors=3, rows_added=1, rows_left_out=0)
    scene.given("POST /batches/IMAPBatch1/users", answer)
    scene.run("Set-MigrationBatch IMAPBatch1 -AddUsers -CSVData users.csv")
    assert scene.screen.warnings == []
    scene.given("POST /batches/IMAPBatch1/users", answer | {"rows_left_out": 2})
    scene.run("Set-MigrationBatch IMAPBatch1 -AddUsers -CSVData users.csv")
    assert scene.screen.warnings[0].startswith("2 rows of the CSV were left out. ")


def test_commands_in_warnings_quote_names(scene: Scene) -> None:
    (scene.folder / "users.csv").write_bytes(b"x")
    scene.given("POST /batches", dict(BATCH, name="O'Brien", row_errors=1), 201)
    scene.run('New-MigrationBatch "O\'Brien" -SourceEndpoint E -CSVData users.csv')
    assert "Get-MigrationBatch 'O''Brien' -IncludeReport" in scene.screen.warnings[0]
