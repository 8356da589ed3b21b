"""Exit code, summary and report of a pass, from made-up results."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from mailferry import errors
from mailferry.backends.base import FolderPath, Listed
from mailferry.backends.registry import Location
from mailferry.cli import closing, failures, report
from mailferry.cli.ending import Ending, Message
from mailferry.cli.requests import Output, Request
from mailferry.cli.summary import print_summary
from mailferry.errors import BadUsage, MailferryError, Side
from mailferry.sync.ledger import ExceptionKind, ExceptionRow
from mailferry.sync.names import LeftOut, Why
from mailferry.sync.options import FolderStats, Stats

SOURCE = Location("imap", host="imap.contoso.com", port=993, user="terry")
TARGET = Location("maildir", path="./mailboxes/terry")
REQUEST = Request(SOURCE, TARGET, ("s", "t"), Path("state.db"), Output(None, False, False, False, None))


def message(uid: int, kind: ExceptionKind = ExceptionKind.SKIPPED, **more: object) -> Message:
    row = ExceptionRow(1, 7, uid, kind, "too-large", "40000147 bytes, the limit is 36700160", subject="Drawings")
    for name, value in more.items():
        setattr(row, name, value)
    return Message("Clients/2024", row)


def ending(*messages: Message, error: MailferryError | None = None, stopped_by: int = 0) -> Ending:
    folder = FolderStats("Clients/2024", "Clients/2024", 1000, copied=990, had=9, skipped=1, size_bytes=1 << 20)
    folder.state = "done"
    return Ending(Stats({b"c": folder}), 1_700_000_000.0, 2.0, messages=messages, error=error, stopped_by=stopped_by)


def shown(of: Ending, width: int = 100, report_file: str = "") -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        print_summary(of, source=str(SOURCE), target=str(TARGET), report=report_file, console=console)
    return captured.get()


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([], 0),
        ([ExceptionKind.REPAIRED, ExceptionKind.LOST_KEYWORD, ExceptionKind.DATE_REPLACED, ExceptionKind.MERGED], 0),
        ([ExceptionKind.OVER_LIMIT], 42),
        ([ExceptionKind.OVER_LIMIT, ExceptionKind.SKIPPED], 40),
        ([ExceptionKind.CANNOT_BE_CARRIED], 40),
    ],
)
def test_the_exit_code_says_whether_all_is_there(kinds: list[ExceptionKind], code: int) -> None:
    assert ending(*(message(i, kind) for i, kind in enumerate(kinds, 1))).exit_code == code


def test_the_worst_news_wins() -> None:
    of = ending(message(1))
    of.failed_folders["Sent"] = "the folder cannot be read"
    assert of.exit_code == 41
    of.error = errors.OverQuota(side=Side.TARGET)
    assert of.exit_code == 30
    of.stopped_by = 2
    assert of.exit_code == 130


def test_a_pass_that_chose_no_folder_is_not_complete() -> None:
    of = Ending(Stats(), 0.0, 1.0)
    assert of.exit_code == 0, "the source has no folder"
    of.left_out = [LeftOut(Listed(FolderPath(("Junk",)), b"Junk"), Why.EXCLUDED, "excluded by '#JunkEmail#'")]
    assert of.exit_code == 45
    text = shown(of)
    assert "No folder was chosen" in text
    assert "Check --include-folders" in text
    assert "Run the same command" not in text
    of.stopped_by = 2
    assert of.exit_code == 130


def test_a_folder_that_was_left_in_the_middle_counts_as_failed() -> None:
    of = ending()
    of.stats.folders[b"x"] = FolderStats("Sent", "Sent", found=5, state="copying")
    of.note_unfinished()
    assert of.failed_folders == {"Sent": "the folder was not finished"}
    assert of.exit_code == 41


def test_an_interrupted_pass_has_no_failed_folders() -> None:
    of = ending(stopped_by=15)
    of.stats.folders[b"x"] = FolderStats("Sent", "Sent", found=5, state="copying")
    of.note_unfinished()
    assert (of.failed_folders, of.exit_code) == ({}, 143)


def test_found_is_the_sum_of_what_became_of_it() -> None:
    totals = ending(message(1)).totals
    assert totals.found == totals.copied + totals.already_there + totals.adopted + totals.skipped == 1000


def test_what_was_skipped_earlier_is_not_already_there() -> None:
    unchanged = FolderStats("INBOX", "INBOX", found=10, had=10, state="unchanged")
    totals = Ending(Stats({b"i": unchanged}), 0.0, 1.0, messages=[message(1), message(2)]).totals
    assert (totals.found, totals.already_there, totals.skipped) == (10, 8, 2)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_summary_fits_and_names_every_number(width: int) -> None:
    of = ending(message(1, date=1_700_000_000, size_bytes=40_000_147), message(2, code="NO", server_text="because"))
    of.failed_folders["Public/" + "x" * 100] = "the server said: " + "no " * 60
    of.warnings.append("something to know")
    of.left_out = [LeftOut(Listed(FolderPath(("Junk",)), b"Junk"), Why.EXCLUDED, "excluded by '#JunkEmail#'")]
    text = shown(of, width)
    assert max(len(line) for line in text.splitlines()) <= width
    for word in ("Found", "1,000", "Copied", "990", "Already there", "Matched", "Flags changed", "Skipped"):
        assert word in text
    for word in ("2 messages skipped", "Drawings", "2023-11-14", "38.1 MB", "1 folder failed", "something to know"):
        assert word in text
    assert "excluded by '#JunkEmail#'" in text
    assert "495 messages/s" in text


def test_long_tables_end_with_where_the_rest_is() -> None:
    of = ending(*(message(uid) for uid in range(1, 31)))
    assert "and 10 more: --report FILE lists all of them" in shown(of)
    assert "and 10 more: see r.json" in shown(of, report_file="r.json")


def test_subjects_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in shown(ending(message(1, subject="\x1b]0;owned\x07\x1b[2J [bold]x[/bold]")))
    assert "[bold]" in shown(ending(message(1, subject="[bold]x")))


def test_the_next_step_is_said() -> None:
    assert "--max-message-size" in shown(ending(message(1)))
    assert "mailferry verify" in shown(ending())
    assert "Run the same command again" in shown(ending(stopped_by=2))


def test_the_report_names_every_message(tmp_path: Path) -> None:
    of = ending(
        message(1, date=1_700_000_000, size_bytes=40_000_147, message_id="<1@contoso.com>", pass_no=3),
        message(2, ExceptionKind.REPAIRED, detail='{"before": "00", "after": "01"}', subject="\udc80 会議"),
    )
    path = tmp_path / "report.json"
    report.write(path, report.of_pass(of, SOURCE, TARGET))
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]
    read = json.loads(path.read_bytes())
    assert (read["report"], read["format"], read["exit_code"], read["complete"]) == ("copy", 1, 40, False)
    assert read["source"] == "imaps://terry@imap.contoso.com"
    assert read["messages"][0] == {
        "folder": "Clients/2024",
        "uid_validity": 7,
        "uid": 1,
        "kind": "skipped",
        "copied": False,
        "code": "too-large",
        "reason": "40000147 bytes, the limit is 36700160",
        "subject": "Drawings",
        "message_id": "<1@contoso.com>",
        "date": "2023-11-14T22:13:20Z",
        "size_bytes": 40_000_147,
        "detail": None,
        "pass": 3,
    }
    assert read["messages"][1]["detail"] == {"before": "00", "after": "01"}
    assert read["messages"][1]["copied"] is True
    assert read["messages"][1]["subject"] == "\udc80 会議"


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "report.json"
    with pytest.raises(BadUsage, match="cannot be written"):
        report.write(path, {})


def test_the_report_is_documented() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "report.md").read_text()
    of = ending(message(1), error=errors.OverQuota("full", side=Side.TARGET))
    of.failed_folders["a"] = "b"
    of.left_out = [LeftOut(Listed(FolderPath(("Junk",)), b"Junk"), Why.EXCLUDED, "x")]
    missing = [name for name in names_in(report.of_pass(of, SOURCE, TARGET)) if f"`{name}`" not in page]
    assert missing == []


def names_in(value: object) -> set[str]:
    """Every name of a field, at every level."""
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in names_in(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in names_in(inner)}
    return set()


@pytest.mark.parametrize(
    ("error", "first"),
    [
        (
            errors.LoginFailed("imap.contoso.com:993: [AUTHENTICATIONFAILED] Go away", side=Side.SOURCE),
            "mailferry: source imap.contoso.com:993: The server refused the login. [AUTHENTICATIONFAILED] Go away",
        ),
        (
            errors.OverQuota("12 of 12 MB\x1b[2J", side=Side.TARGET),
            "mailferry: target ./mailboxes/terry: The target mailbox is full. 12 of 12 MB\N{REPLACEMENT CHARACTER}[2J",
        ),
        (errors.BadUsage("Too many."), "mailferry: Too many."),
        (errors.AlreadyRunning("(x)"), "mailferry: Another run is writing to the same target mailbox. (x)"),
    ],
)
def test_errors_say_which_side_and_what_to_do(error: MailferryError, first: str) -> None:
    assert failures.lines(error, REQUEST) == [first, f"  {error.advice}"]


def short(of: Ending) -> list[str]:
    return list(closing.short(of, source=str(SOURCE), target=str(TARGET), report=""))


@pytest.mark.parametrize("made", [ending(), ending(stopped_by=2), ending(error=errors.ConnectionLost("gone"))])
def test_the_short_form_says_what_the_long_one_says(made: Ending) -> None:
    made.stats.folders[b"c"].skipped = 0
    assert closing.is_short(made)
    assert [" ".join(line.split()) for line in short(made)] == [
        " ".join(line.split()) for line in shown(made).splitlines()
    ]


@pytest.mark.parametrize("what", ["message", "warning", "failed", "left out"])
def test_what_needs_a_list_is_not_told_in_short(what: str) -> None:
    made = ending(*([message(1)] if what == "message" else []))
    assert closing.is_short(ending())
    made.warnings += ["odd"] if what == "warning" else []
    made.failed_folders |= {"Work": "refused"} if what == "failed" else {}
    if what == "left out":
        made.left_out = [LeftOut(Listed(FolderPath(("Junk",)), b"Junk"), Why.EXCLUDED, "as asked")]
    assert not closing.is_short(made)


def test_the_patience_that_a_server_asks_for_is_told() -> None:
    error = errors.ServerBusy("[THROTTLED]", side=Side.SOURCE, wait_seconds=754.2)
    assert failures.lines(error)[-1] == "  The server asks for 12:34 min of patience."
    assert len(failures.lines(errors.ServerBusy("[THROTTLED]", side=Side.SOURCE))) == 2
