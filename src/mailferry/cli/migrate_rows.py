"""Whether anything of a CSV would get into a new batch; one without mailboxes is not made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mailferry.migration.csvfile import CsvFile
from mailferry.migration.model import Endpoint
from mailferry.service.csvrows import Known, sources_of, take
from mailferry.service.domains import accepted_domains
from mailferry.service.views import RowErrorView
from mailferry.store import logins, users
from mailferry.store.keys import email_key

if TYPE_CHECKING:
    from mailferry.service.wiring import Service

_AT_ONCE: Final = 100
"""Rows that are looked at before it is asked whether one was good: most files have a good one among the first."""


async def all_refused(service: Service, file: CsvFile, source: Endpoint, target: Endpoint) -> Sequence[RowErrorView]:
    """Give the error of each row if a new batch would take none of them; nothing if it would take some."""
    async with service.database.connect() as connection:
        taken_by = await users.taken(connection, [email_key(row.email_address) for row in file.rows])
        holders = await logins.holders(connection, source.id, sources_of(file))
        known = Known(taken_by, domains=await accepted_domains(connection), holders=holders)
    errors: list[RowErrorView] = []
    parts = [replace(file, rows=[])]
    parts += [
        replace(file, rows=file.rows[start : start + _AT_ONCE], row_errors=[])
        for start in range(0, len(file.rows), _AT_ONCE)
    ]
    for part in parts:
        taken = await asyncio.to_thread(take, part, target, known, service.keyring)
        if taken.users:
            return []
        errors += taken.errors
    return sorted(errors, key=lambda error: error.line)
