"""Errors of the IMAP client in the words of the user: one place, both sides."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from mailferry import errors
from mailferry.errors import MailferryError, Side
from mailferry.imap import errors as imap_errors
from mailferry.imap.quirks import Refusal, backoff_seconds, classify

_BY_REFUSAL: dict[Refusal, type[MailferryError]] = {
    Refusal.QUOTA: errors.OverQuota,
    Refusal.BUSY: errors.ServerBusy,
    Refusal.LIMIT: errors.ServerBusy,
    Refusal.SERVER_BUG: errors.ServerBusy,
    Refusal.AUTH: errors.LoginFailed,
    Refusal.PERMISSION: errors.ReadOnly,
    Refusal.NONEXISTENT: errors.FolderGone,
}


def from_response(code: str, text: str, side: Side) -> MailferryError:
    """Make the error for a NO or BAD with this response code and text."""
    kind = _BY_REFUSAL.get(classify(text, code), errors.CommandFailed)
    return kind(text, side=side, wait_seconds=backoff_seconds(text) or 0.0)


def translate(error: BaseException, side: Side, where: str) -> MailferryError | None:
    """Give the user's error for one of the client's, None if it is not one of them."""
    match error:
        case MailferryError():
            return error
        case imap_errors.LoginRefused():
            kind = errors.ServerBusy if error.temporary else errors.LoginFailed
            code = f"[{error.code}] " if error.code else ""
            return kind(f"{where}: {code}{error}", side=side, wait_seconds=backoff_seconds(error.text) or 0.0)
        case imap_errors.TlsRefused() | ssl.SSLError():
            return errors.TlsFailed(f"{where}: {_tls_text(error)}", side=side)
        case imap_errors.TimedOut():
            return errors.ServerTimedOut(f"{where}: {error}", side=side)
        case imap_errors.ConnectionClosed():
            wait = backoff_seconds(error.text) or 0.0
            return errors.ConnectionLost(f"{where}: {error}", side=side, wait_seconds=wait)
        case imap_errors.CommandRefused():
            return from_response(error.code.name if error.code else "", f"{where}: {error}", side)
        case imap_errors.ProtocolError():
            return errors.ProtocolBroken(f"{where}: {error}", side=side)
        case OSError():
            return errors.ConnectFailed(f"{where}: {_os_text(error)}", side=side)
        case _:
            return None


def _os_text(error: OSError) -> str:
    if isinstance(error, TimeoutError) and not error.errno:
        return "no answer in time"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _tls_text(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    return str(error)


@contextmanager
def translated(side: Side, where: str) -> Iterator[None]:
    """Raise the user's error in place of the client's."""
    try:
        yield
    except (imap_errors.ImapError, OSError, ssl.SSLError) as error:
        user_error = translate(error, side, where)
        assert user_error is not None
        raise user_error from error
