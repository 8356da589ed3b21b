"""One runner per target mailbox on this machine, and where a user's state lives."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from types import TracebackType

from mailferry.errors import AlreadyRunning, LedgerUnwritable


def state_folder() -> Path:
    """Give the user's folder for Mailferry's state (XDG Base Directory Specification); it may not exist yet."""
    home = os.environ.get("XDG_STATE_HOME", "")
    # The specification says that a relative path is to be ignored.
    base = Path(home) if os.path.isabs(home) else Path.home() / ".local" / "state"
    return base / "mailferry"


def default_state_path(source_key: str, target_key: str) -> Path:
    """Give the ledger file of this pair of mailboxes: one file for all pairs, the pair is a key within it."""
    del source_key, target_key
    return state_folder() / "ledger.db"


class TargetLock:
    """Holds a target mailbox against other runners of the same user, whatever ledger they use (rule 11).

    A file named by a hash of the target's key is locked with flock, so the lock ends with the process, however it
    ends. The file itself stays: removing it would let a third runner lock a file that nobody sees any more.
    A context manager; entering raises AlreadyRunning with the holder's process id, or LedgerUnwritable.
    """

    def __init__(self, target_key: str, folder: Path | None = None) -> None:
        name = hashlib.sha256(target_key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self.path = (folder if folder is not None else state_folder() / "locks") / f"{name}.lock"
        self._descriptor = -1

    def __enter__(self) -> TargetLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock or raise; never waits."""
        if self._descriptor >= 0:
            raise AlreadyRunning(f"(process {os.getpid()} holds {self.path})")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LedgerUnwritable(f"The lock file {self.path} cannot be made: {error.strerror}.") from error
        try:
            self._lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            who = f"process {holder}" if holder else "another process"
            raise AlreadyRunning(f"({who} holds {self.path})") from None
        except OSError as error:
            raise LedgerUnwritable(f"The lock file {self.path} cannot be locked: {error.strerror}.") from error
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass  # a full disk; the name of the holder is a courtesy, the lock holds without it

    def release(self) -> None:
        """Give the lock up; does nothing if it is not held."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            os.ftruncate(descriptor, 0)
        except OSError:
            pass
        os.close(descriptor)
