"""The client of the REST API: sends requests, and says in words of the cmdlets what the service refused."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from mailferry.cmdlets.errors import ServiceError
from mailferry.cmdlets.request import PREFIX, Request
from mailferry.cmdlets.spec_model import Answer
from mailferry.cmdlets.spec_objects import object_kind
from mailferry.cmdlets.spec_user_objects import USER
from mailferry.imap.values import Secret

PAGE: Final = 1_000
"""How many objects are asked for at once, the most that the API gives."""

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
"""A test of a server takes up to 15 seconds, a CSV of 50,000 rows up to 10."""

_ERROR_IDS: Final[Mapping[str, str]] = {
    "not-found": "ManagementObjectNotFound",
    "already-exists": "ObjectAlreadyExists",
    "wrong-state": "MigrationStateInvalid",
    "in-use": "ObjectInUse",
    "invalid-value": "InvalidValue",
    "invalid-request": "InvalidValue",
    "forbidden": "AccessDenied",
    "unauthorized": "AccessDenied",
    "invalid-token": "AccessDenied",
    "endpoint-unavailable": "MigrationServerConnectionFailed",
    "no-such-route": "NotSupported",
}
_LISTED: Final[Mapping[str, str]] = {
    "batches": "Get-MigrationBatch lists them.",
    "users": "Get-MigrationUser lists them.",
    "endpoints": "Get-MigrationEndpoint lists them.",
    "accepted-domains": "Get-AcceptedDomain lists them.",
    "mailboxes": "Get-Mailbox lists them.",
}
"""What helps if there is no such thing, by the first part of the path."""

_ABOUT: Final = re.compile(r"There is no (?:migration )?(endpoint|batch|user|accepted domain|mailbox) ")
_COLLECTIONS: Final[Mapping[str, str]] = {
    "endpoint": "endpoints",
    "batch": "batches",
    "user": "users",
    "accepted domain": "accepted-domains",
    "mailbox": "mailboxes",
}
_AT_ONCE: Final = re.compile(r"To (start|complete) now, use \1\.")
"""What the API's actions are called, which are no words of the cmdlets."""

_MOST_PROBLEM_BYTES: Final = 64 * 1024


class Client:
    """A connection to one service, for one token. Close it, or use it in a `with`.

    `transport`: what carries the requests, for tests; `timeout_seconds`: how long each step of a request may take,
    None as usual.
    """

    def __init__(
        self,
        base_url: str,
        token: Secret,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        # Environment variables of proxies would send the token elsewhere; the service is addressed directly.
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"},
            transport=transport,
            # The authorities that the system trusts, and those of SSL_CERT_FILE.
            verify=ssl.create_default_context() if base_url.startswith("https:") else True,
            timeout=TIMEOUT if timeout_seconds is None else timeout_seconds,
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def send(self, request: Request) -> Any:
        """Send a request and give the JSON of the answer, None if there is none. Raises ServiceError."""
        response = self._sent(request, request.query)
        if not response.content or request.answer is Answer.NOTHING:
            return None
        try:
            return response.json()
        except ValueError:
            raise ServiceError(f"{self.base_url} answered {request.path} with something that is no JSON.") from None

    def send_for_text(self, request: Request) -> str:
        """Send a request and give the text of the answer. Raises ServiceError."""
        return self._sent(request, request.query).text

    def pages(self, request: Request, most: int | None = None) -> Iterator[Mapping[str, Any] | None]:
        """Give the objects of all pages, at most so many; a None at the end says that there are more.

        Raises ServiceError.
        """
        query, given = dict(request.query), 0
        while True:
            left = PAGE if most is None else min(PAGE, most - given)
            answer = self._page(request, query | {"limit": str(left)})
            for item in answer["items"]:
                yield item
                given += 1
            if not answer.get("next") or not answer["items"]:
                return
            if most is not None and given >= most:
                yield None
                return
            query["after"] = str(answer["next"])

    def _page(self, request: Request, query: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            answer = self._sent(request, query).json()
            if not isinstance(answer["items"], list):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise ServiceError(f"{self.base_url} answered {request.path} with something that is no page.") from None
        found: Mapping[str, Any] = answer
        return found

    def _sent(self, request: Request, query: Mapping[str, str]) -> httpx.Response:
        try:
            response = self._http.request(
                request.method, self.base_url + request.path, params=query or None, json=request.body
            )
        except httpx.TimeoutException:
            raise ServiceError(
                f"The service at {self.base_url} did not answer in time.", error_id="ServiceTimeout"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServiceError(
                f"The service at {self.base_url} cannot be reached: {_reason(error)}.",
                advice="Start it by `mailferry serve`, or say where it is by --url.",
                error_id="ServiceUnreachable",
            ) from None
        if response.is_success:
            return response
        raise _refused(request, response)


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text or type(error).__name__


def _refused(request: Request, response: httpx.Response) -> ServiceError:
    problem = _problem_of(response)
    code = str(problem.get("code") or "")
    status = response.status_code
    detail = str(problem.get("detail") or f"The service answered with status {status}.")
    advice = str(problem.get("advice") or "")
    if code == "not-found" and request.named and not _names_another(detail, request.named):
        detail = f"The {_noun(request)} '{request.named}' couldn't be found."
        advice = _LISTED.get(request.path.removeprefix(PREFIX).split("/")[1], advice)
    elif code == "not-found" and (about := _ABOUT.match(detail)):
        advice = _LISTED[_COLLECTIONS[about[1]]]
    if code in ("unauthorized", "invalid-token"):
        advice = "Name the file of a token that this service knows by --token-file; `mailferry token new` makes one."
    if code == "no-such-route":
        detail, advice = "This service does not know that request.", "Use a service of the same version."
    field = str(problem.get("field") or "").removeprefix("body.").removeprefix("query.")
    parameter = request.fields.get(field, "")
    for name, spelt in sorted(request.fields.items(), key=lambda pair: -len(pair[0])):
        if "_" in name:
            advice = advice.replace(f"-{spelt} ({name})", f"-{spelt}").replace(name, f"-{spelt}")
            detail = detail.replace(name, f"-{spelt}")
            advice = re.sub(rf"(?<![\w-]){spelt}\b", f"-{spelt}", advice)
    detail = _AT_ONCE.sub(lambda found: f"To {found[1]} now, {_now(request, found[1])}.", detail)
    detail = detail.replace("; sync-now is possible", "; -SyncNow is possible")
    if parameter:
        detail = f"Cannot process argument for parameter '{parameter}'. {detail}"
    where = ", ".join(f"{name} {problem[name]}" for name in ("line", "column") if problem.get(name))
    if where and where not in detail:
        detail = f"{detail} ({where})"
    return ServiceError(
        detail,
        status=status,
        problem=code,
        field=parameter or field,
        advice=advice,
        error_id=_ERROR_IDS.get(code, code or "ServiceError"),
    )


def _now(request: Request, action: str) -> str:
    """Say by which cmdlet something is started or completed at once."""
    if action == "complete":
        one = request.kind == USER.name
        return "give -CompleteAfter the present moment" if one else "use Complete-MigrationBatch"
    return "give -AutoStart in its place" if "auto_start" in request.fields else f"use Start-{request.kind}"


def _names_another(detail: str, named: str) -> bool:
    """Tell whether an error of the kind not-found is about something else than what the path names."""
    return named not in detail


def _noun(request: Request) -> str:
    try:
        return object_kind(request.kind).noun
    except KeyError:
        return "object"


def _problem_of(response: httpx.Response) -> Mapping[str, Any]:
    if len(response.content) > _MOST_PROBLEM_BYTES:
        return {}
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
