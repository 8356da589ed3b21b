"""Packed columns, flag tables and ranges."""

from __future__ import annotations

import sys
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.sync.ledger_schema import revise
from mailferry.sync.packed import (
    CONFIRMED,
    NO_DIGEST,
    Blobs,
    Columns,
    FlagTable,
    RowOutcome,
    merge_ranges,
    pack,
)
from mailferry.sync.plan import subtract_ranges

UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
MESSAGES = st.lists(
    st.tuples(
        UINT32,
        UINT32,
        st.sampled_from(RowOutcome),
        UINT64,
        st.integers(-(2**63), 2**63 - 1),
        st.one_of(st.integers(0, 100_000), UINT64),
        st.binary(min_size=16, max_size=16),
        st.integers(0, 65_535),
    ),
    max_size=20,
)
RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def columns_of(messages: list[tuple[int, int, RowOutcome, int, int, int, bytes, int]]) -> Columns:
    columns = Columns()
    for uid, target_uid, outcome, identity, date, size, digest, flags in messages:
        columns.append(uid, identity, date, size, digest, flags)
        columns.target_uids[-1] = target_uid
        columns.outcomes[-1] = outcome
    return columns


def row(*outcomes: tuple[int, RowOutcome], size: int = 10) -> Columns:
    columns = Columns()
    for uid, outcome in outcomes:
        columns.append(uid, 0, -1, size, NO_DIGEST, 0)
        columns.outcomes[-1] = outcome
    return columns


@given(MESSAGES)
def test_columns_survive_packing(messages: list[tuple[int, int, RowOutcome, int, int, int, bytes, int]]) -> None:
    columns = columns_of(messages)
    read = Columns.from_blobs(columns.to_blobs())
    assert read == columns
    assert len(read) == len(messages)
    assert read.size_bytes == sum(message[5] for message in messages)
    assert read.sizes.typecode == "Q"
    assert [read.confirmed(i) for i in range(len(read))] == [message[2] in CONFIRMED for message in messages]


@given(MESSAGES)
def test_a_tally_counts_what_the_outcomes_say(
    messages: list[tuple[int, int, RowOutcome, int, int, int, bytes, int]],
) -> None:
    tally = columns_of(messages).tally()
    outcomes = [message[2] for message in messages]
    assert tally.confirmed == sum(outcome in CONFIRMED for outcome in outcomes)
    assert tally.refused == outcomes.count(RowOutcome.REFUSED)
    assert tally.lost == outcomes.count(RowOutcome.LOST)
    assert tally.size_bytes == sum(message[5] for message in messages if message[2] in CONFIRMED)


def test_a_fresh_message_is_unknown_and_has_no_target_uid() -> None:
    columns = Columns()
    columns.append(7, 2**64 - 1, -1, 5, NO_DIGEST, 3)
    assert columns.outcomes == bytes([RowOutcome.UNKNOWN])
    assert list(columns.target_uids) == [0]
    assert not columns.confirmed(0)


def test_the_numbers_of_outcomes_never_change() -> None:
    names = "UNKNOWN APPENDUID LOOKED_UP COUNTED ADOPTED REFUSED GONE_AT_SOURCE MERGED GONE_FROM_TARGET LOST"  # 0 to 9
    assert [RowOutcome[name].value for name in names.split()] == list(range(10))


def test_bytes_on_disk_are_little_endian_and_47_a_message() -> None:
    columns = Columns()
    columns.append(0x01020304, 0x1112131415161718, 0x21, 0x31323334, bytes(range(16)), 0x4142)
    blobs = columns.to_blobs()
    assert blobs.uids == bytes.fromhex("04030201")
    assert blobs.identities == bytes.fromhex("1817161514131211")
    assert blobs.dates == bytes.fromhex("2100000000000000")
    assert blobs.sizes == bytes.fromhex("34333231")
    assert blobs.flags == bytes.fromhex("4241")
    assert sum(map(len, blobs)) == 47


def test_a_big_endian_machine_writes_and_reads_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    native = array("I", [0x01020304])
    here = pack(native)
    monkeypatch.setattr(sys, "byteorder", "big" if sys.byteorder == "little" else "little")
    assert pack(native) == here[::-1]
    assert list(native) == [0x01020304]  # the caller's column is left alone
    columns = row((0x01020304, RowOutcome.LOST))
    assert Columns.from_blobs(columns.to_blobs()) == columns


def test_a_size_over_4_gib_widens_its_column_only() -> None:
    columns = row((1, RowOutcome.COUNTED), (2, RowOutcome.COUNTED))
    columns.sizes[1] = 2**32
    blobs = columns.to_blobs()
    assert len(blobs.sizes) == 16
    assert list(Columns.from_blobs(blobs).sizes) == [10, 2**32]


@pytest.mark.parametrize("digest", [b"", bytes(15), bytes(32)])
def test_a_digest_of_another_length_is_refused_before_anything_is_added(digest: bytes) -> None:
    columns = Columns()
    with pytest.raises(ValueError, match="16 bytes"):
        columns.append(1, 0, 0, 0, digest, 0)
    assert len(columns) == 0
    assert len(columns.to_blobs().sizes) == 0


def test_columns_loaded_in_part_cannot_be_stored() -> None:
    blobs = row((1, RowOutcome.COUNTED)).to_blobs()
    part = Columns.from_blobs(Blobs(blobs.uids, blobs.target_uids, blobs.outcomes))
    assert len(part) == 1
    assert part.confirmed(0)
    with pytest.raises(ValueError, match="not all loaded"):
        part.to_blobs()


@pytest.mark.parametrize("name", Blobs._fields)
def test_a_damaged_blob_is_found(name: str) -> None:
    blobs = row((1, RowOutcome.LOST), (2, RowOutcome.LOST), (3, RowOutcome.LOST)).to_blobs()
    with pytest.raises(ValueError, match=r"damaged"):
        Columns.from_blobs(blobs._replace(**{name: getattr(blobs, name)[:-1]}))


def test_places_of_an_outcome() -> None:
    columns = row((1, RowOutcome.LOST), (2, RowOutcome.COUNTED), (3, RowOutcome.LOST))
    assert list(columns.indexes_of(RowOutcome.LOST)) == [0, 2]
    assert list(columns.indexes_of(RowOutcome.MERGED)) == []
    assert columns.confirmed_mask() == b"\0\1\0"


# --- flag tables -----------------------------------------------------------------------------------------


@given(st.lists(st.frozensets(st.text(max_size=5), max_size=4)))
def test_a_flag_table_gives_back_what_it_numbered(sets: list[frozenset[str]]) -> None:
    table = FlagTable()
    indexes = [table.index_of(flags) for flags in sets]
    read = FlagTable.from_json(table.to_json())
    assert read == table
    assert [read.flags_of(index) for index in indexes] == sets
    assert len(table) == len(set(sets))
    assert [read.index_of(flags) for flags in sets] == indexes


def test_a_full_flag_table_says_other_and_still_knows_the_old_sets() -> None:
    table = FlagTable(frozenset({f"k{i}"}) for i in range(65_534))
    assert table.index_of(frozenset({"last"})) == 65_534
    assert table.index_of(frozenset({"one too many"})) == FlagTable.OTHER
    assert table.flags_of(FlagTable.OTHER) is None
    assert table.index_of(frozenset({"k7"})) == 7
    assert len(table) == 65_535
    columns = Columns()
    columns.append(1, 0, 0, 0, NO_DIGEST, FlagTable.OTHER)  # fits the column


def test_an_index_that_was_never_given_is_unknown() -> None:
    table = FlagTable([frozenset({"\\Seen"})])
    assert table.flags_of(1) is None
    assert table.flags_of(-1) is None


def test_a_flag_table_with_a_set_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="different"):
        FlagTable.from_json('[["a","b"],["b","a"]]')


@given(MESSAGES)
def test_many_at_once_are_the_same_as_one_by_one(
    messages: list[tuple[int, int, RowOutcome, int, int, int, bytes, int]],
) -> None:
    rows = [(uid, identity, date, size, digest, flag) for uid, _, _, identity, date, size, digest, flag in messages]
    at_once, one_by_one = Columns(), Columns()
    at_once.extend(rows[:3])
    at_once.extend(rows[3:])
    for row in rows:
        one_by_one.append(*row)
    assert at_once == one_by_one
    assert len(at_once.to_blobs().outcomes) == len(rows)


def test_a_digest_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Columns().extend([(1, 2, 3, 4, b"short", 0)])


# --- ranges ----------------------------------------------------------------------------------------------


def members(ranges: list[tuple[int, int]]) -> set[int]:
    return {uid for lo, hi in ranges for uid in range(lo, hi + 1)} - {0}


@given(RANGES)
def test_merged_ranges_hold_the_same_uids_and_do_not_touch(ranges: list[tuple[int, int]]) -> None:
    merged = merge_ranges([(lo, hi) for lo, hi in ranges if lo])
    assert members(merged) == members([(lo, hi) for lo, hi in ranges if lo])
    assert all(lo <= hi for lo, hi in merged)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(merged))


@given(RANGES, RANGES)
def test_subtraction_is_that_of_sets(total: list[tuple[int, int]], covered: list[tuple[int, int]]) -> None:
    left = subtract_ranges([(lo, hi) for lo, hi in total if lo], [(lo, hi) for lo, hi in covered if lo])
    expected = members([(lo, hi) for lo, hi in total if lo]) - members([(lo, hi) for lo, hi in covered if lo])
    assert members(left) == expected
    assert left == merge_ranges(left)


def test_the_empty_cover_counts_for_nothing() -> None:
    assert merge_ranges([(0, 0), (5, 7), (8, 9), (4, 3)]) == [(5, 9)]
    assert subtract_ranges([(1, 10)], [(0, 0)]) == [(1, 10)]


# --- the last word ---------------------------------------------------------------------------------------

U, OK, NO, LOST, GONE = (
    RowOutcome.UNKNOWN,
    RowOutcome.APPENDUID,
    RowOutcome.REFUSED,
    RowOutcome.LOST,
    RowOutcome.GONE_FROM_TARGET,
)


@pytest.mark.parametrize(
    ("rows", "lost"),
    [
        ([row((1, LOST), (2, OK))], {1}),
        ([row((1, LOST)), row((1, OK))], set()),
        ([row((1, LOST)), row((1, NO))], set()),
        ([row((1, LOST)), row((1, U))], set()),
        ([row((1, LOST)), row((1, LOST))], {1}),
        ([row((1, LOST)), row((1, OK)), row((1, LOST))], {1}),
        ([row((1, NO), (2, LOST)), row((2, OK)), row((3, LOST))], {3}),
        ([row((1, GONE)), row((1, LOST))], {1}),
        ([], set()),
    ],
)
def test_the_last_word_decides_what_is_lost(rows: list[Columns], lost: set[int]) -> None:
    assert revise(rows)[1] == lost


def test_a_confirmed_message_that_was_sent_again_counts_once() -> None:
    overruled, lost = revise([row((1, GONE), size=70), row((1, OK), size=70), row((2, NO)), row((2, LOST))])
    assert (overruled.confirmed, overruled.refused, overruled.lost, overruled.size_bytes) == (1, 1, 0, 70)
    assert lost == {2}
