"""The Unix spelling, derived from the table: `mailferry batch new --name B --auto-start` is New-MigrationBatch.

Nouns, verbs and options are made from the names of the table; nothing is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from mailferry.cmdlets.bind import Argument
from mailferry.cmdlets.errors import BindingError, Span
from mailferry.cmdlets.spec import CMDLETS, all_parameters
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType

PASSWORD_FILE: Final = "-file"  # noqa: S105 - the end of an option's name
"""Added to the option of a password: it is never on the command line, but in the first line of a file."""

_PREFIX: Final = "Migration"
_SPECIAL: Final[Mapping[str, str]] = {"MigrationServerAvailability": "server"}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_YES: Final = ("true", "$true", "1", "yes")
_NO: Final = ("false", "$false", "0", "no")
_NOWHERE: Final = Span(0, 0)


@dataclass(frozen=True, slots=True)
class PasswordFile:
    """A password that is in the first line of a file, in place of the value of an argument."""

    path: str


def kebab(name: str) -> str:
    """Give a name of the table as Unix spells it: `CSVData` is `csv-data`."""
    return _HUMP.sub("-", name).lower()


def noun_of(cmdlet: Cmdlet) -> str:
    """Give the noun, such as `batch`."""
    return _SPECIAL.get(cmdlet.noun) or kebab(cmdlet.noun.removeprefix(_PREFIX))


@cache
def nouns() -> Mapping[str, Mapping[str, Cmdlet]]:
    """Give all nouns with their verbs, in the order of the table."""
    found: dict[str, dict[str, Cmdlet]] = {}
    for cmdlet in CMDLETS:
        found.setdefault(noun_of(cmdlet), {})[cmdlet.verb.lower()] = cmdlet
    return found


def find(noun: str, verb: str) -> Cmdlet | None:
    """Find the cmdlet of a noun and a verb."""
    return nouns().get(noun, {}).get(verb)


def option(parameter: Parameter) -> str:
    """Give the option of a parameter, such as `--csv-data`."""
    return f"--{kebab(parameter.name)}" + (PASSWORD_FILE if parameter.type is ValueType.SECURE_STRING else "")


def options(parameter: Parameter) -> list[str]:
    """Give all spellings of a parameter: its option, those of its aliases, and the `no` of a switch."""
    found = [option(parameter), *(f"--{kebab(alias)}" for alias in parameter.aliases if len(alias) > 2)]
    if parameter.type is ValueType.SWITCH and not parameter.mandatory:
        found.append(f"--no-{kebab(parameter.name)}")
    return found


def options_of(cmdlet: Cmdlet) -> Mapping[str, Parameter]:
    """Give all options of a cmdlet, in the order of the table."""
    return {spelt: parameter for parameter in all_parameters(cmdlet) for spelt in options(parameter)}


def read_words(cmdlet: Cmdlet, words: Sequence[str]) -> list[Argument]:
    """Turn the words of a shell behind `NOUN VERB` into arguments. Raises BindingError.

    An option takes the next word whatever that is, or what follows `=`. Lists are divided by commas (`\\,` is one in a
    name), and their options may be repeated. Behind `--` nothing is an option. Values may be `PasswordFile`.
    """
    known = options_of(cmdlet)
    found: dict[str, Argument] = {}
    positional: list[Argument] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            positional += [Argument(_NOWHERE, value=rest) for rest in waiting]
            break
        if not word.startswith("--"):
            if word.startswith("-") and len(word) > 1 and not word[1:2].isdigit():
                raise _unknown(cmdlet, word)
            positional.append(Argument(_NOWHERE, value=word))
            continue
        name, equals, value = word.partition("=")
        parameter = known.get(name)
        if parameter is None:
            raise _unknown(cmdlet, name)
        given = _given(name, parameter, value if equals else None, waiting)
        before = found.get(parameter.name)
        if before is not None and parameter.type is not ValueType.STRINGS:
            raise BindingError(f"{name} is given more than once.")
        if before is not None and isinstance(before.value, list) and isinstance(given, list):
            given = [*before.value, *given]
        found[parameter.name] = Argument(_NOWHERE, parameter.name, given)
    return [*found.values(), *_implied(cmdlet, found, len(positional)), *positional]


def value_of(parameter: Parameter, text: str) -> object:
    """Give the value of a parameter that is a word of a shell, which needs no quotes of PowerShell."""
    if parameter.type is ValueType.STRINGS:
        return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text) if part]
    if parameter.type in (ValueType.SWITCH, ValueType.BOOLEAN):
        lower = text.lower()
        if lower not in (*_YES, *_NO):
            raise BindingError(f"{parameter.name} is true or false, and the shell passed '{text}'.")
        return lower in _YES
    return text


def _given(name: str, parameter: Parameter, value: str | None, waiting: list[str]) -> object:
    if parameter.type is ValueType.SWITCH:
        on = not name.startswith("--no-") or name == option(parameter)
        return on if value is None else value_of(parameter, value) is on
    if value is None:
        if not waiting:
            raise BindingError(f"{name} needs a value.")
        value = waiting.pop(0)
    return PasswordFile(value) if parameter.type is ValueType.SECURE_STRING else value_of(parameter, value)


def _implied(cmdlet: Cmdlet, found: Mapping[str, Argument], positional: int) -> Iterator[Argument]:
    """Give the switches that only name a parameter set, such as --imap: those of the first set that fits the rest."""
    for name in cmdlet.sets:
        members = [p for p in cmdlet.parameters if not p.sets or name in p.sets]
        places = sum(p.position is not None and p.name not in found for p in members)
        if positional <= places and all(
            any(p.name == given for p in members) for given in found if _has(cmdlet, given)
        ):
            for parameter in members:
                if is_implied(parameter) and parameter.name not in found:
                    yield Argument(_NOWHERE, parameter.name, value=True)
            return


def _has(cmdlet: Cmdlet, name: str) -> bool:
    return cmdlet.parameter(name) is not None


def is_implied(parameter: Parameter) -> bool:
    """Tell whether a parameter only names a parameter set, and so may be left out."""
    return parameter.type is ValueType.SWITCH and parameter.mandatory


def _unknown(cmdlet: Cmdlet, name: str) -> BindingError:
    secret = next((p for p in cmdlet.parameters if f"{name}{PASSWORD_FILE}" == option(p)), None)
    if secret is not None:
        return BindingError(
            f"A password is not taken on the command line: every user of this machine can read it there. Use "
            f"{option(secret)} FILE."
        )
    name, value = [*re.split("[:=]", name, maxsplit=1), ""][:2]  # what follows may be a password: it is not repeated
    bare = name.lstrip("-").lower()
    meant = next((p for p in all_parameters(cmdlet) if bare in (p.name.lower(), kebab(p.name))), None)
    if meant is not None:
        off = value.lower().lstrip("$") == "false" and meant.type is ValueType.SWITCH
        spelt = f"--no-{kebab(meant.name)}" if off else option(meant)
        return BindingError(f"There is no option {name} in this spelling.", advice=f"Write {spelt}.")
    instead = next(
        (text for missing, text in cmdlet.not_there.items() if bare in (missing.lower(), kebab(missing))), ""
    )
    where = f"mailferry {noun_of(cmdlet)} {cmdlet.verb.lower()} --help"
    return BindingError(f"There is no option {name}.", advice=instead or f"See {where}.")
