"""Runs a program and says what it took: time, processor time of all who took part, memory."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SETTLE_SECONDS = 0.15  # until the servers' processes have ended and are counted
_POLL_SECONDS = 0.004
_PEAK = re.compile(r"VmHWM:\s*(\d+) kB")
_TICKS = os.sysconf("SC_CLK_TCK")

CpuClock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run of a program took. `cpu_seconds` has `tool`, `others` (all the rest of the machine) and what clocks
    were given. `load` is the machine's load average before, `peak_rss_bytes` that of the program alone.
    """

    wall_seconds: float
    exit_code: int
    timed_out: bool
    cpu_seconds: Mapping[str, float]
    peak_rss_bytes: int
    load: float
    output: str


def busy_seconds() -> float:
    """Processor time that all processes together have used since the machine's start."""
    fields = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle, waiting = 3, 4
    return sum(ticks for at, ticks in enumerate(fields) if at not in (idle, waiting)) / _TICKS


def process_cpu_seconds(pid: int) -> float:
    """User and system time of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_rss_bytes(pid: int) -> int:
    """The most memory the process has had since it began to run its program; 0 if it has ended."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def environment_of_a_user(more: Mapping[str, str]) -> dict[str, str]:
    """Ours and `more`, but programs may keep their bytecode, as they do where they are installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **more}


def run(
    command: Sequence[str],
    clocks: Mapping[str, CpuClock],
    *,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 900.0,
) -> Usage:
    """Run a program to its end. `clocks` tell the processor time of the servers and of helpers such as a relay.

    Memory is read while the program runs: what the kernel reports afterwards would include that of its parent.
    """
    load, busy = os.getloadavg()[0], busy_seconds()
    before = {name: clock() for name, clock in clocks.items()}
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment_of_a_user(environment or {}),
            start_new_session=True,
        )
        peak, timed_out = 0, False
        while True:
            peak = max(peak, peak_rss_bytes(process.pid))
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if not timed_out and time.perf_counter() - started > timeout_seconds:
                timed_out = True
                process.kill()
            time.sleep(_POLL_SECONDS)
        wall_seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        busy = busy_seconds() - busy
        output.seek(0)
        text = output.read().decode(errors="replace")
    time.sleep(_SETTLE_SECONDS)
    cpu = {"tool": used.ru_utime + used.ru_stime, **{name: clock() - before[name] for name, clock in clocks.items()}}
    cpu["others"] = max(0.0, busy - sum(cpu.values()))
    return Usage(wall_seconds, process.returncode, timed_out, cpu, peak, load, text)
