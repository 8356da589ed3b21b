"""`--debug-wire FILE`: what was said to both servers, in one file that only its owner may read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailferry.errors import BadUsage
from mailferry.imap.responses import Fetch

Loggers = tuple[logging.Logger | None, logging.Logger | None]


@contextmanager
def wire_trace(path: Path | None) -> Iterator[Loggers]:
    """Give loggers for the source and the target; None if there is no trace. Raises BadUsage."""
    if path is None:
        yield None, None
        return
    try:
        stream = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", errors="backslashreplace")  # noqa: SIM115  # closed below
    except OSError as error:
        raise BadUsage(f"--debug-wire {path} cannot be written: {error.strerror}.") from error
    handler = logging.StreamHandler(stream)
    handler.addFilter(_without_mail)
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(name)s %(message)s", "%H:%M:%S"))
    source, target = _logger("source", handler), _logger("target", handler)
    try:
        yield source, target
    finally:
        handler.close()
        stream.close()


def _logger(name: str, handler: logging.Handler) -> logging.Logger:
    # Not from the tree of loggers: what a program that uses the package sets up does not reach the trace.
    logger = logging.Logger(name, logging.DEBUG)  # noqa: LOG001
    logger.addHandler(handler)
    return logger


def _without_mail(record: logging.LogRecord) -> bool:
    """Put the length of mail in the place of mail."""
    if isinstance(record.args, tuple):
        record.args = tuple(_shortened(argument) for argument in record.args)
    return True


def _shortened(argument: object) -> object:
    if not isinstance(argument, Fetch):
        return argument
    sizes = {name: b"%d bytes not shown" % len(data or b"") for name, data in argument.sections.items()}
    return argument._replace(sections=sizes)
