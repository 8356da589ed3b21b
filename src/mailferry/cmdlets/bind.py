"""Binds arguments to the parameters of a cmdlet, as PowerShell does: by whole name, alias or unambiguous prefix, then
by position, within one parameter set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from mailferry.cmdlets.convert import flattened
from mailferry.cmdlets.errors import BindingError, CommandError, MissingParameters, Span
from mailferry.cmdlets.spec import all_parameters
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.cmdlets.tree import ScriptBlock

_ONLY: Final = ("",)
"""The sets of a cmdlet that has none."""

Converter = Callable[[object, Parameter], object]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument as it was written: a name (''  by position), and perhaps a value.

    `has_value`: False for `-Name` without `:value`, which a switch means as true; another parameter takes the next
    argument.
    """

    span: Span
    name: str = ""
    value: object = None
    has_value: bool = True


@dataclass(frozen=True, slots=True)
class Bound:
    """What the parameters of a cmdlet are, by their whole names. `set_name`: the parameter set, '' if it has none."""

    cmdlet: Cmdlet
    values: dict[str, object]
    set_name: str = ""

    def flag(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return bool(self.values.get(name, False))


def find_parameter(cmdlet: Cmdlet, name: str) -> Parameter:
    """Find the parameter that a name, an alias or a prefix means. Raises BindingError."""
    wanted = name.lower()
    parameters = all_parameters(cmdlet)
    for parameter in parameters:
        if wanted in (parameter.name.lower(), *(alias.lower() for alias in parameter.aliases)):
            return parameter
    begun = [p for p in parameters if p.name.lower().startswith(wanted)]
    # What has no effect does not make ambiguous what has one.
    begun = [p for p in begun if not p.without_effect] or begun
    if len(begun) == 1:
        return begun[0]
    if begun:
        listed = " ".join(f"-{parameter.name}" for parameter in begun)
        raise BindingError(
            f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. Possible matches "
            f"include: {listed}.",
            error_id="AmbiguousParameter",
        )
    known = ", ".join(f"-{parameter.name}" for parameter in cmdlet.parameters)
    instead = next((text for missing, text in cmdlet.not_there.items() if missing.lower() == wanted), "")
    meant = get_close_matches(wanted, {p.name.lower(): p.name for p in parameters}, 1)
    near = next((f"Did you mean -{p.name}?" for p in parameters if [p.name.lower()] == meant), "")
    raise BindingError(
        f"A parameter cannot be found that matches parameter name '{name}'.",
        error_id="NamedParameterNotFound",
        advice=instead or near or (f"{cmdlet.name} has {known}." if known else ""),
    )


def bind(cmdlet: Cmdlet, arguments: Sequence[Argument], converted: Converter, *, piped: bool = False) -> Bound:
    """Bind all arguments. Raises BindingError, MissingParameters, with the place of the argument.

    `piped`: objects come through a pipeline, so the parameter that takes them may be missing.
    """
    values: dict[str, object] = {}
    positional: list[Argument] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if not argument.name:
            positional.append(argument)
            continue
        try:
            parameter = find_parameter(cmdlet, argument.name)
            if parameter.name in values:
                raise BindingError(
                    f"Cannot bind parameter because parameter '{parameter.name}' is specified more than once."
                )
            if not argument.has_value:
                argument = _with_value(argument, parameter, waiting)
            values[parameter.name] = converted(argument.value, parameter)
        except CommandError as error:
            raise error.placed(argument.span, cmdlet.name) from None
    for argument in positional:
        try:
            parameter = _at_position(cmdlet, values, argument)
            value = converted(argument.value, parameter)
            if parameter.name in values:
                value = [*flattened(values[parameter.name]), *flattened(value)]
            values[parameter.name] = value
        except CommandError as error:
            raise error.placed(argument.span, cmdlet.name) from None
    return finished(Bound(cmdlet, values), piped=piped)


def with_input(bound: Bound, value: object, converted: Converter) -> Bound:
    """Bind an object of the pipeline as well. Raises BindingError, MissingParameters."""
    parameter = next((p for p in bound.cmdlet.parameters if p.pipeline), None)
    if parameter is None or parameter.name in bound.values:
        raise BindingError(
            "The input object cannot be bound to any parameters for the command, because the command takes no pipeline "
            "input, or the parameter that takes it was given.",
            command=bound.cmdlet.name,
            error_id="InputObjectNotBound",
        )
    values = bound.values | {parameter.name: converted(value, parameter)}
    return finished(Bound(bound.cmdlet, values), piped=False)


def finished(bound: Bound, *, piped: bool) -> Bound:
    """Choose the parameter set and see that nothing is missing. Raises BindingError, MissingParameters."""
    cmdlet, values = bound.cmdlet, bound.values
    sets = _possible(cmdlet, values)
    lacking = {name: _lacking(cmdlet, values, name, piped=piped) for name in sets}
    chosen = next((name for name in sets if not lacking[name]), sets[0])
    if len(sets) == 1:
        values, lacking[chosen] = _implied(cmdlet, values, lacking[chosen])
    if lacking[chosen]:
        raise MissingParameters(tuple(lacking[chosen]), command=cmdlet.name)
    for parameter in cmdlet.parameters:
        missing = [name for name in parameter.needs if name not in values]
        if parameter.name in values and missing:
            raise BindingError(
                f"Parameter '{parameter.name}' needs {' and '.join(f'-{name}' for name in missing)}.",
                command=cmdlet.name,
                error_id="MissingCompanion",
            )
    return replace(bound, values=values, set_name=chosen)


def _implied(cmdlet: Cmdlet, values: dict[str, object], lacking: list[str]) -> tuple[dict[str, object], list[str]]:
    """Turn on the switches that only name the one set that is possible. Gives the values, and what still lacks."""
    switches = [p.name for p in cmdlet.parameters if p.name in lacking and p.names_set]
    return values | dict.fromkeys(switches, True), [name for name in lacking if name not in switches]


def _with_value(argument: Argument, parameter: Parameter, waiting: list[Argument]) -> Argument:
    """Give a parameter its value: a switch is on, another takes the next argument."""
    if parameter.type is ValueType.SWITCH:
        return replace(argument, value=True, has_value=True)
    if not waiting or waiting[0].name:
        raise BindingError(
            f"Missing an argument for parameter '{parameter.name}'. Specify a parameter of type "
            f"'{parameter.type_name}' and try again.",
            error_id="MissingArgument",
        )
    following = waiting.pop(0)
    return replace(argument, value=following.value, span=following.span, has_value=True)


def _at_position(cmdlet: Cmdlet, values: dict[str, object], argument: Argument) -> Parameter:
    open_ = [p for p in cmdlet.parameters if p.position is not None and p.name not in values]
    sets = _possible(cmdlet, values)
    # With none left in the sets that are possible, one of another set makes the better error.
    free = [p for p in open_ if not p.sets or any(name in p.sets for name in sets)] or open_
    block = isinstance(argument.value, ScriptBlock)
    free.sort(key=lambda p: (p.position or 0, block != (p.type is ValueType.SCRIPT_BLOCK)))
    rest = next((p for p in cmdlet.parameters if p.takes_rest), None)
    if not free and rest is not None:
        return rest
    if not free:
        shown = argument.value if isinstance(argument.value, (str, int, float)) else type(argument.value).__name__
        raise BindingError(
            f"A positional parameter cannot be found that accepts argument '{shown}'.",
            error_id="PositionalParameterNotFound",
            advice=f"Get-Help {cmdlet.name} -Full shows the parameters.",
        )
    return free[0]


def _possible(cmdlet: Cmdlet, values: dict[str, object]) -> tuple[str, ...]:
    """Give the sets that all given parameters are in. Raises BindingError if there is none."""
    sets = cmdlet.sets or _ONLY
    for parameter in cmdlet.parameters:
        if parameter.sets and parameter.name in values:
            # A switch that names a set and is off speaks against it.
            off = parameter.names_set and values[parameter.name] is False
            sets = tuple(name for name in sets if (name in parameter.sets) is not off)
    if not sets:
        given = ", ".join(f"-{name}" for name in values)
        raise BindingError(
            "Parameter set cannot be resolved using the specified named parameters: "
            f"{given} do not go together. Get-Help {cmdlet.name} -Full shows which do.",
            command=cmdlet.name,
            error_id="AmbiguousParameterSet",
        )
    return sets


def _lacking(cmdlet: Cmdlet, values: dict[str, object], set_name: str, *, piped: bool) -> list[str]:
    return [
        p.name
        for p in cmdlet.parameters
        if p.mandatory_in(set_name)
        and p.name not in values
        and (not p.sets or set_name in p.sets)
        and not (piped and p.pipeline)
    ]
