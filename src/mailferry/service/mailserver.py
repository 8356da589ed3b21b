"""Handing a mail to a mail server (SMTP submission). It blocks, so it runs in a thread."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage

from mailferry.imap.transport import client_context
from mailferry.imap.values import Secret
from mailferry.migration.model import Security
from mailferry.migration.report import one_line
from mailferry.service.config import Config

CONNECT_SECONDS = 30.0
"""For each step up to the login."""
DATA_SECONDS = 600.0
"""For the mail itself: a server may look through it before it answers, and a mail given up then arrives twice."""
QUIT_SECONDS = 5.0
_MOST_TEXT = 300


class NotSent(Exception):
    """A mail was not taken; the text says why. `for_all`: no other mail would be taken by this server either."""

    def __init__(self, reason: str, *, for_all: bool) -> None:
        super().__init__(reason)
        self.for_all = for_all


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, and from whom they are (`smtp_from`). `user` '': without a login. `ca_file` '': the
    authorities that this machine trusts.
    """

    host: str
    port: int
    security: Security
    user: str
    password: Secret
    sender: str
    ca_file: str

    @classmethod
    def of(cls, config: Config, password: Secret) -> MailServer:
        """Read the settings of the service."""
        return cls(
            config.smtp_server,
            config.smtp_port,
            Security(config.smtp_security),
            config.smtp_user,
            password,
            config.smtp_from,
            config.smtp_ca_file,
        )


def send(server: MailServer, message: EmailMessage, sender: str, recipients: tuple[str, ...]) -> dict[str, str]:
    """Hand a mail in. Give the recipients that were refused while others were taken, with the reason.

    Raises NotSent: nobody gets it.
    """
    context = _context(server)
    connection: smtplib.SMTP | None = None
    try:
        connection = _connect(server, context)
        if server.user:
            connection.login(server.user, server.password.reveal())
        _time_out(connection, DATA_SECONDS)
        refused = connection.send_message(message, sender, recipients)
        return {address: _answer(server, *answer) for address, answer in refused.items()}
    except (smtplib.SMTPException, OSError, ValueError, MessageError) as error:
        raise _not_sent(server, error) from None  # the error may hold what was sent
    finally:
        if connection is not None:
            _quit(connection)


def _context(server: MailServer) -> ssl.SSLContext | None:
    if server.security is Security.NONE:
        return None
    try:
        return client_context(accept_untrusted=False, ca_file=server.ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or "it is no file of certificates"
        raise NotSent(f"smtp_ca_file {server.ca_file} cannot be used: {reason}.", for_all=True) from None


def _connect(server: MailServer, context: ssl.SSLContext | None) -> smtplib.SMTP:
    if server.security is Security.SSL:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=CONNECT_SECONDS, context=context)
    connection = smtplib.SMTP(server.host, server.port, timeout=CONNECT_SECONDS)
    if server.security is Security.TLS:
        try:
            connection.starttls(context=context)  # not offered: an error, never a login without it
        except BaseException:
            connection.close()
            raise
    return connection


def _time_out(connection: smtplib.SMTP, seconds: float) -> None:
    if connection.sock is not None:
        connection.sock.settimeout(seconds)


def _quit(connection: smtplib.SMTP) -> None:
    """Say goodbye. What goes wrong now changes nothing about the mail."""
    with suppress(smtplib.SMTPException, OSError):
        _time_out(connection, QUIT_SECONDS)
        if connection.sock is not None:
            connection.quit()
    connection.close()


def _not_sent(server: MailServer, error: Exception) -> NotSent:
    where = f"the mail server {server.host}:{server.port}"
    for_all = True
    match error:
        case smtplib.SMTPAuthenticationError():
            answer = _answer(server, error.smtp_code, error.smtp_error)
            reason = f"{where} refused the login of {server.user} ({answer})"
        case smtplib.SMTPRecipientsRefused():
            address, answer_of = next(iter(error.recipients.items()))
            reason, for_all = f"{where} refused all recipients ({address}: {_answer(server, *answer_of)})", False
        case smtplib.SMTPResponseException():
            reason = f"{where} answered {_answer(server, error.smtp_code, error.smtp_error)}"
            for_all = not isinstance(error, smtplib.SMTPDataError)
        case smtplib.SMTPServerDisconnected():
            timed_out = "timed out" in str(error)  # smtplib gives the reason in words only
            reason = f"{where} {'did not answer in time' if timed_out else 'closed the connection'}"
        case smtplib.SMTPNotSupportedError():
            reason = f"{where}: {_clean(server, str(error))}"
        case ssl.SSLCertVerificationError():
            reason = f"the certificate of {where} is not trusted ({_clean(server, error.verify_message)})"
        case ssl.SSLError():
            reason = f"no TLS with {where} ({_clean(server, error.reason or 'protocol error')})"
        case TimeoutError():
            reason = f"{where} did not answer in time"
        case OSError():
            reason = f"{where} was not reached ({_clean(server, error.strerror or str(error))})"
        case UnicodeError():
            reason = f"{where} takes no login with these characters"
        case _:
            reason, for_all = f"the mail cannot be written ({type(error).__name__})", False
    return NotSent(f"{reason.rstrip('.')}.", for_all=for_all)


def _answer(server: MailServer, code: int, text: bytes | str) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {_clean(server, decoded)}".strip()


def _clean(server: MailServer, text: str) -> str:
    """Put text of a server on one line; a password that it echoes is not passed on."""
    if server.password:
        text = text.replace(server.password.reveal(), "***")
    return one_line(text)[:_MOST_TEXT]
