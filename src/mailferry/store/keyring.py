"""The keys under which passwords are stored. They are in a file apart from the database."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from mailferry.imap.values import Secret
from mailferry.store.errors import KeyUnusable


class Keyring:
    """Keys, the newest first: it seals, all unseal (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, path: Path, keys: list[str]) -> None:
        self._path = path
        self._keys = keys
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    @classmethod
    def open(cls, path: Path) -> Keyring:
        """Read the key file, one key a line; it is made if it is not there, for this account alone.

        Raises KeyUnusable: others may read it, or it is no key file.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                _create(path, [Fernet.generate_key().decode()])
            return cls._read(path)
        except OSError as error:
            raise KeyUnusable(f"{path}: {error.strerror}.") from None

    @classmethod
    def _read(cls, path: Path) -> Keyring:
        with path.open(encoding="ascii", errors="replace") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise KeyUnusable(f"{path}: other accounts may read it (chmod 600).")
            keys = file.read().split()
        try:
            return cls(path, keys)
        except ValueError:
            # The reason would quote the line.
            raise KeyUnusable(f"{path}: not a key file.") from None

    def seal(self, secrets: Mapping[str, str]) -> bytes:
        """Give named secrets as one token that says nothing without a key."""
        return self._fernet.encrypt(json.dumps(dict(secrets)).encode())

    def unseal(self, token: bytes) -> dict[str, Secret]:
        """Give back what was sealed. Raises KeyUnusable if none of the keys fits."""
        try:
            text = self._fernet.decrypt(token)
        except InvalidToken:
            raise KeyUnusable("A stored password was sealed under another key.") from None
        return {name: Secret(value) for name, value in json.loads(text).items()}

    def reseal(self, token: bytes) -> bytes:
        """Give the same secrets sealed under the newest key. Raises KeyUnusable if none of the keys fits."""
        try:
            return self._fernet.rotate(token)
        except InvalidToken:
            raise KeyUnusable("A stored password was sealed under another key.") from None

    def rotate(self) -> None:
        """Make a new first key. The file is replaced at once, and durably, before anything is sealed under it."""
        keys = [Fernet.generate_key().decode(), *self._keys]
        self._replace(keys)

    def forget_old_keys(self) -> None:
        """Keep the newest key only; call it when everything was sealed anew (`secrets.reseal_all`)."""
        self._replace(self._keys[:1])

    def _replace(self, keys: list[str]) -> None:
        try:
            _write(self._path, keys)
        except OSError as error:
            raise KeyUnusable(f"{self._path}: {error.strerror}.") from None
        self._keys = keys
        self._fernet = MultiFernet([Fernet(key) for key in keys])


def _create(path: Path, keys: list[str]) -> None:
    """Write a key file that was not there. Of two who come at once the first wins: a key never replaces another."""
    fresh = _written(path, keys)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        fresh.unlink()
    _sync_folder(path)


def _write(path: Path, keys: list[str]) -> None:
    os.replace(_written(path, keys), path)
    _sync_folder(path)


def _written(path: Path, keys: list[str]) -> Path:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
