"""The cmdlets that work on objects."""

from __future__ import annotations

import json

import pytest

from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.records import ByteSize, Record
from tests.unit.cmdlets.scene import Scene, page, user


@pytest.fixture
def people(scene: Scene) -> Scene:
    """Four users in the variable $u."""
    listed = [
        user("dora@x", status="Failed", items_synced=5, bytes_synced=100),
        user("ann@x", items_synced=30, bytes_synced=200, last_synced_at=None),
        user("carl@y", status="Failed", items_synced=100, bytes_synced=300),
        user("bob@y", items_synced=7, bytes_synced=400),
    ]
    scene.given("GET /users", page(listed))
    scene.values("$u = Get-MigrationUser")
    return scene


def names(found: list[object]) -> list[object]:
    return [item["Identity"] if isinstance(item, Record) else item for item in found]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{ $_.Status -eq 'failed' }", ["dora@x", "carl@y"]),
        ("{ $_.SyncedItemCount -gt 6 -and $_.SyncedItemCount -le 30 }", ["ann@x", "bob@y"]),
        ("{ -not ($_.Identity -like '*@x') }", ["carl@y", "bob@y"]),
        ("{ $_.Identity -match '^[ab]' -or $_.SyncedItemCount -eq '100' }", ["ann@x", "carl@y", "bob@y"]),
        ("{ $_.Status -in 'Failed','Stopped' }", ["dora@x", "carl@y"]),
        ("{ !$_.LastSuccessfulSyncTime }", ["ann@x"]),
        ("{ $_.LastSuccessfulSyncTime -lt '11/21/2026 8:00 AM' }", ["dora@x", "ann@x", "carl@y", "bob@y"]),
        ("Status -ne Failed", ["ann@x", "bob@y"]),
        ("Status -in Failed,Stopped", ["dora@x", "carl@y"]),
        ("-Property SyncedItemCount -Value 30 -GE", ["ann@x", "carl@y"]),
        ("Identity -NotLike *@y", ["dora@x", "ann@x"]),
        ("LastSuccessfulSyncTime", ["dora@x", "carl@y", "bob@y"]),
    ],
)
def test_where(people: Scene, condition: str, expected: list[str]) -> None:
    assert names(people.values(f"$u | Where-Object {condition}")) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("-First 2", ["dora@x", "ann@x"]),
        ("-Last 1", ["bob@y"]),
        ("-Skip 1 -First 2", ["ann@x", "carl@y"]),
        ("-First 1 -Last 1", ["dora@x", "bob@y"]),
        ("-First 0", []),
        ("-ExpandProperty Identity", ["dora@x", "ann@x", "carl@y", "bob@y"]),
        ("-ExpandProperty Status -Unique", ["Failed", "Synced"]),
    ],
)
def test_select(people: Scene, written: str, expected: list[str]) -> None:
    assert names(people.values(f"$u | Select-Object {written}")) == expected


def test_select_takes_properties_with_wildcards(people: Scene) -> None:
    (found,) = people.values("$u | select Identity,*ItemCount,Nothing -ExcludeProperty skipped* -First 1")
    assert isinstance(found, Record)
    assert list(found.items()) == [("Identity", "dora@x"), ("SyncedItemCount", 5), ("Nothing", None)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Identity", ["ann@x", "bob@y", "carl@y", "dora@x"]),
        ("SyncedItemCount -Descending", ["carl@y", "ann@x", "bob@y", "dora@x"]),
        ("Status,Identity", ["carl@y", "dora@x", "ann@x", "bob@y"]),
        ("{ $_.Identity.Length }", ["ann@x", "bob@y", "dora@x", "carl@y"]),
        ("LastSuccessfulSyncTime,Identity", ["ann@x", "bob@y", "carl@y", "dora@x"]),
    ],
)
def test_sort(people: Scene, written: str, expected: list[str]) -> None:
    assert names(people.values(f"$u | Sort-Object {written}")) == expected


def test_measure(people: Scene) -> None:
    (found,) = people.values("$u | Measure-Object SyncedItemCount -Sum -Average -Maximum -Minimum")
    assert isinstance(found, Record)
    assert dict(found.items()) == {
        "Count": 4, "Average": 35.5, "Sum": 142, "Maximum": 100, "Minimum": 5, "Property": "SyncedItemCount",
    }  # fmt: skip
    assert people.values("($u | measure).Count") == [4]
    with pytest.raises(CommandError, match="not numeric"):
        people.values("$u | measure Identity -Sum")


def test_the_sum_of_sizes_is_a_size(scene: Scene) -> None:
    scene.given("GET /config", {"max_message_bytes": 1024})
    (total,) = scene.values("(Get-MigrationConfig | measure MaxMessageSize -Sum).Sum")
    assert isinstance(total, ByteSize)


def test_group(people: Scene) -> None:
    found = people.values("$u | Group-Object Status | Sort-Object Name")
    assert [(g["Name"], g["Count"]) for g in found if isinstance(g, Record)] == [("Failed", 2), ("Synced", 2)]
    assert names(people.values("($u | group Status)[0].Group")) == ["dora@x", "carl@y"]


def test_for_each(people: Scene) -> None:
    assert people.values("$u | % Identity | select -First 1") == ["dora@x"]
    assert people.values('$u | ForEach-Object { "$($_.Identity): $($_.Status)" } | select -Last 1') == ["bob@y: Synced"]
    assert people.values("1,2 | % { 'a','b' | % { $_ }; $_ }") == ["a", "b", 1, "a", "b", 2]


def test_members_of_a_list_are_those_of_its_items(people: Scene) -> None:
    assert people.values("$u.Identity") == ["dora@x", "ann@x", "carl@y", "bob@y"]
    assert people.values("$u.Count") == [4]


def test_json(people: Scene) -> None:
    (text,) = people.values("$u | select Identity,SyncedItemCount,LastSuccessfulSyncTime -First 2 | ConvertTo-Json")
    assert json.loads(str(text)) == [
        {"Identity": "dora@x", "SyncedItemCount": 5, "LastSuccessfulSyncTime": "2026-11-21T07:00:00Z"},
        {"Identity": "ann@x", "SyncedItemCount": 30, "LastSuccessfulSyncTime": None},
    ]
    assert people.values("$u[0] | select Identity | ConvertTo-Json -Compress") == ['{"Identity":"dora@x"}']
    assert people.values("$nothing | ConvertTo-Json") == []


def test_csv(people: Scene) -> None:
    assert people.values("$u | select Identity,Status -First 1 | ConvertTo-Csv -NoTypeInformation") == [
        *("Identity,Status", "dora@x,Failed"),
    ]
    people.values("$u | select Identity,SyncedItemCount | Export-Csv -Path u.csv -NoTypeInformation")
    people.values("$u | select Identity,SyncedItemCount -First 1 | Export-Csv u.csv -Append")
    lines = (people.folder / "u.csv").read_bytes().decode().split("\r\n")
    assert lines == ["Identity,SyncedItemCount", "dora@x,5", "ann@x,30", "carl@y,100", "bob@y,7", "dora@x,5", ""]
    assert people.values("(Import-Csv u.csv)[1].SyncedItemCount") == ["30"]
    with pytest.raises(CommandError, match="come last"):
        people.values("$u | Format-Table | ConvertTo-Csv")


def test_a_cell_is_no_formula(scene: Scene) -> None:
    scene.given("GET /batches/B/report.csv", "Subject,Count\r\n=cmd|x,-5\r\n")
    header, row = scene.values("Export-MigrationReport B | ConvertTo-Csv")
    assert header == "Subject,Count"
    assert not str(row).startswith("=")


def test_files(people: Scene) -> None:
    people.values("$u | Format-List Identity | Out-File out.txt")
    people.values("'more' | Out-File -FilePath out.txt -Append")
    text = (people.folder / "out.txt").read_text()
    assert text.startswith("\nIdentity : dora@x\n\nIdentity : ann@x\n")
    assert text.endswith("\nmore\n")
    assert people.values("(Get-Content out.txt)[1]; (Get-Content out.txt -Raw).Length") == [
        *("Identity : dora@x", len(text)),
    ]
    with pytest.raises(CommandError, match="already exists"):
        people.values("'x' | Out-File out.txt -NoClobber")
    with pytest.raises(CommandError, match="Could not find file"):
        people.values("Get-Content none.txt")
    with pytest.raises(CommandError, match="Cannot write file"):
        people.values("'x' | Out-File no/such/folder.txt")


def test_encodings_come_back(scene: Scene) -> None:
    for encoding in ("Utf8", "Utf8BOM", "Unicode", "Default"):
        scene.values(f"'Grüße' | Out-File t.txt -Encoding {encoding}")
        assert scene.values("Get-Content t.txt") == ["Grüße"]
    with pytest.raises(CommandError, match="characters that Ascii does not have"):
        scene.values("'Grüße' | Out-File t.txt -Encoding Ascii")


def test_out_string_and_null(people: Scene) -> None:
    assert people.values("$u | Out-Null") == []
    (text,) = people.values("$u[0] | Format-List Identity | Out-String")
    assert text == "\nIdentity : dora@x\n"


def test_texts_and_questions(scene: Scene) -> None:
    scene.screen.lines, scene.screen.secrets = ["yes"], ["P@ssw0rd"]
    assert scene.run('$a = Read-Host "Sure?"; $p = Read-Host -AsSecureString; Write-Host "a: $a"; $p')
    assert scene.screen.questions == ["Sure?", ""]
    assert scene.screen.out == ["a: yes", "System.Security.SecureString"]
    with pytest.raises(CommandError, match="-AsPlainText"):
        scene.values("ConvertTo-SecureString abc")


def test_members_of_objects(people: Scene) -> None:
    found = people.values("$u | Get-Member")
    assert [r["Name"] for r in found if isinstance(r, Record)][:2] == ["Identity", "Guid"]


def test_help(scene: Scene) -> None:
    scene.run("Get-Help New-MigrationBatch")
    assert "SYNTAX\n    New-MigrationBatch [-Name] <String> -SourceEndpoint <String>" in scene.screen.text
    assert "EXAMPLES" not in scene.screen.text
    scene.screen.out.clear()
    scene.run("Get-Help New-MigrationBatch -Examples")
    assert "IMAPmigration_1.csv" in scene.screen.text
    scene.screen.out.clear()
    scene.run("help new-migrationendpoint -Parameter Max*")
    assert scene.screen.text.count("-Max") >= 3
    assert "SYNOPSIS" not in scene.screen.text
    scene.screen.out.clear()
    scene.run("Get-MigrationBatch -?")
    assert scene.screen.text.startswith("NAME\n    Get-MigrationBatch")


def test_help_lists_what_fits(scene: Scene) -> None:
    found = scene.values("Get-Help *Endpoint")
    assert [r["Name"] for r in found if isinstance(r, Record)] == [
        *("Get-MigrationEndpoint", "New-MigrationEndpoint", "Remove-MigrationEndpoint", "Set-MigrationEndpoint"),
    ]
    with pytest.raises(CommandError, match="could not find 'nothing'"):
        scene.values("Get-Help nothing")
    (overview,) = scene.values("Get-Help")
    assert "Get-MigrationBatch" in str(overview)


def test_commands(scene: Scene) -> None:
    def listed(text: str) -> list[object]:
        return [r["Name"] for r in scene.values(text) if isinstance(r, Record)]

    assert len(listed("Get-Command *Migration*")) == 22
    assert listed("Get-Command -Verb Test,Complete") == ["Complete-MigrationBatch", "Test-MigrationServerAvailability"]
    assert listed("Get-Command -Noun *User -Verb S*") == [
        *("Set-MigrationUser", "Start-MigrationUser", "Stop-MigrationUser"),
    ]
    assert listed("Get-Command fl") == ["Format-List"]
    with pytest.raises(CommandError, match="not recognized"):
        scene.values("Get-Command Get-Nothing")
