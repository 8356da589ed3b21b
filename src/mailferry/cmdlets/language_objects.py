"""Cmdlets that show, choose, order and count objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from mailferry.cmdlets import members, operators
from mailferry.cmdlets.calculated import Calculated, Wanted
from mailferry.cmdlets.convert import flattened, text_of
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.expressions import collapsed
from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.host import NobodyToAsk
from mailferry.cmdlets.layout import View, selected
from mailferry.cmdlets.operators import sort_key, truth
from mailferry.cmdlets.records import ByteSize, Record
from mailferry.cmdlets.running import Input, Invocation
from mailferry.cmdlets.spec_language import COMPARISONS
from mailferry.cmdlets.tree import ScriptBlock


def given_objects(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Give the objects of the pipeline, or those of -InputObject."""
    return iter(flattened(invocation.get("InputObject"))) if objects is None else objects


def format_list(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Format-List."""
    found, names = _columns(invocation, given_objects(invocation, objects))
    yield View(found, as_table=False, names=names)


def format_table(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Format-Table."""
    found, names = _columns(invocation, given_objects(invocation, objects))
    yield View(
        found,
        as_table=True,
        names=names,
        wrap=invocation.flag("Wrap"),
        headers=not invocation.flag("HideTableHeaders"),
    )


def select_object(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Select-Object."""
    found = _part(invocation, given_objects(invocation, objects))
    expand = invocation.text("ExpandProperty")
    wanted, without = _wanted(invocation), invocation.texts("ExcludeProperty")
    if expand:
        found = _expanded(found, expand)
    elif wanted or without:
        found = _chosen(invocation, found, wanted or ["*"], without)
    yield from _unique(found) if invocation.flag("Unique") else found


def where_object(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Where-Object, in both forms."""
    fits = _condition(invocation)
    return (item for item in given_objects(invocation, objects) if fits(item))


def sort_object(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Sort-Object. The order of what is equal stays."""
    keys = _wanted(invocation)
    found = list(given_objects(invocation, objects))
    descending = invocation.flag("Descending")
    if not keys:
        found.sort(key=lambda item: sort_key(_plain(item)), reverse=descending)
    for each in reversed(keys):  # the order of what is equal stays, so the last key comes first
        said = each.descending if isinstance(each, Calculated) else None
        values = {id(item): sort_key(_plain(_worked_out(invocation, item, each))) for item in found}
        found.sort(key=lambda item: values[id(item)], reverse=descending if said is None else said)
    yield from _unique(iter(found)) if invocation.flag("Unique") else iter(found)


def group_object(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Group-Object."""
    names = invocation.texts("Property")
    groups: dict[str, list[object]] = {}
    for item in given_objects(invocation, objects):
        name = ", ".join(value_text(members.member(item, each)) for each in names)
        groups.setdefault(name, []).append(item)
    for name, items in groups.items():
        values: dict[str, object] = {"Count": len(items), "Name": name}
        yield Record(values if invocation.flag("NoElement") else values | {"Group": items}, named_by="Name")


def measure_object(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Measure-Object."""
    found = list(given_objects(invocation, objects))
    for name in invocation.texts("Property") or [""]:
        values = [members.member(item, name) if name else item for item in found]
        there = [value for value in values if value is not None]
        measured: dict[str, object] = {"Count": len(there)}
        for what in ("Average", "Sum", "Maximum", "Minimum"):
            measured[what] = _measured(what, there) if invocation.flag(what) and there else None
        yield Record(measured | {"Property": name})


def for_each_object(invocation: Invocation, objects: Input) -> Iterator[object]:
    """ForEach-Object."""
    process = invocation.get("Process")
    for item in given_objects(invocation, objects):
        if isinstance(process, ScriptBlock):
            yield from invocation.runtime.run_block(process, item)
        else:
            yield from flattened(members.member(item, text_of(process)))


def get_member(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Get-Member."""
    seen: set[str] = set()
    for item in given_objects(invocation, objects):
        if isinstance(item, Record) and (item.kind or "/".join(item.names)) not in seen:
            seen.add(item.kind or "/".join(item.names))
            for name, value in item.items():
                yield Record({"Name": name, "MemberType": "Property", "Type": type(value).__name__}, named_by="Name")


def _part(invocation: Invocation, found: Iterator[object]) -> Iterator[object]:
    skip, first, last = (invocation.number(name) for name in ("Skip", "First", "Last"))
    if last is not None and first is None:
        kept = list(found)
        kept = kept[: len(kept) - skip] if skip else kept
        return iter(deque(kept, maxlen=last))
    found = islice(found, skip or 0, None)
    if first is None:
        return found
    if last is None:
        return islice(found, first)
    everything = list(found)
    rest = everything[first:]
    return iter([*everything[:first], *rest[max(0, len(rest) - last) :]])


def _expanded(found: Iterable[object], name: str) -> Iterator[object]:
    for item in found:
        if isinstance(item, Record) and name not in item:
            raise CommandError(f'Property "{name}" cannot be found.', error_id="ExpandPropertyNotFound")
        yield from flattened(members.member(item, name))


def _wanted(invocation: Invocation) -> list[Wanted]:
    """Give -Property. Raises CommandError."""
    value = invocation.get("Property")
    return [each for each in value if isinstance(each, (str, Calculated))] if isinstance(value, list) else []


def _columns(invocation: Invocation, objects: Iterator[object]) -> tuple[tuple[object, ...], tuple[str, ...] | None]:
    """Give the objects that Format-List and Format-Table show, and of which properties; None: all that they have."""
    wanted = _wanted(invocation)
    if all(isinstance(each, str) for each in wanted):
        return tuple(objects), tuple(str(each) for each in wanted) or None
    return tuple(_chosen(invocation, objects, wanted, [])), None


def _chosen(
    invocation: Invocation, objects: Iterator[object], wanted: Sequence[Wanted], without: list[str]
) -> Iterator[object]:
    if any(isinstance(each, Calculated) and not each.name for each in wanted):
        raise CommandError(
            "A property that is worked out needs a name.", advice="Write @{Name='Done'; Expression={ $_.SyncedCount }}."
        )
    worked_out = _Expressions(invocation)
    for item in objects:
        left_out = {name for p in without for name in item.matching(p)} if isinstance(item, Record) else set()
        values: dict[str, object] = {}
        for each in wanted:
            if isinstance(each, Calculated):
                values[each.name] = worked_out.value(item, each)
            elif isinstance(item, Record):
                values |= {name: item.get(name) for name in selected(item, [each]) if name not in left_out | {*values}}
            elif "*" not in each:
                values[each] = members.member(item, each)
        yield Record(values)


class _Expressions:
    """Works out properties. As in PowerShell one that fails is $null; here the first failure is told."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._failed: set[str] = set()

    def value(self, item: object, wanted: Calculated) -> object:
        try:
            return _worked_out(self._invocation, item, wanted)
        except NobodyToAsk:
            raise
        except CommandError as error:
            if wanted.name not in self._failed:
                self._failed.add(wanted.name)
                self._invocation.warn(f"{wanted.name} is empty where it cannot be worked out: {error.message}")
            return None


def _worked_out(invocation: Invocation, item: object, wanted: Wanted) -> object:
    expression = wanted.expression if isinstance(wanted, Calculated) else wanted
    if isinstance(expression, ScriptBlock):
        return collapsed(invocation.runtime.run_block(expression, item))
    return members.member(item, expression)


def _unique(found: Iterator[object]) -> Iterator[object]:
    seen: set[str] = set()
    for item in found:
        key = repr(list(item.items())) if isinstance(item, Record) else value_text(item).casefold()
        if key not in seen:
            seen.add(key)
            yield item


def _condition(invocation: Invocation) -> Callable[[object], bool]:
    script = invocation.get("FilterScript")
    if isinstance(script, ScriptBlock):
        return lambda item: truth(_one(invocation.runtime.run_block(script, item)))
    name, value = invocation.text("Property"), invocation.get("Value")
    chosen = [each for each in COMPARISONS if invocation.flag(each)]
    if len(chosen) > 1:
        raise CommandError("Only one comparison can be given.", error_id="AmbiguousParameterSet")
    if not chosen:
        return lambda item: truth(members.member(item, name))
    return lambda item: truth(operators.binary(chosen[0].lower(), members.member(item, name), value))


def _one(found: list[object]) -> object:
    return found[0] if len(found) == 1 else found


def _plain(value: object) -> object:
    return value_text(value) if isinstance(value, (Record, list, tuple)) else value


def _measured(what: str, values: list[object]) -> object:
    if what in ("Maximum", "Minimum"):
        return (max if what == "Maximum" else min)(values, key=sort_key)
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        odd = next(value for value in values if value not in numbers or isinstance(value, bool))
        raise CommandError(f'Input object "{value_text(odd)}" is not numeric.', error_id="NonNumericInputObject")
    total = sum(numbers)
    if what == "Average":
        return total / len(numbers)
    return ByteSize(total) if all(isinstance(value, ByteSize) for value in numbers) else total
