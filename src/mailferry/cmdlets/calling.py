"""Runs the cmdlets of the service: asks if need be, sends the requests of the table, gives the objects."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from mailferry.cmdlets import files
from mailferry.cmdlets.bind import Bound, with_input
from mailferry.cmdlets.convert import UNLIMITED, text_of
from mailferry.cmdlets.errors import CommandError
from mailferry.cmdlets.host import NobodyToAsk, Reply
from mailferry.cmdlets.objects import record_of, row_of
from mailferry.cmdlets.records import Record
from mailferry.cmdlets.request import Request, detail_request, requests_of, segment
from mailferry.cmdlets.running import Input, Invocation
from mailferry.cmdlets.spec_model import Answer
from mailferry.cmdlets.spec_objects import BATCH, object_kind
from mailferry.cmdlets.words import quote

USUAL_RESULT_SIZE: Final = 1_000
_FORCE: Final = "Give another name, or replace it by -Force."


class _Questions:
    """Whether something is to be done; remembers the answers that are for all objects of a pipeline."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._for_all: bool | None = None

    def is_to_be_done(self, target: str) -> bool:
        cmdlet, host = self._invocation.cmdlet, self._invocation.runtime.host
        if not cmdlet.changes:
            return True
        if self._invocation.flag("WhatIf"):
            host.write(f'What if: Performing the operation "{cmdlet.operation}" on target "{target}".')
            return False
        if not self._asks() or self._for_all:
            return True
        if self._for_all is False:
            return False
        reply = host.confirm(f'{cmdlet.operation} "{target}".')
        if reply in (Reply.YES_TO_ALL, Reply.NO_TO_ALL):
            self._for_all = reply is Reply.YES_TO_ALL
        return reply in (Reply.YES, Reply.YES_TO_ALL)

    def _asks(self) -> bool:
        said = self._invocation.get("Confirm")
        if said is not None:
            return bool(said)
        preference = text_of(self._invocation.runtime.variable("ConfirmPreference")).lower()
        return self._invocation.cmdlet.asks and preference != "none"


def run_service_cmdlet(invocation: Invocation, objects: Input) -> Iterator[object]:
    """Run a cmdlet once, or once for each object of the pipeline. An error about one object does not stop the rest."""
    questions = _Questions(invocation)
    _warn_of_idle(invocation)
    if objects is None:
        yield from _reported(invocation, invocation.bound, _target(invocation.bound), questions)
        return
    for item in objects:
        try:
            bound = with_input(invocation.bound, item, invocation.runtime.converted)
        except CommandError as error:
            invocation.runtime.report(error, invocation)
            continue
        shown = item.get("Identity") if isinstance(item, Record) else None
        yield from _reported(invocation, bound, text_of(shown) or _target(bound), questions, known=shown is not None)


def _reported(
    invocation: Invocation, bound: Bound, target: str, questions: _Questions, *, known: bool = False
) -> Iterator[object]:
    try:
        yield from _once(Invocation(invocation.runtime, bound, invocation.span), target, questions, known=known)
    except NobodyToAsk:
        raise  # it is the same for all objects
    except CommandError as error:
        invocation.runtime.report(error, invocation)


def _target(bound: Bound) -> str:
    for name in ("Identity", "Name", "Endpoint"):
        if name in bound.values:
            return text_of(bound.values[name])
    return bound.cmdlet.noun


def _once(invocation: Invocation, target: str, questions: _Questions, *, known: bool) -> Iterator[object]:
    cmdlet, values = invocation.cmdlet, invocation.bound.values
    requests = requests_of(cmdlet, values)
    if not requests:
        if not any(p.without_effect and p.name in values for p in cmdlet.parameters):
            invocation.warn(f"{cmdlet.name} was given nothing to change.")
        return
    if cmdlet.changes and invocation.flag("WhatIf") and not known:
        _look_for(invocation, requests[0])
    if not questions.is_to_be_done(target):
        return
    for request in requests:
        if invocation.flag("Verbose"):
            invocation.runtime.host.verbose(f"{request.method} {request.path}")
        # What follows in the pipeline may end it early: objects of the last request come as they are used.
        if request is requests[-1]:
            yield from (_objects(invocation, request) if cmdlet.kind else _nothing(invocation, request))
        else:
            yield from _nothing(invocation, request)


def _look_for(invocation: Invocation, request: Request) -> None:
    """See that what a request is about is there, so that -WhatIf does not tell of what could not be done.

    Raises ServiceError.
    """
    before, named, _ = request.path.partition(f"/{segment(request.named)}") if request.named else ("", "", "")
    if named:
        invocation.runtime.client.send(Request("GET", before + named, Answer.ONE, request.kind, named=request.named))


def _nothing(invocation: Invocation, request: Request) -> Iterator[object]:
    """Send a request of a cmdlet that gives no objects."""
    answer = invocation.runtime.client.send(request)
    if request.kind == BATCH.name and request.answer is Answer.ONE and isinstance(answer, Mapping):
        _see_zero(request, answer)
        if request.method == "POST":
            _warn_of_rows(invocation, answer)
    return iter(())


def _see_zero(request: Request, batch: Mapping[str, Any]) -> None:
    """Raise an error if there are users whom the command was not to leave behind."""
    if any(batch.get(name) for name in request.zero):
        counts = " and ".join(f"{batch.get(name)} {name}" for name in request.zero)
        raise CommandError(
            f"Nothing was done: the batch '{batch.get('name')}' has {counts} users.",
            advice="Mend or remove them first. Without -SyncAndComplete the synced users are completed and these stay.",
            error_id="MigrationStateInvalid",
        )


def _warn_of_idle(invocation: Invocation) -> None:
    """Say what was given of which nothing comes."""
    for parameter in invocation.cmdlet.parameters:
        if parameter.warning and invocation.bound.values.get(parameter.name, False) is not False:
            invocation.warn(parameter.warning)


def _objects(invocation: Invocation, request: Request) -> Iterator[object]:
    if request.answer is Answer.CSV:
        yield from _rows(invocation, request)
        return
    kind = object_kind(request.kind)
    for item in _items(invocation, request):
        if request.method == "POST" and kind is BATCH:
            _warn_of_rows(invocation, item)
        yield record_of(kind, _with_details(invocation, request, item))


def _items(invocation: Invocation, request: Request) -> Iterator[Mapping[str, Any]]:
    client = invocation.runtime.client
    size = invocation.get("ResultSize")
    most = None if size is UNLIMITED else size if isinstance(size, int) else USUAL_RESULT_SIZE
    if request.answer is Answer.PAGES:
        for item in client.pages(request, most):
            if item is not None:
                yield item
            elif size is None:
                invocation.warn(
                    f"Only the first {USUAL_RESULT_SIZE} results are shown. -ResultSize gives another number, "
                    "-ResultSize Unlimited all."
                )
        return
    answer = client.send(request)
    if request.answer is Answer.LIST and isinstance(answer, list):
        yield from islice(answer, most)
    elif isinstance(answer, Mapping):
        yield answer
    else:
        raise CommandError(f"The service answered {request.path} in a way that is not understood.")


def _with_details(invocation: Invocation, request: Request, item: Mapping[str, Any]) -> Mapping[str, Any]:
    found = dict(item)
    for detail in request.details:
        found[detail.field] = invocation.runtime.client.send(detail_request(detail, item))
    return found


def _warn_of_rows(invocation: Invocation, batch: Mapping[str, Any]) -> None:
    count = batch.get("rows_left_out", batch.get("row_errors"))  # those of this file, not of earlier ones
    if isinstance(count, int) and count:
        rows = "1 row of the CSV was" if count == 1 else f"{count} rows of the CSV were"
        invocation.warn(
            f"{rows} left out. Get-MigrationBatch {quote(str(batch.get('name')))} -IncludeReport | Format-List Report "
            "shows why."
        )


def _rows(invocation: Invocation, request: Request) -> Iterator[object]:
    """Give the rows of a CSV, or write them to a file; all of them or a part."""
    path, force = invocation.text("CsvStream"), invocation.flag("Force")
    if path and not force:
        files.see_free(path, invocation.runtime.folder, advice=_FORCE)
    text = invocation.runtime.client.send_for_text(request)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    columns, cells = (rows[0], rows[1:]) if rows else ([], [])
    first, count = invocation.number("StartingRowIndex") or 0, invocation.number("RowCount")
    chosen = cells[first : None if count is None else first + count]
    if not path:
        kind = object_kind(request.kind)
        yield from (row_of(kind, columns, row) for row in chosen)
        return
    out = io.StringIO(newline="")
    csv.writer(out).writerows([columns, *chosen])
    files.write_text(path, invocation.runtime.folder, out.getvalue(), no_clobber=not force, advice=_FORCE)
