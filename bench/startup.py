"""How long a program takes until it knocks at a server's door."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from statistics import median

from bench.measure import environment_of_a_user
from bench.tools import Command
from tests.servers.base import HOST

_TIMES = 5
_PATIENCE_SECONDS = 20.0


def until_connect(tool: Callable[[int], Command]) -> float:
    """Seconds from the start of the program to its first connection, the median of a few. Raises TimeoutError."""
    return median(_once(tool) for _ in range(_TIMES))


def _once(tool: Callable[[int], Command]) -> float:
    with socket.create_server((HOST, 0)) as door:
        door.settimeout(_PATIENCE_SECONDS)
        command = tool(door.getsockname()[1])
        begun = time.perf_counter()
        process = subprocess.Popen(
            command.line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment_of_a_user(command.environment),
        )
        try:
            connection, _ = door.accept()
            seconds = time.perf_counter() - begun
            connection.close()
        finally:
            process.kill()
            process.wait()
    return seconds
