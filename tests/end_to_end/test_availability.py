"""The test of a server's availability against real servers: what passes, and what each wrong setting is told."""

from __future__ import annotations

import pytest

from mailferry.migration.model import Authentication, Security
from mailferry.service import availability
from mailferry.service.availability import Availability, Problem, ServerSettings
from tests.servers.dovecot import Dovecot
from tests.servers.plugin import CourierFactory, DovecotFactory

HOST = "localhost"
NONE, SSL, TLS = Security.NONE, Security.SSL, Security.TLS


async def tried(server: Dovecot, security: Security, *, host: str = HOST, **more: bool) -> Availability:
    """Test the port that belongs to the security; trust the server's own authority."""
    port = server.tls_port if security is SSL else server.port
    where = ServerSettings(host, port, security, ca_file=str(server.ca_file))
    if more.get("accept"):
        where = ServerSettings(host, port, security, accept_untrusted_certificates=True, ca_file=str(server.ca_file))
    return await availability.test_server(where)


def states(found: Availability) -> dict[str, str]:
    return {step.name: step.state for step in found.steps}


@pytest.mark.parametrize("security", [SSL, TLS])
async def test_a_good_server_passes_and_its_certificate_is_told(dovecot: Dovecot, security: Security) -> None:
    found = await tried(dovecot, security)
    assert found.succeeded, found
    assert (found.message, found.error_detail, found.advice) == ("", "", ())
    assert set(states(found).values()) == {"passed"}
    certificate = found.certificate
    assert certificate is not None
    assert (certificate.subject, certificate.issuer) == ("localhost", "Test authority")
    assert certificate.names == ("localhost", "127.0.0.1")
    assert 28 <= certificate.expires_in_days <= 30
    assert certificate.problem is None
    assert found.step("tls").text.startswith("TLSv1.3, TLS_")
    assert "Dovecot" in found.step("greeting").text
    assert found.software == "Dovecot"
    assert found.mechanisms == ("LOGIN", "PLAIN")
    assert "127.0.0.1: connected" in found.step("tcp").text
    order = [step.name for step in found.steps]
    assert (
        order.index("tls") < order.index("greeting")
        if security is SSL
        else order.index("greeting") < order.index("tls")
    )


async def test_nothing_of_a_login_is_tried(dovecot_factory: DovecotFactory) -> None:
    server = dovecot_factory(mechanisms=("plain",))
    for security in Security:
        assert (await tried(server, security)).succeeded
    assert "auth failed" not in server.log_text()
    assert "by logging out (no auth attempts" in server.log_text()


async def test_plain_text_passes_with_a_word_about_starttls(dovecot: Dovecot, dovecot_factory: DovecotFactory) -> None:
    found = await tried(dovecot, NONE)
    assert found.succeeded
    assert states(found)["tls"] == "skipped"
    assert states(found)["capabilities"] == "warning"
    assert "use Security Tls" in found.advice[0]
    assert (await tried(dovecot_factory(tls=False), NONE)).advice == ()


@pytest.mark.parametrize("security", [SSL, TLS])
@pytest.mark.parametrize(
    ("kind", "problem", "word", "cure"),
    [
        ("expired", Problem.EXPIRED, "expired on 2020-02-01", "renew the certificate"),
        ("wrong-host", Problem.WRONG_NAME, "is for mail.elsewhere.example, not for localhost", "as RemoteServer"),
        ("self-signed", Problem.SELF_SIGNED, "self-signed", "public authority"),
    ],
)
async def test_a_bad_certificate_fails_with_its_facts_and_passes_if_accepted(
    dovecot_factory: DovecotFactory, security: Security, kind: str, problem: Problem, word: str, cure: str
) -> None:
    server = dovecot_factory(certificate=kind)
    found = await tried(server, security)
    assert found.result == "Failed"
    assert found.message == "The connection to the server 'localhost' could not be completed."
    assert found.error_detail.startswith("TLS negotiation failed: the certificate")
    assert word in found.error_detail
    assert cure in found.advice[0]
    assert states(found)["capabilities"] == "skipped"
    certificate = found.certificate
    assert certificate is not None
    assert certificate.problem is problem
    assert (certificate.expires_in_days < -2000) == (kind == "expired")

    found = await tried(server, security, accept=True)
    assert found.succeeded, found
    assert states(found)["tls"] == "warning"
    assert word in found.step("tls").text
    assert found.certificate == certificate
    assert "PLAIN" in found.mechanisms


@pytest.mark.parametrize("security", [SSL, TLS])
async def test_an_unknown_authority_is_named(dovecot: Dovecot, security: Security) -> None:
    port = dovecot.tls_port if security is SSL else dovecot.port
    found = await availability.test_server(ServerSettings(HOST, port, security))
    assert found.certificate is not None
    assert found.certificate.problem is Problem.UNKNOWN_ISSUER
    assert "'Test authority' is not known" in found.error_detail
    assert "intermediate certificates" in found.advice[0]


async def test_a_wrong_pair_of_port_and_security_is_told_the_right_one(
    dovecot: Dovecot, dovecot_factory: DovecotFactory
) -> None:
    for security in (NONE, TLS):
        found = await availability.test_server(ServerSettings(HOST, dovecot.tls_port, security), limit_seconds=5)
        assert found.error_detail == f"the server speaks TLS on port {dovecot.tls_port} from the first byte"
        assert found.advice == (f"Port {dovecot.tls_port} speaks TLS at once: use Security Ssl.",)
        assert list(states(found).values()) == ["passed", "passed", "failed", "skipped", "skipped"]
    found = await availability.test_server(ServerSettings(HOST, dovecot.port, SSL))
    assert f"port {dovecot.port} speaks IMAP, but not TLS from the first byte" in found.error_detail
    assert "offers STARTTLS: use Security Tls" in found.advice[0]
    bare = dovecot_factory(tls=False)
    found = await availability.test_server(ServerSettings(HOST, bare.port, SSL))
    assert "else Security None" in found.advice[0]


async def test_starttls_that_is_not_offered(dovecot_factory: DovecotFactory) -> None:
    found = await tried(dovecot_factory(tls=False), TLS)
    assert found.error_detail == "TLS negotiation failed: the server does not offer STARTTLS"
    assert "port 993 with Security Ssl" in found.advice[0]
    assert "None sends passwords and mail unprotected" in found.advice[0]


async def test_a_server_that_takes_no_password_without_tls(courier_factory: CourierFactory) -> None:
    server = courier_factory(capability="IMAP4rev1 NAMESPACE LOGINDISABLED", tls_required=True)
    found = await availability.test_server(ServerSettings(HOST, server.port, NONE))
    assert found.succeeded
    assert found.step("capabilities").state == "warning"
    assert "no password without TLS (LOGINDISABLED): use Security Tls" in found.advice[0]
    assert found.software == "Courier"


async def test_courier_by_each_security(courier_factory: CourierFactory) -> None:
    server = courier_factory()
    for port, security in ((server.port, TLS), (server.tls_port, SSL)):
        found = await availability.test_server(ServerSettings(HOST, port, security, ca_file=str(server.ca_file)))
        assert found.succeeded, found
        assert found.step("tls").state == "passed"


async def test_sasl_plain_that_is_wanted_and_not_offered(dovecot_factory: DovecotFactory) -> None:
    server = dovecot_factory(mechanisms=("login",))
    where = ServerSettings(HOST, server.tls_port, SSL, Authentication.PLAIN, ca_file=str(server.ca_file))
    found = await availability.test_server(where)
    assert found.succeeded
    assert "does not offer SASL PLAIN" in found.advice[0]
