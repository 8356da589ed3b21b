from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cli.locations import Given, is_loopback, parse_location
from mailferry.errors import BadUsage, Side

NOTHING = Given()


def user_of(text: str) -> str:
    return parse_location(text, Side.SOURCE, NOTHING).user


@pytest.mark.parametrize(
    ("text", "host", "port", "security"),
    [
        ("imaps://terry@imap.contoso.com", "imap.contoso.com", 993, "ssl"),
        ("imaps://terry@imap.contoso.com/", "imap.contoso.com", 993, "ssl"),
        ("IMAPS://terry@IMAP.Contoso.com:9993", "imap.contoso.com", 9993, "ssl"),
        ("imap+tls://terry@imap.contoso.com", "imap.contoso.com", 143, "tls"),
        ("imap+tls://terry@localhost", "localhost", 143, "tls"),
        ("imap://terry@imap.contoso.com", "imap.contoso.com", 143, "tls"),
        ("imap://terry@127.0.0.1:11143", "127.0.0.1", 11143, "none"),
        ("imap://terry@127.8.9.1", "127.8.9.1", 143, "none"),
        ("imap://terry@localhost", "localhost", 143, "none"),
        ("imap://terry@[::1]", "::1", 143, "none"),
        ("imaps://terry@[2001:DB8::1]:9993", "2001:db8::1", 9993, "ssl"),
        ("imaps://terry@[fe80::1%25eth0]", "fe80::1%eth0", 993, "ssl"),
        ("imap://terry@127.0.0.1.contoso.com", "127.0.0.1.contoso.com", 143, "tls"),
    ],
)
def test_host_port_and_security(text: str, host: str, port: int, security: str) -> None:
    found = parse_location(text, Side.SOURCE, NOTHING)
    assert (found.host, found.port, found.security, found.user) == (host, port, security, "terry")


@pytest.mark.parametrize(
    ("scheme", "asked", "security", "port"),
    [
        ("imap", "none", "none", 143),
        ("imap", "tls", "tls", 143),
        ("imap", "ssl", "ssl", 993),
        ("imaps", "ssl", "ssl", 993),
        ("imap+tls", "tls", "tls", 143),
    ],
)
def test_the_flag_chooses_where_the_scheme_leaves_it_open(scheme: str, asked: str, security: str, port: int) -> None:
    found = parse_location(f"{scheme}://terry@imap.contoso.com", Side.TARGET, Given(security=asked))
    assert (found.security, found.port) == (security, port)


@pytest.mark.parametrize(("scheme", "asked"), [("imaps", "none"), ("imaps", "tls"), ("imap+tls", "none")])
def test_a_flag_that_contradicts_the_scheme_is_refused(scheme: str, asked: str) -> None:
    with pytest.raises(BadUsage, match="contradicts"):
        parse_location(f"{scheme}://terry@imap.contoso.com", Side.SOURCE, Given(security=asked))


@pytest.mark.parametrize(
    ("written", "user"),
    [
        ("terry", "terry"),
        ("terry%40contoso.com", "terry@contoso.com"),
        ("terry@contoso.com", "terry@contoso.com"),
        ("Contoso%2FMailadmin%2FTerry.Adams", "Contoso/Mailadmin/Terry.Adams"),
        ("terry*mailadmin", "terry*mailadmin"),
        ("%23terry%40contoso.com%23mailadmin%23", "#terry@contoso.com#mailadmin#"),
        ("contoso%5Cterry", r"contoso\terry"),
        (r"contoso\terry", r"contoso\terry"),
        ("a%3Bb%3Ac%25", "a;b:c%"),
        ("m%C3%BCller", "müller"),
        ("terry;AUTH=*", "terry"),
        ("terry+work", "terry+work"),
    ],
)
def test_user_names(written: str, user: str) -> None:
    assert user_of(f"imaps://{written}@imap.contoso.com") == user


def test_the_mechanism_of_the_url_and_of_the_option() -> None:
    url = "imaps://terry;AUTH=scram-sha-256@imap.contoso.com"
    assert parse_location(url, Side.SOURCE, NOTHING).mechanism == "SCRAM-SHA-256"
    assert parse_location(url, Side.SOURCE, Given(mechanism="plain")).mechanism == "PLAIN"


def test_an_option_gives_or_replaces_the_user() -> None:
    given_user = Given(user="a/b@c#d")
    assert parse_location("imaps://imap.contoso.com", Side.SOURCE, given_user).user == "a/b@c#d"
    assert parse_location("imaps://terry@imap.contoso.com", Side.SOURCE, given_user).user == "a/b@c#d"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_every_user_name_can_be_written(user: str) -> None:
    written = "".join(f"%{byte:02X}" for byte in user.encode())
    assert user_of(f"imaps://{written}@imap.contoso.com") == user


@pytest.mark.parametrize("side", [Side.SOURCE, Side.TARGET])
@pytest.mark.parametrize("secret", ["hunter2", "", "p@ss", "p%40ss:x"])
def test_a_password_in_the_url_is_refused_and_not_repeated(side: Side, secret: str) -> None:
    with pytest.raises(BadUsage, match="process list") as caught:
        parse_location(f"imaps://terry:{secret}@imap.contoso.com", side, NOTHING)
    assert f"--{side.value}-password-file" in caught.value.detail
    assert not secret or secret not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("terry@imap.contoso.com", "imaps://user@host"),
        ("./mailboxes/terry", "maildir:./mailboxes/terry"),
        ("/var/mail/terry", "maildir:/var/mail/terry"),
        ("terry", "maildir:terry"),
        ("pop3://terry@pop.contoso.com", "must begin with"),
        ("imaps:terry@imap.contoso.com", "two slashes"),
        ("imaps://imap.contoso.com", "names no user"),
        ("imaps://@imap.contoso.com", "names no user"),
        ("imaps://terry@", "names no host"),
        ("imaps://terry@imap.contoso.com:0", "1 to 65535"),
        ("imaps://terry@imap.contoso.com:65536", "1 to 65535"),
        ("imaps://terry@imap.contoso.com:imap", "1 to 65535"),
        ("imaps://terry@2001:db8::1", "brackets"),
        ("imaps://terry@imap contoso", "no host name"),
        ("imaps://terry@imap.contoso.com/INBOX", "--include-folders"),
        ("imaps://Contoso/admin/terry@imap.contoso.com", "%2F"),
        ("imaps://#terry@contoso.com#admin#@imap.contoso.com", "%23"),
        ("imaps://ter%zzry@imap.contoso.com", "%25"),
        ("imaps://ter%FFry@imap.contoso.com", "UTF-8"),
        ("imaps://ter%0Ary@imap.contoso.com", "control character"),
        ("imaps://terry;TYPE=x@imap.contoso.com", ";AUTH="),
        ("maildir:", "names no folder"),
        ("maildir://host/path", "this machine"),
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(text: str, hint: str) -> None:
    with pytest.raises(BadUsage) as caught:
        parse_location(text, Side.SOURCE, NOTHING)
    assert hint in caught.value.detail


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("maildir:./mailboxes/terry", "./mailboxes/terry"),
        ("maildir:/srv/mail/terry", "/srv/mail/terry"),
        ("maildir:///srv/mail/terry", "/srv/mail/terry"),
        ("maildir:a b%20c", "a b%20c"),
    ],
)
def test_maildir_paths_are_taken_as_they_are(text: str, path: str) -> None:
    found = parse_location(text, Side.TARGET, NOTHING)
    assert (found.kind, found.path) == ("maildir", path)


@pytest.mark.parametrize(
    "given_options",
    [Given(user="x"), Given(security="tls"), Given(mechanism="PLAIN"), Given(authzid="x"), Given(user_root="x")],
)
def test_options_for_servers_are_refused_for_a_maildir(given_options: Given) -> None:
    with pytest.raises(BadUsage, match="is for an IMAP server"):
        parse_location("maildir:x", Side.SOURCE, given_options)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.0.3", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.contoso.com", "128.0.0.1", "10.127.0.1", "127.0.0.1.example", "::2"])
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)
