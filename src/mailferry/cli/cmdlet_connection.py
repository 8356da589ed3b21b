"""Finds the service that the commands talk to: its address, and a token."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mailferry.cli.cmdlet_secrets import first_line
from mailferry.cli.service_arguments import DEFAULT_DATA, TOKEN_VARIABLE
from mailferry.errors import BadUsage
from mailferry.records import dataclass

if TYPE_CHECKING:
    from httpx import BaseTransport

    from mailferry.cmdlets.client import Client

ADDRESS_FILE: Final = "address"
TOKEN_FILE: Final = "token"  # noqa: S105 - the name of a file

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service is, as the command line says. Empty: found by the data folder."""

    data: str = ""
    url: str = ""
    token_file: str = ""
    allow_plain_http: bool = False

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data or DEFAULT_DATA).expanduser()


def place_of(arguments: argparse.Namespace) -> Place:
    """Take the place out of what was parsed."""
    return Place(arguments.data, arguments.url, arguments.token_file, arguments.allow_plain_http)


def no_service(place: Place) -> str:
    """Say what to start where no service runs."""
    option = f" --data {place.data}" if place.data else ""
    folder = place.folder.absolute()
    return (
        f"No service runs on the data folder {folder}. Start it in another terminal: mailferry serve{option}. "
        "If it runs elsewhere, say where with --data or --url."
    )


def connect(
    place: Place, environment: Mapping[str, str] = os.environ, *, warn: Warn, timeout_seconds: float | None = None
) -> Client | None:
    """Make a client of the service; None: there is no service on the data folder. Nothing is sent yet.

    `timeout_seconds`: how long each step of a request may take; None: the usual times.
    Raises BadUsage if the URL cannot be used or there is no token.
    """
    url = place.url or _address(place.folder)
    if not url:
        return None
    _check(url, place)
    from mailferry.cmdlets.client import Client
    from mailferry.imap.values import Secret

    token = Secret(_token(place, environment, warn))
    transport = _trusting() if url.startswith("https:") else None
    return Client(url, token, transport=transport, timeout_seconds=timeout_seconds)


def _trusting() -> BaseTransport:
    """Trust what the machine trusts, and SSL_CERT_FILE, as the rest of the program does."""
    import ssl

    from httpx import HTTPTransport

    return HTTPTransport(verify=ssl.create_default_context(), trust_env=False)


def _address(folder: Path) -> str:
    try:
        return folder.joinpath(ADDRESS_FILE).read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        raise BadUsage(f"{folder / ADDRESS_FILE} cannot be read: {_reason(error)}.") from None


def _check(url: str, place: Place) -> None:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise BadUsage("--url is the address of a service, such as https://mail.contoso.com:8380.")
    if parts.scheme == "http" and not place.allow_plain_http:
        from mailferry.cli.serve import is_loopback

        if not is_loopback(host):
            raise BadUsage(
                f"The token would go to {host} without TLS. Use https, or --allow-plain-http in a network that you "
                "trust."
            )


def _token(place: Place, environment: Mapping[str, str], warn: Warn) -> str:
    named = place.token_file or environment.get(TOKEN_VARIABLE, "")
    path = Path(named) if named else place.folder / TOKEN_FILE
    try:
        found = first_line(path, "token", warn).strip()
    except BadUsage as error:
        raise BadUsage(
            f"{error.detail} Name one with --token-file or {TOKEN_VARIABLE}; mailferry token new makes a token."
        ) from None
    if not found.isascii() or not found.isprintable() or " " in found:
        raise BadUsage(f"The token file {path} holds no token.")
    return found


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "it holds something else"
