"""One runner per target mailbox, also across processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailferry.errors import AlreadyRunning, LedgerUnwritable
from mailferry.sync.lock import TargetLock, default_state_path, state_folder

KEY = "imap://user@example.org:143/"

HOLD = """
import sys
from pathlib import Path
from mailferry.sync.lock import TargetLock
with TargetLock(sys.argv[1], Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, KEY, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(AlreadyRunning, match=rf"process {process.pid}\b"):
            TargetLock(KEY, tmp_path).acquire()
        process.kill()
        process.wait()
    with TargetLock(KEY, tmp_path):
        pass


def test_a_second_lock_in_this_process_is_refused_and_names_us(tmp_path: Path) -> None:
    with TargetLock(KEY, tmp_path), pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\b"):
        TargetLock(KEY, tmp_path).acquire()


def test_the_lock_can_be_taken_again_after_its_release(tmp_path: Path) -> None:
    lock = TargetLock(KEY, tmp_path)
    for _ in range(2):
        with lock:
            assert lock.path.read_text() == f"{os.getpid()}\n"
        assert lock.path.read_text() == ""
    lock.release()


def test_one_lock_is_not_taken_twice(tmp_path: Path) -> None:
    with TargetLock(KEY, tmp_path) as lock:
        with pytest.raises(AlreadyRunning):
            lock.acquire()
        with pytest.raises(AlreadyRunning):  # and it is still held
            TargetLock(KEY, tmp_path).acquire()


def test_other_targets_are_not_in_the_way(tmp_path: Path) -> None:
    with TargetLock(KEY, tmp_path) as one, TargetLock(KEY + "other", tmp_path) as other:
        assert one.path != other.path


def test_the_file_tells_no_name_and_is_private(tmp_path: Path) -> None:
    with TargetLock(KEY, tmp_path / "locks") as lock:
        assert "user" not in lock.path.name
        assert lock.path.stat().st_mode & 0o777 == 0o600
        assert lock.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_that_is_no_unicode_still_has_a_file(tmp_path: Path) -> None:
    assert TargetLock("maildir:/caf\udce9", tmp_path).path != TargetLock("maildir:/caf", tmp_path).path


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnwritable, match="cannot be made"):
        TargetLock(KEY, tmp_path / "file" / "locks").acquire()


def test_state_lives_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert state_folder() == tmp_path / "state" / "mailferry"
    assert default_state_path("a", "b") == tmp_path / "state" / "mailferry" / "ledger.db"
    with TargetLock(KEY) as lock:
        assert lock.path.parent == tmp_path / "state" / "mailferry" / "locks"


@pytest.mark.parametrize("value", ["", "relative/state"])
def test_without_a_usable_setting_state_lives_in_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "mailferry"
