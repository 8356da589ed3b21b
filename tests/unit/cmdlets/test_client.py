"""The client: paging, errors in the words of the cmdlets, and a token that stays where it belongs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mailferry.cmdlets.client import Client
from mailferry.cmdlets.errors import ServiceError
from mailferry.cmdlets.request import Request, requests_of, segment
from mailferry.cmdlets.spec import find_cmdlet
from mailferry.cmdlets.spec_model import Answer
from mailferry.imap.values import Secret
from tests.unit.cmdlets.scene import BASE, NOW, Scene, Sent, page, problem, user

ONE = Request("GET", "/api/v1/batches/B", Answer.ONE, "MigrationBatch", named="B")


def request_of(name: str, **values: object) -> Request:
    """Give the only request of a cmdlet."""
    cmdlet = find_cmdlet(name)
    assert cmdlet is not None
    (only,) = requests_of(cmdlet, values)
    return only


def refused(scene: Scene, request: Request, answer: tuple[int, Any]) -> ServiceError:
    """Have the service refuse a request, and give the error."""
    scene.service.answers[f"{request.method} {request.path}"] = answer
    with pytest.raises(ServiceError) as caught:
        scene.client.send(request)
    return caught.value


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("..", "%2E%2E"),
        ("a.b", "a.b"),
        ("ü@x.de", "%C3%BC%40x.de"),
        ("100%", "100%25"),
    ],
)
def test_a_name_is_one_segment_of_the_path(scene: Scene, name: str, path: str) -> None:
    assert segment(name) == path
    scene.given(f"GET /users/{path}", user("x@y"))
    scene.client.send(request_of("Get-MigrationUser", Identity=name))
    assert scene.last.path == f"/api/v1/users/{path}"


def test_pages_follow_each_other(scene: Scene) -> None:
    users = [user(f"u{number}@x") for number in range(5)]

    def answer(sent: Sent) -> tuple[int, Any]:
        start, limit = int(sent.query.get("after", 0)), int(sent.query["limit"])
        shown = users[start : start + min(2, limit)]
        following = start + len(shown)
        return 200, page(shown, str(following) if following < len(users) else None)

    scene.service.answers["GET /api/v1/users"] = answer
    request = request_of("Get-MigrationUser", BatchId="B")
    assert [item and item["email_address"] for item in scene.client.pages(request)] == [
        u["email_address"] for u in users
    ]
    assert [sent.query.get("after") for sent in scene.sent] == [None, "2", "4"]
    assert scene.last.query["batch"] == "B"
    assert [bool(item) for item in scene.client.pages(request, 3)] == [True, True, True, False]
    assert [bool(item) for item in scene.client.pages(request, 5)] == [True] * 5


def test_a_service_that_repeats_an_empty_page_does_not_keep_us(scene: Scene) -> None:
    scene.given("GET /users", page([], "7"))
    assert list(scene.client.pages(request_of("Get-MigrationUser"))) == []


@pytest.mark.parametrize("answer", ["no json", [], {"items": 5}, {"other": []}, None])
def test_what_is_no_page_is_an_error(scene: Scene, answer: Any) -> None:
    scene.given("GET /users", answer)
    with pytest.raises(ServiceError, match="no page"):
        list(scene.client.pages(request_of("Get-MigrationUser")))


def test_what_is_not_there_is_named_by_its_kind(scene: Scene) -> None:
    error = refused(scene, ONE, problem(404, "not-found", "There is no batch 'B'.", advice="Check."))
    assert error.message == "The migration batch 'B' couldn't be found."
    assert (error.status, error.problem, error.advice) == (404, "not-found", "Get-MigrationBatch lists them.")


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("Remove-MigrationUser", "Get-MigrationUser"),
        ("Get-MigrationUserStatistics", "Get-MigrationUser"),
        ("Export-MigrationReport", "Get-MigrationBatch"),
        ("Set-MigrationEndpoint", "Get-MigrationEndpoint"),
        ("Remove-AcceptedDomain", "Get-AcceptedDomain"),
        ("Get-Mailbox", "Get-Mailbox"),
    ],
)
def test_what_is_not_there_can_be_looked_for(scene: Scene, name: str, lists: str) -> None:
    error = refused(scene, request_of(name, Identity="x"), problem(404, "not-found", "There is no 'x'."))
    assert error.advice == f"{lists} lists them."


def test_advice_names_parameters(scene: Scene) -> None:
    request = request_of("Set-MigrationEndpoint", Identity="E", Port=1)
    answer = problem(422, "endpoint-unavailable", "Refused.", advice="Mend it, or save it with SkipVerification.")
    assert refused(scene, request, answer).advice == "Mend it, or save it with -SkipVerification."


@pytest.mark.parametrize("code", ["invalid-token", "unauthorized"])
def test_a_wrong_token_says_where_to_name_another(scene: Scene, code: str) -> None:
    error = refused(scene, ONE, problem(401, code, "The token is not known here.", advice="Send a header."))
    assert "--token-file" in error.advice


def test_something_else_that_is_not_there_keeps_its_text(scene: Scene) -> None:
    request = request_of("New-MigrationBatch", Name="B", SourceEndpoint="E", CSVData=b"")
    error = refused(scene, request, problem(404, "not-found", "There is no endpoint 'E'.", advice="Look."))
    assert error.message == "There is no endpoint 'E'."
    assert error.advice == "Get-MigrationEndpoint lists them."


@pytest.mark.parametrize(
    ("name", "given", "told", "said"),
    [
        (
            *("Set-MigrationBatch", {"CompleteAfter": NOW}),
            *("complete_after lies in the past. To complete now, use complete.", "To complete now, use Complete-M"),
        ),
        (
            *("Set-MigrationUser", {"CompleteAfter": NOW}),
            *("complete_after lies in the past. To complete now, use complete.", "now, give -CompleteAfter"),
        ),
        (
            *("Set-MigrationUser", {"StartAfter": NOW}),
            *(
                "start_after lies in the past. To start now, use start.",
                "-StartAfter lies in the past. To start now, use S",
            ),
        ),
        (
            *("Set-MigrationBatch", {"SyncNow": True}),
            *("The batch B is Stopped; sync-now is possible when it is Synced.", "Stopped; -SyncNow is possible when"),
        ),
    ],
)
def test_actions_are_named_as_cmdlets_and_parameters(
    scene: Scene, name: str, given: dict[str, object], told: str, said: str
) -> None:
    error = refused(scene, request_of(name, Identity="B", **given), problem(409, "wrong-state", told))
    assert said in error.message


def test_advice_does_not_name_fields(scene: Scene) -> None:
    request = request_of("New-MigrationBatch", Name="B", UserIds=["a"])
    answer = problem(409, "user-active", "They go on.", advice="Give -DisableOnCopy (disable_on_copy), or stop them.")
    assert refused(scene, request, answer).advice == "Give -DisableOnCopy, or stop them."


def test_fields_are_named_as_parameters(scene: Scene) -> None:
    request = request_of("Set-MigrationEndpoint", Identity="E", MaxConcurrentIncrementalSyncs=400)
    answer = problem(
        422,
        "invalid-value",
        "max_concurrent_incremental_syncs is 1 to 300, not 400.",
        field="max_concurrent_incremental_syncs",
    )
    error = refused(scene, request, answer)
    assert error.message == (
        "Cannot process argument for parameter 'MaxConcurrentIncrementalSyncs'. "
        "-MaxConcurrentIncrementalSyncs is 1 to 300, not 400."
    )
    assert error.field == "MaxConcurrentIncrementalSyncs"


def test_a_field_of_the_form_is_named_too(scene: Scene) -> None:
    request = request_of("Set-MigrationEndpoint", Identity="E", Port=1)
    error = refused(scene, request, problem(422, "invalid-request", "body.port: Too small", field="body.port"))
    assert "parameter 'Port'" in error.message


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", [1], "", "x" * 100_000, '{"detail": 5}'])
def test_answers_of_strangers_are_errors_too(scene: Scene, body: Any) -> None:
    error = refused(scene, ONE, (502, body))
    assert error.status == 502
    assert error.message


def test_nobody_answers() -> None:
    def broken(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno 111] Connection refused")

    client = Client(BASE, Secret("token-1"), transport=httpx.MockTransport(broken))
    with pytest.raises(ServiceError, match="cannot be reached") as caught:
        client.send(ONE)
    assert "mailferry serve" in caught.value.advice
    assert caught.value.status == 0


def test_somebody_answers_too_late() -> None:
    def slow(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    client = Client(BASE, Secret("token-1"), transport=httpx.MockTransport(slow))
    with client, pytest.raises(ServiceError, match="did not answer in time"):
        client.send(ONE)


def test_the_token_goes_to_the_service_only() -> None:
    def elsewhere(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "http://evil.example/"})

    client = Client(BASE, Secret("token-1"), transport=httpx.MockTransport(elsewhere))
    with pytest.raises(ServiceError) as caught:
        client.send(ONE)
    assert caught.value.status == 302
    assert "token-1" not in repr(client) + caught.value.message


def test_a_request_does_not_show_its_body() -> None:
    request = request_of("Set-MigrationEndpoint", Identity="E", AdminPassword=Secret("P@ssw0rd"))
    assert request.body == {"password": "P@ssw0rd"}
    assert "P@ssw0rd" not in repr(request)
