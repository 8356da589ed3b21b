"""The rows of CSV files that were not taken into a batch, with the reason."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.store.keys import email_key
from mailferry.store.schema import ROW_ERROR
from mailferry.store.userrows import AnyRow
from mailferry.store.users import IDS_AT_ONCE, bites


class RowErrorLike(Protocol):
    """A row that was not taken."""

    @property
    def line(self) -> int:
        """Counted from 1, the header."""

    @property
    def column(self) -> str:
        """Where in the row; empty for all of it."""

    @property
    def code(self) -> str:
        """The stable name of what is wrong."""

    @property
    def message(self) -> str:
        """The same for people."""

    @property
    def cells(self) -> Mapping[str, str]:
        """By name of column, without passwords."""


@dataclass(frozen=True, slots=True)
class RowErrorRecord:
    """A row that was not taken, as it was stored."""

    line: int
    column: str = ""
    code: str = ""
    message: str = ""
    cells: dict[str, str] = field(default_factory=dict)


async def replace_row_errors(
    connection: AsyncConnection, batch_id: int, addresses: Iterable[str], errors: Collection[RowErrorLike]
) -> None:
    """Store the errors of one file. `addresses`: of its good rows.

    What earlier files said of an address that the file has is forgotten. The other errors of earlier files stay; what
    is there already is not stored again.
    """
    said = {*map(email_key, addresses), *filter(None, map(_address, errors))}
    stored = await connection.execute(select(ROW_ERROR).where(ROW_ERROR.c.batch_id == batch_id))
    outdated = {row.id for row in stored if _address(_record(row)) in said}
    for some in bites(outdated, IDS_AT_ONCE):
        await connection.execute(delete(ROW_ERROR).where(ROW_ERROR.c.id.in_(some)))
    there = {(error.line, error.code, tuple(error.cells.items())) for error in await row_errors(connection, batch_id)}
    rows = [
        {
            "batch_id": batch_id,
            "line": error.line,
            "column": error.column,
            "code": error.code,
            "message": error.message,
            "cells": json.dumps(dict(error.cells), ensure_ascii=False),
        }
        for error in errors
        if (error.line, error.code, tuple(error.cells.items())) not in there
    ]
    if rows:
        await connection.execute(insert(ROW_ERROR), rows)


async def row_errors(connection: AsyncConnection, batch_id: int) -> list[RowErrorRecord]:
    """Give all errors of a batch in the order in which they were stored."""
    query = select(ROW_ERROR).where(ROW_ERROR.c.batch_id == batch_id).order_by(ROW_ERROR.c.id)
    return [_record(row) for row in await connection.execute(query)]


async def row_error_counts(connection: AsyncConnection, batch_ids: Collection[int]) -> dict[int, int]:
    """Count the errors of batches; a batch without one is not in the answer."""
    query = select(ROW_ERROR.c.batch_id, func.count()).where(ROW_ERROR.c.batch_id.in_(batch_ids))
    rows = await connection.execute(query.group_by(ROW_ERROR.c.batch_id))
    return {row[0]: row[1] for row in rows}


def _record(row: AnyRow) -> RowErrorRecord:
    return RowErrorRecord(row.line, row.column, row.code, row.message, json.loads(row.cells) if row.cells else {})


def _address(error: RowErrorLike) -> str:
    """Give the key of the address of a row; '' if it has none."""
    return email_key(error.cells.get("EmailAddress", ""))
