"""The console: reads commands at a terminal, with history and completion, and runs them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import has_completions, is_done
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.shortcuts import clear

from mailferry.cmdlets.complete import Names, candidates
from mailferry.cmdlets.errors import Exit
from mailferry.cmdlets.evaluate import Session
from mailferry.cmdlets.secret_lines import may_hold_secret
from mailferry.cmdlets.unfinished import wants_more

PROMPT: Final = "mailferry> "
CONTINUED: Final = ">> "
_CLEARING: Final = ("clear", "cls", "clear-host")


class Console:
    """A session at a terminal. `history`: its file; it is made, for its owner only.

    `terminal_input` and `terminal_output`: in place of the process's terminal, for tests.
    """

    def __init__(
        self,
        session: Session,
        names: Names,
        *,
        history: Path | None = None,
        terminal_input: Input | None = None,
        terminal_output: Output | None = None,
    ) -> None:
        self._session = session
        self._prompt: PromptSession[str] = PromptSession(
            PROMPT,
            multiline=True,
            prompt_continuation=_continuation,
            completer=LineCompleter(names, lambda: session.folder),
            complete_while_typing=False,
            complete_in_thread=True,
            history=ShyHistory(history) if history is not None else None,
            key_bindings=_bindings(),
            input=terminal_input,
            output=terminal_output,
        )

    def run(self) -> int:
        """Read and run commands until `exit` or Ctrl-D. Gives the exit code: 0, or that of `exit`."""
        while True:
            try:
                text = self._prompt.prompt()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return 0
            if not text.strip():
                continue
            if text.strip().lower() in _CLEARING:
                clear()
                continue
            try:
                self._session.run(text)
            except Exit as ended:
                return ended.status
            except KeyboardInterrupt:
                self._session.host.write("")  # the terminal has shown ^C


class LineCompleter(Completer):
    """Offers what `complete.candidates` gives."""

    def __init__(self, names: Names, folder: Callable[[], Path]) -> None:
        self._names = names
        self._folder = folder

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Give the candidates at the cursor."""
        for found in candidates(document.text_before_cursor, self._names, self._folder()):
            yield Completion(found.text, start_position=-found.replaces, display_meta=found.about)


class ShyHistory(FileHistory):
    """A history in a file that only its owner can read, without lines that may hold passwords."""

    def __init__(self, path: Path) -> None:
        super().__init__(os.fspath(path))
        self._path = path

    def store_string(self, string: str) -> None:
        """Add a line, unless it may hold a password. A file that cannot be written is no reason to stop."""
        if may_hold_secret(string):
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
            super().store_string(string)
        except OSError:
            return

    def load_history_strings(self) -> Iterable[str]:
        """Give the lines, the newest first."""
        try:
            return list(super().load_history_strings())
        except OSError:
            return []


def _bindings() -> KeyBindings:
    """Enter runs what is whole, and asks on for what is not; an empty line ends the asking."""
    keys = KeyBindings()

    @keys.add("enter", filter=~is_done)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        document = buffer.document
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif document.is_cursor_at_the_end and document.current_line.strip() and wants_more(buffer.text):
            buffer.insert_text("\n")
        else:
            buffer.cursor_position = len(buffer.text)
            buffer.validate_and_handle()

    @keys.add("escape", filter=has_completions)
    def _escape(event: KeyPressEvent) -> None:
        event.current_buffer.cancel_completion()

    return keys


def _continuation(_width: int, _line: int, wrapped: int) -> Any:
    return "" if wrapped else CONTINUED
