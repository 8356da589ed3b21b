"""What an availability test says when something is wrong: what happened, and who must do what."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

from mailferry.imap.grammar import readable
from mailferry.migration.model import Security

_TEXT_CHARS = 300
_TOO_OLD = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "WRONG_SSL_VERSION",
        "UNSUPPORTED_SSL_VERSION",
        "NO_PROTOCOLS_AVAILABLE",
        "VERSION_TOO_LOW",
    }
)
_NOTHING_IN_COMMON = frozenset(
    {"SSLV3_ALERT_HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "DH_KEY_TOO_SMALL", "TLSV1_ALERT_INSUFFICIENT_SECURITY"}
)
_TLS_RECORDS = (b"\x14\x03", b"\x15\x03", b"\x16\x03", b"\x17\x03")
_BANNERS = (
    (re.compile(rb"SSH-"), "SSH"),
    (re.compile(rb"HTTP/|<!doctype|<html", re.IGNORECASE), "HTTP (a web server)"),
    (re.compile(rb"\+OK"), "POP3"),
    (re.compile(rb"(?:220|421|554)[ -].*(?:FTP|vsftpd)", re.IGNORECASE), "FTP"),
    (re.compile(rb"(?:220|421|554)[ -]"), "SMTP"),
    (re.compile(rb"(?:200|201) .*(?:NNTP|news)", re.IGNORECASE), "NNTP"),
)

WRONG_PORT = "Check Port: 993 is usual with Security Ssl, 143 with Tls or None."
BLOCKED = (
    "Have the firewall in front of the server, and the one of this machine, let TCP connections through to this port, "
    "and check that the IMAP service runs."
)


def shown(data: bytes | str) -> str:
    """Make what a server sent fit to be shown: one line, no control characters, not too long."""
    text = data if isinstance(data, str) else readable(data)
    line = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(line.split())[:_TEXT_CHARS]


def duration(seconds: float) -> str:
    """Write a time as the service does: `00:00:15`."""
    whole = int(seconds)
    rest = round((seconds - whole) * 10_000_000)
    text = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{text}.{rest:07}" if rest else text


def looks_like_tls(data: bytes) -> bool:
    """Say whether these are the first bytes of a TLS record (RFC 8446, 5.1)."""
    return data.startswith(_TLS_RECORDS)


def banner(data: bytes) -> str:
    """Name the protocol that greets like this, or ''."""
    first = data.lstrip(b"\0\r\n ")
    return next((name for pattern, name in _BANNERS if pattern.match(first)), "")


def name_problem(server: str) -> str:
    """Say why this cannot be a server's name, or ''."""
    if not server.strip():
        return "RemoteServer is empty"
    if re.search(r"[\s/@]", server) or re.search(r"^[^:]+:\d+$", server):
        return f"'{shown(server)}' is not the name of a server alone"
    try:
        server.encode("idna") if ":" not in server else socket.inet_pton(socket.AF_INET6, server.partition("%")[0])
    except (OSError, ValueError):
        return f"'{shown(server)}' is neither the name nor the address of a server"
    return ""


def unresolved(error: socket.gaierror, server: str) -> tuple[str, str]:
    """Explain a name that gives no address."""
    if error.errno == socket.EAI_AGAIN:
        text = f"the name '{server}' could not be looked up: no name server answered"
        return text, "Check the name servers and the network of this machine, then try again."
    advice = (
        "Check the spelling of RemoteServer. It must be the full name of the IMAP server (FQDN) as this machine can "
        "look it up; the administrator of its domain may have to add it to the DNS."
    )
    return f"the name '{server}' has no address: it does not exist in the DNS that this machine uses", advice


def unreached(error: OSError) -> str:
    """Say in a few words why an address cannot be connected to."""
    match error.errno:
        case errno.ECONNREFUSED:
            return "refused: nothing listens on this port"
        case errno.ENETUNREACH | errno.EHOSTUNREACH | errno.EADDRNOTAVAIL:
            return "unreachable: there is no way to this network"
        case errno.ETIMEDOUT:
            return "no answer"
        case errno.EACCES | errno.EPERM:
            return "forbidden by a firewall on this machine"
        case None:
            return shown(str(error))
        case number:
            return os.strerror(number)


def tls_failure(error: OSError, seen: bytes, port: int) -> tuple[str, str]:
    """Explain a handshake that failed for another reason than the certificate. `seen` is what the server sent."""
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if seen and not looks_like_tls(seen):
        return plain_in_place_of_tls(seen, port)
    if reason in _TOO_OLD or (reason == "WRONG_VERSION_NUMBER" and seen):
        text = "the server speaks only TLS versions that are too old; 1.2 or later is needed"
        return text, "The administrator of the server must turn on TLS 1.2 or 1.3."
    if reason in _NOTHING_IN_COMMON:
        text = "the server and this machine have no cipher in common"
        return (
            text,
            "The administrator of the server must allow the ciphers of TLS 1.2 with forward secrecy, or TLS 1.3.",
        )
    if not isinstance(error, ssl.SSLError):
        text = "the server closed the connection when TLS began"
        doubt = f"Perhaps port {port} does not speak TLS, or not 1.2 or later, or a firewall ends the connection"
        return text, f"{doubt}. {WRONG_PORT}"
    text = f"the TLS handshake failed: {shown(reason.replace('_', ' ').lower() or str(error))}"
    return text, "The administrator of the server finds the reason in its log."


def plain_in_place_of_tls(seen: bytes, port: int, *, offers_starttls: bool | None = None) -> tuple[str, str]:
    """Explain a server that answers without TLS where TLS was to begin at once."""
    if not seen.lstrip(b"\0\r\n ").startswith(b"*"):
        return not_imap(seen, port)
    text = f"port {port} speaks IMAP, but not TLS from the first byte"
    if offers_starttls:
        return text, f"Port {port} offers STARTTLS: use Security Tls, or port 993 with Security Ssl."
    without = "which does not offer STARTTLS: use port 993 with Security Ssl if the server has it, else Security None"
    if offers_starttls is None:
        without = "so use Security Tls there, or port 993 with Security Ssl"
    return text, f"This is a port like 143, {without}."


def not_imap(seen: bytes, port: int) -> tuple[str, str]:
    """Explain a greeting that is none of IMAP's."""
    if looks_like_tls(seen):
        return starts_with_tls(port)
    name = banner(seen)
    said = f": {shown(seen.splitlines()[0] if seen.splitlines() else seen)!r}"
    text = f"port {port} speaks {name}, not IMAP{said}" if name else f"what answers on port {port} is not IMAP{said}"
    return text, WRONG_PORT


def starts_with_tls(port: int) -> tuple[str, str]:
    """Explain a port that waits for a TLS handshake."""
    text = f"the server speaks TLS on port {port} from the first byte"
    return text, f"Port {port} speaks TLS at once: use Security Ssl."


def no_starttls(refusal: str, port: int) -> tuple[str, str]:
    """Explain STARTTLS that is not offered (`refusal` is '') or refused with this text."""
    text = f"the server refused STARTTLS: {shown(refusal)}" if refusal else "the server does not offer STARTTLS"
    advice = (
        f"Use port 993 with Security Ssl if the server has it, or have its administrator turn STARTTLS on for port "
        f"{port}. "
        "Security None sends passwords and mail unprotected."
    )
    return text, advice


def silent(security: Security, port: int) -> str:
    """Advise on a server that takes the connection and says nothing."""
    other = "Perhaps the port belongs to something else" if security is Security.SSL else "Perhaps the port wants TLS"
    return (
        f"The connection is accepted, but no IMAP greeting comes. {other}: {WRONG_PORT} "
        f"If {port} is right, the server is overloaded or a firewall holds its answers back."
    )
