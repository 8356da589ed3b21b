"""Exit codes: one for each cause, and for each side where there are two. Stable: scripts test them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType

from mailferry.errors import MailferryError, Side
from mailferry.records import dataclass

COMPLETE = 0
UNEXPECTED = 1
USAGE = 2
SKIPPED = 40
FOLDERS_FAILED = 41
OVER_LIMIT = 42
DIFFERENT = 43
MAILBOXES_FAILED = 44
NOTHING_CHOSEN = 45
SIGNAL_BASE = 128

_BASES: Mapping[Side, int] = MappingProxyType({Side.SOURCE: 10, Side.TARGET: 20})

_SIDED: Mapping[str, int] = MappingProxyType(
    {
        "connect-failed": 0,
        "tls-failed": 1,
        "login-failed": 2,
        "server-busy": 3,
        "connection-lost": 4,
        "server-timed-out": 5,
        "protocol-broken": 6,
        "command-refused": 7,
        "folder-gone": 8,
        "root-not-found": 9,
    }
)
"""Added to the base of the side."""

_PLAIN: Mapping[str, int] = MappingProxyType(
    {
        "error": UNEXPECTED,
        "usage": USAGE,
        "over-quota": 30,
        "read-only": 31,
        "folder-refused": 32,
        "message-refused": 33,
        "suspect-refusals": 34,
        "ledger-unwritable": 50,
        "already-running": 51,
        "ledger-unreadable": 52,
        "fenced": 53,
        "ledger-unavailable": 54,
        "csv-file": 60,
        "endpoint-unavailable": 61,
        "invalid-value": 62,
        "not-found": 63,
        "already-exists": 64,
        "wrong-state": 65,
        "in-use": 66,
        "forbidden": 67,
        "data-folder-busy": 68,
        "cannot-listen": 69,
        "store-unreadable": 70,
        "store-unwritable": 71,
        "store-unavailable": 72,
        "key-unusable": 73,
        "store-failed": 74,
        "worker-lost": 75,
        "workers-unstartable": 76,
        "user-active": 77,
        "csv-no-usable-row": 78,
    }
)

_MODULES = (
    "mailferry.sync.ledger",
    "mailferry.sync.probe",
    "mailferry.migration.csverrors",
    "mailferry.store.errors",
    "mailferry.store.ledger_work",
    "mailferry.jobs.errors",
    "mailferry.service.errors",
    "mailferry.cli.serve",
    "mailferry.cli.migrate",
)
"""Where error classes are defined beside `errors`; loaded for the table only."""

_OUTCOMES: Mapping[int, str] = MappingProxyType(
    {
        COMPLETE: "Complete: every message is on the target.",
        UNEXPECTED: "An error that should not happen.",
        SKIPPED: "Done, but messages were skipped: the summary and the report name them.",
        FOLDERS_FAILED: "Done, but whole folders failed: the summary names them.",
        OVER_LIMIT: "Done up to the limit on messages: the rest was left out.",
        DIFFERENT: "Verified, and something is missing or altered.",
        MAILBOXES_FAILED: "Migrated, but mailboxes failed or rows of the CSV were left out: the summary names them.",
        NOTHING_CHOSEN: "Nothing was done: the lists of folders leave no folder of the source.",
        129: "Stopped by a hang-up of the terminal.",
        130: "Stopped by Ctrl-C.",
        143: "Stopped by SIGTERM.",
    }
)


@dataclass(frozen=True, slots=True)
class ExitCode:
    """One line of the table."""

    number: int
    side: Side | None
    text: str


def exit_code(error: MailferryError) -> int:
    """Give the exit code for an error that ended the run."""
    for kind in type(error).__mro__:
        code = str(getattr(kind, "code", ""))
        if code in _PLAIN:
            return _PLAIN[code]
        if code in _SIDED and error.side in _BASES:
            return _BASES[error.side] + _SIDED[code]
    return UNEXPECTED


def has_own_code(kind: type[MailferryError]) -> bool:
    """Say whether this class has a number of its own."""
    return kind.code in _PLAIN or kind.code in _SIDED


def table() -> list[ExitCode]:
    """Give all exit codes in order, with texts from the error classes."""
    return sorted(_lines(), key=lambda line: line.number)


def _lines() -> Iterator[ExitCode]:
    for number, text in _OUTCOMES.items():
        yield ExitCode(number, None, text)
    for kind in error_classes():
        if kind.code in _SIDED:
            for side, base in _BASES.items():
                yield ExitCode(base + _SIDED[kind.code], side, kind.summary())
        elif _PLAIN.get(kind.code, UNEXPECTED) != UNEXPECTED:
            yield ExitCode(_PLAIN[kind.code], None, kind.summary())


def error_classes() -> list[type[MailferryError]]:
    """Give every class of error that a program ends with, in the order of their definition.

    Those of the cmdlets are told within the console, which ends with 1 or 2.
    """
    for module in _MODULES:
        import_module(module)
    found: list[type[MailferryError]] = [MailferryError]
    for kind in found:
        found += [sub for sub in kind.__subclasses__() if sub not in found and _ends_programs(sub.__module__)]
    return found


def _ends_programs(module: str) -> bool:
    return module.startswith("mailferry.") and not module.startswith("mailferry.cmdlets.")
