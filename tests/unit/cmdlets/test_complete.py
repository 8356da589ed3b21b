"""What Tab offers at the cursor, and what the service is asked for it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cmdlets.client import Client
from mailferry.cmdlets.complete import candidates
from mailferry.cmdlets.complete_names import COLLECTIONS, KEPT_SECONDS, KnownNames
from mailferry.imap.values import Secret
from tests.unit.cmdlets.scene import BASE, ENDPOINT, Scene, page, user

KNOWN = {
    "endpoints": ["IMAPEndpoint", "Mailboxes"],
    "source endpoints": ["IMAPEndpoint"],
    "target endpoints": ["Mailboxes"],
    "batches": ["IMAPBatch1", "First floor"],
    "users": ["terrya@contoso.edu"],
    "accepted domains": ["contoso.edu"],
    "mailboxes": ["terrya@contoso.edu"],
}


def names(collection: str, begun: str) -> list[str]:
    return [name for name in KNOWN[collection] if name.lower().startswith(begun.lower())]


def offered(text: str, folder: Path = Path("/nowhere")) -> list[str]:
    """Give the lines that a choice of each candidate would make."""
    return [text[: len(text) - c.replaces] + c.text for c in candidates(text, names, folder)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("New-MigrationB", ["New-MigrationBatch"]),
        ("new-migrationb", ["New-MigrationBatch"]),
        ("Get-MigrationBatch | format-l", ["Get-MigrationBatch | Format-List"]),
        ("$x = Get-MigrationU", ["$x = Get-MigrationUser", "$x = Get-MigrationUserStatistics"]),
        ("Get-MigrationBatch; Stop-MigrationU", ["Get-MigrationBatch; Stop-MigrationUser"]),
        ("(Get-MigrationS", ["(Get-MigrationStatistics"]),
        ("New-MigrationBatch -Sou", ["New-MigrationBatch -SourceEndpoint"]),
        ("New-MigrationBatch -SourceEndpoint E -Sou", []),
        ("New-MigrationBatch -SourceEndpoint ", ["New-MigrationBatch -SourceEndpoint IMAPEndpoint"]),
        ("New-MigrationBatch -TargetEndpoint ", ["New-MigrationBatch -TargetEndpoint Mailboxes"]),
        ("New-MigrationBatch -S x -targete m", ["New-MigrationBatch -S x -targete Mailboxes"]),
        ("Get-MigrationBatch imap", ["Get-MigrationBatch IMAPBatch1"]),
        ("Get-MigrationBatch -Identity fir", ["Get-MigrationBatch -Identity 'First floor'"]),
        ("Get-MigrationBatch -Identity 'fir", ["Get-MigrationBatch -Identity 'First floor'"]),
        ("Get-MigrationUser -BatchId i", ["Get-MigrationUser -BatchId IMAPBatch1"]),
        ("Get-MigrationUserStatistics t", ["Get-MigrationUserStatistics terrya@contoso.edu"]),
        ("New-MigrationBatch -UserIds t", ["New-MigrationBatch -UserIds terrya@contoso.edu"]),
        ("Remove-AcceptedDomain c", ["Remove-AcceptedDomain contoso.edu"]),
        ("Get-MigrationBatch -Status Sync", [f"Get-MigrationBatch -Status {s}" for s in ("Syncing", "Synced")]),
        ("New-MigrationEndpoint -Security t", ["New-MigrationEndpoint -Security Tls"]),
        ("New-MigrationEndpoint -IMAP `\n  -Security t", ["New-MigrationEndpoint -IMAP `\n  -Security Tls"]),
        ("Get-MigrationBatch | fl Perc", ["Get-MigrationBatch | fl PercentageSynced"]),
        ("Get-MigrationBatch | fl Status,Perc", ["Get-MigrationBatch | fl Status,PercentageSynced"]),
        ("Get-MigrationUser | ? Status -eq x | ft Fin", []),
        ("Get-Help get-migrationc", ["Get-Help Get-MigrationConfig"]),
        ("Nonsense ", []),
        ("Remove-MigrationBatch -Conf", ["Remove-MigrationBatch -Confirm"]),
        ("Get-MigrationBatch -Conf", []),
        ('Write-Host "a | Get-MigrationB', []),
    ],
)
def test_what_is_offered(text: str, wanted: list[str]) -> None:
    assert [line for line in offered(text) if not line.endswith("SyncedWithErrors")] == wanted


def test_files_are_offered_for_a_csv_and_in_the_call_that_reads_one(tmp_path: Path) -> None:
    (tmp_path / "users.csv").touch()
    (tmp_path / "my users.csv").touch()
    (tmp_path / "down").mkdir()
    (tmp_path / ".hidden").touch()
    assert offered("New-MigrationBatch -CSVData u", tmp_path) == ["New-MigrationBatch -CSVData users.csv"]
    assert offered("New-MigrationBatch -CSVData m", tmp_path) == ["New-MigrationBatch -CSVData 'my users.csv'"]
    assert offered("New-MigrationBatch -CSVData ", tmp_path) == [
        f"New-MigrationBatch -CSVData {name}" for name in ("down/", "'my users.csv'", "users.csv")
    ]
    call = 'New-MigrationBatch -CSVData ([System.IO.File]::ReadAllBytes("u'
    assert offered(call, tmp_path) == [call + "sers.csv"]


def test_parameters_without_effect_are_offered_only_if_they_are_begun() -> None:
    assert "Get-MigrationBatch -Partition" not in offered("Get-MigrationBatch -")
    assert offered("Get-MigrationBatch -Part") == ["Get-MigrationBatch -Partition"]


@given(st.text(alphabet="Get-MigrationBatch |;(){}\"'`$,:-\n=[]", max_size=60))
def test_any_line_can_be_completed(text: str) -> None:
    for candidate in candidates(text, names, Path("/nowhere")):
        assert 0 <= candidate.replaces <= len(text)


def test_names_are_asked_for_once_in_some_seconds(tmp_path: Path) -> None:
    scene = Scene(tmp_path).given("GET /endpoints", [dict(ENDPOINT), {**ENDPOINT, "name": "Other"}])
    now = 100.0
    known = KnownNames(scene.client, lambda: now)
    assert known("endpoints", "") == ["IMAPEndpoint", "Other"]
    assert known("endpoints", "oth") == ["Other"]
    assert len(scene.sent) == 1
    now += KEPT_SECONDS
    assert known("endpoints", "o") == ["Other"]
    assert len(scene.sent) == 2


def test_pages_are_searched_by_the_service(tmp_path: Path) -> None:
    scene = Scene(tmp_path).given("GET /users", page([user("terrya@contoso.edu"), user("x.terry@contoso.edu")]))
    assert KnownNames(scene.client)("users", "Terry") == ["terrya@contoso.edu"]
    assert scene.last.query == {"limit": "100", "search": "terry"}


def test_endpoints_are_asked_for_by_their_role(tmp_path: Path) -> None:
    scene = Scene(tmp_path).given("GET /endpoints", [dict(ENDPOINT)])
    assert KnownNames(scene.client)("source endpoints", "i") == ["IMAPEndpoint"]
    assert scene.last.query == {"role": "Source"}


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("answer", [{"items": [{}]}, [1], "text", None, 7])
def test_a_service_that_answers_nonsense_offers_nothing(collection: str, answer: object) -> None:
    client = Client(BASE, Secret("t"), transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer)))
    assert KnownNames(client)(collection, "") == []


def test_a_service_that_is_gone_offers_nothing() -> None:
    def gone(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = Client(BASE, Secret("t"), transport=httpx.MockTransport(gone))
    assert KnownNames(client)("batches", "I") == []
