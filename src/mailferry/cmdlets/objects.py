"""Makes the objects of a pipeline of what the API answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mailferry.cmdlets.format import moment_text
from mailferry.cmdlets.records import ByteSize, Lines, Record
from mailferry.cmdlets.spec_model import ObjectKind, Property, Shape
from mailferry.cmdlets.spec_objects import object_kind

_FIELD: Final = re.compile(r"{(\w+)}")


def record_of(kind: ObjectKind, data: Mapping[str, Any]) -> Record:
    """Make an object. A field that is missing or null is None: a newer or older service may have others."""
    values = {each.name: _value(each, data) for each in kind.properties}
    return Record(values, kind.name, kind.named_by)


def row_of(kind: ObjectKind, columns: Sequence[str], cells: Sequence[str]) -> Record:
    """Make an object of a row of CSV; the properties are its columns."""
    return Record(dict(zip(columns, cells, strict=False)), kind.name)


def _value(each: Property, data: Mapping[str, Any]) -> object:
    if each.shape is Shape.CONSTANT:
        return each.constant
    found: Any = data
    for part in each.field.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if each.shape is Shape.LINES:
        return _lines(found, each.constant)
    if each.shape in (Shape.LIST, Shape.OBJECTS):
        items = found if isinstance(found, list) else []
        if each.shape is Shape.LIST:
            return [str(item) for item in items]
        inner = object_kind(each.constant)
        return None if found is None else [record_of(inner, item) for item in items if isinstance(item, Mapping)]
    return _shaped(each.shape, found)


def _shaped(shape: Shape, found: Any) -> object:
    if found is None or isinstance(found, (list, Mapping)):
        return None
    if shape is Shape.MOMENT:
        return _moment(found)
    if shape is Shape.SECONDS:
        return _span(found) if _is_number(found) else None
    if shape is Shape.SIZE:
        return ByteSize(found) if _is_number(found) else None
    if shape is Shape.NUMBER:
        return found if _is_number(found) else None
    if shape is Shape.FLAG:
        return bool(found)
    if shape is Shape.GRADE:
        return str(found) or None
    return str(found)


def _span(seconds: float) -> object:
    """Give a duration, to the second; the number itself if it is longer than any calendar."""
    try:
        return timedelta(seconds=round(seconds))
    except OverflowError:
        return seconds


def _is_number(found: object) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def _moment(found: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(found))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _lines(found: Any, template: str) -> Lines | None:
    """Write each object of a list as a line; those that have nothing to say are left out."""
    if not isinstance(found, list):
        return None
    lines = [_filled(template, item) for item in found if isinstance(item, Mapping)]
    return Lines(line for line in lines if line)


def _filled(template: str, item: Mapping[str, Any]) -> str:
    """Put the fields into the template. Text of servers may hold braces, so what was put in is not looked at again."""

    def put(match: re.Match[str]) -> str:
        found = item.get(match[1])
        if match[1] == "at" and (moment := _moment(found)) is not None:
            return moment_text(moment)
        return "" if found is None else str(found)

    return _FIELD.sub(put, template).strip()
