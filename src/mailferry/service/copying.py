"""Which users of other batches make up a new one, and what it has from those batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.migration.model import Batch, Endpoint, User
from mailferry.migration.states import SUMMARY, StatusSummary
from mailferry.service.batchlookup import source_of, target_of
from mailferry.service.batchsettings import BatchSettings
from mailferry.service.errors import InvalidValue, NotFound, UserActive, WrongState
from mailferry.store import batches, endpoints, moving
from mailferry.store.keys import email_key
from mailferry.store.moving import IMMOVABLE

_SHOWN: Final = 3
_AT_REST: Final = frozenset({StatusSummary.FAILED, StatusSummary.STOPPED, StatusSummary.COMPLETED})
_INHERITED: Final = (("include_folders",), ("exclude_folders",), ("content_filter", "content_filter_language"))


async def chosen_users(connection: AsyncConnection, identities: Sequence[str], *, disabled: bool) -> list[User]:
    """Give the users whom these addresses and GUIDs name, each once.

    `disabled`: those who are at work in their batch may be taken, too; else nothing may run or be due for them.
    Raises NotFound, InvalidValue, WrongState, UserActive.
    """
    if not identities:
        raise InvalidValue("No user is named.", name="user_ids")
    found = await moving.named(connection, dict.fromkeys(identities))
    if unknown := [identity for identity, users in found.items() if not users]:
        raise _no_such(found, unknown)
    for identity, users in found.items():
        if len(users) > 1:
            where = ", ".join(f"{user.guid} in {user.batch}" for user in users)
            raise InvalidValue(f"{identity} is in several batches; name it by GUID: {where}.", name="user_ids")
    chosen = list({users[0].id: users[0] for users in found.values()}.values())
    by_address: dict[str, User] = {}
    for user in chosen:
        other = by_address.setdefault(email_key(user.email_address), user)
        if other is not user:
            text = f"{user.email_address} is named twice, in {other.batch} and in {user.batch}; name one of the two."
            raise InvalidValue(text, name="user_ids")
    if busy := [user for user in chosen if user.claimed_by or user.status in IMMOVABLE]:
        raise WrongState(
            f"A pass runs, or the user is being removed: {_told(busy)}. Stop them first (Stop-MigrationUser), or wait."
        )
    if not disabled and (active := [user for user in chosen if _is_active(user)]):
        raise UserActive(f"They go on in their batch: {_told(active)}.")
    return chosen


def _is_active(user: User) -> bool:
    return SUMMARY[user.status] not in _AT_REST or user.next_kind is not None


async def places_of(
    connection: AsyncConnection, chosen: Sequence[User], source: str | None, target: str | None
) -> tuple[Endpoint, Endpoint]:
    """Give source and target of these users. What is named must be theirs. Raises NotFound, InvalidValue."""
    batch_ids = {user.batch_id for user in chosen}
    theirs = [batch for batch_id in batch_ids if (batch := await batches.by_id(connection, batch_id)) is not None]
    named_source = await source_of(connection, source) if source else None
    named_target = await target_of(connection, target) if target else None
    return (
        await _one_place(connection, "source_endpoint", theirs, named_source),
        await _one_place(connection, "target_endpoint", theirs, named_target),
    )


async def _one_place(
    connection: AsyncConnection, name: str, theirs: Sequence[Batch], wanted: Endpoint | None
) -> Endpoint:
    """Give the one endpoint that all these batches have. Raises InvalidValue."""
    there = {getattr(batch, f"{name}_id") for batch in theirs}
    side = name.replace("_", " ")
    where = _some(sorted(f"{batch.name}: {getattr(batch, name)}" for batch in theirs))
    if wanted is not None and there != {wanted.id}:
        raise InvalidValue(
            f"{wanted.name} is not the {side} of the users ({where}). Users who go over keep the endpoints of their "
            "old batch. A CSV with -AdoptPreexisting (adopt_preexisting) moves users to other endpoints.",
            name=name,
        )
    if len(there) > 1:
        raise InvalidValue(
            f"The users have more than one {side} ({where}), and a batch has one. Make a batch for each, or give the "
            "users as a CSV with -AdoptPreexisting (adopt_preexisting).",
            name=name,
        )
    found = wanted or await endpoints.by_id(connection, there.pop())
    assert found is not None
    return found


async def with_their_settings(
    connection: AsyncConnection, chosen: Sequence[User], given: BatchSettings
) -> BatchSettings:
    """Put what decides which mail is copied, and was not given, as in the old batch. Raises InvalidValue."""
    old = [await batches.by_id(connection, batch_id) for batch_id in {user.batch_id for user in chosen}]
    for names in _INHERITED:
        if any(getattr(given, name) is not None for name in names):
            continue
        values = {tuple(getattr(batch, name) for name in names) for batch in old if batch is not None}
        if len(values) > 1:
            raise InvalidValue(f"The batches of these users differ in {names[0]}; give it.", name=names[0])
        given = replace(given, **dict(zip(names, values.pop(), strict=True)))
    return given


def _no_such(found: Mapping[str, Sequence[User]], unknown: Sequence[str]) -> NotFound:
    """Name who is not there: addresses before GUIDs, which say nothing to people."""
    addresses = [identity for identity in unknown if "@" in identity]
    guids = len(unknown) - len(addresses)
    if not addresses:
        text = f"{guids} of the {len(found)} users" if len(found) > 1 else f"The user {unknown[0]}"
        return NotFound(f"{text} cannot be found; removed meanwhile? Run Get-MigrationUser again.")
    more = f", nor {guids} more that are named by GUID" if guids else ""
    return NotFound(f"There is no migration user {_some(addresses)}{more}. Run Get-MigrationUser again.")


def _told(users: Sequence[User]) -> str:
    return _some([f"{user.email_address} ({user.status} in {user.batch})" for user in users])


def _some(texts: Collection[str]) -> str:
    shown = ", ".join(list(texts)[:_SHOWN])
    return f"{shown} and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else shown
