"""`--help` of the Unix spelling, made from the table."""

from __future__ import annotations

from textwrap import fill
from typing import Final

from mailferry.cmdlets.spec import all_parameters
from mailferry.cmdlets.spec_model import Cmdlet, Example, Parameter, ValueType
from mailferry.cmdlets.unix import is_implied, kebab, noun_of, nouns, option, options
from mailferry.cmdlets.unix_examples import unix_examples

_INDENT: Final = "  "
_COLUMN: Final = 30
_HIDDEN: Final = ("Debug", "WarningAction", "ErrorAction")
SERVICE_OPTIONS: Final = (
    ("--data FOLDER", "the service's data folder (default ./mailferry-data)"),
    ("--url URL", "the service (default: that of the data folder)"),
    ("--token-file FILE", "holds the token (default: MAILFERRY_TOKEN_FILE, else that of the data folder)"),
    ("--allow-plain-http", "send the token to another machine without TLS"),
    ("--output FORMAT", "table, list, json or csv"),
)


def noun_help(noun: str, width: int) -> str:
    """Give the help of a noun: its verbs, and an example of each. Raises KeyError."""
    verbs = nouns()[noun]
    lines = [f"usage: mailferry {noun} VERB [options]", "", "verbs:"]
    for verb, cmdlet in verbs.items():
        lines += _entry(verb, cmdlet.synopsis, width)
    lines += ["", "examples:"]
    for cmdlet in verbs.values():
        lines += _broken(_examples(cmdlet)[0].code, width)
    lines += ["", *_filled(f"mailferry {noun} VERB --help explains a verb. {_same(*verbs.values())}", width)]
    return "\n".join(lines) + "\n"


def verb_help(cmdlet: Cmdlet, width: int) -> str:
    """Give the help of a verb: all its options, and its examples."""
    lines = [*_filled(f"usage: {usage(cmdlet)}", width, " " * 4), "", *_filled(cmdlet.description, width), ""]
    hidden = (*_HIDDEN, *(() if cmdlet.asks else ("Confirm",)))
    shown = [p for p in all_parameters(cmdlet) if not p.without_effect and p.name not in hidden]
    needed = [p for p in shown if _is_needed(cmdlet, p)]
    for title, parameters in (("needed:", needed), ("options:", [p for p in shown if p not in needed])):
        if parameters:
            lines.append(title)
        for parameter in parameters:
            lines += _entry(_spelt(parameter), _about(cmdlet, parameter), width)
    lines.append("service and output:")
    for spelt, about in SERVICE_OPTIONS:
        lines += _entry(spelt, about, width)
    lines += ["", "examples:"]
    for example in _examples(cmdlet):
        lines += [*_broken(example.code, width), *_filled(example.text, width, " " * 8, " " * 8)]
    lines += ["", *_filled(f"{_same(cmdlet)} Exit codes: 0 done, 1 failed, 2 wrong usage.", width)]
    return "\n".join(lines) + "\n"


def usage(cmdlet: Cmdlet) -> str:
    """Give a command line with what is needed in the usual case."""
    usual = cmdlet.sets[0] if cmdlet.sets else ""
    words = ["mailferry", noun_of(cmdlet), cmdlet.verb.lower()]
    for parameter in cmdlet.parameters:
        if is_implied(parameter) or (parameter.sets and usual not in parameter.sets):
            continue
        if parameter.position is not None:
            words.append(_value(parameter) if parameter.mandatory else f"[{_value(parameter)}]")
        elif parameter.mandatory:
            words.append(f"{option(parameter)} {_value(parameter)}")
    return " ".join([*words, "[options]"])


def _is_needed(cmdlet: Cmdlet, parameter: Parameter) -> bool:
    of_usual = not parameter.sets or cmdlet.sets[0] in parameter.sets
    return parameter.mandatory and of_usual and not is_implied(parameter)


def _examples(cmdlet: Cmdlet) -> list[Example]:
    """Give the examples of the table, or the plainest command line where none of them can be said here."""
    plain = usage(cmdlet).removesuffix(" [options]").replace("[IDENTITY]", "").rstrip()
    return unix_examples(cmdlet) or [Example(plain, cmdlet.synopsis)]


def _broken(code: str, width: int) -> list[str]:
    """Give a command line on several lines of a shell if it is longer than the width."""
    lines = [_INDENT]
    for word in code.replace(" --", "\n--").splitlines():
        if lines[-1].strip() and len(lines[-1]) + len(word) + 3 > width:
            lines[-1] += " \\"
            lines.append(" " * 6)
        lines[-1] += f" {word}" if lines[-1].strip() else word
    return lines


def _same(*cmdlets: Cmdlet) -> str:
    names = [cmdlet.name for cmdlet in cmdlets]
    return f"The same as {', '.join(names[:-1])} and {names[-1]}." if len(names) > 1 else f"The same as {names[0]}."


def _spelt(parameter: Parameter) -> str:
    names = ", ".join(spelt for spelt in options(parameter) if not spelt.startswith("--no-"))
    if parameter.name == "Confirm":
        names = "--no-confirm"
    return names if parameter.type is ValueType.SWITCH else f"{names} {_value(parameter)}"


def _value(parameter: Parameter) -> str:
    names = {
        ValueType.INT: "N",
        ValueType.UNLIMITED: "N",
        ValueType.BYTES: "FILE",
        ValueType.SECURE_STRING: "FILE",
        ValueType.STRINGS: "LIST",
        ValueType.DATE_TIME: "TIME",
        ValueType.TIME_SPAN: "DURATION",
        ValueType.SIZE: "SIZE",
        ValueType.FQDN: "HOST",
        ValueType.BOOLEAN: "true|false",
    }
    if parameter.choices and len(" | ".join(parameter.choices)) < 30:
        return "|".join(parameter.choices)
    return names.get(parameter.type, kebab(parameter.name).upper().replace("-", "_"))


def _about(cmdlet: Cmdlet, parameter: Parameter) -> str:
    text = parameter.help
    if parameter.name == "Confirm":
        return "Do not ask."
    if parameter.type is ValueType.SECURE_STRING:
        text = f"{text.partition(',')[0]}: the first line of a file."
    if parameter.choices and len(" | ".join(parameter.choices)) >= 30:
        text += f" One of {', '.join(parameter.choices)}."
    if parameter.default:
        text += f" Default: {parameter.default}."
    if is_implied(parameter):
        text += " May be left out where the other options make it clear."
    elif parameter.sets and len(parameter.sets) < len(cmdlet.sets):
        text += f" Only for {' and '.join(map(kebab, parameter.sets))}."
    return text


def _entry(spelt: str, about: str, width: int) -> list[str]:
    lines = _filled(about, width - _COLUMN)
    head = f"{_INDENT}{spelt}"
    if len(head) < _COLUMN:
        lines[0] = f"{head:<{_COLUMN}}{lines[0]}"
        return [lines[0], *(" " * _COLUMN + line for line in lines[1:])]
    return [head, *(" " * _COLUMN + line for line in lines)]


def _filled(text: str, width: int, after: str = "", first: str = "") -> list[str]:
    return fill(
        text, max(24, width), initial_indent=first, subsequent_indent=after, break_on_hyphens=False
    ).splitlines()
