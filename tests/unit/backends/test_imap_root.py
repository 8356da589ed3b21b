"""In which spellings a user root is looked for, and that none of them leads to somebody else's mail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.backends.imap_names import Namespace, root_candidates

COURIER = ([Namespace(b"INBOX.", ".")], [Namespace(b"#shared.", "."), Namespace(b"shared.", ".")])
DOVECOT = ([Namespace(b"", "/")], [Namespace(b"users/", "/")])
DOTTED = ([Namespace(b"INBOX.", ".")], [Namespace(b"users.", ".")])
CYRUS_ADMIN: tuple[list[Namespace], list[Namespace]] = ([], [Namespace(b"user/", "/"), Namespace(b"", "/")])
CYRUS_DOTS: tuple[list[Namespace], list[Namespace]] = ([], [Namespace(b"user.", "."), Namespace(b"", ".")])
SUN = ([Namespace(b"", "/")], [Namespace(b"Shared Folders/User/", "/"), Namespace(b"Shared Folders/", "/")])
NOTHING: tuple[list[Namespace], list[Namespace]] = ([Namespace(b"", "/")], [])

Spaces = tuple[list[Namespace], list[Namespace]]
ALL = (COURIER, DOVECOT, DOTTED, CYRUS_ADMIN, CYRUS_DOTS, SUN, NOTHING)


def names(user_root: str, spaces: Spaces) -> list[bytes]:
    return [name for name, _ in root_candidates(user_root, *spaces)]


@pytest.mark.parametrize(
    ("spaces", "user_root", "name"),
    [
        (COURIER, "/users/terry.adams", b"#shared.users.terry adams"),
        (COURIER, "/users/terry.adams", b"#shared.users.terry\\:adams"),
        (COURIER, "#shared.users.terry adams", b"#shared.users.terry adams"),
        (COURIER, "/#shared/users/terry.adams/", b"#shared.users.terry adams"),
        (DOVECOT, "/users/terry.adams", b"users/terry.adams"),
        (DOVECOT, "terry.adams", b"users/terry.adams"),
        (DOTTED, "/users/terry", b"users.terry"),
        (CYRUS_ADMIN, "/user/terry.adams", b"user/terry.adams"),
        (CYRUS_DOTS, "/user/terry.adams", b"user.terry^adams"),
        (SUN, "/Shared Folders/User/terry", b"Shared Folders/User/terry"),
        (SUN, "/User/terry", b"Shared Folders/User/terry"),
        (NOTHING, "/users/terry.adams", b"users/terry.adams"),
        (DOVECOT, "/users/Grün & Co", b"users/Gr&APw-n &- Co"),
    ],
)
def test_a_root_is_found_where_servers_have_it(spaces: Spaces, user_root: str, name: bytes) -> None:
    assert name in names(user_root, spaces)


@pytest.mark.parametrize("spaces", ALL)
@pytest.mark.parametrize("user_root", ["", "/", "//", "/INBOX", "/inbox", "INBOX/Sent", "/INBOX.Sent"])
def test_the_logins_own_inbox_is_never_a_root(spaces: Spaces, user_root: str) -> None:
    for name, mark in root_candidates(user_root, *spaces):
        assert not (name.decode() + mark).upper().startswith("INBOX" + mark)


@pytest.mark.parametrize("spaces", [COURIER, DOVECOT, DOTTED, SUN])
@given(user_root=st.text(alphabet="/.aIuse#sharedINBOX ", max_size=20))
def test_nothing_of_the_logins_own_where_others_have_a_place(spaces: Spaces, user_root: str) -> None:
    prefixes = tuple(space.prefix for space in spaces[1])
    for name in names(user_root, spaces):
        assert name.startswith(prefixes)
        assert not {name, name + b"/", name + b"."} & set(prefixes)


@given(user=st.text(alphabet="ab.", min_size=1, max_size=6))
def test_a_name_with_a_dot_is_never_split(user: str) -> None:
    for spaces in (COURIER, DOTTED, CYRUS_DOTS):
        for name in names(f"/users/{user}", spaces):
            assert b"." not in name.rpartition(b"users.")[2]
