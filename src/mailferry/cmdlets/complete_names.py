"""The names that completion offers: asked of the service when they are wanted, and kept for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from mailferry.cmdlets.client import Client
from mailferry.cmdlets.errors import ServiceError
from mailferry.cmdlets.request import PREFIX, Request
from mailferry.cmdlets.spec_model import Answer

KEPT_SECONDS: Final = 10.0
_MOST: Final = "100"
_FIELDS: Final = {"users": "email_address", "mailboxes": "email_address"}
_SEARCHED: Final = ("batches", "users", "mailboxes")
"""Collections with pages, whose names the service looks through itself."""


class KnownNames:
    """Gives the names of a collection of the API that begin with a text; none if the service does not answer.

    `clock`: seconds that only grow.
    """

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, list[str]]] = {}

    def __call__(self, collection: str, begun: str) -> list[str]:
        """Give at most a hundred names."""
        search = begun if collection in _SEARCHED else ""
        key = (collection, search.lower())
        until, names = self._kept.get(key, (float("-inf"), []))
        if self._clock() >= until:
            names = self._asked(collection, search)
            self._kept = {k: v for k, v in self._kept.items() if v[0] > self._clock()}
            self._kept[key] = (self._clock() + KEPT_SECONDS, names)
        return [name for name in names if name.lower().startswith(begun.lower())]

    def _asked(self, collection: str, search: str) -> list[str]:
        query = {"limit": _MOST} | ({"search": search} if search else {}) if collection in _SEARCHED else {}
        try:
            answer: Any = self._client.send(Request("GET", f"{PREFIX}/{collection}", Answer.LIST, query=query))
            items = answer["items"] if isinstance(answer, dict) else answer
            return [str(item[_FIELDS.get(collection, "name")]) for item in items]
        except (ServiceError, KeyError, TypeError):
            return []  # nobody asked for an error
