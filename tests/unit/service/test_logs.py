"""What gets into the log, and what never does."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from mailferry.service.logs import set_up_logs

ADDRESS = "postgresql+psycopg://mailferry:hidden%40word@db.contoso.com/mailferry"


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def opens_the_database(word: str) -> None:
    """Fail, with a secret in a variable."""
    copy = [word, {"password": word}]
    raise ValueError(f"{len(copy)} things cannot be opened")


@pytest.mark.parametrize("as_json", [False, True])
def test_tracebacks_show_no_values(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    set_up_logs(json=as_json)
    for log in (logging.getLogger("mailferry.test"), structlog.get_logger("mailferry.test")):
        try:
            opens_the_database("hidden" + "word")
        except ValueError:
            log.exception("cannot work")
    said = capsys.readouterr().err
    assert said.count("2 things cannot be opened") == 2
    assert "opens_the_database" in said
    assert "hiddenword" not in said
    assert "╭" not in said


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(json=True)
    try:
        opens_the_database("hidden" + "word")
    except ValueError:
        structlog.get_logger("mailferry.test").exception("cannot work", user="ann")
    (line,) = capsys.readouterr().err.splitlines()
    fields = json.loads(line)
    assert (fields["event"], fields["user"], fields["level"]) == ("cannot work", "ann", "error")


@pytest.mark.parametrize("as_json", [False, True])
def test_passwords_in_addresses_are_blotted_out(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    set_up_logs(json=as_json)
    logging.getLogger("sqlalchemy.test").error("cannot connect to %s", ADDRESS)
    structlog.get_logger("mailferry.test").error("no database", url=ADDRESS, dsn="host=db password=hidden%40word")
    said = capsys.readouterr().err
    assert "hidden" not in said
    assert said.count("postgresql+psycopg://mailferry:***@db.contoso.com/mailferry") == 2
