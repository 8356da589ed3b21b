"""For those who watch the service itself: does it live, is it ready, how is it doing."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from mailferry.api.metrics import MEDIA_TYPE, Metrics
from mailferry.api.wired import Wired
from mailferry.errors import MailferryError

router = APIRouter(tags=["health"])

PATIENCE_SECONDS = 5.0


class Health(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether work gets done: the database answers, and the dispatcher runs."""

    ready: bool
    database: bool
    dispatcher: bool


@router.get("/healthz")
async def get_health() -> Health:
    """The process lives."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready"}})
async def get_readiness(service: Wired, response: Response) -> Readiness:
    """The database answers and the dispatcher runs. 503 if not both do."""
    dispatcher = service.is_working
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await service.events.last_id()
        database = True
    except (MailferryError, TimeoutError):
        database = False
    response.status_code = 200 if database and dispatcher else 503
    return Readiness(ready=database and dispatcher, database=database, dispatcher=dispatcher)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_metrics(service: Wired, request: Request) -> Response:
    """Figures for Prometheus."""
    metrics = request.app.state.metrics
    assert isinstance(metrics, Metrics)
    return Response(await metrics.page(service.database), media_type=MEDIA_TYPE)
