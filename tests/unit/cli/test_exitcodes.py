from __future__ import annotations

import importlib
import pkgutil
from collections import Counter

import pytest

import mailferry
from mailferry import errors
from mailferry.cli import exitcodes, helptexts
from mailferry.errors import MailferryError, Side
from mailferry.sync.ledger import Fenced, LedgerUnreadable


def every_error() -> list[type[MailferryError]]:
    """Every class of error in the package, wherever it is defined."""
    for module in pkgutil.walk_packages(mailferry.__path__, "mailferry."):
        # The first runs the program; Alembic alone can load the others.
        if module.name != "mailferry.__main__" and not module.name.startswith("mailferry.store.upgrades."):
            importlib.import_module(module.name)
    return exitcodes.error_classes()


def test_every_error_has_an_exit_code() -> None:
    assert [kind.__name__ for kind in every_error() if not exitcodes.has_own_code(kind)] == []


def test_codes_of_errors_are_unique() -> None:
    assert [code for code, count in Counter(kind.code for kind in every_error()).items() if count > 1] == []


def test_every_code_is_in_the_table_and_none_twice() -> None:
    numbers = [line.number for line in exitcodes.table()]
    assert numbers == sorted(set(numbers))
    for kind in every_error():
        for side in Side:
            assert exitcodes.exit_code(kind(side=side)) in numbers


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (errors.ConnectFailed(side=Side.SOURCE), 10),
        (errors.ConnectFailed(side=Side.TARGET), 20),
        (errors.LoginFailed(side=Side.SOURCE), 12),
        (errors.LoginFailed(side=Side.TARGET), 22),
        (errors.ServerBusy(side=Side.SOURCE), 13),
        (errors.ConnectionLost(side=Side.TARGET), 24),
        (errors.ServerTimedOut(side=Side.TARGET), 25),
        (errors.OverQuota(side=Side.TARGET), 30),
        (errors.BadUsage(), 2),
        (errors.LedgerUnwritable(), 50),
        (errors.AlreadyRunning(side=Side.TARGET), 51),
        (errors.AlreadyRunning(), 51),
        (LedgerUnreadable(), 52),
        (Fenced(), 53),
        (MailferryError(), 1),
    ],
)
def test_scripts_rely_on_these(error: MailferryError, number: int) -> None:
    assert exitcodes.exit_code(error) == number


def test_an_error_class_of_tomorrow_has_the_code_of_its_base() -> None:
    class Stalled(errors.ServerTimedOut):
        """The server fell asleep."""

        code = "stalled"

    assert exitcodes.exit_code(Stalled(side=Side.SOURCE)) == 15


def test_the_help_page_lists_them_all() -> None:
    page = helptexts.exit_codes()
    for line in exitcodes.table():
        assert f"{line.number:>5}  " in page
        assert line.text in page
