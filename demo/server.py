"""The sample server of the demo: pymap, with several users in memory.

Usage: python -m demo.server PORT PASSWORD USER...
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from pymap.backend import backends
from pymap.backend.dict import Config, DictBackend, Identity
from pymap.main import main as run_pymap
from pymap.user import Passwords, UserMetadata

NAME = "sample"


class SampleBackend(DictBackend):
    """Mail in memory, as pymap's own demo has it, for more than one user."""

    @classmethod
    def add_subparser(cls, name: str, subparsers: Any) -> ArgumentParser:
        """Add the users to the options."""
        parser: ArgumentParser = DictBackend.add_subparser(name, subparsers)
        parser.add_argument("users", nargs="+")
        return parser

    @classmethod
    async def init(cls, args: Namespace, **overrides: Any) -> tuple[DictBackend, Config]:
        """Make the users; all have the password of pymap's demo user."""
        backend, config = await super().init(args, **overrides)
        password = await Passwords(config).hash_password(config.demo_password)
        for name in args.users:
            identity = Identity(name, backend.login, None, frozenset())
            await identity.set(UserMetadata(config, name, password=password))
        return backend, config


def main() -> None:
    """Serve until terminated."""
    port, password, *users = sys.argv[1:]
    backends.add(NAME, SampleBackend)
    sys.argv[1:] = ["--host", "127.0.0.1", "--port", port, "--no-tls", "--no-service", "admin"]
    sys.argv += [NAME, "--demo-user", users[0], "--demo-password", password, *users[1:]]
    run_pymap()


if __name__ == "__main__":
    main()
