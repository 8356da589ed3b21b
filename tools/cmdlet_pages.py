"""Write the pages in docs/cmdlets/ from the table of cmdlets, and remove old ones.

Usage: .venv/bin/python tools/cmdlet_pages.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mailferry.cmdlets import unix
from mailferry.cmdlets.differences import NOT_THERE
from mailferry.cmdlets.helping import syntax
from mailferry.cmdlets.spec import CMDLETS
from mailferry.cmdlets.spec_common import CHANGING, COMMON
from mailferry.cmdlets.spec_language import LANGUAGE_CMDLETS
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Parameter, Property, Shape, ValueType
from mailferry.cmdlets.spec_objects import object_kind

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "cmdlets"
MADE = "Made by `tools/cmdlet_pages.py` from the table of cmdlets; do not edit.\n"

SHAPES: Mapping[Shape, str] = {
    Shape.TEXT: "text",
    Shape.NUMBER: "number",
    Shape.FLAG: "true or false",
    Shape.MOMENT: "moment",
    Shape.SECONDS: "duration",
    Shape.SIZE: "size",
    Shape.LIST: "list of texts",
    Shape.LINES: "list of texts",
}

START = """\
# The cmdlets

The migration cmdlets of Exchange Online, for a Mailferry service: test the server, make an endpoint, submit a batch of
users, watch it, complete it. There are three ways to use them, and all of them are clients of the
[REST API](../api.md). They need a service that runs: [`mailferry serve`](../serve.md).

## In the console

    mailferry console

asks for commands and shows what they give. History, and completion by Tab of cmdlets, parameters, and names of endpoints
and batches are there. `Get-Help New-MigrationBatch -Full` shows a cmdlet, `Get-Command *Migration*` lists them, `exit`
leaves.

    mailferry console -Command 'Get-MigrationBatch | Format-Table Identity,Status'
    mailferry console -File migrate.ps1
    mailferry console < migrate.ps1

run commands that are there already. The first error ends them; `$ErrorActionPreference = 'Continue'` lets them go on.
The exit code is 0, 1 after an error, 2 if the commands cannot be understood (then none was run), or that of `exit 3`.

The console finds the service by its data folder (`--data`, else `./mailferry-data`), or by `--url`. The token is the one
in that folder, or in `--token-file`, or in the file that `MAILFERRY_TOKEN_FILE` names.

## In any shell

    mailferry New-MigrationBatch -Name IMAPBatch1 -SourceEndpoint IMAPEndpoint -CSVData users.csv -AutoStart
    mailferry batch new IMAPBatch1 --source-endpoint IMAPEndpoint --csv-data users.csv --auto-start

are the same command. The second spelling is derived from the first: noun and verb, and the parameters in lower case with
hyphens. Lists have commas (`\\,` is a comma in a name). A password is never on the command line, where other users of the
machine could read it: `--admin-password-file` names a file with it in the first line. `--output table`, `list`, `json`
or `csv` says what the answer looks like, and `mailferry batch new --help` shows the options.

## In PowerShell

    Import-Module ./clients/powershell/MailFerry
    Connect-MailFerry -Uri http://127.0.0.1:8380 -TokenFile ./mailferry-data/token

then the same cmdlets, with all of PowerShell around them. The [module](../../clients/powershell/MailFerry/README.md) has
not run under PowerShell yet.
"""

LANGUAGE = """\
## The language of the console

It is a part of PowerShell: what the documents of Exchange Online use, and what goes well with it.

- Parameters by name, by an unambiguous beginning of the name, by position; `-Name:value`; switches, also
  `-AutoStart:$false`; `-WhatIf`; `-Confirm:$false`.
- Texts in `'single'` and `"double"` quotes, the latter with `$variables` and `$(commands)` in them; words without
  quotes; lists with commas; `$true`, `$false`, `$null`; numbers, also `35MB`.
- Variables, `$batch = Get-MigrationBatch IMAPBatch1`; properties and methods, `$batch.Status`, `(Get-Date).AddDays(2)`;
  items of lists, `$found[0]`; `@( )`, `$( )`, `( )`.
- Comparisons, also those that regard case (`-ceq`), `-and`, `-or`, `-xor`, `-not`, `+` and `-`; `{ }` for Where-Object
  and ForEach-Object, with `$_`.
- Pipelines, and lines that go on behind `|`, `,`, a backtick, or before a parameter.
- Comments, `# ...` and `<# ... #>`.

Moments are UTC, written as `2026-12-01T18:00Z` or `12/1/2026 6:00 PM`; durations as `1.02:03:04`, days first.

What of PowerShell is not there, and what to do instead:

| not there | instead |
| --- | --- |
"""

COMMON_HEAD = """\
## Parameters of all cmdlets

`-WhatIf` and `-Confirm` are those of cmdlets that change something. Cmdlets that remove something ask first;
`-Confirm:$false` does not.

| parameter | takes | meaning |
| --- | --- | --- |
"""


def pages() -> dict[str, str]:
    """Give the text of each page by its file name."""
    return {"README.md": index()} | {f"{cmdlet.name}.md": page(cmdlet) for cmdlet in CMDLETS}


def stale() -> list[Path]:
    """Give the pages of cmdlets that are no longer there."""
    return sorted(path for path in FOLDER.glob("*") if path.name not in pages())


def index() -> str:
    """Give the page that lists the cmdlets."""
    found = [f"| [{c.name}]({c.name}.md) | `{_shell(c)}` | {prose(c.synopsis)} |\n" for c in CMDLETS]
    rows = "".join(f"| {prose(each.what)} | {prose(each.instead)} |\n" for each in NOT_THERE)
    common = "".join(_row(each) for each in (*CHANGING, *COMMON))
    inner = "".join(
        f"| {_names(c)} | {prose(c.synopsis)} | `{_cell(c.examples[0].code)}` |\n" for c in LANGUAGE_CMDLETS
    )
    return "\n".join(
        [
            START,
            "## All cmdlets\n\n| cmdlet | in a shell: `mailferry` | |\n| --- | --- | --- |\n" + "".join(found),
            COMMON_HEAD + common,
            LANGUAGE + rows,
            "## Cmdlets of the language\n\n| cmdlet | | example |\n| --- | --- | --- |\n" + inner,
            "Made by `tools/cmdlet_pages.py`; do not edit.\n",
        ]
    )


def page(cmdlet: Cmdlet) -> str:
    """Give the page of a cmdlet."""
    return "\n".join([f"# {cmdlet.name}\n", MADE, *_parts(cmdlet)])


def _parts(cmdlet: Cmdlet) -> Iterator[str]:
    yield f"{prose(cmdlet.synopsis)}\n"
    yield "## Syntax\n\n" + _code(syntax(cmdlet))
    yield "In a shell:\n\n" + _code([f"mailferry {_shell(cmdlet)} {_usage(cmdlet)}".rstrip()])
    yield f"## Description\n\n{prose(cmdlet.description)}\n"
    if cmdlet.examples:
        shown = [f"{prose(each.text)}\n\n" + _code([each.code]) for each in cmdlet.examples]
        yield "## Examples\n\n" + "\n".join(shown)
    yield _parameters(cmdlet)
    yield _output(cmdlet)
    yield _differences(cmdlet)
    calls = [f"- `{call.method} /api/v1{call.path}`{_when(cmdlet, call)}\n" for call in cmdlet.calls]
    details = {detail: None for call in cmdlet.calls for detail in call.details}
    calls += [f"- `GET /api/v1{each.path}` for each object, with `-{each.switch}`\n" for each in details]
    yield "## Requests\n\nTo the [REST API](../api.md):\n\n" + "".join(calls)
    same = [
        f"[{other.name}]({other.name}.md)" for other in CMDLETS if other.noun == cmdlet.noun and other is not cmdlet
    ]
    yield "See also: " + ", ".join([*same, "[all cmdlets](README.md)"]) + ".\n"


def _parameters(cmdlet: Cmdlet) -> str:
    working = [each for each in cmdlet.parameters if not each.without_effect]
    text = "## Parameters\n\n"
    if working:
        text += "| parameter | takes | meaning |\n| --- | --- | --- |\n"
        text += "".join(_row(each, cmdlet) for each in working) + "\n"
    idle = [f"`-{each.name}`" for each in cmdlet.parameters if each.without_effect]
    if idle:
        text += f"Taken because scripts have it, without effect: {', '.join(idle)}.\n\n"
    also = "-WhatIf, -Confirm and those" if cmdlet.changes else "Those"
    return text + f"{also} [of all cmdlets](README.md#parameters-of-all-cmdlets).\n"


def _row(parameter: Parameter, cmdlet: Cmdlet | None = None) -> str:
    """Give the row of a parameter: what it takes, then what it does."""
    facts = [" ".join(f"`{value}`" for value in parameter.choices) or f"`{parameter.type.value}`"]
    if parameter.mandatory:
        facts.append("required")
    if parameter.position is not None:
        facts.append(f"position {parameter.position + 1}")
    if parameter.pipeline:
        facts.append("pipeline: a text, or an object")
    if parameter.least is not None or parameter.most is not None:
        facts.append(_bounds(parameter))
    if parameter.default:
        facts.append(f"default {prose(parameter.default)}")
    if cmdlet is not None and parameter.sets and set(parameter.sets) < set(cmdlet.sets):
        facts.append(f"only in {' and '.join(parameter.sets)}" if len(cmdlet.sets) > 1 else "")
    meaning = prose(parameter.help)
    if parameter.needs:
        meaning += f" Only with {' and '.join(f'`-{name}`' for name in parameter.needs)}."
    if parameter.aliases:
        meaning += f" Also `-{'`, `-'.join(parameter.aliases)}`."
    if parameter.ours:
        meaning += " *Not in Exchange Online.*"
    return f"| `-{parameter.name}` | {', '.join(fact for fact in facts if fact)} | {meaning} |\n"


def _bounds(parameter: Parameter) -> str:
    what = " characters" if parameter.type in (ValueType.STRING, ValueType.FQDN) else ""
    if parameter.least is None:
        return f"at most {parameter.most}{what}"
    return f"at least {parameter.least}{what}" if parameter.most is None else f"{parameter.least} to {parameter.most}"


def _output(cmdlet: Cmdlet) -> str:
    if not cmdlet.kind:
        return "## Output\n\nNone.\n"
    kind = object_kind(cmdlet.kind)
    if not kind.properties:
        return "## Output\n\nObjects whose properties are the columns of the CSV.\n"
    rows = "".join(f"| `{each.name}` | {_shape(each)} |\n" for each in kind.properties)
    way = "As a list of all properties"
    if kind.columns:
        way = "As a table of " + ", ".join(f"`{name}`" for _, name in kind.columns) + "; `Format-List` shows all"
    return f"## Output\n\nThe {kind.noun}. {way}.\n\n| property | |\n| --- | --- |\n{rows}"


def _shape(each: Property) -> str:
    if each.shape is Shape.CONSTANT:
        return f"always `{each.constant}`" if each.constant != "" else "always empty"
    if each.shape is Shape.OBJECTS:
        return "objects with " + ", ".join(f"`{inner.name}`" for inner in object_kind(each.constant).properties)
    return SHAPES[each.shape]


def _differences(cmdlet: Cmdlet) -> str:
    found = [f"- {prose(text)}\n" for text in cmdlet.differs]
    if not found:
        found = ["- None that matters for IMAP.\n"]
    return "## Differences from Exchange Online\n\n" + "".join(found)


def _when(cmdlet: Cmdlet, call: Call) -> str:
    """Say when a request is made, if the cmdlet has several."""
    if len(cmdlet.calls) == 1:
        return ""
    pages = ", page by page" if call.answer is Answer.PAGES else ""
    if call.given:
        return " with " + _any(f"`-{name}`" for name in call.given)
    return (" without " + _any(f"`-{name}`" for name in call.absent) if call.absent else "") + pages


def _any(names: Iterable[str]) -> str:
    listed = list(names)
    return listed[0] if len(listed) == 1 else ", ".join(listed[:-1]) + " or " + listed[-1]


def _names(cmdlet: Cmdlet) -> str:
    return "`" + "`, `".join((cmdlet.name, *cmdlet.aliases)) + "`"


def _shell(cmdlet: Cmdlet) -> str:
    return f"{unix.noun_of(cmdlet)} {cmdlet.verb.lower()}"


def _usage(cmdlet: Cmdlet) -> str:
    """Give what the Unix spelling needs, by the first parameter set."""
    needed = [p for p in cmdlet.parameters if p.mandatory and (not p.sets or cmdlet.sets[0] in p.sets)]
    needed = [p for p in needed if not unix.is_implied(p)]
    needed.sort(key=lambda p: p.position is None)
    words = [
        p.name.upper() if p.position is not None else f"{unix.option(p)} {unix.kebab(p.name).upper()}" for p in needed
    ]
    return " ".join([*words, "[options]"])


def prose(text: str) -> str:
    """Give a text in Markdown: nothing of it is a mark, and switches and file names look like code."""
    escaped = re.sub(r"([*_<|`\\\[\]])", r"\\\1", text)
    return re.sub(r"(?<![\w-])-([A-Z][\w:$]+)", r"`-\1`", escaped)


def _cell(code: str) -> str:
    return code.replace("|", "\\|")


def _code(lines: Iterable[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in stale():
        old.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
