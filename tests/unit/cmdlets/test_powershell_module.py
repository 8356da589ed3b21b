"""The PowerShell module: it is PowerShell, it is what the table gives, and it declares what the table says."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from mailferry.api.wired import MOST_ON_A_PAGE
from mailferry.cmdlets.client import PAGE, Client
from mailferry.cmdlets.errors import ServiceError
from mailferry.cmdlets.powershell import OWN_FUNCTIONS, module_files
from mailferry.cmdlets.powershell_objects import READERS, TYPE_PREFIX
from mailferry.cmdlets.powershell_param import type_of
from mailferry.cmdlets.request import Request
from mailferry.cmdlets.spec import CMDLETS
from mailferry.cmdlets.spec_common import CHANGING, COMMON
from mailferry.cmdlets.spec_model import Answer, Cmdlet, ObjectKind, Shape, ValueType
from mailferry.cmdlets.spec_objects import OBJECT_KINDS
from mailferry.imap.values import Secret
from tests.unit.cmdlets.powershell_tree import (
    MODULE,
    child,
    command_parts,
    commands,
    declared_parameters,
    functions,
    mistakes,
    nodes,
    script_files,
    strange_variables,
    text_of,
    tree_of,
)

ROOT = MODULE.parents[2]
REWRITE = "run .venv/bin/python tools/powershell_module.py"

AUTOMATIC = re.compile(
    "_|args|error|executioncontext|false|foreach|home|host|input|lastexitcode|matches|myinvocation|null|pid|profile|"
    "psboundparameters|pscmdlet|psculture|psitem|progresspreference|psscriptroot|psversiontable|pwd|sender|shellid|stacktrace|this|true"
)
"""Variables that PowerShell sets by itself."""

ERROR_CODES = (
    *("not-found", "already-exists", "wrong-state", "in-use", "invalid-value", "invalid-request", "forbidden"),
    *("unauthorized", "invalid-token", "endpoint-unavailable", "no-such-route"),
)
"""Codes of problems that have an id of PowerShell's kind."""

LOCAL = frozenset({"given", "calls", "named", "body", "query", "details", "csv"})
"""Variables of the generated functions."""

SHOWN_KINDS = [kind for kind in OBJECT_KINDS if kind.properties]


def name_of(item: Cmdlet | ObjectKind | Path) -> str:
    return item.name


def function(name: str) -> str:
    return (MODULE / "Public" / f"{name}.ps1").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", script_files(), ids=name_of)
def test_each_file_is_powershell(path: Path) -> None:
    assert mistakes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "function A { param( [string $Name ) }",
        "if ($x -eq 1 { 'one' }",
        "$body = @{ name = 'x'",
        "try { Get-Date } catch { 'x'",
        "'a' | | Sort-Object",
        "$x = 'it's'",
    ],
)
def test_the_check_finds_what_is_no_powershell(planted: str) -> None:
    sound = function("Get-MigrationBatch")
    assert mistakes(sound + "\n" + planted + "\n")


def test_there_is_a_file_for_each_cmdlet() -> None:
    assert len(CMDLETS) > 20
    assert {path.stem for path in (MODULE / "Public").iterdir()} == {c.name for c in CMDLETS} | set(OWN_FUNCTIONS)


@pytest.mark.parametrize("name", sorted(module_files()))
def test_the_committed_files_are_what_the_table_gives(name: str) -> None:
    assert (MODULE / name).read_bytes() == module_files()[name].encode(), REWRITE


def test_the_tool_knows_no_old_files() -> None:
    stale: Callable[[], list[Path]] = runpy.run_path(str(ROOT / "tools" / "powershell_module.py"))["stale"]
    assert stale() == []


def test_the_module_exports_the_cmdlets_and_nothing_else() -> None:
    manifest = tree_of((MODULE / "MailFerry.psd1").read_text(encoding="utf-8"))
    entries = {text_of(entry.named_children[0]): entry.named_children[1] for entry in nodes(manifest, "hash_entry")}
    exported = [text_of(node).strip("'") for node in nodes(entries["FunctionsToExport"], "string_literal")]
    assert exported == [*OWN_FUNCTIONS, *(cmdlet.name for cmdlet in CMDLETS)]
    for name in ("CmdletsToExport", "VariablesToExport"):
        assert text_of(entries[name]) == "@()"
    assert text_of(entries["RootModule"]) == "'MailFerry.psm1'"
    assert text_of(entries["FormatsToProcess"]) == "@('MailFerry.Format.ps1xml')"


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=name_of)
def test_a_function_declares_the_parameters_of_the_table(cmdlet: Cmdlet) -> None:
    declared = declared_parameters(functions(function(cmdlet.name))[cmdlet.name])
    assert list(declared) == [parameter.name for parameter in cmdlet.parameters]
    for parameter in cmdlet.parameters:
        attributes, kind = declared[parameter.name]
        assert kind == f"[{type_of(parameter)}]"
        about = [text for text in attributes if text.startswith("[Parameter(")]
        if parameter.sets:
            assert [re.findall(r"ParameterSetName = '(\w+)'", text) for text in about] == [
                [name] for name in cmdlet.sets if name in parameter.sets
            ]
        wanted = {
            f"Position = {parameter.position}": parameter.position is not None,
            "ValueFromPipeline = $true": parameter.pipeline,
            "ValueFromPipelineByPropertyName = $true": parameter.pipeline,
        }
        assert about or not any([*wanted.values(), parameter.mandatory])
        for text in about:
            assert {fact: fact in text for fact in wanted} == wanted
            names = re.findall(r"ParameterSetName = '(\w+)'", text)
            assert ("Mandatory = $true" in text) is parameter.mandatory_in(names[0] if names else "")
        aliases = [text for text in attributes if text.startswith("[Alias(")]
        assert [name for text in aliases for name in re.findall(r"'(\w+)'", text)] == list(parameter.aliases)
        choices = [text for text in attributes if text.startswith("[ValidateSet(")]
        assert [name for text in choices for name in re.findall(r"'([\w-]+)'", text)] == list(parameter.choices)


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=name_of)
def test_a_function_says_whether_it_changes_something(cmdlet: Cmdlet) -> None:
    binding = next(text_of(node) for node in nodes(tree_of(function(cmdlet.name)), "attribute"))
    assert binding.startswith("[CmdletBinding(")
    assert ("SupportsShouldProcess = $true" in binding) == cmdlet.changes
    assert ("ConfirmImpact = 'High'" in binding) == cmdlet.asks
    assert (f"DefaultParameterSetName = '{cmdlet.sets[0]}'" in binding) if cmdlet.sets else ("SetName" not in binding)


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=name_of)
def test_no_parameter_hides_a_variable(cmdlet: Cmdlet) -> None:
    names = {name.lower() for p in cmdlet.parameters for name in (p.name, *p.aliases)}
    common = {name.lower() for p in (*CHANGING, *COMMON) for name in (p.name, *p.aliases)}
    assert names & (LOCAL | common) == set()
    assert [name for name in names if AUTOMATIC.fullmatch(name)] == []


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=name_of)
def test_the_help_of_a_function_is_complete(cmdlet: Cmdlet) -> None:
    (comment,) = (
        text_of(node) for node in nodes(tree_of(function(cmdlet.name)), "comment") if b"<#" in (node.text or b"")
    )
    parts = dict(
        re.findall(r"^    \.(SYNOPSIS|DESCRIPTION|PARAMETER \w+)\n((?:    [^.\n].*\n)+)", comment, re.MULTILINE)
    )
    assert set(parts) == {"SYNOPSIS", "DESCRIPTION", *(f"PARAMETER {p.name}" for p in cmdlet.parameters)}
    assert " ".join(parts["SYNOPSIS"].split()) == " ".join(cmdlet.synopsis.split())
    assert [line.strip() for line in re.findall(r"\.EXAMPLE\n(.+)\n", comment)] == [e.code for e in cmdlet.examples]


def test_every_function_that_is_called_is_there() -> None:
    """Commands of the module call each other by names with MailFerry in them; each is defined, once, and used."""
    texts = [path.read_text(encoding="utf-8") for path in script_files()]
    defined = [name for text in texts for name in functions(text)]
    called = {name for text in texts for name in commands(text) if "-MailFerry" in name}
    called |= {name for text in texts for name in re.findall(r"\{ (Test-MailFerry\w+) ", text)}
    assert len(defined) == len(set(defined))
    assert called <= set(defined)
    private = {name for path in (MODULE / "Private").glob("*.ps1") for name in functions(path.read_text("utf-8"))}
    assert private == {name for name in called if name not in OWN_FUNCTIONS}


@pytest.mark.parametrize("path", script_files(), ids=name_of)
def test_every_variable_that_is_read_is_set(path: Path) -> None:
    for name, node in functions(path.read_text(encoding="utf-8")).items():
        strange = strange_variables(node)
        assert {each for each in strange if not AUTOMATIC.fullmatch(each)} == set(), name


def test_a_misspelt_variable_is_found() -> None:
    text = (
        "function A { param([object] $Right) foreach ($each in $Right) { $sum += $each }; $Rihgt + $sum + $script:x }"
    )
    assert strange_variables(functions(text)["A"]) == {"rihgt"}


def test_every_parameter_that_is_passed_is_declared() -> None:
    texts = [path.read_text(encoding="utf-8") for path in script_files()]
    declared = {name: set(declared_parameters(node)) for text in texts for name, node in functions(text).items()}
    passed = 0
    for text in texts:
        for command in nodes(tree_of(text), "command"):
            names = [each for each in command.children if each.type == "command_name"]
            if not names or text_of(names[0]) not in declared:
                continue
            given = {text_of(part)[1:] for part in command_parts(command) if part.type == "command_parameter"}
            assert given <= declared[text_of(names[0])], text_of(command)
            passed += len(given)
    assert passed > 300


@pytest.mark.parametrize("path", script_files(), ids=name_of)
def test_nothing_that_windows_powershell_lacks_is_used(path: Path) -> None:
    tree = tree_of(path.read_text(encoding="utf-8"))
    operators = {"??", "??=", "?.", "&&", "||", "?"}
    assert [text_of(node) for operator in operators for node in nodes(tree, operator)] == []
    assert list(nodes(tree, "ternary_expression")) == []
    # Windows PowerShell reads a file without a byte order mark in the code page of the machine.
    assert path.read_bytes().isascii()
    assert b"\r" not in path.read_bytes()


@pytest.mark.parametrize("kind", SHOWN_KINDS, ids=name_of)
def test_objects_have_the_properties_of_the_console(kind: ObjectKind) -> None:
    made = functions((MODULE / "Private" / "Kinds.ps1").read_text(encoding="utf-8"))["ConvertTo-MailFerryObject"]
    tables = {}
    for table in nodes(made, "hash_literal_expression"):
        entries = [(text_of(e.named_children[0]), text_of(e.named_children[1])) for e in nodes(table, "hash_entry")]
        assert entries[0][0] == "PSTypeName"
        tables[entries[0][1]] = entries[1:]
    entries = tables[f"'{TYPE_PREFIX}{kind.name}'"]
    assert [name for name, _ in entries] == [each.name for each in kind.properties]
    for each, (_, read) in zip(kind.properties, entries, strict=True):
        if each.shape is not Shape.CONSTANT:
            assert read.startswith(f"{READERS[each.shape]} -Data $Data -Name '{each.field}'")


@pytest.mark.parametrize("kind", SHOWN_KINDS, ids=name_of)
def test_objects_are_shown_as_the_console_shows_them(kind: ObjectKind) -> None:
    root = ElementTree.parse(MODULE / "MailFerry.Format.ps1xml").getroot()
    (view,) = (
        each for each in root.iter("View") if each.findtext("ViewSelectedBy/TypeName") == TYPE_PREFIX + kind.name
    )
    shown = [each.text for each in view.iter("PropertyName")]
    if kind.columns:
        assert [(each.text) for each in view.iter("Label")] == [label for label, _ in kind.columns]
        assert shown == [name for _, name in kind.columns]
    else:
        assert shown == [each.name for each in kind.properties]


def test_what_a_guid_names_is_known_by_its_type() -> None:
    """Resolve-MailFerryIdentity takes the GUID of these."""
    assert {k.name for k in OBJECT_KINDS if k.named_by == "Guid"} == {"MigrationUser", "MigrationUserStatistics"}
    assert {k.named_by for k in OBJECT_KINDS} == {"Guid", "Identity"}


def test_errors_have_the_ids_of_the_console() -> None:
    text = (MODULE / "Private" / "Errors.ps1").read_text(encoding="utf-8")
    ids = dict(re.findall(r"'([a-z-]+)' \{ return @\{ Id = '(\w+)'", text))
    assert set(ids) == set(ERROR_CODES)
    for code, error_id in ids.items():
        assert refused(code).error_id == error_id
    # A code that has no id of its own is the id.
    assert refused("csv-file-error").error_id == "csv-file-error"


def refused(code: str) -> ServiceError:
    """Give the error of the console for a problem of the service."""
    answer = httpx.MockTransport(lambda _: httpx.Response(409, json={"code": code, "detail": "No.", "status": 409}))
    with (
        Client("http://127.0.0.1:8380", Secret("token"), transport=answer) as client,
        pytest.raises(ServiceError) as told,
    ):
        client.send(Request("GET", "/api/v1/config", Answer.ONE))
    return told.value


def test_a_page_is_as_long_as_the_service_allows() -> None:
    text = (MODULE / "Private" / "Calls.ps1").read_text(encoding="utf-8")
    assert f"$left = [long] {PAGE}\n" in text
    assert PAGE == MOST_ON_A_PAGE


def test_the_readme_says_what_was_not_tried() -> None:
    text = " ".join((MODULE / "README.md").read_text(encoding="utf-8").split())
    assert "has not run under PowerShell yet" in text


def test_a_function_holds_a_process_block_and_warns_once_before_it() -> None:
    for cmdlet in CMDLETS:
        node = functions(function(cmdlet.name))[cmdlet.name]
        wanted = ["begin", "process"] if any(p.warning for p in cmdlet.parameters) else ["process"]
        assert [text_of(child(each, "block_name")) for each in nodes(node, "named_block")] == wanted


@pytest.mark.parametrize("cmdlet", CMDLETS, ids=name_of)
def test_an_empty_text_is_refused_where_it_would_mean_all(cmdlet: Cmdlet) -> None:
    declared = declared_parameters(functions(function(cmdlet.name))[cmdlet.name])
    for parameter in cmdlet.parameters:
        if parameter.type in (ValueType.STRING, ValueType.FQDN) and not parameter.without_effect:
            assert ("[ValidateNotNullOrEmpty()]" in declared[parameter.name][0]) is not parameter.may_be_empty


def test_what_can_be_taken_away_takes_null() -> None:
    for name in ("Set-MigrationBatch", "Set-MigrationUser"):
        declared = declared_parameters(functions(function(name))[name])
        assert declared["CompleteAfter"][1] == declared["StartAfter"][1] == "[Nullable[datetime]]"
