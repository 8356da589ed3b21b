"""The table of cmdlets: it holds together, and it fits the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI

from mailferry.api.answers import AvailabilityAnswer, ConfigAnswer, EndpointAnswer, StatisticsAnswer
from mailferry.api.batch_answers import BatchAnswer
from mailferry.api.document import describe
from mailferry.api.routes import batches, config, endpoints, statistics, targets, users
from mailferry.api.target_answers import DomainAnswer, MailboxAnswer
from mailferry.api.user_answers import SkippedItemAnswer, UserAnswer, UserStatisticsAnswer
from mailferry.cmdlets import tree
from mailferry.cmdlets.language import RUNNERS
from mailferry.cmdlets.parse import parse
from mailferry.cmdlets.spec import ALL_CMDLETS, CMDLETS, all_parameters, find_cmdlet, matching
from mailferry.cmdlets.spec_language import LANGUAGE_CMDLETS
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, ObjectKind, Shape, ValueType
from mailferry.cmdlets.spec_objects import OBJECT_KINDS, object_kind

# Exchange Online's family for IMAP, and those of the first step as far as a target can answer.
FAMILY = {
    "AcceptedDomain": "Get New Remove",
    "Mailbox": "Get",
    "MigrationBatch": "Complete Get New Remove Set Start Stop",
    "MigrationConfig": "Get Set",
    "MigrationEndpoint": "Get New Remove Set",
    "MigrationReport": "Export",
    "MigrationServerAvailability": "Test",
    "MigrationStatistics": "Get",
    "MigrationUser": "Get Remove Set Start Stop",
    "MigrationUserStatistics": "Get",
}

CALLS = [(cmdlet, call) for cmdlet in CMDLETS for call in cmdlet.calls]


@pytest.fixture(scope="module")
def routes() -> dict[str, Any]:
    """What the API has: `METHOD /path` (names in braces left out) and the operation of OpenAPI."""
    app = FastAPI()
    for part in (endpoints, batches, users, statistics, config, targets):
        app.include_router(part.router)
    document = describe(app)
    return {
        f"{method.upper()} {re.sub('{.*?}', '{}', path)}": (operation, document)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def fields_of_body(operation: Any, document: Any) -> set[str]:
    """Give the fields that the JSON body of an operation may have."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return set(schema["properties"])


def test_the_whole_family_is_there() -> None:
    nouns = {cmdlet.noun for cmdlet in CMDLETS}
    assert {noun: " ".join(sorted(c.verb for c in CMDLETS if c.noun == noun)) for noun in nouns} == FAMILY


def test_names_and_aliases_are_unique() -> None:
    names = [name.lower() for cmdlet in ALL_CMDLETS for name in (cmdlet.name, *cmdlet.aliases)]
    assert len(names) == len(set(names))
    assert find_cmdlet("fL") is find_cmdlet("Format-List")
    assert find_cmdlet("Get-Nothing") is None
    assert [cmdlet.noun for cmdlet in matching("*-migrationBATCH")] == ["MigrationBatch"] * 7


@pytest.mark.parametrize("cmdlet", ALL_CMDLETS, ids=lambda cmdlet: cmdlet.name)
def test_a_cmdlet_holds_together(cmdlet: Cmdlet) -> None:
    names = [name.lower() for p in all_parameters(cmdlet) for name in (p.name, *p.aliases)]
    assert len(names) == len(set(names))
    assert cmdlet.synopsis.endswith(".")
    assert cmdlet.examples
    for parameter in cmdlet.parameters:
        assert parameter.help.endswith("."), parameter.name
        assert set(parameter.sets) <= set(cmdlet.sets), parameter.name
        assert (parameter.type is ValueType.CHOICE) == bool(parameter.choices), parameter.name
        assert all(cmdlet.parameter(name) for name in parameter.needs), parameter.name
    for call in cmdlet.calls:
        mentioned = {*call.body, *call.query, *call.switches, *call.files, *call.given, *call.absent}
        mentioned |= set(re.findall(r"{(\w+)}", call.path)) | {detail.switch for detail in call.details}
        assert all(cmdlet.parameter(name) for name in mentioned), mentioned
    assert cmdlet.changes >= cmdlet.asks
    assert bool(cmdlet.operation) == cmdlet.changes
    assert cmdlet.asks == (cmdlet.verb == "Remove")


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=lambda cmdlet: cmdlet.name)
def test_each_parameter_does_something_or_says_that_it_does_not(cmdlet: Cmdlet) -> None:
    used = {name for call in cmdlet.calls for name in (*call.body, *call.query, *call.switches, *call.given)}
    used |= {name for call in cmdlet.calls for name in re.findall(r"{(\w+)}", call.path)}
    used |= {detail.switch for call in cmdlet.calls for detail in call.details}
    used |= {"ResultSize", "CsvStream", "StartingRowIndex", "RowCount"}  # the client's part
    if cmdlet.name == "Export-MigrationReport":
        used |= {"Force"}
    used |= {"AddUsers", "IMAP"}  # say what is meant anyway
    for parameter in cmdlet.parameters:
        assert (parameter.name in used) != parameter.without_effect, parameter.name
        assert ("without effect" in parameter.help) == parameter.without_effect, parameter.name


@pytest.mark.parametrize("cmdlet", ALL_CMDLETS, ids=lambda cmdlet: cmdlet.name)
def test_the_examples_can_be_parsed_and_name_cmdlets(cmdlet: Cmdlet) -> None:
    for example in cmdlet.examples:
        found = list(tree.commands(parse(example.code).block))
        assert cmdlet in [find_cmdlet(command.name) for command in found]
        assert all(find_cmdlet(command.name) for command in found)


@pytest.mark.parametrize(("cmdlet", "call"), CALLS, ids=lambda value: getattr(value, "name", ""))
def test_each_call_is_one_that_the_api_has(cmdlet: Cmdlet, call: Call, routes: dict[str, Any]) -> None:
    line = f"{call.method} /api/v1{re.sub('{.*?}', '{}', call.path)}"
    assert line in routes, line
    operation, document = routes[line]
    queries = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
    assert set(call.query.values()) <= queries
    if call.answer is Answer.PAGES:
        assert {"after", "limit"} <= queries
    sent = {*call.body.values(), *call.files.values(), *call.constants}
    sent |= {name for fields in call.switches.values() for name in fields}
    if sent:
        assert sent <= fields_of_body(operation, document)
    for detail in call.details:
        assert f"GET /api/v1{re.sub('{.*?}', '{}', detail.path)}" in routes


ANSWERS: dict[str, Any] = {
    "MigrationEndpoint": EndpointAnswer,
    "MigrationBatch": BatchAnswer,
    "MigrationUser": UserAnswer,
    "MigrationUserStatistics": UserStatisticsAnswer,
    "MigrationSkippedItem": SkippedItemAnswer,
    "MigrationServerAvailability": AvailabilityAnswer,
    "MigrationStatistics": StatisticsAnswer,
    "MigrationConfig": ConfigAnswer,
    "AcceptedDomain": DomainAnswer,
    "Mailbox": MailboxAnswer,
}


def has_field(model: Any, path: str) -> bool:
    """Tell whether a model has a field, also one within another."""
    first, _, rest = path.partition(".")
    found = model.model_fields.get(first)
    if found is None or not rest:
        return found is not None
    inner = [found.annotation, *getattr(found.annotation, "__args__", ())]
    return any(has_field(each, rest) for each in inner if hasattr(each, "model_fields"))


@pytest.mark.parametrize("kind", [kind for kind in OBJECT_KINDS if kind.name in ANSWERS], ids=lambda kind: kind.name)
def test_each_property_is_read_from_a_field_that_the_api_gives(kind: ObjectKind) -> None:
    details = {detail.field for _, call in CALLS for detail in call.details}
    for each in kind.properties:
        if each.shape is not Shape.CONSTANT and each.field not in details:
            assert has_field(ANSWERS[kind.name], each.field), each.name


@pytest.mark.parametrize("kind", OBJECT_KINDS, ids=lambda kind: kind.name)
def test_the_columns_are_properties(kind: ObjectKind) -> None:
    names = [each.name for each in kind.properties]
    assert len(names) == len(set(names))
    assert {name for _, name in kind.columns} <= set(names)
    for each in kind.properties:
        if each.shape is Shape.OBJECTS:
            assert object_kind(each.constant).properties


def test_each_cmdlet_of_the_language_can_be_run() -> None:
    assert set(RUNNERS) == {cmdlet.name for cmdlet in LANGUAGE_CMDLETS}
