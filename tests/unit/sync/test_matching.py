"""Messages are matched as multisets, by identity first."""

from __future__ import annotations

from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.sync.matching import Ambiguous, Entries, Match, Purpose, Rule, decide_by_digest, match

Row = tuple[int, int, int]  # identity, date, size
EXACT = Rule(Purpose.EXACT)
REBUILT = Rule(Purpose.EXACT, keeps_bytes=False)
RECOVERY = Rule(Purpose.RECOVERY)


def entries(*rows: Row) -> Entries:
    return Entries(
        array("Q", [row[0] for row in rows]), array("q", [row[1] for row in rows]), array("Q", [row[2] for row in rows])
    )


def pairs(wanted: list[Row], present: list[Row], rule: Rule) -> list[tuple[int, int]]:
    return list(match(entries(*wanted), entries(*present), rule).pairs())


def test_two_equal_messages_are_two() -> None:
    message = (7, 100, 10)
    result = match(entries(message, message, message), entries(message, message), EXACT)
    assert list(result.pairs()) == [(0, 0), (1, 1)]
    assert list(result.missing()) == [2]
    assert list(result.surplus(2)) == []
    assert list(match(entries(message), entries(message, message), EXACT).surplus(2)) == [1]


@pytest.mark.parametrize("rule", [EXACT, REBUILT, RECOVERY])
def test_never_by_size_or_date_without_identity(rule: Rule) -> None:
    assert pairs([(7, 100, 10)], [(8, 100, 10)], rule) == []


@pytest.mark.parametrize(
    ("present", "exact", "rebuilt"),
    [
        ((7, 100, 10), True, True),
        ((7, 100, 11), True, True),
        ((7, 101, 10), True, True),
        ((7, -1, 10), True, True),
        ((7, 101, 11), False, True),
    ],
)
def test_exact_goes_by_date_then_size_then_alone_where_bytes_change(present: Row, exact: bool, rebuilt: bool) -> None:
    assert bool(pairs([(7, 100, 10)], [present], EXACT)) is exact
    assert bool(pairs([(7, 100, 10)], [present], REBUILT)) is rebuilt
    twice = [(7, 100, 10), (9, 1, 1)], [present, (9, 1, 1)]
    assert len(pairs(*twice, EXACT)) == 1 + exact
    doubled = [(7, 100, 10), (7, 500, 50)], [present]
    assert len(pairs(*doubled, EXACT)) == exact
    assert len(pairs(*doubled, REBUILT)) == rebuilt


def test_the_better_pair_wins_over_the_order() -> None:
    assert pairs([(7, 100, 10), (7, 100, 20)], [(7, 100, 20)], EXACT) == [(1, 0)]
    assert pairs([(7, 100, 10), (7, 200, 20)], [(7, 200, 99), (7, 300, 10)], EXACT) == [(0, 1), (1, 0)]


def test_two_dates_that_are_unknown_are_not_equal() -> None:
    assert pairs([(7, -1, 10)], [(7, -1, 11)], EXACT) == []
    assert pairs([(7, -1, 10), (7, -1, 12)], [(7, -1, 11), (7, -1, 13)], EXACT) == []
    assert pairs([(7, -1, 10)], [(7, -1, 10)], RECOVERY) == []


def test_messages_without_identity_need_date_and_size() -> None:
    assert pairs([(0, 100, 10)], [(0, 100, 11)], EXACT) == []
    assert pairs([(0, 100, 10)], [(0, 101, 10)], REBUILT) == []
    assert pairs([(0, 100, 10)], [(0, 100, 10)], EXACT) == [(0, 0)]


def test_columns_that_are_not_known_are_left_out() -> None:
    identities = array("Q", [7, 7, 8])
    bare = Entries(identities)
    assert list(match(bare, bare, EXACT).pairs()) == []
    assert list(match(bare, bare, REBUILT).pairs()) == [(0, 0), (1, 1), (2, 2)]
    assert list(match(bare, bare, RECOVERY).pairs()) == [(0, 0), (1, 1), (2, 2)]
    dated = Entries(identities, array("q", [1, 2, 3]))
    assert list(match(dated, entries((8, 3, 1), (7, 2, 1)), EXACT).pairs()) == [(1, 1), (2, 0)]
    assert list(match(dated, dated, RECOVERY).pairs()) == [(0, 0), (1, 1), (2, 2)]
    assert list(match(dated, bare, RECOVERY).pairs()) == [(0, 0), (1, 1), (2, 2)]


def test_recovery_goes_by_identity_and_date() -> None:
    assert pairs([(7, 100, 10)], [(7, 100, 10)], RECOVERY) == [(0, 0)]
    assert pairs([(7, 100, 10)], [(7, 101, 10)], RECOVERY) == []
    assert pairs([(7, 100, 10), (7, 200, 10)], [(7, 200, 10)], RECOVERY) == [(1, 0)]
    assert pairs([(7, 100, 10)], [(7, 101, 10)], Rule(Purpose.RECOVERY, keeps_dates=False)) == [(0, 0)]
    assert pairs([(7, 100, 10)], [(7, 100, 11)], Rule(Purpose.RECOVERY, keeps_bytes=False)) == [(0, 0)]


@pytest.mark.parametrize(
    ("wanted", "present"),
    [
        ([(7, 100, 10)], [(7, 100, 10), (7, 100, 10)]),
        ([(7, 100, 10), (7, 100, 10)], [(7, 100, 10)]),
        ([(7, 100, 10)], [(7, 100, 11)]),
        ([(7, 100, 10), (7, 100, 20)], [(7, 100, 20), (7, 100, 10)]),
    ],
)
def test_recovery_leaves_what_is_not_clear_to_the_digests(wanted: list[Row], present: list[Row]) -> None:
    result = match(entries(*wanted), entries(*present), RECOVERY)
    assert list(result.pairs()) == []
    assert result.ambiguous == [Ambiguous(tuple(range(len(wanted))), tuple(range(len(present))))]
    by_count = match(entries(*wanted), entries(*present), Rule(Purpose.RECOVERY, keeps_bytes=False))
    assert by_count.ambiguous == []
    assert len(list(by_count.pairs())) == min(len(wanted), len(present))


def test_the_digest_rule_decides_nothing_itself() -> None:
    result = match(entries((7, 100, 10), (8, 1, 1)), entries((7, 100, 10)), Rule(Purpose.DIGEST))
    assert list(result.pairs()) == []
    assert result.ambiguous == [Ambiguous((0,), (0,))]


def test_digests_decide_each_message_once_and_unknown_ones_equal_nothing() -> None:
    mine = [b"a", b"b", b"b", None, b"c"]
    theirs = [None, b"b", b"a", b"b", b"b"]
    decided = decide_by_digest([Ambiguous((0, 1, 2, 3, 4), (0, 1, 2, 3, 4))], mine.__getitem__, theirs.__getitem__)
    assert decided == [(0, 2), (1, 1), (2, 3)]


def test_settle_enters_what_was_decided() -> None:
    result = match(entries((7, 100, 10)), entries((7, 100, 11), (7, 100, 12)), RECOVERY)
    result.settle([(0, 1)])
    assert list(result.pairs()) == [(0, 1)]
    assert result.ambiguous == []
    assert list(result.surplus(2)) == [0]


ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 2), st.integers(0, 2)), max_size=12)
RULES = st.builds(Rule, st.sampled_from(Purpose), st.booleans(), st.booleans())


def is_pair(one: Row, other: Row, rule: Rule) -> bool:
    same_date, same_size = one[1] == other[1] >= 0, one[2] == other[2]
    if one[0] != other[0]:
        return False
    if rule.purpose is Purpose.RECOVERY:
        return same_date or not rule.keeps_dates
    if one[0] == 0:
        return same_date and same_size
    return same_date or same_size or not rule.keeps_bytes


@given(ROWS, ROWS, RULES)
def test_each_message_is_used_once_and_only_with_its_like(wanted: list[Row], present: list[Row], rule: Rule) -> None:
    result: Match = match(entries(*wanted), entries(*present), rule)
    found = list(result.pairs())
    in_groups = [j for group in result.ambiguous for j in group.present]
    assert len({j for _, j in found} | set(in_groups)) == len(found) + len(in_groups)
    assert all(is_pair(wanted[i], present[j], rule) for i, j in found)
    assert found == sorted(found)
    assert len(found) + len(result.missing()) == len(wanted)
    assert len(found) + len(result.surplus(len(present))) == len(present)
    grouped = {i for group in result.ambiguous for i in group.wanted}
    if rule.purpose is not Purpose.DIGEST:  # nothing is left over on both sides that could be paired
        rest = [present[j] for j in result.surplus(len(present)) if j not in in_groups]
        assert not any(is_pair(wanted[i], row, rule) for i in result.missing() if i not in grouped for row in rest)


@given(ROWS)
def test_the_same_mail_in_another_order_is_all_found(rows: list[Row]) -> None:
    rows = [(identity, max(date, 0), size) for identity, date, size in rows]
    shuffled = sorted(rows, key=lambda row: (row[2], row[1], row[0]))
    result = match(entries(*rows), entries(*shuffled), EXACT)
    assert Counter(shuffled[j] for _, j in result.pairs()) == Counter(rows)
