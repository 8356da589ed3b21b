"""Endpoints: defaults, what is refused, the test before one is saved, the default target, secrets."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from mailferry.imap.values import Secret
from mailferry.migration.model import Authentication, EndpointRole, EndpointType, Security
from mailferry.service.endpoints import EndpointSettings
from mailferry.service.errors import AlreadyExists, EndpointUnavailable, InUse, InvalidValue, NotFound
from mailferry.store import secrets
from tests.servers.dovecot import Dovecot
from tests.unit.service.scene import Scene

IMAP, MAILDIR = EndpointType.IMAP, EndpointType.MAILDIR
SOURCE, TARGET = EndpointRole.SOURCE, EndpointRole.TARGET


async def test_what_is_not_given_has_its_default(scene: Scene) -> None:
    made = await scene.source(" IMAPEndpoint ", remote_server="imap.contoso.com.")
    assert (made.name, made.remote_server) == ("IMAPEndpoint", "imap.contoso.com")
    assert (made.port, made.security, made.authentication) == (993, Security.SSL, Authentication.BASIC)
    assert (made.max_migrations, made.max_incremental_syncs, made.max_per_login) == (20, 10, 8)
    assert not made.accept_untrusted_certificates
    assert not made.is_default
    assert await scene.endpoints.get("imapENDPOINT") == await scene.endpoints.get(made.guid) == made


@pytest.mark.parametrize(("security", "port"), [(Security.SSL, 993), (Security.TLS, 143), (Security.NONE, 143)])
async def test_the_port_is_the_usual_one_and_follows_the_security(scene: Scene, security: Security, port: int) -> None:
    assert (await scene.source("given", security=security)).port == port
    await scene.source("changed")
    change = EndpointSettings(security=security)
    assert (await scene.endpoints.change("changed", change, skip_verification=True)).port == port
    await scene.source("own", port=1993)
    assert (await scene.endpoints.change("own", change, skip_verification=True)).port == 1993


REFUSED: list[tuple[EndpointType, EndpointRole, dict[str, Any], str]] = [
    (IMAP, SOURCE, {}, "remote_server"),
    (IMAP, SOURCE, {"remote_server": "imap contoso"}, "remote_server"),
    (IMAP, SOURCE, {"remote_server": "imaps://imap.contoso.com"}, "remote_server"),
    (IMAP, SOURCE, {"remote_server": "terry@contoso.com"}, "remote_server"),
    (IMAP, SOURCE, {"remote_server": "imap.contoso.com:993"}, "remote_server"),
    (IMAP, SOURCE, {"remote_server": "imap", "port": 0}, "port"),
    (IMAP, SOURCE, {"remote_server": "imap", "port": 65_536}, "port"),
    (IMAP, SOURCE, {"remote_server": "imap", "max_concurrent_migrations": 0}, "max_concurrent_migrations"),
    (IMAP, SOURCE, {"remote_server": "imap", "max_concurrent_migrations": 301}, "max_concurrent_migrations"),
    (IMAP, SOURCE, {"remote_server": "imap", "max_connections_per_login": 0}, "max_connections_per_login"),
    (
        IMAP,
        SOURCE,
        {"remote_server": "imap", "max_concurrent_migrations": 5, "max_concurrent_incremental_syncs": 6},
        "max_concurrent_incremental_syncs",
    ),
    (IMAP, SOURCE, {"remote_server": "imap", "is_default": True}, "is_default"),
    (IMAP, SOURCE, {"remote_server": "imap", "user_template": "{user}*a"}, "user_template"),
    (IMAP, SOURCE, {"remote_server": "imap", "admin_user": "a"}, "user_template"),
    (IMAP, SOURCE, {"remote_server": "imap", "password": Secret("p")}, "user_template"),
    (IMAP, TARGET, {"remote_server": "imap", "user_template": "mailadmin"}, "user_template"),
    (IMAP, TARGET, {"remote_server": "imap", "user_template": "{user"}, "user_template"),
    (IMAP, TARGET, {"remote_server": "imap", "user_template": "{user.__class__}"}, "user_template"),
    (IMAP, TARGET, {"remote_server": "imap", "user_template": "{0}"}, "user_template"),
    (IMAP, TARGET, {"remote_server": "imap", "user_template": "{user}*a"}, "password"),
    (IMAP, TARGET, {"remote_server": "imap", "admin_user": "a"}, "password"),
    (MAILDIR, SOURCE, {"path": "/tmp/x"}, "type"),
    (MAILDIR, TARGET, {}, "path"),
]


@pytest.mark.parametrize(("kind", "role", "given", "field"), REFUSED)
async def test_a_value_that_cannot_be_used(
    scene: Scene, kind: EndpointType, role: EndpointRole, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as caught:
        await scene.endpoints.create("e", kind, role, EndpointSettings(**given), skip_verification=True)
    assert caught.value.name == field
    assert await scene.endpoints.all() == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 257])
async def test_a_name_that_cannot_be_used(scene: Scene, name: str) -> None:
    with pytest.raises(InvalidValue):
        await scene.source(name)


@pytest.mark.parametrize("address", ["::1", "2001:db8::25", "192.0.2.1"])
async def test_an_address_may_stand_for_the_name_of_a_server(scene: Scene, address: str) -> None:
    assert (await scene.source(remote_server=address)).remote_server == address


async def test_limits_that_change(scene: Scene) -> None:
    await scene.source(max_concurrent_migrations=5)
    assert (await scene.endpoints.get("source")).max_incremental_syncs == 5, "never more than all together"
    changed = await scene.endpoints.change("source", EndpointSettings(max_concurrent_migrations=300))
    assert (changed.max_migrations, changed.max_incremental_syncs) == (300, 5)
    with pytest.raises(InvalidValue):
        await scene.endpoints.change("source", EndpointSettings(max_concurrent_incremental_syncs=301))


async def test_a_name_is_taken_once_in_any_case(scene: Scene) -> None:
    await scene.source("Old")
    with pytest.raises(AlreadyExists):
        await scene.target("oLD")
    for name in ("none", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(NotFound):
            await scene.endpoints.get(name)


async def test_one_default_target(scene: Scene) -> None:
    first = await scene.archive("first")
    await scene.archive("second", is_default=False)
    await scene.endpoints.change("second", EndpointSettings(is_default=True))
    assert [endpoint.name for endpoint in await scene.endpoints.all() if endpoint.is_default] == ["second"]
    with pytest.raises(InUse, match="default target"):
        await scene.endpoints.remove("second")
    with pytest.raises(InvalidValue) as caught:
        await scene.endpoints.change("second", EndpointSettings(is_default=False))
    assert caught.value.name == "is_default"
    await scene.endpoints.remove(first.guid)
    assert [endpoint.name for endpoint in await scene.endpoints.all(role=TARGET, type=MAILDIR)] == ["second"]


async def test_an_endpoint_in_use_stays(scene: Scene) -> None:
    await scene.places()
    for number in range(7):
        await scene.batch(f"ann{number}", name=f"batch {number}")
    for name in ("source", "archive"):
        with pytest.raises(InUse, match=r"used by batch 0, .*batch 4 and more"):
            await scene.endpoints.remove(name)
    await scene.source("idle")
    await scene.endpoints.remove("idle")


async def test_a_server_that_does_not_answer_is_not_saved(scene: Scene, unused_tcp_port: int, dovecot: Dovecot) -> None:
    gone = EndpointSettings(remote_server="127.0.0.1", port=unused_tcp_port, security=Security.NONE)
    with pytest.raises(EndpointUnavailable, match="refused"):
        await scene.endpoints.create("e", IMAP, SOURCE, gone)
    assert await scene.endpoints.all() == []
    there = EndpointSettings(remote_server=dovecot.host, port=dovecot.port, security=Security.NONE)
    await scene.endpoints.create("e", IMAP, SOURCE, there)
    assert (await scene.endpoints.test("e")).result == "Success"
    with pytest.raises(EndpointUnavailable):
        await scene.endpoints.change("e", gone)
    assert (await scene.endpoints.get("e")).port == dovecot.port
    await scene.endpoints.change("e", gone, skip_verification=True)
    limits_only = EndpointSettings(max_concurrent_migrations=3)
    assert (await scene.endpoints.change("e", limits_only)).max_migrations == 3, "the connection is as it was"
    assert (await scene.endpoints.test("e")).result == "Failed"


async def test_a_folder_that_cannot_be_written_is_not_saved(scene: Scene) -> None:
    in_the_way = scene.folder / "file"
    in_the_way.touch()
    with pytest.raises(EndpointUnavailable, match="cannot be used"):
        await scene.endpoints.create("e", MAILDIR, TARGET, EndpointSettings(path=str(in_the_way / "below")))
    await scene.archive("mailboxes")
    assert os.stat(scene.folder / "mailboxes").st_mode & 0o077 == 0, "mail is nobody else's"


async def test_the_password_of_an_administrator(scene: Scene) -> None:
    made = await scene.target(admin_user="mailadmin", password="first pass")
    assert await sealed(scene, made.id) == "first pass"
    await scene.endpoints.change("target", EndpointSettings(max_concurrent_migrations=3), skip_verification=True)
    assert await sealed(scene, made.id) == "first pass"
    await scene.endpoints.change(
        "target", EndpointSettings(password=Secret("P@ss of mailadmin")), skip_verification=True
    )
    assert await sealed(scene, made.id) == "P@ss of mailadmin"
    assert b"P@ss of mailadmin" not in b"".join(path.read_bytes() for path in scene.folder.glob("service.db*"))
    await scene.endpoints.change("target", EndpointSettings(admin_user=""), skip_verification=True)
    assert await sealed(scene, made.id) is None, "users log in themselves; nothing is kept in vain"
    await scene.endpoints.remove("target")
    assert await sealed(scene, made.id) is None


async def sealed(scene: Scene, endpoint_id: int) -> str | None:
    """Give the stored password of an endpoint."""
    async with scene.database.connect() as connection:
        token = await secrets.get(connection, "endpoint", endpoint_id)
    return None if token is None else scene.keyring.unseal(token)["password"].reveal()


async def test_of_several_that_are_made_at_once_one_is(scene: Scene) -> None:
    made = await asyncio.gather(*(scene.source(name) for name in ("E", "e", "E")), return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in made) == 1
    refused = [one for one in made if isinstance(one, BaseException)]
    assert [type(one) for one in refused] == [AlreadyExists, AlreadyExists], refused
