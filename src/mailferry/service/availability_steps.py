"""The steps of an availability test: each gives what it found, or says what failed and who must act."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailferry.imap.capability import Capabilities
from mailferry.imap.errors import ProtocolError
from mailferry.imap.responses import Status
from mailferry.imap.sasl import MECHANISMS
from mailferry.migration.model import Authentication, Security
from mailferry.service import availability_advice as advice
from mailferry.service.availability_wire import Dialogue, Wire

_MOST_ADDRESSES = 16

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class StepFailed(Exception):
    """A step did not succeed. `text` says what happened, `advice` who must do what."""

    def __init__(self, text: str, advice: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.advice = advice
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step that succeeded found. With `advice` it is a warning."""

    text: str
    advice: str = ""


# names and addresses


async def look_up(server: str, port: int) -> Sequence[Address]:
    """Find the addresses of the server, in the order in which they are tried. Raises StepFailed."""
    if problem := advice.name_problem(server):
        raise StepFailed(problem, "Give the full name of the server (FQDN) alone, such as imap.contoso.com.")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(server, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise StepFailed(*advice.unresolved(error, server)) from None
    return [(family, address) for family, _, _, _, address in found][:_MOST_ADDRESSES]


async def connect(address: Address) -> Wire:
    """Connect to one address. Raises OSError."""
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, where)
        return Wire(sock)
    except BaseException:
        sock.close()
        raise


async def reach(addresses: Sequence[Address], timeout_seconds: float, grace_seconds: float) -> tuple[Wire, Finding]:
    """Try all addresses at the same time; give the connection to the first in order that answers.

    Once one has answered, the others have `grace_seconds` left. Raises StepFailed with a word on each address.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    tries = [asyncio.ensure_future(connect(address)) for address in addresses]
    try:
        pending = set(tries)
        while pending and loop.time() < deadline:
            done, pending = await asyncio.wait(
                pending, timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            if any(task.exception() is None for task in done):
                deadline = min(deadline, loop.time() + grace_seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
    except BaseException:
        await _discard(tries)
        raise
    return await _first(addresses, tries)


async def _discard(tries: Sequence[asyncio.Future[Wire]]) -> None:
    for task in tries:
        task.cancel()
    for result in await asyncio.gather(*tries, return_exceptions=True):
        if isinstance(result, Wire):
            result.close()


async def _first(addresses: Sequence[Address], tries: Sequence[asyncio.Future[Wire]]) -> tuple[Wire, Finding]:
    chosen: Wire | None = None
    said: list[str] = []
    silent = failed = False
    for (_, where), task in zip(addresses, tries, strict=True):
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or (isinstance(error, TimeoutError)):
            silent = True
            said.append(f"{where[0]}: no answer")
        elif error is not None:
            failed = True
            word = advice.unreached(error) if isinstance(error, OSError) else str(error)
            said.append(f"{where[0]}: {word}")
        else:
            wire = task.result()
            said.append(f"{where[0]}: connected")
            if chosen is None:
                chosen = wire
            else:
                wire.close()
    text = "; ".join(said)
    if chosen is None:
        raise StepFailed(text, f"{advice.BLOCKED} {advice.WRONG_PORT}", timed_out=silent and not failed)
    warning = "Not every address of the server answers: take the others out of the DNS, or open the firewall for them."
    return chosen, Finding(text, warning if silent or "refused" in text else "")


# what the server says


async def greet(dialogue: Dialogue, port: int, *, wants_starttls: bool) -> tuple[Status, Finding]:
    """Read the greeting. Raises StepFailed, OSError."""
    try:
        status = await dialogue.greeting()
    except ProtocolError as error:
        raise StepFailed(f"what answers on port {port} is not IMAP: {error}", advice.WRONG_PORT) from None
    seen = dialogue.first_bytes
    if status is None and not seen:
        raise StepFailed("the server closed the connection without a word", _CLOSED)
    if status is None:
        raise StepFailed(*advice.not_imap(seen, port))
    text = advice.shown(status.text)
    if status.kind == "BYE":
        raise StepFailed(f"the server refuses the connection: {text}", _CLOSED)
    if status.kind == "PREAUTH":
        if wants_starttls:
            raise StepFailed("the server logs in by itself (PREAUTH), before TLS can begin", _PREAUTH)
        return status, Finding(f"PREAUTH {text}", _PREAUTH)
    return status, Finding(text)


_CLOSED = (
    "The administrator of the server should allow connections from this machine's address, and more of them at a time; "
    "the server's log has the reason."
)
_PREAUTH = (
    "The administrator of the server must have it ask for a name and a password; so it opens always the same mailbox."
)


async def ask_capabilities(dialogue: Dialogue) -> Capabilities:
    """Ask for CAPABILITY. Raises StepFailed, OSError."""
    try:
        answer = await dialogue.command("CAPABILITY")
    except ProtocolError as error:
        raise StepFailed(f"the server's answer cannot be understood: {error}", advice.WRONG_PORT) from None
    if answer is None:
        raise StepFailed("the server closed the connection when asked for its capabilities", _CLOSED)
    names = answer.capabilities()
    if answer.tagged.status != "OK" or names is None:
        text = f"the server does not tell its capabilities: {advice.shown(answer.tagged.text)}"
        raise StepFailed(text, "Check that the port belongs to an IMAP4rev1 server.")
    return Capabilities(names)


async def start_tls(dialogue: Dialogue, port: int) -> None:
    """Have the server begin TLS; the handshake is next. Raises StepFailed, OSError."""
    if not (await ask_capabilities(dialogue)).has("STARTTLS"):
        raise StepFailed(*advice.no_starttls("", port))
    try:
        answer = await dialogue.command("STARTTLS")
    except ProtocolError as error:
        raise StepFailed(f"the server's answer to STARTTLS cannot be understood: {error}", advice.WRONG_PORT) from None
    if answer is None:
        raise StepFailed("the server closed the connection at STARTTLS", _CLOSED)
    if answer.tagged.status != "OK":
        raise StepFailed(*advice.no_starttls(answer.tagged.text or answer.tagged.status, port))
    if answer.surplus:
        text = "the server sent data between STARTTLS and TLS: someone may be on the line"
        raise StepFailed(text, f"Use port 993 with Security Ssl, and have the network between examined. (Port {port})")
    dialogue.restart()


def judge(caps: Capabilities, security: Security, authentication: Authentication) -> Finding:
    """Say what the server offers, and what of it stands in the way of logins."""
    mechanisms = ", ".join(sorted(caps.auth_mechanisms)) or "none"
    login = "no" if caps.login_disabled else "yes"
    parts = [f"{' '.join(sorted(caps.names))}", f"SASL: {mechanisms}; LOGIN: {login}"]
    if missing := [name for name in _USEFUL if not caps.has(name)]:
        parts.append(f"not announced before the login (many servers announce more after it): {', '.join(missing)}")
    return Finding(". ".join(parts), _hindrance(caps, security, authentication))


_USEFUL = ("CONDSTORE", "LIST-STATUS", "LITERAL+", "MULTIAPPEND", "NAMESPACE", "SPECIAL-USE", "UIDPLUS")


def _hindrance(caps: Capabilities, security: Security, authentication: Authentication) -> str:
    by_password = caps.auth_mechanisms & (MECHANISMS.keys() - {"XOAUTH2", "OAUTHBEARER"})
    secure = "use Security Tls" if caps.has("STARTTLS") else "use port 993 with Security Ssl"
    if not (caps.has("IMAP4REV1") or caps.has("IMAP4REV2")):
        return "The server announces neither IMAP4rev1 nor IMAP4rev2: its administrator should update it."
    if caps.login_disabled and not by_password:
        if security is Security.NONE:
            return f"The server takes no password without TLS (LOGINDISABLED): {secure}."
        return (
            "The server takes no password: have its administrator allow LOGIN or PLAIN for IMAP, or use OAuth 2 tokens."
        )
    if authentication is Authentication.PLAIN and "PLAIN" not in caps.auth_mechanisms:
        return "The server does not offer SASL PLAIN: have its administrator turn it on, or use Authentication Basic."
    if security is Security.NONE and caps.login_disabled:
        return f"The server disables LOGIN without TLS: {secure}."
    if security is Security.NONE:
        return f"Passwords and mail travel unprotected: {secure}." if caps.has("STARTTLS") else ""
    return ""


# looking for the right settings


async def speaks_tls(address: Address, context: ssl.SSLContext, server: str) -> bool:
    """Say whether the port takes a TLS handshake from the first byte."""
    wire: Wire | None = None
    try:
        wire = await connect(address)
        await wire.secure(context, server)
    except OSError:
        return wire is not None and advice.looks_like_tls(wire.seen)
    except (ProtocolError, ValueError):
        return False
    finally:
        if wire is not None:
            wire.close()
    return True


async def offers_starttls(address: Address, timeout_seconds: float) -> bool | None:
    """Say whether a plain connection offers STARTTLS; None if it cannot be found out in time."""
    wire: Wire | None = None
    try:
        async with asyncio.timeout(timeout_seconds):
            wire = await connect(address)
            dialogue = Dialogue(wire)
            await greet(dialogue, 0, wants_starttls=False)
            return (await ask_capabilities(dialogue)).has("STARTTLS")
    except (OSError, StepFailed):
        return None
    finally:
        if wire is not None:
            wire.close()
