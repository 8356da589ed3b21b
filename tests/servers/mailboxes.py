"""Fill test mailboxes, and read them back for comparing by content."""

from __future__ import annotations

import base64
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.servers.base import Account
from tests.servers.client import ImapClient, Refused, parse, quoted

MAIL_DATE = "17-Jul-2024 09:30:00 +0200"
_ENCODED = re.compile(rb"&([^-]*)-")


class Message(NamedTuple):
    """One message to store: flags as IMAP spells them, date as IMAP writes INTERNALDATE."""

    data: bytes
    flags: tuple[str, ...] = ()
    date: str | None = MAIL_DATE


class Stored(NamedTuple):
    """One message as a server gives it: flags without \\Recent, date in seconds since 1970."""

    data: bytes
    flags: frozenset[str]
    date: int


Folder = str | bytes
"""A folder's name with the server's own separator and prefix; bytes are taken as they travel."""

Snapshot = dict[tuple[str, ...], list[Stored]]
"""Folder (parts of its name, without the prefix of the personal namespace) to messages in the order of UIDs."""


class Server(Protocol):
    """What a snapshot needs of a server."""

    host: str
    port: int
    accounts: dict[str, Account]


def connect(server: Server, user: str) -> ImapClient:
    """A logged-in plain connection of a user that the server knows."""
    account = server.accounts[user]
    client = ImapClient(server.port)
    try:
        client.login(account.name, account.password)
    except BaseException:
        client.close()
        raise
    return client


def fill(
    server: Server,
    user: str,
    folders: Mapping[str, Iterable[Message]] | Mapping[bytes, Iterable[Message]] | Mapping[Folder, Iterable[Message]],
    *,
    subscribe: bool = False,
) -> None:
    """Make the folders that are not there and append the messages in order."""
    with connect(server, user) as client:
        for folder, messages in folders.items():
            name = folder if isinstance(folder, bytes) else encode_name(folder)
            if name.upper() != b"INBOX":
                try:
                    client.command(b"CREATE " + quoted(name))
                except Refused as refused:
                    if b"EXISTS" not in refused.line.upper():
                        raise
            if subscribe:
                client.command(b"SUBSCRIBE " + quoted(name))
            client.append_all(name, messages)


def snapshot(server: Server, user: str) -> Snapshot:
    """Every selectable folder of the user with all its messages."""
    with connect(server, user) as client:
        prefix = client.personal_prefix()
        found: Snapshot = {}
        for attributes, delimiter, name in client.names():
            if not attributes & {"\\noselect", "\\nonexistent"}:
                own = name.removeprefix(prefix)
                parts = own.split(delimiter) if delimiter else [own]
                key = ("INBOX",) if own.upper() == b"INBOX" else tuple(decode_name(part) for part in parts)
                found[key] = read(client, name)
        return found


def read(client: ImapClient, name: bytes) -> list[Stored]:
    """All messages of one folder, in the order of UIDs."""
    reply = client.command(b"EXAMINE " + quoted(name))
    if b"0 EXISTS" in reply.untagged:
        return []
    found = {}
    for line in client.command(b"UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])").untagged:
        parts = parse(line)
        if len(parts) == 3 and parts[1] == b"FETCH" and isinstance(parts[2], list):
            pairs = zip(parts[2][::2], parts[2][1::2], strict=True)
            fields = {key: value for key, value in pairs if isinstance(key, bytes)}
            uid, flags, date, data = (fields.get(key) for key in (b"UID", b"FLAGS", b"INTERNALDATE", b"BODY[]"))
            if isinstance(uid, bytes) and isinstance(flags, list) and isinstance(date, bytes):
                assert data is None or isinstance(data, bytes)
                names = {flag.decode() for flag in flags if isinstance(flag, bytes)} - {"\\Recent"}
                found[int(uid)] = Stored(data or b"", frozenset(names), seconds(date.decode()))
    return [found[uid] for uid in sorted(found)]


def contents(taken: Snapshot, *, flags: bool = True, dates: bool = True) -> dict[tuple[str, ...], Counter[Stored]]:
    """A snapshot as multisets for comparing; what is not to be compared is blanked."""
    return {
        folder: Counter(Stored(m.data, m.flags if flags else frozenset(), m.date if dates else 0) for m in messages)
        for folder, messages in taken.items()
    }


def seconds(date: str) -> int:
    """An INTERNALDATE in seconds since 1970 (RFC 3501, section 9: date-time)."""
    return int(datetime.strptime(date.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp())


def encode_name(name: str) -> bytes:
    """Modified UTF-7 (RFC 3501, section 5.1.3)."""
    parts = []
    for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", name):
        if run.isascii() and run.isprintable():
            parts.append(run.replace("&", "&-").encode())
        else:
            parts.append(b"&" + base64.b64encode(run.encode("utf-16-be"), b"+,").rstrip(b"=") + b"-")
    return b"".join(parts)


def decode_name(name: bytes) -> str:
    """The reverse; bytes that are no modified UTF-7 come out as surrogate escapes."""
    try:
        return _ENCODED.sub(_unshifted, name).decode()
    except ValueError:
        return name.decode("utf-8", "surrogateescape")


def _unshifted(match: re.Match[bytes]) -> bytes:
    if not match[1]:
        return b"&"
    padded = match[1] + b"=" * (-len(match[1]) % 4)
    return base64.b64decode(padded, b"+,", validate=True).decode("utf-16-be").encode()


def write_maildir(account: Account, folder: str, messages: Iterable[Message], *, root: str = "Maildir") -> None:
    """Write messages straight into a Maildir++ on disk, which Dovecot indexes when it opens the folder.

    `folder` is as on disk, parts joined by dots (`Clients.2024`), or INBOX. System flags and dates are
    kept, keywords are not. Many times faster than APPEND.
    """
    encoded = "" if folder.upper() == "INBOX" else "." + encode_name(folder).decode()
    base = account.home / root / encoded if encoded else account.home / root
    for part in ("cur", "new", "tmp"):
        base.joinpath(part).mkdir(parents=True, exist_ok=True)
    _write_files(base, messages)


def _write_files(base: Path, messages: Iterable[Message]) -> None:
    letters = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}
    for number, message in enumerate(messages):
        moment = seconds(message.date or MAIL_DATE)
        flags = "".join(sorted(letters[flag] for flag in message.flags if flag in letters))
        path = base / "cur" / f"{moment}.M{number:07d}P1.test,S={len(message.data)}:2,{flags}"
        path.write_bytes(message.data)
        os.utime(path, (moment, moment))
