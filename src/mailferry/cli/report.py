"""The report of a pass as JSON: `--report FILE`, and the last event of `--json`. docs/report.md describes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry import __version__
from mailferry.cli.jsonlines import moment
from mailferry.cli.requests import beside
from mailferry.errors import BadUsage, MailferryError

if TYPE_CHECKING:
    from mailferry.backends.registry import Location
    from mailferry.cli.ending import Ending, Message

FORMAT = 1
"""Rises when something is taken away or changes its meaning; new fields do not count."""


def head(kind: str, source: Location, target: Location) -> dict[str, object]:
    """Give the fields that begin every report."""
    return {
        "report": kind,
        "format": FORMAT,
        "program": f"mailferry {__version__}",
        "source": str(source),
        "target": str(target),
    }


def summary(ending: Ending) -> dict[str, object]:
    """Give the numbers of a pass."""
    return {
        "complete": ending.exit_code == 0,
        "exit_code": ending.exit_code,
        "started_at": moment(ending.started_at),
        "seconds": round(ending.seconds, 3),
        "retries": ending.stats.retries,
        "totals": asdict(ending.totals),
        "error": None if ending.error is None else error_fields(ending.error),
    }


def error_fields(error: MailferryError) -> dict[str, object]:
    """Give an error for machines."""
    return {"code": error.code, "side": error.side.value, "text": str(error), "advice": error.advice}


def of_pass(ending: Ending, source: Location, target: Location) -> dict[str, object]:
    """Give the whole report of a pass."""
    return {
        **head("copy", source, target),
        **summary(ending),
        "folders": [asdict(folder) for folder in ending.stats.folders.values()],
        "failed_folders": [{"folder": name, "reason": why} for name, why in sorted(ending.failed_folders.items())],
        "left_out": [
            {"folder": str(out.source.path), "code": out.code.value, "reason": out.text} for out in ending.left_out
        ],
        "messages": [_message(message) for message in ending.messages],
        "warnings": ending.warnings,
    }


def _message(message: Message) -> dict[str, object]:
    row = message.row
    return {
        "folder": message.folder,
        "uid_validity": row.source_uid_validity,
        "uid": row.uid,
        "kind": str(row.kind),
        "copied": not message.not_copied,
        "code": row.code,
        "reason": row.server_text,
        "subject": row.subject,
        "message_id": row.message_id,
        "date": moment(row.date),
        "size_bytes": row.size_bytes,
        "detail": _detail(row.detail),
        "pass": row.pass_no,
    }


def _detail(text: str) -> object:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def write(path: Path, report: Mapping[str, object]) -> None:
    """Write a report whole or not at all, readable by its owner alone: it holds subjects. Raises BadUsage."""
    # A lone surrogate, from a name that is no UTF-8, becomes \udcXX, which is how JSON writes it.
    text = json.dumps(report, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe
        _write_through(path, text)
        return
    fresh = beside(path)
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise BadUsage(f"The report {path} cannot be written: {error.strerror}.") from error


def _write_through(path: Path, text: bytes) -> None:
    try:
        path.write_bytes(text)
    except OSError as error:
        raise BadUsage(f"The report {path} cannot be written: {error.strerror}.") from error
