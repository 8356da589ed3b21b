"""Who asks: bearer tokens (RFC 6750). A viewer may read, an operator may do everything.

This stands before the routes, so that nobody's body is read who has no token; the routes check once more that it was
asked.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from mailferry.api.problems import ProblemResponse, of_error, problem
from mailferry.errors import MailferryError
from mailferry.service.errors import Forbidden
from mailferry.service.tokens import Role, Tokens, TokenView

READING = frozenset({"GET", "HEAD", "OPTIONS"})
_CALLER = "mailferry.caller"
_MISSING = {"WWW-Authenticate": 'Bearer realm="mailferry"'}
_WRONG = {"WWW-Authenticate": 'Bearer realm="mailferry", error="invalid_token"'}
_TOO_LITTLE = {"WWW-Authenticate": 'Bearer realm="mailferry", error="insufficient_scope"'}


class Authentication:
    """Lets requests for `/api/` pass with a token only; those for `/metrics` too unless they are open."""

    def __init__(self, app: ASGIApp, tokens: Tokens, *, open_metrics: bool = False) -> None:
        self._app = app
        self._tokens = tokens
        self._open_metrics = open_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        refused = await self._refused(scope) if scope["type"] == "http" and self._guarded(scope["path"]) else None
        await (refused or self._app)(scope, receive, send)

    def _guarded(self, path: str) -> bool:
        return path.startswith("/api/") or (path == "/metrics" and not self._open_metrics)

    async def _refused(self, scope: Scope) -> ProblemResponse | None:
        given = Headers(scope=scope).getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            return problem(401, "The request has no bearer token.", headers=_MISSING)
        try:
            caller = await self._tokens.check(token.strip())
        except MailferryError as error:
            return of_error(error)
        if caller is None:
            return problem(401, "The token is not known here.", headers=_WRONG, code="invalid-token")
        if caller.role is not Role.OPERATOR and scope["method"] not in READING:
            detail = f"The token {caller.name} has the role {caller.role}, which may read only."
            return problem(403, detail, headers=_TOO_LITTLE, code=Forbidden.code)
        scope[_CALLER] = caller
        return None


def caller_name(scope: Scope) -> str:
    """Give the name of the token of a request; '' if there was none."""
    caller = scope.get(_CALLER)
    return caller.name if isinstance(caller, TokenView) else ""


def _caller(
    request: Request,
    _documented: Annotated[object, Security(HTTPBearer(auto_error=False, description="A token of the service."))],
) -> TokenView:
    caller = request.scope.get(_CALLER)
    if not isinstance(caller, TokenView):
        raise HTTPException(401, headers=_MISSING)
    return caller


Caller = Annotated[TokenView, Depends(_caller)]
"""Whose token it is."""

with_token = Depends(_caller)
"""What each router of guarded routes depends on."""
