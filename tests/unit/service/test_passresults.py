"""The words of a report: whole sentences, which say whose server it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailferry.errors import ConnectionLost, LedgerUnwritable, LoginFailed, MailferryError, OverQuota, Side
from mailferry.migration.model import Endpoint, EndpointRole, EndpointType
from mailferry.migration.report import sentence
from mailferry.service.passresults import advice_for, closing, describe, sided, told
from mailferry.sync.options import Event, Stats

TARGET = Endpoint(1, "guid", "New", EndpointType.IMAP, EndpointRole.TARGET)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            LoginFailed("127.0.0.1:19948: [AUTHENTICATIONFAILED] no", side=Side.SOURCE),
            "The server refused the login. Source 127.0.0.1:19948: [AUTHENTICATIONFAILED] no",
        ),
        (
            ConnectionLost("[::1]:993: the connection was closed", side=Side.TARGET),
            "The connection to the server broke. Target [::1]:993: the connection was closed",
        ),
        (OverQuota("", side=Side.TARGET), "Target: The target mailbox is full."),
        (OverQuota("INBOX: 12:30: no", side=Side.TARGET), "Target: The target mailbox is full. INBOX: 12:30: no"),
        (LedgerUnwritable("disk full"), "The ledger could not be written, so nothing more was sent. disk full"),
    ],
)
def test_errors_say_which_side(error: MailferryError, text: str) -> None:
    assert told(error) == text


def test_the_side_is_said_once() -> None:
    text = "The server refused a command. a.example:143: b.example:143: no"
    assert sided(text, "source") == "The server refused a command. Source a.example:143: b.example:143: no"


def test_advice_on_a_login_at_the_target_names_what_made_the_name() -> None:
    refused = LoginFailed("no", side=Side.TARGET)
    assert "TargetUserName" in advice_for(refused, TARGET)
    assert "TargetPassword" in advice_for(refused, TARGET)
    templated = advice_for(refused, replace(TARGET, user_template="{user}*mailadmin"))
    assert "user template of the endpoint New ({user}*mailadmin)" in templated
    assert "TargetUserName" in templated
    assert "administrator root" in advice_for(refused, replace(TARGET, admin_user="root"))
    assert advice_for(LoginFailed("no", side=Side.SOURCE), TARGET) == LoginFailed.advice
    assert advice_for(OverQuota("no", side=Side.TARGET), TARGET) == OverQuota.advice


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event("folders mapped", {"folders": 1, "left_out": 0}), "1 folder."),
        (Event("folders mapped", {"folders": 2, "left_out": 1}), "2 folders, 1 left out."),
        (
            Event("folder synced", {"folder": "INBOX", "copied": 1, "skipped": 0, "size_bytes": 1234}),
            "INBOX: 1 message copied (1,234 bytes).",
        ),
        (
            Event("folder synced", {"folder": "INBOX", "copied": 2000, "skipped": 3, "size_bytes": 9}),
            "INBOX: 2,000 messages copied (9 bytes), 3 skipped.",
        ),
        (
            Event(
                "retry", {"reason": "It broke. h:1: the connection was closed", "wait_seconds": 0.9, "side": "source"}
            ),
            "It broke. Source h:1: the connection was closed. Going on in 0.9 s.",
        ),
        (
            Event("outcome settled", {"folder": "INBOX", "to_send_again": 1}),
            "INBOX: to be sent again after an interruption: 1 message.",
        ),
    ],
)
def test_lines_of_a_report_are_sentences(event: Event, line: str) -> None:
    assert describe(event) == line


def test_the_last_line_counts_in_words() -> None:
    assert closing(0, Stats(), 0, 1) == "Done: 0 messages on the source, 0 copied, 1 folder failed."
    assert (
        closing(1200, Stats(), 2, 2) == "Done: 0 messages on the source, 1,200 copied, 2 not copied, 2 folders failed."
    )


@pytest.mark.parametrize(
    ("text", "ended"), [("no", "no."), ("no. ", "no."), ("no!", "no!"), ("", ""), ("why?", "why?")]
)
def test_text_of_others_ends_with_one_stop(text: str, ended: str) -> None:
    assert sentence(text) == ended


# Which classes of the command line are loaded depends on the other tests of the run.
ENGINE = [kind for kind in MailferryError.__subclasses__() if not kind.__module__.startswith("mailferry.cli.")]


@pytest.mark.parametrize("kind", ENGINE)
def test_no_advice_is_for_the_command_line_alone(kind: type[MailferryError]) -> None:
    if "run the same command again" in kind.advice:
        assert "start the user again" in kind.advice.lower()
