"""UIDs: stable over runs, programs and crashes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.backends.base import INBOX, Want
from mailferry.backends.maildir import open_reader, open_target
from mailferry.backends.maildir_uids import OWN_FILE, UidFile, UidTable, Validities, read_dovecot, read_own
from mailferry.errors import LedgerUnwritable

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


def clock(moment: int) -> Callable[[], float]:
    return lambda: float(moment)


def uid_file(folder: Path, moment: int = 1_700_000_000) -> UidFile:
    return UidFile(bytes(folder / OWN_FILE), Validities(bytes(folder / "validity"), clock(moment)))


def order(unique: bytes) -> tuple[int, int, bytes]:
    return (0, 0, unique)


def settle(file: UidFile, names: list[bytes], seed: UidTable | None = None) -> dict[bytes, int]:
    return file.settle(dict.fromkeys(names), seed, order).uids


def maildir(folder: Path, *names: str) -> Path:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / "cur" / name).write_bytes(MESSAGE)
    return folder


async def seen(folder: Path, state: Path, moment: int = 1_700_000_000) -> tuple[int, int, list[int]]:
    reader = await open_reader(folder, state_directory=state, now=clock(moment))
    listing = await reader.listing(INBOX, Want(0))
    await reader.close()
    return listing.status.uid_validity, listing.status.uid_next, list(listing.uids)


def test_uids_stay(tmp_path: Path) -> None:
    first = settle(uid_file(tmp_path), [b"b", b"a"])
    assert first == {b"a": 1, b"b": 2}
    assert settle(uid_file(tmp_path, 9), [b"c", b"b", b"0"]) == {b"a": 1, b"b": 2, b"0": 3, b"c": 4}
    table = read_own(bytes(tmp_path / OWN_FILE))
    assert table == UidTable(1_700_000_000, 5, {b"a": 1, b"b": 2, b"0": 3, b"c": 4})


def test_two_that_write_at_once_never_give_a_uid_twice(tmp_path: Path) -> None:
    one, two = uid_file(tmp_path), uid_file(tmp_path)
    assert [*one.allocate([b"a"]), *two.allocate([b"b", b"c"]), *one.allocate([b"d"])] == [1, 2, 3, 4]


def test_a_new_uid_replaces_the_old_one(tmp_path: Path) -> None:
    file = uid_file(tmp_path)
    assert list(file.allocate([b"a"])) == [1]
    assert list(file.allocate([b"a"])) == [2]
    assert settle(file, [b"a"]) == {b"a": 2}


@pytest.mark.parametrize("cut", range(1, 12))
def test_an_unfinished_line_does_not_count(tmp_path: Path, cut: int) -> None:
    settle(uid_file(tmp_path), [b"first", b"second"])
    path = tmp_path / OWN_FILE
    path.write_bytes(path.read_bytes()[:-cut])
    uids = settle(uid_file(tmp_path), [b"first", b"second", b"third"])
    assert uids[b"first"] == 1
    assert sorted(uids.values()) == [1, 2, 3]
    assert path.read_bytes().count(b"\n") == 4


@pytest.mark.parametrize("content", [b"", b"mailferry-ui", b"mailferry-uids 1 17000", b"something else\n", b"\0" * 64])
def test_a_broken_table_starts_anew_under_another_validity(tmp_path: Path, content: bytes) -> None:
    file = uid_file(tmp_path)
    settle(file, [b"a"])
    (tmp_path / OWN_FILE).write_bytes(content)
    table = uid_file(tmp_path).settle({b"b": None, b"a": None}, None, order)
    assert table.validity == 1_700_000_001
    assert read_own(bytes(tmp_path / OWN_FILE)) == table


@given(st.lists(st.sets(st.sampled_from([b"a", b"b", b"c", b"d", b"e"])), max_size=6), st.data())
def test_new_messages_always_come_last(rounds: list[set[bytes]], data: st.DataObject) -> None:
    table = UidTable(1)
    seed = UidTable(7, 99, data.draw(st.dictionaries(st.sampled_from([b"a", b"b", b"c", b"d"]), st.integers(1, 9))))
    import mailferry.backends.maildir_uids as module

    for present in rounds:
        known, next_uid = dict(table.uids), table.next_uid
        module._numbered([unique for unique in sorted(present) if unique not in known], table, seed, order)
        assert known.items() <= table.uids.items()
        assert all(uid >= next_uid for unique, uid in table.uids.items() if unique not in known)
        assert len(set(table.uids.values())) == len(table.uids)


VERSION_3 = b"3 V1700000123 N9 Gabc\n2 W20 S18 :1.M1P1.host,S=18,W=20\n5 :2.M1P1.host:2,S\n8 :3.M1P1.host\n9 :4.unfin"
VERSION_1 = b"1 1700000123 9\n2 1.M1P1.host,S=18,W=20\n5 2.M1P1.host\n8 3.M1P1.host:2,RS\n"


@pytest.mark.parametrize("content", [VERSION_3, VERSION_1])
def test_dovecots_table_is_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dovecot-uidlist").write_bytes(content)
    uids = {b"1.M1P1.host": 2, b"2.M1P1.host": 5, b"3.M1P1.host": 8}
    assert read_dovecot(bytes(tmp_path)) == UidTable(1_700_000_123, 9, uids)


@pytest.mark.parametrize("content", [b"", b"2 x\n", b"3 Vx N1\n", b"3 N1\n"])
def test_what_is_no_table_of_dovecots(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dovecot-uidlist").write_bytes(content)
    assert read_dovecot(bytes(tmp_path)) is None


async def test_a_source_that_dovecot_numbers_has_dovecots_uids(tmp_path: Path) -> None:
    folder = maildir(tmp_path / "mail", "1.M1P1.host,S=18,W=20:2,S", "2.M1P1.host:2,", "3.M1P1.host:2,")
    (folder / "dovecot-uidlist").write_bytes(VERSION_3)
    assert await seen(folder, tmp_path / "state") == (1_700_000_123, 9, [2, 5, 8])
    assert await seen(folder, tmp_path / "elsewhere") == (1_700_000_123, 9, [2, 5, 8])


async def test_a_file_that_dovecot_has_not_seen_starts_a_numbering_of_our_own(tmp_path: Path) -> None:
    folder = maildir(tmp_path / "mail", "1.M1P1.host", "2.M1P1.host")
    (folder / "dovecot-uidlist").write_bytes(b"3 V1700000123 N6\n2 :1.M1P1.host\n5 :2.M1P1.host\n")
    assert (await seen(folder, tmp_path / "state"))[0] == 1_700_000_123
    maildir(folder, "9.M1P1.host", "8.M1P1.host")
    validity, following, uids = await seen(folder, tmp_path / "state")
    assert validity > 1_700_000_123
    assert (following, uids) == (8, [2, 5, 6, 7])
    # Dovecot numbers them the other way round; what we said holds.
    with (folder / "dovecot-uidlist").open("ab") as table:
        table.write(b"6 :9.M1P1.host\n7 :8.M1P1.host\n")
    assert await seen(folder, tmp_path / "state") == (validity, 8, [2, 5, 6, 7])


async def test_a_source_without_a_table_is_numbered_by_arrival_and_stays_untouched(tmp_path: Path) -> None:
    folder = maildir(tmp_path / "mail", "20.M7P1.host:2,S", "20.M10P1.host:2,", "3.host", "no-date")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert (await seen(folder, tmp_path / "state"))[2] == [1, 2, 3, 4]
    (folder / "cur" / "20.M7P1.host:2,S").unlink()
    maildir(folder, "1.early")
    validity, following, uids = await seen(folder, tmp_path / "state", 1_800_000_000)
    assert (validity, following, uids) == (1_700_000_000, 6, [1, 3, 4, 5])
    assert {path for path in folder.rglob("*") if path.is_file()} - set(before) == {folder / "cur" / "1.early"}


async def test_a_lost_table_changes_the_validity(tmp_path: Path) -> None:
    folder = maildir(tmp_path / "mail", "1.a")
    before = await seen(folder, tmp_path / "state")
    after = await seen(folder, tmp_path / "other state", 1_700_000_001)
    assert before[0] != after[0]


async def test_a_table_that_cannot_be_written_stops_the_reading(tmp_path: Path) -> None:
    folder = maildir(tmp_path / "mail", "1.a")
    (tmp_path / "state").write_bytes(b"a file in the way")
    with pytest.raises(LedgerUnwritable):
        await seen(folder, tmp_path / "state")


async def test_a_folder_made_again_has_another_validity(tmp_path: Path) -> None:
    target = await open_target(tmp_path / "mail", now=clock(1_700_000_000))
    before = (await target.status([INBOX]))[0]
    (tmp_path / "mail" / OWN_FILE).unlink()
    after = (await target.status([INBOX]))[0]
    await target.close()
    assert before is not None
    assert after is not None
    assert after.uid_validity > before.uid_validity
