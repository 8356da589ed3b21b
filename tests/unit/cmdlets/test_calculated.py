"""Properties that are worked out, arithmetic, and moments in a format of .NET."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cmdlets.arithmetic import product, total
from mailferry.cmdlets.csv_cells import guarded, unguarded
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.records import Record
from tests.unit.cmdlets.scene import BATCH, Scene


@pytest.fixture
def batches(scene: Scene) -> Scene:
    """Two batches; the second has no users."""
    listed = [dict(BATCH, name="B1", total=8, synced=6), dict(BATCH, name="B2", total=0, synced=0, bytes_synced=0)]
    return scene.given("GET /batches", {"items": listed, "next": None, "total": None})


def items(found: list[object]) -> list[list[tuple[str, object]]]:
    return [list(record.items()) for record in found if isinstance(record, Record)]


@pytest.mark.parametrize(
    "table",
    [
        "@{Name='Open';Expression={$_.TotalCount - $_.SyncedCount}}",
        "@{ n = 'Open'; e = { $_.TotalCount - $_.SyncedCount } }",
        '@{Label="Open"; Expression={ "$($_.TotalCount - $_.SyncedCount)" }}',
        "@{\n    l = 'Open'\n    expression = { ($_.TotalCount - $_.SyncedCount) * 1 }\n}",
    ],
)
def test_a_property_is_worked_out(batches: Scene, table: str) -> None:
    first, second = items(batches.values(f"Get-MigrationBatch | Select-Object Identity,{table}"))
    assert [(name, str(value)) for name, value in first] == [("Identity", "B1"), ("Open", "2")]
    assert [(name, str(value)) for name, value in second] == [("Identity", "B2"), ("Open", "0")]


def test_a_property_gets_another_name(batches: Scene) -> None:
    found = batches.values("Get-MigrationBatch | select @{n='Batch';e='Identity'},TotalC* -First 1")
    assert items(found) == [[("Batch", "B1"), ("TotalCount", 8)]]


def test_tables_and_lists_show_what_is_worked_out(batches: Scene) -> None:
    done = "@{n='Done [%]';e={[math]::Round($_.SyncedCount / 8 * 100, 1)}}"
    batches.run(f"Get-MigrationBatch | Format-Table Identity,{done}")
    assert batches.screen.text == "\nIdentity Done [%]\n-------- --------\nB1             75\nB2              0\n"
    batches.screen.out.clear()
    batches.run(f"Get-MigrationBatch | select -First 1 | Format-List {done},Id*")
    assert batches.screen.text == "\nDone [%] : 75\nIdentity : B1\n"


def test_what_cannot_be_worked_out_is_empty_and_told_once(batches: Scene) -> None:
    text = "Get-MigrationBatch | select Identity,@{n='Part';e={$_.SyncedCount / $_.TotalCount}}"
    assert items(batches.values(text)) == [
        [("Identity", "B1"), ("Part", 0.75)],
        [("Identity", "B2"), ("Part", None)],
    ]
    assert batches.screen.warnings == ["Part is empty where it cannot be worked out: Attempted to divide by zero."]


def test_a_table_puts_in_order(batches: Scene) -> None:
    listed = "1,3,2 | % { $_ } | Sort-Object @{Expression={$_ % 2};Descending=$true},@{e={$_}}"
    assert batches.values(listed) == [1, 3, 2]
    assert batches.values("1,3,2 | sort @{e={$_};Ascending=$false}") == [3, 2, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Get-MigrationBatch | select @{n='a'}", "needs an Expression"),
        ("Get-MigrationBatch | select @{e={1}}", "needs a name"),
        ("Get-MigrationBatch | select @{n='a';e={1};x=1}", "'x' is not known"),
        ("Get-MigrationBatch | select @{n='a';l='b';e={1};e={2}}", "'e' is given twice"),
        ("Get-MigrationBatch | ft @{n='a';e={1};FormatString='N1'}", "FormatString is not there"),
        ("Get-MigrationBatch @{n='a'}", "takes no table"),
        ("Write-Output @{n='a'}", "takes no table"),
        ("$x = @{n='a'}", "hash tables"),
        ("Get-MigrationBatch | ft @{n='a';e={while (1) {}}}", "'while' is not part"),
    ],
)
def test_tables_that_are_refused(batches: Scene, text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        batches.values(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7 / 2", 3.5),
        ("6/2", 3),
        ("2 + 3 * 4 - 1", 13),
        ("(2 + 3) * 4", 20),
        ("10 % 3", 1),
        ("-7 % 3", -1),
        ("$null + 4", 4),
        ("$null * 4", 0),
        ("'5' / 2", 2.5),
        ("3 * '2'", 6),
        ("5GB / 1GB", 5),
        ("[math]::Round(2.345, 1)", 2.3),
        ("[math]::Floor(7 / 2) + [math]::Ceiling(7 / 2)", 7),
        ("1.5 -gt 3 / 4", True),
    ],
)
def test_arithmetic(scene: Scene, text: str, value: object) -> None:
    assert scene.values(text) == [value]


def test_sizes_have_the_methods_of_exchange(batches: Scene) -> None:
    assert batches.values("$b = Get-MigrationBatch; $b[0].EstimatedTotalTransferSize.ToMB()") == [1536]
    assert batches.values("$b[0].EstimatedTotalTransferSize / 1MB") == [1536]


@pytest.mark.parametrize("text", ["1 / 0", "1 % 0", "'a' * 2", "'a' - 1", "(1,2) * 2", "1e5 / 2"])
def test_arithmetic_that_is_refused(scene: Scene, text: str) -> None:
    with pytest.raises(CommandError):
        scene.values(text)


def test_numbers_do_not_grow_without_bound() -> None:
    number: object = 10**29
    for _ in range(3):
        number = product("*", number, number)
    assert isinstance(number, float)
    with pytest.raises(CommandError, match="lies outside"):
        product("*", number, number)
    assert total("+", 2**63, 1) == float(2**63)


@pytest.mark.parametrize("text", ["Write-Output $x *", "Write-Output 'a' *2024* /tmp/x", "Write-Output (1) % *.csv"])
def test_signs_among_arguments_are_words(scene: Scene, text: str) -> None:
    assert scene.values(f"$x = 'a'; {text}")[1:] == text.replace("$x", "a").split()[2:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Get-Date -Format 'yyyy-MM-dd'", "2026-11-21"),
        ("Get-Date -Format 'dddd, d MMM yyyy h:mm tt'", "Saturday, 21 Nov 2026 7:06 AM"),
        ("Get-Date -Format o", "2026-11-21T07:06:54.0000000Z"),
        ("Get-Date -Format s", "2026-11-21T07:06:54"),
        ("Get-Date -Format r", "Sat, 21 Nov 2026 07:06:54 GMT"),
        ("Get-Date -Format D", "Saturday, November 21, 2026"),
        ("Get-Date -Format filedate", "20261121"),
        ("Get-Date -Format %d", "21"),
        ("(Get-Date).AddDays(1).ToString('M/d/yyyy HH:mm')", "11/22/2026 07:06"),
        ("Get-Date (Get-Date).AddMonths(3).AddYears(1) -Format g", "2/21/2028 7:06 AM"),
        ("(Get-Date '1/31/2026').AddMonths(1).ToString('d')", "2/28/2026"),
        ("(Get-Date -Hour 18 -Minute 0 -Second 0).ToUniversalTime().ToString('u')", "2026-11-21 18:00:00Z"),
        ("(Get-Date).Subtract((Get-Date).AddHours(-1)).TotalHours", 1.0),
        ("(Get-Date).DayOfWeek", "Saturday"),
    ],
)
def test_moments(scene: Scene, text: str, expected: object) -> None:
    assert scene.values(text) == [expected]


@pytest.mark.parametrize(
    "text", ["Get-Date -Format q", "Get-Date 2/1/2026 -Day 31", "(Get-Date).AddYears(9000)", "Get-Date -UFormat %Y"]
)
def test_moments_that_are_refused(scene: Scene, text: str) -> None:
    with pytest.raises(CommandError):
        scene.values(text)


def test_a_batch_is_completed_tomorrow(scene: Scene) -> None:
    scene.given("PATCH /batches/B", BATCH)
    assert scene.run("Set-MigrationBatch B -CompleteAfter (Get-Date -Hour 18 -Minute 0 -Second 0).AddDays(1)")
    assert scene.last.body == {"complete_after": "2026-11-22T18:00:00Z"}


CELLS = st.text(alphabet=st.one_of(st.sampled_from("=+-@'; \t\n＝a"), st.characters(exclude_categories=["Cs"])))


@given(CELLS)
def test_a_guarded_cell_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text
    for part in guarded(text).split(";"):
        assert part.strip()[:1] not in tuple("=+-@＝＋－＠")


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
def test_what_is_exported_is_imported(rows: list[tuple[str, str]]) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        scene.session.variables["rows"] = [Record({"A": first, "-B": second}) for first, second in rows]
        scene.values("$rows | Export-Csv r.csv")
        assert items(scene.values("Import-Csv r.csv")) == [[("A", first), ("-B", second)] for first, second in rows]


def test_formulas_are_written_when_they_are_wanted(scene: Scene) -> None:
    scene.session.variables["row"] = Record({"Name": "-x", "Plain": "'=1"})
    assert scene.values("$row | ConvertTo-Csv") == ["Name,Plain", "'-x,''=1"]
    assert scene.values("$row | ConvertTo-Csv -AllowFormulas") == ["Name,Plain", "-x,'=1"]
