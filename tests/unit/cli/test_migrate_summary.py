from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mailferry.cli.arguments import make_parser
from mailferry.cli.migrate_request import MigrateRequest, make_request
from mailferry.cli.migrate_summary import Result, tell
from mailferry.migration.model import Batch, Failure, User
from mailferry.migration.states import BatchStatus, UserStatus
from mailferry.service.views import BatchView, RowErrorView

BATCH = Batch(1, "guid", "users", BatchStatus.SYNCED, 1, 2, "source imap.contoso.com:993", "target mailboxes")
ALL_SYNCED = BatchView(BATCH, total=4, synced=4, items_found=100, items_synced=100, consistency="Perfect")
LONG = "a.very.long.name.of.a.person.who.has.much.mail@a.long.domain.contoso.com"
FAILED = User(
    1, "g", 1, "users", 1, LONG, LONG, UserStatus.FAILED, failure=Failure("x", "The server refused " * 9, advice="Ask.")
)
ROW_ERROR = RowErrorView(3, "EmailAddress", "bad", "This row is wrong.", {"EmailAddress": "x"})


@pytest.fixture
def request_(tmp_path: Path) -> MigrateRequest:
    csv = tmp_path / "users.csv"
    csv.write_text(f"EmailAddress,UserName,Password\n{LONG},{LONG},secret\nx,y,z\n")
    words = ("migrate", str(csv), "--source", "imaps://imap.contoso.com", "--target", f"maildir:{tmp_path}/mail boxes")
    arguments = make_parser().parse_args([*words, "--data", str(tmp_path / "data")])
    return make_request(arguments, {}, ask=None, warn=lambda _: None)


def told(capsys: pytest.CaptureFixture[str], request: MigrateRequest, result: Result) -> list[str]:
    tell(request, result, None)
    return capsys.readouterr().out.splitlines()


def figures(lines: list[str]) -> dict[str, str]:
    return {name.strip(): value for line in lines if "  " in line.strip() for name, value in [line.rsplit("  ", 1)]}


def test_the_consistency_of_a_part_is_that_of_a_part(
    capsys: pytest.CaptureFixture[str], request_: MigrateRequest
) -> None:
    assert figures(told(capsys, request_, Result(ALL_SYNCED, [], [], 1.0)))["Data consistency"] == "Perfect"
    three = dataclasses.replace(ALL_SYNCED, synced=3)
    for view in (
        dataclasses.replace(three, failed=1),
        dataclasses.replace(three, active=1),
        dataclasses.replace(three, stopped=1),
    ):
        assert figures(told(capsys, request_, Result(view, [], [], 1.0)))["Data consistency"] == "Perfect so far"


def test_new_messages_are_those_of_this_run(capsys: pytest.CaptureFixture[str], request_: MigrateRequest) -> None:
    assert "New messages" not in figures(told(capsys, request_, Result(ALL_SYNCED, [], [], 1.0)))
    again = Result(ALL_SYNCED, [], [], 1.0, had=97)
    assert figures(told(capsys, request_, again))["New messages"] == "3"


def test_mailboxes_and_rows_are_counted_apart(capsys: pytest.CaptureFixture[str], request_: MigrateRequest) -> None:
    view = dataclasses.replace(ALL_SYNCED, synced=2, failed=1, stopped=1)
    lines = told(capsys, request_, Result(view, [FAILED], [ROW_ERROR], 1.0))
    assert lines[1] == "  1 mailbox failed, 1 mailbox stopped, 1 row of the CSV left out"


def test_a_pipe_gets_whole_lines_without_padding(capsys: pytest.CaptureFixture[str], request_: MigrateRequest) -> None:
    view = dataclasses.replace(ALL_SYNCED, synced=3, failed=1)
    lines = told(capsys, request_, Result(view, [FAILED], [ROW_ERROR], 1.0))
    assert [line for line in lines if line != line.rstrip()] == []
    assert f"  {LONG}: {FAILED.failure.text} Ask." in lines
    assert f"    {request_.resubmission}" in lines
    assert request_.failures.read_text("utf-8-sig").count("secret") == 1


def test_without_a_batch_nothing_is_said_of_going_on(
    capsys: pytest.CaptureFixture[str], request_: MigrateRequest
) -> None:
    result = Result(BatchView(BATCH, row_errors=1), [], [ROW_ERROR], 1.0)
    lines = told(capsys, request_, result)
    assert result.exit_code == 44
    assert any("Nothing was begun" in line for line in lines)
    assert not any("--watch" in line or "mailferry migrate" in line for line in lines)
