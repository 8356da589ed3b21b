"""What the service refuses, and why. The API gives each code its HTTP status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailferry.errors import MailferryError, Retry, Side
from mailferry.migration.csverrors import CsvFileError
from mailferry.service.views import RowErrorView

ALREADY_MIGRATED: Final = "already-migrated"
USER_BUSY: Final = "user-busy"
"""Codes of rows that are in order themselves: their mailboxes are in another batch, or a pass of theirs runs there."""


class NotFound(MailferryError):
    """There is no such object."""

    code = "not-found"
    advice = "Compare the name with the list of what there is."


class AlreadyExists(MailferryError):
    """The name is taken."""

    code = "already-exists"
    advice = "Choose another name. The name of a batch that is being removed is free again when the removal has ended."


class WrongState(MailferryError):
    """That is not possible in this state."""

    code = "wrong-state"
    retry = Retry.LATER
    advice = "Wait until the state allows it, or change the state first."


class InUse(MailferryError):
    """Something else still needs it."""

    code = "in-use"
    retry = Retry.AFTER_REPAIR
    advice = "Remove what uses it first."


class InvalidValue(MailferryError):
    """A value cannot be used."""

    code = "invalid-value"
    advice = "Correct the value and send the request again."

    def __init__(self, detail: str = "", *, side: Side = Side.LOCAL, wait_seconds: float = 0.0, name: str = "") -> None:
        super().__init__(detail, side=side, wait_seconds=wait_seconds)
        self.name = name


class UserActive(WrongState):
    """Two batches would copy the same mailbox."""

    code = "user-active"
    retry = Retry.AFTER_REPAIR
    advice = "Give -DisableOnCopy (disable_on_copy) to take them out of the old batch all the same, or stop them there."


class NoUsableRow(CsvFileError):
    """No row of the CSV file can be taken."""

    code = "csv-no-usable-row"
    rows: Sequence[RowErrorView] = ()

    @classmethod
    def of(cls, rows: Sequence[RowErrorView]) -> NoUsableRow:
        """Say it of these rows."""
        first = f" Line {rows[0].line}: {rows[0].message}" if rows else ""
        more = f" ({len(rows) - 1:,} more)" if len(rows) > 1 else ""
        place = (rows[0].line, rows[0].column) if rows else (0, "")
        error = cls(f"No row of the CSV file can be taken.{first}{more}", line=place[0], column=place[1])
        error.rows = rows
        error.advice = _advice(frozenset(row.code for row in rows)) or error.advice
        return error


def _advice(codes: frozenset[str]) -> str:
    """Say what helps where the file is in order; '' where it is not."""
    if codes == {ALREADY_MIGRATED}:
        return (
            "Take the users over with -AdoptPreexisting (adopt_preexisting), or remove them from the batches that have "
            "them (Remove-MigrationUser), then submit the file again."
        )
    if codes and codes <= {ALREADY_MIGRATED, USER_BUSY}:
        return "Stop the users in their batches (Stop-MigrationUser), then submit the file again."
    return ""


class Forbidden(MailferryError):
    """The token does not allow this."""

    code = "forbidden"
    retry = Retry.AFTER_REPAIR
    advice = "Use a token with the role operator."


class DataFolderBusy(MailferryError):
    """Another process works in this data folder."""

    code = "data-folder-busy"
    retry = Retry.LATER
    advice = "Use the service that runs, stop it, or name another folder with --data."


class EndpointUnavailable(MailferryError):
    """The test of the endpoint failed, so it was not saved."""

    code = "endpoint-unavailable"
    retry = Retry.AFTER_REPAIR
    advice = "Mend what the test found, or save it untested with SkipVerification."
