"""The private Cyrus does what its options say."""

from __future__ import annotations

import pytest

from tests.servers.base import PASSWORD
from tests.servers.client import ImapClient, Refused, Security
from tests.servers.cyrus import ADMIN, Cyrus
from tests.servers.mailboxes import Message, Stored, connect, fill, read, seconds, snapshot
from tests.servers.plugin import CyrusFactory

MAIL = Message(
    b"From: a@example.org\r\nSubject: one\r\n\r\nbody\r\n", ("\\Seen", "label"), "01-Feb-2020 10:00:00 +0100"
)
KEPT = Stored(MAIL.data, frozenset(MAIL.flags), seconds("01-Feb-2020 10:00:00 +0100"))


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_login(cyrus: Cyrus, fresh_user: str, security: Security) -> None:
    cyrus.user(f"terry.{fresh_user}", "a b:c")
    port = cyrus.tls_port if security == "tls" else cyrus.port
    with ImapClient(port, security=security, ca_file=cyrus.ca_file) as client:
        client.login(f"terry.{fresh_user}", "a b:c")
        assert client.names()[0][2] == b"INBOX"


@pytest.mark.parametrize("alt_namespace", [True, False])
@pytest.mark.parametrize("unix_hierarchy", [True, False])
def test_what_is_filled_in_is_found_by_the_snapshot(
    cyrus_factory: CyrusFactory, fresh_user: str, alt_namespace: bool, unix_hierarchy: bool
) -> None:
    server = cyrus_factory(alt_namespace=alt_namespace, unix_hierarchy=unix_hierarchy)
    server.user(fresh_user)
    separator = "/" if unix_hierarchy else "."
    prefix = "" if alt_namespace else f"INBOX{separator}"
    with connect(server, fresh_user) as client:
        assert client.personal_prefix() == prefix.encode()
    fill(server, fresh_user, {"INBOX": [MAIL], f"{prefix}Grü&ße": [MAIL, MAIL], f"{prefix}a{separator}b": []})
    found = snapshot(server, fresh_user)
    found.pop(("a",), None)
    assert found == {("INBOX",): [KEPT], ("Grü&ße",): [KEPT, KEPT], ("a", "b"): []}


def test_an_admin_opens_mailboxes_by_authorisation_identity(cyrus: Cyrus, fresh_user: str) -> None:
    cyrus.user(fresh_user)
    cyrus.user(f"no.admin.{fresh_user}")
    fill(cyrus, fresh_user, {"INBOX": [MAIL]})
    with ImapClient(cyrus.port) as client:
        with pytest.raises(Refused):
            client.authenticate_plain(fresh_user, f"no.admin.{fresh_user}", PASSWORD)
        client.authenticate_plain(fresh_user, ADMIN, PASSWORD)
        assert read(client, b"INBOX") == [KEPT]


def test_capabilities_and_limits_are_options(cyrus_factory: CyrusFactory, fresh_user: str) -> None:
    gone = ("LITERAL+", "UIDPLUS", "MULTIAPPEND")
    server = cyrus_factory(without=gone, allow_plaintext=False, quota_kib=20, max_message_bytes=15_000)
    server.user(fresh_user)
    with ImapClient(server.port) as client:
        assert "LOGINDISABLED" in client.capabilities()
        with pytest.raises(Refused):
            client.login(fresh_user, PASSWORD)
    with ImapClient(server.port, security="starttls", ca_file=server.ca_file) as client:
        client.login(fresh_user, PASSWORD)
        assert not set(gone) & client.capabilities()
        big = MAIL.data + b"x" * 14_000
        client.command(b"APPEND INBOX", big)
        with pytest.raises(Refused, match="Over quota"):
            client.command(b"APPEND INBOX", big)
        with pytest.raises(Refused, match=r"(?i)too ?big|too large"):
            client.command(b"APPEND INBOX", big + b"x" * 1000)


def test_nul_is_refused(cyrus: Cyrus, fresh_user: str) -> None:
    cyrus.user(fresh_user)
    with connect(cyrus, fresh_user) as client, pytest.raises(Refused, match="NUL"):
        client.command(b"APPEND INBOX", MAIL.data + b"\0")


def test_a_stopped_server_comes_back_with_its_mail(cyrus: Cyrus, fresh_user: str) -> None:
    cyrus.user(fresh_user)
    fill(cyrus, fresh_user, {"INBOX": [MAIL]})
    cyrus.stop()
    with pytest.raises(ConnectionRefusedError):
        ImapClient(cyrus.port)
    cyrus.start()
    assert snapshot(cyrus, fresh_user) == {("INBOX",): [KEPT]}
