"""What a request for a new batch asks the service for."""

from __future__ import annotations

from mailferry.api.schemas import NewBatch
from mailferry.service.errors import InvalidValue
from mailferry.service.views import BatchView
from mailferry.service.wiring import Service


async def made_batch(service: Service, given: NewBatch, *, submitted_by: str) -> BatchView:
    """Make a batch of a CSV or of users of other batches. Raises InvalidValue if not one of both is given, or what
    belongs to the other; and what the service raises.
    """
    if given.user_ids is not None:
        for name in ("csv_data", "adopt_preexisting", "remove_on_copy", "allow_unknown_columns", "file_name"):
            if getattr(given, name):
                raise InvalidValue(f"{name} does not go with user_ids.", name=name)
        return await service.batches.create_of_users(
            given.name,
            given.user_ids,
            given.settings(),
            source_endpoint=given.source_endpoint,
            target_endpoint=given.target_endpoint,
            disable_on_copy=given.disable_on_copy,
            auto_start=given.auto_start,
            submitted_by=submitted_by,
        )
    if given.csv_data is None:
        raise InvalidValue("A batch is made of csv_data, or of the users that user_ids names.", name="csv_data")
    if given.source_endpoint is None:
        raise InvalidValue("A batch of a CSV needs a source endpoint.", name="source_endpoint")
    if given.disable_on_copy:
        raise InvalidValue("disable_on_copy needs user_ids.", name="disable_on_copy")
    return await service.batches.create(
        given.name,
        given.source_endpoint,
        given.csv_data,
        given.settings(),
        target_endpoint=given.target_endpoint,
        auto_start=given.auto_start,
        allow_unknown_columns=given.allow_unknown_columns,
        file_name=given.file_name,
        submitted_by=submitted_by,
        adopt_preexisting=given.adopt_preexisting,
        remove_on_copy=given.remove_on_copy,
    )
