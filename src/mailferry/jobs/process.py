"""One worker process, as the local engine sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from mailferry.jobs import lines
from mailferry.jobs.engine import Job

log = logging.getLogger(__name__)

LONGEST_LOG_LINE_BYTES = 4096
KEPT_LOG_LINES = 20
PING_SECONDS = 30.0
MOST_UNANSWERED = 4
"""So many pings in a row without a word from the worker: its event loop stands still, and all its passes with it."""
LAST_SECONDS = 5.0
"""How long a worker may take to be gone after it closed its stdout."""

ENVIRONMENT = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "XDG_STATE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"VIRTUAL_ENV", "LD_LIBRARY_PATH"}
)
ENVIRONMENT_PREFIXES = ("LC_", "PYTHON")
"""What a worker gets of the environment. Anything else might be a secret."""


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Pick what a worker may know."""
    return {
        name: value
        for name, value in environment.items()
        if name in ENVIRONMENT or name.startswith(ENVIRONMENT_PREFIXES)
    }


class Listener(Protocol):
    """Told what a worker says."""

    def ready(self) -> None:
        """Take note that jobs may be sent."""

    def ended(self, job: Job, crashed: bool) -> None:
        """Take note that a job has ended."""


class WorkerProcess:
    """A worker process from its start to its end. `jobs`: what it was given and has not ended, by user."""

    def __init__(self, number: int, listener: Listener, ping_seconds: float = PING_SECONDS) -> None:
        self.number = number
        self.is_ready = False
        self.was_ready = False
        self.ended_jobs = 0
        self.jobs: dict[int, Job] = {}
        self._listener = listener
        self._ping_seconds = ping_seconds
        self._unanswered = 0
        self._process: Process | None = None
        self._quitting = False
        self._last_lines: deque[str] = deque(maxlen=KEPT_LOG_LINES)

    @property
    def process_id(self) -> int:
        """Give the id of the process; 0 before its start."""
        return self._process.pid if self._process is not None else 0

    async def live(self, command: Sequence[str], settings: Mapping[str, Any]) -> int:
        """Start the process and listen to it until it has ended; give its exit status (negative: the signal).

        Raises OSError if it cannot be started. Cancelling kills it.
        """
        # A session of its own: Ctrl-C in a terminal is for the service alone, which then ends its workers in order.
        self._process = process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=worker_environment(os.environ),
            start_new_session=sys.platform != "win32",
        )
        assert process.stdout is not None
        assert process.stderr is not None
        self._send({lines.OPEN: settings})
        if self._quitting:
            self._send({lines.QUIT: True})
        listening = asyncio.create_task(self._listen(process.stdout))
        logging_ = asyncio.create_task(self._log(process.stderr))
        watching = asyncio.create_task(self._watch())
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait((listening, ended), return_when=asyncio.FIRST_COMPLETED)
            # What it said before its end counts; one that lives on but says nothing any more is of no use.
            await asyncio.wait((listening, logging_, ended), timeout=LAST_SECONDS)
        finally:
            self.is_ready = False
            if not ended.done():
                self.kill()
            for task in (listening, logging_, watching):
                task.cancel()
            if process.stdin is not None:
                process.stdin.close()
            await asyncio.wait((listening, logging_, watching, ended))
        return ended.result()

    def run(self, job: Job) -> None:
        """Give it a job."""
        self.jobs[job.user_id] = job
        self._send(lines.run_message(job))

    def stop(self, user_id: int) -> None:
        """Ask one of its jobs to end."""
        self._send({lines.STOP: user_id})

    def quit(self) -> None:
        """Ask it to hand back its jobs and to end."""
        self.is_ready = False
        self._quitting = True
        self._send({lines.QUIT: True})

    def kill(self) -> None:
        """End it now."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def last_words(self) -> list[str]:
        """Give the newest lines of its stderr."""
        return list(self._last_lines)

    def reason(self) -> str:
        """Give the last line of its stderr that says something: of a traceback that is the error."""
        said = next((line for line in reversed(self._last_lines) if line.strip()), "")
        kind, colon, text = said.partition(": ")
        return text if colon and "." in kind and " " not in kind else said  # without the name of the Python class

    def _send(self, message: Mapping[str, object]) -> None:
        if self._process is None or self._process.stdin is None or self._process.stdin.is_closing():
            return  # it has ended, or is about to: its jobs count as lost
        self._process.stdin.write(lines.encode(message))

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        async for line in lines.read_lines(stdout):
            try:
                message = lines.decode(line)
            except ValueError:
                log.error("worker said what is not a message", extra={"worker": self.number})
                self.kill()
                return
            self._unanswered = 0
            if lines.READY in message:
                self.is_ready = not self._quitting
                self.was_ready = True
                self._listener.ready()
            elif lines.ENDED in message and (job := self.jobs.pop(int(message[lines.ENDED]), None)) is not None:
                self.ended_jobs += 1
                self._listener.ended(job, bool(message.get(lines.CRASHED)))

    async def _watch(self) -> None:
        # Pings are counted, not seconds: if it is this process that stood still, the answers are only not read yet.
        while self._unanswered < MOST_UNANSWERED:
            await asyncio.sleep(self._ping_seconds)
            if self.is_ready:
                self._unanswered += 1
                self._send({lines.PING: True})
        log.error("worker does not answer", extra={"worker": self.number, "jobs": sorted(self.jobs)})
        self.kill()

    async def _log(self, stderr: asyncio.StreamReader) -> None:
        async for line in lines.read_lines(stderr, LONGEST_LOG_LINE_BYTES):
            text = line.decode("utf-8", "replace").rstrip()
            self._last_lines.append(text)
            level, said = _read_log(text)
            log.log(level, "worker says", extra={"worker": self.number, "line": said})


def _read_log(text: str) -> tuple[int, str | dict[str, Any]]:
    """Give the level and the content of a line of a log; one that is an object in JSON may name its level."""
    with suppress(ValueError):
        fields = lines.decode(text.encode())
        level = logging.getLevelNamesMapping().get(str(fields.get("level", "")).upper(), logging.INFO)
        return level, fields
    return logging.INFO, text
