"""Whole passes from and to servers that are not Dovecot: all arrives, and the source stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import mails
from tests.faults.support import Copy, differences, disordered, messages, settings
from tests.servers.base import PrivateServer
from tests.servers.client import quoted
from tests.servers.courier import Courier
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.servers.mailboxes import Message, connect, fill, read, snapshot

FLAGS = ((), ("\\Seen",), ("\\Seen", "\\Answered"), ("\\Flagged", "Work"), ("\\Draft",), ("\\Deleted",))


@pytest.fixture(params=["courier", "cyrus"])
def other(request: pytest.FixtureRequest) -> PrivateServer:
    """A server of another kind."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, Courier | Cyrus)
    return server


def prefix(server: PrivateServer) -> str:
    """What stands before the names of folders."""
    return "INBOX." if isinstance(server, Courier) else ""


def separator(server: PrivateServer) -> str:
    """What stands between the levels of a name."""
    return "." if isinstance(server, Courier) else "/"


def put_mail(server: PrivateServer, user: str) -> None:
    """Fill in folders of several kinds of mail that every server takes as it is."""
    at, between = prefix(server), separator(server)
    fill(
        server,
        user,
        {
            "INBOX": messages([*mails.tidy(40), mails.sized(3, 65_536), mails.sized(4, 200_000)], FLAGS),
            f"{at}Sent": messages([*mails.twins(), *mails.twins()]),
            f"{at}Clients": [],
            f"{at}Clients{between}2024 ü": messages(mails.tidy(12), FLAGS),
        },
        subscribe=True,
    )


def bare(server: PrivateServer, user: str) -> dict[bytes, list[bytes]]:
    """Give what a copy could disturb: each folder's counts, and each message's UID and flags with \\Recent."""
    found: dict[bytes, list[bytes]] = {}
    with connect(server, user) as client:
        for attributes, _, name in client.names():
            if attributes & {"\\noselect", "\\nonexistent"}:
                continue
            asked = b"STATUS " + quoted(name) + b" (MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)"
            found[name] = list(client.command(asked).untagged)
            client.command(b"EXAMINE " + quoted(name))
            if read(client, name):
                found[name] += client.command(b"UID FETCH 1:* (UID FLAGS)").untagged
    return found


async def copied(source: PrivateServer, target: PrivateServer, user: str, state: Path) -> Copy:
    """Copy; see that all is there; copy again and see that nothing is."""
    copy = Copy(settings(source.port, user), settings(target.port, user), state / "ledger.db")
    before = bare(source, user)
    result = await copy.run()
    assert result.clean, result.exceptions
    there, here = snapshot(source, user), snapshot(target, user)
    assert differences(there, here) == []
    assert disordered(there, here) == []
    again = await copy.run()
    assert (again.stats.total("copied"), again.stats.total("flags_changed")) == (0, 0)
    assert differences(there, snapshot(target, user)) == []
    assert bare(source, user) == before
    return copy


async def test_as_source(other: PrivateServer, dovecot: Dovecot, fresh_user: str, tmp_path: Path) -> None:
    other.user(fresh_user)
    dovecot.user(fresh_user)
    put_mail(other, fresh_user)
    copy = await copied(other, dovecot, fresh_user, tmp_path)
    fill(other, fresh_user, {"INBOX": messages(mails.tidy(3))})
    with connect(other, fresh_user) as client:
        client.command(b"SELECT INBOX")
        client.command(b"UID STORE 2:3 +FLAGS (\\Flagged)")
        client.command(b"UID STORE 2 -FLAGS (\\Seen)")
    result = await copy.run()
    assert result.stats.total("copied") == 3
    assert result.stats.total("flags_changed") == 2
    assert differences(snapshot(other, fresh_user), snapshot(dovecot, fresh_user)) == []


async def test_as_target(other: PrivateServer, dovecot: Dovecot, fresh_user: str, tmp_path: Path) -> None:
    other.user(fresh_user)
    dovecot.user(fresh_user)
    put_mail(dovecot, fresh_user)
    copy = await copied(dovecot, other, fresh_user, tmp_path)
    fill(dovecot, fresh_user, {"Sent": messages(mails.tidy(3)), "New": [Message(mails.tidy(1)[0])]})
    with connect(dovecot, fresh_user) as client:
        client.command(b"SELECT INBOX")
        client.command(b"UID STORE 2:3 +FLAGS (\\Flagged)")
        client.command(b"UID STORE 2 -FLAGS (\\Seen)")
    result = await copy.run()
    assert result.stats.total("copied") == 4
    assert result.stats.total("flags_changed") == 2
    assert differences(snapshot(dovecot, fresh_user), snapshot(other, fresh_user)) == []


async def test_a_lost_ledger_costs_no_duplicate(
    other: PrivateServer, dovecot: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    other.user(fresh_user)
    dovecot.user(fresh_user)
    put_mail(dovecot, fresh_user)
    copy = await copied(dovecot, other, fresh_user, tmp_path)
    copy.state = tmp_path / "another.db"
    assert (await copy.run()).stats.total("copied") == 0
    assert differences(snapshot(dovecot, fresh_user), snapshot(other, fresh_user)) == []


async def test_a_renamed_folder_is_known_by_its_id(
    cyrus: Cyrus, dovecot: Dovecot, fresh_user: str, tmp_path: Path
) -> None:
    """Also when most of its messages are gone, so that only MAILBOXID can tell (RFC 8474)."""
    cyrus.user(fresh_user)
    dovecot.user(fresh_user)
    put_mail(cyrus, fresh_user)
    copy = await copied(cyrus, dovecot, fresh_user, tmp_path)
    with connect(cyrus, fresh_user) as client:
        assert "OBJECTID" in client.capabilities()
        client.command(b"SELECT Sent")
        client.command(b"UID STORE 1:2 +FLAGS (\\Deleted)")
        client.command(b"EXPUNGE")
        client.command(b"UNSELECT")
        client.command(b"RENAME Sent Dispatched")
    result = await copy.run()
    assert result.stats.total("copied") == 0
    assert [line for line in result.warnings if "Sent is now Dispatched" in line] != []
    assert ("Dispatched",) not in snapshot(dovecot, fresh_user)


async def test_from_one_to_the_other(courier: Courier, cyrus: Cyrus, fresh_user: str, tmp_path: Path) -> None:
    for server in (courier, cyrus):
        server.user(fresh_user)
    put_mail(courier, fresh_user)
    await copied(courier, cyrus, fresh_user, tmp_path)
