"""Lines as administrators' scripts have them."""

from __future__ import annotations

import pytest

from tests.unit.cmdlets.scene import BATCH, ENDPOINT, Scene, page, user


@pytest.fixture
def office(scene: Scene) -> Scene:
    """A service with a batch, an endpoint and two users, one of whom failed; and a CSV."""
    users = [user("terrya@contoso.edu"), user("annb@contoso.edu", status="Failed", items_skipped=4)]
    scene.given("GET /users", page(users)).given("GET /batches", page([dict(BATCH, status="Synced")]))
    scene.given("GET /batches/IMAPBatch1", BATCH).given("GET /endpoints/IMAPEndpoint", ENDPOINT)
    scene.given("POST /batches", BATCH, 201).given("POST /batches/IMAPBatch1/complete", BATCH)
    for each in users:
        scene.given(f"POST /users/{each['email_address'].replace('@', '%40')}/sync-now", each)
        statistics = {"user": each, "report": [{"at": "2026-11-21T08:00:00Z", "level": "info", "text": "It began."}]}
        scene.given(f"GET /users/{each['guid']}/statistics", statistics)
    (scene.folder / "users.csv").write_text(
        "EmailAddress,UserName,Password\nterrya@contoso.edu,terry.adams,1\nannb@contoso.edu,ann.beebe,2\n"
    )
    return scene


@pytest.mark.parametrize(
    "text",
    [
        'Get-MigrationBatch | Where {$_.Status -eq "Synced"} | Complete-MigrationBatch -Confirm:$false',
        "(Get-MigrationBatch).Identity",
        "Get-MigrationUser | ? { $_.Status -ne 'Synced' } | ft -AutoSize Identity, Status, ErrorSummary",
        "Get-MigrationUser -BatchId 'B' | Group-Object Status | ft Name, Count -AutoSize",
        "Get-MigrationBatch | Sort CreationDateTime -Desc | Select -First 5 Identity,Status",
        "Get-MigrationBatch -Identity IMAPBatch1 | Select-Object -Property *",
        'Get-MigrationUser -ResultSize Unlimited | Export-Csv -Path "out.csv" -NoTypeInformation -Encoding UTF8',
        "Get-MigrationUser|%{$_.Identity}",
        "GET-MIGRATIONUSER -batchid IMAPBatch1 | SELECT -expandproperty identity",
        'Write-Host "Failed:" (Get-MigrationUser -Status Failed).Count -ForegroundColor Red',
        "Get-MigrationUser | Where-Object {($_.SkippedItemCount -gt 0) -or ($_.Status -like '*Failed')} | measure",
        "Get-MigrationEndpoint IMAPEndpoint | fl *",
        "Import-Csv users.csv | ForEach-Object { Set-MigrationUser $_.EmailAddress -SyncNow }",
        "Get-MigrationUser | Get-MigrationUserStatistics -IncludeReport | select -Expand Report | Out-File report.txt",
        'New-MigrationBatch -Name "Batch 1" -SourceEndpoint $(Get-MigrationEndpoint IMAPEndpoint).Identity `\n'
        '  -CSVData $([System.IO.File]::ReadAllBytes("users.csv")) `\n'
        '  -NotificationEmails admin@contoso.com,b@c.d -CompleteAfter "09/01/2027 7:00 PM" -AutoStart:$true',
        "$csv = Get-Content users.csv -Encoding byte\n"
        "$name = 'IMAP' + 'Batch' + 1\n"
        "New-MigrationBatch $name -SourceEndpoint IMAPEndpoint -CSVData $csv;",
    ],
)
def test_a_line_runs(office: Scene, text: str) -> None:
    assert office.run(text), office.screen.rendered


def test_what_they_give(office: Scene) -> None:
    assert office.values("Get-MigrationUser|%{$_.Identity}") == ["terrya@contoso.edu", "annb@contoso.edu"]
    office.run('Write-Host "Skipped:" (Get-MigrationUser)[1].SkippedItemCount "in" \'two\' -ForegroundColor Red')
    assert office.screen.out == ["Skipped: 4 in two"]
    office.values("Import-Csv users.csv | ForEach-Object { Set-MigrationUser $_.EmailAddress -SyncNow }")
    assert [sent.path for sent in office.sent if sent.method == "POST"] == [
        "/api/v1/users/terrya%40contoso.edu/sync-now",
        "/api/v1/users/annb%40contoso.edu/sync-now",
    ]
    office.values(
        "Get-MigrationUser | Get-MigrationUserStatistics -IncludeReport | select -Expand Report | Out-File r.txt"
    )
    assert (office.folder / "r.txt").read_text() == "11/21/2026 8:00:00 AM info It began.\n" * 2


def test_a_script_of_several_lines(office: Scene) -> None:
    script = """\
#requires nothing
<# Prepares the first batch,
   and shows where it stands. #>
$endpoint = Get-MigrationEndpoint IMAPEndpoint     # made before
$batch = New-MigrationBatch -Name IMAPBatch1 -SourceEndpoint $endpoint `
    -CSVData ([System.IO.File]::ReadAllBytes("users.csv")) -AutoStart
"The batch $($batch.Identity) has $($batch.TotalCount) users and is $($batch.Status)."
Get-MigrationUser -BatchId $batch.Identity |
    Where-Object { $_.Status -eq "Failed" } |   # those who need help
    Select-Object Identity, SkippedItemCount |
    ConvertTo-Csv -NoTypeInformation
"""
    assert office.run(script), office.screen.rendered
    assert office.screen.out == [
        "The batch IMAPBatch1 has 3 users and is Syncing.",
        "Identity,SkippedItemCount\nannb@contoso.edu,4",
    ]
    assert office.run(script.replace("\n", "\r\n"))
