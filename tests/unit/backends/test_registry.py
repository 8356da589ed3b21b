from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.backends import registry
from mailferry.backends.imap_lane import Proof
from mailferry.backends.imap_target import ImapTarget
from mailferry.backends.registry import Location, mailbox_key, mailbox_lock_name
from mailferry.errors import ConnectFailed, RootNotFound, Side
from mailferry.imap.values import Secret

IMAP = Location("imap", host="imap.contoso.com", port=993, user="terry", password=Secret("hunter2"))


async def test_the_key_is_known_before_a_maildir_is_opened(tmp_path: Path) -> None:
    location = Location("maildir", path=str(tmp_path / "box"))
    target = await registry.open_target(location)
    try:
        assert target.key == mailbox_key(location)
    finally:
        await target.close()
    reader = await registry.open_reader(location, Side.SOURCE)
    try:
        assert reader.key == mailbox_key(location)
    finally:
        await reader.close()


def test_keys_tell_mailboxes_apart(tmp_path: Path) -> None:
    others = [
        Location("imap", host="imap.contoso.com", port=143, user="terry"),
        Location("imap", host="imap.contoso.com", port=993, user="ann"),
        Location("imap", host="imap.contoso.com", port=993, user="terry", authzid="ann"),
        Location("imap", host="imap.contoso.com", port=993, user="terry", user_root="/a"),
        Location("maildir", path=str(tmp_path)),
    ]
    assert len({mailbox_key(location) for location in [IMAP, *others]}) == 6


def test_one_maildir_has_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "box")
    keys = {mailbox_key(Location("maildir", path=path)) for path in ("box", "./box/", "link", str(tmp_path / "box"))}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("location", "text", "where"),
    [
        (IMAP, "imaps://terry@imap.contoso.com", "imap.contoso.com:993"),
        (
            Location("imap", host="::1", port=11143, security="none", user="terry"),
            "imap://terry@[::1]:11143",
            "[::1]:11143",
        ),
        (
            Location("imap", host="h", port=143, security="tls", user="admin", authzid="terry", user_root="/u"),
            "imap+tls://terry as admin@h/u",
            "h:143",
        ),
        (Location("maildir", path="./box"), "maildir:./box", "./box"),
    ],
)
def test_locations_for_people(location: Location, text: str, where: str) -> None:
    assert (str(location), location.where) == (text, where)


def test_no_secret_is_printed() -> None:
    assert "hunter2" not in f"{IMAP} {IMAP!r} {mailbox_key(IMAP)}"


async def test_errors_of_a_maildir_have_the_side(tmp_path: Path) -> None:
    with pytest.raises(RootNotFound) as caught:
        await registry.open_reader(Location("maildir", path=str(tmp_path / "none")), Side.TARGET)
    assert caught.value.side in (Side.SOURCE, Side.TARGET)


async def test_errors_of_a_server_have_the_side() -> None:
    nowhere = Location("imap", host="127.0.0.1", port=1, security="none", user="terry", timeout_seconds=5.0)
    for side in (Side.SOURCE, Side.TARGET):
        with pytest.raises(ConnectFailed) as caught:
            await registry.open_reader(nowhere, side)
        assert caught.value.side is side


def test_a_maildir_says_what_it_does_before_it_exists(tmp_path: Path) -> None:
    features = registry.features_before_it_exists(Location("maildir", path=str(tmp_path / "none")))
    assert features is not None
    assert features.name == "Maildir"
    assert registry.features_before_it_exists(IMAP) is None


async def test_a_bad_append_is_remembered_over_connections_and_proofs_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs: list[Proof] = []

    async def fake_open(*_: object, proof: Proof) -> None:
        proofs.append(proof)

    monkeypatch.setattr(ImapTarget, "open", fake_open)
    opener = registry.target_opener(IMAP)
    await opener()
    proofs[0].form = True
    proofs[0].folders.add(b"INBOX")
    await opener()
    assert (proofs[1].broken, proofs[1].form, proofs[1].folders) == (False, False, set())
    proofs[1].broken = True
    await opener()
    await opener()
    assert [proof.broken for proof in proofs] == [False, True, True, True]


def test_other_spellings_of_a_mailbox_share_a_lock() -> None:
    plain = Location("imap", host="mail.contoso.com", port=993, user="terry")
    for other in (
        Location("imap", host="MAIL.contoso.com", port=143, user="Terry"),
        Location("imap", host="mail.contoso.com", port=993, user="terry*mailadmin"),
        Location("imap", host="mail.contoso.com", port=993, user="mailadmin", authzid="terry"),
    ):
        assert mailbox_lock_name(other) == mailbox_lock_name(plain)
    assert mailbox_lock_name(Location("imap", host="mail.contoso.com", port=993, user="ann")) != mailbox_lock_name(
        plain
    )
