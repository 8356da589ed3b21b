"""What the table of cmdlets is made of. All of it is data: the console, the Unix spelling, the PowerShell module, the
completion and the reference pages are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ValueType(StrEnum):
    """What a parameter takes. The values are the names that PowerShell and Exchange give them."""

    STRING = "String"
    STRINGS = "String[]"
    SWITCH = "SwitchParameter"
    BOOLEAN = "Boolean"
    INT = "Int32"
    UNLIMITED = "Unlimited"
    FQDN = "Fqdn"
    CHOICE = "Choice"
    DATE_TIME = "DateTime"
    TIME_SPAN = "TimeSpan"
    SIZE = "ByteQuantifiedSize"
    BYTES = "Byte[]"
    SECURE_STRING = "SecureString"
    SCRIPT_BLOCK = "ScriptBlock"
    OBJECT = "Object"
    PROPERTIES = "Object[]"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a cmdlet.

    `position`: it may be given without its name, in this place (from 0); `mandatory`: in each of its `sets` (none:
    all of the cmdlet's); `pipeline`: it takes the objects of a pipeline. `needs`: parameters without which this one
    means nothing. `least`, `most`: bounds of a number; of a text, `most` is its length. `without_effect`: it is taken
    because scripts have it, and nothing comes of it; then `quiet` says that nobody misses anything, so there is no
    warning. `ours`: Exchange does not have it. `takes_rest`: arguments behind the last position are added to it.
    `may_be_empty`: an empty text means something; else it is an error, as an empty filter would mean all.
    `clearable`: $null takes the value away. `refused`: values that Exchange has and this has not: the value, why not,
    and what to do instead. `optional_in`: sets in which a mandatory one may be missing. `objects`: its texts may be
    objects of the service, which are named as in a pipeline.
    """

    name: str
    type: ValueType
    help: str
    choices: tuple[str, ...] = ()
    position: int | None = None
    mandatory: bool = False
    sets: tuple[str, ...] = ()
    pipeline: bool = False
    default: str = ""
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    without_effect: bool = False
    ours: bool = False
    takes_rest: bool = False
    quiet: bool = False
    may_be_empty: bool = False
    clearable: bool = False
    refused: tuple[tuple[str, str, str], ...] = ()
    optional_in: tuple[str, ...] = ()
    objects: bool = False

    def mandatory_in(self, set_name: str) -> bool:
        """Whether it must be given in a parameter set."""
        return self.mandatory and set_name not in self.optional_in

    @property
    def names_set(self) -> bool:
        """Whether this only names a parameter set."""
        return self.type is ValueType.SWITCH and self.mandatory

    @property
    def warning(self) -> str:
        """What is said if this is given: that nothing comes of it, and what to do instead. '': nothing is said."""
        if not self.without_effect or self.quiet:
            return ""
        return f"-{self.name} has no effect{self.help.partition('without effect')[2]}"

    @property
    def type_name(self) -> str:
        """The type as the reference shows it; for a choice, the values."""
        return " | ".join(self.choices) if self.choices else self.type.value


class Answer(StrEnum):
    """What a request gives."""

    ONE = "one object"
    LIST = "an array of objects"
    PAGES = "pages of objects: items, next"
    NOTHING = "nothing"
    CSV = "a CSV file"


@dataclass(frozen=True, slots=True)
class Detail:
    """One more GET for each object of an answer, if a switch asks for it.

    `path`: `{name}` is a field of the object; what comes back is put into its `field`.
    """

    switch: str
    path: str
    field: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the REST API.

    `path` lies under /api/v1; `{Name}` is the value of a parameter. `body` and `query` say which parameter goes into
    which field; `switches` what a switch sets in the body; `constants` what the body always has. `given`: the request
    is made only if one of these parameters is there; `absent`: only if none of these is. `files`: the field of the
    name of the file that the bytes of a parameter came from, if that is known. `zero`: fields of the answer that must
    be 0; else the requests behind this one are not made.
    """

    method: str
    path: str
    answer: Answer
    kind: str = ""
    body: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    zero: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A command line, and what it does."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A cmdlet. `calls` are made one after the other; what the last of them answers is what the cmdlet gives.

    `changes`: it knows -WhatIf and -Confirm; `asks`: it asks before it acts unless it is told -Confirm:$false;
    `operation` says what it would do, for that question. `differs`: how it differs from Exchange Online, and why.
    `not_there`: parameters of Exchange Online that it does not have, with what to do instead.
    `kind`: of the objects that it gives ('' none, or none of the service's). `sets`: the names of its parameter sets,
    the usual one first.
    """

    verb: str
    noun: str
    synopsis: str
    description: str
    parameters: tuple[Parameter, ...]
    calls: tuple[Call, ...] = ()
    kind: str = ""
    sets: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    differs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    changes: bool = False
    asks: bool = False
    operation: str = ""
    ours: bool = False
    not_there: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Verb and noun, as it is typed."""
        return f"{self.verb}-{self.noun}"

    def parameter(self, name: str) -> Parameter | None:
        """Find a parameter by its whole name, in any case."""
        wanted = name.lower()
        return next((p for p in self.parameters if p.name.lower() == wanted), None)


class Shape(StrEnum):
    """How a value of JSON becomes a value of an object. A GRADE is a text; an empty one is none."""

    TEXT = "text"
    GRADE = "grade"
    NUMBER = "number"
    FLAG = "flag"
    MOMENT = "moment"
    SECONDS = "seconds"
    SIZE = "size"
    LIST = "list"
    OBJECTS = "objects"
    LINES = "lines"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an object: its name, the field of the JSON that it is read from (`a.b` for one within another),
    and the shape. `constant`: the value of a CONSTANT, the kind of OBJECTS, the template of LINES. `missing`: what is
    shown in place of nothing.
    """

    name: str
    field: str = ""
    shape: Shape = Shape.TEXT
    constant: Any = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object: what it is called, its properties in the order in which they print, the columns of its table
    (label, property; none: it prints as a list), and which property names it in a pipeline.
    """

    name: str
    noun: str
    properties: tuple[Property, ...]
    columns: tuple[tuple[str, str], ...] = ()
    named_by: str = "Identity"
