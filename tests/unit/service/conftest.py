"""The parts of a service on an empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.store.database import Database
from mailferry.store.keyring import Keyring
from tests.unit.service.scene import Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'service.db'}")
    yield Scene(database, Keyring.open(tmp_path / "secret.key"), tmp_path)
    await database.close()
