"""What is looked at before anything else: the Host header, and the path as it was sent."""

from __future__ import annotations

from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mailferry.api.problems import problem

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PLAIN = "/:@!$&'()*+,;=-._~"  # RFC 3986, section 3.3: what a path may hold as it is


class HostCheck:
    """Refuses requests for other names than those of this machine.

    A service that listens on loopback trusts that only this machine reaches it. A page of a stranger could reach it
    through the browser of somebody here, by a name of its own that it lets point to 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] = LOOPBACK_NAMES) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] == "http":
            given = Headers(scope=scope).getlist("host")
            if len(given) != 1 or host_name(given[0]) not in self._names:
                refused = problem(
                    421, "The service listens on this machine's loopback, and the request is for elsewhere."
                )
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


class SentPath:
    """Routes by the path as it was sent, so that `%2F` in a name is not taken for a slash. See `fields.Identity`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] == "http":
            raw = scope.get("raw_path")
            path = raw.decode("latin-1").partition("?")[0] if raw else quote(scope["path"], safe=_PLAIN)
            scope["path"] = path  # of the copy that the request log made; the router leaves the route there
        await self._app(scope, receive, send)


def host_name(host: str) -> str:
    """Give the name in a Host header, without the port and in lower case."""
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and (port.isdigit() or not port) else host.strip().lower()
