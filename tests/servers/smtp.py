"""A mail server that keeps what it gets (aiosmtpd, in a thread), on 127.0.0.1."""

from __future__ import annotations

import ssl
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from types import TracebackType

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.base import HOST, free_ports
from tests.servers.pki import Certificate

SENDER = "Mailferry <mailferry@contoso.com>"


class MailSink:
    """Takes mails while it is started; `start` and `stop` may be repeated, the port stays.

    `certificate`: STARTTLS is offered and needed, or with `implicit` TLS is there from the first byte. `login`: name
    and password without which nothing is taken (under implicit TLS they are only checked). `refused`: recipients that
    are refused with 550. `answer`: what the server says to a mail; it takes those with 250.
    """

    def __init__(
        self,
        certificate: Certificate | None = None,
        *,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        smtputf8: bool = True,
    ) -> None:
        self.host = HOST
        (self.port,) = free_ports(1)
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.logins: list[str] = []
        self.connections = 0
        self.refused: set[str] = set()
        self.answer = "250 taken"
        self._certificate = certificate
        self._implicit = implicit
        self._login = login
        self._smtputf8 = smtputf8
        self._controller: Controller | None = None

    def __enter__(self) -> MailSink:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def settings(self, **more: object) -> dict[str, object]:
        """Give the settings of the service with which this server is used, without a login and without TLS."""
        given = {"smtp_server": self.host, "smtp_port": self.port, "smtp_security": "None", "smtp_from": SENDER}
        return given | more

    def start(self) -> None:
        """Listen."""
        context = self._context()
        self._controller = Controller(
            self,
            hostname=self.host,
            port=self.port,
            ssl_context=context if self._implicit else None,
            tls_context=None if self._implicit else context,
            require_starttls=context is not None and not self._implicit,
            auth_required=self._login is not None and not self._implicit,  # it does not see TLS that is there already
            auth_require_tls=not self._implicit,
            authenticator=self._authenticate,
            enable_SMTPUTF8=self._smtputf8,
        )
        self._controller.start()

    def stop(self) -> None:
        """Listen no more."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Count the conversation."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Take a recipient, or refuse it."""
        if address in self.refused:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail."""
        if self.answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, EmailMessage, policy=default))
            self.envelopes.append(envelope)
        return self.answer

    def _context(self) -> ssl.SSLContext | None:
        if self._certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate.certificate, self._certificate.key)
        return context

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        login, password = data.login.decode(), data.password.decode()
        self.logins.append(login)
        if (login, password) == self._login:
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 wrong: {password}")


def files_of(mail: EmailMessage) -> dict[str, str]:
    """Give the attached files by name."""
    return {part.get_filename() or "": _bytes_of(part).decode("utf-8-sig") for part in mail.iter_attachments()}


def text_of(mail: EmailMessage) -> str:
    """Give the text, lines ended by a line feed."""
    body = mail.get_body()
    assert body is not None
    return _bytes_of(body).decode().replace("\r\n", "\n")


def _bytes_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content
