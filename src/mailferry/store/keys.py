"""The forms under which names are compared: in any case, as people expect of names and addresses."""

from __future__ import annotations

import unicodedata


def name_key(name: str) -> str:
    """Give the key of the name of an endpoint or a batch."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def email_key(address: str) -> str:
    """Give the key of an address. The part before the `@` has no case either in any system that is migrated."""
    return name_key(address.strip())


def login_key(user_name: str) -> str:
    """Give the key of a login name, by which the connections of one login are counted."""
    return user_name.lower()
