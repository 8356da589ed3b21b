"""Binding: what was typed, and which parameters it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.cmdlets.bind import Argument, Bound, bind, find_parameter, with_input
from mailferry.cmdlets.convert import UNLIMITED, convert
from mailferry.cmdlets.errors import BindingError, MissingParameters, Span
from mailferry.cmdlets.records import Record
from mailferry.cmdlets.spec import CMDLETS, all_parameters, find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, Parameter

HERE = Path("/nowhere")


def cmdlet(name: str) -> Cmdlet:
    found = find_cmdlet(name)
    assert found is not None
    return found


def converted(value: object, parameter: Parameter) -> object:
    return convert(value, parameter, HERE)


def arguments(*written: object) -> list[Argument]:
    """Make arguments: a text that begins with a dash is a name, `-Name:` takes the next as its own value."""
    made: list[Argument] = []
    for at, item in enumerate(written):
        span = Span(at, at + 1)
        if isinstance(item, str) and item.startswith("-"):
            made.append(Argument(span, item[1:], has_value=False))
        else:
            made.append(Argument(span, value=item))
    return made


def bound(name: str, *written: object, piped: bool = False) -> Bound:
    return bind(cmdlet(name), arguments(*written), converted, piped=piped)


def test_names_aliases_and_prefixes() -> None:
    new = cmdlet("New-MigrationEndpoint")
    assert find_parameter(new, "remoteserver").name == "RemoteServer"
    assert find_parameter(new, "Rem").name == "RemoteServer"
    assert find_parameter(new, "wi").name == "WhatIf"
    assert find_parameter(new, "Port").name == "Port"
    assert find_parameter(cmdlet("Export-MigrationReport"), "outfile").name == "CsvStream"


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(BindingError, match="matches parameter name 'Prt'") as caught:
        find_parameter(cmdlet("Test-MigrationServerAvailability"), "Prt")
    assert "-Port" in caught.value.advice
    assert caught.value.error_id == "NamedParameterNotFound"


def test_a_misspelt_name_is_compared_with_those_there_are() -> None:
    with pytest.raises(BindingError) as caught:
        find_parameter(cmdlet("Get-MigrationBatch"), "Identiy")
    assert caught.value.advice == "Did you mean -Identity?"


def test_a_parameter_of_exchange_that_is_not_there_says_what_to_use() -> None:
    with pytest.raises(BindingError, match="matches parameter name 'analyze'") as caught:
        find_parameter(cmdlet("New-MigrationBatch"), "analyze")
    assert "mailferry copy --dry-run" in caught.value.advice


def test_what_a_parameter_set_needs() -> None:
    users = [Record({"Identity": "a@b.c", "Guid": f"g-{number}"}, "MigrationUser", "Guid") for number in (1, 2)]
    found = bound("New-MigrationBatch", "-Name", "B", "-Users", users)
    assert (found.set_name, found.values["Users"]) == ("Preexisting", ["g-1", "g-2"]), "no endpoint is needed"
    with pytest.raises(MissingParameters) as caught:
        bound("New-MigrationBatch", "-Name", "B")
    assert caught.value.names == ("SourceEndpoint", "CSVData")
    for others in (["-UserIds", "a@b.c"], ["-CSVData", b"x"], ["-AdoptPreexisting"]):
        with pytest.raises(BindingError, match="do not go together"):
            bound("New-MigrationBatch", "-Name", "B", "-Users", users, *others)


def test_an_ambiguous_prefix_lists_what_it_may_mean() -> None:
    with pytest.raises(BindingError) as caught:
        find_parameter(cmdlet("New-MigrationEndpoint"), "MaxC")
    assert caught.value.message.endswith(
        "Possible matches include: -MaxConcurrentMigrations -MaxConcurrentIncrementalSyncs -MaxConnectionsPerLogin."
    )


@pytest.mark.parametrize("one", CMDLETS, ids=lambda one: one.name)
def test_each_whole_name_is_found_whatever_else_begins_so(one: Cmdlet) -> None:
    for parameter in all_parameters(one):
        assert find_parameter(one, parameter.name.upper()) is parameter


def test_switches_take_nothing_but_what_is_tied_to_them() -> None:
    found = bound("New-MigrationBatch", "-AutoStart", "B", "-Source", "E", "-CSV", b"x")
    assert found.values == {"AutoStart": True, "Name": "B", "SourceEndpoint": "E", "CSVData": b"x"}
    off = bind(
        cmdlet("Remove-MigrationBatch"),
        [Argument(Span(0, 1), "Confirm", value=False), Argument(Span(1, 2), value="B")],
        converted,
    )
    assert off.values == {"Confirm": False, "Identity": "B"}


def test_positions_are_taken_in_their_order() -> None:
    found = bound("Where-Object", "Status", "-ne", "Failed")
    assert found.values == {"Property": "Status", "NE": True, "Value": "Failed"}
    assert found.set_name == "Compare"


def test_the_set_follows_from_what_was_given() -> None:
    source = bound("New-MigrationEndpoint", "-IMAP", "-Name", "E", "-RemoteServer", "h")
    target = bound("New-MigrationEndpoint", "-IMAP", "-Target", "-Name", "E", "-RemoteServer", "h")
    folder = bound("New-MigrationEndpoint", "-Maildir", "E", "-Path", "/srv")
    assert [one.set_name for one in (source, target, folder)] == ["IMAP", "TargetIMAP", "Maildir"]


def test_a_switch_that_names_the_only_set_left_may_be_missing() -> None:
    target = bound("New-MigrationEndpoint", "-Target", "-Name", "E", "-RemoteServer", "h")
    assert (target.set_name, target.flag("IMAP")) == ("TargetIMAP", True)
    folder = bound("New-MigrationEndpoint", "E", "-Path", "/srv")
    assert (folder.set_name, folder.flag("Maildir")) == ("Maildir", True)
    with pytest.raises(MissingParameters, match="IMAP"):
        bound("New-MigrationEndpoint", "E", "-RemoteServer", "h")


def test_a_switch_that_is_off_does_not_choose_its_set() -> None:
    off = Argument(Span(0, 1), "IMAP", value=False)
    new = cmdlet("New-MigrationEndpoint")
    folder = bind(new, [off, *arguments("E", "-Path", "/srv")], converted)
    assert folder.set_name == "Maildir"
    with pytest.raises(BindingError, match="do not go together"):
        bind(new, [off, *arguments("E", "-RemoteServer", "h")], converted)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(BindingError, match="do not go together") as caught:
        bound("Get-MigrationBatch", "B", "-Status", "Failed")
    assert caught.value.error_id == "AmbiguousParameterSet"
    with pytest.raises(BindingError, match="'AddUsers' needs -CSVData"):
        bound("Set-MigrationBatch", "B", "-AddUsers")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(MissingParameters) as caught:
        bound("New-MigrationBatch", "-Name", "B")
    assert caught.value.names == ("SourceEndpoint", "CSVData")
    assert caught.value.command == "New-MigrationBatch"


@pytest.mark.parametrize(
    ("written", "message", "place"),
    [
        (("B", "-Status"), "Missing an argument for parameter 'Status'", 1),
        (("-Identity", "B", "-Identity", "C"), "specified more than once", 2),
        (("B", "C"), "A positional parameter cannot be found that accepts argument 'C'.", 1),
        (("-Identity", None), "because it is null", 1),
        ((None,), "because it is null", 0),
        (("",), "empty string", 0),
        (("-Status", "Broken"), "Specify one of the following values: Created, Waiting", 1),
    ],
)
def test_an_error_has_the_place_of_its_argument(written: Sequence[object], message: str, place: int) -> None:
    with pytest.raises(BindingError) as caught:
        bound("Get-MigrationBatch", *written)
    assert message in caught.value.message
    assert caught.value.span is not None
    assert caught.value.span.start == place


def test_objects_of_a_pipeline_stand_for_what_names_them() -> None:
    waiting = bound("Get-MigrationUserStatistics", "-IncludeReport", piped=True)
    user = Record({"Identity": "a@b.c", "Guid": "g-1"}, "MigrationUser", "Guid")
    assert with_input(waiting, user, converted).values == {"IncludeReport": True, "Identity": "g-1"}
    assert with_input(waiting, "a@b.c", converted).values["Identity"] == "a@b.c"
    with pytest.raises(BindingError, match="null"):
        with_input(waiting, None, converted)


def test_a_pipeline_does_not_replace_what_was_given() -> None:
    with pytest.raises(BindingError, match="cannot be bound"):
        with_input(bound("Get-MigrationBatch", "B", piped=True), "C", converted)


def test_unlimited() -> None:
    assert bound("Get-MigrationBatch", "-ResultSize", "unlimited").values == {"ResultSize": UNLIMITED}


VALUES = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.binary(), st.lists(st.text()))


@given(st.sampled_from(CMDLETS), st.lists(st.one_of(VALUES, st.sampled_from(["-Identity", "-Name", "-C", "-Max"]))))
def test_anything_is_bound_or_refused(one: Cmdlet, written: list[object]) -> None:
    try:
        found = bind(one, arguments(*written), converted)
    except BindingError as error:
        found = None
        refused = error.message
    else:
        refused = ""
    assert bool(refused) == (found is None)
    if found is not None:
        assert all(one.parameter(name) or name in {p.name for p in all_parameters(one)} for name in found.values)
