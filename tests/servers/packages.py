"""Debian packages, unpacked into a cache folder, without root and without installing anything.

What a set needs and this machine lacks is worked out by a simulated install against the machine's own
package database and sources, with a private copy of the package lists.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.servers.errors import ServerUnavailable

SETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dovecot": ("dovecot-core", "dovecot-imapd", "dovecot-auth-lua"),
        "courier": ("courier-imap", "courier-base", "courier-authdaemon", "courier-authlib", "courier-authlib-userdb"),
        "cyrus": ("cyrus-imapd", "cyrus-common", "sasl2-bin", "libsasl2-2", "libsasl2-modules", "libsasl2-modules-db"),
        "postgres": ("postgresql-15", "postgresql-client-15"),
        "peers": ("isync", "interimap", "libinterimap"),
    }
)
"""Always unpacked, even if installed here; what they depend on is added where the machine lacks it."""

_NEEDLESS = frozenset(
    {
        "exim4-base", "exim4-config", "exim4-daemon-light", "libgnutls28-dev", "libgnutls-openssl27",
        "libllvm14", "libz3-4", "postgresql-common", "postgresql-client-common", "ssl-cert",
    }
)  # fmt: skip
"""Dependencies of a package that no server here has a use for."""

_STATUS = Path("/var/lib/dpkg/status")
_INSTALL_LINE = re.compile(r"^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) .*?\[(\w+)\]\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One package to unpack."""

    name: str
    version: str
    architecture: str

    def __str__(self) -> str:
        name = self.name.partition(":")[0]
        return f"{name}={self.version}" if self.architecture == "all" else f"{name}:{self.architecture}={self.version}"


def cache_folder() -> Path:
    """$MAILFERRY_CACHE, else `mailferry` in $XDG_CACHE_HOME, else ~/.cache/mailferry."""
    if chosen := os.environ.get("MAILFERRY_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "mailferry"


def package_tree(name: str) -> Path:
    """The folder that holds the unpacked set `name`; fetched on first use.

    Safe to call from several processes. Raises ServerUnavailable without apt, dpkg or a package source.
    """
    for program in ("apt-get", "dpkg", "tar"):
        if shutil.which(program) is None:
            raise ServerUnavailable(f"{program} is not installed, so the packages of {name} cannot be fetched")
    packages = cache_folder() / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    link = packages / f"{name}-{_fingerprint(SETS[name])}"
    if not link.exists():
        with _locked(packages / "lock"):
            if not link.exists():
                _point(link, _unpacked(packages, name))
    return link.resolve()


def _fingerprint(names: Sequence[str]) -> str:
    """Stands for the names asked for and everything installed on this machine."""
    status = _STATUS.read_bytes() if _STATUS.exists() else b""
    return hashlib.sha256("\n".join((platform.machine(), *names, "")).encode() + status).hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _point(link: Path, tree: Path) -> None:
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(tree.name)
    fresh.replace(link)


def _unpacked(packages: Path, name: str) -> Path:
    """Fetch and unpack, once with the package lists at hand and once more with fresh ones."""
    apt = _Apt(packages / "apt")
    if not apt.has_lists():
        apt.update()
    try:
        return _build(packages, name, apt)
    except subprocess.CalledProcessError:
        apt.update()  # a list that is out of date names files that are gone
    try:
        return _build(packages, name, apt)
    except subprocess.CalledProcessError as error:
        raise ServerUnavailable(f"the packages of {name} cannot be fetched: {_last_line(error)}") from error


def _build(packages: Path, name: str, apt: _Apt) -> Path:
    wanted = apt.missing(SETS[name])
    listing = "\n".join(sorted(map(str, wanted)))
    tree = packages / f"tree-{name}-{hashlib.sha256(listing.encode()).hexdigest()[:16]}"
    if tree.exists():
        return tree
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=packages) as scratch:
        archives = Path(scratch, "archives")
        archives.mkdir()
        apt.download(wanted, archives)
        fresh = Path(scratch, "tree")
        for folder in ("bin", "lib", "sbin"):
            fresh.joinpath("usr", folder).mkdir(parents=True)
            fresh.joinpath(folder).symlink_to(f"usr/{folder}")
        for archive in sorted(archives.glob("*.deb")):
            _unpack(archive, fresh)
        fresh.joinpath("packages.txt").write_text(listing + "\n")
        _run(["chmod", "-R", "a+rX,u+w", str(fresh)])
        fresh.replace(tree)
    return tree


def _unpack(archive: Path, tree: Path) -> None:
    """Unpack over the tree; files below /lib land in /usr/lib, as on a machine with merged /usr."""
    with subprocess.Popen(["dpkg", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as reader:
        flags = ["--keep-directory-symlink", "--no-same-owner", "--no-same-permissions"]
        subprocess.run(["tar", "-x", *flags, "-C", str(tree)], stdin=reader.stdout, check=True, capture_output=True)


class _Apt:
    """apt-get with state and cache of its own, and the machine's sources and installed packages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for part in ("state/lists/partial", "cache/archives/partial"):
            folder.joinpath(part).mkdir(parents=True, exist_ok=True)
        settings = {
            "Dir::State": folder / "state",
            "Dir::Cache": folder / "cache",
            "Dir::State::status": _STATUS,
            "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
            "Acquire::Retries": 2,
            "Acquire::http::Timeout": 30,
            "Acquire::Languages": "none",
        }
        self._command = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in settings.items())]

    def has_lists(self) -> bool:
        return any(self._folder.joinpath("state/lists").glob("*Packages*"))

    def update(self) -> None:
        try:
            _run([*self._command, "update", "--error-on=any"])
        except subprocess.CalledProcessError as error:
            raise ServerUnavailable(f"the package lists cannot be fetched: {_last_line(error)}") from error

    def missing(self, names: Sequence[str]) -> list[Wanted]:
        """These packages and every dependency that is not installed here."""
        plan = _run([*self._command, "-s", "--reinstall", "--no-install-recommends", "install", *names])
        found = (Wanted(*match.groups()) for match in _INSTALL_LINE.finditer(plan))
        return [package for package in found if package.name not in _NEEDLESS]

    def download(self, wanted: Sequence[Wanted], folder: Path) -> None:
        _run([*self._command, "download", *map(str, wanted)], folder)


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=900)
    return done.stdout


def _last_line(error: subprocess.CalledProcessError) -> str:
    lines = str(error.stderr or error.stdout or error).strip().splitlines()
    return lines[-1] if lines else str(error)
