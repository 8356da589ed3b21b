"""Passwords: from a file, from the environment, or asked for at the terminal. Never from the command line."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace

from mailferry.backends.registry import Location
from mailferry.errors import BadUsage, Side
from mailferry.imap.values import Secret

LONGEST_BYTES = 65_536
"""Of the first line. Access tokens have some thousands."""

Ask = Callable[[str], str]
Warn = Callable[[str], None]


def with_password(
    location: Location, side: Side, file: str, environment: Mapping[str, str], *, ask: Ask | None, warn: Warn
) -> Location:
    """Give the location with its password. `ask` None: there is no terminal. Raises BadUsage."""
    if location.kind != "imap":
        if file:
            raise BadUsage(f"--{side.value}-password-file is for an IMAP server, and the {side.value} is a Maildir.")
        return location
    return replace(location, password=_find(location, side, file, environment, ask=ask, warn=warn))


def _find(
    location: Location, side: Side, file: str, environment: Mapping[str, str], *, ask: Ask | None, warn: Warn
) -> Secret:
    if file:
        return _checked(_first_line(file, warn), side)
    variable = f"MAILFERRY_{side.name}_PASSWORD"
    if environment.get(variable):
        return _checked(environment[variable], side)
    if ask is None:
        raise BadUsage(
            f"There is no password for the {side.value}, and no terminal to ask at: use --{side.value}-password-file "
            f"FILE, set {variable}, or run the command in a terminal."
        )
    name = f"{location.user}@{location.where}"
    what = "Access token" if location.mechanism in ("XOAUTH2", "OAUTHBEARER") else "Password"
    password = ask(f"{what} of the {side.value} {name}: ")
    if not password:
        raise BadUsage(f"No password was given for the {side.value}.")
    return _checked(password, side)


def _first_line(file: str, warn: Warn) -> str:
    try:
        with open(file, "rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            line = opened.readline(LONGEST_BYTES + 1)
    except OSError as error:
        raise BadUsage(f"The password file {file} cannot be read: {error.strerror}.") from None
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(f"the password file {file} can be read by other users: chmod 600 {file}")
    line = line.removesuffix(b"\n").removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf")
    if len(line) > LONGEST_BYTES:
        raise BadUsage(f"The first line of the password file {file} is too long.")
    if not line:
        raise BadUsage(f"The first line of the password file {file} is empty.")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BadUsage(f"The password file {file} is not UTF-8.") from None


def _checked(password: str, side: Side) -> Secret:
    if "\0" in password or "\n" in password or "\r" in password:
        raise BadUsage(f"The {side.value}'s password holds a line end or a NUL, which no login can carry.")
    return Secret(password)
