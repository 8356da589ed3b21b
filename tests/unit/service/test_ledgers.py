"""Ledgers of users: their keys, and how they are forgotten, in files and in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select

from mailferry.backends.registry import Location
from mailferry.imap.values import Secret
from mailferry.migration.model import User
from mailferry.migration.states import UserStatus
from mailferry.service.ledgers import Ledgers
from mailferry.store.database import Database
from mailferry.store.schema import LEDGER

SOURCE = Location("imap", host="imap.contoso.com", port=993, user="ann", password=Secret("of ann"))
TARGET = Location("maildir", path="/mailboxes/ann")
ANN = User(1, "0a1b%_-ann", 1, "b", 1, "ann@contoso.com", "ann", UserStatus.REMOVING)
OTHERS = [replace(ANN, guid=guid) for guid in ("0a1bXX-ann", "0a1b%_-an", "0a1b%_-ann2")]


async def fill(ledgers: Ledgers, users: list[User]) -> None:
    """Give each user a ledger; one of a server that was left too."""
    for user in users:
        for source in (SOURCE, replace(SOURCE, host="old.contoso.com")):
            ledger = await ledgers.of(user)
            await ledger.open_pair(*ledgers.keys(user, source, TARGET), 60.0)
            await ledger.close()


async def test_files_are_forgotten(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path}/service.db")
    ledgers = Ledgers(database, tmp_path / "ledgers")
    await fill(ledgers, [ANN, *OTHERS])
    assert (tmp_path / "ledgers" / "0a").stat().st_mode & 0o077 == 0
    for _ in range(2):  # again, as after a crash
        await ledgers.remove([ANN])
        left = {path.name.partition(".db")[0] for path in (tmp_path / "ledgers").rglob("*.db*")}
        assert left == {user.guid for user in OTHERS}
    await ledgers.remove([ANN, *OTHERS])
    assert not list((tmp_path / "ledgers").rglob("*.db*"))
    await database.close()


async def test_rows_are_forgotten(postgres_database: str, tmp_path: Path) -> None:
    database = await Database.open(postgres_database)
    ledgers = Ledgers(database, tmp_path / "ledgers")
    await fill(ledgers, [ANN, *OTHERS])
    for _ in range(2):
        await ledgers.remove([ANN])
        assert await pairs(database) == 2 * len(OTHERS)
    await ledgers.remove(OTHERS)
    assert await pairs(database) == 0
    assert not (tmp_path / "ledgers").exists()
    await database.close()


async def pairs(database: Database) -> int:
    """Count what is left."""
    async with database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(LEDGER.pair))).scalar_one()


def test_the_keys_name_the_user_and_both_mailboxes_and_no_secret(tmp_path: Path) -> None:
    ledgers = Ledgers(Database.__new__(Database), tmp_path)
    keys = ledgers.keys(ANN, SOURCE, TARGET)
    assert keys[0].startswith(f"{ANN.guid} ")
    assert "of ann" not in "".join(keys)
    others = [
        ledgers.keys(OTHERS[0], SOURCE, TARGET),
        ledgers.keys(ANN, replace(SOURCE, host="new.contoso.com"), TARGET),
        ledgers.keys(ANN, replace(SOURCE, user_root="/users/ann"), TARGET),
        ledgers.keys(ANN, SOURCE, replace(TARGET, path="/elsewhere")),
    ]
    assert len({keys, *others}) == 5
