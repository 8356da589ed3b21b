"""The wire trace: what was said, without mail and without secrets. Literals print as their length."""

from __future__ import annotations

import logging

from mailferry.imap.commands import Command, Literal
from mailferry.imap.responses import Fetch


class WireLog:
    """Writes to a logger at DEBUG; costs one test a command when that is off."""

    def __init__(self, logger: logging.Logger | None) -> None:
        self._log = logger.debug if logger is not None and logger.isEnabledFor(logging.DEBUG) else None

    def command(self, tag: bytes, command: Command) -> None:
        """Note a command that is sent."""
        if self._log is None:
            return
        if command.secret:
            self._log("C: %s %s ***", tag.decode(), command.name)
            return
        shown = [
            f"{{{len(p.data)} bytes}}" if isinstance(p, Literal) else p.decode("ascii", "replace")
            for p in command.parts
        ]
        self._log("C: %s %s", tag.decode(), "".join(shown))

    def response(self, event: object) -> None:
        """Note a response other than mail."""
        if self._log is None:
            return
        if isinstance(event, Fetch):  # its sections are mail
            sizes = {name.decode(): len(data or b"") for name, data in event.sections.items()}
            self._log("S: Fetch(seq=%d, uid=%s, sections=%s bytes)", event.seq, event.uid, sizes)
        else:
            self._log("S: %.500s", event)

    def note(self, text: str) -> None:
        """Note an event of the connection itself."""
        if self._log is not None:
            self._log("-- %s", text)
