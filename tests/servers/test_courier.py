"""The private Courier does what its options say."""

from __future__ import annotations

import pytest

from tests.servers.base import PASSWORD
from tests.servers.client import ImapClient, Refused, Security
from tests.servers.courier import ADMIN, Courier
from tests.servers.mailboxes import Message, Stored, connect, fill, read, seconds, snapshot
from tests.servers.plugin import CourierFactory

MAIL = Message(b"Subject: one\r\n\r\nbody\r\n", ("\\Seen", "label"), "01-Feb-2020 10:00:00 +0100")
KEPT = Stored(MAIL.data, frozenset(MAIL.flags), seconds("01-Feb-2020 10:00:00 +0100"))


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_login(courier: Courier, fresh_user: str, security: Security) -> None:
    courier.user(fresh_user, "a b:c")
    port = courier.tls_port if security == "tls" else courier.port
    with ImapClient(port, security=security, ca_file=courier.ca_file) as client:
        client.login(fresh_user, "a b:c")
        assert client.personal_prefix() == b"INBOX."


def test_what_is_filled_in_is_found_by_the_snapshot(courier: Courier, fresh_user: str) -> None:
    courier.user(fresh_user)
    fill(courier, fresh_user, {"INBOX": [MAIL], "INBOX.Grü&ße": [MAIL, MAIL], "INBOX.a.b": []})
    assert snapshot(courier, fresh_user) == {("INBOX",): [KEPT], ("Grü&ße",): [KEPT, KEPT], ("a", "b"): []}


@pytest.mark.parametrize(("munged", "separator"), [(False, " "), (True, "\\:")])
def test_an_admin_opens_shared_folders(
    courier_factory: CourierFactory, fresh_user: str, munged: bool, separator: str
) -> None:
    server = courier_factory(munge_names=munged)
    server.user(f"terry.{fresh_user}")
    fill(server, f"terry.{fresh_user}", {"INBOX": [MAIL], "INBOX.Sent": [MAIL, MAIL]})
    with connect(server, ADMIN) as client:
        shared = f"#shared.users.terry{separator}{fresh_user}"
        assert read(client, shared.encode()) == [KEPT]
        assert len(read(client, f"{shared}.Sent".encode())) == 2


def test_an_authorisation_identity_is_ignored(courier: Courier, fresh_user: str) -> None:
    courier.user(fresh_user)
    fill(courier, fresh_user, {"INBOX": [Message(f"Subject: {fresh_user}\r\n\r\nbody\r\n".encode())]})
    with connect(courier, ADMIN) as client:
        of_administrator = read(client, b"INBOX")
    with ImapClient(courier.port) as client:
        client.authenticate_plain(fresh_user, ADMIN, PASSWORD)
        assert read(client, b"INBOX") == of_administrator
    assert all(fresh_user.encode() not in mail.data for mail in of_administrator)


def test_capabilities_and_tls_are_options(courier_factory: CourierFactory, fresh_user: str) -> None:
    server = courier_factory(capability="IMAP4rev1 CHILDREN NAMESPACE", tls_required=True)
    server.user(fresh_user)
    with ImapClient(server.port) as client:
        assert not {"UIDPLUS", "IDLE"} & client.capabilities()
        with pytest.raises(Refused):
            client.login(fresh_user, PASSWORD)
    with ImapClient(server.port, security="starttls", ca_file=server.ca_file) as client:
        client.login(fresh_user, PASSWORD)


def test_a_killed_server_comes_back_with_its_mail(courier: Courier, fresh_user: str) -> None:
    courier.user(fresh_user)
    fill(courier, fresh_user, {"INBOX": [MAIL]})
    courier.kill()
    with pytest.raises(ConnectionRefusedError):
        ImapClient(courier.port)
    courier.start()
    assert snapshot(courier, fresh_user) == {("INBOX",): [KEPT]}
    assert f"LOGIN, user={fresh_user}" in courier.log_text()
