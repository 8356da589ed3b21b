"""What can go wrong on an IMAP connection. One base class; the backend translates them for users."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailferry.imap.parse import ResponseCode


class ImapError(Exception):
    """Something went wrong on an IMAP connection."""


class ProtocolError(ImapError):
    """The server sent something that cannot be understood, or that passes a limit."""


class ConnectionClosed(ImapError):
    """The connection ended. `text` is what the server said in its BYE, or ''."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or "the connection was closed")
        self.text = text


class TimedOut(ConnectionClosed):
    """The server made no progress for too long; the outcome of open commands is unknown."""


class TlsRefused(ImapError):
    """TLS was asked for and cannot be had: not offered, refused, or bytes came before it (RFC 9051, 6.2.1)."""


class CommandRefused(ImapError):
    """The server answered a command with NO or BAD."""

    def __init__(self, status: str, code: ResponseCode | None, text: str, command: str) -> None:
        super().__init__(f"{command}: {status} {text}".rstrip())
        self.status = status
        self.code = code
        self.text = text
        self.command = command


class LoginRefused(ImapError):
    """The login failed. `temporary` says that the same credentials may work later.

    `code` is the name of the response code (RFC 5530, section 3) or ''.
    """

    def __init__(self, text: str, code: str = "", *, temporary: bool = False) -> None:
        super().__init__(text or code or "login refused")
        self.text = text
        self.code = code
        self.temporary = temporary
