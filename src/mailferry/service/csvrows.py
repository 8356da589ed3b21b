"""From the rows of a CSV to users that can be stored, and to rows that cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailferry.migration.csvfile import CsvFile, CsvRow, RowError
from mailferry.migration.model import Endpoint, EndpointType
from mailferry.service.domains import AcceptedDomain, is_accepted
from mailferry.service.targets import PASSWORD, TARGET_PASSWORD, needs_own_secret
from mailferry.service.views import RowErrorView
from mailferry.store.keyring import Keyring
from mailferry.store.keys import email_key
from mailferry.store.users import NewUser


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a CSV becomes users, what corrects users who failed, and what is not taken."""

    users: list[NewUser]
    corrected: list[NewUser]
    errors: list[RowErrorView]


@dataclass(frozen=True, slots=True)
class Known:
    """Mailboxes that are in batches: `batches` gives the batch by the key of the address.

    `own`: the batch that rows are added to, '' for a new one; its known rows are passed over, so that the same file
    with some more lines can be given again. Those of `failed` users (keys) correct them. `domains`: see `is_accepted`.
    """

    batches: Mapping[str, str]
    own: str = ""
    failed: frozenset[str] = frozenset()
    domains: Sequence[AcceptedDomain] = ()


def take(file: CsvFile, target: Endpoint, known: Known, keyring: Keyring) -> Taken:
    """Make users of rows."""
    users: list[NewUser] = []
    corrected: list[NewUser] = []
    errors = [_seen_before(error, file.columns) for error in file.row_errors]
    for row in file.rows:
        key = email_key(row.email_address)
        batch = known.batches.get(key, "")
        if batch and batch != known.own:
            errors.append(_objection(row, "EmailAddress", "already-migrated", f"This mailbox is in the batch {batch}."))
        elif batch and key not in known.failed:
            continue
        elif not is_accepted(row.email_address, known.domains):
            text = "The domain of this address is not an accepted domain; add it, or correct the address."
            errors.append(_objection(row, "EmailAddress", "domain-not-accepted", text))
        elif _lacks_password(row, target):
            text = f"The endpoint {target.name} needs the password of each user; add the column TargetPassword."
            errors.append(_objection(row, "TargetPassword", "target-password-missing", text))
        elif batch:
            corrected.append(_user(row, keyring))
        else:
            users.append(_user(row, keyring))
    errors.sort(key=lambda error: error.line)
    return Taken(users, corrected, errors)


def _lacks_password(row: CsvRow, target: Endpoint) -> bool:
    return target.type is EndpointType.IMAP and not needs_own_secret(target) and not row.target_password


def _user(row: CsvRow, keyring: Keyring) -> NewUser:
    secret = {PASSWORD: row.password.reveal()}
    if row.target_password:
        secret[TARGET_PASSWORD] = row.target_password.reveal()
    return NewUser(
        email_address=row.email_address,
        user_name=row.user_name,
        user_root=row.user_root,
        target_user=row.target_user_name,
        secret_token=keyring.seal(secret),
    )


def _objection(row: CsvRow, column: str, code: str, message: str) -> RowErrorView:
    given = {
        "EmailAddress": row.email_address,
        "UserName": row.user_name,
        "Password": "",
        "UserRoot": row.user_root,
        "TargetUserName": row.target_user_name,
    }
    return RowErrorView(row.line, column, code, message, {name: value for name, value in given.items() if value})


def _seen_before(error: RowError, columns: Sequence[str]) -> RowErrorView:
    cells = {name: cell for name, cell in zip(columns, error.cells, strict=False) if isinstance(cell, str)}
    return RowErrorView(error.line, error.column, error.code, error.message, cells)
