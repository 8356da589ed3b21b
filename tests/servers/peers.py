"""Other programs that copy mail between IMAP servers, unpacked and ready to run, for comparing with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.packages import package_tree


@dataclass(frozen=True, slots=True)
class Peer:
    """A program: the start of its command line, and what its environment must hold beside the caller's."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


def peers() -> dict[str, Peer]:
    """`mbsync` and `interimap`. Raises ServerUnavailable when they cannot be fetched."""
    tree = package_tree("peers")
    libraries = [str(folder) for folder in sorted(tree.glob("usr/lib/*-linux-gnu*")) if folder.is_dir()]
    modules = [str(folder) for pattern in _PERL for folder in sorted(tree.glob(pattern)) if folder.is_dir()]
    environment = {"LD_LIBRARY_PATH": _path(libraries, "LD_LIBRARY_PATH")} if libraries else {}
    return {
        "mbsync": Peer((str(tree / "usr/bin/mbsync"),), environment),
        "interimap": Peer(
            (_perl(tree), "-T", *(f"-I{folder}" for folder in modules), str(tree / "usr/bin/interimap")),
            environment,
        ),
    }


_PERL = ("usr/share/perl5", "usr/lib/*/perl5/*", "usr/share/perl/*", "usr/lib/*/perl/*", "usr/lib/*/perl-base")


def _perl(tree: Path) -> str:
    own = tree / "usr/bin/perl"
    return str(own) if own.exists() else "/usr/bin/perl"


def _path(folders: list[str], name: str) -> str:
    return os.pathsep.join([*folders, *filter(None, [os.environ.get(name)])])
