"""A whole service with its workers: what it leaves in its folder, and what it says when it cannot work."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mailferry.migration.model import EndpointRole, EndpointType
from mailferry.service.endpoints import EndpointSettings
from mailferry.service.errors import NotFound
from mailferry.service.wiring import Service
from mailferry.store.errors import KeyUnusable
from tests.unit.service.scene import csv_of

PATIENCE_SECONDS = 60.0
USERS = 400
TOKEN = re.compile(rb"gAAAA[A-Za-z0-9_\-]{60,}={0,2}")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    opened = await Service.open(tmp_path / "data")
    yield opened
    await opened.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds. Fails after some time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def content(path: Path) -> bytes:
    """Read a file in another process: to close a file of SQLite drops the locks that this process has on it."""
    return subprocess.run(["cat", path], capture_output=True).stdout


def sealed(service: Service) -> int:
    """Count the passwords that the key of the service can open, anywhere in its folder."""
    readable = 0
    for path in service.folder.path.rglob("*"):
        for token in TOKEN.findall(content(path)) if path.is_file() else ():
            try:
                service.keyring.unseal(token)
            except KeyUnusable:
                continue
            readable += 1
    return readable


async def removed(service: Service, name: str) -> None:
    """Remove a batch, and wait until it is gone."""
    await service.batches.remove(name)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await service.batches.get(name)
            except NotFound:
                return
            await asyncio.sleep(0.02)


async def test_no_password_of_a_removed_batch_is_left_in_any_file(service: Service) -> None:
    await service.start(1)
    settings = EndpointSettings(remote_server="imap.contoso.com")
    await service.endpoints.create("source", EndpointType.IMAP, EndpointRole.SOURCE, settings, skip_verification=True)
    await service.batches.create("first", "source", csv_of(*(f"ann{number}" for number in range(USERS))))
    await service.batches.create("second", "source", csv_of("bea"))
    assert sealed(service) >= USERS + 1
    await removed(service, "first")
    await until(lambda: sealed(service) == 1)
    assert [user.email_address for user in await service.users.page()] == ["bea@contoso.com"]
    await removed(service, "second")
    await until(lambda: sealed(service) == 0)


async def test_a_service_whose_workers_cannot_start_does_not_work(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    command = (sys.executable, "-c", "raise SystemExit('The key does not fit.')")
    monkeypatch.setattr("mailferry.service.wiring.WORKER_COMMAND", command)
    assert (service.is_working, service.worker_trouble()) == (False, "")
    await service.start(1)
    await until(lambda: not service.is_working)
    assert service.worker_trouble() == "The key does not fit."


async def test_a_worker_says_in_one_line_why_it_cannot_start(service: Service) -> None:
    key = service.folder.key_file.read_bytes()
    service.folder.key_file.write_bytes(b"not a key\n")
    await service.start(1)
    await until(lambda: not service.is_working)
    assert "Traceback" not in service.worker_trouble()
    assert str(service.folder.key_file) in service.worker_trouble()
    service.folder.key_file.write_bytes(key)
    await until(lambda: service.is_working)
    assert service.worker_trouble() == ""


@pytest.mark.parametrize("was_there", [False, True])
async def test_nobody_else_may_look_into_the_folders_of_a_service(
    tmp_path: Path, was_there: bool, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    if was_there:
        data.mkdir()
        data.chmod(0o755)
    service = await Service.open(data)
    await service.close()
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in data.iterdir() if path.is_dir()} == {
        "ledgers": "0o700",
        "mailboxes": "0o700",
    }
    assert data.stat().st_mode & 0o777 == (0o755 if was_there else 0o700), "somebody chose it"
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == was_there
    assert [path.name for path in data.iterdir() if path.is_file() and path.stat().st_mode & 0o077] == []
