"""Get-Help and Get-Command, made from the table."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from textwrap import fill

from mailferry.cmdlets.convert import text_of
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.records import Record
from mailferry.cmdlets.running import Input, Invocation
from mailferry.cmdlets.spec import ALL_CMDLETS, CMDLETS, find_cmdlet, matching
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType

INDENT = "    "


def get_command(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Get-Command."""
    names = invocation.texts("Name") if objects is None else [text_of(item) for item in objects]
    verbs, nouns = invocation.texts("Verb"), invocation.texts("Noun")
    for name in names:
        if not any(c in name for c in "*?[") and find_cmdlet(name) is None:
            raise CommandError(
                f"The term '{name}' is not recognized as the name of a cmdlet.", error_id="CommandNotFoundException"
            )
    for cmdlet in sorted(ALL_CMDLETS, key=lambda c: (c.noun, c.verb)):
        spelt = [cmdlet.name, *cmdlet.aliases]
        if (
            (not names or any(_fits(each, names) for each in spelt))
            and (not verbs or _fits(cmdlet.verb, verbs))
            and (not nouns or _fits(cmdlet.noun, nouns))
        ):
            source = "MailFerry" if cmdlet in CMDLETS else "Language"
            values = {"CommandType": "Cmdlet", "Name": cmdlet.name, "Source": source, "Synopsis": cmdlet.synopsis}
            yield Record(values, named_by="Name")


def get_help(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Get-Help."""
    names = [invocation.text("Name")] if objects is None else [text_of(item) for item in objects]
    width = invocation.runtime.host.width
    for name in names:
        if not name:
            yield overview(width)
            continue
        found = [cmdlet] if (cmdlet := find_cmdlet(name)) else matching(name if "*" in name else f"*{name}*")
        if not found:
            raise CommandError(
                f"Get-Help could not find '{name}'.", advice="Get-Command lists the cmdlets.", error_id="HelpNotFound"
            )
        if len(found) > 1:
            for cmdlet in found:
                yield Record({"Name": cmdlet.name, "Synopsis": cmdlet.synopsis}, named_by="Name")
            continue
        yield _chosen_help(invocation, found[0], width)


def overview(width: int) -> str:
    """Give what Get-Help shows without a name: the cmdlets of the service, each with its synopsis."""
    longest = max(len(cmdlet.name) for cmdlet in CMDLETS)
    lines = [f"{INDENT}{cmdlet.name:<{longest}}  {cmdlet.synopsis}"[:width] for cmdlet in CMDLETS]
    return "\n".join(["CMDLETS", *lines, "", "Get-Help CMDLET -Full shows one of them, Get-Command all there are."])


def help_text(cmdlet: Cmdlet, width: int, *, parameters: bool = False, examples: bool = False) -> str:
    """Give the help of a cmdlet: its name, synopsis, syntax and description, and more if it is wanted."""
    parts = [
        ("NAME", cmdlet.name + (f" ({', '.join(cmdlet.aliases)})" if cmdlet.aliases else "")),
        ("SYNOPSIS", cmdlet.synopsis),
        ("SYNTAX", "\n".join(syntax(cmdlet))),
    ]
    if cmdlet.description != cmdlet.synopsis:
        parts.append(("DESCRIPTION", cmdlet.description))
    lines = [f"{title}\n{_indented(text, width)}" for title, text in parts]
    if parameters:
        lines.append("PARAMETERS\n" + "\n\n".join(parameter_help(cmdlet, p, width) for p in cmdlet.parameters))
    if examples:
        lines.append(examples_help(cmdlet, width))
    if cmdlet.differs:
        lines.append(
            "DIFFERENCES FROM EXCHANGE ONLINE\n" + "\n".join(_indented(text, width) for text in cmdlet.differs)
        )
    return "\n\n".join(lines) + "\n"


def examples_help(cmdlet: Cmdlet, width: int) -> str:
    """Give the examples of a cmdlet."""
    shown = [f"{INDENT}{example.code}\n{_indented(example.text, width, INDENT * 2)}" for example in cmdlet.examples]
    return "EXAMPLES\n" + "\n\n".join(shown)


def parameter_help(cmdlet: Cmdlet, parameter: Parameter, width: int) -> str:
    """Give the help of one parameter."""
    facts = [
        "required" if parameter.mandatory else "optional",
        f"position {parameter.position + 1}" if parameter.position is not None else "named",
    ]
    if parameter.pipeline:
        facts.append("takes pipeline input")
    if parameter.default:
        facts.append(f"default {parameter.default}")
    if parameter.aliases:
        facts.append(f"aliases {', '.join(parameter.aliases)}")
    if parameter.sets and len(parameter.sets) < len(cmdlet.sets):
        facts.append(f"only with {' or '.join(parameter.sets)}")
    if parameter.ours:
        facts.append("not in Exchange Online")
    kind = "" if parameter.type is ValueType.SWITCH else f" <{parameter.type_name}>"
    text = _indented(parameter.help, width, INDENT * 2)
    return f"{INDENT}-{parameter.name}{kind}\n{text}\n{_indented('(' + '; '.join(facts) + ')', width, INDENT * 2)}"


def syntax(cmdlet: Cmdlet) -> list[str]:
    """Give a line for each parameter set: the parameters in brackets where they are optional."""
    lines = []
    for name in cmdlet.sets or ("",):
        chosen = [p for p in cmdlet.parameters if (not p.sets or name in p.sets) and not p.without_effect]
        required = [p.name for p in chosen if p.mandatory_in(name)]
        chosen.sort(key=lambda p: (p.name not in required, p.position is None, p.position or 0))
        more = " [-WhatIf] [-Confirm]" if cmdlet.changes else ""
        lines.append(
            " ".join([cmdlet.name, *(_usage(p, required=p.name in required) for p in chosen)])
            + more
            + " [<CommonParameters>]"
        )
    return lines


def _usage(parameter: Parameter, *, required: bool) -> str:
    name = f"-{parameter.name}" if parameter.position is None else f"[-{parameter.name}]"
    if parameter.type is ValueType.SWITCH:
        return f"-{parameter.name}" if required else f"[-{parameter.name}]"
    kind = "{" + parameter.type_name + "}" if parameter.choices else f"<{parameter.type_name}>"
    return f"{name} {kind}" if required else f"[{name} {kind}]"


def _chosen_help(invocation: Invocation, cmdlet: Cmdlet, width: int) -> str:
    wanted = invocation.texts("Parameter")
    if wanted:
        found = [p for p in cmdlet.parameters if _fits(p.name, wanted)]
        if not found:
            raise CommandError(f"No parameter of {cmdlet.name} fits {', '.join(wanted)}.", error_id="HelpNotFound")
        return "\n\n".join(parameter_help(cmdlet, p, width) for p in found) + "\n"
    if invocation.flag("Examples") and not invocation.flag("Full") and not invocation.flag("Detailed"):
        return f"NAME\n{INDENT}{cmdlet.name}\n\n{examples_help(cmdlet, width)}\n"
    all_of_it = invocation.flag("Full") or invocation.flag("Detailed")
    return help_text(cmdlet, width, parameters=all_of_it, examples=all_of_it)


def _fits(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _indented(text: str, width: int, indent: str = INDENT) -> str:
    return "\n".join(
        fill(line, max(40, width), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
        for line in text.splitlines()
    )
