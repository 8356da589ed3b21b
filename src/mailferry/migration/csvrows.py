"""One row of a CSV file: its values, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from unicodedata import normalize

from mailferry.imap.values import Secret
from mailferry.migration.csvheader import (
    EMAIL_ADDRESS,
    PASSWORD,
    SECRET,
    TARGET_PASSWORD,
    TARGET_USER_NAME,
    USER_NAME,
    USER_ROOT,
    Header,
)

Cells = tuple[str | Secret, ...]
"""The values of a row in the order of the file's columns; passwords are secrets."""

_MAX_ADDRESS_BYTES: Final = 254  # RFC 5321, 4.5.3.1.3: a path of 256 with its two brackets
_MAX_LOCAL_BYTES: Final = 64  # RFC 5321, 4.5.3.1.1
_ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_LETTER: Final = r"[A-Za-z0-9\u0080-\U0010ffff]"
_LABEL: Final = rf"{_LETTER}(?:[A-Za-z0-9\-\u0080-\U0010ffff]{{0,61}}{_LETTER})?"
_ADDRESS: Final = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*@{_LABEL}(?:\.{_LABEL})*")
_MAX_NAME_CHARACTERS: Final = 1_024
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A good row. `line`: where it begins, from 1.

    What is not given is empty, or None for `target_password`. `ignored`: the values of the columns that mean nothing to
    us, in their order.
    """

    line: int
    email_address: str
    user_name: str
    password: Secret
    user_root: str = ""
    target_user_name: str = ""
    target_password: Secret | None = None
    ignored: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was left out. The rest of the file is taken.

    `column` and `code` are those of the first fault; `message` has a sentence for each. It quotes no value, and
    `cells` is not printed: where columns are mixed up, any value may be a password.
    """

    line: int
    column: str
    code: str
    message: str
    cells: Cells = field(default=(), repr=False)


Fault = tuple[str, str, str]
"""Column, code, sentence."""


def is_smtp_address(address: str) -> bool:
    """Say whether mail can be sent to this address.

    That is a dot-string and a domain of one or more labels (RFC 5321, 4.1.2), in any script (RFC 6531, 3.3). Quoted
    local parts and address literals are allowed by the RFC and refused here: no mailbox to migrate has one, and they
    are slips of the pen. So are characters that cannot be seen.
    """
    if _ADDRESS.fullmatch(address) is None:
        return False
    if address.isascii():
        return len(address) <= _MAX_ADDRESS_BYTES and address.index("@") <= _MAX_LOCAL_BYTES
    encoded = address.encode()
    return address.isprintable() and len(encoded) <= _MAX_ADDRESS_BYTES and encoded.index(b"@") <= _MAX_LOCAL_BYTES


def address_key(address: str) -> str:
    """Give what is equal for spellings of one address: letter case and composition of accents do not count."""
    return address.lower() if address.isascii() else normalize("NFC", address).lower()


class RowReader:
    """Makes a row or an error of each record of a file, and knows the addresses and source mailboxes it has seen.

    Those count as seen when their row is good: a broken line does not keep a user back. `records`: all of the file, for
    whether a blank UserRoot is an oversight is known only from the other rows.
    """

    def __init__(self, header: Header, records: Iterable[Sequence[str]]) -> None:
        self._email = header.index[EMAIL_ADDRESS]
        self._name = header.index[USER_NAME]
        self._password = header.index[PASSWORD]
        self._root = header.index.get(USER_ROOT)
        self._target_name = header.index.get(TARGET_USER_NAME)
        self._target_password = header.index.get(TARGET_PASSWORD)
        self._ignored = header.ignored
        self._secret = frozenset(header.index[name] for name in SECRET if name in header.index)
        self._seen: dict[str, int] = {}
        self._sources: dict[tuple[str, str], int] = {}
        root = self._root
        self._shared = (
            frozenset(record[self._name] for record in records if record[root].strip())
            if root is not None
            else frozenset[str]()
        )

    def read(self, line: int, record: Sequence[str]) -> CsvRow | RowError:
        """Check a record with as many values as the header."""
        address, name, password = record[self._email], record[self._name], record[self._password]
        target_name = record[self._target_name] if self._target_name is not None else ""
        target_password = record[self._target_password] if self._target_password is not None else ""
        root = record[self._root] if self._root is not None else ""
        faults = list(_faults(address, name, password, target_name))
        if name in self._shared and not root.strip():
            faults.append((USER_ROOT, "user-root-missing", _ROOT_MISSING))
        if not faults:
            faults += self._twice(line, address_key(address), (name, root.strip("/")))
        if faults:
            column, code, _ = faults[0]
            return RowError(line, column, code, " ".join(fault[2] for fault in faults), self._cells(record))
        return CsvRow(
            line,
            address,
            name,
            Secret(password),
            root,
            target_name,
            Secret(target_password) if target_password else None,
            tuple(record[place] for place in self._ignored) if self._ignored else (),
        )

    def _twice(self, line: int, address: str, source: tuple[str, str]) -> Iterator[Fault]:
        if first := self._seen.get(address):
            sentence = f"The user's mailbox is already in this file, at line {first}: remove one of the two rows."
            yield EMAIL_ADDRESS, "email-address-twice", sentence
        elif first := self._sources.get(source):
            yield USER_NAME, "source-mailbox-twice", _SOURCE_TWICE.format(first)
        else:
            self._seen[address] = self._sources[source] = line

    def _cells(self, record: Sequence[str]) -> Cells:
        return tuple(Secret(value) if place in self._secret else value for place, value in enumerate(record))


_ROOT_MISSING: Final = (
    "UserRoot is empty, but other rows with this UserName have one: without it the mailbox of UserName itself would be "
    "copied to this user. Write where the user's mailbox begins."
)
_SOURCE_TWICE: Final = (
    "The source mailbox, that of UserName and UserRoot, is already in this file, at line {}: one person's mail would "
    "go to two users. Correct UserName or UserRoot, or remove one of the two rows."
)


def _faults(address: str, name: str, password: str, target_name: str) -> Iterator[Fault]:
    if not address:
        yield EMAIL_ADDRESS, "email-address-empty", "EmailAddress is empty: write the address of the target mailbox."
    elif not is_smtp_address(address):
        sentence = "EmailAddress is not a valid SMTP address: write it as name@domain, without spaces."
        yield EMAIL_ADDRESS, "email-address-invalid", sentence
    if not name:
        yield USER_NAME, "user-name-empty", "UserName is empty: write the name that logs in on the source."
    else:
        yield from _name_faults(USER_NAME, "user-name", name)
    if not password:
        yield PASSWORD, "password-empty", "Password is empty: write the password that belongs to UserName."
    if target_name:
        yield from _name_faults(TARGET_USER_NAME, "target-user-name", target_name)


def _name_faults(column: str, code: str, name: str) -> Iterator[Fault]:
    if name != name.strip():
        yield column, f"{code}-spaces", f"{column} begins or ends with a space: remove it."
    elif len(name) > _MAX_NAME_CHARACTERS:
        sentence = f"{column} is longer than {_MAX_NAME_CHARACTERS:,} characters: shorten it."
        yield column, f"{code}-too-long", sentence
    elif not name.isprintable() and _CONTROL.search(name):
        yield column, f"{code}-control", f"{column} has a line break or another control character: remove it."
