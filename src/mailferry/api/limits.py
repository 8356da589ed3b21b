"""How much a request may send. Counted while it is read, whatever Content-Length says."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailferry.api.problems import problem

USUAL_BYTES = 64 * 1024
CSV_BYTES = 16 * 1024 * 1024
"""A CSV of 10 MiB, the biggest, is 13.4 MiB of base64."""

THROWN_AWAY_BYTES = 16 * CSV_BYTES
THROWN_AWAY_SECONDS = 60.0

_LAST = {"Connection": "close"}  # what was not read of the body cannot be taken for another request
_CSV_ROUTE = re.compile(r"/api/v1/batches(?:/[^/]+/users)?")


class BodyLimit:
    """Answers 413 to requests whose body is too large, whether they say so or not.

    What is too much is read and thrown away, up to a limit: a client that is still sending when the connection is
    closed would be told of a broken connection instead of the reason. One that asks before it sends (`Expect:
    100-continue`, RFC 9110, section 10.1.1) is told at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = CSV_BYTES if scope["method"] == "POST" and _CSV_ROUTE.fullmatch(scope["path"]) else USUAL_BYTES
        detail = f"The body of this request may have {most} bytes."
        headers = Headers(scope=scope)
        told = headers.get("content-length", "")
        if told.isdecimal() and int(told[:20]) > most:
            if headers.get("expect", "").lower() != "100-continue":
                await _throw_away(receive)
            await problem(413, detail, headers=_LAST)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > most:
                    if message.get("more_body", False):
                        await _throw_away(receive)
                    raise HTTPException(413, detail, headers=_LAST)
            return message

        await self._app(scope, counted, send)


async def _throw_away(receive: Receive) -> None:
    """Read the rest of a body, but not without end."""
    read = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(THROWN_AWAY_SECONDS):
            while read <= THROWN_AWAY_BYTES:
                message = await receive()
                read += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
