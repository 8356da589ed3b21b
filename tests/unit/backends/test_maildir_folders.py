"""Opening, locking and subscribing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.backends.base import INBOX, FolderPath
from mailferry.backends.maildir import open_reader, open_target
from mailferry.errors import AlreadyRunning, RootNotFound


async def test_no_maildir_no_source(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RootNotFound):
            await open_reader(path, state_directory=tmp_path / "state")
    assert not list(tmp_path.iterdir())


async def test_one_writer_at_a_time(tmp_path: Path) -> None:
    first, second = await open_target(tmp_path / "mail"), await open_target(tmp_path / "mail")
    lanes = [await first.open_lane(), await first.open_lane()]
    with pytest.raises(AlreadyRunning):
        await second.open_lane()
    await lanes[0].close()
    with pytest.raises(AlreadyRunning):
        await second.open_lane()
    await lanes[1].close()
    await (await second.open_lane()).close()
    await first.close()
    await second.close()


@pytest.mark.parametrize("before", [None, b"A.B\nOld\n", b"V\t2\n\nA\tB\nOld\n"])
async def test_subscriptions(tmp_path: Path, before: bytes | None) -> None:
    target = await open_target(tmp_path / "mail")
    if before:
        (tmp_path / "mail" / "subscriptions").write_bytes(before)
    a, b = FolderPath(("A",)), FolderPath(("A", "B"))
    await target.create_folders([(a, None), (b, None)])
    await target.subscribe([b, INBOX, FolderPath(("no", "such.name"))])
    await target.subscribe([b])
    subscribed = {listed.path for listed in await target.list_folders(status=False) if listed.subscribed}
    assert subscribed == {INBOX, b}
    content = (tmp_path / "mail" / "subscriptions").read_bytes()
    assert content.startswith(before or b"V\t2\n\n")
    assert content.count(b"INBOX\n") == 1
    await target.close()
