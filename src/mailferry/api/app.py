"""Makes the app: routes, and around them the log, the checks of host, token and size."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

import mailferry
from mailferry.api import document
from mailferry.api.auth import Authentication
from mailferry.api.edge import HostCheck, SentPath
from mailferry.api.limits import BodyLimit
from mailferry.api.metrics import Metrics
from mailferry.api.problems import add_handlers
from mailferry.api.requestlog import RequestLog
from mailferry.api.routes import batches, config, endpoints, events, health, statistics, targets, tokens, users
from mailferry.api.streams import LOOK_SECONDS, Streams
from mailferry.service.wiring import Service

# FastAPI's own would record the texts of errors, and could be told by the environment to send them elsewhere.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
_ROUTES = (endpoints, batches, users, targets, statistics, config, events, tokens, health)


class App(FastAPI):
    """FastAPI with our own description of errors."""

    def openapi(self) -> dict[str, Any]:
        """Give the OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = document.describe(self)
        return self.openapi_schema


def describe() -> dict[str, Any]:
    """Give the OpenAPI document without a service."""
    return _routes().openapi()


def create_app(
    service: Service, *, loopback: bool = True, open_metrics: bool = False, look_seconds: float = LOOK_SECONDS
) -> FastAPI:
    """Make the app of an open service, which the caller starts and closes.

    `loopback`: the server listens on this machine only, so requests for other host names are refused. `open_metrics`:
    /metrics needs no token. `look_seconds`: how often the streams of events look for news. A server that shuts down
    calls `app.state.streams.end()` first, or it would wait for those who watch.
    """
    app = _routes()
    app.state.service = service
    app.state.metrics = Metrics()
    app.state.streams = Streams(service, look_seconds=look_seconds)
    add_handlers(app)
    # The last one added stands outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(Authentication, tokens=service.tokens, open_metrics=open_metrics)
    app.add_middleware(SentPath)
    if loopback:
        app.add_middleware(HostCheck)
    app.add_middleware(RequestLog, metrics=app.state.metrics)
    return app


def _routes() -> App:
    app = App(
        title="Mailferry",
        version=mailferry.__version__,
        description="Moves mailboxes between mail servers. Errors are problem details (RFC 9457).",
        docs_url=None,  # pages that load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    for part in _ROUTES:
        app.include_router(part.router)
    return app
