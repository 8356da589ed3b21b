"""All backends by the kind of a location: the one place that knows them. None is imported before it is opened."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mailferry.backends.keys import imap_key
from mailferry.errors import MailferryError, Side
from mailferry.imap.values import Secret
from mailferry.records import dataclass

if TYPE_CHECKING:
    from mailferry.backends.base import Features, Reader, Target
    from mailferry.backends.imap_session import ImapSettings

Kind = Literal["imap", "maildir"]
Security = Literal["none", "ssl", "tls"]

OpenReader = Callable[[], Awaitable["Reader"]]
OpenTarget = Callable[[], Awaitable["Target"]]

NO_SECRET = Secret("")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a mailbox is, and as whom to log in.

    `security`: `none`, `ssl` (TLS from the first byte) or `tls` (STARTTLS). `mechanism` is a SASL mechanism, '' lets
    the server's offer decide. `timeout_seconds` None: the defaults. `path` is for a Maildir, the rest for IMAP.
    """

    kind: Kind
    host: str = ""
    port: int = 0
    security: Security = "ssl"
    user: str = ""
    password: Secret = NO_SECRET
    authzid: str = ""
    mechanism: str = ""
    user_root: str = ""
    accept_untrusted: bool = False
    ca_file: str | None = None
    timeout_seconds: float | None = None
    path: str = ""

    @property
    def where(self) -> str:
        """The server or the folder on disk, for errors."""
        if self.kind == "maildir":
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        """Give it for people, without secrets and without the usual port."""
        if self.kind == "maildir":
            return f"maildir:{self.path}"
        scheme, usual = {"none": ("imap", 143), "tls": ("imap+tls", 143), "ssl": ("imaps", 993)}[self.security]
        where = self.where if self.port != usual else self.where.rpartition(":")[0]
        mailbox = f"{self.authzid} as {self.user}" if self.authzid else self.user
        root = f"/{self.user_root.lstrip('/')}" if self.user_root else ""
        return f"{scheme}://{mailbox}@{where}{root}"


def mailbox_key(location: Location) -> str:
    """Give the `key` that a reader of this location will have, without opening it."""
    if location.kind == "maildir":
        return f"maildir://{os.path.realpath(location.path)}"
    return imap_key(location.user, location.host, location.port, authzid=location.authzid, user_root=location.user_root)


def mailbox_lock_name(location: Location) -> str:
    """Give a name that the usual other spellings of a mailbox have too: 143 or 993, `localhost` or its address, the
    login in capitals, or that of an administrator (`terry*admin`). Too much in common only makes a run wait.
    """
    if location.kind == "maildir":
        return mailbox_key(location)
    host = location.host.lower().rstrip(".")
    host = "localhost" if host in ("127.0.0.1", "::1") else host
    port = "imap" if location.port in (143, 993) else str(location.port)
    user = (location.authzid or location.user.partition("*")[0] or location.user).lower()
    return f"imap://{user}@{host}:{port};root={location.user_root}"


async def open_reader(location: Location, side: Side, log: logging.Logger | None = None) -> Reader:
    """Open a mailbox for reading. `log` gets the wire trace.

    Raises ConnectFailed, ConnectionLost, TlsFailed, LoginFailed, ServerBusy, ProtocolBroken, RootNotFound.
    """
    return await source_opener(location, side, log)()


async def open_target(location: Location, log: logging.Logger | None = None) -> Target:
    """Open a mailbox for writing; a Maildir is made if it is not there. Raises what `open_reader` does,
    AlreadyRunning, ReadOnly and OverQuota.
    """
    return await target_opener(location, log)()


@contextmanager
def connecting(*locations: Location) -> Iterator[None]:
    """Begin to connect to the servers of these mailboxes; nothing is said to them before a mailbox is opened."""
    from mailferry.imap import dial

    for location in locations:
        if location.kind == "imap":
            dial.begin(location.host, location.port)
    try:
        yield
    finally:
        dial.drop()


def source_opener(
    location: Location,
    side: Side = Side.SOURCE,
    log: logging.Logger | None = None,
    *,
    state: Path | None = None,
    hurried: bool = False,
) -> OpenReader:
    """Give what opens the mailbox for reading, again after each break.

    `state` is a folder for what must be remembered of a Maildir that is not ours (default: the user's state folder).
    `hurried`: an IMAP server's answer to LOGOUT is not waited for. Not for those who count logins: one that is not
    answered may count for a moment longer.
    """
    if location.kind == "maildir":

        async def open_maildir() -> Reader:
            from mailferry.backends import maildir

            with _on(side):
                return await maildir.open_reader(Path(location.path), state_directory=state)

        return open_maildir
    from mailferry.backends.imap import ImapReader

    settings = _imap_settings(location, hurried=hurried)

    async def open_imap() -> Reader:
        return await ImapReader.open(settings, side, log)

    return open_imap


def target_opener(location: Location, log: logging.Logger | None = None, *, hurried: bool = False) -> OpenTarget:
    """Give what opens the mailbox for writing, again after each break; `hurried` as for `source_opener`."""
    if location.kind == "maildir":

        async def open_maildir() -> Target:
            from mailferry.backends import maildir

            with _on(Side.TARGET):
                return await maildir.open_target(Path(location.path))

        return open_maildir
    return _ImapTargetOpener(_imap_settings(location, hurried=hurried), log)


def features_before_it_exists(location: Location) -> Features | None:
    """Say what a target that is not there yet will do; None if it cannot be made by opening it."""
    if location.kind == "maildir":
        from mailferry.backends import maildir

        return maildir.FEATURES
    return None


class _ImapTargetOpener:
    """Hands on from connection to connection that the server once answered an append with BAD.

    What the server was seen to take is not handed on: the connection may have ended before it was shown.
    """

    def __init__(self, settings: ImapSettings, log: logging.Logger | None) -> None:
        from mailferry.backends.imap_lane import Proof
        from mailferry.backends.imap_target import ImapTarget

        self._make_proof = Proof
        self._open = ImapTarget.open
        self._settings = settings
        self._log = log
        self.proof = Proof()

    async def __call__(self) -> Target:
        self.proof = self._make_proof(broken=self.proof.broken)
        return await self._open(self._settings, Side.TARGET, self._log, proof=self.proof)


def _imap_settings(location: Location, *, hurried: bool = False) -> ImapSettings:
    from mailferry.backends.imap_session import ImapSettings
    from mailferry.imap.client import Timeouts

    seconds = location.timeout_seconds
    return ImapSettings(
        host=location.host,
        port=location.port,
        security=location.security,
        user=location.user,
        password=location.password,
        authzid=location.authzid,
        mechanism=location.mechanism,
        user_root=location.user_root,
        accept_untrusted=location.accept_untrusted,
        ca_file=location.ca_file,
        hurried=hurried,
        timeouts=Timeouts(seconds, seconds, seconds) if seconds is not None else Timeouts(),
    )


@contextmanager
def _on(side: Side) -> Iterator[None]:
    """Note the side on errors of a backend that serves both."""
    try:
        yield
    except MailferryError as error:
        if error.side is Side.LOCAL:
            error.side = side
        raise
