"""`make demo`: one mailbox moves from an IMAP server into a folder on this machine, and is verified.

The server is pymap, a small IMAP server in Python, filled with the sample mailbox of samplemail.py. Everything happens
on 127.0.0.1 and below ./demo/out/; nothing is left running.
"""

from __future__ import annotations

import imaplib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.samplemail import samples
from mailferry.imap import utf7

BIN = Path(sys.executable).parent
OUT = Path("demo/out")
USER, PASSWORD = "terry", "demo-password"
READY_SECONDS = 30.0


@contextmanager
def server() -> Iterator[int]:
    """Run the sample server; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(BIN / "pymap"), "--host", "127.0.0.1", "--port", str(port), "--no-tls", "--no-service", "admin"]
    command += ["dict", "--demo-user", USER, "--demo-password", PASSWORD]
    with (OUT / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_until_ready(process, port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"demo: the sample server ended at once; see {OUT / 'server.log'}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                if probe.recv(1):
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"demo: the sample server did not start in {READY_SECONDS:.0f} seconds; see {OUT / 'server.log'}")


def fill(port: int) -> tuple[int, int]:
    """Put the sample mail on the server; give the numbers of folders and messages."""
    messages, folders = 0, set()
    with imaplib.IMAP4("127.0.0.1", port) as imap:
        imap.login(USER, PASSWORD)
        for sample in samples():
            name = '"' + utf7.encode(sample.folder).decode() + '"'
            if sample.folder not in folders:
                folders.add(sample.folder)
                imap.create(name)
                imap.subscribe(name)
            status, answer = imap.append(name, f"({sample.flags})", imaplib.Time2Internaldate(sample.date), sample.data)
            if status != "OK":
                raise SystemExit(f"demo: the sample server refused a message: {answer!r}")
            messages += 1
    return len(folders), messages


def show(title: str, *arguments: str) -> None:
    """Run mailferry as a user would, and say how."""
    shown = " ".join(arguments)
    print(
        f"\n\033[1m{title}\033[0m\n$ mailferry {shown}\n"
        if sys.stdout.isatty()
        else f"\n{title}\n$ mailferry {shown}\n"
    )
    sys.stdout.flush()
    done = subprocess.run([BIN / "mailferry", *arguments], check=False)
    if done.returncode:
        raise SystemExit(f"demo: mailferry ended with exit code {done.returncode}")


def main() -> None:
    """Run the demo from the project's folder."""
    if OUT.exists():
        shutil.rmtree(OUT)
    OUT.mkdir(parents=True)
    secret = OUT / "password"
    secret.touch(0o600)
    secret.write_text(PASSWORD + "\n")
    with server() as port:
        folders, messages = fill(port)
        print(f"A sample IMAP server runs on 127.0.0.1:{port} with {messages} messages in {folders} folders.")
        source, target = f"imap://{USER}@127.0.0.1:{port}", f"maildir:{OUT}/mailboxes/{USER}"
        common = ["--source-password-file", str(secret), "--state", str(OUT / "ledger.db")]
        show("1. Copy the mailbox", "copy", source, target, *common, "--report", str(OUT / "report.json"))
        show("2. Copy it again: nothing is copied twice", "copy", source, target, *common)
        show("3. Prove that everything arrived", "verify", source, target, *common)
    print(
        f"\nDone. The mailbox lies in {OUT}/mailboxes/{USER} as Maildir; any mail program or Dovecot can read it."
        f"\nWhat happened to each message stands in {OUT}/report.json."
        "\nNext: .venv/bin/mailferry copy --help"
    )


if __name__ == "__main__":
    main()
