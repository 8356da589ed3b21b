"""The parts of a service on an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.backends.base import INBOX
from mailferry.service.batchsettings import BatchSettings
from mailferry.store.database import Database
from mailferry.store.keyring import Keyring
from tests.unit.service.passes import Mailboxes, Passes, mail
from tests.unit.service.scene import Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'service.db'}")
    yield Scene(database, Keyring.open(tmp_path / "secret.key"), tmp_path)
    await database.close()


@pytest.fixture
async def passes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Passes:
    """One user with five messages, queued."""
    mailboxes = Mailboxes()
    for number in range(5):
        mailboxes.source.add_mail(INBOX, mail(number), date=1_700_000_000)
    monkeypatch.setattr("mailferry.service.passes.source_opener", mailboxes.source_opener)
    monkeypatch.setattr("mailferry.service.passes.target_opener", mailboxes.target_opener)
    source = await scene.source()
    await scene.archive()
    await scene.batch("ann", settings=BatchSettings(exclude_folders=["#JunkEmail#"]))
    return Passes(scene, mailboxes, source)
