"""Opening a mailbox on a real Dovecot: TLS that holds or ends it, logins, and errors that say who must act."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailferry import errors
from mailferry.backends.imap_session import Session
from mailferry.errors import Side
from tests.faults.proxy import Proxy
from tests.faults.support import settings
from tests.servers.dovecot import ADMIN, Dovecot
from tests.servers.plugin import DovecotFactory


async def opened(where: Any) -> Session:
    """Log in, look, log out."""
    session = await Session.open(where, Side.SOURCE)
    await session.client.logout()
    return session


@pytest.mark.parametrize("security", ["tls", "ssl"])
@pytest.mark.parametrize("kind", ["expired", "wrong-host", "self-signed"])
async def test_a_bad_certificate_ends_it(
    dovecot_factory: DovecotFactory, fresh_user: str, kind: str, security: str
) -> None:
    server = dovecot_factory(certificate=kind)
    server.user(fresh_user)
    port = server.tls_port if security == "ssl" else server.port
    where = settings(port, fresh_user, security=security, ca_file=str(server.ca_file))
    with pytest.raises(errors.TlsFailed) as caught:
        await opened(where)
    assert caught.value.retry is errors.Retry.AFTER_REPAIR
    session = await opened(replace(where, accept_untrusted=True))
    assert session.client.encrypted


@pytest.mark.parametrize("security", ["tls", "ssl"])
async def test_an_unknown_authority_ends_it(dovecot: Dovecot, fresh_user: str, security: str) -> None:
    dovecot.user(fresh_user)
    port = dovecot.tls_port if security == "ssl" else dovecot.port
    with pytest.raises(errors.TlsFailed):
        await opened(settings(port, fresh_user, security=security))


async def test_starttls_that_is_not_offered_ends_it_before_the_password(
    dovecot_factory: DovecotFactory, fresh_user: str
) -> None:
    server = dovecot_factory(tls=False)
    server.user(fresh_user)
    with pytest.raises(errors.TlsFailed, match="STARTTLS"):
        await opened(settings(server.port, fresh_user, security="tls"))
    assert f"user=<{fresh_user}>" not in server.log_text()


async def test_starttls_that_is_refused_or_preceded_by_data_ends_it(dovecot: Dovecot, fresh_user: str) -> None:
    dovecot.user(fresh_user)
    for answer in (b"{tag} NO not now\r\n", b"{tag} OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"):
        async with Proxy(dovecot.port) as proxy:
            proxy.answer(rb"^\S+ STARTTLS", answer)
            with pytest.raises(errors.TlsFailed):
                await opened(settings(proxy.port, fresh_user, security="tls", ca_file=str(dovecot.ca_file)))


async def test_tls_on_a_plain_port_is_a_tls_error(dovecot: Dovecot, fresh_user: str) -> None:
    with pytest.raises(errors.TlsFailed):
        await opened(settings(dovecot.port, fresh_user, security="ssl"))


@pytest.mark.parametrize(
    ("user", "password", "authzid"),
    [("{}", "wrong", ""), ("nobody", "secret", ""), ("{}*mailadmin", "wrong", ""), (ADMIN, "wrong", "{}")],
)
async def test_a_wrong_password_is_said_after_one_try(
    dovecot: Dovecot, fresh_user: str, user: str, password: str, authzid: str
) -> None:
    dovecot.user(fresh_user)
    async with Proxy(dovecot.port) as proxy:
        where = settings(proxy.port, user.format(fresh_user), password, authzid=authzid.format(fresh_user))
        with pytest.raises(errors.LoginFailed) as caught:
            await opened(where)
        assert proxy.connections == 1
    assert password not in str(caught.value)
    assert caught.value.side is Side.SOURCE


async def test_a_server_that_is_not_there(fresh_user: str, dovecot: Dovecot) -> None:
    async with Proxy(dovecot.port) as proxy:
        port = proxy.port
    with pytest.raises(errors.ConnectFailed):
        await opened(settings(port, fresh_user))


async def test_too_many_connections_is_a_matter_of_patience(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    server = dovecot_factory(max_connections=1)
    server.user(fresh_user)
    first = await Session.open(settings(server.port, fresh_user), Side.SOURCE)
    with pytest.raises(errors.ServerBusy):
        await opened(settings(server.port, fresh_user))
    await first.client.logout()


@pytest.mark.parametrize("mechanism", ["", "PLAIN", "LOGIN"])
async def test_mechanisms(dovecot: Dovecot, fresh_user: str, mechanism: str) -> None:
    dovecot.user(fresh_user, 'p "ä\\ {5}')
    await opened(settings(dovecot.port, fresh_user, 'p "ä\\ {5}', mechanism=mechanism))


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_tokens(dovecot_factory: DovecotFactory, fresh_user: str, mechanism: str) -> None:
    server = dovecot_factory(oauth2=True)
    server.user(fresh_user)
    await opened(settings(server.port, fresh_user, server.token(fresh_user), mechanism=mechanism))
    expired = server.token(fresh_user, lifetime_seconds=-60)
    with pytest.raises(errors.LoginFailed):
        await opened(settings(server.port, fresh_user, expired, mechanism=mechanism))
