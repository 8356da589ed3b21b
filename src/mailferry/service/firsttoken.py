"""The first token of a service: in a file of the data folder, for the clients of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from mailferry.service.tokens import Role, Tokens

NAME = "admin"


async def first_token(tokens: Tokens, path: Path) -> bool:
    """Make an operator's token and its file (mode 0600) if there is no token yet. True if it was made.

    If the file was lost, tokens are still in the database: `mailferry token new` makes another one.
    """
    if await tokens.all():
        return False
    _, token = await tokens.create(NAME, Role.OPERATOR)
    _write(path, token.reveal())
    return True


def _write(path: Path, token: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)  # it may have been there before, with another mode
        file.write(f"{token}\n")
