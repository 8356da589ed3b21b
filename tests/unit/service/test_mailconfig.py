"""The settings of the mail server, and its password, which nothing gives back."""

from __future__ import annotations

import pytest

from mailferry.api.answers import ConfigAnswer
from mailferry.api.schemas import ConfigFields
from mailferry.imap.values import Secret
from mailferry.migration.model import Security
from mailferry.service.errors import InvalidValue
from mailferry.store import secrets, settings
from tests.unit.service.scene import Scene

SERVER = {"smtp_server": "mail.contoso.com", "smtp_user": "ferry", "smtp_from": "Mailferry <ferry@contoso.com>"}


async def password(scene: Scene) -> str | None:
    """Give what is sealed."""
    server = await scene.config.mail_server()
    return server.password.reveal() if server else None


async def test_mails_are_off_unless_there_is_a_server(scene: Scene) -> None:
    assert await scene.config.mail_server() is None


async def test_the_password_is_sealed_and_never_shown(scene: Scene) -> None:
    config = await scene.config.change({**SERVER, "smtp_password": Secret("hush-hush")})
    assert "hush" not in repr(config)
    server = await scene.config.mail_server()
    assert server is not None
    assert (server.host, server.port, server.security, server.user) == (
        "mail.contoso.com",
        587,
        Security.TLS,
        "ferry",
    )
    assert server.password.reveal() == "hush-hush"
    assert "hush" not in repr(server)
    async with scene.database.connect() as connection:
        assert "hush" not in str(await settings.get_all(connection))
        sealed = await secrets.get(connection, "service", 0)
    assert sealed is not None
    assert b"hush" not in sealed
    assert b"hush" not in b"".join(path.read_bytes() for path in scene.folder.iterdir() if path.is_file())
    assert "smtp_password" not in ConfigAnswer.model_fields
    assert isinstance(ConfigFields.model_validate({"smtp_password": "x"}).changes()["smtp_password"], Secret)
    assert "hush" not in repr(ConfigFields.model_validate({"smtp_password": "hush"}))


async def test_a_password_goes_to_no_other_server_and_no_other_user(scene: Scene) -> None:
    await scene.config.change({**SERVER, "smtp_password": "one"})
    await scene.config.change({"smtp_port": 465, "smtp_security": "Ssl", "smtp_from": "x@contoso.com"})
    assert await password(scene) == "one"
    await scene.config.change({"smtp_server": "mail.contoso.com"})
    assert await password(scene) == "one", "nothing has changed"
    await scene.config.change({"smtp_server": "elsewhere.example"})
    assert await password(scene) == ""
    await scene.config.change({"smtp_server": "mail.contoso.com"})
    assert await password(scene) == "", "it is gone"
    await scene.config.change({"smtp_password": "two"})
    await scene.config.change({"smtp_user": "other"})
    assert await password(scene) == ""
    await scene.config.change({"smtp_user": "third", "smtp_password": "three"})
    assert await password(scene) == "three"
    await scene.config.change({"smtp_password": ""})
    assert await password(scene) == ""


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"smtp_server": "mail.contoso.com"}, "smtp_from"),
        ({"smtp_from": "nobody"}, "smtp_from"),
        ({"smtp_from": "a@contoso.com\r\nBcc: b@contoso.com"}, "smtp_from"),
        ({"smtp_server": "a b", "smtp_from": "a@contoso.com"}, "smtp_server"),
        ({"smtp_server": "user@host", "smtp_from": "a@contoso.com"}, "smtp_server"),
        ({"smtp_port": 0}, "smtp_port"),
        ({"smtp_port": 70_000}, "smtp_port"),
        ({"smtp_security": "Starttls"}, "smtp_security"),
        ({"smtp_user": "ferry", "smtp_security": "None"}, "smtp_security"),
        ({"smtp_user": "x" * 1_001}, "smtp_user"),
        ({"smtp_password": "pässword"}, "smtp_password"),
        ({"smtp_password": "a\r\nb"}, "smtp_password"),
    ],
)
async def test_what_cannot_be_used(scene: Scene, changes: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        await scene.config.change({**changes})
    assert caught.value.name == name
    assert "pässword" not in str(caught.value)
    assert await scene.config.mail_server() is None
