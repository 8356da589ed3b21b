"""What an availability test makes of listeners that are down, silent, speak something else, or speak TLS badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.migration.model import Security
from mailferry.service import availability
from mailferry.service.availability import Availability, Problem, ServerSettings
from mailferry.service.availability_advice import duration, shown
from mailferry.service.availability_certificate import read_certificate

HOST = "127.0.0.1"
NONE, SSL, TLS = Security.NONE, Security.SSL, Security.TLS
NOW = datetime.now(UTC)
GREETING = b"* OK ready\r\n"

Talk = Callable[[socket.socket], None]


class Listener:
    """A listener on a thread that has each connection talk on a thread of its own. Threads and blocking sockets, since
    asyncio's server sends no alert when a handshake fails.
    """

    def __init__(self, talk: Talk, context: ssl.SSLContext | None) -> None:
        self._talk = talk
        self._context = context
        self._socket = socket.create_server((HOST, 0))
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self.port: int = self._socket.getsockname()[1]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._socket.accept()[0]
                self._open.add(connection)
                self._threads.append(threading.Thread(target=self._serve, args=[connection]))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self._context is None:
                self._talk(connection)
                return
            with self._context.wrap_socket(connection, server_side=True) as secure:
                self._open.add(secure)
                self._talk(secure)

    def close(self) -> None:
        """End all connections, and wait for the threads."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._socket.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@contextmanager
def listening(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A listener that has each connection talk; gives its port."""
    listener = Listener(talk, context)
    try:
        yield listener.port
    finally:
        listener.close()


def says(data: bytes, *, then_closes: bool = False) -> Talk:
    """Greet with these bytes, then only read."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(data)
        while not then_closes and connection.recv(4096):
            pass

    return talk


def imap(
    *, capabilities: str = "IMAP4rev1 STARTTLS", starttls: bytes = b"", secret: ssl.SSLContext | None = None
) -> Talk:
    """A small IMAP server. `starttls` is its answer, with {tag}; then TLS begins if there is a context."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        while line := connection.recv(4096):  # the test sends one command at a time
            tag, _, command = line.strip().partition(b" ")
            match command.upper():
                case b"CAPABILITY":
                    connection.sendall(b"* CAPABILITY %b\r\n%b OK done\r\n" % (capabilities.encode(), tag))
                case b"STARTTLS":
                    connection.sendall(starttls.replace(b"{tag}", tag))
                    if secret is not None:
                        with secret.wrap_socket(connection, server_side=True) as secure:
                            imap_inside(secure)
                case b"LOGOUT":
                    connection.sendall(b"* BYE\r\n%b OK bye\r\n" % tag)
                    return

    def imap_inside(secure: ssl.SSLSocket) -> None:
        while line := secure.recv(4096):
            secure.sendall(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n%b OK done\r\n" % line.partition(b" ")[0])

    return talk


async def tried(port: int, security: Security, *, limit: float = 10.0, **more: object) -> Availability:
    where = ServerSettings(HOST, port, security, **more)  # type: ignore[arg-type]  # the caller names fields
    return await availability.test_server(where, limit_seconds=limit)


def failed(found: Availability) -> tuple[str, str]:
    """The step that failed and the state of the result; all after it were skipped."""
    states = [step.state for step in found.steps]
    at = states.index("failed")
    assert set(states[at + 1 :]) <= {"skipped"}
    assert {step.name for step in found.steps[:at] if step.state == "skipped"} <= {"tls"}
    assert found.steps[at].advice
    return found.steps[at].name, found.result


# names and connections


async def test_a_name_that_is_not_in_the_dns() -> None:
    found = await availability.test_server(ServerSettings("imap.mailferry.invalid"))
    assert failed(found) == ("dns", "Failed")
    assert found.message == "The connection to the server 'imap.mailferry.invalid' could not be completed."
    assert "FQDN" in found.advice[0] or "name servers" in found.advice[0]


@pytest.mark.parametrize(
    "name",
    ["", "  ", "imaps://mail.example.org", "mail.example.org:993", "a b", "a..b", ".a", "x" * 64, "me@a.b", "::g"],
)
async def test_what_cannot_be_a_name_is_not_looked_up(name: str) -> None:
    found = await availability.test_server(ServerSettings(name))
    assert failed(found) == ("dns", "Failed")
    assert "imap.contoso.com" in found.advice[0]


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(ValueError, match="1 to 65535"):
        ServerSettings("localhost", port)


@pytest.mark.parametrize("security", Security)
async def test_a_closed_port(security: Security) -> None:
    with listening(says(b"")) as port:
        pass
    found = await tried(port, security)
    assert failed(found) == ("tcp", "Failed")
    assert found.error_detail == "127.0.0.1: refused: nothing listens on this port"
    assert "firewall" in found.advice[0]
    assert "IMAP service runs" in found.advice[0]


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue is full, so that a connection is neither taken nor refused."""
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_is_not_answered() -> None:
    with full_backlog() as port:
        found = await tried(port, SSL, limit=1.0)
    assert failed(found) == ("tcp", "Failed")
    assert found.message == "The connection to the server 127.0.0.1 timed out after 00:00:01."
    assert found.error_detail == "127.0.0.1: no answer"
    assert "firewall" in found.advice[0]


@pytest.mark.parametrize(("security", "step"), [(NONE, "greeting"), (TLS, "greeting"), (SSL, "tls")])
async def test_a_listener_that_never_answers(security: Security, step: str) -> None:
    with listening(says(b"")) as port:
        found = await tried(port, security, limit=1.0)
    assert failed(found) == (step, "Failed")
    assert found.message == "The connection to the server 127.0.0.1 timed out after 00:00:01."
    assert "firewall" in found.advice[0]
    assert "993" in found.advice[0]


async def test_one_address_that_does_not_answer_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(imap(capabilities="IMAP4rev1")) as port:

        async def lookup(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in (2, 1)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
        found = await availability.test_server(ServerSettings("two.example", port, NONE))
    assert found.succeeded
    assert found.step("dns").text == "127.0.0.2, 127.0.0.1"
    assert found.step("tcp").state == "warning"
    assert found.step("tcp").text == "127.0.0.2: refused: nothing listens on this port; 127.0.0.1: connected"


# what is not IMAP


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize(
    ("greeting", "protocol"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
        (b"220 mail.example.org ESMTP Postfix\r\n", "SMTP"),
        (b"220 (vsFTPd 3.0.3)\r\n", "FTP"),
        (b"+OK POP3 ready\r\n", "POP3"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
    ],
)
async def test_another_protocol_is_named(security: Security, greeting: bytes, protocol: str) -> None:
    with listening(says(greeting)) as port:
        found = await tried(port, security)
    assert failed(found)[0] == ("tls" if security is SSL else "greeting")
    assert f"port {port} speaks {protocol}" in found.error_detail
    assert "not IMAP" in found.error_detail
    assert "Check Port" in found.advice[0]


@pytest.mark.parametrize(
    "greeting", [b"J\0\0\0\n8.0.36\0", b"\x05\x00\x01\x02\x03\x04", b"hello\r\n", b"* 3 EXISTS\r\n"]
)
async def test_what_nobody_knows_is_not_imap_either(greeting: bytes) -> None:
    with listening(says(greeting)) as port:
        found = await tried(port, NONE)
    assert failed(found) == ("greeting", "Failed")
    assert "is not IMAP" in found.error_detail
    assert found.error_detail.isprintable()


async def test_a_tls_alert_in_place_of_a_greeting() -> None:
    with listening(says(b"\x15\x03\x01\x00\x02\x02\x46")) as port:
        found = await tried(port, NONE)
    assert found.advice == (f"Port {port} speaks TLS at once: use Security Ssl.",)


async def test_a_server_that_sends_without_end() -> None:
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"* OK " + b"x" * 60_000)

    with listening(talk) as port:
        found = await tried(port, NONE)
    assert failed(found) == ("greeting", "Failed")


@settings(max_examples=40)
@given(st.binary(max_size=80), st.sampled_from(Security))
def test_any_greeting_gives_a_result(greeting: bytes, security: Security) -> None:
    async def run() -> Availability:
        with listening(says(greeting, then_closes=True)) as port:
            return await tried(port, security)

    found = asyncio.run(run())
    assert failed(found)[1] == "Failed"
    assert all(step.text.isprintable() and step.advice.isprintable() for step in found.steps)


async def test_a_greeting_that_comes_late_still_counts() -> None:
    """Meanwhile a second connection is made to see whether the port wants TLS."""
    probed = threading.Event()

    def talk(connection: socket.socket) -> None:
        if not first:
            probed.set()
            return
        first.pop()
        probed.wait()
        imap(capabilities="IMAP4rev1")(connection)

    first = [True]
    with listening(talk) as port:
        found = await tried(port, NONE, limit=5.0)
    assert found.succeeded, found


# what an IMAP server can refuse


@pytest.mark.parametrize("security", [NONE, TLS])
@pytest.mark.parametrize(
    ("greeting", "word"),
    [(b"", "without a word"), (b"* BYE Too many connections\r\n", "refuses the connection: Too many connections")],
)
async def test_a_server_that_refuses_the_connection(security: Security, greeting: bytes, word: str) -> None:
    with listening(says(greeting, then_closes=True)) as port:
        found = await tried(port, security)
    assert failed(found) == ("greeting", "Failed")
    assert word in found.error_detail
    assert "this machine's address" in found.advice[0]


async def test_preauth() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"* PREAUTH welcome\r\n")
        if line := connection.recv(4096):
            connection.sendall(b"* CAPABILITY IMAP4rev1\r\n%b OK\r\n" % line.split()[0])

    with listening(talk) as port:
        found = await tried(port, NONE)
        assert found.succeeded
        assert found.step("greeting").state == "warning"
        assert failed(await tried(port, TLS)) == ("greeting", "Failed")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"{tag} NO not now\r\n", "refused STARTTLS: not now"),
        (b"{tag} BAD what\r\n", "refused STARTTLS: what"),
        (b"{tag} OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", "someone may be on the line"),
        (b"{tag} OK go\r\n* CAPA", "someone may be on the line"),
    ],
)
async def test_starttls_that_is_refused_or_followed_by_data(answer: bytes, word: str) -> None:
    with listening(imap(starttls=answer)) as port:
        found = await tried(port, TLS, accept_untrusted_certificates=True)
    assert failed(found) == ("tls", "Failed")
    assert word in found.error_detail
    assert "port 993 with Security Ssl" in found.advice[0]


async def test_a_server_that_does_not_tell_its_capabilities() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        while line := connection.recv(4096):
            connection.sendall(line.split()[0] + b" BAD\r\n")

    with listening(talk) as port:
        assert failed(await tried(port, NONE)) == ("capabilities", "Failed")


@pytest.mark.parametrize(
    ("capabilities", "word"),
    [
        ("IMAP4rev1 LOGINDISABLED STARTTLS", "use Security Tls"),
        ("IMAP4rev1 LOGINDISABLED", "use port 993 with Security Ssl"),
        ("IMAP4rev1 LOGINDISABLED AUTH=PLAIN STARTTLS", "disables LOGIN without TLS"),
        ("IMAP4", "neither IMAP4rev1 nor IMAP4rev2"),
        ("IMAP4rev1 AUTH=PLAIN", ""),
    ],
)
async def test_capabilities_that_stand_in_the_way(capabilities: str, word: str) -> None:
    with listening(imap(capabilities=capabilities)) as port:
        found = await tried(port, NONE)
    assert found.succeeded
    step = found.step("capabilities")
    assert (step.state, word in step.advice) == ("warning" if word else "passed", True)
    assert "UIDPLUS" in step.text


# certificates and TLS


@dataclass(frozen=True, slots=True)
class Made:
    """A server's context, and the file with the authority that vouches for it."""

    context: ssl.SSLContext
    ca_file: Path


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def certified(
    folder: Path,
    *,
    begins: timedelta = timedelta(days=-10),
    ends: timedelta = timedelta(days=60),
    names: tuple[str, ...] | None = ("localhost",),
    key: Key | None = None,
    self_signed: bool = False,
) -> Made:
    """Make a certificate for 127.0.0.1 and these names, by an authority of its own unless self-signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    ca_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Own authority")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    month = timedelta(days=4000)
    ca = _builder(authority, authority, ca_key, NOW - month, NOW + month)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    ca_certificate = ca.sign(ca_key, hashes.SHA256())
    leaf = _builder(subject, subject if self_signed else authority, key, NOW + begins, NOW + ends)
    if names is not None:
        others = [x509.DNSName(name) for name in names]
        leaf = leaf.add_extension(x509.SubjectAlternativeName([*others, x509.IPAddress(IPv4Address(HOST))]), False)
    certificate = leaf.sign(key if self_signed else ca_key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    both, ca_file = folder / "both.pem", folder / "ca.pem"
    both.write_bytes(private + certificate.public_bytes(pem))
    ca_file.write_bytes(ca_certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(both)
    return Made(context, ca_file)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return made.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)


async def secured(made: Made, *, accept: bool = False, security: Security = SSL) -> Availability:
    talk = imap(capabilities="IMAP4rev1 AUTH=PLAIN")
    if security is TLS:
        talk = imap(starttls=b"{tag} OK go\r\n", secret=made.context)
    with listening(talk, made.context if security is SSL else None) as port:
        ca_file = str(made.ca_file)
        return await tried(port, security, accept_untrusted_certificates=accept, ca_file=ca_file)


@pytest.mark.parametrize("security", [SSL, TLS])
async def test_an_own_authority_is_enough(tmp_path: Path, security: Security) -> None:
    found = await secured(certified(tmp_path), security=security)
    assert found.succeeded, found
    assert found.certificate is not None
    assert found.certificate.names == ("localhost", "127.0.0.1")
    assert found.certificate.expires_in_days == 59
    assert found.certificate.key == "EC secp256r1"


async def test_a_certificate_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    found = await secured(certified(tmp_path, ends=timedelta(days=3)))
    assert found.succeeded
    assert found.step("tls").state == "warning"
    assert "2 days left" in found.step("tls").text
    assert "renew" in found.advice[0]


@pytest.mark.parametrize(
    ("fault", "problem", "word"),
    [
        ({"begins": timedelta(days=2)}, Problem.NOT_YET_VALID, "not valid before"),
        ({"ends": timedelta(hours=-30)}, Problem.EXPIRED, "(1 day ago)"),
        ({"names": None}, Problem.WRONG_NAME, "no name at all"),
        ({"self_signed": True}, Problem.SELF_SIGNED, "nobody vouches"),
        ({"self_signed": True, "ends": timedelta(days=-1)}, Problem.SELF_SIGNED, "ago"),
    ],
)
async def test_facts_of_a_bad_certificate(
    tmp_path: Path, fault: dict[str, timedelta], problem: Problem, word: str
) -> None:
    made = certified(tmp_path, **fault)  # type: ignore[arg-type]  # the table names keyword arguments
    found = await secured(made)
    assert failed(found) == ("tls", "Failed")
    assert found.certificate is not None
    assert (found.certificate.problem, found.certificate.subject) == (problem, "mail.example.org")
    assert word in found.error_detail
    assert "AcceptUntrustedCertificates" in found.advice[0]

    accepted = await secured(made, accept=True)
    assert accepted.succeeded
    assert accepted.step("tls").state == "warning"
    assert word in accepted.step("tls").text
    assert "anyone on the way" in accepted.advice[0]


async def test_accepting_what_is_good_anyway_is_no_warning(tmp_path: Path) -> None:
    found = await secured(certified(tmp_path), accept=True)
    assert (found.succeeded, found.advice) == (True, ())


async def test_a_key_that_is_too_short(tmp_path: Path) -> None:
    found = await secured(certified(tmp_path, key=rsa.generate_private_key(65_537, 1024)))
    assert failed(found) == ("tls", "Failed")
    assert "weak" in found.error_detail or "handshake failed" in found.error_detail


async def test_tls_that_is_too_old(tmp_path: Path) -> None:
    made = certified(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.context.minimum_version = ssl.TLSVersion.TLSv1
        made.context.maximum_version = ssl.TLSVersion.TLSv1_1
    with listening(says(b""), made.context) as port:
        found = await tried(port, SSL, accept_untrusted_certificates=True)
    assert failed(found) == ("tls", "Failed")
    assert "TLS versions that are too old" in found.error_detail
    assert "TLS 1.2 or 1.3" in found.advice[0]


async def test_no_cipher_in_common(tmp_path: Path) -> None:
    made = certified(tmp_path)
    made.context.maximum_version = ssl.TLSVersion.TLSv1_2
    made.context.set_ciphers("AES128-SHA")  # without forward secrecy, and the key is not for it
    with listening(says(b""), made.context) as port:
        found = await tried(port, SSL)
    assert failed(found) == ("tls", "Failed")
    assert "no cipher in common" in found.error_detail


async def test_a_connection_that_ends_in_the_handshake() -> None:
    with listening(says(b"", then_closes=True)) as port:
        found = await tried(port, SSL)
    assert failed(found) == ("tls", "Failed")
    assert "closed the connection when TLS began" in found.error_detail


async def test_an_unreadable_authority_file_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No such file"):
        await tried(993, SSL, ca_file=str(tmp_path / "none.pem"))


def test_bytes_that_are_no_certificate() -> None:
    assert read_certificate(b"0\x03\x02\x01\x01", NOW) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(15, "00:00:15"), (1.5, "00:00:01.5000000"), (3725, "01:02:05"), (0.25, "00:00:00.2500000")]
)
def test_durations_are_spelt_as_the_service_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_a_server_says_is_shown_on_one_line() -> None:
    assert shown(b"a\x1b[31m\r\nb\xff\0 c" + b"x" * 1000) == ("a [31m b\ufffd c" + "x" * 1000)[:300]
