"""Whole passes between two real Dovecots: what arrives is what was there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailferry.imap.values import Secret
from tests.conformance import mails
from tests.faults.support import Copy, differences, disordered, messages, settings
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Folder, Message, connect, fill, snapshot, write_maildir
from tests.servers.plugin import DovecotFactory

FLAGS = (
    (),
    ("\\Seen",),
    ("\\Seen", "\\Answered"),
    ("\\Flagged", "Work"),
    ("\\Draft",),
    ("$Forwarded", "NonJunk"),
    ("\\Deleted",),
)


def mailbox() -> dict[Folder, list[Message]]:
    """Folders of all kinds of mail."""
    return {
        "INBOX": messages(mails.corpus(), FLAGS),
        "Sent": messages([*mails.twins(), *mails.twins()]),
        "Clients/2024 ü": messages([*mails.tidy(30), mails.sized(7, 65_536), mails.sized(8, 65_537)], FLAGS),
        "Empty": [],
    }


async def copied(source: Dovecot, target: Dovecot, user: str, state: Path, **more: object) -> Copy:
    """Copy once and check the content; copy again and check that nothing is."""
    target.user(user)
    copy = Copy(settings(source.port, user), settings(target.port, user), state / "ledger.db")
    copy.target = replace(copy.target, **more)  # type: ignore[arg-type]  # the caller names fields
    result = await copy.run()
    there, here = snapshot(source, user), snapshot(target, user)
    assert differences(there, here) == []
    assert disordered(there, here) == []
    assert result.clean, result.exceptions
    again = await copy.run()
    assert again.stats.total("copied") == 0
    assert differences(there, snapshot(target, user)) == []
    return copy


@pytest.mark.parametrize("store", ["maildir", "mdbox"])
@pytest.mark.parametrize("security", ["none", "tls", "ssl"])
async def test_all_kinds_of_mail(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, store: str, security: str
) -> None:
    target = dovecot_factory(store=store, separator=".")
    dovecot.user(fresh_user)
    fill(dovecot, fresh_user, mailbox(), subscribe=True)
    port = target.tls_port if security == "ssl" else target.port
    ca_file = str(target.ca_file) if security != "none" else None
    await copied(dovecot, target, fresh_user, tmp_path, port=port, security=security, ca_file=ca_file)


WITHOUT: dict[str, dict[str, tuple[str, ...]]] = {
    "LITERAL+": {"without": ("LITERAL+",)},
    "LITERAL- only": {"without": ("LITERAL+",), "announce": ("LITERAL-",)},
    "UIDPLUS": {"without": ("UIDPLUS",)},
    "MULTIAPPEND": {"without": ("MULTIAPPEND",)},
    "MULTIAPPEND, UIDPLUS": {"without": ("MULTIAPPEND", "UIDPLUS")},
    "MULTIAPPEND, LITERAL+": {"without": ("MULTIAPPEND", "LITERAL+")},
    "CONDSTORE": {"without": ("CONDSTORE", "QRESYNC")},
    "NAMESPACE": {"without": ("NAMESPACE",)},
    "LIST-STATUS": {"without": ("LIST-STATUS",)},
    "LIST-EXTENDED": {"without": ("LIST-EXTENDED", "LIST-STATUS")},
    "all of them": {
        "without": (
            *("LITERAL+", "UIDPLUS", "MULTIAPPEND", "CONDSTORE", "QRESYNC", "NAMESPACE", "LIST-STATUS"),
            *("LIST-EXTENDED", "SASL-IR", "ID", "ENABLE", "UNSELECT", "ESEARCH"),
        )
    },
}


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("name", WITHOUT)
async def test_a_capability_less(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, name: str, side: str
) -> None:
    if side == "source" and "APPEND" in name:
        name = "all of them"
    lesser = dovecot_factory(**WITHOUT[name])
    source, target = (lesser, dovecot) if side == "source" else (dovecot, lesser)
    source.user(fresh_user)
    fill(source, fresh_user, mailbox())
    await copied(source, target, fresh_user, tmp_path)


async def test_a_message_of_35_megabytes(
    dovecot: Dovecot, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    dovecot.user(fresh_user)
    large = mails.sized(35, 36_700_160)
    fill(dovecot, fresh_user, {"INBOX": messages([*mails.tidy(2), large, *mails.tidy(1)])})
    await copied(dovecot, dovecot_mdbox, fresh_user, tmp_path)


async def test_a_larger_message_is_listed(
    dovecot: Dovecot, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    dovecot.user(fresh_user)
    dovecot_mdbox.user(fresh_user)
    fill(dovecot, fresh_user, {"INBOX": messages([*mails.tidy(2), mails.sized(35, 36_700_161), *mails.tidy(1)])})
    copy = Copy(settings(dovecot.port, fresh_user), settings(dovecot_mdbox.port, fresh_user), tmp_path / "l.db")
    result = await copy.run()
    assert [(row.kind, row.uid) for row in result.exceptions] == [("skipped", 3)]
    assert len(snapshot(dovecot_mdbox, fresh_user)[("INBOX",)]) == 3


async def test_new_mail_and_flags_follow(
    dovecot: Dovecot, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    dovecot.user(fresh_user)
    fill(dovecot, fresh_user, mailbox())
    copy = await copied(dovecot, dovecot_mdbox, fresh_user, tmp_path)
    fill(dovecot, fresh_user, {"INBOX": messages(mails.tidy(3)), "New": messages(mails.tidy(2))})
    with connect(dovecot, fresh_user) as client:
        client.command(b"SELECT INBOX")
        client.command(b"UID STORE 1:3 +FLAGS (\\Flagged Later)")
        client.command(b"UID STORE 2 -FLAGS (\\Seen)")
    result = await copy.run()
    assert result.stats.total("copied") == 5
    assert result.stats.total("flags_changed") == 3
    assert differences(snapshot(dovecot, fresh_user), snapshot(dovecot_mdbox, fresh_user)) == []


@pytest.mark.parametrize("uidplus", [True, False])
async def test_a_target_filled_by_another_client_gets_no_duplicate(
    dovecot: Dovecot, dovecot_factory: DovecotFactory, fresh_user: str, tmp_path: Path, uidplus: bool
) -> None:
    target = dovecot_factory(without=() if uidplus else ("UIDPLUS",))
    for server in (dovecot, target):
        server.user(fresh_user)
    content = mailbox()
    fill(dovecot, fresh_user, content)
    inbox = content["INBOX"]
    fill(
        target,
        fresh_user,
        {"INBOX": [m for m in inbox[::2] if m.data != mails.twins()[0]], "Sent": content["Sent"][:1]},
    )
    copy = Copy(settings(dovecot.port, fresh_user), settings(target.port, fresh_user), tmp_path / "l.db")
    await copy.run()
    assert differences(snapshot(dovecot, fresh_user), snapshot(target, fresh_user)) == []


async def test_a_lost_ledger_costs_no_duplicate(
    dovecot: Dovecot, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    dovecot.user(fresh_user)
    fill(dovecot, fresh_user, mailbox())
    copy = await copied(dovecot, dovecot_mdbox, fresh_user, tmp_path)
    copy.state = tmp_path / "another.db"
    result = await copy.run()
    assert result.stats.total("copied") == 0
    assert differences(snapshot(dovecot, fresh_user), snapshot(dovecot_mdbox, fresh_user)) == []


async def test_logins_of_an_admin(dovecot: Dovecot, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path) -> None:
    dovecot.user(fresh_user, "own")
    fill(dovecot, fresh_user, {"INBOX": messages(mails.tidy(3))})
    dovecot_mdbox.user(fresh_user, "own too")
    copy = Copy(
        settings(dovecot.port, f"{fresh_user}*mailadmin"),
        settings(dovecot_mdbox.port, "mailadmin", authzid=fresh_user),
        tmp_path / "l.db",
    )
    assert (await copy.run()).stats.total("copied") == 3
    assert differences(snapshot(dovecot, fresh_user), snapshot(dovecot_mdbox, fresh_user)) == []


async def test_the_login_mechanism_alone(
    dovecot_factory: DovecotFactory, dovecot_mdbox: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    source = dovecot_factory(mechanisms=("login",))
    write_maildir(source.user(fresh_user, 'a "ü\\'), "INBOX", messages(mails.tidy(3)))
    dovecot_mdbox.user(fresh_user)
    copy = Copy(settings(source.port, fresh_user), settings(dovecot_mdbox.port, fresh_user), tmp_path / "l.db")
    copy.source = replace(copy.source, password=Secret('a "ü\\'))
    assert (await copy.run()).stats.total("copied") == 3
