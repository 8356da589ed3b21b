"""A batch of 50,000 users through the API of a service of its own, on SQLite; the passes do nothing but end.

What is measured is the service: how long it takes to check the CSV and to queue the users, how fast pages come, what
the database and the process weigh, how long the bookkeeping of all passes takes, and whether the limits held.
"""

from __future__ import annotations

import base64
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench.csv50000_worker import NOTES
from bench.measure import environment_of_a_user
from bench.results import Result
from bench.tools import OWN

RUN = "csv50000"
LIMIT, LOGIN_LIMIT = 100, 5
_SHARED = 10  # each tenth user logs in under an administrator's name
_PATIENCE_SECONDS = 3_600.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Process:
    """A service that runs."""

    pid: int
    client: httpx.Client

    def rss_bytes(self, peak: bool = False) -> int:
        """Read how much memory it has, or had at most."""
        name = "VmHWM:" if peak else "VmRSS:"
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

    def cpu_seconds(self) -> float:
        """Read its processor time, without its workers'."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def csv_round(rows: int, number: int) -> Iterator[Result]:
    """Do all of it once, and print what fits in no table."""
    with tempfile.TemporaryDirectory() as name, _service(Path(name)) as service:
        yield _queue(service, rows, number)
        yield _first_page(service, rows, number)
        yield _passes(service, Path(name), rows, number)
        size = sum(path.stat().st_size for path in (Path(name) / "data").glob("mailferry.db*"))
        _note(f"database {size / _MIB:.0f} MiB; serve {service.rss_bytes() / _MIB:.0f} MiB at the end")


def _queue(service: Process, rows: int, number: int) -> Result:
    source: dict[str, object] = {"name": "s", "type": "IMAP", "role": "Source", "remote_server": "127.0.0.1"}
    limits = {"max_concurrent_migrations": LIMIT, "max_connections_per_login": LOGIN_LIMIT}
    _checked(service.client.post("/endpoints", json={**source, **limits, "skip_verification": True}))
    data = base64.b64encode(_csv(rows)).decode()
    before, begun = service.cpu_seconds(), time.perf_counter()
    made = _checked(service.client.post("/batches", json={"name": "b", "source_endpoint": "s", "csv_data": data}))
    seconds = time.perf_counter() - begun
    cpu = service.cpu_seconds() - before
    return _result("check and queue", number, seconds, rows, made["total"], service, cpu, moved=rows)


def _first_page(service: Process, rows: int, number: int) -> Result:
    def once(**query: str | int) -> float:
        begun = time.perf_counter()
        page = _checked(service.client.get("/users", params=query | {"batch": "b", "limit": 100}))
        assert len(page["items"]) == min(100, rows)
        return time.perf_counter() - begun

    first = [once() for _ in range(9)]
    far, found = [once(after=rows // 2) for _ in range(9)], [once(search="user 4") for _ in range(9)]
    _note(f"pages of 100: first {median(first) * 1e3:.0f} ms (the very first {first[0] * 1e3:.0f} ms), ")
    _note(f"in the middle {median(far) * 1e3:.0f} ms, with a search {median(found) * 1e3:.0f} ms")
    return _result("first page", number, median(first), rows, rows, service)


def _passes(service: Process, folder: Path, rows: int, number: int) -> Result:
    before, begun = service.cpu_seconds(), time.perf_counter()
    _checked(service.client.post("/batches/b/start"))
    slowest = 0.0
    while (batch := _checked(service.client.get("/batches/b")))["status"] != "Synced":
        assert time.perf_counter() - begun < _PATIENCE_SECONDS, batch
        time.sleep(1.0)
        asked = time.perf_counter()
        _checked(service.client.get("/users", params={"batch": "b", "limit": 100}))
        slowest = max(slowest, time.perf_counter() - asked)
    seconds, cpu = time.perf_counter() - begun, service.cpu_seconds() - before
    most, most_of_login = _most_at_once((folder / "data" / NOTES).read_text().splitlines())
    held = most <= LIMIT and most_of_login <= LOGIN_LIMIT
    _note(f"at most {most} passes at once (limit {LIMIT}), {most_of_login} of one login (limit {LOGIN_LIMIT})")
    _note(f"slowest first page meanwhile {slowest * 1e3:.0f} ms")
    return _result("all passes", number, seconds, rows, batch["synced"] if held else -1, service, cpu, moved=rows)


def _most_at_once(lines: Iterable[str]) -> tuple[int, int]:
    """Count the passes that ran at once, in all and of one login, from what the workers noted."""
    events = sorted((float(at), int(step), login) for at, step, login in (line.split(" ", 2) for line in lines))
    running: Counter[str] = Counter()
    most = most_of_login = 0
    for _, step, login in events:
        running[""] += step
        running[login] += step
        most, most_of_login = max(most, running[""]), max(most_of_login, running[login])
    return most, most_of_login


def _result(
    step: str, number: int, seconds: float, wanted: int, found: int, service: Process, cpu: float = 0.0, moved: int = 0
) -> Result:
    peak, load = service.rss_bytes(peak=True), os.getloadavg()[0]
    cpus = {"tool": round(cpu, 3)} if cpu else {}
    return Result(RUN, step, OWN, number, moved, 0, wanted, found, seconds, peak, load, 0, cpus)


def _csv(rows: int) -> bytes:
    lines = ["EmailAddress,UserName,Password,UserRoot"]
    for number in range(rows):
        login, root = ("mailadmin", f"/users/{number}") if number % _SHARED == 0 else (f"user {number}", "")
        lines.append(f"user.{number}@department-{number % 97}.contoso.com,{login},pass word {number},{root}")
    return "\r\n".join(lines).encode()


@contextmanager
def _service(folder: Path) -> Iterator[Process]:
    data = folder / "data"
    command = [sys.executable, "-m", "bench.csv50000_serve", "serve", "--data", str(data), "--port", "0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment_of_a_user({})
        )
    try:
        for _ in _until(60.0):
            if (data / "address").exists() and (data / "address").read_text().endswith("\n"):
                break
        token = (data / "token").read_text().strip()
        base = f"{(data / 'address').read_text().strip()}/api/v1"
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=base, headers=headers, timeout=120.0, trust_env=False) as client:
            for _ in _until(60.0):
                with suppress(httpx.ConnectError):
                    _checked(client.get("/config"))
                    break
            yield Process(process.pid, client)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _until(seconds: float) -> Iterator[int]:
    begun = time.monotonic()
    for number in itertools.count():
        assert time.monotonic() - begun < seconds, "the service does not answer"
        yield number
        time.sleep(0.02)


def _checked(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    return answer.json()


def _note(text: str) -> None:
    print(f"    {text}", file=sys.stderr, flush=True)
