"""The command lines of Microsoft's pages about IMAP migration, as they are printed, and the requests they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailferry.cmdlets.host import Reply
from tests.unit.cmdlets.scene import BATCH, ENDPOINT, Scene, encoded, problem

CSV = b"EmailAddress,UserName,Password\nterrya@contoso.edu,terry.adams,1091990\n"
WINDOWS_PATH = r"C:\Users\Administrator\Desktop\IMAPmigration_1.csv"

TEST = "Test-MigrationServerAvailability -IMAP -RemoteServer imap.contoso.com -Port 993 -Security Ssl"
NEW_ENDPOINT = (
    "New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer imap.contoso.com -Port 993 -Security Ssl\n\n"
)
NEW_ENDPOINT_ON_TWO_LINES = """\
New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer imap.contoso.com -Port 143 -Security Tls \
-MaxConcurrentMigrations
50 -MaxConcurrentIncrementalSyncs 25
"""
GET_ENDPOINT = "Get-MigrationEndpoint IMAPEndpoint | Format-List EndpointType,RemoteServer,Port,Security,Max*"
NEW_BATCH = (
    "New-MigrationBatch -Name IMAPBatch1 -SourceEndpoint IMAPEndpoint -CSVData "
    f'([System.IO.File]::ReadAllBytes("{WINDOWS_PATH}")) -AutoStart'
)
GET_BATCH = "Get-MigrationBatch -Identity IMAPBatch1 | Format-List"
GET_STATUS = "Get-MigrationBatch -Identity IMAPBatch1 | Format-List Status"
REMOVE_BATCH = "Remove-MigrationBatch -Identity IMAPBatch1"
GET_REMOVED = 'Get-MigrationBatch IMAPBatch1"'

AVAILABILITY: dict[str, Any] = {
    "result": "Success",
    "message": "The server can be reached.",
    "error_detail": "",
    "tested_endpoint": "imap.contoso.com:993",
    "supports_cutover": False,
    "steps": [{"name": "dns", "state": "passed", "text": "one address", "advice": "", "milliseconds": 3}],
    "certificate": None,
    "capabilities": ["IMAP4rev1", "IDLE"],
    "mechanisms": ["PLAIN"],
    "software": "Dovecot",
}


@pytest.fixture
def documents(scene: Scene) -> Scene:
    """A service that answers what the documents ask."""
    scene.given("POST /availability", AVAILABILITY)
    scene.given("POST /endpoints", ENDPOINT, 201)
    scene.given("GET /endpoints/IMAPEndpoint", ENDPOINT)
    scene.given("POST /batches", BATCH, 201)
    scene.given("GET /batches/IMAPBatch1", BATCH)
    scene.given("DELETE /batches/IMAPBatch1", dict(BATCH, status="Removing"), 202)
    (scene.folder / WINDOWS_PATH).write_bytes(CSV)
    return scene


@pytest.mark.parametrize(
    ("line", "request_line", "body"),
    [
        (
            TEST,
            "POST /api/v1/availability",
            {"remote_server": "imap.contoso.com", "port": 993, "security": "Ssl"},
        ),
        (
            NEW_ENDPOINT,
            "POST /api/v1/endpoints",
            {
                "type": "IMAP",
                "name": "IMAPEndpoint",
                "remote_server": "imap.contoso.com",
                "port": 993,
                "security": "Ssl",
            },
        ),
        (
            NEW_ENDPOINT_ON_TWO_LINES,
            "POST /api/v1/endpoints",
            {
                "type": "IMAP",
                "name": "IMAPEndpoint",
                "remote_server": "imap.contoso.com",
                "port": 143,
                "security": "Tls",
                "max_concurrent_migrations": 50,
                "max_concurrent_incremental_syncs": 25,
            },
        ),
        (GET_ENDPOINT, "GET /api/v1/endpoints/IMAPEndpoint", None),
        (
            NEW_BATCH,
            "POST /api/v1/batches",
            {
                "name": "IMAPBatch1",
                "source_endpoint": "IMAPEndpoint",
                "csv_data": encoded(CSV),
                "file_name": "IMAPmigration_1.csv",
                "auto_start": True,
            },
        ),
        (GET_BATCH, "GET /api/v1/batches/IMAPBatch1", None),
        (GET_STATUS, "GET /api/v1/batches/IMAPBatch1", None),
        (REMOVE_BATCH, "DELETE /api/v1/batches/IMAPBatch1", None),
        (GET_REMOVED, "GET /api/v1/batches/IMAPBatch1", None),
    ],
)
def test_each_line_makes_one_request(documents: Scene, line: str, request_line: str, body: object) -> None:
    documents.screen.replies.append(Reply.YES)
    assert documents.run(line), documents.screen.rendered
    (sent,) = documents.sent
    assert (sent.line, sent.body, sent.query) == (request_line, body, {})
    assert sent.authorization == "Bearer token-1"


def test_all_lines_in_their_order_as_one_script(documents: Scene) -> None:
    documents.screen.replies.append(Reply.YES)
    lines = [
        TEST,
        NEW_ENDPOINT,
        NEW_ENDPOINT_ON_TWO_LINES,
        GET_ENDPOINT,
        NEW_BATCH,
        GET_BATCH,
        GET_STATUS,
        REMOVE_BATCH,
    ]
    assert documents.run("\n".join([*lines, GET_REMOVED])), documents.screen.rendered
    assert len(documents.sent) == 9


def test_what_the_endpoint_shows(documents: Scene) -> None:
    documents.run(GET_ENDPOINT)
    assert documents.screen.text.strip().splitlines() == [
        "EndpointType                  : IMAP",
        "RemoteServer                  : imap.contoso.com",
        "Port                          : 993",
        "Security                      : Ssl",
        "MaxConcurrentMigrations       : 50",
        "MaxConcurrentIncrementalSyncs : 25",
        "MaxConnectionsPerLogin        : 8",
    ]


def test_what_the_batch_shows(documents: Scene) -> None:
    documents.run(GET_STATUS)
    assert documents.screen.text == "\nStatus : Syncing\n"


def test_removing_asks_first(documents: Scene) -> None:
    documents.screen.replies.append(Reply.NO)
    documents.run(REMOVE_BATCH)
    assert documents.screen.questions == ['Removing the migration batch "IMAPBatch1".']
    assert documents.sent == []


def test_a_batch_that_is_being_removed_says_so(documents: Scene) -> None:
    documents.given("GET /batches/IMAPBatch1", dict(BATCH, status="Removing"))
    documents.run(GET_REMOVED)
    assert "Removing" in documents.screen.text
    assert documents.screen.warnings == ["A quote at the end of a line has no partner; it is ignored."]


def test_a_batch_that_is_gone_is_not_found(documents: Scene) -> None:
    status, answer = problem(404, "not-found", "There is no batch 'IMAPBatch1'.", advice="Check the name.")
    documents.given("GET /batches/IMAPBatch1", answer, status)
    assert not documents.run(GET_REMOVED)
    assert documents.screen.messages == ["The migration batch 'IMAPBatch1' couldn't be found."]
    assert documents.screen.errors[0].error_id == "ManagementObjectNotFound"


def test_a_file_that_is_not_there_is_named_with_its_folder(scene: Scene, tmp_path: Path) -> None:
    assert not scene.run(NEW_BATCH)
    (error,) = scene.screen.errors
    assert error.message == f"Could not find file '{tmp_path / WINDOWS_PATH}'."
    assert "/folder/file" in error.advice
    assert scene.sent == []
