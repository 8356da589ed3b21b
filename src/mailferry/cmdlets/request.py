"""From bound parameters to requests of the REST API. Nothing is sent here."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mailferry.cmdlets.convert import UNLIMITED
from mailferry.cmdlets.records import FileBytes
from mailferry.cmdlets.spec_model import Answer, Call, Cmdlet, Detail, Parameter
from mailferry.imap.values import Secret

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Request:
    """A request: the path is percent-encoded and begins with `/api/v1`. `body` None: there is none.

    `fields`: which parameter each field of body and query comes from, so that an error can name it. `named`: what the
    path names, for errors. `details`: what else was asked for of each object. `zero`: see `Call`. The body may hold
    passwords, so it is not part of the repr.
    """

    method: str
    path: str
    answer: Answer
    kind: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    fields: Mapping[str, str] = field(default_factory=dict)
    named: str = ""
    details: tuple[Detail, ...] = ()
    zero: tuple[str, ...] = ()


def requests_of(cmdlet: Cmdlet, values: Mapping[str, object]) -> list[Request]:
    """Give the requests that a cmdlet makes with these parameters, in their order. There may be none."""
    return [_request(cmdlet, call, values) for call in cmdlet.calls if _is_made(call, values)]


def _is_made(call: Call, values: Mapping[str, object]) -> bool:
    def on(name: str) -> bool:
        return values.get(name, False) is not False

    def there(name: str) -> bool:
        parameter_given = name in values
        return parameter_given if name in call.body or name in call.query else on(name)

    if call.given and not any(there(name) for name in call.given):
        return False
    return not any(on(name) for name in call.absent)


def _request(cmdlet: Cmdlet, call: Call, values: Mapping[str, object]) -> Request:
    query = {name: _in_query(values[parameter]) for parameter, name in call.query.items() if parameter in values}
    body: dict[str, Any] = dict(call.constants)
    for name, fields in call.switches.items():
        if values.get(name):
            body |= fields
    for name, target in call.body.items():
        if name in values:
            parameter = cmdlet.parameter(name)
            assert parameter is not None
            body[target] = _in_json(values[name], parameter)
    for name, target in call.files.items():
        data = values.get(name)
        if isinstance(data, FileBytes):
            body[target] = data.name
    path, named = _path(call.path, values)
    details = tuple(detail for detail in call.details if values.get(detail.switch))
    has_body = bool(call.body or call.switches or call.constants)
    fields_of: dict[str, str] = {}
    for name, target in (*call.body.items(), *call.query.items()):  # two parameters may go into one field
        if name in values or target not in fields_of:
            fields_of[target] = name
    return Request(
        call.method,
        path,
        call.answer,
        call.kind,
        query,
        body if has_body else None,
        fields_of,
        named,
        details,
        call.zero,
    )


def _path(template: str, values: Mapping[str, object]) -> tuple[str, str]:
    before, brace, rest = template.partition("{")
    if not brace:
        return PREFIX + template, ""
    name, _, after = rest.partition("}")
    value = str(values[name])
    return PREFIX + before + segment(value) + after, value


def detail_request(detail: Detail, item: Mapping[str, Any]) -> Request:
    """Give the request for one more thing about an object that was answered."""
    path, named = _path(detail.path, item)
    return Request("GET", path, Answer.LIST, named=named)


def segment(text: str) -> str:
    """Give a text as one segment of a path: also `..` and what holds slashes names just itself (RFC 3986, 3.3)."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if not text.strip(".") else quoted


def _in_query(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _in_json(value: object, parameter: Parameter) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if value is UNLIMITED:
        return parameter.most
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    return value
