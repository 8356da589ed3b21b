"""The private Dovecot does what its options say."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from tests.servers.base import PASSWORD
from tests.servers.client import ImapClient, Refused, Security
from tests.servers.dovecot import ADMIN, Dovecot
from tests.servers.mailboxes import Message, Stored, connect, contents, fill, read, seconds, snapshot, write_maildir
from tests.servers.plugin import DovecotFactory

MAILS = [
    Message(b"Subject: one\r\n\r\nbody\r\n", ("\\Seen", "$Label"), "01-Feb-2020 10:00:00 +0100"),
    Message(b"Subject: bare line feeds\n\n{5}\r\nnot a literal (\n", ("\\Answered",)),
    Message(b"", ()),
    Message(b"Subject: same\r\n\r\n"),
    Message(b"Subject: same\r\n\r\n"),
]
FOLDERS: dict[str | bytes, list[Message]] = {
    "INBOX": MAILS,
    "Grüße & 😀/Ünter": MAILS[:1],
    'q"\\uote': MAILS[3:],
    "empty": [],
}


def stored(message: Message) -> Stored:
    """As Dovecot gives it back: it serves every line end as CRLF."""
    assert message.date is not None
    data = message.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return Stored(data, frozenset(message.flags), seconds(message.date))


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_login(dovecot: Dovecot, fresh_user: str, security: Security) -> None:
    dovecot.user(fresh_user, 'a:b*c "{5}" \\ ü')
    port = dovecot.tls_port if security == "tls" else dovecot.port
    with ImapClient(port, security=security, ca_file=dovecot.ca_file) as client:
        client.login(fresh_user, 'a:b*c "{5}" \\ ü')
        assert client.names()[0][2] == b"INBOX"


def test_a_wrong_password_is_refused_and_a_changed_one_taken(dovecot: Dovecot, fresh_user: str) -> None:
    dovecot.user(fresh_user, "first")
    dovecot.user(fresh_user, "other")
    with ImapClient(dovecot.port) as client:
        with pytest.raises(Refused, match="AUTHENTICATIONFAILED"):
            client.login(fresh_user, "first")
        client.login(fresh_user, "other")


@pytest.mark.parametrize("store", ["maildir", "mdbox", "sdbox"])
def test_what_is_filled_in_is_found_by_the_snapshot(
    dovecot_factory: DovecotFactory, fresh_user: str, store: str
) -> None:
    server = dovecot_factory(store=store)
    server.user(fresh_user)
    mails = [mail for mail in MAILS if mail.data]
    fill(server, fresh_user, {**FOLDERS, "INBOX": mails})
    assert snapshot(server, fresh_user) == {
        ("INBOX",): [stored(mail) for mail in mails],
        ("Grüße & 😀", "Ünter"): [stored(MAILS[0])],
        ('q"\\uote',): [stored(MAILS[3])] * 2,
        ("empty",): [],
    }


def test_contents_count_equal_messages(dovecot: Dovecot, fresh_user: str) -> None:
    dovecot.user(fresh_user)
    fill(dovecot, fresh_user, {"INBOX": MAILS[3:]})
    found = contents(snapshot(dovecot, fresh_user), flags=False, dates=False)[("INBOX",)]
    assert list(found.values()) == [2]


@pytest.mark.parametrize("login", ["{user}*mailadmin", "authzid"])
def test_an_admin_opens_the_users_mailbox(dovecot: Dovecot, fresh_user: str, login: str) -> None:
    dovecot.user(fresh_user)
    fill(dovecot, fresh_user, {"INBOX": MAILS[:1]})
    with ImapClient(dovecot.port) as client:
        if login == "authzid":
            client.authenticate_plain(fresh_user, ADMIN, PASSWORD)
        else:
            client.login(login.format(user=fresh_user), PASSWORD)
        assert len(read(client, b"INBOX")) == 1


@pytest.mark.parametrize(
    "form",
    ["Domain/boss/{user}", "{user}*boss", "#{user}@example.org#boss#", "example\\{user}"],
    ids=["slashes", "star", "hashes", "backslash"],
)
def test_admin_forms_of_a_login(dovecot_factory: DovecotFactory, fresh_user: str, form: str) -> None:
    server = dovecot_factory(admin_logins=True)
    server.master("boss", "admin:secret")
    server.user(fresh_user, "own")
    fill(server, fresh_user, {"INBOX": MAILS[:1]})
    with ImapClient(server.port) as client:
        client.login(form.format(user=fresh_user), "own" if "\\" in form else "admin:secret")
        assert len(read(client, b"INBOX")) == 1


def test_capabilities_are_hidden_before_and_after_login(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    gone = {"LITERAL+", "UIDPLUS", "MULTIAPPEND", "CONDSTORE", "QRESYNC", "NAMESPACE", "SPECIAL-USE"}
    server = dovecot_factory(without=tuple(sorted(gone)), announce=("LITERAL-",), special_use="create")
    server.user(fresh_user)
    with ImapClient(server.port) as client:
        before = client.capabilities()
        client.login(fresh_user, PASSWORD)
        after = client.capabilities()
    assert not gone & (before | after)
    assert "LITERAL-" in before & after
    assert {"STARTTLS", "AUTH=PLAIN"} <= before
    assert {"IMAP4REV1", "MOVE"} <= after


def test_special_use_folders_under_a_prefix(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    server = dovecot_factory(prefix="INBOX.", separator=".", special_use="create")
    server.user(fresh_user)
    with connect(server, fresh_user) as client:
        assert client.personal_prefix() == b"INBOX."
        names = {name: (attributes, delimiter) for attributes, delimiter, name in client.names()}
    assert names[b"INBOX.Sent"][0] >= {"\\sent"}
    assert names[b"INBOX.Sent"][1] == b"."


def test_quota_and_size_limits(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    server = dovecot_factory(quota_bytes=40_000, max_message_bytes=30_000)
    server.user(fresh_user)
    with connect(server, fresh_user) as client:
        with pytest.raises(Refused, match="LIMIT"):
            client.command(b"APPEND INBOX", b"x" * 30_001)
        client.command(b"APPEND INBOX", b"x" * 30_000)
        with pytest.raises(Refused, match="OVERQUOTA"):
            client.command(b"APPEND INBOX", b"x" * 30_000)


def test_xoauth2_takes_our_tokens_only(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    server = dovecot_factory(oauth2=True)
    server.user(fresh_user)
    bad = [server.token("someone"), server.token(fresh_user, lifetime_seconds=-60), "nonsense"]
    with ImapClient(server.port) as client:
        for token in bad:
            with pytest.raises(Refused, match="AUTHENTICATIONFAILED"):
                client.authenticate_xoauth2(fresh_user, token)
        client.authenticate_xoauth2(fresh_user, server.token(fresh_user))
        assert client.names()


def test_an_admin_sees_shared_folders(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    server = dovecot_factory(shared=True)
    server.user(ADMIN)
    server.user(fresh_user)
    fill(server, fresh_user, {"INBOX": MAILS[:1], "Sent": MAILS[:2]})
    with connect(server, ADMIN) as client:
        assert len(read(client, f"users/{fresh_user}".encode())) == 1
        assert len(read(client, f"users/{fresh_user}/Sent".encode())) == 2


def test_connections_per_user_are_limited(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    server = dovecot_factory(max_connections=2)
    server.user(fresh_user)
    with connect(server, fresh_user), connect(server, fresh_user), pytest.raises(Refused, match="LIMIT"):
        connect(server, fresh_user)


@pytest.mark.parametrize("kind", ["expired", "wrong-host", "self-signed"])
def test_bad_certificates(dovecot_factory: DovecotFactory, kind: str) -> None:
    server = dovecot_factory(certificate=kind)
    with pytest.raises(ssl.SSLCertVerificationError):
        ImapClient(server.tls_port, security="tls", ca_file=server.ca_file)


def test_compression_and_no_tls_are_announced(dovecot_factory: DovecotFactory, fresh_user: str) -> None:
    server = dovecot_factory(compress=True, tls=False, without=("UNSELECT",))
    server.user(fresh_user)
    with ImapClient(server.port) as client:
        assert "STARTTLS" not in client.capabilities()
        client.login(fresh_user, PASSWORD)
        assert "COMPRESS=DEFLATE" in client.capabilities()


def test_mail_written_to_disk_is_served(dovecot: Dovecot, fresh_user: str) -> None:
    account = dovecot.user(fresh_user)
    plain = [mail._replace(flags=("\\Seen",)) for mail in MAILS]
    write_maildir(account, "Clients.2024 ü", plain)
    assert snapshot(dovecot, fresh_user) == {("INBOX",): [], ("Clients", "2024 ü"): [stored(mail) for mail in plain]}


@pytest.mark.parametrize("end", [Dovecot.stop, Dovecot.kill], ids=["stop", "kill"])
def test_a_server_that_ended_comes_back_with_its_mail(
    fresh_user: str, dovecot: Dovecot, end: Callable[[Dovecot], None]
) -> None:
    dovecot.user(fresh_user)
    fill(dovecot, fresh_user, {"INBOX": MAILS[:1]})
    before = dovecot.port
    end(dovecot)
    with pytest.raises(ConnectionRefusedError):
        ImapClient(before)
    assert dovecot.cpu_seconds() == 0
    assert dovecot.start().port == before
    assert snapshot(dovecot, fresh_user) == {("INBOX",): [stored(MAILS[0])]}


def test_the_log_tells_of_logins(dovecot: Dovecot, fresh_user: str) -> None:
    dovecot.user(fresh_user)
    with connect(dovecot, fresh_user) as client:
        client.command(b"NOOP")
        assert f"Login: user=<{fresh_user}>" in dovecot.log_text()


def test_a_removed_server_leaves_nothing(fresh_user: str, dovecot: Dovecot) -> None:
    with Dovecot() as server:
        folder, port = server.folder, server.port
        assert port != dovecot.port
        server.user(fresh_user)
        assert "INBOX" in server.doveadm("mailbox", "list", "-u", fresh_user)
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        ImapClient(port)
