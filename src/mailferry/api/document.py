"""The OpenAPI document: FastAPI's, with the errors as they are."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from mailferry.api.problems import MEDIA_TYPE, Problem

_ALWAYS = {"500": "Something unexpected happened", "503": "Not available now"}
_GUARDED = {"401": "No token, or an unknown one"}
_WRITING = {
    "400": "Not well-formed",
    "403": "The token may read only",
    "409": "The state, or something else, does not allow it",
    "413": "Too large",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Make the document."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    made = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= made.pop("$defs", {}) | {"Problem": made}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, text in _problems(path, method, operation).items():
                operation["responses"].setdefault(status, _answer(text))
    return document


def _problems(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    found = dict(_ALWAYS)
    responses = operation["responses"]
    if responses.pop("422", None) is not None or "requestBody" in operation:
        found["422"] = "A value cannot be used"
    if operation.get("security") or path == "/metrics":
        found |= _GUARDED
    if method != "get":
        found |= _WRITING
    if "{" in path or operation.get("parameters") or method == "post":
        found["404"] = "There is no such object"
    if "requestBody" in operation:
        found["415"] = "Not a media type of this route"
    return found


def _answer(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
