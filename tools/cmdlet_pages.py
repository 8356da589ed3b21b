"""Write the pages in docs/cmdlets/ from the table of cmdlets, and remove old ones.

Usage: .venv/bin/python tools/cmdlet_pages.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import fill

from mailferry.cmdlets import unix
from mailferry.cmdlets.differences import NOT_THERE
from mailferry.cmdlets.helping import syntax
from mailferry.cmdlets.spec import CMDLETS
from mailferry.cmdlets.spec_common import CHANGING, COMMON
from mailferry.cmdlets.spec_language import LANGUAGE_CMDLETS
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Parameter, Property, Shape, ValueType
from mailferry.cmdlets.spec_objects import object_kind

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "cmdlets"
INDEX = Path(__file__).with_name("cmdlets_index.md")
MADE = "Made by `tools/cmdlet_pages.py` from the table of cmdlets; do not edit.\n"

SHAPES: Mapping[Shape, str] = {
    Shape.TEXT: "text",
    Shape.GRADE: "text",
    Shape.NUMBER: "number",
    Shape.FLAG: "true or false",
    Shape.MOMENT: "moment",
    Shape.SECONDS: "duration",
    Shape.SIZE: "size",
    Shape.LIST: "list of texts",
    Shape.LINES: "list of texts",
}


def pages() -> dict[str, str]:
    """Give the text of each page by its file name."""
    return {"README.md": index()} | {f"{cmdlet.name}.md": page(cmdlet) for cmdlet in CMDLETS}


def stale() -> list[Path]:
    """Give the pages of cmdlets that are no longer there."""
    return sorted(path for path in FOLDER.glob("*") if path.name not in pages())


def index() -> str:
    """Give the page that lists the cmdlets: the template with its tables filled."""
    tables: Mapping[str, Iterable[str]] = {
        "cmdlets": (f"| [{c.name}]({c.name}.md) | `{_shell(c)}` | {prose(c.synopsis)} |" for c in CMDLETS),
        "common": (_row(each).rstrip() for each in (*CHANGING, *COMMON)),
        "missing": (f"| {prose(each.what)} | {prose(each.instead)} |" for each in NOT_THERE),
        "language": (
            f"| {_names(c)} | {prose(c.synopsis)} | `{_cell(c.examples[0].code)}` |" for c in LANGUAGE_CMDLETS
        ),
    }
    text = INDEX.read_text(encoding="utf-8")
    for name, rows in tables.items():
        text = text.replace(f"<!-- {name} -->", "\n".join(rows))
    return text


def page(cmdlet: Cmdlet) -> str:
    """Give the page of a cmdlet."""
    return "\n".join([f"# {cmdlet.name}\n", MADE, *_parts(cmdlet)])


def _parts(cmdlet: Cmdlet) -> Iterator[str]:
    yield _filled(prose(cmdlet.synopsis))
    yield _syntax(cmdlet)
    yield "In a shell:\n\n" + _code([f"mailferry {_shell(cmdlet)} {_usage(cmdlet)}".rstrip()])
    yield "## Description\n\n" + _filled(prose(cmdlet.description))
    if cmdlet.examples:
        shown = [_filled(prose(each.text)) + "\n" + _code([each.code]) for each in cmdlet.examples]
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
    yield _filled("See also: " + ", ".join([*same, "[all cmdlets](README.md)"]) + ".")


def _syntax(cmdlet: Cmdlet) -> str:
    """Give a line for each parameter set; several have their names, which the table of parameters tells too."""
    lines = syntax(cmdlet)
    if len(lines) == 1:
        return "## Syntax\n\n" + _code(lines)
    named = zip(cmdlet.sets, lines, strict=True)
    return "## Syntax\n\n" + "\n".join(f"{name}:\n\n{_code([line])}" for name, line in named)


def _parameters(cmdlet: Cmdlet) -> str:
    working = [each for each in cmdlet.parameters if not each.without_effect]
    text = "## Parameters\n\n"
    if working:
        text += "| parameter | takes | meaning |\n| --- | --- | --- |\n"
        text += "".join(_row(each, cmdlet) for each in working) + "\n"
    idle = [f"`-{each.name}`" for each in cmdlet.parameters if each.without_effect]
    if idle:
        text += _filled(f"Taken because scripts have it, without effect: {', '.join(idle)}.") + "\n"
    also = "`-WhatIf`, `-Confirm` and those" if cmdlet.changes else "Those"
    return text + f"{also} [of all cmdlets](README.md#parameters-of-all-cmdlets).\n"


def _row(parameter: Parameter, cmdlet: Cmdlet | None = None) -> str:
    """Give the row of a parameter: what it takes, then what it does."""
    facts = [" ".join(f"`{value}`" for value in parameter.choices) or f"`{parameter.type.value}`"]
    if parameter.mandatory:
        facts.append(f"required in {' and '.join(only)}" if (only := _only_in(parameter, cmdlet)) else "required")
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


def _only_in(parameter: Parameter, cmdlet: Cmdlet | None) -> list[str]:
    """Give the sets in which a parameter must be given, if it need not be in others."""
    return [name for name in cmdlet.sets if parameter.mandatory_in(name)] if cmdlet and parameter.optional_in else []


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
    found = [f"- {prose(text)}\n" for text in cmdlet.differs] or ["- None that matters for IMAP.\n"]
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
    chosen = [p for p in cmdlet.parameters if not p.sets or cmdlet.sets[0] in p.sets]
    chosen = [p for p in chosen if (p.mandatory or p.position is not None) and not unix.is_implied(p)]
    chosen.sort(key=lambda p: p.position is None)
    words = [_word(parameter) for parameter in chosen]
    return " ".join([*words, "[options]"])


def _word(parameter: Parameter) -> str:
    value = unix.kebab(parameter.name).upper()
    if parameter.position is None:
        return f"{unix.option(parameter)} {value}"
    return value if parameter.mandatory else f"[{value}]"


def prose(text: str) -> str:
    """Give a text in Markdown: nothing of it is a mark, and switches and file names look like code."""
    escaped = re.sub(r"([*_<|`\\\[\]])", r"\\\1", text)
    return re.sub(r"(?<![\w-])-([A-Z][\w:$]+)", r"`-\1`", escaped)


def _filled(text: str) -> str:
    return fill(text, 118, break_on_hyphens=False, break_long_words=False) + "\n"


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
