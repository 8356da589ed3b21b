"""The words of a shell as cmdlets: what is read, what is refused, what the help says."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailferry.cli.cmdlet_connection import ADDRESS_FILE, TOKEN_FILE, Place, connect, no_service
from mailferry.cli.cmdlet_options import read_options
from mailferry.cli.cmdlet_words import is_cmdlet
from mailferry.cmdlets.bind import Argument
from mailferry.cmdlets.errors import BindingError, MissingParameters
from mailferry.cmdlets.host import NobodyToAsk
from mailferry.cmdlets.records import ByteSize, Record
from mailferry.cmdlets.spec import CMDLETS, find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, ValueType
from mailferry.cmdlets.unix import PasswordFile, find, noun_of, nouns, option, read_words
from mailferry.cmdlets.unix_cmdlet import read_cmdlet_words
from mailferry.cmdlets.unix_examples import unix_line
from mailferry.cmdlets.unix_help import noun_help, verb_help
from mailferry.cmdlets.unix_host import CommandHost, Format, shown
from mailferry.errors import BadUsage
from mailferry.service.wiring import DataFolder


def unix(noun: str, verb: str, *words: str) -> dict[str, object]:
    cmdlet = find(noun, verb)
    assert cmdlet is not None
    return values(read_words(cmdlet, words))


def powershell(name: str, *words: str) -> dict[str, object]:
    cmdlet = find_cmdlet(name)
    assert cmdlet is not None
    return values(read_cmdlet_words(cmdlet, words))


def values(arguments: list[Argument]) -> dict[str, object]:
    """Give the values by name; those without a name under their number."""
    return {a.name or str(i): a.value for i, a in enumerate(arguments)}


# Unix


def test_options_and_values() -> None:
    found = unix("batch", "new", "--name=A=B", "--csv-data", "--odd.csv", "--auto-start", "--priority", "-5")
    assert found == {"Name": "A=B", "CSVData": "--odd.csv", "AutoStart": True, "Priority": "-5"}


def test_switches_have_an_opposite() -> None:
    assert unix("batch", "new", "--no-auto-start") == {"AutoStart": False}
    assert unix("batch", "new", "--auto-start=false", "--skip-reports=yes") == {"AutoStart": False, "SkipReports": True}
    assert unix("batch", "remove", "B", "--no-confirm") == {"Confirm": False, "1": "B"}


def test_lists_have_commas_and_may_be_repeated() -> None:
    found = unix("batch", "new", "--exclude-folders", "Clients/*,a\\,b", "--exclude-folders=\\#x")
    assert found == {"ExcludeFolders": ["Clients/*", "a,b", "\\#x"]}


def test_behind_two_dashes_nothing_is_an_option() -> None:
    assert unix("batch", "get", "--", "--status") == {"0": "--status"}


def test_aliases_are_options_too() -> None:
    assert unix("report", "export", "B", "--path", "r.csv") == {"CsvStream": "r.csv", "1": "B"}


@pytest.mark.parametrize(
    ("words", "implied"),
    [
        (["E", "--remote-server", "h"], {"IMAP"}),
        (["E", "--path", "/srv"], {"Maildir"}),
        (["E", "--remote-server", "h", "--target"], {"IMAP", "Target"}),
        (["E", "--remote-server", "h", "--user-template", "{user}"], {"IMAP", "Target"}),
        (["--name", "E", "--imap", "--remote-server", "h"], {"IMAP"}),
    ],
)
def test_the_kind_of_an_endpoint_follows_from_its_options(words: list[str], implied: set[str]) -> None:
    assert {name for name, value in unix("endpoint", "new", *words).items() if value is True} == implied


def test_a_test_of_an_endpoint_implies_nothing() -> None:
    assert unix("server", "test", "E") == {"0": "E"}
    assert unix("server", "test", "--endpoint", "E") == {"Endpoint": "E"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--frob"], "no option --frob"),
        (["-n", "x"], "no option -n"),
        (["--name"], "--name needs a value"),
        (["--name", "a", "--name", "b"], "more than once"),
        (["--auto-start=maybe"], "true or false"),
        (["--allow-unknown-columns-in-csv", "perhaps"], "true or false"),
        (["--Name", "x"], "no option --Name"),
    ],
)
def test_what_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(BindingError, match=told):
        unix("batch", "new", *words)


@pytest.mark.parametrize(
    ("word", "spelt"),
    [
        ("-WhatIf", "--what-if"),
        ("-Confirm:$false", "--no-confirm"),
        ("-CSVData", "--csv-data"),
        ("--CSVData=x", "--csv-data"),
        ("--whatif", "--what-if"),
    ],
)
def test_names_of_powershell_are_explained(word: str, spelt: str) -> None:
    with pytest.raises(BindingError, match="in this spelling") as caught:
        unix("batch", "new", word)
    assert caught.value.advice == f"Write {spelt}."


def test_users_of_other_batches() -> None:
    words = ("batch", "new", "B", "--user-ids", "a@b.c,d@e.f", "--disable-on-copy")
    assert unix(*words) == {"2": "B", "UserIds": ["a@b.c", "d@e.f"], "DisableOnCopy": True}
    with pytest.raises(BindingError, match="no option --analyze") as caught:
        unix("batch", "new", "--analyze")
    assert "--dry-run" in caught.value.advice


@pytest.mark.parametrize("word", ["-AdminPassword:hunter2", "-AdminPass:hunter2", "-p=hunter2", "--pass=hunter2"])
def test_what_follows_an_unknown_option_is_not_repeated(word: str) -> None:
    with pytest.raises(BindingError) as caught:
        unix("endpoint", "set", word)
    assert "hunter2" not in f"{caught.value} {caught.value.advice}"


def test_a_password_is_named_by_a_file() -> None:
    found = unix("endpoint", "set", "E", "--admin-password-file", "p.txt")
    assert found["AdminPassword"] == PasswordFile("p.txt")
    assert powershell("Set-MigrationEndpoint", "E", "-AdminPasswordFile", "p.txt")["AdminPassword"] == PasswordFile(
        "p.txt"
    )
    with pytest.raises(BindingError, match="--admin-password-file FILE") as caught:
        unix("endpoint", "set", "E", "--admin-password", "tell nobody")
    assert "tell nobody" not in str(caught.value)
    with pytest.raises(BindingError, match="-AdminPasswordFile FILE"):
        powershell("Set-MigrationEndpoint", "E", "-AdminPassword", "tell nobody")


# PowerShell's spelling


def test_names_of_parameters_may_be_shortened_and_in_any_case() -> None:
    found = powershell("New-MigrationBatch", "-name", "B", "-Source", "E", "–AutoStart", "-csv:u.csv", "-SkipR:false")
    assert found == {"Name": "B", "SourceEndpoint": "E", "AutoStart": True, "CSVData": "u.csv", "SkipReports": False}


def test_values_are_taken_as_they_are() -> None:
    found = powershell("New-MigrationBatch", "my $batch", "-Source", "it's `(1)", "-Priority", "-5", "-TimeZone:-x")
    assert found == {"0": "my $batch", "SourceEndpoint": "it's `(1)", "Priority": "-5", "TimeZone": "-x"}


def test_lists_may_have_blanks_behind_their_commas() -> None:
    assert powershell("New-MigrationBatch", "-ExcludeFolders", "a,", "b,", "c d", "-Name", "B") == {
        "ExcludeFolders": ["a", "b", "c d"],
        "Name": "B",
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-Frob"], "parameter name 'Frob'"),
        (["-S"], "ambiguous"),
        (["-Name"], "Missing an argument"),
        (["-Name", "-AutoStart"], "Missing an argument"),
        (["-AutoStart:"], "Nothing follows -AutoStart:"),
        (["-AutoStart:perhaps"], "true or false"),
    ],
)
def test_what_is_refused_of_it(words: list[str], told: str) -> None:
    with pytest.raises(BindingError, match=told):
        powershell("New-MigrationBatch", *words)


# help


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("cmdlet", CMDLETS, ids=lambda c: c.name)
def test_the_help_of_a_verb(cmdlet: Cmdlet, width: int) -> None:
    text = verb_help(cmdlet, width)
    assert text.startswith(f"usage: mailferry {noun_of(cmdlet)} {cmdlet.verb.lower()}")
    for parameter in cmdlet.parameters:
        listed = re.search(rf"^  (\S+, )*{option(parameter)}\b", text, re.MULTILINE) is not None
        assert listed is not parameter.without_effect
    assert ("--no-confirm" in text) is cmdlet.asks
    described, _, examples = text.partition("\nexamples:\n")
    assert all(len(line) <= width for line in described.splitlines())
    assert f"mailferry {noun_of(cmdlet)} {cmdlet.verb.lower()}" in examples


@pytest.mark.parametrize("noun", nouns())
def test_the_help_of_a_noun(noun: str) -> None:
    text = noun_help(noun, 90)
    for verb, cmdlet in nouns()[noun].items():
        assert re.search(rf"^  {verb}\b", text, re.MULTILINE)
        assert f"  mailferry {noun} {verb}" in text
        assert cmdlet.name in text


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("Get-MigrationBatch | Format-List", "mailferry batch get --output list"),
        ("Get-MigrationBatch | Format-List Status", ""),
        ("Get-MigrationUser | Start-MigrationUser", ""),
        ("$x = Get-MigrationBatch", ""),
        ("Get-Date", ""),
        ("Set-MigrationBatch B -CompleteAfter (Get-Date)", ""),
        ("Get-MigrationBatch 'First floor'", "mailferry batch get 'First floor'"),
        ("Remove-MigrationBatch B -Confirm:$false", "mailferry batch remove B --no-confirm"),
        ("New-MigrationBatch -Ex 'a','b,c' B", "mailferry batch new --exclude-folders 'a,b\\,c' B"),
        ("(", ""),
        ("Get-MigrationBatch -Frob x", ""),
    ],
)
def test_examples_in_unix_spelling(code: str, line: str) -> None:
    assert unix_line(code) == line


# what is shown


def test_errors_speak_of_options() -> None:
    cmdlet = find("batch", "new")
    assert cmdlet is not None
    err = io.StringIO()
    host = CommandHost(io.StringIO(), err, cmdlet, unix=True, environment={})
    host.error(MissingParameters(("Name", "CSVData")), "")
    host.error(BindingError("Cannot process argument for parameter 'CSVData'.", advice="Give -CSVData."), "")
    assert err.getvalue() == (
        "mailferry: These options are missing: --name, --csv-data.\n"
        "mailferry: Cannot process argument for --csv-data.\n  Give --csv-data.\n"
    )
    err.truncate(0)
    CommandHost(io.StringIO(), err, cmdlet, unix=False, environment={}).error(BindingError("Give -CSVData."), "")
    assert "-CSVData" in err.getvalue()


@pytest.mark.parametrize(("is_unix", "spelt"), [(True, "--no-confirm"), (False, "-Confirm:false")])
def test_what_keeps_a_command_from_asking_is_spelt_as_its_options_are(is_unix: bool, spelt: str) -> None:
    cmdlet = find("batch", "remove")
    assert cmdlet is not None
    host = CommandHost(io.StringIO(), io.StringIO(), cmdlet, unix=is_unix, environment={})
    with pytest.raises(NobodyToAsk) as caught:
        host.confirm("Removing.")
    err = io.StringIO()
    CommandHost(io.StringIO(), err, cmdlet, unix=is_unix, environment={}).error(caught.value, "")
    assert f"  Give {spelt} to do it without a question.\n" in err.getvalue()


def test_csv_is_for_programs() -> None:
    at = datetime(2026, 11, 21, 7, 6, 54, tzinfo=UTC)
    record = Record(
        {"Identity": "-x", "Size": ByteSize(1536), "At": at, "Left": -5, "On": True, "No": None, "To": ["a", "=b"]}
    )
    text = shown([record], Format.CSV, 80, one=False, is_terminal=False)
    assert text == "Identity,Size,At,Left,On,No,To\n'-x,1536,2026-11-21T07:06:54Z,-5,True,,a; '=b"
    odd = Record({"Subject": "\x1b[31m"})
    assert "\x1b" in shown([odd], Format.CSV, 80, one=False, is_terminal=False)
    assert "\x1b" not in shown([odd], Format.CSV, 80, one=False, is_terminal=True)


def test_nothing_is_cut_without_a_terminal() -> None:
    record = Record({"Identity": "x" * 300, "Status": "Synced"})
    for form in (Format.USUAL, Format.TABLE, Format.LIST):
        assert "x" * 300 in shown([record], form, 80, one=False, is_terminal=False)
    message = Record({"Identity": "B", "Message": "x" * 300})
    assert "..." not in shown([message], Format.TABLE, 80, one=False, is_terminal=False)
    assert "..." in shown([message], Format.TABLE, 80, one=False, is_terminal=True)


def test_json_of_one_and_of_several() -> None:
    record = Record({"Identity": "ä"})
    assert shown([record], Format.JSON, 80, one=True, is_terminal=True) == '{\n  "Identity": "ä"\n}'
    assert shown([record], Format.JSON, 80, one=False, is_terminal=True) == '[\n  {\n    "Identity": "ä"\n  }\n]'
    assert shown([], Format.JSON, 80, one=False, is_terminal=True) == "[]"


# the command line


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        (["batch"], True),
        (["--data", "batch", "copy"], False),
        (["--data=x", "--output", "json", "get-migrationbatch"], True),
        (["Get–MigrationBatch"], True),
        (["copy", "--data", "batch"], False),
        (["help", "batch"], True),
        (["help", "Get-MigrationBatch"], True),
        (["help", "exit-codes"], False),
        (["help"], False),
        (["--version"], False),
        ([], False),
    ],
)
def test_what_is_a_cmdlet(words: list[str], is_one: bool) -> None:
    assert is_cmdlet(words) is is_one


def test_options_stand_anywhere_before_two_dashes() -> None:
    found = read_options(["--data", "d", "batch", "get", "--url=u", "B", "--output", "JSON", "--", "--data", "x"])
    assert found.words == ("batch", "get", "B", "--", "--data", "x")
    assert (found.place, found.output) == (Place(data="d", url="u"), "json")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadUsage, match="UTF-8"):
        read_options(["batch", "get", "\udcff"])


# where the service is


def nowhere(text: str) -> None:
    raise AssertionError(text)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of a service that runs."""
    (tmp_path / ADDRESS_FILE).write_text("http://127.0.0.1:8380\n")
    token = tmp_path / TOKEN_FILE
    token.touch(mode=0o600)
    token.write_text("t0ken\n")
    return tmp_path


def test_the_files_are_those_of_the_service() -> None:
    folder = DataFolder(Path("x"))
    assert (folder.address_file.name, folder.token_file.name) == (ADDRESS_FILE, TOKEN_FILE)


def test_the_service_of_a_data_folder(data: Path) -> None:
    client = connect(Place(data=str(data)), {}, warn=nowhere)
    assert client is not None
    with client:
        assert client.base_url == "http://127.0.0.1:8380"


def test_no_service(tmp_path: Path) -> None:
    place = Place(data=str(tmp_path))
    assert connect(place, {}, warn=nowhere) is None
    assert f"mailferry serve --data {tmp_path}" in no_service(place)
    assert "mailferry serve." in no_service(Place())


@pytest.mark.parametrize("content", ["", "two words\n", "ä\n", "\n", "\x1b[2J\n"])
def test_a_file_that_holds_no_token(data: Path, content: str) -> None:
    (data / TOKEN_FILE).write_text(content)
    with pytest.raises(BadUsage, match="token"):
        connect(Place(data=str(data)), {}, warn=nowhere)


def test_which_token_file_is_taken(data: Path, tmp_path: Path) -> None:
    (data / TOKEN_FILE).unlink()
    with pytest.raises(BadUsage, match="MAILFERRY_TOKEN_FILE"):
        connect(Place(data=str(data)), {}, warn=nowhere)
    with pytest.raises(BadUsage, match="other"):
        connect(Place(data=str(data), token_file=str(tmp_path / "other")), {"MAILFERRY_TOKEN_FILE": "no"}, warn=nowhere)


def test_others_who_can_read_the_token(data: Path) -> None:
    (data / TOKEN_FILE).chmod(0o644)
    told: list[str] = []
    connect(Place(data=str(data)), {}, warn=told.append)
    assert len(told) == 1
    assert "chmod 600" in told[0]


@pytest.mark.parametrize(
    "url",
    ["mail.contoso.com", "ftp://x", "http://", "https://user:pw@x", "https://x?y", "http://[::1", "http://x:port"],
)
def test_what_is_no_address(data: Path, url: str) -> None:
    with pytest.raises(BadUsage, match="--url"):
        connect(Place(data=str(data), url=url), {}, warn=nowhere)


def test_a_token_does_not_leave_the_machine_without_tls(data: Path) -> None:
    place = Place(data=str(data), url="http://mail.contoso.com")
    with pytest.raises(BadUsage, match="without TLS"):
        connect(place, {}, warn=nowhere)
    for allowed in (
        Place(str(data), "http://mail.contoso.com", allow_plain_http=True),
        Place(str(data), "https://mail.contoso.com/ferry/"),
        Place(str(data), "http://localhost:1"),
        Place(str(data), "http://[::1]:1"),
    ):
        assert connect(allowed, {}, warn=nowhere) is not None


def test_every_type_of_the_table_has_a_word() -> None:
    """Nothing in the table needs a value that a shell cannot pass."""
    needs = {p.type for cmdlet in CMDLETS for p in cmdlet.parameters}
    assert not needs & {ValueType.SCRIPT_BLOCK, ValueType.OBJECT}
