"""Completion for the shells: one table of words, printed as a script of each shell.

Of the service the scripts ask names of endpoints and batches, by `mailferry completion names`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from mailferry.cmdlets.complete import collection_of
from mailferry.cmdlets.complete_templates import BASH, FISH, POWERSHELL, ZSH
from mailferry.cmdlets.spec import CMDLETS, all_parameters
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.cmdlets.unix import nouns, option, options

Words = Mapping[str, tuple[str, ...]]
"""What may follow a command: `batch` has its verbs, `batch new` its options, `batch new --security` its values. An
option that takes a value has an entry, which is empty if the value is a file or anything else. `@batches` stands for
the names of a collection.
"""

NAMED: Final = ("endpoints", "source endpoints", "target endpoints", "batches")
"""The collections of which names are offered. Users are too many for one who types, and shells part words at @."""

HELP: Final = "--help"


def words_of(general: Words, others: Words) -> Words:
    """Make the table. `general`: the options that go with every cmdlet, as `{"--output": values}`; `others`: the
    entries of the commands that are no cmdlets, with the top, '', which gets the nouns and cmdlets added.
    """
    found = dict(others)
    names = [cmdlet.name for cmdlet in CMDLETS]
    found[""] = (*others.get("", ()), *nouns(), *names, *general)
    found |= _valued("", general)
    for noun, verbs in nouns().items():
        found[noun] = (*verbs, HELP)
        for verb, cmdlet in verbs.items():
            found |= _of(f"{noun} {verb}", cmdlet, general, options, option)
    for cmdlet in CMDLETS:
        found |= _of(cmdlet.name, cmdlet, general, lambda p: [f"-{p.name}"], lambda p: f"-{p.name}")
    return found


def script(shell: str, words: Words) -> str:
    """Give the script of a shell: bash, zsh, fish or powershell. Raises KeyError."""
    return SHELLS[shell](words)


def _of(
    key: str,
    cmdlet: Cmdlet,
    general: Words,
    spellings: Callable[[Parameter], list[str]],
    spelling: Callable[[Parameter], str],
) -> dict[str, tuple[str, ...]]:
    shown = [p for p in all_parameters(cmdlet) if not p.without_effect]
    valued = {
        spelt: p.choices or (("true", "false") if p.type is ValueType.BOOLEAN else _names(cmdlet, p))
        for p in shown
        if p.type is not ValueType.SWITCH
        for spelt in spellings(p)
    }
    first = next((p for p in shown if p.position == 0), None)
    every = [*(_names(cmdlet, first) if first is not None else ()), *(spelling(p) for p in shown)]
    every += [spelt for p in shown for spelt in spellings(p) if spelt == "--no-confirm"]
    return {key: (*every, *general, HELP)} | _valued(key, {**valued, **general})


def _names(cmdlet: Cmdlet, parameter: Parameter) -> tuple[str, ...]:
    """Give the mark of the names that a parameter takes one of."""
    if cmdlet.verb == "New" and parameter.name in ("Name", "Identity"):
        return ()
    found = collection_of(cmdlet, parameter)
    return ("@" + found.replace(" ", "-"),) if found in NAMED else ()


def _valued(key: str, valued: Words) -> dict[str, tuple[str, ...]]:
    return {f"{key} {name}".strip() if key else name: tuple(values) for name, values in valued.items()}


def _cases(words: Words, line: Callable[[str, str], str]) -> str:
    """Give a line for each entry, those with the same words together."""
    keys: dict[tuple[str, ...], list[str]] = {}
    for key, values in words.items():
        keys.setdefault(values, []).append(key)
    return "\n".join(line(_patterns(found), " ".join(values)) for values, found in keys.items())


def _patterns(keys: Iterable[str]) -> str:
    return "|".join(f"'{key}'" for key in keys)


def _bash(words: Words) -> str:
    return BASH.replace("@CASES@", _cases(words, lambda keys, values: f"        {keys}) echo '{values}' ;;"))


def _zsh(words: Words) -> str:
    return ZSH.replace("@CASES@", _cases(words, lambda keys, values: f"        (#i)({keys})) echo '{values}' ;;"))


def _fish(words: Words) -> str:
    def line(keys: str, values: str) -> str:
        listed = " ".join(f"'{value}'" for value in values.split())
        return f"        case {keys.replace('|', ' ')}\n            string join \\n -- {listed}".rstrip(" -")

    # `switch` minds the case.
    return FISH.replace("@CASES@", _cases({key.lower(): values for key, values in words.items()}, line))


def _powershell(words: Words) -> str:
    lines = [f"        '{key}' = '{' '.join(values)}'" for key, values in words.items()]
    return POWERSHELL.replace("@CASES@", "\n".join(lines))


SHELLS: Final[Mapping[str, Callable[[Words], str]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
    "powershell": _powershell,
}
"""What makes the script of each shell."""
