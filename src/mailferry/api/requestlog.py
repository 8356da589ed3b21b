"""One line of the log for each request, figures about all, and an answer when something unexpected happens.

Logged are the method, the template of the route, the status, the time and the name of the token: no path, no query, no
body. Of an unexpected error its type and its places in the code: its text may quote anything.
"""

from __future__ import annotations

import time
import traceback
import uuid
from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailferry.api.auth import caller_name
from mailferry.api.metrics import Metrics
from mailferry.api.problems import problem

UNMATCHED = "unmatched"


class RequestLog:
    """Stands around the whole app."""

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._log = structlog.get_logger("mailferry.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._clock(), 0
        # The path is replaced further in, and the router leaves the route here: a copy of our own.
        seen: Scope = dict(scope)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(seen, receive, watched)
        except ClientDisconnect:
            pass  # nobody waits for the rest of the answer
        except Exception as error:
            found = self._tell(error, seen)
            if status:
                # Half an answer is out: only a broken connection says that it is not whole.
                raise RuntimeError(f"the answer could not be finished ({found})") from None
            await problem(500, "Something unexpected happened.", id=found)(seen, receive, watched)
        finally:
            self._note(seen, status, self._clock() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_of(scope)
        self._metrics.request(scope["method"], route, status, seconds)
        quiet = route in ("/healthz", "/readyz", "/metrics") and status < 400
        (self._log.debug if quiet else self._log.info)(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            token=caller_name(scope),
        )

    def _tell(self, error: Exception, scope: Scope) -> str:
        found = uuid.uuid4().hex[:12]
        places = [
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ]
        self._log.error(
            "request failed", id=found, route=route_of(scope), error=type(error).__qualname__, places=places
        )
        return found


def route_of(scope: Scope) -> str:
    """Give the template of the route that was found, such as `/api/v1/users/{identity}`."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))
