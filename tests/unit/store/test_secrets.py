from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mailferry.store import batches, endpoints, secrets, users
from mailferry.store.database import Database
from mailferry.store.errors import KeyUnusable
from mailferry.store.secrets import Keyring
from mailferry.store.users import NewUser
from tests.unit.store.scene import Scene

PASSWORD = "Pa55 wörd ' \" \\ \0 😀"


def revealed(keyring: Keyring, token: bytes | None) -> dict[str, str]:
    assert token is not None
    return {name: secret.reveal() for name, secret in keyring.unseal(token).items()}


def test_a_key_is_made_for_this_account_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "key"
    Keyring.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]


def test_what_was_sealed_is_given_back(tmp_path: Path) -> None:
    keyring = Keyring.open(tmp_path / "key")
    token = keyring.seal({"password": PASSWORD, "target": ""})
    assert revealed(Keyring.open(tmp_path / "key"), token) == {"password": PASSWORD, "target": ""}
    assert PASSWORD not in str(keyring.unseal(token))
    assert token != keyring.seal({"password": PASSWORD, "target": ""})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    Keyring.open(path)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        Keyring.open(path)


@pytest.mark.parametrize("content", ["", "\n", "not-a-key", "ä" * 44])
def test_a_file_without_keys_is_refused_and_not_quoted(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable) as caught:
        Keyring.open(path)
    assert "not-a-key" not in str(caught.value)
    assert path.read_text() == content


def test_a_key_that_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyUnusable):
        Keyring.open(tmp_path / "file" / "key")


def test_old_keys_unseal_and_the_newest_seals(tmp_path: Path) -> None:
    path = tmp_path / "key"
    keyring = Keyring.open(path)
    old = keyring.seal({"password": PASSWORD})
    before = path.read_text()
    keyring.rotate()
    assert path.read_text().endswith(before)
    assert path.read_text().count("\n") == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    new = keyring.seal({"password": "new"})
    again = Keyring.open(path)
    assert revealed(again, old) == {"password": PASSWORD}
    assert revealed(again, new) == {"password": "new"}
    moved = again.reseal(old)
    again.forget_old_keys()
    assert revealed(Keyring.open(path), moved) == {"password": PASSWORD}
    with pytest.raises(KeyUnusable):
        again.unseal(old)


def test_another_key_or_a_changed_token_opens_nothing(tmp_path: Path) -> None:
    token = Keyring.open(tmp_path / "one").seal({"password": PASSWORD})
    other = Keyring.open(tmp_path / "two")
    for wrong in (token, token[:-1], b"", b"\xff" * 100):
        with pytest.raises(KeyUnusable):
            other.unseal(wrong)
        with pytest.raises(KeyUnusable):
            other.reseal(wrong)


async def test_secrets_are_put_replaced_and_deleted(database: Database) -> None:
    async with database.begin() as connection:
        assert await secrets.get(connection, "endpoint", 5) is None
        await secrets.put(connection, "endpoint", 5, b"one")
        await secrets.put(connection, "user", 5, b"other")
        await secrets.put(connection, "endpoint", 5, b"\x00two")
        assert await secrets.get(connection, "endpoint", 5) == b"\x00two"
        await secrets.delete(connection, "endpoint", 5)
        assert await secrets.get(connection, "endpoint", 5) is None
        assert await secrets.get(connection, "user", 5) == b"other"


async def test_everything_is_sealed_anew(database: Database, tmp_path: Path) -> None:
    keyring = Keyring.open(tmp_path / "key")
    owners: list[tuple[secrets.Owner, int]] = [("user", n) for n in range(1, 1502)]
    owners += [("endpoint", 1), ("endpoint", 2)]
    async with database.begin() as connection:
        for owner, number in owners:
            await secrets.put(connection, owner, number, keyring.seal({"password": f"{owner}{number}"}))
        keyring.rotate()
        assert await secrets.reseal_all(connection, keyring) == len(owners)
    keyring.forget_old_keys()
    async with database.connect() as connection:
        for owner, number in owners[:3] + owners[-3:]:
            token = await secrets.get(connection, owner, number)
            assert revealed(keyring, token) == {"password": f"{owner}{number}"}


async def test_no_password_is_in_the_files_of_the_database(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    database = await Database.open(f"sqlite+aiosqlite:///{folder}/service.db")
    keyring = Keyring.open(tmp_path / "key")
    scene = await Scene.make(database)
    await scene.add([NewUser("a@example.org", "name-of-a", secret_token=keyring.seal({"p": "Plain-Pass-1"}))])
    async with database.begin() as connection:
        await secrets.put(connection, "endpoint", scene.source.id, keyring.seal({"p": "Plain-Pass-2"}))
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"name-of-a" in content
    assert b"Plain-Pass" not in content
    assert keyring.seal({})[:10] in content  # the tokens are there
    await database.close()


async def test_the_secrets_of_a_batch_go_with_its_users(database: Database, tmp_path: Path) -> None:
    keyring = Keyring.open(tmp_path / "key")
    scene = await Scene.make(database)
    first, second = await scene.add(
        [NewUser(f"{name}@example.org", name, secret_token=keyring.seal({"p": name})) for name in ("a", "b")]
    )
    async with database.begin() as connection:
        assert revealed(keyring, await secrets.get(connection, "user", second)) == {"p": "b"}
        await users.delete_many(connection, [first, second])
        await batches.delete(connection, scene.batch.id)
        await endpoints.delete(connection, scene.source.id)
        assert await secrets.get(connection, "user", first) is None
        assert await secrets.get(connection, "user", second) is None
