"""Passes into a Maildir that cannot be written: they fail at once, and say where and what to do."""

from __future__ import annotations

import errno

import pytest

from mailferry.backends.base import OutcomeKind
from mailferry.backends.maildir_scan import disk_error
from mailferry.backends.maildir_slots import Slot, outcome_of
from mailferry.backends.registry import target_opener
from mailferry.errors import CommandFailed, MailferryError, OverQuota, ReadOnly, Side
from mailferry.migration.states import UserStatus
from tests.unit.service.passes import ADDRESS, Passes


@pytest.mark.parametrize("place", [ADDRESS, f"{ADDRESS}/tmp"])
async def test_a_file_in_the_place_of_a_folder(passes: Passes, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setattr("mailferry.service.passes.target_opener", target_opener)
    path = passes.scene.folder / "archive" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file")
    user = await passes.run()
    assert (user.status, user.failure.code, user.failure.retry) == (UserStatus.FAILED, "read-only", "after-repair")
    assert user.failure.text.startswith("Target: The target does not allow writing.")
    assert f"{path}: File exists. A folder belongs there." in user.failure.text
    assert "Move away" in user.failure.advice
    assert "The target does not allow writing" in (await passes.report()).splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "kind", "advice"),
    [
        (errno.EACCES, ReadOnly, "the right to write there"),
        (errno.EROFS, ReadOnly, "the right to write there"),
        (errno.ENOTDIR, ReadOnly, "Move away"),
        (errno.ENOSPC, OverQuota, "Free space on the disk"),
        (errno.EIO, CommandFailed, "the disk may need attention"),
    ],
)
def test_what_the_disk_refuses_is_named_with_its_path(number: int, kind: type[MailferryError], advice: str) -> None:
    error = disk_error(OSError(number, "why", "/mail/ann/.Sent/cur"), b"/mail/ann", Side.TARGET)
    assert type(error) is kind
    assert error.detail.startswith("/mail/ann/.Sent/cur: why.")
    assert advice in error.advice
    inside = disk_error(OSError(number, "why", b"cur"), b"/mail/ann", Side.TARGET)
    assert inside.detail.startswith("/mail/ann/cur: why.")
    assert disk_error(OSError(number, "why"), b"/mail/ann", Side.TARGET).detail.startswith("/mail/ann: why.")


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOTDIR])
def test_a_message_that_finds_no_folder_to_write_to_is_told_with_the_path(number: int) -> None:
    slot = Slot(("stamp", 1), frozenset(), 0, b"", "tmp")
    slot.error = OSError(number, "why")
    outcome = outcome_of(slot, b"/mail/ann/.Sent")
    assert (outcome.kind, outcome.code, outcome.text) == (OutcomeKind.REFUSED, "NOPERM", "/mail/ann/.Sent: why")
