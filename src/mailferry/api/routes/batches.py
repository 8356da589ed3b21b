"""Batches: made of a CSV, started, stopped, completed, removed; and their reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from mailferry.api.auth import Caller, with_token
from mailferry.api.batch_answers import BatchAnswer, BatchPage, RowErrorAnswer, RowsAnswer
from mailferry.api.fields import Identity
from mailferry.api.new_batches import made_batch
from mailferry.api.schemas import BatchFields, MoreUsers, NewBatch
from mailferry.api.user_answers import UserAnswer
from mailferry.api.wired import AfterName, Name, PageLimit, Search, Wired
from mailferry.migration.model import User
from mailferry.migration.states import BatchStatus
from mailferry.service.views import BatchView

router = APIRouter(prefix="/api/v1/batches", tags=["batches"], dependencies=[with_token])

CSV = "text/csv"
USERS_AT_ONCE = 200
_CSV_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}
_JSON_ANSWER: dict[int | str, dict[str, Any]] = {200: {"model": list[UserAnswer]}}
_CSV_OR_JSON: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            CSV: {"schema": {"type": "string"}},
            "application/json": {"schema": MoreUsers.model_json_schema()},
        },
    }
}


@router.get("")
async def list_batches(
    service: Wired,
    status: BatchStatus | None = None,
    endpoint: Name = "",
    search: Search = "",
    after: AfterName = "",
    limit: PageLimit = 100,
) -> BatchPage:
    """Some batches by name, with their numbers."""
    found = await service.batches.page(status=status, endpoint=endpoint, search=search, after=after, limit=limit + 1)
    more = len(found) > limit
    items = [BatchAnswer.of(view) for view in found[:limit]]
    return BatchPage(items=items, next=items[-1].name if more else None)


@router.post("", status_code=201)
async def create_batch(service: Wired, caller: Caller, given: NewBatch) -> BatchAnswer:
    """Make a batch of the mailboxes in a CSV, whose rows in error are left out and listed under `row-errors`; or of
    users of other batches, who go over to it with their passwords and with what is known of their mail.
    """
    return BatchAnswer.of(await made_batch(service, given, submitted_by=caller.name))


@router.get("/{identity}")
async def get_batch(service: Wired, identity: Identity) -> BatchAnswer:
    """One batch."""
    return BatchAnswer.of(await service.batches.get(identity))


@router.patch("/{identity}")
async def change_batch(service: Wired, identity: Identity, given: BatchFields) -> BatchAnswer:
    """Change the settings of a batch. Folders count from the next pass on."""
    return BatchAnswer.of(await service.batches.change(identity, given.settings()))


@router.delete("/{identity}", status_code=202)
async def remove_batch(service: Wired, identity: Identity) -> BatchAnswer:
    """Begin to remove a batch with its users and their passwords. Mail on the target stays."""
    return BatchAnswer.of(await service.batches.remove(identity))


@router.post("/{identity}/start")
async def start_batch(service: Wired, identity: Identity) -> BatchAnswer:
    """Start a batch, go on with a stopped one, or try its failed users again, and now those who wait after an error."""
    return BatchAnswer.of(await service.batches.start(identity))


@router.post("/{identity}/stop")
async def stop_batch(service: Wired, identity: Identity) -> BatchAnswer:
    """Stop a batch. Passes that run end within seconds."""
    return BatchAnswer.of(await service.batches.stop(identity))


@router.post("/{identity}/complete")
async def complete_batch(service: Wired, identity: Identity) -> BatchAnswer:
    """Do the last sync of each synced user, then freeze them. There must be one."""
    return BatchAnswer.of(await service.batches.complete(identity))


@router.post("/{identity}/sync-now")
async def sync_batch_now(service: Wired, identity: Identity) -> BatchAnswer:
    """Begin the incremental sync of all synced users now."""
    return BatchAnswer.of(await service.batches.sync_now(identity))


@router.post("/{identity}/users", openapi_extra=_CSV_OR_JSON)
async def add_users(
    service: Wired,
    identity: Identity,
    request: Request,
    allow_unknown_columns: Annotated[bool, Query(description="Of a body of text/csv.")] = False,
) -> RowsAnswer:
    """Add the users of a CSV that are not in the batch yet, and take other logins of those who are. The body is the
    CSV, or JSON as for a new batch.
    """
    given = await _csv_of(request, allow_unknown_columns=allow_unknown_columns)
    view = await service.batches.add_users(
        identity, given.csv_data, allow_unknown_columns=given.allow_unknown_columns, file_name=given.file_name
    )
    return RowsAnswer.of_rows(view)


@router.get("/{identity}/row-errors")
async def list_row_errors(service: Wired, identity: Identity) -> list[RowErrorAnswer]:
    """The rows of the CSV that were left out, with the reasons."""
    found = await service.batches.row_errors(identity)
    return [RowErrorAnswer(line=e.line, column=e.column, code=e.code, message=e.message, cells=e.cells) for e in found]


@router.get("/{identity}/errors.csv", response_class=Response, responses=_CSV_ANSWER)
async def get_errors_csv(service: Wired, identity: Identity) -> Response:
    """What was not migrated, to be mended and submitted again: rows left out, and failed users, without passwords."""
    view = await service.batches.get(identity)
    return _file(await service.reports.errors_csv(view.batch.guid), view, "errors.csv", CSV)


@router.get("/{identity}/report.csv", response_class=Response, responses=_CSV_ANSWER)
async def get_report_csv(service: Wired, identity: Identity) -> Response:
    """All users of a batch as a table, in pieces."""
    view = await service.batches.get(identity)
    return _file(service.reports.batch_csv(view.batch.guid), view, "report.csv", CSV)


@router.get("/{identity}/report.json", response_class=Response, responses=_JSON_ANSWER)
async def get_report_json(service: Wired, identity: Identity) -> Response:
    """All users of a batch as an array, in pieces."""
    view = await service.batches.get(identity)

    return _file(_array(service.reports.users(view.batch.guid)), view, "report.json", "application/json")


def _file(content: str | AsyncIterator[str], view: BatchView, ending: str, media_type: str) -> Response:
    """Answer with a file. Its name is the batch's GUID, as a name may hold what no file name can."""
    headers = {"Content-Disposition": f'attachment; filename="{view.batch.guid}-{ending}"'}
    if isinstance(content, str):
        return Response(content, headers=headers, media_type=media_type)
    return StreamingResponse(content, headers=headers, media_type=media_type)


async def _array(users: AsyncIterator[User]) -> AsyncIterator[str]:
    """Write a JSON array, a user a line, in pieces of many users: each piece is a message to the client."""
    lines, before = ["["], "\n"
    async for user in users:
        lines.append(before + UserAnswer.of(user).model_dump_json())
        before = ",\n"
        if len(lines) >= USERS_AT_ONCE:
            yield "".join(lines)
            lines.clear()
    yield "".join([*lines, "\n]\n"])


async def _csv_of(request: Request, *, allow_unknown_columns: bool) -> MoreUsers:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == CSV:
        body = await request.body()
        return MoreUsers.model_construct(csv_data=body, file_name="", allow_unknown_columns=allow_unknown_columns)
    if media_type != "application/json":
        raise HTTPException(415, f"The body is {CSV} or application/json.")
    try:
        return MoreUsers.model_validate_json(await request.body())
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
