from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailferry.cli.migrate_news import News
from mailferry.migration.model import Failure, Progress, User
from mailferry.migration.states import UserStatus

TERRY = User(1, "guid", 1, "batch", 1, "terry@contoso.com", "terry", UserStatus.QUEUED)
SYNCED = replace(
    TERRY, status=UserStatus.SYNCED, last_synced_at=10.0, progress=Progress(found=12, synced=12, bytes_synced=2048)
)


def later(user: User, at: float = 20.0, **progress: Any) -> User:
    return replace(user, last_synced_at=at, progress=replace(user.progress, **progress))


def test_the_first_sync_is_told_with_all_its_messages() -> None:
    news = News()
    assert news.tell(replace(TERRY, status=UserStatus.SYNCING, progress=Progress(found=12, synced=5))) == ""
    assert news.is_new(SYNCED)
    assert news.tell(SYNCED) == "terry@contoso.com: synced, 12 messages, 2.0 KB"
    assert not news.is_new(SYNCED)


def test_what_an_earlier_run_left_is_no_news() -> None:
    news = News()
    news.before([SYNCED])
    assert not news.is_new(SYNCED)
    assert not news.is_new(replace(SYNCED, updated_at=15.0))
    assert news.tell(replace(SYNCED, status=UserStatus.INCREMENTAL_SYNCING)) == ""


@pytest.mark.parametrize(
    ("user", "text"),
    [
        (later(SYNCED), ""),
        (later(SYNCED, synced=15, bytes_synced=2348), "terry@contoso.com: synced, 3 new messages, 300 bytes"),
        (later(SYNCED, synced=13, bytes_synced=2058), "terry@contoso.com: synced, 1 new message, 10 bytes"),
        (later(SYNCED, bytes_synced=2349), "terry@contoso.com: synced, new mail, 301 bytes"),
        (later(SYNCED, skipped=2), "terry@contoso.com: synced, 2 not copied"),
        (replace(SYNCED, failure=Failure("server-busy", "It is busy.")), "terry@contoso.com: waits, It is busy."),
        (
            replace(SYNCED, status=UserStatus.INCREMENTAL_FAILED, failure=Failure("x", "No.", advice="Try.")),
            "terry@contoso.com: IncrementalFailed, No. Try.",
        ),
    ],
)
def test_a_later_sync_is_told_if_it_brought_something_or_failed(user: User, text: str) -> None:
    news = News()
    news.before([SYNCED])
    news.tell(replace(SYNCED, status=UserStatus.INCREMENTAL_SYNCING, progress=replace(SYNCED.progress, synced=13)))
    assert news.is_new(user)
    assert news.tell(user) == text
    assert not news.is_new(user)


def test_each_sync_is_compared_with_the_one_before() -> None:
    news = News()
    news.before([SYNCED])
    assert "3 new messages" in news.tell(later(SYNCED, 20.0, synced=15))
    assert "4 new messages" in news.tell(later(SYNCED, 30.0, synced=19))
