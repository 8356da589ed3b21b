"""What the routes are given: the service, and parameters that several have."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from mailferry.api.fields import LONGEST_TEXT
from mailferry.service.wiring import Service

MOST_ON_A_PAGE = 1_000
MOST_ITEMS = 10_000


def _service(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


Wired = Annotated[Service, Depends(_service)]
"""The service behind the app."""

PageLimit = Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE, description="How many at most.")]
ItemLimit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many at most.")]
# An empty part is in every name: what an empty search box sends finds all.
Search = Annotated[
    str,
    Query(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$", description="A part of the name, in any case; empty: all."),
]
AfterName = Annotated[
    str, Query(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$", description="`next` of the page before.")
]
# An empty name is refused: it comes from a variable that is not set, and would mean all.
Name = Annotated[
    str, Query(min_length=1, max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$", description="A name or a GUID.")
]
