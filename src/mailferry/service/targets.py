"""From an endpoint, a user and their secrets to the two places that a pass opens."""

from __future__ import annotations

import os
import string
from collections.abc import Mapping
from pathlib import Path

from mailferry.backends.registry import NO_SECRET, Location
from mailferry.imap.values import Secret
from mailferry.migration.model import Authentication, Endpoint, EndpointType, Security, User
from mailferry.service.errors import InvalidValue
from mailferry.store.keys import email_key

PASSWORD = "password"  # noqa: S105 - the name of a secret, not one
TARGET_PASSWORD = "target-password"  # noqa: S105
_SECURITY = {Security.NONE: "none", Security.SSL: "ssl", Security.TLS: "tls"}
_FIELDS = frozenset({"address", "user", "local", "domain"})


def source_location(endpoint: Endpoint, user: User, secrets: Mapping[str, Secret]) -> Location:
    """Say where a user's mail comes from. Login names go out as the CSV has them."""
    return _imap(endpoint, user.user_name, secrets.get(PASSWORD, NO_SECRET), user_root=user.user_root)


def target_location(
    endpoint: Endpoint, user: User, secrets: Mapping[str, Secret], endpoint_secrets: Mapping[str, Secret]
) -> Location:
    """Say where a user's mail goes to."""
    if endpoint.type is EndpointType.MAILDIR:
        return Location("maildir", path=str(mailbox_folder(Path(endpoint.path), user.email_address)))
    name = target_login(endpoint, user)
    if endpoint.admin_user:
        return _imap(endpoint, endpoint.admin_user, endpoint_secrets.get(PASSWORD, NO_SECRET), authzid=name)
    if needs_own_secret(endpoint):
        return _imap(endpoint, name, endpoint_secrets.get(PASSWORD, NO_SECRET))
    return _imap(endpoint, name, secrets.get(TARGET_PASSWORD, NO_SECRET))


def target_login(endpoint: Endpoint, user: User) -> str:
    """Give the login name (or, with an administrator, the authzid) on an IMAP target."""
    name = user.target_user or user.email_address
    if not endpoint.user_template:
        return name
    local, at, domain = name.rpartition("@")
    local, domain = (local, domain) if at else (name, "")
    return endpoint.user_template.format(address=name, user=name, local=local, domain=domain)


def needs_own_secret(endpoint: Endpoint) -> bool:
    """Say whether one password of the endpoint opens all mailboxes: that of an administrator."""
    return bool(endpoint.admin_user or endpoint.user_template)


def check_template(template: str) -> None:
    """Raise InvalidValue if a template of login names cannot be filled in."""
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        if not names or not names <= _FIELDS:
            raise ValueError
        template.format(address="a@b", user="a@b", local="a", domain="b")
    except (ValueError, KeyError, IndexError, AttributeError):
        raise InvalidValue(
            "The user template holds {user}, {address}, {local} or {domain}, for example {user}*mailadmin.",
            name="user_template",
        ) from None


def mailbox_folder(root: Path, address: str) -> Path:
    """Give the folder of a mailbox in an archive: named by the address, as it was first written there.

    What a file name cannot hold is percent-encoded: an address may contain a slash (RFC 5321, section 4.1.2).
    """
    name = "".join(c if c not in "/%\0" and c.isprintable() else f"%{ord(c):02X}" for c in address)
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if not os.path.isdir(root / name) and root.is_dir():
        key = email_key(name)
        for entry in os.listdir(root):
            if email_key(entry) == key:
                return root / entry
    return root / name


def _imap(endpoint: Endpoint, user: str, password: Secret, *, authzid: str = "", user_root: str = "") -> Location:
    plain = authzid or endpoint.authentication is Authentication.PLAIN
    return Location(
        "imap",
        host=endpoint.remote_server,
        port=endpoint.port,
        security=_SECURITY[endpoint.security],  # type: ignore[arg-type] # a Literal by its values
        user=user,
        password=password,
        authzid=authzid,
        mechanism="PLAIN" if plain else "",
        user_root=user_root,
        accept_untrusted=endpoint.accept_untrusted_certificates,
    )
