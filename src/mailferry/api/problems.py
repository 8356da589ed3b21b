"""Errors as problem details (RFC 9457). Every answer of the API that is an error is one.

`type` is about:blank, so `title` is the phrase of the status; `code` is stable and says more than the status.
Nothing that a client sent is repeated: a password may stand in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException

from mailferry.errors import MailferryError, Retry
from mailferry.migration.csverrors import CsvFileError
from mailferry.service import errors

MEDIA_TYPE = "application/problem+json"

BY_CLASS: Mapping[type[MailferryError], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.AlreadyExists: HTTPStatus.CONFLICT,
    errors.WrongState: HTTPStatus.CONFLICT,
    errors.UserActive: HTTPStatus.CONFLICT,
    errors.InUse: HTTPStatus.CONFLICT,
    errors.InvalidValue: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.EndpointUnavailable: HTTPStatus.UNPROCESSABLE_ENTITY,
    CsvFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""The status of each error of the service; a subclass has that of its nearest base."""

BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("bad-request", "Send well-formed HTTP and JSON."),
    401: ("unauthorized", "Send the header Authorization: Bearer followed by a token."),
    403: ("forbidden", errors.Forbidden.advice),
    404: ("no-such-route", "Look the path up in /openapi.json."),
    405: ("method-not-allowed", "Use one of the methods in the header Allow."),
    409: ("conflict", "Look at it again, then repeat the request if it is still wanted."),
    413: ("too-large", "Send less at once; split a CSV into several batches."),
    415: ("unsupported-media-type", "Send the media type that the route takes."),
    421: ("host-not-allowed", "Use the address on which the service listens, for example 127.0.0.1."),
    422: ("invalid-request", "Correct the fields that are named and send the request again."),
    500: ("internal-error", "Find the id in the log of the service and report what stands there."),
    503: ("unavailable", "Try again in a moment."),
}


class FieldError(BaseModel):
    """What is wrong with one part of a request. `field` is a path such as `body.port`, without values."""

    field: str
    message: str


class Problem(BaseModel):
    """Problem details (RFC 9457). `code` is stable; `advice` says who must do what; `field` names the value that
    cannot be used; `line` and `column` are a place in a CSV; `errors` lists what is wrong with the form of a request,
    or with each row of a CSV.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str
    advice: str = ""
    field: str | None = None
    line: int | None = None
    column: str | None = None
    position: int | None = None
    id: str | None = Field(None, description="Find this in the log.")
    errors: list[FieldError] | None = None


class ProblemResponse(JSONResponse):
    """An answer that is a problem."""

    media_type = MEDIA_TYPE


def problem(
    status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any
) -> ProblemResponse:
    """Make an answer. `code` and `advice` are the status's if they are not among `members`; None is left out."""
    status, phrase = int(status), HTTPStatus(status).phrase
    code, advice = BY_STATUS.get(status, (phrase.lower().replace(" ", "-"), ""))
    given: dict[str, Any] = {"code": code, "advice": advice} | members
    body = Problem(title=phrase, status=status, detail=detail or phrase, **given)
    return ProblemResponse(body.model_dump(exclude_none=True), status, headers=dict(headers or {}))


def status_of(error: MailferryError) -> HTTPStatus:
    """Give the HTTP status of an error: its class's, or else 503 if trying again helps, and 500."""
    for cls in type(error).__mro__:
        if (status := BY_CLASS.get(cls)) is not None:
            return status
    return (
        HTTPStatus.SERVICE_UNAVAILABLE if error.retry in (Retry.SOON, Retry.LATER) else HTTPStatus.INTERNAL_SERVER_ERROR
    )


def of_error(error: MailferryError) -> ProblemResponse:
    """Tell an error of the service."""
    members: dict[str, Any] = {"code": error.code, "advice": error.advice}
    if isinstance(error, errors.InvalidValue) and error.name:
        members["field"] = error.name
    if isinstance(error, CsvFileError):
        members |= {"line": error.line or None, "column": error.column or None, "position": error.position or None}
    if isinstance(error, errors.NoUsableRow):
        rows = [FieldError(field=f"line {row.line}, {row.column}", message=row.message) for row in error.rows[:100]]
        members["errors"] = rows
    return problem(status_of(error), error.detail or error.summary(), **members)


def of_validation(found: Sequence[Any]) -> ProblemResponse:
    """Tell what pydantic found, without the values it found it in."""
    listed = [FieldError(field=_path(error["loc"]), message=str(error["msg"])) for error in found]
    first = listed[0] if listed else FieldError(field="", message="The request cannot be understood.")
    detail = f"{first.field}: {first.message}" if first.field else first.message
    more = f" ({len(listed) - 1} more)" if len(listed) > 1 else ""
    return problem(422, detail + more, field=first.field or None, errors=listed[:100])


def add_handlers(app: FastAPI) -> None:
    """Have the app answer each error with a problem. Unexpected ones are the request log's (`requestlog.py`)."""

    async def of_service(_request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, MailferryError)
        return of_error(error)

    async def of_http(_request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        detail = error.detail if error.detail != phrase else ""
        return problem(error.status_code, detail, headers=error.headers)

    async def of_request(_request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, RequestValidationError)
        if isinstance(error.body, bytes):  # it was not even read as JSON, for want of the media type
            return problem(415, "The body is application/json.")
        return of_validation(error.errors())

    async def of_race(_request: Request, _error: Exception) -> ProblemResponse:
        return problem(409, "Somebody else changed the same thing at the same moment.")

    app.add_exception_handler(MailferryError, of_service)
    app.add_exception_handler(IntegrityError, of_race)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_request)


def _path(location: Sequence[Any]) -> str:
    """Spell a place. Names that a client made up are shown only if they look like names, and not in full."""
    return ".".join(part if (part := str(item)).isdigit() or _NAME.fullmatch(part) else "?" for item in location)


_NAME = re.compile(r"[a-z][a-z_-]{0,39}", re.IGNORECASE)
