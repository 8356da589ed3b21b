"""An endpoint that is not saved: the error says what the test found and what to do about it."""

from __future__ import annotations

import pytest

from mailferry.migration.model import EndpointRole, EndpointType, Security
from mailferry.service.endpoints import EndpointSettings
from mailferry.service.errors import EndpointUnavailable
from tests.servers.dovecot import Dovecot
from tests.unit.service.scene import Scene

UNTESTED = "Or save the endpoint untested with SkipVerification."


async def refusal(scene: Scene, kind: EndpointType, settings: EndpointSettings) -> EndpointUnavailable:
    """Give the error of an endpoint that cannot be saved."""
    with pytest.raises(EndpointUnavailable) as caught:
        await scene.endpoints.create("e", kind, EndpointRole.TARGET, settings)
    assert await scene.endpoints.all() == []
    assert caught.value.advice.endswith(f". {UNTESTED}")
    return caught.value


async def test_tls_where_the_server_begins_plain(scene: Scene, dovecot: Dovecot) -> None:
    settings = EndpointSettings(remote_server=dovecot.host, port=dovecot.port, security=Security.SSL)
    error = await refusal(scene, EndpointType.IMAP, settings)
    assert "TLS negotiation failed: " in error.detail
    assert "Security Tls" in error.advice


async def test_a_certificate_that_nobody_vouches_for(scene: Scene, dovecot: Dovecot) -> None:
    settings = EndpointSettings(remote_server=dovecot.host, port=dovecot.tls_port, security=Security.SSL)
    error = await refusal(scene, EndpointType.IMAP, settings)
    assert "TLS negotiation failed: " in error.detail
    assert "AcceptUntrustedCertificates" in error.advice


async def test_a_port_where_nobody_listens(scene: Scene, unused_tcp_port: int) -> None:
    settings = EndpointSettings(remote_server="127.0.0.1", port=unused_tcp_port, security=Security.NONE)
    error = await refusal(scene, EndpointType.IMAP, settings)
    assert "refused" in error.detail
    assert "port" in error.advice


async def test_a_folder_that_cannot_be_made(scene: Scene) -> None:
    in_the_way = scene.folder / "file"
    in_the_way.touch()
    error = await refusal(scene, EndpointType.MAILDIR, EndpointSettings(path=str(in_the_way / "below")))
    assert str(in_the_way / "below") in error.detail
    assert "Name a folder" in error.advice
