"""A service behind a real HTTP server on 127.0.0.1, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI

from mailferry.api.app import create_app
from mailferry.service.tokens import Role
from mailferry.service.wiring import Service

T = TypeVar("T")
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """A server that answers. `do` runs a coroutine beside it, on its event loop."""

    url: str
    token: str
    app: FastAPI
    service: Service
    do: Callable[[Coroutine[Any, Any, T]], T]

    @property
    def headers(self) -> dict[str, str]:
        """Show the operator's token."""
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def running(data: Path, *, workers: int = 0) -> Iterator[Running]:
    """Run a service on a data folder; it works if it has workers."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="api")
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_SECONDS)

    try:
        service = do(Service.open(data))
        try:
            _, token = do(service.tokens.create("tests", Role.OPERATOR))
            if workers:
                do(service.start(workers))
            with _listening(create_app(service), loop) as (url, app):
                yield Running(url, token.reveal(), app, service, do)
        finally:
            do(service.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _listening(app: FastAPI, loop: asyncio.AbstractEventLoop) -> Iterator[tuple[str, FastAPI]]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=5))
    # With its protocol named, asyncio turns Nagle's algorithm off; else each answer waits 40 ms for an acknowledgement.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        serving = asyncio.run_coroutine_threadsafe(server.serve([listener]), loop)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", app
        loop.call_soon_threadsafe(app.state.streams.end)
        server.should_exit = True
        serving.result(PATIENCE_SECONDS)
