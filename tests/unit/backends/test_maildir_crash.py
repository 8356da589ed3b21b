"""Whatever call to the operating system is the last one, a second run leaves each message there once."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mailferry.backends.base import INBOX, FetchJob, Flags, FolderPath, Mail, Mode, Outcome, OutcomeKind
from mailferry.backends.maildir import open_reader, open_target
from mailferry.errors import MailferryError
from tests.servers.base import memory_folder

MODULES = ("maildir_write", "maildir_uids", "maildir_keywords", "maildir_folders")
CHANGING = {"open", "write", "pwrite", "ftruncate", "utime", "fsync", "rename", "link", "unlink", "makedirs"}
LARGE = b"0123456789abcdef\r\n" * 6_000
WORK = FolderPath(("Work",))
MAILS = {uid: b"message %d\n" % uid for uid in range(1, 6)} | {6: LARGE, 7: b"last"}
FLAGS: dict[int, Flags] = {1: frozenset({"\\Seen", "Project"}), 5: frozenset({"$Forwarded", "\\Flagged"})}
DATE = 1_600_000_000
NEVER = 1 << 30


class Killed(BaseException):
    """The process is gone: nothing after this reaches the disk."""


class FaultyOs:
    """Stands for the module `os`; the call number `at` that would change the disk fails.

    With an error it is this call only; without one it and all later ones, as when the process was killed. Closing
    still works, as the kernel closes the files of a dead process.
    """

    def __init__(self, at: int, error: int | None) -> None:
        self.calls = 0
        self._at = at
        self._error = error
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> object:
        real: Callable[..., object] = getattr(os, name)
        if name not in CHANGING:
            return real

        def call(*args: object, **kwargs: object) -> object:
            with self._lock:
                self.calls += 1
                number = self.calls
            if self._error is None and number >= self._at:
                raise Killed
            if self._error is not None and number == self._at:
                raise OSError(self._error, os.strerror(self._error))
            # Whether the disk kept it cannot be seen here, and many calls would take long.
            return None if name == "fsync" else real(*args, **kwargs)

        return call


@contextmanager
def faults(at: int, error: int | None) -> Iterator[FaultyOs]:
    faulty = FaultyOs(at, error)
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(f"mailferry.backends.{module}.os", faulty)
        yield faulty


@pytest.fixture
def memory() -> Iterator[Path]:
    with TemporaryDirectory(prefix="mf-crash-", dir=memory_folder()) as folder:
        yield Path(folder)


async def run(root: Path) -> dict[tuple[FolderPath, int], Outcome | None]:
    """One pass: two folders, small messages and a large one, in two chunks each."""
    outcomes: dict[tuple[FolderPath, int], Outcome | None] = {}
    target = await open_target(root)
    try:
        await target.create_folders([(WORK, None)])
        await target.subscribe([WORK])
        lane = await target.open_lane()
        for path in (INBOX, WORK):
            results = []
            for uids in (range(1, 4), range(4, 8)):
                chunk = lane.chunk(path, Mode.SINGLE, f"key of {path}")
                for uid in uids:
                    data, flags = MAILS[uid], FLAGS.get(uid, frozenset())
                    chunk.add(Mail(uid, flags, DATE, 0, len(data), data[:65_536]), flags, DATE + uid, 0)
                    if len(data) > 65_536:
                        chunk.piece(data[65_536:])
                results.append((uids, chunk.release()))
            for uids, result in results:
                outcomes |= {(path, uid): out for uid, out in zip(uids, await result, strict=True)}
        await lane.close()
    finally:
        await target.close()
    return outcomes


async def contents(root: Path, path: FolderPath) -> list[tuple[int, bytes, Flags, int | None]]:
    reader = await open_reader(root, state_directory=root.parent / "state")
    listing = [folder.path for folder in await reader.list_folders()]
    found: list[tuple[int, bytes, Flags, int | None]] = []
    if path in listing:
        pending = [FetchJob(path, ((1, 2**32 - 1),))]
        async for batch in reader.stream(lambda: pending.pop() if pending else None):
            for item in batch:
                if isinstance(item, Mail):
                    found.append((item.uid, item.data, item.flags, item.date))
                elif isinstance(item, bytes):
                    uid, data, flags, date = found[-1]
                    found[-1] = (uid, data + item, flags, date)
    await reader.close()
    return found


async def check_complete(root: Path) -> None:
    """Run undisturbed, then look: each message once, nothing left over, UIDs as told."""
    with faults(NEVER, None):
        outcomes = await run(root)
    assert {out and out.kind for out in outcomes.values()} == {OutcomeKind.STORED}
    expected = sorted((data, FLAGS.get(uid, frozenset()), DATE + uid) for uid, data in MAILS.items())
    for path, folder in ((INBOX, root), (WORK, root / ".Work")):
        found = await contents(root, path)
        assert sorted((data, flags, date) for _, data, flags, date in found) == expected
        by_uid = {uid: data for uid, data, _, _ in found}
        assert all(by_uid[out.uid] == MAILS[uid] for (where, uid), out in outcomes.items() if out and where == path)
        assert not list((folder / "tmp").iterdir())
        assert not list(folder.glob("*.lock")) or folder == root
        assert not (folder / "dovecot-keywords.lock").exists()


async def test_a_kill_at_any_call(memory: Path) -> None:
    with faults(NEVER, None) as counting:
        await run(memory / "count")
    assert counting.calls > 100
    for at in range(1, counting.calls + 1):
        root = memory / str(at) / "mail"
        told: dict[tuple[FolderPath, int], Outcome | None] = {}
        with faults(at, None):
            try:
                told = await run(root)
            except (Killed, MailferryError):
                pass
        if (root / "cur").exists():
            await check_told(root, told)
        await check_complete(root)
        await check_complete(root)
        shutil.rmtree(root.parent)


async def check_told(root: Path, told: dict[tuple[FolderPath, int], Outcome | None]) -> None:
    """What was reported as stored is there, under the UID that was told."""
    for path in {path for path, _ in told}:
        by_uid = {uid: data for uid, data, _, _ in await contents(root, path)}
        for (where, uid), out in told.items():
            if where == path and out and out.kind is OutcomeKind.STORED:
                assert by_uid[out.uid] == MAILS[uid]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES, errno.EIO])
async def test_an_error_at_any_call(memory: Path, error: int) -> None:
    codes = {errno.ENOSPC: "OVERQUOTA", errno.EACCES: "NOPERM", errno.EIO: "UNAVAILABLE"}
    with faults(NEVER, error) as counting:
        await run(memory / "count")
    failures = 0
    for at in range(1, counting.calls + 1, 1 if error == errno.ENOSPC else 7):
        root = memory / str(at) / "mail"
        told: dict[tuple[FolderPath, int], Outcome | None] = {}
        with faults(at, error):
            try:
                told = await run(root)
            except MailferryError:
                pass
        if (root / "cur").exists():
            await check_told(root, told)
        refused = [out for out in told.values() if out and out.kind is not OutcomeKind.STORED]
        failures += len(refused)
        assert {out.code for out in refused} <= {codes[error], "TRYCREATE"}
        await check_complete(root)
        shutil.rmtree(root.parent)
    assert failures
