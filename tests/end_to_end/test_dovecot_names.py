"""Folder names between two real Dovecots: separators, prefixes, characters, special use, subscriptions, a root."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance import mails
from tests.faults.support import Copy, differences, messages, settings
from tests.servers.client import quoted
from tests.servers.dovecot import ADMIN, Dovecot
from tests.servers.mailboxes import Folder, Message, connect, encode_name, fill, snapshot
from tests.servers.plugin import DovecotFactory

NAMES = (
    *("Grüße", "中文/日本", "😀", "R&D", "100%", "a*b", 'say "hi"', "back\\slash", "trailing blank ", " leading"),
    *("a{5}", "x(y)", "[brackets]", "&AOk-", "NIL", "INBOX/below", "a/b/c/d/e", "#hash", "one.two", "comma,"),
)
ONE: list[Message] = messages(mails.tidy(1))


def pair(source: Dovecot, target: Dovecot, user: str, state: Path, folders: dict[Folder, list[Message]]) -> Copy:
    """A filled source and an empty target."""
    source.user(user)
    target.user(user)
    fill(source, user, folders)
    return Copy(settings(source.port, user), settings(target.port, user), state / "l.db")


async def test_names_of_all_kinds(dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path) -> None:
    source, target = dovecot_factory(store="mdbox"), dovecot_factory(store="sdbox")
    copy = pair(source, target, fresh_user, tmp_path, {name: messages(mails.tidy(2)) for name in NAMES})
    await copy.run()
    assert differences(snapshot(source, fresh_user), snapshot(target, fresh_user)) == []
    assert (await copy.run()).stats.total("copied") == 0


@pytest.mark.parametrize("options", [{"separator": "."}, {"separator": ".", "prefix": "INBOX."}])
async def test_another_separator_and_a_prefix(
    dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, options: dict[str, str]
) -> None:
    """A dot in a name cannot be one on a target that separates by dots; nothing is lost all the same."""
    source, target = dovecot_factory(store="mdbox"), dovecot_factory(**options)
    copy = pair(source, target, fresh_user, tmp_path, {name: messages(mails.tidy(2)) for name in NAMES})
    result = await copy.run()
    there, here = snapshot(source, fresh_user), snapshot(target, fresh_user)
    assert sum(map(len, there.values())) == sum(map(len, here.values()))
    altered = {name for name in there if name not in here}
    assert altered <= {("one.two",), ("#hash",), ("INBOX", "below")}, altered
    assert result.failed_folders == {}
    assert (await copy.run()).stats.total("copied") == 0
    back = dovecot_factory(store="sdbox")
    back.user(fresh_user)
    again = Copy(settings(target.port, fresh_user), settings(back.port, fresh_user), tmp_path / "back.db")
    await again.run()
    assert differences(here, snapshot(back, fresh_user)) == []


async def test_long_names_and_names_that_differ_in_case(
    dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path
) -> None:
    source, target = dovecot_factory(store="mdbox"), dovecot_factory(store="sdbox")
    names = ("L" * 200, "ö" * 60, "Work", "work", "WORK")
    copy = pair(source, target, fresh_user, tmp_path, {name: messages(mails.tidy(2)) for name in names})
    result = await copy.run()
    here = snapshot(target, fresh_user)
    assert result.failed_folders == {}
    assert sum(map(len, here.values())) == 2 * len(names)
    assert (await copy.run()).stats.total("copied") == 0


async def test_empty_folders_and_parents_that_cannot_be_selected(
    dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path
) -> None:
    source, target = dovecot_factory(separator="."), dovecot_factory(store="mdbox")
    copy = pair(source, target, fresh_user, tmp_path, {"Only.Parents.Here": ONE, "Empty": [], "Empty.Below": []})
    await copy.run()
    here = snapshot(target, fresh_user)
    assert {("Only", "Parents", "Here"), ("Empty",), ("Empty", "Below")} <= here.keys()
    assert differences(snapshot(source, fresh_user), here) == []


async def test_subscriptions_follow(dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path) -> None:
    source, target = dovecot_factory(store="mdbox"), dovecot_factory(separator=".")
    copy = pair(source, target, fresh_user, tmp_path, dict.fromkeys(("A", "B/C", "Ünter", "Not"), ONE))
    with connect(source, fresh_user) as client:
        for name in ("A", "B/C", "Ünter"):
            client.command(b"SUBSCRIBE " + quoted(encode_name(name)))
    await copy.run()
    with connect(target, fresh_user) as client:
        lines = client.command(b'LSUB "" "*"').named(b"LSUB")
    assert sorted(line.split(b'"." ')[1].strip(b'"') for line in lines) == [b"&ANw-nter", b"A", b"B.C"]


@pytest.mark.parametrize("listing", [(), ("LIST-EXTENDED", "LIST-STATUS")])
async def test_special_use_meets_special_use(
    dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, listing: tuple[str, ...]
) -> None:
    """German names on the source, by attribute or by name; the target has its own."""
    source = dovecot_factory(without=listing)
    target = dovecot_factory(store="mdbox", special_use="create")
    folders: dict[Folder, list[Message]] = {
        "Gesendete Objekte": messages(mails.tidy(3)),
        "Papierkorb": ONE,
        "Entwürfe": ONE,
    }
    copy = pair(source, target, fresh_user, tmp_path, folders)
    await copy.run()
    here = snapshot(target, fresh_user)
    assert {name: len(found) for name, found in here.items() if found} == {("Sent",): 3, ("Trash",): 1, ("Drafts",): 1}


async def test_an_admin_reads_below_a_user_root(
    dovecot_factory: DovecotFactory, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    """Only the user's folders are read, and nothing of the admin's own."""
    source = dovecot_factory(shared=True)
    source.user(ADMIN)
    copy = pair(source, dovecot_mdbox, fresh_user, tmp_path, {"INBOX": messages(mails.tidy(2)), "Sent/2024": ONE})
    fill(source, ADMIN, {"INBOX": messages(mails.twins()), "Private": ONE})
    copy.source = replace(copy.source, user=ADMIN, user_root=f"/users/{fresh_user}")
    await copy.run()
    assert differences(snapshot(source, fresh_user), snapshot(dovecot_mdbox, fresh_user)) == []
