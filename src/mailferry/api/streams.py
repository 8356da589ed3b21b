"""Server-sent events: what happens, as it happens, and how far the running users are.

The format is that of the HTML standard, section 9.2. Events of the store have ids, so one who comes back with
`Last-Event-ID` misses nothing that is still kept; `progress` has none, as only the newest counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException

from mailferry.api.fields import moment
from mailferry.api.user_answers import UserAnswer
from mailferry.errors import MailferryError
from mailferry.migration.states import UserStatus
from mailferry.migration.statistics import RUNNING
from mailferry.service.tokens import TokenView
from mailferry.service.wiring import Service
from mailferry.store.events import StoredEvent

LOOK_SECONDS = 1.0
LOOKS_PER_BREATH = 15
"""After so many looks the stream shows that it lives, and looks whether its token still counts."""

MOST_STREAMS = 50
AGAIN_MILLISECONDS = 2_000
_AT_ONCE = 500
_LATE_IDS = 100
_LATE_LOOKS = 10


class EventAnswer(BaseModel):
    """An event of a batch, or of one of its users. `fields` say what happened, such as `status` or `action`."""

    id: int
    at: datetime
    batch: str
    user: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, event: StoredEvent) -> EventAnswer:
        """Show an event."""
        return cls(id=event.id, at=moment(event.at), batch=event.batch, user=event.user, fields=event.fields)


class Streams:
    """All streams of one app."""

    def __init__(self, service: Service, *, look_seconds: float = LOOK_SECONDS, most: int = MOST_STREAMS) -> None:
        self._service = service
        self._look_seconds = look_seconds
        self._most = most
        self._open = 0
        self._ending = asyncio.Event()

    def end(self) -> None:
        """End all streams, so that a server that shuts down need not wait for them."""
        self._ending.set()

    @property
    def open(self) -> int:
        """How many there are now."""
        return self._open

    def check_room(self) -> None:
        """Raise 503 if too many watch."""
        if self._open >= self._most:
            raise HTTPException(503, f"{self._most} streams are open, which is the limit.")

    async def follow(self, caller: TokenView, batch: str, after_id: int | None) -> AsyncGenerator[bytes]:
        """Give the events behind one, None: from now on; those of one batch, '': of all; until the app ends.

        One who names an event that never was is told `reset`, and goes on from now.
        """
        newest = await self._service.events.last_id()
        last = newest if after_id is None else min(after_id, newest)
        follower = _Follower(self._service, batch, last)
        with self._counted():
            yield f"retry: {AGAIN_MILLISECONDS}\n\n".encode()
            if after_id is not None and after_id > newest:  # it is of another database: what was missed is not known
                yield sse("reset", json.dumps({"id": newest}), newest)
            for look in count(1):
                try:
                    for piece in await follower.look():
                        yield piece
                    if look % LOOKS_PER_BREATH == 0:
                        yield b": alive\n\n"
                        if caller not in await self._service.tokens.all():
                            return
                except MailferryError:
                    return  # the client comes back, and is told what is wrong
                if await self._ended():
                    return

    async def _ended(self) -> bool:
        try:
            async with asyncio.timeout(self._look_seconds):
                await self._ending.wait()
        except TimeoutError:
            return False
        return True

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


class _Follower:
    """What one stream has shown so far."""

    def __init__(self, service: Service, batch: str, last: int) -> None:
        self._service = service
        self._batch = batch
        self._last = last
        self._missing: dict[int, int] = {}
        self._shown: dict[int, tuple[float, UserStatus]] = {}

    async def look(self) -> list[bytes]:
        """Give what is new. A user is shown once more when nothing runs in it any longer."""
        pieces = [
            sse(event.name, EventAnswer.of(event).model_dump_json(), event.id)
            for event in await self._events()
            if self._batch in ("", event.batch)
        ]
        shown: dict[int, tuple[float, UserStatus]] = {}
        for user in await self._service.events.running(self._shown):
            if self._batch not in ("", user.batch):
                continue
            state = (user.updated_at, user.status)
            if self._shown.get(user.id) != state:
                pieces.append(sse("progress", UserAnswer.of(user).model_dump_json()))
            if user.status in RUNNING:
                shown[user.id] = state
        self._shown = shown
        return pieces

    async def _events(self) -> list[StoredEvent]:
        """Give the events that were not shown. With PostgreSQL an id may be given before another and be seen after
        it, when its transaction ends: an id that is left out is looked for some more times.
        """
        first = min(self._missing, default=self._last + 1)
        found = await self._service.events.since(first - 1, limit=_AT_ONCE)
        new = [event for event in found if event.id > self._last or event.id in self._missing]
        seen = {event.id for event in new}
        newest = max(seen, default=self._last)
        waited = {number: looks - 1 for number, looks in self._missing.items() if looks > 1}
        left_out = dict.fromkeys(range(max(self._last + 1, newest - _LATE_IDS), newest), _LATE_LOOKS)
        self._missing = {number: looks for number, looks in (waited | left_out).items() if number not in seen}
        self._last = max(self._last, newest)
        return new


def sse(name: str, data: str, event_id: int | None = None) -> bytes:
    """Write one event. `data` is one line of JSON."""
    number = "" if event_id is None else f"id: {event_id}\n"
    return f"event: {json.dumps(name)[1:-1]}\n{number}data: {data}\n\n".encode()
