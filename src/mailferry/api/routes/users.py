"""Users: one mailbox each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mailferry.api.auth import with_token
from mailferry.api.fields import BIGGEST, Identity
from mailferry.api.schemas import UserFields
from mailferry.api.user_answers import SkippedItemAnswer, UserAnswer, UserPage, UserStatisticsAnswer
from mailferry.api.wired import ItemLimit, Name, PageLimit, Search, Wired
from mailferry.migration.states import StatusSummary, UserStatus

router = APIRouter(prefix="/api/v1/users", tags=["users"], dependencies=[with_token])

After = Annotated[int, Query(ge=0, le=BIGGEST, description="What `next` of the page before says.")]


@router.get("")
async def list_users(
    service: Wired,
    batch: Name = "",
    status: UserStatus | None = None,
    summary: StatusSummary | None = None,
    search: Search = "",
    after: After = 0,
    limit: PageLimit = 100,
    count: Annotated[bool, Query(description="Count all that fit; this takes longer.")] = False,
) -> UserPage:
    """Some users in the order in which they were added."""
    found = await service.users.page(
        batch=batch, status=status, summary=summary, search=search, after_id=after, limit=limit + 1
    )
    more, items = len(found) > limit, found[:limit]
    total = await service.users.count(batch=batch, status=status, summary=summary, search=search) if count else None
    return UserPage(
        items=[UserAnswer.of(user) for user in items], next=str(items[-1].id) if more else None, total=total
    )


@router.get("/{identity}")
async def get_user(service: Wired, identity: Identity) -> UserAnswer:
    """One user by address or GUID."""
    return UserAnswer.of(await service.users.get(identity))


@router.patch("/{identity}")
async def change_user(service: Wired, identity: Identity, given: UserFields) -> UserAnswer:
    """Change the settings of one user, which go before those of the batch."""
    return UserAnswer.of(await service.users.change(identity, priority=given.priority, **given.moments()))


@router.delete("/{identity}", status_code=202)
async def remove_user(service: Wired, identity: Identity) -> UserAnswer:
    """Begin to remove a user with the password. Mail on the target stays."""
    return UserAnswer.of(await service.users.remove(identity))


@router.post("/{identity}/start")
async def start_user(service: Wired, identity: Identity) -> UserAnswer:
    """Start a stopped or failed user, or try one now who waits after an error."""
    return UserAnswer.of(await service.users.start(identity))


@router.post("/{identity}/stop")
async def stop_user(service: Wired, identity: Identity) -> UserAnswer:
    """Stop a user. A pass that runs ends within seconds."""
    return UserAnswer.of(await service.users.stop(identity))


@router.post("/{identity}/complete")
async def complete_user(service: Wired, identity: Identity) -> UserAnswer:
    """Do the last sync, then freeze the user."""
    return UserAnswer.of(await service.users.complete(identity))


@router.post("/{identity}/sync-now")
async def sync_user_now(service: Wired, identity: Identity) -> UserAnswer:
    """Begin the next incremental sync now."""
    return UserAnswer.of(await service.users.sync_now(identity))


@router.get("/{identity}/statistics")
async def get_user_statistics(
    service: Wired, identity: Identity, report: bool = False, skipped_items: bool = False, limit: ItemLimit = 1_000
) -> UserStatisticsAnswer:
    """All figures of a user, with the report and the skipped items if they are asked for."""
    found = await service.users.statistics(identity, report=report, skipped_items=skipped_items, limit=limit)
    return UserStatisticsAnswer.of(found)


@router.get("/{identity}/skipped-items")
async def list_skipped_items(service: Wired, identity: Identity, limit: ItemLimit = 1_000) -> list[SkippedItemAnswer]:
    """The messages that were not copied as they were."""
    return [SkippedItemAnswer.of(item) for item in await service.users.skipped_items(identity, limit=limit)]


@router.get(
    "/{identity}/report",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_user_report(service: Wired, identity: Identity) -> Response:
    """The report of a user, to read."""
    text = await service.reports.user_text(identity)
    return Response(text, media_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})
