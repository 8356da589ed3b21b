from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import pytest

from mailferry.cli.arguments import make_parser
from mailferry.cli.migrate_request import MigrateRequest, make_request
from mailferry.errors import BadUsage
from mailferry.migration.model import Security
from mailferry.sync.received import ReceivedRange

CSV = "EmailAddress,UserName,Password\nterry@contoso.com,terry,secret\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "all users.csv"
    path.write_text(CSV)
    return path


def parsed(*words: str) -> argparse.Namespace:
    return make_parser().parse_args(["migrate", *words])


def request_of(
    csv: Path, *words: str, source: str = "imaps://imap.contoso.com", warnings: list[str] | None = None
) -> MigrateRequest:
    told = [] if warnings is None else warnings
    if "--target" not in words:
        words = (*words, "--target", "maildir:mailboxes")
    return make_request(parsed(str(csv), "--source", source, *words), {}, ask=None, warn=told.append)


@pytest.mark.parametrize(
    ("source", "words", "security", "warned"),
    [
        ("imaps://imap.contoso.com", (), Security.SSL, False),
        ("imap://imap.contoso.com", (), Security.TLS, False),
        ("imap+tls://imap.contoso.com", (), Security.TLS, False),
        ("imap://127.0.0.1:1143", (), Security.NONE, False),
        ("imap://imap.contoso.com", ("--source-security", "none"), Security.NONE, True),
        ("imap://imap.contoso.com", ("--source-security", "none", "--quiet"), Security.NONE, False),
    ],
)
def test_plain_text_leaves_this_machine_only_when_asked_for_and_with_a_warning(
    csv: Path, source: str, words: tuple[str, ...], security: Security, warned: bool
) -> None:
    told: list[str] = []
    assert request_of(csv, *words, source=source, warnings=told).source.settings.security is security
    assert [("imap.contoso.com:143" in text, "--source-security" in text) for text in told] == [(True, True)] * warned


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("maildir:old", "--source is an IMAP server"),
        ("pop3://imap.contoso.com", "--source must be imaps://host"),
        ("imap.contoso.com", "--source must be imaps://host"),
        ("imaps:imap.contoso.com", "--source must be imaps://host"),
        ("imaps://terry@imap.contoso.com", "the CSV has the users"),
        ("imaps://imap.contoso.com/Clients", "UserRoot"),
        ("imaps://imap.contoso.com?x", "UserRoot"),
        ("imaps://imap.contoso.com/%40@", "UserRoot"),
    ],
)
def test_what_is_wrong_with_a_source_is_said_in_the_words_of_this_command(csv: Path, source: str, says: str) -> None:
    with pytest.raises(BadUsage) as caught:
        request_of(csv, source=source)
    assert says in caught.value.detail
    assert "--user-root" not in caught.value.detail
    assert "--source-user" not in caught.value.detail


def test_a_target_may_be_a_folder_too(csv: Path) -> None:
    with pytest.raises(BadUsage, match="maildir:FOLDER"):
        request_of(csv, "--target", "mbox:mail")


def test_folders_that_are_not_named_are_left_to_the_batch(csv: Path) -> None:
    settings = request_of(csv, "--exclude-folders", "Junk,Trash/*").settings
    assert settings.include_folders is None
    assert settings.exclude_folders == ["Junk", "Trash/*"]


def test_the_dates_of_received_mail_are_the_content_filter_of_the_batch(csv: Path) -> None:
    words = ("--received-after", "2025-01-01", "--received-before", "2025-02-01T00:00:00+01:00")
    request = request_of(csv, *words)
    text = "Received -ge '2025-01-01T00:00:00Z' -and Received -lt '2025-01-31T23:00:00Z'"
    assert request.settings_for(ReceivedRange()).content_filter == text
    assert "--received" not in request.resubmission
    assert request_of(csv).settings_for(ReceivedRange(1, 2)).content_filter is None


def test_a_bound_that_is_not_named_stays_and_any_lifts_one(csv: Path) -> None:
    earlier = ReceivedRange(86_400, 10 * 86_400)
    one = request_of(csv, "--received-before", "1970-01-06")
    assert one.settings_for(earlier).content_filter == (
        "Received -ge '1970-01-02T00:00:00Z' -and Received -lt '1970-01-06T00:00:00Z'"
    )
    lifted = request_of(csv, "--received-after", "any")
    assert lifted.settings_for(earlier).content_filter == "Received -lt '1970-01-11T00:00:00Z'"
    both = request_of(csv, "--received-after", "any", "--received-before", "any")
    assert both.settings_for(earlier).content_filter == ""
    with pytest.raises(BadUsage, match="must be later"):
        request_of(csv, "--received-after", "1970-02-01").settings_for(earlier)
    for option in ("--received-after", "--received-before"):
        with pytest.raises(BadUsage, match=f"{option} must be a date"):
            request_of(csv, option, "")


def test_the_command_for_the_failures_can_be_run_as_it_stands(csv: Path, tmp_path: Path) -> None:
    words = (
        *("--data", str(tmp_path / "my data"), "--target-user-template", "{user}*mailadmin"),
        *("--target-password-file", str(csv), "--target", "imaps://mail.fabrikam.com:1993"),
        *("--max-concurrent-migrations", "50", "--accept-untrusted-certificates", "--watch", "--json"),
        *("--report", str(tmp_path / "report.csv"), "--include-folders", "INBOX"),
    )
    request = request_of(csv, *words)
    again = shlex.split(request.resubmission)
    assert again[0] == "mailferry"
    request.failures.write_text(CSV)
    second = make_request(make_parser().parse_args(again[1:]), {}, ask=None, warn=lambda _: None)
    assert second.csv_path == request.failures
    assert (second.batch, second.data, second.source, second.target.name, second.workers) == (
        *("all users", request.data, request.source, request.target.name, None),
    )
    assert second.target.settings.user_template == "{user}*mailadmin"
    assert (second.watch, second.json, second.report, second.settings.include_folders) == (False, False, None, None)


def test_a_default_is_not_repeated(csv: Path) -> None:
    assert "--data" not in request_of(csv).resubmission
