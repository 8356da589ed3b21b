"""The functions of the PowerShell module make the requests that the console makes, for each parameter in each set."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_sitter import Node

from mailferry.cmdlets.convert import UNLIMITED, convert
from mailferry.cmdlets.records import FileBytes
from mailferry.cmdlets.request import PREFIX, Request, requests_of, segment
from mailferry.cmdlets.spec import CMDLETS, find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.imap.values import Secret
from tests.unit.cmdlets.powershell_runner import Helper, Run
from tests.unit.cmdlets.powershell_tree import MODULE, functions

T = ValueType
MOMENT = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
SENDERS = {"Invoke-MailFerryCall", "Export-MailFerryCsv"}
CSV = b"EmailAddress,UserName,Password\nterry@contoso.com,terry.adams,1091990\n"

SAMPLES: Mapping[ValueType, tuple[object, ...]] = {
    T.STRING: ("Batch 1/..", "it's", "Z\u00fcrich?&=%2F"),
    T.FQDN: ("imap.contoso.com",),
    T.STRINGS: (["one"], ["[Gmail]", "Folder/*"], []),
    T.SWITCH: (True, False),
    T.BOOLEAN: (True, False),
    T.INT: (7,),
    T.UNLIMITED: ("Unlimited", "7"),
    T.DATE_TIME: (MOMENT,),
    T.TIME_SPAN: (timedelta(hours=12), timedelta(0)),
    T.SIZE: (36_700_160,),
    T.BYTES: (CSV, FileBytes(CSV, "users.csv")),
    T.SECURE_STRING: (Secret("pass\u00e9"),),
}


class Refused(Exception):
    """A helper of the module would throw."""


def is_given(bound: Mapping[str, object], name: list[str]) -> bool:
    return any(each in bound for each in name)


def companion(bound: Mapping[str, object], name: str, needs: list[str]) -> None:
    if name in bound and not all(each in bound for each in needs):
        raise Refused


def choice(value: str, choices: list[str]) -> str:
    (found,) = (each for each in choices if each.lower() == value.lower())
    return found


def csv_file(value: bytes) -> dict[str, str]:
    name = value.name if isinstance(value, FileBytes) else ""
    return {"Base64": base64.b64encode(value).decode(), "Name": name}


# What the functions of Private/Values.ps1 and Private/Requests.ps1 say they do.
HELPERS: Mapping[str, Helper] = {
    "Test-MailFerryGiven": is_given,
    "Assert-MailFerryCompanion": companion,
    "Resolve-MailFerryIdentity": lambda value, inputobject: value,
    "ConvertTo-MailFerrySegment": lambda value: segment(value),
    "ConvertTo-MailFerryChoice": choice,
    "ConvertTo-MailFerryList": lambda value: list(value),
    "ConvertTo-MailFerryNames": lambda value: list(value),
    "ConvertTo-MailFerryNumber": lambda value, most: most if value == "Unlimited" else int(value),
    "ConvertTo-MailFerryMoment": lambda value: value and value.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "ConvertTo-MailFerrySeconds": lambda value: value.total_seconds(),
    "ConvertFrom-MailFerrySecret": lambda value: value.reveal(),
    "Read-MailFerryCsv": csv_file,
}


def samples(parameter: Parameter) -> tuple[object, ...]:
    """Give values as PowerShell would have bound them; it takes choices in any case."""
    if parameter.choices:
        return (parameter.choices[0], parameter.choices[-1].lower())
    return (*SAMPLES[parameter.type], *((None,) if parameter.clearable else ()))


@cache
def function_of(cmdlet_name: str) -> Node:
    text = (MODULE / "Public" / f"{cmdlet_name}.ps1").read_text(encoding="utf-8")
    return functions(text)[cmdlet_name]


def ran(cmdlet: Cmdlet, bound: Mapping[str, object], function: Node | None = None) -> Run:
    run = Run(bound, HELPERS)
    run.process(function or function_of(cmdlet.name))
    return run


def made(run: Run) -> list[Request]:
    """Give the requests that a run would send."""
    return [_request(call) for call in calls_of(run)]


def calls_of(run: Run) -> list[Mapping[str, Any]]:
    """Give the calls that are handed to what sends them."""
    found: list[Mapping[str, Any]] = []
    for name, arguments in run.ran:
        if name in SENDERS:
            found += cast("list[Mapping[str, Any]]", arguments["Calls"])
    return found


def _request(call: Mapping[str, Any]) -> Request:
    query = {name: str(v).lower() if isinstance(v, bool) else str(v) for name, v in call.get("Query", {}).items()}
    return Request(
        call["Method"],
        PREFIX + call["Path"],
        call["Answer"],
        call["Kind"],
        query,
        call.get("Body"),
        {},
        call["Named"],
        (),
        tuple(call.get("Zero", ())),
    )


def seen(request: Request, answer: str) -> tuple[object, ...]:
    body = None if request.body is None else dict(request.body)
    return (request.method, request.path, dict(request.query), body, answer, request.kind, request.named, request.zero)


def compare(cmdlet: Cmdlet, bound: Mapping[str, object], function: Node | None = None) -> None:
    values = {}
    for name, value in bound.items():
        parameter = cmdlet.parameter(name)
        assert parameter is not None
        values[name] = convert(value, parameter, Path())
    expected = requests_of(cmdlet, values)
    run = ran(cmdlet, bound, function)
    assert [seen(r, r.answer) for r in made(run)] == [seen(r, r.answer.name.capitalize()) for r in expected]
    # Nothing is asked if there is nothing to do.
    assert len(run.asked) == (1 if cmdlet.changes and expected else 0)
    assert all(operation == cmdlet.operation for _, operation in run.asked)


def in_set(cmdlet: Cmdlet, name: str) -> list[Parameter]:
    return [p for p in cmdlet.parameters if not p.sets or name in p.sets]


def needed(cmdlet: Cmdlet, name: str) -> dict[str, object]:
    return {p.name: samples(p)[0] for p in in_set(cmdlet, name) if p.mandatory}


def with_companions(cmdlet: Cmdlet, bound: dict[str, object]) -> dict[str, object]:
    found = dict(bound)
    for name in bound:
        parameter = cmdlet.parameter(name)
        assert parameter is not None
        for other in parameter.needs:
            companion_parameter = cmdlet.parameter(other)
            assert companion_parameter is not None
            found.setdefault(other, samples(companion_parameter)[0])
    return found


SETS = [(cmdlet, name) for cmdlet in CMDLETS for name in cmdlet.sets or ("",)]
each_set = pytest.mark.parametrize(("cmdlet", "name"), SETS, ids=[f"{c.name}-{name or 'only'}" for c, name in SETS])


@each_set
def test_each_parameter_does_what_it_does_in_the_console(cmdlet: Cmdlet, name: str) -> None:
    least = needed(cmdlet, name)
    compare(cmdlet, least)
    for parameter in in_set(cmdlet, name):
        for value in samples(parameter):
            compare(cmdlet, with_companions(cmdlet, least | {parameter.name: value}))


@each_set
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_parameters_together_do_what_they_do_in_the_console(cmdlet: Cmdlet, name: str, data: st.DataObject) -> None:
    bound = needed(cmdlet, name)
    for parameter in in_set(cmdlet, name):
        if parameter.name in bound or data.draw(st.booleans()):
            bound[parameter.name] = data.draw(st.sampled_from(samples(parameter)))
    compare(cmdlet, with_companions(cmdlet, bound))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("$body['auto_start']", "$body['autostart']"),
        ("$body['name'] = $Name", "$body['name'] = $SourceEndpoint"),
        ("ContainsKey('StartAfter')", "ContainsKey('CompleteAfter')"),
        ("'POST'", "'PUT'"),
        ("'/batches'", "'/batch'"),
    ],
)
def test_the_comparison_finds_a_mistake(right: str, wrong: str) -> None:
    cmdlet = find_cmdlet("New-MigrationBatch")
    assert cmdlet is not None
    text = (MODULE / "Public" / "New-MigrationBatch.ps1").read_text(encoding="utf-8")
    bound = needed(cmdlet, "") | {"AutoStart": True, "StartAfter": MOMENT, "SourceEndpoint": "E"}
    compare(cmdlet, bound, functions(text)[cmdlet.name])
    with pytest.raises(AssertionError):
        compare(cmdlet, bound, functions(text.replace(right, wrong))[cmdlet.name])


@pytest.mark.parametrize("cmdlet", [c for c in CMDLETS if any(p.needs for p in c.parameters)], ids=lambda c: c.name)
def test_a_parameter_without_its_companion_is_refused(cmdlet: Cmdlet) -> None:
    for parameter in cmdlet.parameters:
        if parameter.needs:
            name = (parameter.sets or cmdlet.sets or ("",))[0]
            with pytest.raises(Refused):
                ran(cmdlet, needed(cmdlet, name) | {parameter.name: samples(parameter)[0]})


def test_unlimited_is_the_greatest_number_that_is_allowed() -> None:
    cmdlet = find_cmdlet("Set-MigrationEndpoint")
    assert cmdlet is not None
    parameter = cmdlet.parameter("MaxConcurrentMigrations")
    assert parameter is not None
    assert convert("Unlimited", parameter, Path()) is UNLIMITED
    (request,) = made(ran(cmdlet, {"Identity": "E", "MaxConcurrentMigrations": "Unlimited"}))
    assert request.body == {"max_concurrent_migrations": 300}


@pytest.mark.parametrize("switch", [False, True])
def test_the_report_of_a_batch_is_asked_for_with_a_switch(switch: bool) -> None:
    cmdlet = find_cmdlet("Get-MigrationBatch")
    assert cmdlet is not None
    bound: dict[str, object] = {"Identity": "B"} | ({"IncludeReport": True} if switch else {})
    (call,) = calls_of(ran(cmdlet, bound))
    wanted = [{"Path": "/batches/{guid}/row-errors", "Field": "row_error_list"}]
    assert call["Details"] == (wanted if switch else [])


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=lambda c: c.name)
def test_only_cmdlets_that_give_objects_give_them(cmdlet: Cmdlet) -> None:
    bound = {p.name: samples(p)[0] for p in cmdlet.parameters if not p.sets or cmdlet.sets[0] in p.sets}
    sent = [(name, arguments) for name, arguments in ran(cmdlet, bound).ran if name in SENDERS]
    assert len(sent) == 1
    name, arguments = sent[0]
    assert arguments.get("Quiet", False) == (not cmdlet.kind)
    assert ("ResultSize" in arguments) == (cmdlet.parameter("ResultSize") is not None)
    assert (name == "Export-MailFerryCsv") == any(call.answer.name == "CSV" for call in cmdlet.calls)


@pytest.mark.parametrize(("bound", "warned"), [({"Identity": "B"}, True), ({"Identity": "B", "Update": True}, False)])
def test_a_change_of_nothing_sends_nothing(bound: dict[str, object], warned: bool) -> None:
    cmdlet = find_cmdlet("Set-MigrationBatch")
    assert cmdlet is not None
    run = ran(cmdlet, bound)
    assert made(run) == []
    assert [name for name, _ in run.ran] == (["Write-Warning"] if warned else [])


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=lambda c: c.name)
def test_what_has_no_effect_warns(cmdlet: Cmdlet) -> None:
    for parameter in cmdlet.parameters:
        if parameter.without_effect:
            bound = needed(cmdlet, (parameter.sets or cmdlet.sets or ("",))[0]) | {
                parameter.name: samples(parameter)[0]
            }
            told = [arguments["Message"] for name, arguments in ran(cmdlet, bound).ran if name == "Write-Warning"]
            assert told == ([parameter.warning] if parameter.warning else [])
