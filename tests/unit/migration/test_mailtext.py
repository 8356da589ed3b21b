"""The text of reports by mail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailferry.migration.mailtext import ERRORS_FILE, MOST_NAMED, STATISTICS_FILE, MailFacts, Occasion, subject, text
from mailferry.migration.model import Batch, Failure, Progress, User
from mailferry.migration.states import BatchStatus, Counts, UserStatus

BATCH = Batch(
    1,
    "0b54d9a3-6f0a-4f52-9f4e-5d5c4b1d4a11",
    "First floor",
    BatchStatus.SYNCED,
    1,
    2,
    started_at=1_800_000_000.0,
    initial_synced_at=1_800_003_600.0,
)


def facts(occasion: Occasion = Occasion.ENDED, **given: Any) -> MailFacts:
    counts = Counts({UserStatus.SYNCED: 3})
    totals = Progress(found=1_200, synced=1_150, skipped=50, bytes_synced=5_000_000)
    made = MailFacts(BATCH, occasion, counts, totals, 100, "Good", 0, attached=(STATISTICS_FILE,))
    return replace(made, **given)


def user(number: int, **failure: Any) -> User:
    return User(
        number,
        str(number),
        1,
        "b",
        1,
        f"u{number}@contoso.com",
        f"u{number}",
        UserStatus.FAILED,
        failure=Failure("login-failed", **failure),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, 'E-mail migration batch "First floor" has finished'),
        ({"row_errors": 1}, 'E-mail migration batch "First floor" has finished - with errors'),
        ({"occasion": Occasion.COMPLETED}, 'E-mail migration batch "First floor" has been completed'),
        (
            {"occasion": Occasion.AT_WORK, "counts": Counts({UserStatus.SYNCED: 1, UserStatus.INCREMENTAL_FAILED: 1})},
            'E-mail migration batch "First floor" is syncing - with errors',
        ),
    ],
)
def test_subjects(given: dict[str, Any], expected: str) -> None:
    assert subject(facts(**given)) == expected


def test_the_whole_text() -> None:
    assert text(facts(url="http://127.0.0.1:8380")) == (
        'E-mail migration batch "First floor" has finished\n'
        "\n"
        "Status              Synced\n"
        "Mailboxes           3: 3 synced\n"
        "Done                100 %\n"
        "Messages            1,150 of 1,200 synced, 50 not copied\n"
        "Data                4.768 MB (5,000,000 bytes)\n"
        "Data consistency    Good\n"
        "Started             2027-01-15T08:00:00Z\n"
        "Initial sync ended  2027-01-15T09:00:00Z\n"
        "\n"
        "Attached: MigrationStatistics.csv\n"
        "\n"
        "Where to look\n"
        "  http://127.0.0.1:8380\n"
        "  mailferry batch get 'First floor'\n"
        "  Get-MigrationBatch 'First floor'\n"
    )


def test_who_failed_and_what_was_left_out() -> None:
    counts = Counts({UserStatus.SYNCED: 40, UserStatus.FAILED: 60, UserStatus.STOPPED: 1})
    failed = [user(0, text="The login was refused.", side="source", advice="Correct the password."), user(1)]
    failed += [user(number, text="no") for number in range(2, 60)]
    told = text(facts(counts=counts, failed=failed, row_errors=2, left_out=[(7, "Password is\r\nempty.")]))
    assert "101: 40 synced, 1 stopped, 60 failed" in told
    assert "  u0@contoso.com: The login was refused. (source)\n    Correct the password.\n" in told
    assert "  u1@contoso.com: The reason is not known.\n" in told
    assert told.count("@contoso.com: ") == MOST_NAMED
    assert "  and 10 more\n" in told
    assert "Rows left out       2\n" in told
    assert "  line 7: Password is  empty.\n  and 1 more\n" in told
    assert f"Mend the rows of {ERRORS_FILE}" in told
    assert "Get-MigrationUser -BatchId 'First floor' -Status Failed" in told


def test_text_of_servers_stays_on_its_line_and_names_are_quoted() -> None:
    batch = replace(BATCH, name="Ann's $(reboot) floor")
    failed = [user(1, text="no\nWhat to do\n  send money", advice="a\x1b[2Jb")]
    told = text(facts(batch=batch, counts=Counts({UserStatus.FAILED: 1}), failed=failed))
    assert "  u1@contoso.com: no What to do   send money\n    a [2Jb\n" in told
    assert """mailferry batch get 'Ann'"'"'s $(reboot) floor'\n""" in told
    assert "Get-MigrationBatch 'Ann''s $(reboot) floor';" in told


def test_files_that_are_too_large_are_named() -> None:
    told = text(facts(attached=(), too_large=(STATISTICS_FILE,)))
    assert "Attached" not in told
    assert f"Too large for a mail: {STATISTICS_FILE}." in told


@pytest.mark.parametrize(
    "given",
    [
        {"counts": Counts({UserStatus.SYNCED: 2, UserStatus.FAILED: 1})},
        {"totals": Progress(found=1_200, synced=1_151)},
        {"consistency": "Poor"},
        {"row_errors": 1},
        {"percentage": 99},
    ],
)
def test_figures_change_with_what_is_told(given: dict[str, Any]) -> None:
    assert facts(**given).figures != facts().figures
    assert facts(Occasion.AT_WORK, url="x").figures == facts().figures
