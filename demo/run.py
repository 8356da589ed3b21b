"""`make demo`: an organisation of five moves from an IMAP server into an archive, driven as in real life.

The server is pymap, a small IMAP server in Python, filled with the mailboxes of samplemail.py. `mailferry serve` runs
beside it, and the demo asks it for what an administrator would. Everything happens on 127.0.0.1 and below ./demo/out/;
nothing is left running.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from demo.client import Client, Problem
from demo.samplemail import STAFF, message, samples
from demo.screen import Screen
from mailferry.imap import utf7

BIN = Path(sys.executable).parent
OUT = Path("demo/out")
DATA = OUT / "mailferry-data"
PASSWORD = "demo-password"
READY_SECONDS = 60.0


@contextmanager
def background(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside the demo, and end it with the demo."""
    environment = {**os.environ, "XDG_STATE_HOME": str((OUT / "state").absolute())}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(process: subprocess.Popen[bytes], ready: object, what: str, log: Path) -> None:
    """Wait until `ready()` is true. Ends the demo if the program ends or takes too long."""
    assert callable(ready)
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"demo: {what} did not start; {log} says why")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Say whether something greets on this port."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as probe:
            return bool(probe.recv(1))
    except OSError:
        return False


def free_port() -> int:
    """Give a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def fill(port: int) -> int:
    """Put the sample mail on the server; give the number of messages."""
    count = 0
    for owner in STAFF:
        with imaplib.IMAP4("127.0.0.1", port) as imap:
            imap.login(owner.username, PASSWORD)
            folders = set()
            for sample in samples(owner):
                name = '"' + utf7.encode(sample.folder).decode() + '"'
                if sample.folder not in folders:
                    folders.add(sample.folder)
                    imap.create(name)
                    imap.subscribe(name)
                date = imaplib.Time2Internaldate(sample.date)
                status, answer = imap.append(name, f"({sample.flags})", date, sample.data)
                if status != "OK":
                    raise SystemExit(f"demo: the sample server refused a message: {answer!r}")
                count += 1
    return count


def deliver(port: int) -> None:
    """New mail comes in for everybody."""
    now = datetime.now(UTC)
    for owner in STAFF:
        with imaplib.IMAP4("127.0.0.1", port) as imap:
            imap.login(owner.username, PASSWORD)
            for number in (1001, 1002):
                imap.append("INBOX", "", imaplib.Time2Internaldate(now), message(owner, number, now))


def write_csv(path: Path) -> None:
    """Write the mailboxes of the batch."""
    lines = ["EmailAddress,UserName,Password"]
    lines += [f"{owner.addr_spec},{owner.username},{PASSWORD}" for owner in STAFF]
    path.touch(0o600)
    path.write_text("\n".join(lines) + "\n")


def migrate(client: Client, screen: Screen, port: int, rows: Path) -> None:
    """Do the six steps, as far as they can be done without an MX record."""
    server = {"remote_server": "127.0.0.1", "port": port, "security": "None"}
    screen.step("Test the server", 'POST /api/v1/availability {"remote_server": "127.0.0.1", "security": "None", ...}')
    screen.tested(client.post("/availability", server))
    screen.step("Make an endpoint", 'POST /api/v1/endpoints {"name": "IMAPEndpoint", "type": "IMAP", ...}')
    endpoint = client.post("/endpoints", {"name": "IMAPEndpoint", "type": "IMAP", "role": "Source", **server})
    screen.line(f"   IMAPEndpoint, at most {endpoint['max_concurrent_migrations']} mailboxes at once")
    screen.step("Make a batch of the CSV and start it", f'POST /api/v1/batches {{"csv_data": ({rows}), ...}}')
    client.batch("IMAPBatch1", "IMAPEndpoint", rows)
    screen.follow(client, "IMAPBatch1")
    screen.users(client.users("IMAPBatch1"))
    deliver(port)
    screen.step("Two new messages came in for everybody: sync now", "POST /api/v1/batches/IMAPBatch1/sync-now")
    before = client.get("/batches/IMAPBatch1")["items_synced"]
    client.post("/batches/IMAPBatch1/sync-now", {})
    screen.follow(client, "IMAPBatch1", items=before + 2 * len(STAFF))
    after = client.get("/batches/IMAPBatch1")["items_synced"]
    screen.line(f"   {after - before} messages copied; those that were there are not copied again")
    screen.step("Prove that everything arrived, message by message", "mailferry verify imap://... maildir:...")
    for owner in STAFF:
        screen.verified(owner.addr_spec, *verify(port, owner.username, owner.addr_spec))
    screen.step("Complete the batch", "POST /api/v1/batches/IMAPBatch1/complete")
    client.post("/batches/IMAPBatch1/complete", {})
    screen.follow(client, "IMAPBatch1", status="Completed")


def verify(port: int, user: str, address: str) -> tuple[bool, str]:
    """Compare one mailbox with its copy; say whether it is complete, and what was printed if not."""
    command = [str(BIN / "mailferry"), "verify", f"imap://{user}@127.0.0.1:{port}"]
    command += [f"maildir:{DATA}/mailboxes/{address}", "--quiet", "--state", str(OUT / "verify.db")]
    environment = {**os.environ, "MAILFERRY_SOURCE_PASSWORD": PASSWORD}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def main() -> None:
    """Run the demo from the project's folder."""
    if OUT.exists():
        shutil.rmtree(OUT)
    OUT.mkdir(parents=True)
    screen = Screen(Console(highlight=False))
    port, rows = free_port(), OUT / "users.csv"
    write_csv(rows)
    sample = [sys.executable, "-m", "demo.server", str(port), PASSWORD, *(owner.username for owner in STAFF)]
    serve = [str(BIN / "mailferry"), "serve", "--data", str(DATA), "--port", "0"]
    with background(sample, OUT / "server.log") as server, background(serve, OUT / "serve.log") as service:
        wait_for(server, lambda: listens(port), "the sample server", OUT / "server.log")
        count = fill(port)
        wait_for(service, (DATA / "address").exists, "mailferry serve", OUT / "serve.log")
        client = Client(DATA)
        wait_for(service, client.is_there, "mailferry serve", OUT / "serve.log")
        screen.line(f"A sample IMAP server has {count} messages in {len(STAFF)} mailboxes. Beside it runs:")
        screen.line(f"$ mailferry serve --data {DATA}", style="bold")
        try:
            migrate(client, screen, port, rows)
        except Problem as problem:
            raise SystemExit(f"demo: {problem}; {OUT}/serve.log says more") from None
    screen.done(DATA)


if __name__ == "__main__":
    main()
