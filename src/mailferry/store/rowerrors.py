"""The rows of CSV files that were not taken into a batch, with the reason."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mailferry.store.schema import ROW_ERROR


@dataclass(frozen=True, slots=True)
class RowErrorRecord:
    """A row that was not taken. `line` counts from 1, the header; `cells` are those of the row without passwords."""

    line: int
    column: str = ""
    code: str = ""
    message: str = ""
    cells: tuple[str, ...] = ()


async def add_row_errors(connection: AsyncConnection, batch_id: int, errors: Collection[RowErrorRecord]) -> None:
    """Store the errors of one file beside those of earlier ones."""
    rows = [
        {
            "batch_id": batch_id,
            "line": error.line,
            "column": error.column,
            "code": error.code,
            "message": error.message,
            "cells": json.dumps(error.cells, ensure_ascii=False),
        }
        for error in errors
    ]
    if rows:
        await connection.execute(insert(ROW_ERROR), rows)


async def row_errors(connection: AsyncConnection, batch_id: int) -> list[RowErrorRecord]:
    """Give all errors of a batch in the order in which they were stored."""
    query = select(ROW_ERROR).where(ROW_ERROR.c.batch_id == batch_id).order_by(ROW_ERROR.c.id)
    return [
        RowErrorRecord(row.line, row.column, row.code, row.message, tuple(json.loads(row.cells)) if row.cells else ())
        for row in await connection.execute(query)
    ]


async def clear_row_errors(connection: AsyncConnection, batch_id: int) -> None:
    """Forget the errors of a batch."""
    await connection.execute(delete(ROW_ERROR).where(ROW_ERROR.c.batch_id == batch_id))
