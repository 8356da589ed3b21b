"""The time in each status, added up where a status changes; `migration/statistics.py` says what counts as what."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Double, and_, bindparam, case

from mailferry.migration.states import UserStatus
from mailferry.migration.statistics import AT_REST, RUNNING, WAITING
from mailferry.store.schema import USER

NOW: Final[BindParameter[float]] = bindparam("now", type_=Double())
"""The moment, as a parameter."""


def status_left(now: float | ColumnElement[float]) -> dict[str, Any]:
    """Give the values to set when a user leaves its status: the time in it goes to the part that it belongs to.

    `now` may be a parameter of a statement that is made once.
    """
    since = case((USER.c.status_at < now, now - USER.c.status_at), else_=0.0)
    stalled = USER.c.stalled_reason != ""

    def plus(name: str, condition: ColumnElement[bool]) -> ColumnElement[Any]:
        return case((condition, USER.c[name] + since), else_=USER.c[name])

    return {
        "seconds_queued": plus("seconds_queued", and_(_in(WAITING), ~stalled)),
        "seconds_stalled": plus("seconds_stalled", and_(_in(WAITING), stalled)),
        "seconds_in_progress": plus("seconds_in_progress", _in(RUNNING)),
        "seconds_synced": plus("seconds_synced", _in(AT_REST)),
        "status_at": now,
        "updated_at": now,
    }


def _in(statuses: Collection[UserStatus]) -> ColumnElement[bool]:
    return USER.c.status.in_(sorted(statuses))
