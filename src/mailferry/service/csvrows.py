"""From the rows of a CSV to users that can be stored, and to rows that cannot be taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from mailferry.migration.csvfile import CsvFile, CsvRow, RowError
from mailferry.migration.model import Endpoint, EndpointType, User
from mailferry.migration.states import UserStatus
from mailferry.service.domains import AcceptedDomain, is_accepted
from mailferry.service.errors import ALREADY_MIGRATED, USER_BUSY
from mailferry.service.targets import PASSWORD, TARGET_PASSWORD, needs_own_secret
from mailferry.service.views import RowCounts, RowErrorView
from mailferry.store.errors import KeyUnusable
from mailferry.store.keyring import Keyring
from mailferry.store.keys import email_key
from mailferry.store.logins import Holder, Login, Source
from mailferry.store.moving import IMMOVABLE
from mailferry.store.users import NewUser

_FROZEN = frozenset({UserStatus.COMPLETED, UserStatus.COMPLETED_WITH_WARNINGS, UserStatus.REMOVING})
_ELSEWHERE = (
    "This mailbox is in the batch {}: take it over into a new batch with -AdoptPreexisting (adopt_preexisting), or "
    "remove it there."
)
_SOURCE_TWICE = (
    "The source mailbox, that of UserName and UserRoot, is already that of {0.email_address} in the batch {0.batch}: "
    "one person's mail would go to two users. Correct UserName or UserRoot, or remove one of the two users."
)


@dataclass(slots=True)
class Taken:
    """What of a CSV becomes users, what corrects users (by id), and what is not taken. For the rest see RowCounts.

    `adopted`: users of other batches (by id) with the logins that the file gives them, and the row of each.
    """

    users: list[NewUser] = field(default_factory=list)
    adopted: dict[int, tuple[NewUser, CsvRow]] = field(default_factory=dict)
    corrected: dict[int, NewUser] = field(default_factory=dict)
    errors: list[RowErrorView] = field(default_factory=list)
    unchanged: int = 0
    ignored: int = 0

    @property
    def counts(self) -> RowCounts:
        """Count the rows."""
        added, corrected, left_out = len(self.users), len(self.corrected), len(self.errors)
        return RowCounts(added, corrected, self.unchanged, self.ignored, left_out)

    def leave_out(self, user_ids: Collection[int]) -> None:
        """Do not adopt these after all: a pass of theirs has begun."""
        self.errors += [_busy(self.adopted.pop(user_id)[1], "another batch") for user_id in sorted(user_ids)]
        self.errors.sort(key=lambda error: error.line)


@dataclass(frozen=True, slots=True)
class Known:
    """Mailboxes that are in batches: `batches` gives the batch by the key of the address.

    `own`: the batch that rows are added to, '' for a new one, and `logins` those of its users, by key: rows that say
    the same are passed over, so that the same file with some more lines can be given again; other rows correct the
    users. `domains`: see `is_accepted`. `shared`: login names that open mailboxes at a root; without one they would
    open the administrator's own. `adopted`: those of the mailboxes in other batches that are to be taken over, by key.
    `holders`: who has the source mailboxes of the rows already.
    """

    batches: Mapping[str, str]
    own: str = ""
    logins: Mapping[str, Login] = field(default_factory=dict)
    domains: Sequence[AcceptedDomain] = ()
    shared: frozenset[str] = frozenset()
    adopted: Mapping[str, User] = field(default_factory=dict)
    holders: Mapping[Source, Sequence[Holder]] = field(default_factory=dict)

    def corrects(self, key: str) -> bool:
        """Tell whether a row with this key of the address may give its user another login."""
        login, adopted = self.logins.get(key), self.adopted.get(key)
        if login is not None:
            return not (login.busy or login.status in _FROZEN)
        return adopted is not None and not _stays(adopted)


def sources_of(file: CsvFile) -> frozenset[Source]:
    """Give the source mailboxes of the rows."""
    return frozenset(_source(row) for row in file.rows)


def take(file: CsvFile, target: Endpoint, known: Known, keyring: Keyring) -> Taken:
    """Make users of rows."""
    taken = Taken(errors=[_seen_before(error, file.columns) for error in file.row_errors])
    errors = taken.errors
    given = {key for row in file.rows if known.corrects(key := email_key(row.email_address))}
    for row in file.rows:
        key = email_key(row.email_address)
        batch, login = known.batches.get(key, ""), known.logins.get(key)
        adopted = known.adopted.get(key)
        if batch and batch != known.own and adopted is None:
            errors.append(_objection(row, "EmailAddress", ALREADY_MIGRATED, _ELSEWHERE.format(batch)))
        elif adopted is not None and _stays(adopted):
            errors.append(_busy(row, f"the batch {adopted.batch}"))
        elif login is not None and login.status is not UserStatus.REMOVING and _says(row, login, keyring):
            taken.unchanged += 1
        elif login is not None and (login.busy or login.status in _FROZEN):
            taken.ignored += 1
        elif not is_accepted(row.email_address, known.domains):
            text = "The domain of this address is not an accepted domain; add it, or correct the address."
            errors.append(_objection(row, "EmailAddress", "domain-not-accepted", text))
        elif row.user_name in known.shared and not row.user_root.strip():
            text = (
                "Others log in under this UserName with a UserRoot; without one it opens the administrator's own mail."
            )
            errors.append(_objection(row, "UserRoot", "user-root-missing", text))
        elif other := _holder(row, key, known, given):
            errors.append(_objection(row, "UserName", "source-mailbox-twice", _SOURCE_TWICE.format(other)))
        elif _lacks_password(row, target):
            text = f"The endpoint {target.name} needs the password of each user; add the column TargetPassword."
            errors.append(_objection(row, "TargetPassword", "target-password-missing", text))
        elif adopted is not None:
            taken.adopted[adopted.id] = (_user(row, keyring), row)
        elif login is not None:
            taken.corrected[login.user_id] = _user(row, keyring)
        else:
            taken.users.append(_user(row, keyring))
    errors.sort(key=lambda error: error.line)
    return taken


def _stays(user: User) -> bool:
    return bool(user.claimed_by) or user.status in IMMOVABLE


def _source(row: CsvRow) -> Source:
    return row.user_name, row.user_root.strip("/")


def _holder(row: CsvRow, key: str, known: Known, given: Collection[str]) -> Holder | None:
    """Give another user who has the source mailbox of a row. `given`: those to whom the file gives logins anew."""
    holders = known.holders.get(_source(row), ())
    return next((other for other in holders if other.email_key != key and other.email_key not in given), None)


def _says(row: CsvRow, login: Login, keyring: Keyring) -> bool:
    """Tell whether a row says what is known."""
    names = (row.user_name, row.user_root, row.target_user_name)
    if names != (login.user_name, login.user_root, login.target_user):
        return False
    try:
        known = {} if login.secret_token is None else keyring.unseal(login.secret_token)
    except KeyUnusable:
        return False
    return {name: secret.reveal() for name, secret in known.items()} == _secret(row)


def _lacks_password(row: CsvRow, target: Endpoint) -> bool:
    return target.type is EndpointType.IMAP and not needs_own_secret(target) and not row.target_password


def _user(row: CsvRow, keyring: Keyring) -> NewUser:
    return NewUser(
        email_address=row.email_address,
        user_name=row.user_name,
        user_root=row.user_root,
        target_user=row.target_user_name,
        secret_token=keyring.seal(_secret(row)),
    )


def _secret(row: CsvRow) -> dict[str, str]:
    secret = {PASSWORD: row.password.reveal()}
    if row.target_password:
        secret[TARGET_PASSWORD] = row.target_password.reveal()
    return secret


def _busy(row: CsvRow, where: str) -> RowErrorView:
    text = f"A pass of this mailbox runs in {where}; stop the user there (Stop-MigrationUser), then take it over."
    return _objection(row, "EmailAddress", USER_BUSY, text)


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
