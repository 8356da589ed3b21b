"""The parameters of a cmdlet as those of a PowerShell function, and its comment-based help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mailferry.cmdlets.powershell_text import array, indented, joined, paragraph, quoted
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType

T = ValueType

TYPES: Final[Mapping[ValueType, str]] = {
    T.STRING: "string",
    T.STRINGS: "string[]",
    T.SWITCH: "switch",
    T.BOOLEAN: "bool",
    T.INT: "int",
    T.UNLIMITED: "string",
    T.FQDN: "string",
    T.CHOICE: "string",
    T.DATE_TIME: "datetime",
    T.TIME_SPAN: "timespan",
    T.SIZE: "long",
    # Bytes, or the name of a file.
    T.BYTES: "object",
    T.SECURE_STRING: "securestring",
}
"""The types of .NET. Cmdlets that ask the service take no script blocks and no objects of other kinds."""

_MOST: Final = {T.INT: "[int]::MaxValue", T.SIZE: "[long]::MaxValue"}


def type_of(parameter: Parameter) -> str:
    """Give the type of .NET; of what $null takes away, one that can be $null."""
    if parameter.objects:
        return "object[]"
    return f"Nullable[{TYPES[parameter.type]}]" if parameter.clearable else TYPES[parameter.type]


def param_block(cmdlet: Cmdlet) -> list[str]:
    """Give `param(...)`."""
    parts = [_declared(cmdlet, parameter) for parameter in cmdlet.parameters]
    lines: list[str] = []
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        lines += [*part[:-1], part[-1] + ("" if last else ","), *([] if last else [""])]
    return ["param(", *indented(lines), ")"]


def attributes(cmdlet: Cmdlet) -> list[str]:
    """Give the attributes of the function."""
    facts = []
    if cmdlet.changes:
        facts += ["SupportsShouldProcess = $true", f"ConfirmImpact = '{'High' if cmdlet.asks else 'Medium'}'"]
    if cmdlet.sets:
        facts.append(f"DefaultParameterSetName = {quoted(cmdlet.sets[0])}")
    facts.append("PositionalBinding = $false")
    lines = [f"[CmdletBinding({', '.join(facts)})]"]
    if cmdlet.kind:
        lines.append(f"[OutputType({quoted('MailFerry.' + cmdlet.kind)})]")
    if cmdlet.aliases:
        lines.append(f"[Alias({', '.join(quoted(alias) for alias in cmdlet.aliases)})]")
    return lines


def help_block(cmdlet: Cmdlet, related: tuple[str, ...]) -> list[str]:
    """Give the comment that Get-Help reads. `related`: cmdlets that are named as links."""
    parts = [(".SYNOPSIS", paragraph(cmdlet.synopsis)), (".DESCRIPTION", paragraph(cmdlet.description))]
    parts += [(f".PARAMETER {p.name}", paragraph(_told(p))) for p in cmdlet.parameters]
    parts += [(".EXAMPLE", [each.code, "", *paragraph(each.text)]) for each in cmdlet.examples]
    if cmdlet.differs:
        differs = [line for text in cmdlet.differs for line in paragraph(text)]
        parts.append((".NOTES", ["Differences from Exchange Online:", *differs]))
    parts += [(".LINK", [name]) for name in related]
    lines = [line for title, text in parts for line in (title, *text, "")]
    assert "#>" not in joined(lines)
    return ["<#", *lines[:-1], "#>"]


def _told(parameter: Parameter) -> str:
    facts = [parameter.help]
    if parameter.default:
        facts.append(f"Default: {parameter.default}.")
    if parameter.needs:
        facts.append(f"Only with {' and '.join('-' + name for name in parameter.needs)}.")
    return " ".join(facts)


def _declared(cmdlet: Cmdlet, parameter: Parameter) -> list[str]:
    return [
        *_parameter_attributes(cmdlet, parameter),
        *_validation(parameter),
        *([f"[Alias({', '.join(quoted(alias) for alias in parameter.aliases)})]"] if parameter.aliases else []),
        f"[{type_of(parameter)}] ${parameter.name}" + (" = '1000'" if parameter.name == "ResultSize" else ""),
    ]


def _parameter_attributes(cmdlet: Cmdlet, parameter: Parameter) -> list[str]:
    facts: list[str] = []
    if parameter.position is not None:
        facts.append(f"Position = {parameter.position}")
    if parameter.pipeline:
        facts += ["ValueFromPipeline = $true", "ValueFromPipelineByPropertyName = $true"]
    required = ["Mandatory = $true"]
    if not parameter.optional_in and (not parameter.sets or set(parameter.sets) == set(cmdlet.sets)):
        facts = [*(required if parameter.mandatory else []), *facts]
        return [f"[Parameter({', '.join(facts)})]"] if facts else []
    return [
        f"[Parameter({', '.join([*here, *facts, f'ParameterSetName = {quoted(name)}'])})]"
        for name in cmdlet.sets
        if name in (parameter.sets or cmdlet.sets)
        for here in [required if parameter.mandatory_in(name) else []]
    ]


def _validation(parameter: Parameter) -> list[str]:
    if parameter.type is T.CHOICE:
        return [f"[ValidateSet({array(parameter.choices)[2:-1]})]"]
    if parameter.type is T.UNLIMITED:
        bounds = f"-Least {parameter.least or 0}" + (f" -Most {parameter.most}" if parameter.most else "")
        return [f"[ValidateScript({{ Test-MailFerryUnlimited -Value $_ {bounds} }})]"]
    if parameter.type in _MOST and (parameter.least is not None or parameter.most is not None):
        most = _MOST[parameter.type] if parameter.most is None else str(parameter.most)
        least = _MOST[parameter.type].replace("Max", "Min") if parameter.least is None else str(parameter.least)
        # ValidateRange wants both bounds of the type of the parameter.
        kind = "[long] " if parameter.type is T.SIZE and parameter.least is not None else ""
        return [f"[ValidateRange({kind}{least}, {most})]"]
    if parameter.type in (T.STRING, T.FQDN):
        # An empty name or filter must not turn a request for one object into one for all.
        may = parameter.may_be_empty or parameter.without_effect
        lines = [] if may else ["[ValidateNotNullOrEmpty()]"]
        return lines + ([f"[ValidateLength(0, {parameter.most})]"] if parameter.most is not None else [])
    if parameter.names_set:
        return ["[ValidateScript({ $_.IsPresent })]"]
    if parameter.type in (T.BYTES, T.SECURE_STRING):
        return ["[ValidateNotNull()]"]
    return []
