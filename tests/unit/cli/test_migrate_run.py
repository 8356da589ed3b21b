from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from mailferry.cli import migrate
from mailferry.cli.arguments import make_parser
from mailferry.cli.migrate_display import Quiet
from mailferry.cli.migrate_request import make_request
from mailferry.migration.model import Batch, User
from mailferry.migration.states import BatchStatus
from mailferry.service.views import BatchView

if TYPE_CHECKING:
    from mailferry.service.wiring import Service


class Moving:
    """A service whose only batch goes one step on between any two questions. It stays at the last step."""

    def __init__(self, *steps: str, trouble: str = "") -> None:
        self.batches = self.users = self
        self._steps = steps
        self._asked = 0
        self._trouble = trouble

    @property
    def step(self) -> str:
        return self._steps[min(self._asked, len(self._steps)) - 1]

    async def get(self, guid: str) -> BatchView:
        self._asked += 1
        status = BatchStatus.INCREMENTAL_SYNCING if self.step == "active" else BatchStatus.SYNCED
        batch = Batch(1, guid, "batch", status, 1, 2)
        return BatchView(batch, total=3, active=3 * (self.step == "active"), synced=3 * (self.step != "active"))

    async def count_due(self, _: str) -> int:
        self._asked += 1
        return 3 * (self.step == "due")

    async def changed_since(self, *_: object) -> list[User]:
        return []

    async def page(self, **_: object) -> list[User]:
        return []

    def now(self) -> float:
        return 0.0

    def worker_trouble(self) -> str:
        return self._trouble


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> migrate.Run:
    monkeypatch.setattr(migrate, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(migrate, "WORKER_PATIENCE_SECONDS", 0.1)
    csv = tmp_path / "users.csv"
    csv.write_text("EmailAddress,UserName,Password\nterry@contoso.com,terry,secret\n")
    words = ["migrate", str(csv), "--source", "imaps://imap.contoso.com", "--target", "maildir:mail"]
    return migrate.Run(make_request(make_parser().parse_args(words), {}, ask=None, warn=lambda _: None))


def follow(run: migrate.Run, service: Moving) -> None:
    asyncio.run(asyncio.wait_for(run._follow(cast("Service", service), "guid", Quiet()), 30))


@pytest.mark.parametrize("before", range(4))
def test_mailboxes_that_begin_between_two_questions_are_waited_for(run: migrate.Run, before: int) -> None:
    service = Moving(*["due"] * before, *["active"] * 3, "done")
    follow(run, service)
    assert service.step == "done"


def test_workers_that_do_not_start_for_a_while_end_the_run(run: migrate.Run) -> None:
    with pytest.raises(migrate.WorkersUnstartable, match="No such file"):
        follow(run, Moving("due", trouble="No such file."))
