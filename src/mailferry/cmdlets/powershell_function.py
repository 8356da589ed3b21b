"""A cmdlet as a function of the PowerShell module: it makes a list of the requests, asks if need be, and sends them."""

from __future__ import annotations

from collections.abc import Iterable

from mailferry.cmdlets.powershell_param import attributes, help_block, param_block
from mailferry.cmdlets.powershell_text import INDENT, MADE, array, block, constant, joined, quoted, table
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Detail, Parameter, ValueType

T = ValueType
_PIPED = "$named"


def function_file(cmdlet: Cmdlet, related: tuple[str, ...]) -> str:
    """Give the file of one function. `related`: cmdlets that its help names."""
    head = [*help_block(cmdlet, related), *attributes(cmdlet), *param_block(cmdlet)]
    return joined(
        [
            f"# {MADE}",
            "",
            *block(f"function {cmdlet.name}", [*head, "", *_begin(cmdlet), *block("process", _process(cmdlet))]),
        ]
    )


def _begin(cmdlet: Cmdlet) -> list[str]:
    """Warn once, not for each object of the pipeline, of what is taken and comes to nothing."""
    lines: list[str] = []
    for each in cmdlet.parameters:
        if each.warning:
            given = f"${each.name}" if each.type is T.SWITCH else f"$PSBoundParameters.ContainsKey({quoted(each.name)})"
            lines += block(f"if ({given})", [f"Write-Warning -Message {quoted(each.warning)}"])
    return [*block("begin", lines), ""] if lines else []


def _process(cmdlet: Cmdlet) -> list[str]:
    piped = _piped(cmdlet)
    lines = ["$given = $PSBoundParameters", "$calls = @()"]
    made: list[str] = []
    if piped is not None:
        made.append(f"{_PIPED} = Resolve-MailFerryIdentity -Value ${piped.name} -InputObject $_")
    for each in cmdlet.parameters:
        if each.needs:
            companions = f"-Name {quoted(each.name)} -Needs {array(each.needs)}"
            made.append(f"Assert-MailFerryCompanion -Bound $given {companions}")
    for call in cmdlet.calls:
        made += _call(cmdlet, call)
    lines += [*block("try", made)[:-1], "} catch {", INDENT + "$PSCmdlet.ThrowTerminatingError($_)", "}"]
    if all(call.given for call in cmdlet.calls):
        lines += block("if ($calls.Count -eq 0)", _nothing_to_do(cmdlet))
    if cmdlet.changes:
        lines.append(f"if (-not $PSCmdlet.ShouldProcess({_target(cmdlet)}, {quoted(cmdlet.operation)})) {{ return }}")
    return [*lines, _sent(cmdlet)]


def _piped(cmdlet: Cmdlet) -> Parameter | None:
    found = next((p for p in cmdlet.parameters if p.pipeline), None)
    used = found is not None and any("{" + found.name + "}" in call.path for call in cmdlet.calls)
    return found if used else None


def _target(cmdlet: Cmdlet) -> str:
    for name in ("Identity", "Name", "Endpoint"):
        if cmdlet.parameter(name) is not None:
            return f"${name}"
    return quoted(cmdlet.noun)


def _nothing_to_do(cmdlet: Cmdlet) -> list[str]:
    idle = [p.name for p in cmdlet.parameters if p.without_effect]
    warning = f"Write-Warning -Message {quoted(f'{cmdlet.name} was given nothing to change.')}"
    if not idle:
        return [warning, "return"]
    condition = f"if (-not (Test-MailFerryGiven -Bound $given -Name {array(idle)}))"
    return [*block(condition, [warning]), "return"]


def _call(cmdlet: Cmdlet, call: Call) -> list[str]:
    lines: list[str] = []
    rows = [("Method", quoted(call.method)), ("Path", _path(cmdlet, call))]
    if call.query:
        lines += ["$query = [ordered]@{}", *_fields(cmdlet, "$query", call.query.items())]
        rows.append(("Query", "$query"))
    if call.body or call.switches or call.constants:
        lines += ["$body = [ordered]@{}", *_body(cmdlet, call)]
        rows.append(("Body", "$body"))
    rows += [
        ("Answer", quoted(call.answer.name.capitalize())),
        ("Kind", quoted(call.kind)),
        ("Named", _named(cmdlet, call)),
    ]
    if call.zero:
        rows.append(("Zero", array(call.zero)))
    if call.details:
        lines += ["$details = @()", *(line for detail in call.details for line in _detail(detail))]
        rows.append(("Details", "$details"))
    lines += table("$calls += ", rows)
    condition = _condition(cmdlet, call)
    return block(f"if ({condition})", lines) if condition else lines


def _condition(cmdlet: Cmdlet, call: Call) -> str:
    """Say when a call is made, '' always. A switch counts if it is on, unless it is a field of the request itself."""
    switches = [n for n in call.given if _is_switch(cmdlet, n) and n not in (*call.body, *call.query)]
    others = [name for name in call.given if name not in switches]
    wanted = [f"${name}" for name in switches] + ([_is_given(others)] if others else [])
    assert len(wanted) < 2, "no call of the table needs more"
    absent = [f"-not ${name}" if _is_switch(cmdlet, name) else f"-not {_is_given([name])}" for name in call.absent]
    return " -and ".join([*wanted, *absent])


def _is_given(names: list[str]) -> str:
    if len(names) == 1:
        return f"$given.ContainsKey({quoted(names[0])})"
    return f"Test-MailFerryGiven -Bound $given -Name {array(names)}"


def _is_switch(cmdlet: Cmdlet, name: str) -> bool:
    parameter = cmdlet.parameter(name)
    return parameter is not None and parameter.type is T.SWITCH


def _body(cmdlet: Cmdlet, call: Call) -> list[str]:
    lines = [f"$body[{quoted(name)}] = {constant(value)}" for name, value in call.constants.items()]
    for switch, fields in call.switches.items():
        lines += block(f"if (${switch})", [f"$body[{quoted(n)}] = {constant(v)}" for n, v in fields.items()])
    lines += _fields(cmdlet, "$body", [item for item in call.body.items() if item[0] not in call.files])
    for name, file_field in call.files.items():
        inner = [
            f"$csv = Read-MailFerryCsv -Value ${name}",
            f"$body[{quoted(call.body[name])}] = $csv['Base64']",
            f"if ($csv['Name']) {{ $body[{quoted(file_field)}] = $csv['Name'] }}",
        ]
        lines += inner if call.given == (name,) else block(f"if ({_is_given([name])})", inner)
    return lines


def _fields(cmdlet: Cmdlet, variable: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    lines = []
    for name, target in pairs:
        parameter = cmdlet.parameter(name)
        assert parameter is not None
        lines.append(f"if ({_is_given([name])}) {{ {variable}[{quoted(target)}] = {_value(parameter)} }}")
    return lines


def _value(parameter: Parameter) -> str:
    """Give the expression that turns the value of a parameter into the value of a field."""
    name = f"${parameter.name}"
    if parameter.objects:
        return f"ConvertTo-MailFerryNames -Value {name}"
    converted = {
        T.SWITCH: f"[bool] {name}",
        T.STRINGS: f"ConvertTo-MailFerryList -Value {name}",
        T.UNLIMITED: f"ConvertTo-MailFerryNumber -Value {name} -Most {parameter.most}",
        T.CHOICE: f"ConvertTo-MailFerryChoice -Value {name} -Choices {array(parameter.choices)}",
        T.DATE_TIME: f"ConvertTo-MailFerryMoment -Value {name}",
        T.TIME_SPAN: f"ConvertTo-MailFerrySeconds -Value {name}",
        T.SECURE_STRING: f"ConvertFrom-MailFerrySecret -Value {name}",
    }
    return converted.get(parameter.type, name)


def _path(cmdlet: Cmdlet, call: Call) -> str:
    before, brace, rest = call.path.partition("{")
    if not brace:
        return quoted(call.path)
    name, _, after = rest.partition("}")
    assert "{" not in after
    tail = f" + {quoted(after)}" if after else ""
    return f"{quoted(before)} + (ConvertTo-MailFerrySegment -Value {_variable(cmdlet, name)}){tail}"


def _named(cmdlet: Cmdlet, call: Call) -> str:
    _, brace, rest = call.path.partition("{")
    return _variable(cmdlet, rest.partition("}")[0]) if brace else "''"


def _variable(cmdlet: Cmdlet, name: str) -> str:
    piped = _piped(cmdlet)
    return _PIPED if piped is not None and piped.name == name else f"${name}"


def _detail(detail: Detail) -> list[str]:
    row = f"@{{ Path = {quoted(detail.path)}; Field = {quoted(detail.field)} }}"
    return [f"if (${detail.switch}) {{ $details += {row} }}"]


def _sent(cmdlet: Cmdlet) -> str:
    if any(call.answer is Answer.CSV for call in cmdlet.calls):
        return (
            "Export-MailFerryCsv -Cmdlet $PSCmdlet -Calls $calls -File $CsvStream -First $StartingRowIndex "
            "-Count $RowCount -Force:$Force"
        )
    size = " -ResultSize $ResultSize" if cmdlet.parameter("ResultSize") is not None else ""
    quiet = "" if cmdlet.kind else " -Quiet"
    return f"Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls{size}{quiet}"
