"""Reports over users: a batch as a table, the rows to fix and submit again, one user to read."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from mailferry.migration import report, statistics
from mailferry.migration.failures import harmless
from mailferry.migration.model import User
from mailferry.migration.states import StatusSummary
from mailferry.service.batches import find_batch
from mailferry.service.users import find_user
from mailferry.store import reports, rowerrors, users
from mailferry.store.database import Database

ERROR_COLUMNS = ("EmailAddress", "UserName", "Password", "UserRoot", "TargetUserName", "TargetPassword", "ErrorMessage")
_PAGE = 1_000


class Reports:
    """The reports of one service."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def users(self, batch: str, *, summary: StatusSummary | None = None) -> AsyncIterator[User]:
        """Give the users of a batch, page by page. Raises NotFound."""
        async with self._database.connect() as connection:
            batch_id = (await find_batch(connection, batch)).id
        after_id = 0
        while True:
            async with self._database.connect() as connection:
                page = await users.page(connection, batch_id=batch_id, summary=summary, after_id=after_id, limit=_PAGE)
            for user in page:
                yield user
            if len(page) < _PAGE:
                return
            after_id = page[-1].id

    async def batch_csv(self, batch: str) -> AsyncIterator[str]:
        """Give the report of a batch as CSV, in pieces. Raises NotFound at the first piece."""
        yield _csv([report.COLUMNS])
        rows: list[Sequence[str]] = []
        async for user in self.users(batch):
            rows.append([harmless(cell) for cell in report.row(user)])
            if len(rows) == _PAGE:
                yield _csv(rows)
                rows.clear()
        yield _csv(rows)

    async def errors_csv(self, batch: str) -> str:
        """Give what was not migrated, to fix and submit again: rows of the CSV that were left out, and failed users.

        The columns are those of the CSV, with ErrorMessage; passwords are blank. Raises NotFound.
        """
        async with self._database.connect() as connection:
            found = await find_batch(connection, batch)
            refused = await rowerrors.row_errors(connection, found.id)
        rows = [{**error.cells, "ErrorMessage": error.message} for error in refused]
        async for user in self.users(batch, summary=StatusSummary.FAILED):
            cells = {
                "EmailAddress": user.email_address,
                "UserName": user.user_name,
                "UserRoot": user.user_root,
                "TargetUserName": user.target_user,
            }
            rows.append({**cells, "ErrorMessage": user.failure.text})
        always = ("EmailAddress", "UserName", "Password", "ErrorMessage")
        columns = [name for name in ERROR_COLUMNS if name in always or any(row.get(name) for row in rows)]
        lines = [[row.get(name, "") for name in columns[:-1]] + [harmless(row["ErrorMessage"])] for row in rows]
        return _csv([columns, *lines])

    async def user_text(self, identity: str) -> str:
        """Give the report of one user, to read. Raises NotFound."""
        async with self._database.connect() as connection:
            user = await find_user(connection, identity)
            lines = await reports.lines(connection, user.id, limit=2_000)
            skipped = await reports.skipped(connection, user.id, limit=10_000)
        return report.text(user, statistics.durations(user, self._now()), lines, skipped)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
