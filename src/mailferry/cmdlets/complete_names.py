"""The names that completion offers: asked of the service when they are wanted, and kept for some seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mailferry.cmdlets.client import Client
from mailferry.cmdlets.errors import ServiceError
from mailferry.cmdlets.request import PREFIX, Request
from mailferry.cmdlets.spec_model import Answer

KEPT_SECONDS: Final = 10.0
_MOST: Final = "100"


@dataclass(frozen=True, slots=True)
class _Collection:
    """Where a collection is. `named_by`: the field that names an object; `searched`: the service itself looks through
    it.
    """

    path: str
    named_by: str = "name"
    searched: bool = False
    query: Mapping[str, str] = field(default_factory=dict)


COLLECTIONS: Final[Mapping[str, _Collection]] = {
    "endpoints": _Collection("endpoints"),
    "source endpoints": _Collection("endpoints", query={"role": "Source"}),
    "target endpoints": _Collection("endpoints", query={"role": "Target"}),
    "batches": _Collection("batches", searched=True),
    "users": _Collection("users", "email_address", searched=True),
    "mailboxes": _Collection("mailboxes", "email_address", searched=True),
    "accepted domains": _Collection("accepted-domains"),
}
"""What completion knows names of."""


class KnownNames:
    """Gives the names of a collection that begin with a text; none if the service does not answer.

    `clock`: seconds that only grow.
    """

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, list[str]]] = {}

    def __call__(self, collection: str, begun: str) -> list[str]:
        """Give at most a hundred names."""
        there = COLLECTIONS[collection]
        search = begun.lower() if there.searched else ""
        until, names = self._kept.get((collection, search), (float("-inf"), []))
        if self._clock() >= until:
            names = self._asked(there, search)
            self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > self._clock()}
            self._kept[collection, search] = (self._clock() + KEPT_SECONDS, names)
        return [name for name in names if name.lower().startswith(begun.lower())]

    def _asked(self, there: _Collection, search: str) -> list[str]:
        query = (
            dict(there.query) | ({"limit": _MOST} if there.searched else {}) | ({"search": search} if search else {})
        )
        try:
            answer: Any = self._client.send(Request("GET", f"{PREFIX}/{there.path}", Answer.LIST, query=query))
            items = answer["items"] if isinstance(answer, dict) else answer
            return [str(item[there.named_by]) for item in items]
        except (ServiceError, KeyError, TypeError):
            return []  # nobody asked for an error
