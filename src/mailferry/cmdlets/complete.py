"""What could stand at the cursor: cmdlets, parameters, values, names that the service knows. Nothing is sent here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailferry.cmdlets.bind import find_parameter
from mailferry.cmdlets.errors import BindingError
from mailferry.cmdlets.spec import ALL_CMDLETS, CMDLETS, all_parameters, find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.cmdlets.spec_objects import object_kind
from mailferry.cmdlets.words import DASHES, quote

Names = Callable[[str, str], Iterable[str]]
"""Gives the names of a collection, as `complete_names.COLLECTIONS` has them, that begin with a text."""

NAMED_BY: Final[Mapping[str, str]] = {
    "MigrationEndpoint": "endpoints",
    "MigrationBatch": "batches",
    "MigrationReport": "batches",
    "MigrationUser": "users",
    "MigrationUserStatistics": "users",
    "AcceptedDomain": "accepted domains",
    "Mailbox": "mailboxes",
}
"""What the Identity of a noun names."""

_PARAMETERS: Final[Mapping[str, str]] = {
    "SourceEndpoint": "source endpoints",
    "TargetEndpoint": "target endpoints",
    "Endpoint": "endpoints",
    "BatchId": "batches",
    "EmailAddress": "users",
    "UserIds": "users",
}
_PATHS: Final = frozenset({"Path", "CsvStream"})
_CHOOSING: Final = frozenset(
    {"Format-List", "Format-Table", "Select-Object", "Sort-Object", "Where-Object", "Group-Object", "Measure-Object"}
)
_CALL_OF_FILE: Final = re.compile(r"\[(?:System\.)?IO\.File\]::Read\w+\(\s*[\"']?([^\"')]*)\Z", re.IGNORECASE)
_WORD: Final = re.compile(r"""(?:`[\s\S]|"(?:[^"`]|`[\s\S])*"?|'[^']*'?|[^\s"'`])+""")
_BREAK: Final = re.compile(r"""`[\s\S]|"(?:[^"`]|`[\s\S])*"?|'[^']*'?|([|;\n({=])""")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that could stand in place of the last `replaces` characters, and what it is."""

    text: str
    replaces: int
    about: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    """The command that the cursor is in: its cmdlet, the words between, and the word that is being typed."""

    cmdlet: Cmdlet | None
    words: tuple[str, ...]
    current: str
    first: bool
    pipeline: str


def candidates(text: str, names: Names, folder: Path) -> Iterator[Candidate]:
    """Give what could stand at the end of a text, which is what stands before the cursor."""
    if called := _CALL_OF_FILE.search(text):
        yield from _files(called[1], folder, quoted=False)
        return
    line = _read(text)
    if line.first:
        yield from _cmdlets(line.current)
    elif line.cmdlet is None:
        return
    elif line.current[:1] and line.current[0] in DASHES:
        yield from _parameters(line.cmdlet, line)
    else:
        yield from _values(line, line.cmdlet, names, folder)


def _read(text: str) -> _Line:
    start = 0
    joined = text.replace("`\n", "  ")
    for match in _BREAK.finditer(joined):
        if match[1]:
            start = match.end()
    segment = joined[start:]
    words = [match[0] for match in _WORD.finditer(segment)]
    current = words.pop() if words and not segment[-1:].isspace() else ""
    cmdlet = find_cmdlet(words[0]) if words else None
    return _Line(cmdlet, tuple(words[1:]), current, not words, joined[:start])


def _cmdlets(current: str) -> Iterator[Candidate]:
    for cmdlet in sorted(ALL_CMDLETS, key=lambda c: (c not in CMDLETS, c.noun, c.verb)):
        if cmdlet.name.lower().startswith(current.lower()):
            yield Candidate(cmdlet.name, len(current), cmdlet.synopsis)


def _parameters(cmdlet: Cmdlet, line: _Line) -> Iterator[Candidate]:
    wanted = line.current[1:].lower()
    used = {p.name for word in line.words if (p := _named(cmdlet, word)) is not None}
    for parameter in all_parameters(cmdlet):
        offered = parameter.name not in used and (wanted or not parameter.without_effect)
        if offered and parameter.name.lower().startswith(wanted):
            yield Candidate(f"-{parameter.name}", len(line.current), parameter.help)


def _values(line: _Line, cmdlet: Cmdlet, names: Names, folder: Path) -> Iterator[Candidate]:
    parameter, used = _awaited(line, cmdlet)
    if parameter is None:
        yield from () if line.current else _parameters(cmdlet, line)
        return
    before, comma, item = line.current.rpartition(",")
    if not comma or parameter.type not in (ValueType.STRINGS, ValueType.PROPERTIES):
        before, item = "", line.current
    plain = item.strip("\"'")
    replaces = len(item)
    for text, about in _offered(line, cmdlet, parameter, plain, names):
        if text.lower().startswith(plain.lower()) and text.lower() not in before.lower().split(","):
            yield Candidate(quote(text), replaces, about)
    if parameter.type is ValueType.BYTES or parameter.name in _PATHS:
        yield from (Candidate(c.text, replaces, c.about) for c in _files(plain, folder, quoted=True))
    elif not used and not line.current:
        yield from _parameters(cmdlet, line)


def _awaited(line: _Line, cmdlet: Cmdlet) -> tuple[Parameter | None, bool]:
    """Give the parameter whose value stands at the cursor, and whether its name was written."""
    waiting = list(line.words)
    used: set[str] = set()
    named: Parameter | None = None
    positions = 0
    while waiting:
        word = waiting.pop(0)
        named = _named(cmdlet, word)
        if named is None:
            positions += 1
            continue
        used.add(named.name)
        if named.type is ValueType.SWITCH:
            named = None
        elif waiting:
            waiting.pop(0)
            named = None
    if named is not None:
        return named, True
    placed = sorted((p.position, p.name) for p in cmdlet.parameters if p.position is not None and p.name not in used)
    chosen = next((name for position, name in placed if position == positions), "")
    return cmdlet.parameter(chosen) if chosen else None, False


def _named(cmdlet: Cmdlet, word: str) -> Parameter | None:
    if word[:1] not in tuple(DASHES) or len(word) < 2:
        return None
    try:
        return find_parameter(cmdlet, word[1:].partition(":")[0])
    except BindingError:
        return None


def _offered(line: _Line, cmdlet: Cmdlet, parameter: Parameter, plain: str, names: Names) -> Iterator[tuple[str, str]]:
    if parameter.choices:
        yield from ((choice, "") for choice in parameter.choices)
    elif cmdlet.name == "Get-Help" and parameter.name == "Name":
        yield from ((c.name, c.synopsis) for c in ALL_CMDLETS)
    elif cmdlet.name in _CHOOSING and parameter.name == "Property":
        yield from ((name, "") for name in _properties(line.pipeline))
    elif found := collection_of(cmdlet, parameter):
        yield from ((name, "") for name in names(found, plain))


def collection_of(cmdlet: Cmdlet, parameter: Parameter) -> str:
    """Give the collection of names that a parameter takes one of, '' for none."""
    if parameter.name == "Identity":
        return NAMED_BY.get(cmdlet.noun, "")
    return _PARAMETERS.get(parameter.name, "")


def _properties(pipeline: str) -> tuple[str, ...]:
    """Give the properties of what the cmdlets before give: those of the last one that is the service's."""
    for word in reversed(_WORD.findall(pipeline.replace("|", " "))):
        cmdlet = find_cmdlet(word.strip("({"))
        if cmdlet is not None and cmdlet.kind:
            return tuple(p.name for p in object_kind(cmdlet.kind).properties)
    return ()


def _files(begun: str, folder: Path, *, quoted: bool) -> Iterator[Candidate]:
    parent, slash, start = begun.rpartition("/")
    try:
        there = sorted((folder / Path(parent + slash).expanduser()).iterdir())
    except (OSError, RuntimeError):
        return
    for path in there:
        if path.name.startswith(start) and (start or not path.name.startswith(".")):
            text = parent + slash + path.name + ("/" if path.is_dir() else "")
            yield Candidate(quote(text) if quoted else text, len(begun), "")
