"""How values, lists and tables look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mailferry.cmdlets.format import moment_text, span_text, value_text
from mailferry.cmdlets.layout import View, show
from mailferry.cmdlets.objects import record_of
from mailferry.cmdlets.records import ByteSize, Lines, Record
from mailferry.cmdlets.spec_objects import BATCH, object_kind
from mailferry.imap.values import Secret
from tests.unit.cmdlets import scene
from tests.unit.cmdlets.scene import user


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "True"),
        (5, "5"),
        (1.0, "1"),
        (1.5, "1.5"),
        (ByteSize(1610612736), "1.5 GB (1,610,612,736 bytes)"),
        (ByteSize(0), "0 B (0 bytes)"),
        (datetime(2026, 11, 21, 7, 6, 54, tzinfo=UTC), "11/21/2026 7:06:54 AM"),
        (datetime(2026, 1, 2, 0, 0, 0, tzinfo=UTC), "1/2/2026 12:00:00 AM"),
        (datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC), "1/2/2026 12:00:00 PM"),
        (timedelta(days=1, hours=2, minutes=3, seconds=4), "1.02:03:04"),
        (timedelta(minutes=-5), "-00:05:00"),
        ([], "{}"),
        (["a", "b"], "{a, b}"),
        (list(range(20)), "{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ...}"),
        (b"abcdef", "{97, 98, 99, 100, ...}"),
        (Secret("P@ssw0rd"), "System.Security.SecureString"),
        ("two\nlines\x07", "two lines\N{REPLACEMENT CHARACTER}"),
        (Record({"Identity": "B"}), "B"),
        (Record({"Count": 2}), "@{Count=2}"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert value_text(value) == text


def test_moments_are_shown_in_utc() -> None:
    there = timezone(timedelta(hours=9))
    assert moment_text(datetime(2026, 11, 21, 16, 6, 54, tzinfo=there)) == "11/21/2026 7:06:54 AM"
    assert span_text(timedelta(0)) == "00:00:00"


def test_the_usual_table_of_batches() -> None:
    first = record_of(BATCH, scene.BATCH)
    second = record_of(BATCH, dict(scene.BATCH, name="B2", status="SyncedWithErrors", total=12))
    assert show([first, second], 80) == (
        "\n"
        "Identity   Status           Type TotalCount\n"
        "--------   ------           ---- ----------\n"
        "IMAPBatch1 Syncing          IMAP          3\n"
        "B2         SyncedWithErrors IMAP         12\n"
    )


def test_the_usual_table_of_users() -> None:
    found = record_of(object_kind("MigrationUser"), user("terrya@contoso.edu"))
    assert show([found], 80) == (
        "\n"
        "Identity           Batch      Status LastSyncTime\n"
        "--------           -----      ------ ------------\n"
        "terrya@contoso.edu IMAPBatch1 Synced 11/21/2026 7:00:00 AM\n"
    )


def test_a_list() -> None:
    found = Record({"Identity": "B", "TotalCount": 3, "Nothing": None})
    view = View((found, found), as_table=False)
    block = "Identity   : B\nTotalCount : 3\nNothing    :\n"
    assert show([view], 80) == f"\n{block}\n{block}"


def test_long_values_go_on_below_themselves() -> None:
    text = show([View((Record({"Message": "x" * 50}),), as_table=False)], 40)
    assert text == "\nMessage : " + "x" * 30 + "\n          " + "x" * 20 + "\n"


def test_long_texts_are_broken_between_words() -> None:
    view = View((Record({"Message": "one two three four five six seven eight nine"}),), as_table=False)
    assert show([view], 35) == "\nMessage : one two three four five\n          six seven eight nine\n"


def test_lines_stand_below_each_other() -> None:
    found = Record({"Steps": Lines(["dns: passed", "tcp: failed"]), "Advice": Lines()})
    assert show([View((found,), as_table=False)], 80) == ("\nSteps  : dns: passed\n         tcp: failed\nAdvice : {}\n")
    assert (
        show([View((found,), as_table=True, names=("Steps",), headers=False)], 80) == "\n{dns: passed, tcp: failed}\n"
    )


def test_what_was_not_asked_for_says_how_to_get_it() -> None:
    kind = object_kind("MigrationUserStatistics")
    found = record_of(kind, {"user": user("a@b.c", items_skipped=2)})
    view = View((found,), as_table=False, names=("SkippedItems", "Report"))
    assert show([view], 80) == (
        "\nSkippedItems : (shown with -IncludeSkippedItems)\nReport       : (shown with -IncludeReport)\n"
    )
    items = [{"subject": "Hello", "folder": "INBOX", "kind": "too large", "date": "2026-01-02T03:04:05Z"}]
    asked = record_of(kind, {"user": user("a@b.c"), "skipped_items": items, "report": []})
    assert show([View((asked,), as_table=False, names=("SkippedItems", "Report"))], 80) == (
        "\nSkippedItems : {Hello}\nReport       : {}\n"
    )


def test_wide_tables_are_cut_or_wrapped() -> None:
    found = Record({"Name": "short", "Text": "abcdefghij" * 5})
    cut = View((found,), as_table=True, names=("Name", "Text"))
    assert show([cut], 30).splitlines()[3] == "short abcdefghijabcdefghija..."
    wrapped = View((found,), as_table=True, names=("Name", "Text"), wrap=True, headers=False)
    assert show([wrapped], 30).splitlines()[1:] == [
        "short abcdefghijabcdefghijabcd",
        "      efghijabcdefghijabcdefgh",
        "      ij",
    ]


ADDRESS = "a.very.long.name.of.somebody@department.contoso.edu"


def lines_of(record: Record, names: tuple[str, ...], width: int, *, wrap: bool = False) -> list[str]:
    """Give the lines of a table of one object, without the heading."""
    return show([View((record,), as_table=True, names=names, wrap=wrap)], width).splitlines()[3:]


def test_the_first_column_is_whole_and_the_others_are_cut() -> None:
    found = Record({"Identity": ADDRESS[:44], "State": "CompletedWithErrors", "ErrorSummary": "x" * 200})
    (line,) = lines_of(found, ("Identity", "State", "ErrorSummary"), 80)
    assert line.startswith(f"{ADDRESS[:44]} Complete")
    assert len(line) <= 80


def test_the_status_is_whole_and_stays() -> None:
    found = Record({"Identity": ADDRESS[:40], "Batch": "A long name of a batch", "Status": "IncrementalSyncing"})
    (line,) = lines_of(found, ("Identity", "Batch", "Status"), 70)
    assert line == f"{ADDRESS[:40]} A long ... IncrementalSyncing"
    line, _, note = lines_of(found, ("Identity", "Batch", "Status"), 66)
    assert line.split()[-1] == "IncrementalSyncing"
    assert note.startswith("(no room for Batch;")


def test_a_first_column_that_is_very_wide_goes_on_in_the_next_line() -> None:
    found = Record({"Identity": ADDRESS, "Status": "Synced"})
    first, second = lines_of(found, ("Identity", "Status"), 50)
    assert first.split() == [ADDRESS[:43], "Synced"]
    assert second == ADDRESS[43:]
    assert "".join(lines_of(found, ("Identity",), 20)) == ADDRESS


@pytest.mark.parametrize("wrap", [False, True])
def test_columns_without_room_are_left_out_and_named(wrap: bool) -> None:
    at = datetime(2026, 11, 21, 7, 6, 54, tzinfo=UTC)
    found = Record({"Identity": ADDRESS[:30], "Count": 1_234_567, "Started": at, "Synced": at, "Completed": at})
    names = ("Identity", "Count", "Started", "Synced", "Completed")
    line, empty, *note = lines_of(found, names, 80, wrap=wrap)
    assert line == f"{ADDRESS[:30]} 1234567 11/21/2026 7:06:54 AM"
    assert (empty, note) == ("", ["(no room for Synced, Completed; Format-List shows them)"])
    assert "11/21/2026 7:06:54 AM 11/21/2026 7:06:54 AM" in lines_of(found, names, 120, wrap=wrap)[0]


def test_wide_characters_count_twice() -> None:
    found = [Record({"Name": name, "Size": 1}) for name in ("移行", "ab")]
    assert show(found, 80).splitlines()[3:] == ["移行    1", "ab      1"]


def test_objects_with_many_properties_are_lists() -> None:
    assert show([Record(dict.fromkeys("abcde", 1))], 80).startswith("\na : 1\nb : 1")
    assert show([Record(dict.fromkeys("abcd", 1))], 80).startswith("\na b c d\n")


def test_different_things_are_shown_apart() -> None:
    text = show(["one", 2, Record({"a": 1}), Record({"b": 1}), None, "end"], 80)
    assert text == "one\n2\n\na\n-\n1\n\n\nb\n-\n1\n\nend"
    assert show([], 80) == ""
    assert show([None], 80) == ""


def test_a_property_that_is_not_there_is_left_out() -> None:
    view = View((Record({"a": 1}),), as_table=False, names=("A", "Nothing", "z*"))
    assert show([view], 80) == "\na : 1\n"
    assert show([View((Record({"a": 1}),), as_table=False, names=("Nothing",))], 80) == ""


CELLS = st.one_of(st.text(max_size=30), st.integers(), st.none(), st.lists(st.text(max_size=5), max_size=3))


@given(
    st.lists(st.dictionaries(st.sampled_from(["Name", "Status", "名前"]), CELLS, min_size=1), min_size=1, max_size=5),
    st.integers(min_value=20, max_value=60),
    st.booleans(),
)
def test_a_table_fits_its_width(rows: list[dict[str, object]], width: int, wrap: bool) -> None:
    view = View(tuple(Record(row) for row in rows), as_table=True, names=("Name", "Status", "名前"), wrap=wrap)
    for line in show([view], width).split("\n"):
        assert cell_len(line) <= width
