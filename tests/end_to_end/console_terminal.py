"""`mailferry console` at a terminal of its own: types lines, answers questions, reads what is shown."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType

_COLUMNS, _LINES = 300, 60
_READY, _ENTERED = "\x1b[?2004h", "\x1b[?2004l"
"""What prompt_toolkit sends when it begins to read a command, and when it has read one: pasting in brackets."""

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
_DEADLINE_SECONDS = 60.0
_OF_OTHERS = ("MAILFERRY_", "COLUMNS", "LINES")
"""Of the environment of the tests: settings of this machine, and the size of another terminal (a worker's of xdist)."""


class ConsoleTerminal:
    """A console in a pseudo-terminal. Leaving the context ends it."""

    def __init__(self, *words: str, folder: Path, **environment: str) -> None:
        self._words = words
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_OF_OTHERS)},
            "TERM": "xterm",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "XDG_STATE_HOME": str(folder / "state"),
            **environment,
        }
        self._text = ""
        self._changed = threading.Condition()

    def __enter__(self) -> ConsoleTerminal:
        self._start()
        self._wait(lambda: self._text.count(_READY) > 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)
        self._reader.join(30)
        os.close(self._master)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Start it without waiting for the prompt, which may never come."""
        self._start()
        try:
            yield
        finally:
            self.__exit__(None, None, None)

    def keys(self, text: str) -> None:
        """Press keys; a line end is the Enter key."""
        os.write(self._master, text.replace("\n", "\r").encode())

    def run(self, command: str, *answers: str) -> str:
        """Type a command and answer its questions; give what it shows."""
        before = self._text.count(_READY)
        seen = len(self._text)
        self.keys(command + "\n")
        for answer in answers:
            self._wait(partial(self._asks, seen))
            seen = len(self._text)
            self.keys(answer + "\n")
        self._wait(lambda: self._text.count(_READY) > before)
        shown = self._text[: self._text.rindex(_READY)]
        return plain(shown[shown.rindex(_ENTERED) :])

    def break_off(self) -> None:
        """Press Ctrl-C, and wait until the next command can be typed."""
        before = self._text.count(_READY)
        self.keys("\x03")
        self._wait(lambda: self._text.count(_READY) > before)

    def ended(self) -> int:
        """Wait until it has ended, and give the exit code."""
        return self.process.wait(_DEADLINE_SECONDS)

    @property
    def screen(self) -> str:
        """All that was ever shown, without colours and movements."""
        return plain(self._text)

    @property
    def text_length(self) -> int:
        """How much was shown so far, to look at what comes after."""
        return len(self._text)

    def until_shown(self, text: str, since: int) -> None:
        """Wait until a text is shown."""
        self._wait(lambda: text in plain(self._text[since:]))

    def _start(self) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mailferry", "console", *self._words],
            cwd=self._folder,
            env=self._environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=_own_terminal,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _asks(self, since: int) -> bool:
        """Tell whether a question was shown since then, and not answered yet."""
        shown = self._text[since:]
        return (_ENTERED in shown or since > self._text.rfind(_ENTERED)) and plain(shown).endswith(": ")

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, plain(self._text)[-3_000:]
                assert self.process.poll() is None or condition(), plain(self._text)[-3_000:]
                self._changed.wait(min(left, 0.5))

    def _read(self) -> None:
        waiting = b""
        while True:
            try:
                piece = os.read(self._master, 65_536)
            except OSError:  # the other end is closed
                return
            if not piece:
                return
            waiting += piece
            text = waiting.decode("utf-8", "ignore")
            with self._changed:
                self._text += text
                self._changed.notify_all()
            waiting = waiting[len(text.encode()) :]


def _own_terminal() -> None:
    """Make standard input the terminal of the process, so that Ctrl-C reaches it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def plain(text: str) -> str:
    """Give a text without what moves the cursor and colours."""
    return _ESCAPE.sub("", text)
