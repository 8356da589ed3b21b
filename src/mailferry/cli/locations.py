"""Locations as users write them: `imaps://terry@imap.contoso.com`, `maildir:./mailboxes/terry`.

URLs are those of RFC 5092 as far as they name a server and a user: percent-encoded, with `;AUTH=`. Nothing here
repeats a URL that may hold a password.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote_to_bytes

from mailferry.backends.registry import Location, Security
from mailferry.errors import BadUsage, Side
from mailferry.records import dataclass

_SCHEMES: dict[str, Security | None] = {"imap": None, "imaps": "ssl", "imap+tls": "tls"}
_USUAL_PORTS: dict[Security, int] = {"none": 143, "tls": 143, "ssl": 993}
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"\[(?P<six>[^\]]*)\](?::(?P<port6>[^:]*))?|(?P<name>[^:\[\]]*)(?::(?P<port>[^:]*))?")
_NAME_OF_HOST = re.compile(r"[^\s/\\?#@%;:,]+")


@dataclass(frozen=True, slots=True)
class Given:
    """What options say about one side beside its location; '' where nothing was said."""

    security: str = ""
    user: str = ""
    mechanism: str = ""
    authzid: str = ""
    user_root: str = ""
    accept_untrusted: bool = False
    ca_file: str | None = None
    timeout_seconds: float | None = None


def parse_location(text: str, side: Side, given: Given) -> Location:
    """Read one location; options win over the URL. The password stays empty. Raises BadUsage."""
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if colon and scheme == "maildir":
        return _maildir(rest, side, given)
    if colon and scheme in _SCHEMES:
        if not rest.startswith("//"):
            raise BadUsage(f"The {side.value} needs two slashes: {scheme}://user@host.")
        return _imap(scheme, rest[2:], side, given)
    if "@" in text and not colon:
        raise BadUsage(f"The {side.value} has no scheme: write imaps://user@host.")
    if text.startswith((".", "/", "~")) or not colon:
        raise BadUsage(f"The {side.value} has no scheme: for a folder on disk write maildir:{text}")
    raise BadUsage(f"The {side.value} must begin with imaps:, imap:, imap+tls: or maildir:.")


def is_loopback(host: str) -> bool:
    """Say whether the host is this machine, so that plain text stays on it."""
    return host in ("localhost", "localhost.", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _maildir(rest: str, side: Side, given: Given) -> Location:
    if rest.startswith("//") and not rest.startswith("///"):
        raise BadUsage(f"The {side.value} is a folder on this machine: write maildir:PATH or maildir:///PATH.")
    path = rest[2:] if rest.startswith("///") else rest
    if not path or "\0" in path:
        raise BadUsage(f"The {side.value} names no folder: write maildir:PATH.")
    flags = {
        "user": given.user,
        "security": given.security,
        "auth": given.mechanism,
        "authzid": given.authzid,
    }
    for name, value in flags.items():
        if value:
            raise BadUsage(f"--{side.value}-{name} is for an IMAP server, and the {side.value} is a Maildir.")
    if given.user_root:
        raise BadUsage(f"--user-root is for an IMAP server, and the {side.value} is a Maildir.")
    return Location("maildir", security="none", path=os.path.expanduser(path))


def _imap(scheme: str, rest: str, side: Side, given: Given) -> Location:
    authority, slash, path = rest.partition("/")
    if any(mark in path for mark in "@") or any(mark in authority for mark in "?#"):
        raise BadUsage(
            f"The {side.value}'s user name has a character that means something else in a URL: "
            f"write / as %2F, ? as %3F and # as %23, or give the name with --{side.value}-user."
        )
    if slash and path:
        raise BadUsage(
            f"The {side.value} has a path after the host: folders are chosen with --include-folders, "
            "and another place to begin with --user-root."
        )
    userinfo, at, hostport = authority.rpartition("@")
    user, mechanism = _userinfo(userinfo, side) if at else ("", "")
    host, port = _host(hostport, side)
    user = given.user or user
    if not user:
        raise BadUsage(f"The {side.value} names no user: write {scheme}://user@{hostport} or use --{side.value}-user.")
    if _CONTROL.search(user + given.authzid):
        raise BadUsage(f"The {side.value}'s user name holds a control character.")
    security = _security(scheme, host, side, given)
    return Location(
        "imap",
        host=host,
        port=port or _USUAL_PORTS[security],
        security=security,
        user=user,
        authzid=given.authzid,
        mechanism=(given.mechanism or mechanism).upper(),
        user_root=given.user_root,
        accept_untrusted=given.accept_untrusted,
        ca_file=given.ca_file,
        timeout_seconds=given.timeout_seconds,
    )


def _userinfo(text: str, side: Side) -> tuple[str, str]:
    """Give user and mechanism (RFC 5092, section 3.2)."""
    if ":" in text:
        raise BadUsage(
            f"A password in the {side.value}'s URL is not taken: every user of this machine can read it in the process "
            f"list. Use --{side.value}-password-file, MAILFERRY_{side.name}_PASSWORD, or wait to be asked. "
            "(A colon in a user name is written %3A.)"
        )
    user, _, parameter = text.partition(";")
    mechanism = ""
    if parameter:
        name, _, value = parameter.partition("=")
        if name.upper() != "AUTH" or not value:
            raise BadUsage(f"In the {side.value}'s URL only ;AUTH= may follow the user; a ; in a name is written %3B.")
        mechanism = "" if value == "*" else _decoded(value, side)
    return _decoded(user, side), mechanism


def _decoded(text: str, side: Side) -> str:
    if _BROKEN_ESCAPE.search(text):
        raise BadUsage(f"In the {side.value}'s URL a % is not followed by two hexadecimal digits; % itself is %25.")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadUsage(f"The {side.value}'s user name is not UTF-8 when decoded.") from None


def _host(text: str, side: Side) -> tuple[str, int]:
    """Give host and port, 0 if there is none (RFC 3986, 3.2.2)."""
    match = _HOST.fullmatch(text)
    if match is None:
        raise BadUsage(f"The {side.value}'s host cannot be read; an IPv6 address stands in brackets: [::1]:993.")
    host = (match["six"] or match["name"] or "").lower().replace("%25", "%")
    if not host:
        raise BadUsage(f"The {side.value} names no host.")
    if match["six"] is None and not _NAME_OF_HOST.fullmatch(host):
        raise BadUsage(f"The {side.value}'s host has a character that no host name has.")
    digits = match["port6"] or match["port"]
    if not digits:
        return host, 0
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not 0 < int(digits) < 65_536:
        raise BadUsage(f"The {side.value}'s port must be a number from 1 to 65535.")
    return host, int(digits)


def _security(scheme: str, host: str, side: Side, given: Given) -> Security:
    """Plain text only where it stays on this machine, or where the user asked for it."""
    implied = _SCHEMES[scheme]
    asked: Security | None = None
    if given.security:
        asked = next(name for name in _USUAL_PORTS if name == given.security)
    if implied and asked and implied != asked:
        raise BadUsage(f"--{side.value}-security {asked} contradicts {scheme}://; write imap:// with it.")
    return implied or asked or ("none" if is_loopback(host) else "tls")
