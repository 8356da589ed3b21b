"""Errors on standard error: one line that says what happened and where, one that says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mailferry.cli import wording
from mailferry.cli.requests import Request
from mailferry.errors import BadUsage, MailferryError, Retry, Side

_OPTIONS: Final[Mapping[str, str]] = {
    "SkipVerification": "--skip-verification",
    "AcceptUntrustedCertificates": "--accept-untrusted-certificates",
}
"""Settings that the service's texts name as the cmdlets do, and the options that they are here."""


def lines(error: MailferryError, request: Request | None = None) -> list[str]:
    """Give the lines for an error. The server's text is foreign, so it is made printable."""
    location = None
    if request is not None and error.side is not Side.LOCAL:
        location = request.source if error.side is Side.SOURCE else request.target
    detail = error.detail
    if location is not None:
        detail = detail.removeprefix(f"{location.where}: ").removeprefix(f"{location.host}:{location.port}: ")
    summary = "" if isinstance(error, BadUsage) and detail else error.summary()
    text = wording.printable(f"{summary} {detail}".strip())
    where = f"{error.side.value} {location.where}: " if location is not None else ""
    first = f"mailferry: {where}{text}"
    more = [wording.printable(_with_options(error))] if error.advice else []
    if error.retry is Retry.LATER and error.wait_seconds:
        more.append(f"The server asks for {wording.duration(error.wait_seconds)} of patience.")
    return [first, *(f"  {line}" for line in more)]


def _with_options(error: MailferryError) -> str:
    """Give the advice; that of a failed test of an endpoint names parameters of cmdlets, and here they are options."""
    if error.code != "endpoint-unavailable":
        return error.advice
    return re.sub("|".join(_OPTIONS), lambda name: _OPTIONS[name[0]], error.advice)
