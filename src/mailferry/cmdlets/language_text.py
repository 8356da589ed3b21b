"""Cmdlets that make and read texts: JSON, CSV, files, moments, questions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mailferry.cmdlets import files
from mailferry.cmdlets.convert import flattened, text_of
from mailferry.cmdlets.csv_cells import guarded, unguarded
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.format import span_text, value_text
from mailferry.cmdlets.language_objects import given_objects
from mailferry.cmdlets.layout import View, show
from mailferry.cmdlets.moments import formatted
from mailferry.cmdlets.records import FileBytes, Record
from mailferry.cmdlets.running import Input, Invocation
from mailferry.cmdlets.spec_language import DATE_PARTS
from mailferry.imap.values import Secret

USUAL_DEPTH = 4
USUAL_WIDTH = 120


def plain(value: object, depth: int = USUAL_DEPTH) -> Any:
    """Give a value as JSON has it: moments as RFC 3339, durations as texts, sizes as numbers of bytes.

    `depth`: how many objects deep; what lies deeper is a text.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, depth) for item in value]
    if isinstance(value, Record) and depth > 0:
        return {name: plain(item, depth - 1) for name, item in value.items()}
    return value_text(value)


def json_text(found: Sequence[object], *, depth: int = USUAL_DEPTH, compress: bool = False) -> str:
    """Give objects as JSON: one as itself, several as an array."""
    value = plain(found[0], depth) if len(found) == 1 else plain(list(found), depth)
    if compress:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value, ensure_ascii=False, indent=2)


def csv_text(
    found: Iterable[object], *, delimiter: str = ",", header: bool = True, cell: Callable[[object], str] | None = None
) -> str:
    """Give objects as CSV (RFC 4180). The columns are the properties of the first one.

    `cell`: what makes the text of a value; as values print, unless told otherwise.
    """
    cell = cell or printed_cell
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    columns: tuple[str, ...] = ()
    for item in found:
        if isinstance(item, View):
            raise CommandError("Format-List and Format-Table come last; use Select-Object before a conversion.")
        if not isinstance(item, Record):
            item = Record({"Value": item})
        if not columns:
            columns = item.names
            if header:
                writer.writerow(map(cell, columns))
        writer.writerow([cell(item.get(name)) for name in columns])
    return out.getvalue()


def convert_to_json(invocation: Invocation, objects: Input) -> Iterator[object]:
    """ConvertTo-Json."""
    depth = invocation.number("Depth")
    found = list(given_objects(invocation, objects))
    if found:
        depth = USUAL_DEPTH if depth is None else depth
        yield json_text(found, depth=depth, compress=invocation.flag("Compress"))


def convert_to_csv(invocation: Invocation, objects: Input) -> Iterator[object]:
    """ConvertTo-Csv."""
    text = csv_text(
        given_objects(invocation, objects), delimiter=invocation.text("Delimiter", ","), cell=_chosen_cell(invocation)
    )
    yield from text.split("\r\n")[:-1]


def export_csv(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Export-Csv."""
    path, append = invocation.text("Path"), invocation.flag("Append")
    old = append and files.resolve(path, invocation.runtime.folder).exists()
    text = csv_text(
        given_objects(invocation, objects),
        delimiter=invocation.text("Delimiter", ","),
        header=not old,
        cell=_chosen_cell(invocation),
    )
    _write(invocation, path, text)
    return iter(())


def import_csv(invocation: Invocation, _objects: Input) -> Iterator[object]:
    """Import-Csv."""
    text = files.read_text(invocation.text("Path"), invocation.runtime.folder)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=invocation.text("Delimiter", ",")))
    except csv.Error as error:
        raise CommandError(f"The file is no CSV: {error}.") from None
    rows = [[unguarded(cell) for cell in row] for row in rows]
    for row in rows[1:]:
        yield Record(dict(zip(rows[0], row, strict=False)))


def out_file(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Out-File."""
    text = show(given_objects(invocation, objects), invocation.number("Width") or USUAL_WIDTH)
    _write(invocation, invocation.text("Path"), text + "\n" if text else "")
    return iter(())


def out_string(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Out-String."""
    yield show(given_objects(invocation, objects), invocation.number("Width") or USUAL_WIDTH)


def out_null(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Out-Null."""
    for _ in given_objects(invocation, objects):
        pass
    return iter(())


def get_content(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Get-Content."""
    paths = [invocation.text("Path")] if objects is None else [text_of(item) for item in objects]
    encoding = invocation.text("Encoding", "Utf8")
    for path in paths:
        if encoding == "Byte" or invocation.flag("AsByteStream"):
            yield files.read_bytes(path, invocation.runtime.folder)
        elif invocation.flag("Raw"):
            yield files.read_text(path, invocation.runtime.folder, encoding)
        else:
            yield from files.read_text(path, invocation.runtime.folder, encoding).splitlines()


def get_date(invocation: Invocation, _objects: Input) -> Iterator[object]:
    """Get-Date."""
    given = invocation.get("Date")
    moment = given if isinstance(given, datetime) else invocation.runtime.now()
    names = [name.lower() for name, *_ in DATE_PARTS]
    parts = {name: value for name in names if (value := invocation.number(name.capitalize())) is not None}
    try:
        year, month, day, hour, minute, second = (parts.get(name, getattr(moment, name)) for name in names)
        moment = moment.replace(year, month, day, hour, minute, second)
    except ValueError:
        raise CommandError("There is no such day in that month.", error_id="ParameterArgumentValidationError") from None
    form = invocation.text("Format")
    yield formatted(moment, form) if form else moment


def write_output(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Write-Output."""
    return given_objects(invocation, objects)


def write_host(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Write-Host."""
    found = flattened(invocation.get("Object")) if objects is None else list(objects)
    invocation.runtime.host.write(" ".join(item if isinstance(item, str) else value_text(item) for item in found))
    return iter(())


def read_host(invocation: Invocation, _objects: Input) -> Iterator[object]:
    """Read-Host."""
    prompt = invocation.text("Prompt")
    host = invocation.runtime.host
    yield host.ask_secret(prompt) if invocation.flag("AsSecureString") else host.ask(prompt)


def convert_to_secure_string(invocation: Invocation, objects: Input) -> Iterator[object]:
    """ConvertTo-SecureString."""
    if not invocation.flag("AsPlainText"):
        raise CommandError("Encrypted texts are not known here; give -AsPlainText.", error_id="ImportSecureString")
    texts = [invocation.text("String")] if objects is None else [text_of(item) for item in objects]
    for text in texts:
        yield Secret(text)


def printed_cell(value: object) -> str:
    """Give a value as it prints, as Export-Csv of PowerShell does; the items of a list are parted by semicolons."""
    text = _unguarded_cell(value)
    return guarded(text) if isinstance(value, (str, list, tuple)) else text


def exact_cell(value: object) -> str:
    """Give a value for a program: moments as RFC 3339, sizes as numbers of bytes, the rest as it prints."""
    if isinstance(value, (list, tuple)):
        return "; ".join(exact_cell(item) for item in value)
    if isinstance(value, (datetime, int)) and not isinstance(value, bool):
        return str(plain(value))
    return printed_cell(value)


def _unguarded_cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(_unguarded_cell(item) for item in value)
    if isinstance(value, FileBytes):
        return value.name
    return value if isinstance(value, str) else value_text(value)


def _chosen_cell(invocation: Invocation) -> Callable[[object], str]:
    return _unguarded_cell if invocation.flag("AllowFormulas") else printed_cell


def _write(invocation: Invocation, path: str, text: str) -> None:
    files.write_text(
        path,
        invocation.runtime.folder,
        text,
        encoding=invocation.text("Encoding", "Utf8"),
        append=invocation.flag("Append"),
        no_clobber=invocation.flag("NoClobber"),
    )
