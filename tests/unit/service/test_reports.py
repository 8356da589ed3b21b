"""Reports of batches and users, with what servers and CSV files may put into them."""

from __future__ import annotations

import csv as csv_module
import io

import pytest

from mailferry.migration.model import ReportLine, SkippedItem
from mailferry.migration.report import COLUMNS
from mailferry.migration.states import StatusSummary, UserStatus
from mailferry.service.errors import NotFound
from mailferry.store import reports
from tests.unit.service.scene import NOW, Scene, csv

U = UserStatus


def rows(text: str) -> list[dict[str, str]]:
    """Read a CSV."""
    return list(csv_module.DictReader(io.StringIO(text, newline="")))


async def test_the_table_of_a_batch_comes_in_pieces(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailferry.service.reports._PAGE", 3)
    await scene.places()
    await scene.batch(*(f"u{number}" for number in range(7)))
    pieces = [piece async for piece in scene.reports.batch_csv("B")]
    assert len(pieces) > 3
    found = rows("".join(pieces))
    assert [row["EmailAddress"] for row in found] == [f"u{number}@contoso.com" for number in range(7)]
    assert tuple(found[0]) == COLUMNS
    failed = [user async for user in scene.reports.users("b", summary=StatusSummary.FAILED)]
    assert failed == []
    with pytest.raises(NotFound):
        [piece async for piece in scene.reports.batch_csv("none")]


async def test_text_that_a_spreadsheet_would_run_is_made_harmless(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    await scene.put(U.FAILED, error_code="login-failed", error_text="=cmd|'/c calc'!A1")
    found = rows("".join([piece async for piece in scene.reports.batch_csv("b")]))
    assert not found[0]["ErrorMessage"].startswith("=")
    assert "calc" in found[0]["ErrorMessage"]
    found = rows(await scene.reports.errors_csv("b"))
    assert not found[0]["ErrorMessage"].startswith("=")


async def test_what_was_not_migrated_can_be_submitted_again(scene: Scene) -> None:
    await scene.places()
    header = "EmailAddress,UserName,Password,UserRoot"
    lines = csv(
        'ann@contoso.com,"#ann, b@c#admin#",secret pass,/users/ann',
        "terry@contoso.com,terry,,",
        "kim@contoso.com,kim,p,",
        header=header,
    )
    await scene.batches.create("b", "source", lines, auto_start=True)
    await scene.put(U.FAILED, "ann@contoso.com", error_code="root-not-found", error_text="no such root")
    text = await scene.reports.errors_csv("b")
    assert "secret pass" not in text
    refused, failed = rows(text)
    assert (refused["EmailAddress"], refused["Password"]) == ("terry@contoso.com", "")
    assert (failed["UserName"], failed["UserRoot"], failed["ErrorMessage"]) == (
        "#ann, b@c#admin#",
        "/users/ann",
        "no such root",
    )
    mended = text.replace("terry,,", "terry,p1,").replace('admin#",,', 'admin#",p2,')
    view = await scene.batches.add_users("b", mended.encode())
    assert view.total == 3
    found = await scene.people()
    assert await scene.secret(found["terry"]) == {"password": "p1"}
    assert await scene.secret(found["ann"]) == {"password": "p2"}


async def test_the_report_of_a_user_is_read_as_lines(scene: Scene) -> None:
    await scene.places()
    await scene.batch("ann")
    ann = await scene.users.get("ann@contoso.com")
    async with scene.database.begin() as connection:
        await reports.add_lines(connection, ann.id, [ReportLine(NOW, "info", "a\r\nforged: line\x1b[31m\u202e")])
        item = SkippedItem("INBOX", 7, "skipped", reason="too\nlarge", subject="Hi\r\nthere\x07", date=NOW)
        await reports.replace_skipped(connection, ann.id, [item])
    text = await scene.reports.user_text("ann@contoso.com")
    assert not {"\x1b", "\r", "\x07", "\u202e"} & set(text)
    assert not any(line.startswith(("forged", "large", "there")) for line in text.splitlines())
    assert "2027-01-15T08:00:00Z  info     a  forged: line" in text
    with pytest.raises(NotFound):
        await scene.reports.user_text("nobody@contoso.com")
