"""Sessions: pipelines, questions, errors, variables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailferry.cmdlets.bind import Argument
from mailferry.cmdlets.errors import CommandError, Exit, Span
from mailferry.cmdlets.evaluate import Session
from mailferry.cmdlets.host import Reply
from mailferry.cmdlets.records import Record
from mailferry.cmdlets.spec import find_cmdlet
from tests.unit.cmdlets.scene import BATCH, ENDPOINT, Scene, encoded, page, problem, user

TERRY, ANN, PAUL = "terrya@contoso.edu", "annb@contoso.edu", "paulc@contoso.edu"


@pytest.fixture
def users(scene: Scene) -> Scene:
    """A service with three users, one of whom failed."""
    listed = [
        user(TERRY, items_skipped=2),
        user(ANN, status="Failed", summary="Failed", items_synced=3),
        user(PAUL, items_synced=7),
    ]
    scene.given("GET /users", page(listed))
    for each in listed:
        scene.given(f"POST /users/{each['guid']}/start", each)
        scene.given(f"DELETE /users/{each['guid']}", each, 202)
        statistics = {"user": each, "durations": {"queued_seconds": 3.0}, "bytes_per_hour": 2048.0}
        scene.given(f"GET /users/{each['guid']}/statistics", statistics)
    return scene


# --- pipelines -------------------------------------------------------------------------------------------------


def test_failed_users_are_started_again(users: Scene) -> None:
    assert users.run(
        'Get-MigrationUser -BatchId IMAPBatch1 | Where-Object { $_.Status -eq "failed" } | Start-MigrationUser'
    )
    listed, started = users.sent
    assert listed.query == {"batch": "IMAPBatch1", "limit": "1000"}
    assert started.line == f"POST /api/v1/users/{user(ANN)['guid']}/start"


def test_statistics_of_those_with_skipped_items(users: Scene) -> None:
    found = users.values(
        "Get-MigrationUser | ? SkippedItemCount -gt 0 | Get-MigrationUserStatistics -IncludeSkippedItems"
    )
    (statistics,) = found
    assert isinstance(statistics, Record)
    assert statistics["Identity"] == TERRY
    assert users.last.query == {"skipped_items": "true"}


def test_a_pipeline_asks_for_no_more_than_is_used(scene: Scene) -> None:
    def answer(_sent: object) -> tuple[int, Any]:
        return 200, page([user(TERRY), user(ANN)], "2")

    scene.service.answers["GET /api/v1/users"] = answer
    assert len(scene.values("Get-MigrationUser -ResultSize Unlimited | Select-Object -First 2")) == 2
    assert len(scene.sent) == 1


def test_more_results_than_usual_are_told(scene: Scene) -> None:
    scene.given("GET /users", page([user(f"u{number}@x") for number in range(1000)], "1000"))
    assert len(scene.values("Get-MigrationUser")) == 1000
    assert "-ResultSize Unlimited" in scene.screen.warnings[0]
    scene.screen.warnings.clear()
    assert len(scene.values("Get-MigrationUser -ResultSize 1000")) == 1000
    assert scene.screen.warnings == []


def test_texts_go_through_a_pipeline_too(scene: Scene) -> None:
    scene.given("GET /batches/A", BATCH).given("GET /batches/B", BATCH)
    scene.run('"A", "B" | Get-MigrationBatch')
    assert [sent.path for sent in scene.sent] == ["/api/v1/batches/A", "/api/v1/batches/B"]


def test_an_error_about_one_object_does_not_stop_the_others(scene: Scene) -> None:
    scene.given("GET /batches/B", BATCH)
    scene.given("GET /batches/A", problem(404, "not-found", "There is no batch 'A'.")[1], 404)
    assert not scene.run("'A', 'B' | Get-MigrationBatch | Format-List Identity")
    assert scene.screen.messages == ["The migration batch 'A' couldn't be found."]
    assert "Identity : IMAPBatch1" in scene.screen.text
    assert scene.screen.errors[0].span == Span(11, 29)


def test_nothing_is_never_everything(scene: Scene) -> None:
    scene.given("GET /batches", page([BATCH]))
    for text in ("Get-MigrationBatch $undefined", "Get-MigrationBatch ''", "Get-MigrationBatch -Identity $null"):
        assert not scene.run(text)
    assert scene.run("$undefined | Remove-MigrationBatch -Confirm:$false")
    assert scene.sent == []


def test_a_cmdlet_that_takes_no_objects_says_so(scene: Scene) -> None:
    assert not scene.run("Get-MigrationConfig | Set-MigrationConfig -RetryAttempts 3")
    assert scene.screen.errors[0].error_id == "InputObjectNotBound"
    assert scene.sent == []


# --- questions -------------------------------------------------------------------------------------------------


def test_what_if_does_nothing(users: Scene) -> None:
    users.run("Get-MigrationUser | Remove-MigrationUser -WhatIf")
    assert users.screen.out == [
        f'What if: Performing the operation "Removing the migration user" on target "{address}".'
        for address in (TERRY, ANN, PAUL)
    ]
    assert len(users.sent) == 1


@pytest.mark.parametrize(
    ("replies", "removed"),
    [
        ([Reply.YES, Reply.NO, Reply.YES], [TERRY, PAUL]),
        ([Reply.YES_TO_ALL], [TERRY, ANN, PAUL]),
        ([Reply.NO, Reply.YES_TO_ALL], [ANN, PAUL]),
        ([Reply.NO_TO_ALL], []),
    ],
)
def test_answers_hold_for_one_or_for_all(users: Scene, replies: list[Reply], removed: list[str]) -> None:
    users.screen.replies = replies
    assert users.run("Get-MigrationUser | Remove-MigrationUser")
    assert [sent.path.rpartition("/")[2] for sent in users.sent[1:]] == [user(address)["guid"] for address in removed]


def test_confirm_can_be_switched_off_and_on(scene: Scene) -> None:
    scene.given("DELETE /batches/B", BATCH, 202).given("POST /batches/B/start", BATCH)
    scene.run("Remove-MigrationBatch B -Confirm:$false")
    scene.run("$ConfirmPreference = 'None'; Remove-MigrationBatch B")
    scene.screen.replies = [Reply.NO]
    scene.run("Start-MigrationBatch B -Confirm")
    assert [sent.line for sent in scene.sent] == ["DELETE /api/v1/batches/B"] * 2
    assert scene.screen.questions == ['Starting the migration batch "B".']


def test_with_nobody_to_ask_nothing_is_removed(users: Scene) -> None:
    assert not users.run("Get-MigrationUser | Remove-MigrationUser")
    assert len(users.screen.errors) == 1
    assert len(users.sent) == 1


def test_what_is_missing_is_asked_for(scene: Scene) -> None:
    (scene.folder / "users.csv").write_bytes(b"x")
    scene.given("POST /batches", BATCH, 201)
    scene.screen.lines = ["IMAPEndpoint", "users.csv"]
    assert scene.run("New-MigrationBatch -Name B")
    assert scene.screen.questions == ["SourceEndpoint", "CSVData"]
    assert scene.last.body == {
        "name": "B",
        "source_endpoint": "IMAPEndpoint",
        "csv_data": encoded(b"x"),
        "file_name": "users.csv",
    }


def test_what_is_missing_is_an_error_where_nobody_is(scene: Scene) -> None:
    assert not scene.run("New-MigrationBatch -Name B")
    assert scene.screen.messages == [
        "Cannot process command because of one or more missing mandatory parameters: SourceEndpoint, CSVData."
    ]


# --- errors ----------------------------------------------------------------------------------------------------


def test_commands_behind_one_that_failed_are_run(scene: Scene) -> None:
    scene.given("GET /config", {"repair": "none"})
    assert not scene.run("Get-Nothing\nGet-MigrationConfig | Format-List Repair")
    assert "Repair : none" in scene.screen.text
    assert scene.run("$?")
    assert scene.screen.out[-1] == "False"


@pytest.mark.parametrize(
    "text",
    [
        "$ErrorActionPreference = 'Stop'; Get-MigrationBatch B; Get-MigrationConfig",
        "Get-MigrationBatch B -ErrorAction Stop; Get-MigrationConfig",
        "$ErrorActionPreference = 'Stop'; Get-Nothing; Get-MigrationConfig",
    ],
)
def test_commands_behind_one_that_failed_are_not_run_if_told_so(scene: Scene, text: str) -> None:
    assert not scene.run(text)
    assert "GET /api/v1/config" not in [sent.line for sent in scene.sent]
    assert len(scene.screen.errors) == 1


def test_errors_can_be_silenced(scene: Scene) -> None:
    assert not scene.run("Get-MigrationBatch B -ErrorAction SilentlyContinue")
    assert scene.screen.errors == []


def test_a_text_that_cannot_be_parsed_is_not_run_at_all(scene: Scene) -> None:
    assert not scene.run("Get-MigrationConfig\nGet-MigrationBatch )")
    assert scene.sent == []


def test_an_unknown_cmdlet_is_compared_with_those_there_are(scene: Scene) -> None:
    scene.run("Get-MigrationBatsh")
    (error,) = scene.screen.errors
    assert error.message == "The term 'Get-MigrationBatsh' is not recognized as the name of a cmdlet."
    assert error.advice == "Did you mean Get-MigrationBatch?"


@pytest.mark.parametrize(("name", "instead"), [("Get-Credential", "Read-Host"), ("Out-GridView", "Export-Csv")])
def test_a_cmdlet_for_which_there_is_something_else(scene: Scene, name: str, instead: str) -> None:
    scene.run(f"{name} -Message x")
    (error,) = scene.screen.errors
    assert instead in error.advice
    assert "Did you mean" not in error.advice


def test_users_are_no_input_of_a_new_batch(scene: Scene) -> None:
    scene.given("GET /users", page([user(TERRY)]))
    scene.run("Get-MigrationUser | New-MigrationBatch -Name B")
    assert "New-MigrationBatch -Users (Get-MigrationUser" in scene.screen.errors[0].advice


@pytest.mark.parametrize("given", ["$null", "''"])
def test_a_filter_is_taken_away(scene: Scene, given: str) -> None:
    scene.given("PATCH /batches/B", BATCH)
    assert scene.run(f"Set-MigrationBatch B -ContentFilter {given}")
    assert scene.last.body == {"content_filter": ""}


def test_a_filter_may_stand_in_braces(scene: Scene) -> None:
    scene.given("PATCH /batches/B", BATCH)
    assert scene.run("$f = {Received -ge '2025-01-01'}")
    assert scene.run("Set-MigrationBatch B -ContentFilter $f")
    assert scene.last.body == {"content_filter": "Received -ge '2025-01-01'"}


def test_how_an_error_looks(scene: Scene) -> None:
    scene.run("$x = 1\nGet-MigrationEndpoint -Prt 5")
    assert scene.screen.rendered == [
        "Get-MigrationEndpoint : A parameter cannot be found that matches parameter name 'Prt'.\n"
        "At line:2 char:23\n"
        "+ Get-MigrationEndpoint -Prt 5\n"
        "+                       ~~~~\n"
        "    + Advice                : Get-MigrationEndpoint has -Identity, -Type, -Role, -DiagnosticInfo.\n"
        "    + CategoryInfo          : InvalidArgument: (:) [Get-MigrationEndpoint], ParameterBindingException\n"
        "    + FullyQualifiedErrorId : NamedParameterNotFound,Get-MigrationEndpoint"
    ]


@pytest.mark.parametrize("name", ["AdminPassword", "AdminPass", "adminp", "Admin", "AdminPwd", "AdminPasswort"])
def test_a_line_with_a_password_is_not_repeated(scene: Scene, name: str) -> None:
    scene.run(f"Set-MigrationEndpoint E -{name} 'hunter2'")
    scene.run(f"Set-MigrationEndpoint E –{name} 'hunter2'")
    assert len(scene.screen.errors) == 2
    assert "hunter2" not in "".join(scene.screen.rendered)


def test_a_line_without_a_password_is_repeated(scene: Scene) -> None:
    scene.run("Set-MigrationEndpoint E -AdminUser root -Prt 5")
    assert "-AdminUser root" in scene.screen.rendered[0]


def test_a_line_that_is_cut_shows_it(scene: Scene) -> None:
    scene.run(f"Get-MigrationEndpoint '{'x' * 200}' -Prt 5 '{'y' * 200}'")
    _, _, line, carets, *_ = scene.screen.rendered[0].splitlines()
    assert line.startswith("+ ...x")
    assert line.endswith("y...")
    assert line[carets.index("~") : carets.rindex("~") + 1] == "-Prt"


def test_without_a_service_it_is_said_how_to_get_one(scene: Scene) -> None:
    session = Session(None, scene.screen, no_service="Start one by `mailferry serve`.")
    assert not session.run("Get-MigrationBatch")
    assert scene.screen.messages == ["Start one by `mailferry serve`."]
    assert session.run("Get-Help Get-MigrationBatch")


def test_control_characters_of_others_do_not_reach_the_terminal(scene: Scene) -> None:
    scene.given("GET /batches/B", dict(BATCH, message="\x1b[2Jgone"))
    scene.run("Get-MigrationBatch B | Format-List Message")
    assert "\x1b" not in scene.screen.text
    scene.given("GET /batches/B", problem(409, "wrong-state", "\x1b[2J")[1], 409)
    scene.run("Get-MigrationBatch B")
    assert "\x1b" not in "".join(scene.screen.rendered)


# --- variables and expressions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("$x = 5; $X", [5]),
        ("$x = 'a', 'b'; $x.Count; $x[1]; $x[-1]", [2, "b", "b"]),
        ("$a = $b = 7; $a + $b", [14]),
        ('$x = "b"; "a $x $($x.ToUpper()) `$x"', ["a b B $x"]),
        ("$x = 'c'; Write-Output C:\\$x\\y", ["C:\\c\\y"]),
        ("$env:NAME; $env:OTHER", ["Terry"]),
        ("$true; $false; $null", [True, False]),
        ("(Get-Date).AddDays(-1)", [datetime(2026, 11, 20, 7, 6, 54, tzinfo=UTC)]),
        ("(Get-Date '12/1/2026 6:00 PM').Day", [1]),
        ("[TimeSpan]::FromHours(36).TotalDays", [1.5]),
        ("1KB + 1; 5 - 7; -3", [1025, -2, -3]),
        ("'abc' -like 'A*'; 'abc' -clike 'A*'; 'a1' -match '\\d'", [True, False, True]),
        ("'{0} of {1}' -f 'a', 5; '{0:N1}' -f 1234.56; '{0:F0} {0:P0} {{}}' -f 0.5", ["a of 5", "1,234.6", "0 50% {}"]),
        ("'{0:D3}|{1,4}|{1,-3}|' -f 7, 'x'; '{0:yyyy-MM-dd}' -f (Get-Date)", ["007|   x|x  |", "2026-11-21"]),
        ("'{0:N0}' -f (2KB) + 'x'; 'a' + 'b{0}' -f 1", ["2,048x", "ab1"]),
        ("10 -gt 9; '10' -gt '9'; 2 -in 1,2; 'a','b' -contains 'B'", [True, False, True, True]),
        ("1 -eq 1 -and -not (2 -lt 1) -or $false", [True]),
        ("'a', 'b', 'ab' -like 'a*'", ["a", "ab"]),
        ("@('x').Count; @().Count", [1, 0]),
        ("$(1; 2)", [1, 2]),
        (
            "[IO.File]::Exists('no'); [DateTime]::Today; [TimeSpan]::Parse('01:00').TotalMinutes",
            [False, datetime(2026, 11, 21, tzinfo=UTC), 60],
        ),
        ("[System.Text.Encoding]::UTF8.GetBytes('ü')", ["ü".encode()]),
        ("[int]'42'; [string]5; [datetime]'2026-01-02' -gt [datetime]'2026-01-01'", [42, "5", True]),
    ],
)
def test_expressions(scene: Scene, text: str, values: list[object]) -> None:
    session = Session(
        scene.client, scene.screen, folder=scene.folder, environment={"NAME": "Terry"}, clock=scene.session.now
    )
    assert session.evaluate(text) == values


def test_properties_of_what_was_found(scene: Scene) -> None:
    scene.given("GET /batches/B", BATCH)
    assert scene.values(
        "$b = Get-MigrationBatch B; $b.Status; $b.nothing; $b.TotalCount -gt 2; $b.CreationDateTime.Year"
    ) == [
        *("Syncing", True, 2026),
    ]
    assert scene.values('"It is $($b.Status), $($b.EstimatedTotalTransferSize)."') == [
        "It is Syncing, 1.5 GB (1,610,612,736 bytes)."
    ]


def test_a_found_object_stands_for_its_name(scene: Scene) -> None:
    scene.given("GET /endpoints/E", ENDPOINT).given("POST /batches", BATCH, 201)
    scene.values("New-MigrationBatch B -SourceEndpoint (Get-MigrationEndpoint E) -CSVData ([byte[]](97, 98))")
    assert scene.last.body["source_endpoint"] == "IMAPEndpoint"
    assert scene.last.body["csv_data"] == encoded(b"ab")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$true = 5", "Cannot overwrite variable true."),
        ("'x'.Explode()", "does not contain a method named 'Explode'"),
        ("[System.IO.File]::Delete('x')", "does not contain a member named 'Delete'"),
        ("[Nothing]5", "Unable to find type [Nothing]."),
        ("[int]'many'", 'Cannot convert value "many"'),
        ("'a' -match '('", "not a pattern"),
        ("(Get-Date).AddDays(9999999)", "outside the calendar"),
        ("(Get-Date) + 5", "'+' does not work on"),
        ("'{1}' -f 5", "{1} has no value"),
        ("'{0' -f 5", "a brace stands alone"),
        ("'{0:Q}' -f 5", "'Q' is not known"),
        ("'{0:D2}' -f 1.5", "takes a whole number"),
    ],
)
def test_expressions_that_fail(scene: Scene, text: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        scene.values(text)
    assert message in caught.value.message
    assert caught.value.span is not None


@pytest.mark.parametrize(("text", "status"), [("exit", 0), ("exit 3", 3), ("Get-Date | Out-Null; quit 1; Get-X", 1)])
def test_exit(scene: Scene, text: str, status: int) -> None:
    with pytest.raises(Exit) as caught:
        scene.run(text)
    assert caught.value.status == status


def test_cmdlets_can_be_called_without_the_language(scene: Scene) -> None:
    scene.given("GET /batches/B", BATCH)
    cmdlet = find_cmdlet("Get-MigrationBatch")
    assert cmdlet is not None
    (found,) = scene.session.call(cmdlet, [Argument(Span(0, 0), "Identity", "B")])
    assert isinstance(found, Record)
    assert found["Identity"] == "IMAPBatch1"
    assert list(scene.session.call(cmdlet, [Argument(Span(0, 0), value="C")])) == []
    assert scene.session.failed


def test_what_if_of_what_is_not_there_is_an_error(scene: Scene) -> None:
    assert not scene.run("Complete-MigrationBatch gone -WhatIf")
    assert scene.screen.out == []
    assert [sent.line for sent in scene.sent] == ["GET /api/v1/batches/gone"]
    scene.given("GET /batches/B", BATCH)
    assert scene.run("Complete-MigrationBatch B -WhatIf")
    assert "What if" in scene.screen.text
    assert scene.last.line == "GET /api/v1/batches/B"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("yyyy-MM-dd", "2026-11-21"),
        ("yyyyMMdd-HHmmss", "20261121-070654"),
        ("yyyy-MM-ddTHH:mm:ssZ", "2026-11-21T07:06:54Z"),
        ("dddd, d MMMM yyyy h:mm tt", "Saturday, 21 November 2026 7:06 AM"),
        ("s", "2026-11-21T07:06:54"),
        ("o", "2026-11-21T07:06:54.0000000Z"),
    ],
)
def test_dates_in_a_format(scene: Scene, form: str, text: str) -> None:
    assert scene.values(f"(Get-Date).ToString('{form}')") == [text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(Get-Date).ToString('hhh')", "'hhh' is not a format of a date here."),
        ("(5).ToString('N0')", "ToString takes a format only for dates"),
        ("(Get-Date) -gt 'soon'", "'soon', which is no date."),
        ("(Get-Date) -eq 'soon'", "'soon', which is no date."),
        ("[TimeSpan]::FromDays(1) -lt 'long'", "'long', which is no duration."),
    ],
)
def test_dates_that_are_none(scene: Scene, text: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        scene.values(text)
    assert message in caught.value.message


def test_an_empty_text_is_no_date_but_can_be_compared(scene: Scene) -> None:
    assert scene.values("(Get-Date) -ne ''; (Get-Date) -gt '2026-11-20'") == [True, True]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Get-MigrationUser | Where {$_.Status = 'Failed'}", "-eq"),
        ("Get-MigrationUser | Where {$_.Status == 'Failed'}", "-eq"),
        ("Get-MigrationUser | Where {$_.Status -eq Failed}", "'Failed'"),
        ("Get-MigrationUser | Where {$_.Identity -like *contoso.edu}", "quotes"),
    ],
)
def test_conditions_of_other_languages(scene: Scene, text: str, advice: str) -> None:
    assert not scene.run(text)
    assert advice in scene.screen.errors[0].advice


# --- what may have been meant ------------------------------------------------------------------------------------


def test_a_refused_field_points_at_its_argument(scene: Scene) -> None:
    refused = problem(422, "invalid-value", "Too long.", field="body.notification_emails")
    scene.service.answers["PATCH /api/v1/batches/B"] = refused
    scene.run("Set-MigrationBatch B -Notif a@b.c -Confirm:$false")
    lines = scene.screen.rendered[0].splitlines()
    assert lines[1] == "At line:1 char:22"
    assert lines[3] == "+ " + " " * 21 + "~" * len("-Notif a@b.c")


@pytest.mark.parametrize("name", ["Remove-Item", "New-MigrationUser", "Delete-MigrationBatch"])
def test_what_removes_is_not_suggested_for_something_else(scene: Scene, name: str) -> None:
    scene.run(name)
    assert "Remove-" not in scene.screen.errors[0].advice


def test_a_list_for_one_value_advises_a_pipeline(scene: Scene) -> None:
    scene.run("Start-MigrationUser a@b.c,d@e.f")
    assert scene.screen.errors[0].advice == "For several, write 'a@b.c','d@e.f' | Start-MigrationUser."
