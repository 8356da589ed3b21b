"""What the local engine and its workers say to each other: one JSON object a line, each with one of these keys.

To the worker: `open` (the settings, first and once), `run` (user_id, fence, kind), `stop` (a user's id), `ping` and
`quit`.
From it: `ready` (its process id), `ended` (a user's id; `crashed` beside it: the code of the job failed), `pong`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from mailferry.jobs.engine import Job
from mailferry.migration.states import PassKind

OPEN: Final = "open"
RUN: Final = "run"
STOP: Final = "stop"
PING: Final = "ping"
QUIT: Final = "quit"
READY: Final = "ready"
ENDED: Final = "ended"
CRASHED: Final = "crashed"
PONG: Final = "pong"

CHUNK_BYTES = 1 << 16
LONGEST_LINE_BYTES = 1 << 20


async def read_lines(stream: asyncio.StreamReader, longest_bytes: int = LONGEST_LINE_BYTES) -> AsyncIterator[bytes]:
    """Give each line without its end, also the last one if it has none. What is too long is cut off."""
    rest = bytearray()
    cutting = False
    while chunk := await stream.read(CHUNK_BYTES):
        *lines, last = chunk.split(b"\n")
        for line in lines:
            rest += line
            if not cutting:
                yield bytes(rest[:longest_bytes])
            rest.clear()
            cutting = False
        rest += last
        if len(rest) > longest_bytes:
            if not cutting:
                yield bytes(rest[:longest_bytes])
            rest.clear()
            cutting = True
    if rest and not cutting:
        yield bytes(rest)


def encode(message: Mapping[str, object]) -> bytes:
    """Give the line of a message."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Read a line. Raises ValueError if it is not one of this protocol."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {line[:80]!r}")
    return message


def run_message(job: Job) -> dict[str, object]:
    """Give the message that starts a job."""
    return {RUN: {"user_id": job.user_id, "fence": job.fence, "kind": job.kind.value}}


def job_of(fields: Mapping[str, Any]) -> Job:
    """Read what `run_message` wrote."""
    return Job(int(fields["user_id"]), int(fields["fence"]), PassKind(fields["kind"]))
