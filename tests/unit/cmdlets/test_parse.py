"""The parser: what it takes, and what it says about the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.cmdlets import tree
from mailferry.cmdlets.differences import KEYWORDS
from mailferry.cmdlets.errors import ParseError, render
from mailferry.cmdlets.parse import DEEPEST, is_unfinished, parse
from mailferry.cmdlets.unfinished import wants_more


def command(text: str) -> tree.Command:
    """Give the one command of a text."""
    (statement,) = parse(text).statements
    assert isinstance(statement, tree.Pipeline)
    (part,) = statement.parts
    assert isinstance(part, tree.Command)
    return part


def element(text: str) -> tree.Node:
    """Give the only element of the command `X ...`."""
    (only,) = command(f"X {text}").elements
    return only


def value(text: str) -> object:
    """Give the text that an argument stands for."""
    found = element(text)
    assert isinstance(found, tree.Literal), found
    return found.value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("IMAPBatch1", "IMAPBatch1"),
        ("imap.contoso.com", "imap.contoso.com"),
        (r"C:\Users\Administrator\Desktop\x.csv", r"C:\Users\Administrator\Desktop\x.csv"),
        ("Max*", "Max*"),
        ("terrya@contoso.edu", "terrya@contoso.edu"),
        ("a#b", "a#b"),
        ("-5", "-5"),
        ("'single $x `n'", "single $x `n"),
        ("'it''s'", "it's"),
        ('"double"', "double"),
        ('"say ""yes"""', 'say "yes"'),
        ('"tab`there"', "tab\there"),
        ('"`$x"', "$x"),
        ("with` blank", "with blank"),
        ("'a'", "a"),
        ("‘typographic’", "typographic"),
        ("“typographic”", "typographic"),
        ('pre"fix ed"post', "prefix edpost"),
        ("'two\nlines'", "two\nlines"),
        ("''", ""),
    ],
)
def test_a_text_stands_for(written: str, meant: str) -> None:
    assert value(written) == meant


def test_parameters_take_their_values_in_both_spellings() -> None:
    found = command("New-X -Name a -Flag:$false -List a, b,c")
    assert [type(e).__name__ for e in found.elements] == ["Parameter", "Literal", "Parameter", "Parameter", "ListOf"]
    flag = found.elements[2]
    assert isinstance(flag, tree.Parameter)
    assert isinstance(flag.value, tree.Variable)
    assert (flag.name, flag.value.name) == ("Flag", "false")
    listed = found.elements[4]
    assert isinstance(listed, tree.ListOf)
    assert len(listed.items) == 3


def test_a_dash_of_a_printed_page_is_a_dash() -> None:
    found = command("New–MigrationEndpoint –Name x")
    assert found.name == "New-MigrationEndpoint"
    assert isinstance(found.elements[0], tree.Parameter)


@pytest.mark.parametrize("mark", ["`\n", "\n  ", "\r\n"])
def test_a_line_that_begins_with_a_parameter_goes_on(mark: str) -> None:
    assert len(command(f"New-X a {mark}-Port 993").elements) == 3


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "  \n  "])
def test_a_line_may_be_cut_between_a_parameter_and_its_number(line_end: str) -> None:
    found = command(f"New-X -MaxConcurrentMigrations{line_end}50 -Other 25")
    first, second = found.elements[:2]
    assert isinstance(first, tree.Parameter)
    assert first.name == "MaxConcurrentMigrations"
    assert isinstance(second, tree.Literal)
    assert second.value == "50"


def test_other_lines_are_commands_of_their_own() -> None:
    assert len(parse("Get-A -Flag\nGet-B\n\n; Get-C;").statements) == 3


def test_a_pipeline_may_go_over_lines() -> None:
    for text in ("Get-A |\n # why\n Format-List", "Get-A\n  | Format-List"):
        (statement,) = parse(text).statements
        assert isinstance(statement, tree.Pipeline)
        assert len(statement.parts) == 2


def test_comments_are_left_out() -> None:
    assert parse("# one\n<# two\nlines #>\n").statements == ()
    assert len(command("Get-A x # what this is").elements) == 1


def test_a_quote_at_the_end_that_has_no_partner_is_left_out() -> None:
    script = parse('Get-MigrationBatch IMAPBatch1"\n')
    assert len(script.strays) == 1
    (found,) = tree.commands(script.block)
    (only,) = found.elements
    assert isinstance(only, tree.Literal)
    assert only.value == "IMAPBatch1"


def test_a_quote_that_has_a_partner_further_on_is_no_stray() -> None:
    assert parse('Get-A x"\n y"').strays == ()


def test_an_expression_binds_as_in_powershell() -> None:
    (block,) = command('where { $_.Status -eq "Failed" -and -not ($_.Count -gt 5) }').elements
    assert isinstance(block, tree.ScriptBlock)
    (statement,) = block.block.statements
    assert isinstance(statement, tree.Pipeline)
    (both,) = statement.parts
    assert isinstance(both, tree.Binary)
    assert both.operator == "and"
    assert isinstance(both.left, tree.Binary)
    assert isinstance(both.left.left, tree.Member)
    assert both.left.operator == "eq"
    assert isinstance(both.right, tree.Unary)


def test_the_bytes_of_a_file() -> None:
    found = element('([System.IO.File]::ReadAllBytes("C:\\x.csv"))')
    assert isinstance(found, tree.Pipeline)
    (call,) = found.parts
    assert isinstance(call, tree.Static)
    assert (call.type, call.name) == ("System.IO.File", "ReadAllBytes")
    (argument,) = call.arguments or ()
    assert isinstance(argument, tree.Literal)
    assert argument.value == "C:\\x.csv"


def test_a_text_with_variables_has_parts() -> None:
    found = element('"a $x ${long name} $($y.Status) b"')
    assert isinstance(found, tree.Expandable)
    assert [p if isinstance(p, str) else type(p).__name__ for p in found.parts] == [
        *("a ", "Variable", " ", "Variable", " ", "Block", " b"),
    ]


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ('Get-A "x', "The string is missing the terminator", 1, 7),
        ("Get-A |", "An empty pipe element is not allowed.", 1, 7),
        ("Get-A ||", "'||' is not part", 1, 7),
        ("Get-A\nGet-B )", "Unexpected token ')'", 2, 7),
        ("Get-A @'\nx\n'@", "here-strings", 1, 7),
        ("$x = @{ a = 1 }", "hash tables", 1, 6),
        ("Get-A @{ a -eq 1 }", "Unexpected", 1, 10),
        ("Get-A @parameters", "splatting", 1, 7),
        ("Get-A > out.txt", "redirection", 1, 7),
        ("Get-A -Port <143 or 993>", "<143 or 993> stands for a value", 1, 13),
        ("Get-A && Get-B", "'&' is not part", 1, 7),
        ("foreach ($x in $y) { Get-A }", "'foreach' is not part", 1, 1),
        ("$z = 1\nif ($x) { Get-A }", "'if' is not part", 2, 1),
        ("Get-A | % { while (1) { } }", "'while' is not part", 1, 13),
        ("function f { }", "functions", 1, 1),
        ("$x += 1", "methods of texts", 1, 4),
        ("$x -replace 'a', 'b'", "token '-replace'", 1, 4),
        ("'a b' -split ' '", "methods of texts", 1, 7),
        ("1 -as [int]", "token '-as'", 1, 3),
        ("switch ($x) { }", "neither are if, for, foreach", 1, 1),
        ("<# open", "The terminator #>", 1, 1),
        ('"$(Get-A"', "Missing closing ')'", 1, 2),
    ],
)
def test_an_error_says_what_and_where(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    shown = render(caught.value, text)
    assert message in shown
    assert f"At line:{line} char:{column}\n" in shown
    caret = shown.splitlines()[3]
    assert caret.index("~") == column + 1


def test_loops_and_functions_name_what_to_do_instead() -> None:
    for word in KEYWORDS:
        with pytest.raises(ParseError) as caught:
            parse(f"{word} x")
        assert caught.value.advice


def test_a_block_keeps_its_text() -> None:
    block = element("{  Received -ge '2025-01-01' -and (Received -lt '2026-01-01') }")
    assert isinstance(block, tree.ScriptBlock)
    assert block.text == "Received -ge '2025-01-01' -and (Received -lt '2026-01-01')"
    inner = next(c for c in tree.commands(command('Get-A "$(Get-B { $_.C })"')) if c.name == "Get-B").elements[0]
    assert isinstance(inner, tree.ScriptBlock)
    assert inner.text == "$_.C"


def test_parameters_may_be_called_as_keywords_are() -> None:
    assert len(command("Get-A -For if while").elements) == 3


def test_an_error_in_a_long_line_shows_a_part_of_it() -> None:
    text = "Get-A " + "x " * 500 + ") " + "y " * 500
    with pytest.raises(ParseError) as caught:
        parse(text)
    _, _, line, carets, *_ = render(caught.value, text).splitlines()
    assert len(line) < 200
    assert line[carets.index("~")] == ")"


def test_what_is_never_closed_takes_no_long_time() -> None:
    for text in ("<#" * 20_000, '"' * 20_001, "'" * 20_001, "(<#" * 20_000):
        with pytest.raises(ParseError):
            parse(text)


def test_too_many_brackets_are_refused() -> None:
    with pytest.raises(ParseError, match="brackets"):
        parse("(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1))
    assert parse("(" * DEEPEST + "1" + ")" * DEEPEST).statements


def test_brackets_in_texts_and_comments_do_not_count() -> None:
    assert parse("Get-A '" + "(" * 200 + "' # " + "(" * 200).statements


@pytest.mark.parametrize(
    "text", ['Get-A "x', "Get-A |", "Get-A (", "Get-A {", "$x =", "Get-A `", "<# x", "Get-A a,", "Get-A @{"]
)
def test_what_wants_more_lines(text: str) -> None:
    assert is_unfinished(text)
    assert wants_more(text)


@pytest.mark.parametrize("text", ["", "Get-A", "Get-A )", 'Get-A x"', "foreach ($x in $y) {", "$x = @{"])
def test_what_more_lines_would_not_mend(text: str) -> None:
    assert not is_unfinished(text)


def test_a_parameter_without_its_value_wants_more() -> None:
    first = "New-MigrationEndpoint -IMAP -MaxConcurrentMigrations"
    assert wants_more(first)
    assert not wants_more(first + "\n50 -MaxConcurrentIncrementalSyncs 25")
    assert not wants_more("New-MigrationBatch -AutoStart")
    assert not wants_more("Get-Nothing -Name")


def outcome(text: str) -> tree.Script | ParseError:
    """Parse a text, whatever comes of it."""
    try:
        return parse(text)
    except ParseError as error:
        return error


@settings(max_examples=300)
@given(st.text(alphabet=st.one_of(st.sampled_from(" \n`'\"$(){}[]|;,-:=.@#<>&aX1*_%"), st.characters())))
def test_any_text_gives_a_tree_or_one_error(text: str) -> None:
    found = outcome(text)
    if isinstance(found, ParseError):
        assert found.span is not None
        assert 0 <= found.span.start <= len(text)
        assert render(found, text)
    else:
        for command in tree.commands(found.block):
            assert 0 <= command.span.start <= command.span.end <= len(text)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["Get-A", "-Name", "-N:", "x", "'y'", '"z $v"', "$v", "|", ";", "\n", "(", ")", "{", "}", ",", "-eq", "5",
             "[int]", "[IO.File]::", ".b", "$(", "@(", "`\n", "#", "=", "[0]", "!", "-not", "+"]
        )
    )
)  # fmt: skip
def test_any_row_of_tokens_gives_a_tree_or_one_error(tokens: list[str]) -> None:
    for text in ("".join(tokens), " ".join(tokens)):
        found = outcome(text)
        assert isinstance(found, tree.Script) or found.message


@pytest.mark.parametrize(
    "text",
    ["$x + 1", "$x.y + 1", '"a" + "b"', "(Get-Date) - $x", '$x["a"]', "$x[-1].y", '"a" -eq "b"', "$x.y -in 1,2",
     "-5 + 3", "[int]'5' + 1", '"x".Length -gt 1'],
)  # fmt: skip
def test_expressions(text: str) -> None:
    (statement,) = parse(text).statements
    assert isinstance(statement, tree.Pipeline)
    assert len(statement.parts) == 1
    assert not isinstance(statement.parts[0], tree.Command)


@pytest.mark.parametrize("first", ["Status", "'Status'", '"Status"', "$name", "$x.y", "(Get-A)"])
def test_a_comparison_behind_an_argument_is_a_parameter(first: str) -> None:
    found = command(f"where {first} -eq Failed")
    second = found.elements[1]
    assert isinstance(second, tree.Parameter)
    assert second.name == "eq"


@pytest.mark.parametrize("end", ["\n", "  # why\n", "\n\n \n", "\r\n"])
def test_lines_may_end_behind_what_cannot_end_a_command(end: str) -> None:
    joined = (
        f"Get-A a,{end}b |{end}where {{ $_.x -eq{end}5 -and{end}$_.y -gt{end}(1 +{end}2) }} |{end}% ToString",
        f"$x ={end}({end}Get-A{end})",
        f'[System.IO.File]::ReadAllText({end}"x",{end}"y"{end})',
        f"$x.AddDays({end}1{end})",
    )
    for text in joined:
        assert len(parse(text).statements) == 1, text
