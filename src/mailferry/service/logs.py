"""Structured logs on stderr: one event a line, as JSON for machines or in columns for people. They hold no secrets:
what is logged are names, numbers and codes. Tracebacks show lines of code, never the values of variables, which may be
passwords; and what looks like a password in an address of a database is blotted out, whoever wrote it.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Final

import structlog

_ADDRESS_PASSWORD: Final = re.compile(r"""(://[^\s/:@"']*:)[^\s"'\\]+@""")
_NAMED_PASSWORD: Final = re.compile(r"""(\bpassword=)[^\s&"'\\]+""", re.IGNORECASE)


def set_up_logs(*, json: bool, level: int = logging.INFO) -> None:
    """Send the logs of all parts to stderr. The standard library's loggers (uvicorn's, Alembic's) take the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shown: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    last += [structlog.processors.format_exc_info] if json else []
    handler = logging.StreamHandler(sys.stderr)
    last += [shown, _blotted]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("alembic", "aiosqlite", "asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _blotted(_logger: object, _method: str, line: structlog.typing.EventDict) -> str:
    """Take passwords in addresses out of a finished line."""
    return _NAMED_PASSWORD.sub(r"\1***", _ADDRESS_PASSWORD.sub(r"\1***@", str(line)))
