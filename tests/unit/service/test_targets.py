"""From endpoints and users to places: login names, administrators, folders of an archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailferry.imap.values import Secret
from mailferry.migration.model import Authentication, Endpoint, EndpointRole, EndpointType, Security, User
from mailferry.migration.states import UserStatus
from mailferry.service.errors import InvalidValue
from mailferry.service.targets import check_template, mailbox_folder, source_location, target_location

ANN = User(1, "guid", 1, "b", 1, "ann.beebe@contoso.com", "Contoso/mailadmin/ann", UserStatus.QUEUED)
IMAP = Endpoint(1, "g", "e", EndpointType.IMAP, EndpointRole.TARGET, "imap.contoso.com", 993)
OWN = {"password": Secret("source pass"), "target-password": Secret("target pass")}
SHARED = {"password": Secret("admin pass")}


def test_the_source_gets_what_the_csv_says() -> None:
    user = replace(ANN, user_root="/users/ann")
    place = source_location(
        replace(IMAP, security=Security.TLS, port=143, accept_untrusted_certificates=True), user, OWN
    )
    assert (place.kind, place.host, place.port, place.security) == ("imap", "imap.contoso.com", 143, "tls")
    assert (place.user, place.password.reveal(), place.user_root) == (
        "Contoso/mailadmin/ann",
        "source pass",
        "/users/ann",
    )
    assert (place.mechanism, place.authzid, place.accept_untrusted) == ("", "", True)
    assert source_location(replace(IMAP, authentication=Authentication.PLAIN), ANN, OWN).mechanism == "PLAIN"
    assert source_location(IMAP, ANN, {}).password.reveal() == ""


def test_each_user_logs_in_at_the_target() -> None:
    place = target_location(IMAP, ANN, OWN, {})
    assert (place.user, place.password.reveal(), place.user_root) == ("ann.beebe@contoso.com", "target pass", "")
    assert target_location(IMAP, replace(ANN, target_user="ann@new"), OWN, {}).user == "ann@new"


@pytest.mark.parametrize(
    ("template", "login"),
    [
        ("{user}*mailadmin", "ann.beebe@contoso.com*mailadmin"),
        ("{address}*mailadmin", "ann.beebe@contoso.com*mailadmin"),
        ("{domain}\\{local}", "contoso.com\\ann.beebe"),
        ("#{user}#mailadmin#", "#ann.beebe@contoso.com#mailadmin#"),
        ("{{{local}}}", "{ann.beebe}"),
    ],
)
def test_a_template_makes_the_login(template: str, login: str) -> None:
    check_template(template)
    place = target_location(replace(IMAP, user_template=template), ANN, OWN, SHARED)
    assert (place.user, place.password.reveal(), place.authzid) == (login, "admin pass", "")


def test_a_login_without_a_domain() -> None:
    endpoint = replace(IMAP, user_template="{local}|{domain}*a")
    assert target_location(endpoint, replace(ANN, target_user="ann"), OWN, SHARED).user == "ann|*a"
    braces = replace(ANN, target_user="{domain}@x")
    assert target_location(endpoint, braces, OWN, SHARED).user == "{domain}|x*a", "names are not templates"


@pytest.mark.parametrize(
    "template", ["", "mailadmin", "{user", "user}", "{}", "{0}", "{password}", "{user[0]}", "{user:d}"]
)
def test_a_template_that_cannot_be_filled_in(template: str) -> None:
    with pytest.raises(InvalidValue, match="mailadmin"):
        check_template(template)


def test_an_administrator_acts_for_the_user() -> None:
    place = target_location(replace(IMAP, admin_user="mailadmin"), ANN, OWN, SHARED)
    assert (place.user, place.authzid, place.mechanism) == ("mailadmin", "ann.beebe@contoso.com", "PLAIN")
    assert place.password.reveal() == "admin pass"
    both = replace(IMAP, admin_user="mailadmin", user_template="{local}")
    assert target_location(both, ANN, OWN, SHARED).authzid == "ann.beebe"


def test_an_archive_has_a_folder_for_each_address(tmp_path: Path) -> None:
    archive = Endpoint(1, "g", "e", EndpointType.MAILDIR, EndpointRole.TARGET, path=str(tmp_path))
    place = target_location(archive, ANN, OWN, {})
    assert (place.kind, place.path) == ("maildir", str(tmp_path / "ann.beebe@contoso.com"))


ADDRESSES = {
    "../../etc/passwd@x": "%2E.%2F..%2Fetc%2Fpasswd@x",
    "a/b@x": "a%2Fb@x",
    ".hidden@x": "%2Ehidden@x",
    "..": "%2E.",
    "50%@x": "50%25@x",
    "a\0b\n@x": "a%00b%0A@x",
    "#terry@contoso.com#admin#": "#terry@contoso.com#admin#",
    "müller@bücher.example": "müller@bücher.example",
    "a b\\c@x": "a b\\c@x",
}


@pytest.mark.parametrize(("address", "name"), ADDRESSES.items())
def test_odd_addresses_stay_below_the_archive(tmp_path: Path, address: str, name: str) -> None:
    folder = mailbox_folder(tmp_path, address)
    assert folder == tmp_path / name
    folder.mkdir()
    assert mailbox_folder(tmp_path, address.upper()) == folder, "as it was first written there"
    assert mailbox_folder(tmp_path, address) == folder


def test_different_addresses_have_different_folders(tmp_path: Path) -> None:
    names = {mailbox_folder(tmp_path, address).name for address in (*ADDRESSES, "a%2Fb@x", "%2Ehidden@x", "a%b@x")}
    assert len(names) == len(ADDRESSES) + 3
    assert all("/" not in name and name not in (".", "..") for name in names)


def test_an_address_in_another_normal_form_is_the_same(tmp_path: Path) -> None:
    composed, decomposed = "m\u00fcller@x", "mu\u0308ller@x"
    folder = mailbox_folder(tmp_path, composed)
    folder.mkdir()
    assert mailbox_folder(tmp_path, decomposed) == folder
