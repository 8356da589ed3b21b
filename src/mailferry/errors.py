"""What can go wrong, said in terms of who must act.

One base class; each class has a stable code, a retry class, a scope and advice. The docstring is
the one-line summary that users see. Exit codes and documentation are made from these classes.
"""

from __future__ import annotations

from enum import Enum


class Retry(Enum):
    """Whether trying again helps, and when."""

    SOON = "soon"  # the same request may work in a moment: reconnect and go on
    LATER = "later"  # the server asked for patience: wait, then go on
    AFTER_REPAIR = "after-repair"  # a person must change something first
    NEVER = "never"  # the same input gives the same answer


class Scope(Enum):
    """How much is spoiled."""

    MESSAGE = "message"
    FOLDER = "folder"
    CONNECTION = "connection"
    MAILBOX = "mailbox"


class Side(Enum):
    """Which server the error came from."""

    SOURCE = "source"
    TARGET = "target"
    LOCAL = "local"


class MailferryError(Exception):
    """Something went wrong."""

    code = "error"
    retry = Retry.NEVER
    scope = Scope.MAILBOX
    advice = ""

    def __init__(
        self, detail: str = "", *, side: Side = Side.LOCAL, wait_seconds: float = 0.0, advice: str = ""
    ) -> None:
        """`advice`: what to do in this case, in place of what the class says."""
        super().__init__(detail)
        self.detail = detail
        if advice:
            self.advice = advice
        self.side = side
        self.wait_seconds = wait_seconds

    @classmethod
    def summary(cls) -> str:
        """Give the first line of the docstring: what happened, in one sentence."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    def __str__(self) -> str:
        return f"{self.summary()} {self.detail}".strip()


class ConnectFailed(MailferryError):
    """The server could not be reached."""

    code = "connect-failed"
    retry = Retry.SOON
    scope = Scope.CONNECTION
    advice = "Check the host name, the port and the firewall, and that the IMAP service runs."


class ConnectionLost(MailferryError):
    """The connection to the server broke."""

    code = "connection-lost"
    retry = Retry.SOON
    scope = Scope.CONNECTION
    advice = "Nothing is lost: start the user again, or run the same command again, to go on from here."


class ServerTimedOut(ConnectionLost):
    """The server stopped answering."""

    code = "server-timed-out"


class TlsFailed(MailferryError):
    """TLS could not be set up."""

    code = "tls-failed"
    retry = Retry.AFTER_REPAIR
    scope = Scope.CONNECTION
    advice = (
        "Use a certificate that this machine trusts and that names the host; or, if you know that the server is the "
        "right one, accept it untrusted (--accept-untrusted-certificates, or AcceptUntrustedCertificates of the "
        "endpoint)."
    )


class LoginFailed(MailferryError):
    """The server refused the login."""

    code = "login-failed"
    retry = Retry.AFTER_REPAIR
    advice = "Check the user name, the password and that IMAP is allowed for this account."


class ServerBusy(MailferryError):
    """The server asked to come back later."""

    code = "server-busy"
    retry = Retry.LATER
    scope = Scope.CONNECTION
    advice = "Wait, then start the user again, or run the same command again; fewer connections may help."


class ProtocolBroken(MailferryError):
    """The server sent something that cannot be understood."""

    code = "protocol-broken"
    retry = Retry.SOON
    scope = Scope.CONNECTION
    advice = "Check that the port belongs to an IMAP server; otherwise report the server and its version."


class CommandFailed(MailferryError):
    """The server refused a command."""

    code = "command-refused"
    retry = Retry.SOON
    scope = Scope.FOLDER
    advice = "The server's own text says why."


class FolderGone(MailferryError):
    """A folder vanished while it was being read."""

    code = "folder-gone"
    retry = Retry.SOON
    scope = Scope.FOLDER
    advice = "Start the user again, or run the same command again; the folder map is read anew."


class FolderRefused(MailferryError):
    """The target refused to make a folder."""

    code = "folder-refused"
    retry = Retry.AFTER_REPAIR
    scope = Scope.FOLDER
    advice = "Rename the folder on the source, or exclude it."


class ReadOnly(MailferryError):
    """The target does not allow writing."""

    code = "read-only"
    retry = Retry.AFTER_REPAIR
    scope = Scope.FOLDER
    advice = (
        "Give the account the right to insert messages and to change flags; in a Maildir, give the account that runs "
        "Mailferry the right to write to the folder that is named."
    )


class OverQuota(MailferryError):
    """The target mailbox is full."""

    code = "over-quota"
    retry = Retry.AFTER_REPAIR
    advice = (
        "Free space in the target mailbox or raise its quota, then start the user again, or run the same command again."
    )


class MessageRefused(MailferryError):
    """The target refused a message."""

    code = "message-refused"
    retry = Retry.NEVER
    scope = Scope.MESSAGE
    advice = "The report lists the message with the server's reason."


class LedgerUnwritable(MailferryError):
    """The ledger could not be written, so nothing more was sent."""

    code = "ledger-unwritable"
    retry = Retry.AFTER_REPAIR
    advice = "Check the free space where the ledger is (--state, or the data folder), and its permissions."


class AlreadyRunning(MailferryError):
    """Another run is writing to the same target mailbox."""

    code = "already-running"
    retry = Retry.LATER
    advice = "Wait for it to end, or stop it."


class RootNotFound(MailferryError):
    """The user root is not there or may not be read."""

    code = "root-not-found"
    retry = Retry.AFTER_REPAIR
    advice = "Check the path (--user-root, or UserRoot in the CSV) and the administrator's rights on it."


class BadUsage(MailferryError):
    """The command cannot be carried out as given."""

    code = "usage"
    retry = Retry.NEVER
    advice = "See mailferry copy --help."
