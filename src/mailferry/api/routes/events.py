"""What happens, as it happens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from mailferry.api.auth import Caller, with_token
from mailferry.api.fields import BIGGEST
from mailferry.api.streams import Streams
from mailferry.api.wired import Name, Wired

router = APIRouter(prefix="/api/v1/events", tags=["events"], dependencies=[with_token])

_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}
_NOT_KEPT = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the latter: proxies pass each piece on at once


@router.get("", response_class=StreamingResponse, responses=_STREAM)
async def follow_events(
    service: Wired,
    caller: Caller,
    request: Request,
    batch: Name = "",
    last_event_id: Annotated[int | None, Header(ge=0, le=BIGGEST, description="Go on behind this event.")] = None,
) -> StreamingResponse:
    """Server-sent events: `batch` and `user` when something happens to one, `progress` of users in which a pass runs,
    about each second. Of all batches, or of one. `reset`: there never was an event of that id; read everything anew.
    """
    streams = request.app.state.streams
    assert isinstance(streams, Streams)
    streams.check_room()
    name = (await service.batches.get(batch)).batch.name if batch else ""
    pieces = streams.follow(caller, name, last_event_id)
    return StreamingResponse(pieces, media_type="text/event-stream", headers=_NOT_KEPT)
