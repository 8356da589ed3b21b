"""Names of files, flags and folders in a Maildir++."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, FolderPath
from mailferry.backends.maildir_keywords import Keywords
from mailferry.backends.maildir_names import (
    arrival,
    directory_of,
    is_own,
    letters_of,
    own_source,
    own_unique,
    path_of,
    source_stamp,
    unique_part,
    virtual_size,
    with_letters,
)

part = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="./"), min_size=1, max_size=12)


@given(st.lists(part, min_size=1, max_size=4).filter(lambda parts: parts[0].upper() != "INBOX" and parts[0][0] != "~"))
def test_a_folder_name_comes_back(parts: list[str]) -> None:
    path = FolderPath(tuple(parts))
    directory = directory_of(path)
    assert path_of(directory) == path
    assert directory.startswith(b".")
    assert b"/" not in directory
    assert directory not in (b".", b"..")


@pytest.mark.parametrize(
    ("parts", "directory"),
    [
        (("INBOX",), b""),
        (("INBOX", "Old"), b".INBOX.Old"),
        (("Entwürfe",), b".Entw&APw-rfe"),
        (("R&D", "2024"), b".R&-D.2024"),
    ],
)
def test_folders_are_named_as_dovecot_names_them(parts: tuple[str, ...], directory: bytes) -> None:
    assert directory_of(FolderPath(parts)) == directory


@pytest.mark.parametrize(
    "parts", [("a.b",), ("..", "..", "etc"), ("a/b",), ("../x",), ("Inbox",), ("inbox", "x"), ("~root",), ("x" * 255,)]
)
def test_what_cannot_be_stored_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"cannot|itself|bytes"):
        directory_of(FolderPath(parts))


@pytest.mark.parametrize("directory", [b"..", b"...", b".a..b", b".a.", b".\xff\xfe", b".&AAA", b".raw\xc3\xbc", b". "])
def test_any_directory_stands_for_some_folder(directory: bytes) -> None:
    assert path_of(directory) != INBOX


@given(st.integers(-(2**31), 2**34), st.integers(1, 2**32 - 1), st.text())
def test_our_files_tell_where_they_came_from(date: int, uid: int, key: str) -> None:
    stamp = source_stamp(key)
    unique = own_unique(date, uid, stamp).encode("ascii")
    for name in (unique, unique + b",S=12,W=13", unique + b",S=12,W=13:2,FSa"):
        assert own_source(name) == (stamp.encode(), uid)
        assert unique_part(name) == unique
        assert arrival(name) == (max(date, 0), uid)
    assert not is_own(b"x" + unique)
    assert not is_own(unique + b"x")


def test_parts_of_a_file_name() -> None:
    name = b"1700000000.M1P2.host,S=10,W=12:2,FS"
    assert unique_part(name) == b"1700000000.M1P2.host"
    assert letters_of(name) == b"FS"
    assert virtual_size(name) == 12
    assert with_letters(name, b"a") == b"1700000000.M1P2.host,S=10,W=12:2,a"
    assert with_letters(b"plain", b"S") == b"plain:2,S"
    assert (letters_of(b"plain"), virtual_size(b"plain"), arrival(b"plain")) == (b"", None, None)
    assert b"\n" not in unique_part(b"line\nfeed")


def test_flags_and_letters() -> None:
    keywords = Keywords({0: "$Forwarded", 3: "Project"})
    assert keywords.flags(b"FPRSTadx!") == {"\\Flagged", "\\Answered", "\\Seen", "\\Deleted", "$Forwarded", "Project"}
    assert keywords.letters(frozenset({"\\Seen", "\\Draft", "project", "$forwarded", "Lost"})) == b"DSad"
    assert keywords.missing(["\\Seen", "\\Recent", "Project", "New", "new", "with blank", "Älter"]) == ["New"]


def test_forwarded_without_a_letter_is_p() -> None:
    full = Keywords({index: f"k{index}" for index in range(26)})
    assert full.full
    assert full.missing(["$Forwarded", "other"]) == []
    assert full.letters(frozenset({"$Forwarded", "other", "k25"})) == b"Pz"
    assert full.changed(b"PSz", frozenset(), frozenset({"$Forwarded"})) == b"Sz"


def test_a_change_keeps_letters_that_mean_nothing() -> None:
    assert Keywords({}).changed(b"QSq", frozenset({"\\Flagged"}), frozenset({"\\Seen"})) == b"FQq"
