"""Handing mails in: TLS that is proven, logins, refusals, and what is told of failures."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailferry.imap.values import Secret
from mailferry.migration.model import Security
from mailferry.service.mailserver import MailServer, NotSent, send
from tests.servers.base import HOST, free_ports
from tests.servers.pki import Certificate, Pki
from tests.servers.smtp import MailSink

LOGIN = ("mailferry", "a secret, very")
TO = ("admin@contoso.com",)
SENDER = "mailferry@contoso.com"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def mail(to: str = TO[0]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["From"] = SENDER
    message["To"] = to
    message.set_content("Hello\n.\nworld\n")
    return message


def server(
    sink: MailSink, security: Security, *, user: str = LOGIN[0], password: str = LOGIN[1], ca_file: Path | str = ""
) -> MailServer:
    return MailServer(HOST, sink.port, security, user, Secret(password), SENDER, str(ca_file))


def reason(where: MailServer, to: tuple[str, ...] = TO) -> str:
    """Send in vain, and give what is told."""
    with pytest.raises(NotSent) as caught:
        send(where, mail(to[0]), SENDER, to)
    assert LOGIN[1] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


@pytest.mark.parametrize(("security", "implicit"), [(Security.TLS, False), (Security.SSL, True)])
def test_a_login_under_tls(pki: Pki, security: Security, implicit: bool) -> None:
    with MailSink(pki.certificate(), implicit=implicit, login=LOGIN) as sink:
        assert send(server(sink, security, ca_file=pki.ca_file), mail(), SENDER, TO) == {}
        assert sink.logins == [LOGIN[0]]
        assert str(sink.mails[0]["Subject"]) == "Grüße"
        body = sink.mails[0].get_payload()
        assert isinstance(body, str)
        assert body.splitlines() == ["Hello", ".", "world"]


@pytest.mark.parametrize("kind", ["expired", "wrong-host", "self-signed", "unknown authority"])
@pytest.mark.parametrize(("security", "implicit"), [(Security.TLS, False), (Security.SSL, True)])
def test_a_certificate_that_proves_nothing_gets_no_password(
    pki: Pki, security: Security, implicit: bool, kind: str
) -> None:
    certificates: dict[str, Callable[[], Certificate]] = {
        "expired": lambda: pki.certificate("expired"),
        "wrong-host": lambda: pki.certificate("wrong-host"),
        "self-signed": lambda: pki.certificate("self-signed"),
        "unknown authority": pki.certificate,
    }
    with MailSink(certificates[kind](), implicit=implicit, login=LOGIN) as sink:
        ca_file = "" if kind == "unknown authority" else pki.ca_file
        assert f"the certificate of the mail server {HOST}:{sink.port} is not trusted (" in reason(
            server(sink, security, ca_file=ca_file)
        )
        assert sink.logins == []


def test_starttls_that_is_not_offered_ends_the_conversation(pki: Pki) -> None:
    with MailSink() as sink:
        assert "STARTTLS" in reason(server(sink, Security.TLS, ca_file=pki.ca_file))
        assert sink.mails == []


def test_tls_with_a_server_that_speaks_plain_text(pki: Pki) -> None:
    with MailSink() as sink:
        assert "no TLS with the mail server" in reason(server(sink, Security.SSL, ca_file=pki.ca_file))


def test_a_wrong_password_is_told_without_it(pki: Pki) -> None:
    """Also if the server repeats it."""
    with MailSink(pki.certificate(), login=("mailferry", "another one")) as sink:
        told = reason(server(sink, Security.TLS, ca_file=pki.ca_file))
        assert "refused the login of mailferry (535 5.7.8 wrong: ***)" in told


def test_a_server_that_takes_no_logins() -> None:
    with MailSink() as sink:
        assert "AUTH" in reason(server(sink, Security.NONE))


def test_a_file_of_authorities_that_cannot_be_read(tmp_path: Path) -> None:
    with MailSink() as sink:
        (tmp_path / "no.pem").write_text("nothing")
        for file in (tmp_path / "gone.pem", tmp_path / "no.pem"):
            assert f"smtp_ca_file {file} cannot be used" in reason(server(sink, Security.TLS, ca_file=file))
        assert sink.connections == 0


def test_some_recipients_are_refused() -> None:
    with MailSink() as sink:
        sink.refused = {"gone@contoso.com"}
        refused = send(server(sink, Security.NONE, user=""), mail(), SENDER, (*TO, "gone@contoso.com"))
        assert refused == {"gone@contoso.com": "550 5.1.1 no such user"}
        assert sink.envelopes[0].rcpt_tos == list(TO)
        assert "refused all recipients (gone@contoso.com: 550" in reason(
            server(sink, Security.NONE, user=""), ("gone@contoso.com",)
        )


@pytest.mark.parametrize("smtputf8", [True, False])
def test_addresses_in_other_scripts_need_a_server_that_takes_them(smtputf8: bool) -> None:
    with MailSink(smtputf8=smtputf8) as sink:
        to = ("jörg@contoso.com",)
        if smtputf8:
            assert send(server(sink, Security.NONE, user=""), mail(to[0]), SENDER, to) == {}
            assert sink.envelopes[0].rcpt_tos == list(to)
        else:
            assert "SMTPUTF8" in reason(server(sink, Security.NONE, user=""), to)


def test_nobody_is_there() -> None:
    (port,) = free_ports(1)
    where = MailServer(HOST, port, Security.NONE, "", Secret(""), SENDER, "")
    assert reason(where).startswith(f"the mail server {HOST}:{port} was not reached (")


@contextmanager
def speaking(*lines: bytes) -> Iterator[int]:
    """Run a server that says these lines, one after each it hears, and then is silent or gone."""
    listener = socket.create_server((HOST, 0))

    def talk() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as heard:
            for line in lines:
                connection.sendall(line)
                heard.readline()

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        thread.join(30)
        listener.close()


def test_a_server_that_hangs_up_and_one_that_speaks_something_else() -> None:
    with speaking(b"220 hello\r\n", b"250 hello\r\n") as port:
        told = reason(MailServer(HOST, port, Security.NONE, "", Secret(""), SENDER, ""))
        assert told == f"the mail server {HOST}:{port} closed the connection."
    with speaking(b"SSH-2.0-thing\r\n") as port:
        told = reason(MailServer(HOST, port, Security.NONE, "", Secret(""), SENDER, ""))
        assert told.startswith(f"the mail server {HOST}:{port} ")


def test_a_goodbye_that_goes_wrong_is_no_failure() -> None:
    """The mail was taken; sent again, it would arrive twice."""
    replies = (b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")
    listener = socket.create_server((HOST, 0))

    def talk() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as heard:
            for reply in replies:
                connection.sendall(reply)
                if not reply.startswith(b"354"):
                    heard.readline()
            while heard.readline() != b".\r\n":
                pass
            connection.sendall(b"250 taken\r\n")
            heard.readline()
            connection.sendall(b"500 what?\r\n")

    thread = threading.Thread(target=talk)
    thread.start()
    where = MailServer(HOST, int(listener.getsockname()[1]), Security.NONE, "", Secret(""), SENDER, "")
    assert send(where, mail(), SENDER, TO) == {}
    thread.join(30)
    listener.close()


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailferry.service.mailserver.CONNECT_SECONDS", 0.2)
    with socket.create_server((HOST, 0)) as listener:
        port = int(listener.getsockname()[1])
        assert "did not answer in time" in reason(MailServer(HOST, port, Security.NONE, "", Secret(""), SENDER, ""))
