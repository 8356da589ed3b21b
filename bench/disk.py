"""What a Maildir costs the disk at the least: write, sync and rename each message, eight at a time.

Run as `python -m bench.disk FROM_MAILDIR TO_FOLDER`.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_IN_FLIGHT = 8


def store(source: Path, target: Path, name: str) -> None:
    """Copy one message the way a Maildir wants it."""
    data = source.read_bytes()
    temporary = target / "tmp" / name
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(temporary, target / "cur" / name)


def store_all(source: Path, target: Path) -> int:
    """Copy every message of the Maildir `source`, folder for folder; give their number."""
    waiting = []
    with ThreadPoolExecutor(_IN_FLIGHT) as threads:
        for current in sorted(source.rglob("cur")):
            folder = target / current.relative_to(source).parent
            for part in ("tmp", "cur"):
                (folder / part).mkdir(parents=True)
            for number, path in enumerate(current.iterdir()):
                waiting.append(threads.submit(store, path, folder, f"{number}:2,"))
        for done in waiting:
            done.result()
    return len(waiting)


if __name__ == "__main__":
    print(store_all(Path(sys.argv[1]), Path(sys.argv[2])))
